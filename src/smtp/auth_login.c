/* SPDX-License-Identifier: ISC */
/*
 * smtp/auth_login.c - LOGIN: the name to the first challenge, the password to
 * the second.  No RFC has it; what the challenges say differs from server to
 * server and is not looked at.
 */
#include <errno.h>

#include "smtp/auth.h"
#include "smtp/ehlo.h"

static int respond(struct slice user, struct slice password, unsigned step,
		   struct slice challenge, struct buf *out)
{
	(void)challenge;
	if (step > 1)
		return -EPROTO;
	buf_put_slice(out, step == 0 ? user : password);
	return 0;
}

const struct auth_mech auth_login = {
	.name = { "LOGIN", 5 },
	.bit = EHLO_AUTH_LOGIN,
	.initial = false,
	.respond = respond,
};
