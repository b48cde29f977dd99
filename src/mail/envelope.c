/* SPDX-License-Identifier: ISC */
/* mail/envelope.c - see mail/envelope.h. */
#include "mail/envelope.h"

#include <errno.h>

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
	*out = e;
	return 0;
}

bool envelope_next_rcpt(struct slice *rcpts, struct slice *rcpt)
{
	return take_text(rcpts, rcpt);
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
