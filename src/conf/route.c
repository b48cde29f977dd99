/* SPDX-License-Identifier: ISC */
/* conf/route.c - which route a recipient takes (DESIGN.md 2.2). */
#include "conf/conf.h"

static bool matches(struct slice pattern, struct slice mailbox)
{
	size_t local = (size_t)(slice_rfind(mailbox, '@') + 1);
	struct slice domain = slice_from(mailbox, local);

	if (slice_eq(pattern, SLICE("*")))
		return true;
	if (slice_find(pattern, '@') >= 0)
		return slice_ieq(pattern, mailbox) &&
		       slice_eq(slice_head(pattern, local),
				slice_head(mailbox, local));
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
