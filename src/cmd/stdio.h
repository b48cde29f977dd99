/* SPDX-License-Identifier: ISC */
/*
 * cmd/stdio.h - SMTP on standard input and output (sendmail -bs): bytes are
 * carried between them and a socket, at whose other end the session is.
 */
#ifndef CMD_STDIO_H
#define CMD_STDIO_H

#include "conf/conf.h"
#include "conf/identity.h"

struct relay;
struct stdio;

/*
 * Run a session: with the daemon, or, without one, with a relay of our own.
 * Returns: an exit code
 */
must_check int stdio_run(const struct conf *c, const struct identity *id);

/*
 * Wait, and carry what there is; r gets its turn as well, unless it is NULL.
 * Returns: 1 the session goes on;  0 it has ended;  -errno
 */
must_check int stdio_turn(struct stdio *io, struct relay *r);

/* Tell the client that there is no session.  Returns: code */
must_check int stdio_refuse(int code);

/*
 * cmd/alone.c: be the daemon of one session, whose socket is fd, while io
 * carries it.  Returns: an exit code
 */
must_check int alone_session(const struct conf *c, const struct identity *id,
			     int fd, struct stdio *io);

#endif
