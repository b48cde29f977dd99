/* SPDX-License-Identifier: ISC */
/*
 * relay/control.h - the operator's commands, one line each:
 *
 *   queue [json]            show ID             status [json]
 *   flush [wait] [ID]       remove ID...|--all  hold ID...   release ID...
 *
 * On the control socket the answer is text, then NUL, the exit code in
 * decimal and LF; then the connection is closed.  What stands in the text
 * between NUL with ! and LF is for standard error.  Commands that work without
 * a daemon use the functions below instead of the socket.
 */
#ifndef RELAY_CONTROL_H
#define RELAY_CONTROL_H

#include "relay/relay.h"

/* Start a command.  command lives until the end. */
void control_begin(struct relay *r, struct slice command);

/*
 * The next piece of its answer into out (4096 bytes are enough for any).
 * Returns: -EINPROGRESS there is more, perhaps after a turn of the relay;
 *          >= 0 it has ended: the exit code
 */
must_check int control_next(struct relay *r, struct buf *out);

#endif
