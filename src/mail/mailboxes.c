/* SPDX-License-Identifier: ISC */
/*
 * mail/mailboxes.c - see mail/mailboxes.h.
 *
 * Only the marks that part entries are looked for here; what an entry means
 * is addrlist.c's.  One that needs no change is never written anew.
 */
#include "mail/mailboxes.h"

#include "mail/addrlist.h"

/* Bytes of text kept as the name of a From that has no address. */
#define NAME_MAX_TEXT 120

struct slice mailboxes_domain(const struct mailboxes_home *home,
			      struct slice domain)
{
	bool here = domain.n == 0 || slice_ieq(domain, SLICE("localhost")) ||
		    slice_ieq(domain, SLICE("localhost.localdomain"));

	if (here && home->domain.n > 0)
		return home->domain;
	struct slice host = home->host, own = slice_cut(&host, '.');
	if (host.n > 0 && slice_find(domain, '.') < 0 &&
	    (slice_ieq(domain, own) || slice_ieq(domain, home->node)))
		return home->host;
	return domain;
}

void mailboxes_start(struct mailboxes *m)
{
	m->replaced[0] = '\0';
}

static void next_entry(struct mailboxes *m)
{
	m->pass = m->quoted = m->escaped = m->angle = m->literal = false;
	m->depth = 0;
	m->len = 0;
}

void mailboxes_begin(struct mailboxes *m, bool from)
{
	m->from = from;
	m->done = false;
	m->out = BUF_ON(m->space);
	next_entry(m);
}

/* Can text stand before <> without quotes (RFC 5322 3.2.5)? */
static bool is_phrase(struct slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (!char_is_atext(text.p[i]) && text.p[i] != ' ')
			return false;
	}
	return text.n > 0;
}

/* The entry with another address; its name, or comment, stays. */
static void put_entry(struct mailboxes *m, const struct addrlist_entry *e,
		      struct slice local, struct slice domain)
{
	struct slice name = slice_trim(e->name);
	bool comment = e->comment && !is_phrase(name);

	if (!comment && name.n > 0) {
		buf_put_slice(&m->out, name);
		buf_put_str(&m->out, " <");
	}
	buf_put_slice(&m->out, local);
	if (domain.n > 0) {
		buf_put_char(&m->out, '@');
		buf_put_slice(&m->out, domain);
	}
	if (comment) {
		buf_put_str(&m->out, " (");
		buf_put_slice(&m->out, name);
		buf_put_char(&m->out, ')');
	} else if (name.n > 0) {
		buf_put_char(&m->out, '>');
	}
}

/* A From without an address: its text is the sender's name. */
static void put_sender(struct mailboxes *m, struct slice text)
{
	text = slice_head(text, NAME_MAX_TEXT);
	buf_put_str(&m->out, text.n > 0 ? " \"" : " ");
	for (size_t i = 0; i < text.n; i++) {
		if (char_is_print(text.p[i]) && text.p[i] != '"' &&
		    text.p[i] != '\\')
			buf_put_char(&m->out, text.p[i]);
	}
	buf_put_str(&m->out, text.n > 0 ? "\" <" : "<");
	buf_put_slice(&m->out, m->sender);
	buf_put_char(&m->out, '>');
}

/* Is a an address of others, where an answer arrives? */
static bool is_foreign(const struct mailboxes *m, const struct address *a)
{
	struct slice d = mailboxes_domain(&m->home, a->domain);

	return a->domain.n > 0 && slice_eq(d, a->domain) &&
	       !slice_ieq(d, m->home.host) && !slice_ieq(d, m->home.node) &&
	       !slice_eq(a->whole, m->force);
}

/* The first address of From makes place for the one that all mail has. */
static void put_forced(struct mailboxes *m, struct slice core, bool last)
{
	struct addrlist_entry e;
	struct addrlist list;
	struct address a;

	addrlist_start(&list, core);
	if (!m->done && addrlist_next(&list, &e) == 1 &&
	    address_parse_utf8(slice_str(e.addr), &a) == 0) {
		struct buf was = BUF_ON(m->replaced);

		buf_put_char(&m->out, ' ');
		put_entry(m, &e, m->force, SLICE(""));
		if (is_foreign(m, &a))
			buf_put_slice(&was, a.whole);
		buf_cstr(&was);
		m->done = true;
	}
	if (!last)
		return;
	if (!m->done)
		buf_putf(&m->out, " %.*s", (int)m->force.n, m->force.p);
	buf_put_str(&m->out, "\r\n");
}

/* What one entry becomes, without the blanks around it. */
static void put_core(struct mailboxes *m, struct slice core)
{
	struct addrlist_entry e;
	struct addrlist list;
	struct address a;

	addrlist_start(&list, core);
	if (addrlist_next(&list, &e) == 1 &&
	    address_parse_utf8(slice_str(e.addr), &a) == 0) {
		struct slice d = mailboxes_domain(&m->home, a.domain);

		m->done = true;
		if (!slice_eq(d, a.domain)) {
			put_entry(m, &e, a.local, d);
			return;
		}
	}
	buf_put_slice(&m->out, core);
}

static bool is_forced(const struct mailboxes *m)
{
	return m->from && m->force.n > 0;
}

/* The entry is whole; mark: what ended it, '\0' the end of the field. */
static void put_held(struct mailboxes *m, char mark)
{
	struct slice all = slice_of(m->hold, m->len);
	struct slice core = slice_trim(all);
	size_t lead = core.n > 0 ? (size_t)(core.p - all.p) : 0;

	if (is_forced(m)) {
		put_forced(m, mark == ':' ? SLICE("") : core, mark == '\0');
		next_entry(m);
		return;
	}
	buf_put_slice(&m->out, slice_head(all, lead));
	if (mark == ':')
		buf_put_slice(&m->out, core);
	else
		put_core(m, core);
	if (m->from && !m->done && m->sender.n > 0) {
		/* Text that is no address: its last part becomes a name. */
		buf_reset(&m->out);
		if (mark == '\0')
			put_sender(m, core);
		mark = '\0';
	}
	buf_put_slice(&m->out, slice_from(all, lead + core.n));
	if (mark)
		buf_put_char(&m->out, mark);
	next_entry(m);
}

/* Follow the marks that hide others; true: c ends the entry. */
static bool is_mark(struct mailboxes *m, char c)
{
	if (m->escaped) {
		m->escaped = false;
		return false;
	}
	if (c == '\\' && (m->quoted || m->depth > 0))
		m->escaped = true;
	else if (c == '"' && m->depth == 0)
		m->quoted = !m->quoted;
	else if (c == '(' && !m->quoted && m->depth < UINT8_MAX)
		m->depth++;
	else if (c == ')' && !m->quoted && m->depth > 0)
		m->depth--;
	else if (m->quoted || m->depth > 0)
		return false;
	else if (c == '[' || c == ']')
		m->literal = c == '[';
	else if (c == '<' || c == '>')
		m->angle = c == '<';
	else
		return !m->angle && !m->literal &&
		       (c == ',' || c == ';' || c == ':');
	return false;
}

/* One byte more of an entry. */
static void hold(struct mailboxes *m, char c)
{
	m->hold[m->len++] = c;
	if (m->len < MAILBOXES_MAX)
		return;
	/* Too long to be understood: it passes as it is. */
	if (!is_forced(m)) {
		buf_put(&m->out, m->hold, m->len);
		m->done = true;
	}
	m->len = 0;
	m->pass = true;
}

size_t mailboxes_feed(struct mailboxes *m, struct slice in)
{
	size_t n = 0;
	char c = '\0';

	while (n < in.n && m->out.len == 0 && c != '\n') {
		c = in.p[n++];
		bool mark = is_mark(m, c);

		if (!m->pass && mark) {
			put_held(m, c);
		} else if (!m->pass) {
			hold(m, c);
		} else {
			if (!is_forced(m))
				buf_put_char(&m->out, c);
			if (mark)
				next_entry(m);
		}
	}
	return n;
}

void mailboxes_end(struct mailboxes *m)
{
	if (!m->pass || is_forced(m))
		put_held(m, '\0');
}
