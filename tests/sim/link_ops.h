/* SPDX-License-Identifier: ISC */
/* sim/link_ops.h - between link.c and link_ops.c: the device's end. */
#ifndef SIM_LINK_OPS_H
#define SIM_LINK_OPS_H

#include "sim/link.h"

/* A free place for a connection; there is one. */
struct sim_conn *sim_link_new(struct sim_net *n, const struct sim_peer *peer,
			      void *ctx);

/* A free place for a listener; there is one. */
struct sim_listener *sim_link_listener(struct sim_net *n);

/* The device begins to connect to l; NULL: nobody is there. */
void sim_link_begin(struct sim_conn *c, const struct sim_listener *l);

/* The device sends bytes, and closes. */
void sim_link_push(struct sim_conn *c, struct slice bytes);
void sim_link_close(struct sim_conn *c);

#endif
