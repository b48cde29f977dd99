/* SPDX-License-Identifier: ISC */
/*
 * sim/sim.h - time and chance of a simulated world: a boot clock, a wall clock
 * that may be any lie, a generator with a seed, and what is going to happen.
 *
 * Nothing here looks at the machine: the same seed gives the same world.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "base/world.h"

/* Things that may be going to happen at the same time. */
#define SIM_EVENTS 4096

/* Something that is going to happen. */
struct sim_event {
	int64_t at_ms;
	uint64_t order; /* of those with the same time, first come first */
	void (*run)(void *ctx, void *arg);
	void *ctx;
	void *arg; /* malloc()ed or NULL; freed behind run() */
};

/* The world. */
struct sim {
	struct world world; /* for the code under test */
	int64_t now_ms;     /* CLOCK_BOOTTIME */
	int64_t wall_s;     /* CLOCK_REALTIME at wall_ms */
	int64_t wall_ms;    /* boot time when it was set */
	uint64_t seed;      /* of the generator, as it stands */
	int64_t limit_ms;   /* waits end here at the latest */
	bool stirred;       /* a client has heard something: so do waits */
	uint64_t order;
	size_t nevents;
	struct sim_event events[SIM_EVENTS];
};

/* A world at boot time 1 s, wall clock at 2026-12-01, seed. */
void sim_init(struct sim *s, uint64_t seed);

/* Forget all that is going to happen. */
void sim_clear(struct sim *s);

/* Set the wall clock, seconds since 1970; it runs on from there. */
void sim_set_wall(struct sim *s, int64_t wall_s);

/* run(ctx, arg) is going to happen at at_ms (not before now). */
void sim_at(struct sim *s, int64_t at_ms, void (*run)(void *ctx, void *arg),
	    void *ctx, void *arg);

/* The time of the next thing to happen; INT64_MAX: there is none. */
int64_t sim_next_ms(const struct sim *s);

/* Let everything happen that is due at to_ms; it is then to_ms. */
void sim_advance(struct sim *s, int64_t to_ms);

/* The generator: a number, and one below n. */
uint64_t sim_random(struct sim *s);
uint64_t sim_below(struct sim *s, uint64_t n);

/* Print words and end the process: the test itself is broken. */
void sim_broken(const char *words) __attribute__((noreturn));

#endif
