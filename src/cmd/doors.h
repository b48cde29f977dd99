/* SPDX-License-Identifier: ISC */
/*
 * cmd/doors.h - the sockets that the daemon listens on: opened as root, at its
 * start.  A change of their keys needs a new one.
 */
#ifndef CMD_DOORS_H
#define CMD_DOORS_H

#include "cmd/privilege.h"
#include "relay/relay.h"

/*
 * Open those that c names, but for what the init system has passed, and give
 * them to r.  c and who live as long as the daemon.
 * Returns: 0, or an exit code, said
 */
must_check int doors_open(struct relay *r, const struct conf *c,
			  const struct privilege *who);

/* Remove the files of those that were made here. */
void doors_close(void);

#endif
