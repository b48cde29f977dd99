/* SPDX-License-Identifier: ISC */
/* smtp/auth_plain.c - SASL PLAIN (RFC 4616): all in one response. */
#include <errno.h>

#include "smtp/auth.h"
#include "smtp/ehlo.h"

/* RFC 4616 2: [authzid] NUL authcid NUL passwd; none of them holds a NUL. */
static int respond(struct slice user, struct slice password, unsigned step,
		   struct slice challenge, struct buf *out)
{
	(void)challenge;
	if (step > 0 || slice_find(user, '\0') >= 0 ||
	    slice_find(password, '\0') >= 0)
		return -EPROTO;
	buf_put_char(out, '\0');
	buf_put_slice(out, user);
	buf_put_char(out, '\0');
	buf_put_slice(out, password);
	return 0;
}

const struct auth_mech auth_plain = {
	.name = { "PLAIN", 5 },
	.bit = EHLO_AUTH_PLAIN,
	.initial = true,
	.respond = respond,
};
