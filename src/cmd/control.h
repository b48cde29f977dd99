/* SPDX-License-Identifier: ISC */
/* cmd/control.h - the control socket's client. */
#ifndef CMD_CONTROL_H
#define CMD_CONTROL_H

#include "conf/conf.h"
#include "conf/identity.h"

/*
 * Have one command line done, by the daemon or, without one, on the spool;
 * its text goes to standard output (cmd_out).  Who may not is told so.
 * Returns: an exit code: what the command gave, EXIT_DENIED, EXIT_AGAIN
 */
must_check int control_run(const struct conf *c, const struct identity *id,
			   struct slice command);

/*
 * Part of an answer (relay/control.h) as it comes: to standard output, lines
 * that say what went wrong to standard error.
 */
void control_print(struct slice text);

#endif
