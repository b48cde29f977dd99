/* SPDX-License-Identifier: ISC */
/*
 * smtp/auth.h - SASL mechanisms of the client (RFC 4954), one row each.
 *
 * Pure.  A mechanism is a function that is asked for its next response.
 */
#ifndef SMTP_AUTH_H
#define SMTP_AUTH_H

#include "base/buf.h"

/* One mechanism. */
struct auth_mech {
	struct slice name; /* as in EHLO, "PLAIN" */
	uint16_t bit;      /* EHLO_AUTH_ bit */
	bool initial;      /* has an initial response */
	/*
	 * Append the response (not yet base64) to the step-th challenge, step
	 * 0 being the initial response or the first 334.  challenge: the text
	 * of the 334, still base64, empty for an initial response.
	 * Returns: 0;  -EPROTO nothing fits that step, or the user's name or
	 * password cannot be said in this mechanism
	 */
	int (*respond)(struct slice user, struct slice password, unsigned step,
		       struct slice challenge, struct buf *out);
};

/*
 * The best mechanism that is offered, allowed and built in, strongest first;
 * NULL: none.
 */
const struct auth_mech *auth_pick(uint16_t offered, uint16_t allowed);

/* RFC 4616; the LOGIN of old (no RFC). */
extern const struct auth_mech auth_plain;
extern const struct auth_mech auth_login;

#endif
