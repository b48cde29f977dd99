/* SPDX-License-Identifier: ISC */
/* mail/trace.c - see mail/trace.h. */
#include "mail/trace.h"

#include "mail/envelope.h"

/* Bytes of a recipient above which it is not named. */
#define MAX_FOR 200

void trace_put(struct buf *b, const struct trace *t)
{
	struct slice rcpts = t->rcpts, rcpt;

	buf_putf(b, "Received: %.*s\r\n\tid %s", (int)t->who.n, t->who.p,
		 t->id);
	/*
	 * RFC 5321 7.2: the FOR clause only for a single recipient.  In ASCII:
	 * RFC 6531 3.7.3, the next hop may take nothing else.
	 */
	if (t->nrcpt == 1 && envelope_next_rcpt(&rcpts, &rcpt) &&
	    rcpt.n < MAX_FOR && !slice_has_8bit(rcpt))
		buf_putf(b, "\r\n\tfor <%.*s>", (int)rcpt.n, rcpt.p);
	buf_putf(b, ";\r\n\t%s%s\r\n", t->date,
		 t->clock_set ? "" : " (clock not set)");
}
