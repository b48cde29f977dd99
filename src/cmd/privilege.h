/* SPDX-License-Identifier: ISC */
/*
 * cmd/privilege.h - whom the relay runs as: root is given up before the first
 * byte from outside is looked at.
 */
#ifndef CMD_PRIVILEGE_H
#define CMD_PRIVILEGE_H

#include "conf/conf.h"

/* Who we are to be. */
struct privilege {
	uint32_t uid, gid; /* the user, and its first group */
	bool root;         /* we are root still, and are to become uid */
};

/*
 * Find the user: started as root the configured `user` (by default mail, else
 * nobody), else who we are.
 * Returns: 0;  an exit code, said
 */
must_check int privilege_find(const struct conf *c, struct privilege *p);

/*
 * Become that user for good: no groups, no way back, no new privileges, no
 * core dumps.  Nothing but the last two when we are no root.
 * Returns: 0;  an exit code, said
 */
must_check int privilege_drop(const struct privilege *p);

/*
 * Make the folder that holds path, and give it to the user when it is new.
 * Returns: 0;  -EPERM another user has made it, or one above, in a place where
 *          everybody may;  -errno
 */
must_check int privilege_make_folder(const struct privilege *p,
				     struct slice path);

#endif
