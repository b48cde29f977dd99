/* SPDX-License-Identifier: ISC */
/* mail/envelope.c - see mail/envelope.h. */
#include "mail/envelope.h"

#include <errno.h>
#include <string.h>

/* Append s and its NUL. */
static void put_text(struct buf *b, struct slice s)
{
	if (slice_find(s, '\0') >= 0)
		b->overflow = true;
	buf_put_slice(b, s);
	buf_put_zero(b, 1);
}

/*
 * The choke point behind which no address holds a byte that could end its
 * line, whoever called.
 */
static void put_address(struct buf *b, struct slice s)
{
	if (slice_has_control(s))
		b->overflow = true;
	put_text(b, s);
}

void envelope_put(struct buf *b, struct slice from, struct slice trace)
{
	put_address(b, from);
	put_text(b, trace);
}

void envelope_put_rcpt(struct buf *b, struct slice rcpt)
{
	if (rcpt.n == 0)
		b->overflow = true;
	put_address(b, rcpt);
}

void envelope_put_params(struct buf *b, struct slice params)
{
	if (params.n == 0 || b->overflow)
		return;
	b->data[b->len - 1] = ENVELOPE_MARK;
	put_address(b, params);
}

void envelope_keep(struct buf *kept, struct slice rcpt, struct slice params)
{
	size_t n = rcpt.n + (params.n > 0) + params.n + 1;

	/* What is kept never overtakes what is read. */
	memmove(kept->data + kept->len, rcpt.p, n);
	kept->len += n;
}

/* Take the text before the first NUL off the front of *rest. */
static bool take_text(struct slice *rest, struct slice *text)
{
	if (slice_find(*rest, '\0') < 0)
		return false;
	*text = slice_cut(rest, '\0');
	return true;
}

int envelope_parse(struct slice packed, struct envelope *out)
{
	struct envelope e;

	if (!take_text(&packed, &e.from) || !take_text(&packed, &e.trace))
		return -EBADMSG;
	if (packed.n > 0 && packed.p[packed.n - 1] != '\0')
		return -EBADMSG;
	e.rcpts = packed;
	e.params = e.from;
	e.from = slice_cut(&e.params, ENVELOPE_MARK);
	*out = e;
	return 0;
}

bool envelope_next(struct slice *rcpts, struct slice *rcpt,
		   struct slice *params)
{
	if (!take_text(rcpts, params))
		return false;
	*rcpt = slice_cut(params, ENVELOPE_MARK);
	return true;
}

bool envelope_next_rcpt(struct slice *rcpts, struct slice *rcpt)
{
	struct slice params;

	return envelope_next(rcpts, rcpt, &params);
}

bool envelope_param(struct slice params, struct slice name, struct slice *value)
{
	struct slice word;

	while ((word = slice_word(&params)).n > 0) {
		if (!slice_eq(slice_cut(&word, '='), name))
			continue;
		*value = word;
		return true;
	}
	return false;
}

unsigned envelope_count(struct slice rcpts)
{
	struct slice rcpt;
	unsigned n = 0;

	while (take_text(&rcpts, &rcpt))
		n++;
	return n;
}

struct slice envelope_rcpt_at(struct slice rcpts, unsigned n)
{
	struct slice rcpt = SLICE("");

	for (unsigned i = 0; i <= n; i++)
		if (!envelope_next_rcpt(&rcpts, &rcpt))
			return SLICE("");
	return rcpt;
}
