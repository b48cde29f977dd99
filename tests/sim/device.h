/* SPDX-License-Identifier: ISC */
/*
 * sim/device.h - the device of a simulated world: the real relay and spool
 * over its network, medium, clock and chance.  There is one at a time, as the
 * relay is one object.
 */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

#include "relay/state.h"
#include "sim/client.h"
#include "sim/disk.h"
#include "sim/hop.h"

/* Where the device listens, beside 127.0.0.1:25. */
#define SIM_SUBMIT "/submit"
#define SIM_CONTROL "/control"

/* Frames of the medium. */
#define SIM_FRAMES 64

/* A device and its world. */
struct sim_device {
	struct sim sim;
	struct sim_net net;
	struct sim_disk disk, tmpfs;
	struct conf conf[2]; /* in force, and of the next reload */
	struct identity id[2];
	unsigned at;         /* which is in force */
	char text[2][4096];  /* what they were read from */
	struct relay *relay; /* NULL: off */
	struct spool *spool; /* NULL: it has none */
	struct spool_found found;
	int open_error;         /* of the last spool_open() */
	bool splay;             /* for the next start */
	bool no_spool;          /* the same */
	uint64_t bytes;         /* of disk when it was looked at last */
	unsigned writes, syncs; /* the same */
};

/* A world with a device that is off. */
void sim_device_init(struct sim_device *d, uint64_t seed);

/* Switch it off for good: give everything back. */
void sim_device_clear(struct sim_device *d);

/*
 * Start the program with this configuration.  hostname, and the sizes that
 * the medium demands, are put in front of it.
 */
void sim_device_start(struct sim_device *d, const char *conf);

/* The program is killed; the power is cut, and the boot clock starts anew. */
void sim_device_kill(struct sim_device *d);
void sim_device_cut(struct sim_device *d);

/* SIGHUP with another configuration.  0 or -EACCES. */
int sim_device_reload(struct sim_device *d, const char *conf);

/* Let ms go by. */
void sim_device_run(struct sim_device *d, int64_t ms);

/* Let time go by until the relay has ended; false: not within ms. */
bool sim_device_ends(struct sim_device *d, int64_t ms);

/* Let time go by until a client has seen text; false: not within ms. */
bool sim_device_until(struct sim_device *d, const struct sim_client *c,
		      const char *text, int64_t ms);

/*
 * What an operator gets to see: the answer to one command line, in *c.
 * Returns: the exit code; -1: no answer within a minute
 */
int sim_device_order(struct sim_device *d, struct sim_client *c,
		     const char *command);

/* Wake-ups by time since the last call. */
unsigned sim_device_wakes(struct sim_device *d);

/* Start to count what is written; bytes and syncs since. */
void sim_device_watch(struct sim_device *d);
uint64_t sim_device_bytes(const struct sim_device *d);
unsigned sim_device_syncs(const struct sim_device *d);

/* The time that the relay would wait for now; INT64_MAX: for ever. */
int64_t sim_device_next_ms(struct sim_device *d);

#endif
