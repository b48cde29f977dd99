/* SPDX-License-Identifier: ISC */
/* conf/route.c - which route a recipient takes (DESIGN.md 2.2). */
#include "conf/conf.h"
#include "mail/address.h"
#include "mail/idna.h"

static bool matches(struct slice pattern, struct slice mailbox)
{
	size_t local = (size_t)(slice_rfind(mailbox, '@') + 1);
	struct slice domain = slice_from(mailbox, local);
	char space[ADDRESS_MAX_DOMAIN];
	struct buf ascii = BUF_ON(space);

	if (slice_eq(pattern, SLICE("*")))
		return true;
	/* Patterns are ASCII: one for a domain beyond it has its A-labels. */
	if (ENABLE_SMTPUTF8 && slice_has_8bit(domain)) {
		if (!idna_put_domain(&ascii, domain))
			return false;
		domain = buf_slice(&ascii);
	}
	if (slice_find(pattern, '@') >= 0)
		return slice_eq(slice_head(pattern, local),
				slice_head(mailbox, local)) &&
		       slice_ieq(slice_from(pattern, local), domain);
	if (local == 0)
		return false;
	if (slice_starts(pattern, SLICE("*.")))
		return slice_iends(domain, slice_from(pattern, 1));
	return slice_ieq(pattern, domain);
}

int conf_route_of(const struct conf *c, struct slice from, struct slice rcpt)
{
	for (int i = 0; i < c->nroutes; i++) {
		const struct conf_route *route = &c->routes[i];

		if (matches(route->pattern, route->from ? from : rcpt))
			return i;
	}
	return -1;
}
