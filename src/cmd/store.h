/* SPDX-License-Identifier: ISC */
/*
 * cmd/store.h - the spool of the configuration: its file or device, its lock,
 * and the file for lazy marks beside the sockets.
 */
#ifndef CMD_STORE_H
#define CMD_STORE_H

#include "base/world.h"
#include "cmd/privilege.h"
#include "conf/conf.h"

/* Bytes of a reason, its NUL included. */
#define STORE_MAX_WHY 200

struct spool;

/* An open store; one in the process. */
struct store {
	struct spool *spool;     /* NULL: there is none (yet) */
	const char *path;        /* of the medium */
	uint64_t size;           /* of a new one, bytes */
	bool is_sized;           /* another size is to become this one */
	uint32_t uid, gid;       /* its owner */
	bool open;               /* the medium is open */
	bool is_volatile;        /* on tmpfs: a reboot forgets it */
	bool locked;             /* store_take() has worked */
	char why[STORE_MAX_WHY]; /* why there is no spool, in words */
};

/*
 * Open the medium (as root: create it for the user).  The lock comes later.
 * create: a missing file is made.
 * Returns: 0;  -ENOENT it is missing;  -errno, why filled
 */
must_check int store_open(struct store *s, const struct conf *c,
			  const struct privilege *p, bool create);

/*
 * Take the lock and recover what is stored.
 * Returns: 0, s->spool set;  -EAGAIN somebody else has the lock;  -errno, why
 *          filled
 */
must_check int store_take(struct store *s, const struct world *w);

/*
 * Recover what is stored without the lock, to be read only: another program
 * may be at work on it, and what it is about to change may show either way.
 * Returns: 0, s->spool set;  -errno, why filled
 */
must_check int store_view(struct store *s, const struct world *w);

/* A clean end: waiting marks are written, the lock is given back. */
void store_close(struct store *s);

#endif
