/* SPDX-License-Identifier: ISC */
/*
 * mail/envelope.h - an envelope packed into few bytes: the same in the RAM
 * stage, in a spool record and in a delivery slot.
 *
 *   reverse-path NUL  trace NUL  recipient NUL  recipient NUL ...
 *
 * The reverse-path is a mailbox without < >, empty for the null path.  trace
 * is what the Received field says of the submitter, e.g.
 * "from client (localhost [127.0.0.1])\r\n\tby HOST with ESMTP": everything
 * before "id".  Texts never hold CR or LF (but in trace) or NUL.
 */
#ifndef MAIL_ENVELOPE_H
#define MAIL_ENVELOPE_H

#include "base/buf.h"

/* A packed envelope, borrowed. */
struct envelope {
	struct slice from;  /* reverse-path, n 0: the null one */
	struct slice trace; /* see above, n 0: none */
	struct slice rcpts; /* packed recipients, each with its NUL */
};

/*
 * Append reverse-path and trace; recipients follow with envelope_put_rcpt.
 * A control byte in an address, a NUL in trace or an empty recipient sets
 * overflow: nothing of the kind is ever packed.
 */
void envelope_put(struct buf *b, struct slice from, struct slice trace);
void envelope_put_rcpt(struct buf *b, struct slice rcpt);

/* Take a packed envelope apart.  0;  -EBADMSG a NUL is missing. */
must_check int envelope_parse(struct slice packed, struct envelope *out);

/*
 * Take the next recipient off the front of *rcpts.
 * Returns: true and *rcpt set (without NUL);  false: there is none
 */
bool envelope_next_rcpt(struct slice *rcpts, struct slice *rcpt);

/* Recipient number n of those packed in rcpts; empty: there is none. */
struct slice envelope_rcpt_at(struct slice rcpts, unsigned n);

/* How many recipients are packed in rcpts. */
unsigned envelope_count(struct slice rcpts);

#endif
