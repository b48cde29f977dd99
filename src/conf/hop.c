/* SPDX-License-Identifier: ISC */
/* conf/hop.c - smarthost and route lines: PATTERN NEXTHOP (DESIGN.md 2.2). */
#include <errno.h>
#include <string.h>

#include "conf/reader.h"
#include "mail/address.h"

#define NEXTHOP_WORDS                                         \
	"a next hop: smtp://HOST[:PORT], submission://HOST, " \
	"submissions://HOST, discard or error:TEXT"

/* How they begin, in the order of enum hop_scheme; their ports. */
static const char schemes[] =
	"smtp:// submission://" NEEDS_TLS " submissions://" NEEDS_TLS
	" discard error:" HELP(
		" mx!MX mx://!MX srv://!SRV lmtp:!LMTP maildir:!MAILDIR"
		" mbox:!MBOX pipe:!PIPE https:!GATEWAY");
static const uint16_t ports[] = { 25, 587, 465, 0, 0 };

/* HOST[:PORT] of hop, w being the whole NEXTHOP. */
static int read_host(struct conf_reader *r, struct conf_hop *hop,
		     struct slice in, struct slice w)
{
	struct slice host = { 0 };
	uint8_t ip[16];

	/* What stands before an '@' may end in a password: not shown. */
	if (slice_find(in, '@') >= 0)
		return reader_say(r, "credentials belong into user= and "
				     "password-file=");
	if (value_hostport(in, &host, &hop->port) < 0)
		return reader_expected(r, NEXTHOP_WORDS, w);
	hop->literal = value_ip(host, ip) == 0;
	return reader_keep(r, host, &hop->host);
}

/* The text of error:TEXT goes into a reply: printable ASCII only. */
static int read_text(struct conf_reader *r, struct conf_hop *hop,
		     struct slice in, struct slice w)
{
	if (in.n == 0 || slice_has_8bit(in))
		return reader_expected(r, "error:TEXT of printable ASCII", w);
	return reader_keep(r, in, &hop->host);
}

static int read_nexthop(struct conf_reader *r, struct conf_hop *hop,
			struct slice w)
{
	struct slice prefix;
	int i = reader_find(r, schemes, w, &prefix);

	if (i == -ENOENT)
		return reader_expected(r, NEXTHOP_WORDS, w);
	if (i < 0)
		return i;
	struct slice rest = slice_from(w, prefix.n);
	hop->scheme = (enum hop_scheme)i;
	hop->port = ports[i];
	if (hop->port > 0)
		i = read_host(r, hop, rest, w);
	else if (hop->scheme == HOP_ERROR)
		i = read_text(r, hop, rest, w);
	return i < 0 ? i : reader_keep(r, w, &hop->text);
}

/* Domains in any case, local parts exactly. */
static bool same_pattern(struct slice a, struct slice b)
{
	size_t local = (size_t)(slice_rfind(a, '@') + 1);

	return slice_ieq(a, b) &&
	       slice_eq(slice_head(a, local), slice_head(b, local));
}

/* The index of the route with this pattern, made if it is new; or < 0. */
static int route_index(struct conf_reader *r, const struct conf_route *want)
{
	struct conf *c = r->c;

	for (int i = 0; i < c->nroutes; i++) {
		if (c->routes[i].from == want->from &&
		    same_pattern(c->routes[i].pattern, want->pattern))
			return i;
	}
	if (c->nroutes == CONFIG_ROUTES)
		return reader_say(r, "more than %u patterns in all",
				  CONFIG_ROUTES);
	c->routes[c->nroutes] = *want;
	int err = reader_keep(r, want->pattern, &c->routes[c->nroutes].pattern);
	return err < 0 ? err : c->nroutes++;
}

static int add_hop(struct conf_reader *r, const struct conf_route *want,
		   struct slice w)
{
	struct conf *c = r->c;

	if (c->nhops == CONFIG_HOPS)
		return reader_say(r, "more than %u next hops in all",
				  CONFIG_HOPS);
	struct conf_hop *hop = &c->hops[c->nhops];
	memset(hop, 0, sizeof(*hop));
	int err = read_nexthop(r, hop, w);
	if (err == 0)
		err = hop_read_options(r, hop);
	if (err < 0)
		return err;
	int route = route_index(r, want);
	if (route < 0)
		return route;
	hop->route = (uint8_t)route;
	c->nhops++;
	return 0;
}

int hop_set_smarthost(struct conf_reader *r, void *field, struct slice w)
{
	static const struct conf_route any = { { "*", 1 }, false, true };

	(void)field;
	return add_hop(r, &any, w);
}

static bool is_pattern(struct slice in)
{
	struct address a;

	if (slice_find(in, '@') >= 0)
		return address_parse(in, &a) == 0;
	if (slice_eq(in, SLICE("*")))
		return true;
	if (slice_starts(in, SLICE("*.")))
		in = slice_from(in, 2);
	return address_is_domain(in);
}

int hop_set_route(struct conf_reader *r, void *field, struct slice w)
{
	static const struct slice from = { "from:", 5 };
	struct conf_route want = { w, false, false };

	(void)field;
	if (slice_starts(want.pattern, from)) {
		want.from = true;
		want.pattern = slice_from(want.pattern, from.n);
	}
	if (!is_pattern(want.pattern))
		return reader_expected(r,
				       "a pattern: *, example.org, "
				       "*.example.org, user@example.org "
				       "or from:PATTERN",
				       want.pattern);
	int err = reader_word(r, &w);
	if (err == 0)
		w.n = 0;
	return err < 0 ? err : add_hop(r, &want, w);
}
