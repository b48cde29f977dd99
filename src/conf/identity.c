/* SPDX-License-Identifier: ISC */
/* conf/identity.c - see conf/identity.h. */
#include "conf/identity.h"

#include <errno.h>
#include <string.h>

#include "conf/reader.h"
#include "mail/address.h"

/* Aliases one after the other (DESIGN.md 2.2). */
#define MAX_DEPTH 8

/* An own name that says something to others. */
static bool is_name(struct slice s)
{
	return address_is_domain(s) && s.p[0] != '[' &&
	       !slice_ieq(s, SLICE("localhost")) &&
	       !slice_ieq(s, SLICE("localhost.localdomain"));
}

/* What stands behind the last '@' of a mailbox; empty: nothing. */
static struct slice domain_of(struct slice mailbox)
{
	ptrdiff_t at = slice_rfind(mailbox, '@');

	return at < 0 ? slice_of(NULL, 0) : slice_from(mailbox, (size_t)at + 1);
}

/* The domain part of the first user= that has one. */
static struct slice user_domain(const struct conf *c)
{
	for (unsigned i = 0; i < c->nhops; i++) {
		struct slice d = domain_of(c->hops[i].user);

		if (address_is_domain(d))
			return d;
	}
	return slice_of(NULL, 0);
}

static struct slice choose_domain(const struct conf *c, struct slice host)
{
	ptrdiff_t dot = slice_find(host, '.');
	struct slice d = c->domain;

	if (d.n == 0 && dot >= 0)
		d = slice_from(host, (size_t)dot + 1);
	if (d.n == 0)
		d = domain_of(c->from);
	return d.n > 0 ? d : user_domain(c);
}

void identity_resolve(struct identity *id, const struct conf *c,
		      struct slice node)
{
	struct slice host = c->hostname.n > 0 ? c->hostname : node;
	struct buf name = buf_on(id->hostname, sizeof(id->hostname) - 1);
	struct buf domain = buf_on(id->domain, sizeof(id->domain) - 1);
	struct buf plain = buf_on(id->node, sizeof(id->node) - 1);

	memset(id, 0, sizeof(*id));
	if (!is_name(host))
		host = slice_of(NULL, 0);
	struct slice d = choose_domain(c, host);
	buf_put_slice(&domain, d);
	if (address_is_domain(node))
		buf_put_slice(&plain, node);
	buf_put_slice(&name, host);
	if (host.n > 0 && slice_find(host, '.') < 0) {
		buf_put_char(&name, '.');
		buf_put_slice(&name, d);
	}
	/* A name nobody could resolve is worse than an address literal. */
	if (name.overflow || d.n == 0)
		memset(id->hostname, 0, sizeof(id->hostname));
}

struct mailboxes_home identity_home(const struct identity *id)
{
	return (struct mailboxes_home){
		.domain = slice_str(id->domain),
		.host = slice_str(id->hostname),
		.node = slice_str(id->node),
	};
}

/* mailbox, a bare one completed, into out. */
static int put_complete(const struct identity *id, struct slice mailbox,
			struct buf *out)
{
	struct address a;

	if (address_parse_utf8(mailbox, &a) < 0)
		return -EINVAL;
	struct mailboxes_home home = identity_home(id);
	struct slice domain = mailboxes_domain(&home, a.domain);
	buf_put_slice(out, a.local);
	if (domain.n == 0)
		return -EDESTADDRREQ;
	buf_put_char(out, '@');
	buf_put_slice(out, domain);
	return 0;
}

static int give(const struct identity *id, struct slice mailbox,
		identity_sink *sink, void *ctx)
{
	char space[ADDRESS_MAX_PATH];
	struct buf out = BUF_ON(space);
	int err = put_complete(id, mailbox, &out);

	if (err < 0)
		return err;
	return out.overflow ? -EMSGSIZE : sink(ctx, buf_slice(&out));
}

/* The alias that applies to a mailbox; NULL: none. */
static const struct conf_alias *alias_of(const struct identity *id,
					 const struct conf *c,
					 struct slice mailbox)
{
	struct address a;

	if (!ENABLE_ALIAS || address_parse_utf8(mailbox, &a) < 0)
		return NULL;
	struct mailboxes_home home = identity_home(id);
	/* What is completed is a name of ours, and all that @node is. */
	if (slice_eq(mailboxes_domain(&home, a.domain), a.domain) &&
	    !conf_is_local(c, home.host, mailbox) &&
	    !conf_is_local(c, home.node, mailbox))
		return NULL;
	return alias_find(c, a.local);
}

int identity_expand(const struct identity *id, const struct conf *c,
		    struct slice rcpt, identity_sink *sink, void *ctx)
{
	struct slice rest[MAX_DEPTH + 1] = { rcpt };
	unsigned depth = 0;
	int err = 0;

	for (;;) {
		if (rest[depth].n == 0) {
			if (depth == 0)
				return 0;
			depth--;
			continue;
		}
		/* At the bottom stands one mailbox, above it lists. */
		struct slice one = rest[0];
		if (depth > 0)
			one = slice_cut(&rest[depth], ',');
		else
			rest[0].n = 0;
		const struct conf_alias *a = alias_of(id, c, one);
		if (a && depth == MAX_DEPTH)
			return -ELOOP;
		if (a)
			rest[++depth] = a->targets;
		else
			err = give(id, one, sink, ctx);
		if (err < 0)
			return err;
	}
}

int identity_sender(const struct identity *id, const struct conf *c,
		    struct slice from, struct buf *out)
{
	if (from.n == 0)
		return 0;
	return put_complete(id, c->from.n > 0 ? c->from : from, out);
}
