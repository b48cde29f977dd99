/* SPDX-License-Identifier: ISC */
/*
 * conf/password.h - read a secret from its file (DESIGN.md 2.2).
 *
 * A secret is a regular file, no symbolic link, of root or the daemon's user,
 * closed to others: 0600, or 0640 with the daemon's group.
 */
#ifndef CONF_PASSWORD_H
#define CONF_PASSWORD_H

#include "base/buf.h"

/* Octets of a password. */
#define PASSWORD_MAX 512

/*
 * Append the first line of the file, without its line end, to out.
 * uid, gid: the user the daemon runs as.
 * Returns: 0;  -EACCES refused: *why says what is wrong and the fix;
 *          -EMSGSIZE too long or empty;  -EINVAL it holds a NUL;  -EPERM this
 *          process may not open it;  another -errno of open, fstat, read.
 * On failure out is unchanged and *why has words, "FILE: ...".
 */
must_check int password_read(const char *path, uint32_t uid, uint32_t gid,
			     struct buf *out, struct buf *why);

#endif
