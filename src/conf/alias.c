/* SPDX-License-Identifier: ISC */
/*
 * conf/alias.c - alias lines: reading, finding, and the proof that none of
 * them comes back to itself (DESIGN.md 2.2: depth 8, a loop is an error).
 */
#include <errno.h>
#include <string.h>

#include "conf/reader.h"
#include "mail/address.h"

/* Aliases one after the other that may apply to a name. */
#define MAX_DEPTH 8

/* What postmaster is when no line says so (RFC 5321 4.5.1). */
static const struct conf_alias postmaster = {
	.name = { "postmaster", 10 },
	.targets = { "root", 4 },
};

const struct conf_alias *alias_find(const struct conf *c, struct slice local)
{
	const struct conf_alias *any = NULL;

	for (unsigned i = 0; i < c->naliases; i++) {
		const struct conf_alias *a = &c->aliases[i];

		if (slice_ieq(a->name, local))
			return a;
		if (slice_eq(a->name, SLICE("*")))
			any = a;
	}
	if (slice_ieq(postmaster.name, local))
		return &postmaster;
	return any;
}

bool conf_is_local(const struct conf *c, struct slice hostname,
		   struct slice rcpt)
{
	struct address a;

	if (address_parse_utf8(rcpt, &a) < 0)
		return false;
	return a.domain.n == 0 || slice_ieq(a.domain, SLICE("localhost")) ||
	       (hostname.n > 0 && slice_ieq(a.domain, hostname)) ||
	       (c->hostname.n > 0 && slice_ieq(a.domain, c->hostname));
}

/* Are all of targets mailboxes?  *bad is the first that is not. */
static bool are_mailboxes(struct slice targets, struct slice *bad)
{
	struct address a;

	while (targets.n > 0) {
		*bad = slice_cut(&targets, ',');
		if (bad->n > 0 && address_parse(*bad, &a) < 0)
			return false;
	}
	return true;
}

/* The rest of the line, words and commas, as one list without blanks. */
static int read_targets(struct conf_reader *r, struct slice *out)
{
	struct slice w = { 0 };
	size_t from = r->c->used;
	int err = reader_need(r, &w);

	while (err >= 0) {
		struct slice bad = { 0 };

		if (!are_mailboxes(w, &bad))
			return reader_expected(r, NULL, bad);
		while (w.n > 0) {
			struct slice one = slice_cut(&w, ',');

			if (one.n > 0 && r->c->used > from)
				reader_put(r, SLICE(","));
			reader_put(r, one);
		}
		err = reader_word(r, &w);
		if (err == 0)
			break;
	}
	if (err == 0)
		err = reader_keep(r, slice_of(NULL, 0), out);
	if (err < 0)
		return err;
	*out = slice_of(r->c->text + from, r->c->used - 1 - from);
	if (out->n == 0)
		return reader_expected(r, NULL, *out);
	return 0;
}

int alias_set(struct conf_reader *r, void *field, struct slice name)
{
	struct conf *c = r->c;
	struct address a;

	(void)field;
	if (address_parse(name, &a) < 0 || a.domain.n > 0)
		return reader_expected(r, "a local name or *", name);
	for (unsigned i = 0; i < c->naliases; i++) {
		if (slice_ieq(c->aliases[i].name, name))
			return reader_say(r, "%.*s has an alias already",
					  (int)name.n, name.p);
	}
	if (c->naliases == CONFIG_ALIASES)
		return reader_say(r, "more than %u aliases", CONFIG_ALIASES);
	struct conf_alias *out = &c->aliases[c->naliases];
	out->line = (uint16_t)r->line;
	out->depth = 1;
	int err = reader_keep(r, name, &out->name);
	if (err == 0)
		err = read_targets(r, &out->targets);
	if (err == 0)
		c->naliases++;
	return err;
}

/* The alias that applies to a mailbox; NULL: none. */
static const struct conf_alias *next_alias(const struct conf *c,
					   struct slice mailbox)
{
	struct address a;

	if (!conf_is_local(c, slice_of(NULL, 0), mailbox) ||
	    address_parse(mailbox, &a) < 0)
		return NULL;
	return alias_find(c, a.local);
}

/* One more than the deepest of its targets: what is known so far. */
static unsigned depth_of(const struct conf *c, const struct conf_alias *a)
{
	struct slice rest = a->targets;
	unsigned depth = 1;

	while (rest.n > 0) {
		const struct conf_alias *to =
			next_alias(c, slice_cut(&rest, ','));
		/* Behind postmaster's own root stands root's alias. */
		unsigned more = to == &postmaster ? 2 : 1;

		if (to == &postmaster)
			to = next_alias(c, postmaster.targets);
		if (to)
			more += to->depth;
		if (more > depth)
			depth = more;
	}
	return depth;
}

/*
 * Depths only grow; where there is no loop they stop at the true ones, and a
 * loop drives them over the limit: at most MAX_DEPTH + 1 rounds for each.
 */
int alias_check(struct conf_reader *r)
{
	struct conf *c = r->c;
	bool grown = true;

	while (grown) {
		grown = false;
		for (unsigned i = 0; i < c->naliases; i++) {
			struct conf_alias *a = &c->aliases[i];
			unsigned depth = depth_of(c, a);

			r->line = a->line;
			if (depth > MAX_DEPTH)
				return reader_say(r,
						  "%.*s leads back to itself, "
						  "or over %u aliases",
						  (int)a->name.n, a->name.p,
						  MAX_DEPTH);
			grown = grown || depth > a->depth;
			a->depth = (uint8_t)depth;
		}
	}
	return 0;
}
