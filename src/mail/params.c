/* SPDX-License-Identifier: ISC */
/* mail/params.c - see mail/params.h. */
#include "mail/params.h"

#include "mail/envelope.h"
#include "mail/idna.h"

/* One of the four: a list of words, or xtext. */
struct param {
	struct slice name;
	struct slice words; /* n 0: it is xtext */
	unsigned alone;     /* bits of those that suffer no others */
	bool typed;         /* "type;" stands before the xtext */
	uint16_t max;       /* octets of xtext */
};

static const struct param all[] = {
	{ .name = { "RET", 3 }, .words = { "FULL HDRS", 9 }, .alone = 3 },
	{ .name = { "NOTIFY", 6 },
	  .words = { "NEVER SUCCESS FAILURE DELAY", 27 },
	  .alone = 1 },
	{ .name = { "ENVID", 5 }, .max = 100 },
	{ .name = { "ORCPT", 5 }, .typed = true, .max = 500 },
};

/* The words of a list, in upper case. */
static bool put_words(struct buf *b, struct slice in, const struct param *p)
{
	unsigned seen = 0;

	if (slice_iends(in, SLICE(",")))
		return false;
	do {
		struct slice word = slice_cut(&in, ','), rest = p->words, name;
		unsigned bit = 1;

		while ((name = slice_word(&rest)).n > 0 &&
		       !slice_ieq(name, word))
			bit <<= 1;
		if (name.n == 0 || (seen & bit))
			return false;
		if (seen > 0)
			buf_put_char(b, ',');
		seen |= bit;
		if ((seen & p->alone) && seen != bit)
			return false;
		buf_put_slice(b, name);
	} while (in.n > 0);
	return true;
}

/* The value of two upper case hexadecimal digits; negative: they are none. */
static int hex_pair(struct slice in)
{
	int value = 0;

	for (size_t i = 0; i < 2; i++) {
		char c = i < in.n ? in.p[i] : 'x';

		if (!char_is_digit(c) && (c < 'A' || c > 'F'))
			return -1;
		value = value * 16 +
			(char_is_digit(c) ? c - '0' : c - 'A' + 10);
	}
	return value;
}

static bool is_xtext(struct slice in)
{
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];

		if (!char_is_print(c) || c == ' ' || c == '=' ||
		    (c == '+' && hex_pair(slice_from(in, i + 1)) < 0))
			return false;
	}
	return in.n > 0;
}

/* RFC 3461 4.2: an atom before the ';'. */
static bool is_type(struct slice in)
{
	for (size_t i = 0; i < in.n; i++)
		if (!char_is_atext(in.p[i]))
			return false;
	return in.n > 0;
}

bool params_put(struct buf *b, struct slice name, struct slice value)
{
	const struct param *p = all;
	struct slice text;
	size_t mark;

	while (!slice_ieq(name, p->name))
		if (++p == all + ARRAY_LEN(all))
			return false;
	if (b->len > 0)
		buf_put_char(b, ' ');
	buf_put_slice(b, p->name);
	buf_put_char(b, '=');
	if (p->words.n > 0)
		return put_words(b, value, p);
	mark = b->len;
	/* RFC 6533 3: with SMTPUTF8 it may come as it is; it goes in ASCII. */
	if (ENABLE_SMTPUTF8 && p->typed && slice_is_utf8(value) &&
	    slice_istarts(value, SLICE("utf-8;")))
		idna_put_xtext(b, value, false);
	else
		buf_put_slice(b, value);
	text = slice_from(buf_slice(b), mark);
	return !b->overflow && text.n <= p->max &&
	       (!p->typed || is_type(slice_cut(&text, ';'))) && is_xtext(text);
}

bool params_want_failure(struct slice params)
{
	struct slice value;

	return !envelope_param(params, SLICE("NOTIFY"), &value) ||
	       slice_has(value, SLICE("FAILURE"));
}

bool params_want_success(struct slice params)
{
	struct slice value;

	return envelope_param(params, SLICE("NOTIFY"), &value) &&
	       slice_has(value, SLICE("SUCCESS"));
}

void params_put_decoded(struct buf *b, struct slice xtext)
{
	for (; xtext.n > 0; xtext = slice_from(xtext, 1)) {
		int c = (uint8_t)xtext.p[0];

		if (c == '+') {
			c = hex_pair(slice_from(xtext, 1));
			xtext = slice_from(xtext, 2);
		}
		buf_put_char(b, c >= ' ' && c <= '~' ? (char)c : '?');
	}
}
