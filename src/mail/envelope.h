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
 *
 * Behind the reverse-path and behind each recipient, before its NUL, there may
 * be a mark and the ESMTP parameters that it came with, as they go on the
 * wire, one blank between two: RET and ENVID; NOTIFY and ORCPT.
 *
 *   reverse-path MARK RET=HDRS ENVID=QQ314159 NUL ...
 *
 * No address holds a control byte: what was packed before there were
 * parameters reads the same.
 */
#ifndef MAIL_ENVELOPE_H
#define MAIL_ENVELOPE_H

#include "base/buf.h"

/* Between an address and its parameters. */
#define ENVELOPE_MARK '\1'

/* A packed envelope, borrowed. */
struct envelope {
	struct slice from;   /* reverse-path, n 0: the null one */
	struct slice params; /* of the reverse-path, n 0: none */
	struct slice trace;  /* see above, n 0: none */
	struct slice rcpts;  /* packed recipients, each with its NUL */
};

/*
 * Append reverse-path and trace; recipients follow with envelope_put_rcpt.
 * A control byte in an address, a NUL in trace or an empty recipient sets
 * overflow: nothing of the kind is ever packed.
 */
void envelope_put(struct buf *b, struct slice from, struct slice trace);
void envelope_put_rcpt(struct buf *b, struct slice rcpt);

/*
 * Give the address that b ends with (and its NUL) parameters; n 0: none.  A
 * control byte in them sets overflow.
 */
void envelope_put_params(struct buf *b, struct slice params);

/* Take a packed envelope apart.  0;  -EBADMSG a NUL is missing. */
must_check int envelope_parse(struct slice packed, struct envelope *out);

/*
 * Take the next recipient off the front of *rcpts.
 * Returns: true and *rcpt set (without NUL);  false: there is none
 */
bool envelope_next_rcpt(struct slice *rcpts, struct slice *rcpt);

/* The same with its parameters; n 0: none. */
bool envelope_next(struct slice *rcpts, struct slice *rcpt,
		   struct slice *params);

/*
 * Append one, as envelope_next() gave it, to what is kept of those before it:
 * in place, in the same memory.
 */
void envelope_keep(struct buf *kept, struct slice rcpt, struct slice params);

/*
 * The value of one of them, name in upper case.
 * Returns: true and *value set (n 0: without "=");  false: it is not there
 */
bool envelope_param(struct slice params, struct slice name,
		    struct slice *value);

/* Recipient number n of those packed in rcpts; empty: there is none. */
struct slice envelope_rcpt_at(struct slice rcpts, unsigned n);

/* How many recipients are packed in rcpts. */
unsigned envelope_count(struct slice rcpts);

#endif
