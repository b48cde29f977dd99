/* SPDX-License-Identifier: ISC */
/*
 * sim/client.h - whoever submits, or asks at the control socket: sends bytes
 * as they are, and keeps what comes back with its time.
 */
#ifndef SIM_CLIENT_H
#define SIM_CLIENT_H

#include "sim/link.h"

/* One client. */
struct sim_client {
	struct sim_conn *conn; /* NULL: closed */
	bool closed;           /* by the device */
	int64_t at_ms;         /* when the last bytes came */
	size_t len;
	char got[65536]; /* NUL-ended; NULs in it are kept */
};

/* Connect to a path, as a user. */
void sim_client_open(struct sim_client *c, struct sim_net *n, const char *path,
		     uint32_t uid);

/* Connect to port 25 of 127.0.0.1, from an address. */
void sim_client_open_tcp(struct sim_client *c, struct sim_net *n,
			 const char *from);

/* Send text, or any bytes, or close. */
void sim_client_say(struct sim_client *c, const char *text);
void sim_client_send(struct sim_client *c, struct slice bytes);
void sim_client_close(struct sim_client *c);

/* Forget what has come so far. */
void sim_client_forget(struct sim_client *c);

/* Does text stand in what has come? */
bool sim_client_saw(const struct sim_client *c, const char *text);

#endif
