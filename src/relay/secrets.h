/* SPDX-License-Identifier: ISC */
/*
 * relay/secrets.h - the passwords of all hops, read while they may be read:
 * before root is given up, and again on a reload (DESIGN.md 2.2).
 */
#ifndef RELAY_SECRETS_H
#define RELAY_SECRETS_H

#include "conf/conf.h"
#include "conf/password.h"

/* Bytes of all passwords together. */
#define SECRETS_POOL (2 * PASSWORD_MAX)

/* The passwords of one configuration. */
struct secrets {
	uint16_t at[CONFIG_HOPS], len[CONFIG_HOPS]; /* in pool; len 0: none */
	bool stale[CONFIG_HOPS]; /* could not be read again: the old one */
	uint16_t used;           /* bytes of pool */
	char pool[SECRETS_POOL]; /* secret */
};

/*
 * Read the passwords of c's hops, as a user uid:gid (root may still be us).
 * old, old_conf: what was in force; a file that can no longer be read keeps
 * the value it had (stale).  May be NULL.
 * Returns: 0;  -EACCES a file may not be used as it is, or (without old)
 *          cannot be read: *why says so and the fix
 */
must_check int secrets_load(struct secrets *s, const struct conf *c,
			    uint32_t uid, uint32_t gid,
			    const struct secrets *old,
			    const struct conf *old_conf, struct buf *why);

/* The password of a hop; empty: none could be read. */
struct slice secrets_of(const struct secrets *s, unsigned hop);

#endif
