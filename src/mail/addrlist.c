/* SPDX-License-Identifier: ISC */
/*
 * mail/addrlist.c - see mail/addrlist.h.
 *
 * Words are gathered without the blanks and comments between them until a
 * special tells what they were: a display name before '<', a group's name
 * before ':', an address otherwise.  What comes out has been judged by
 * address_parse_utf8() (STANDARDS.md S-8): this file only takes things apart.
 */
#include "mail/addrlist.h"

#include <errno.h>

/* Comments inside comments. */
#define MAX_DEPTH 8

/* One entry on its way. */
struct scan {
	struct slice rest;
	struct slice comment; /* the last one, without its parentheses */
	struct buf addr;      /* the words and dots so far */
	bool apart;           /* two words with nothing but a blank between */
};

void addrlist_start(struct addrlist *l, struct slice list)
{
	*l = (struct addrlist){ .rest = list };
}

static char peek(const struct slice *in)
{
	return in->n > 0 ? in->p[0] : '\0';
}

static void skip(struct slice *in, size_t n)
{
	*in = slice_from(*in, n);
}

/*
 * Octets of the comment at the start of in (RFC 5322 3.2.2).  No recursion,
 * as the depth is all there is to remember.  0: it has no end, or is too deep.
 */
static size_t comment_len(struct slice in)
{
	unsigned depth = 0;

	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] == '\\')
			i++;
		else if (in.p[i] == '(' && ++depth > MAX_DEPTH)
			return 0;
		else if (in.p[i] == ')' && --depth == 0)
			return i + 1;
	}
	return 0;
}

/* Octets of the quoted string at the start of in; 0: it has no end. */
static size_t quoted_len(struct slice in)
{
	for (size_t i = 1; i < in.n; i++) {
		if (in.p[i] == '\\')
			i++;
		else if (in.p[i] == '"')
			return i + 1;
	}
	return 0;
}

/* Octets of the domain literal at the start of in; 0: it has no end. */
static size_t literal_len(struct slice in)
{
	ptrdiff_t end = slice_find(in, ']');

	return end < 0 ? 0 : (size_t)end + 1;
}

/* Words of display names may be raw 8-bit; addresses are judged later. */
static size_t atom_len(struct slice in)
{
	size_t n = 0;

	while (n < in.n && (char_is_atext(in.p[n]) || (uint8_t)in.p[n] > 0x7f))
		n++;
	return n;
}

/* Octets of the word at the start of in; 0: there is none. */
static size_t word_len(struct slice in)
{
	switch (peek(&in)) {
	case '"':
		return quoted_len(in);
	case '[':
		return literal_len(in);
	default:
		return atom_len(in);
	}
}

/* Octets of white space at the start of in: blanks and folds (3.2.2). */
static size_t blank_len(struct slice in)
{
	if (char_is_blank(peek(&in)))
		return 1;
	if (!slice_starts(in, SLICE("\r\n")))
		return 0;
	return in.n == 2 || char_is_blank(in.p[2]) ? 2 : 0;
}

/* Skip blanks and comments. */
static void skip_cfws(struct scan *s)
{
	for (;;) {
		size_t n = blank_len(s->rest);

		if (n == 0 && peek(&s->rest) == '(') {
			n = comment_len(s->rest);
			if (n > 0)
				s->comment = slice_of(s->rest.p + 1, n - 2);
		}
		if (n == 0)
			return;
		skip(&s->rest, n);
	}
}

/* Gather words, dots and at signs up to something else. */
static void gather(struct scan *s)
{
	bool word = false;

	buf_reset(&s->addr);
	s->apart = false;
	for (;;) {
		skip_cfws(s);

		bool joint = peek(&s->rest) == '.' || peek(&s->rest) == '@';
		size_t n = joint ? 1 : word_len(s->rest);
		if (n == 0)
			return;
		if (word && !joint)
			s->apart = true;
		word = !joint;
		buf_put_slice(&s->addr, slice_head(s->rest, n));
		skip(&s->rest, n);
	}
}

/* RFC 5322 4.4: obs-route, which is skipped (RFC 5321 appendix C). */
static int skip_route(struct scan *s)
{
	while (peek(&s->rest) == ',') {
		skip(&s->rest, 1);
		gather(s);
	}
	if (peek(&s->rest) != ':')
		return -EINVAL;
	skip(&s->rest, 1);
	gather(s);
	return 0;
}

/* Behind a display name: "<" [route ":"] mailbox ">". */
static int read_angle(struct scan *s)
{
	skip(&s->rest, 1);
	skip_cfws(s);

	bool route = peek(&s->rest) == '@' || peek(&s->rest) == ',';
	gather(s);
	int err = route ? skip_route(s) : 0;
	if (err < 0)
		return err;
	if (peek(&s->rest) != '>')
		return -EINVAL;
	skip(&s->rest, 1);
	skip_cfws(s);
	return 0;
}

/* Does the list, or the entry, end here? */
static bool at_end(const struct addrlist *l, struct slice rest)
{
	return rest.n == 0 || rest.p[0] == ',' ||
	       (l->group && rest.p[0] == ';');
}

/* Judge what was gathered: 0, or what is wrong with it. */
static int finish(const struct addrlist *l, struct scan *s)
{
	struct address a;

	if (!at_end(l, s->rest) || s->apart)
		return -EINVAL;
	const char *text = buf_cstr(&s->addr);
	if (s->addr.overflow)
		return -EMSGSIZE;
	return address_parse_utf8(slice_str(text), &a);
}

/* Find the end of an entry that is of no use, so that others can be read. */
static struct slice skip_entry(struct slice in)
{
	while (in.n > 0) {
		size_t n = 1;

		if (in.p[0] == ',' || in.p[0] == ';')
			break;
		if (in.p[0] == '"')
			n = quoted_len(in);
		else if (in.p[0] == '(')
			n = comment_len(in);
		else if (in.p[0] == '\\')
			n = 2;
		if (n == 0)
			n = in.n;
		skip(&in, n);
	}
	return in;
}

/* Read the entry at the start of s->rest.  0: it was a group's name. */
static int read_entry(struct addrlist *l, struct scan *s,
		      struct addrlist_entry *e)
{
	const char *start = s->rest.p;

	gather(s);
	struct slice name = slice_of(start, (size_t)(s->rest.p - start));
	struct slice words = buf_slice(&s->addr);
	char c = peek(&s->rest);

	if (c == ':' && !l->group && words.n > 0 &&
	    slice_find(words, '@') < 0) {
		l->group = true;
		skip(&s->rest, 1);
		return 0;
	}
	if (c == '<') {
		int err = read_angle(s);

		if (err < 0)
			return err;
		e->name = slice_trim(name);
		e->comment = false;
	} else {
		e->name = slice_trim(s->comment);
		e->comment = e->name.n > 0;
	}
	int err = finish(l, s);
	return err < 0 ? err : 1;
}

int addrlist_next(struct addrlist *l, struct addrlist_entry *e)
{
	for (;;) {
		struct scan s = { .rest = l->rest, .addr = BUF_ON(e->addr) };

		/* RFC 5322 4.4: obs-addr-list has empty elements */
		skip_cfws(&s);
		if (s.rest.n == 0) {
			l->rest = s.rest;
			return 0;
		}
		if (at_end(l, s.rest)) {
			l->group = l->group && s.rest.p[0] == ',';
			l->rest = slice_from(s.rest, 1);
			continue;
		}

		struct slice entry = s.rest;
		s.comment = slice_of(NULL, 0);
		int ret = read_entry(l, &s, e);
		l->rest = s.rest;
		if (ret == 0)
			continue;
		if (ret < 0) {
			l->rest = skip_entry(entry);
			/* a ';' that ends no group */
			if (!at_end(l, l->rest))
				skip(&l->rest, 1);
		}
		return ret;
	}
}
