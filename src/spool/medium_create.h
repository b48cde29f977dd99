/* SPDX-License-Identifier: ISC */
/* spool/medium_create.h - a new file for a spool; for medium_file.c. */
#ifndef SPOOL_MEDIUM_CREATE_H
#define SPOOL_MEDIUM_CREATE_H

#include "base/slice.h"

/*
 * Make path a file of size zero bytes, written and synced, mode 0600, with
 * its folder; both owned by uid:gid when root makes them.  One that appears
 * meanwhile is left as it is.
 * Returns: 0;  -ENAMETOOLONG;  -errno, with nothing left behind
 */
must_check int medium_create(const char *path, uint64_t size, uint32_t uid,
			     uint32_t gid);

#endif
