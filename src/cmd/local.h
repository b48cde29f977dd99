/* SPDX-License-Identifier: ISC */
/* cmd/local.h - connecting to the daemon's sockets. */
#ifndef CMD_LOCAL_H
#define CMD_LOCAL_H

#include "base/slice.h"

/*
 * Connect to a unix socket; a daemon whose queue of connections is full is
 * waited for up to 10 s.
 * Returns: a descriptor;  -ENOENT nobody listens there;  -EACCES this user
 *          may not;  -EAGAIN the daemon is too busy;  -errno
 */
must_check int local_connect(struct slice path);

#endif
