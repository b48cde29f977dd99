/* SPDX-License-Identifier: ISC */
/*
 * cmd/passwd.h - a line of /etc/passwd, read by hand: the C library's way
 * allocates, and brings name services that a static binary cannot have.
 */
#ifndef CMD_PASSWD_H
#define CMD_PASSWD_H

#include "base/slice.h"

/* Bytes of a line that are looked at; longer lines are skipped. */
#define PASSWD_MAX_LINE 512

/* A user.  Texts are NUL-ended. */
struct passwd_entry {
	char name[64];   /* login name */
	char gecos[128]; /* full name and more, up to its first comma */
	uint32_t uid;    /* user */
	uint32_t gid;    /* first group */
};

/*
 * Find the first user of this uid (name NULL) or of this name.
 * Returns: 0 and *out set;  -ENOENT there is none;  -errno of reading
 */
must_check int passwd_find(const char *name, uint32_t uid,
			   struct passwd_entry *out);

#endif
