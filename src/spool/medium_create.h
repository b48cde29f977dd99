/* SPDX-License-Identifier: ISC */
/* spool/medium_create.h - a new file for a spool; for medium_file.c. */
#ifndef SPOOL_MEDIUM_CREATE_H
#define SPOOL_MEDIUM_CREATE_H

#include "base/slice.h"

/* What is to be made. */
struct medium_new {
	const char *path;  /* where */
	uint64_t size;     /* bytes */
	uint32_t uid, gid; /* its owner, and its folder's, when root makes it */
	/*
	 * NULL, or: what is there is replaced.  Puts into the file of zeros
	 * what is to be in it, and syncs; 0 or -errno.
	 */
	int (*fill)(void *ctx, int fd, uint64_t size);
	void *ctx; /* given to fill() */
};

/*
 * Make a file of zeros, written and synced, mode 0600, with its folder.  Unless
 * it is to be replaced one that appears meanwhile is left as it is.
 * Returns: 0;  -ENAMETOOLONG;  -errno, with nothing left behind
 */
must_check int medium_create(const struct medium_new *n);

#endif
