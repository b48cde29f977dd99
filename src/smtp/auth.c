/* SPDX-License-Identifier: ISC */
/* smtp/auth.c - see smtp/auth.h: the table of mechanisms, strongest first. */
#include "smtp/auth.h"

#include "smtp/ehlo.h"

static const struct auth_mech *const mechanisms[] = {
#if ENABLE_AUTH_PLAIN
	&auth_plain,
#endif
#if ENABLE_AUTH_LOGIN
	&auth_login,
#endif
	NULL,
};

const struct auth_mech *auth_pick(uint16_t offered, uint16_t allowed)
{
	const struct auth_mech *const *m = mechanisms;

	while (*m && !((*m)->bit & offered & allowed))
		m++;
	return *m;
}
