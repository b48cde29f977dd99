/* SPDX-License-Identifier: ISC */
/*
 * mail/outcome.h - what became of one recipient in one delivery attempt.
 *
 * A domain result, not an error.  Link, DNS, TLS, AUTH, clock, disk and
 * configuration trouble is always VERDICT_RETRY_ROUTE (DESIGN.md promise 3);
 * only a 5xx to MAIL, RCPT or the message, or a message that we ourselves
 * refuse for good, is VERDICT_REFUSED.
 */
#ifndef MAIL_OUTCOME_H
#define MAIL_OUTCOME_H

#include "base/buf.h"

/* Bytes of outcome text, its NUL included. */
#define OUTCOME_MAX_TEXT 120

/* What to do with the recipient now. */
enum verdict {
	VERDICT_NONE,          /* nothing happened yet */
	VERDICT_SENT,          /* the next hop has taken it */
	VERDICT_RETRY_MESSAGE, /* 4xx for this recipient or message: later */
	VERDICT_RETRY_ROUTE,   /* the hop is in trouble: the hop's breaker */
	VERDICT_REFUSED,       /* for good */
};

/* Why a route is in trouble: decides between "down" and "held". */
enum trouble {
	TROUBLE_LINK, /* connect, DNS, TLS, protocol, 4xx, 421: "down" */
	TROUBLE_AUTH, /* credentials were refused: "held", slow schedule */
	TROUBLE_CONF, /* configuration, unreadable secret: "held" */
	TROUBLE_CLOCK /* verified TLS before the clock is set: "held" */
};

/* What happened to one recipient (or, for a session, to the hop). */
struct outcome {
	enum verdict verdict; /* what to do now */
	enum trouble trouble; /* of VERDICT_RETRY_ROUTE */
	bool uncertain;       /* lost after the final dot: may be a duplicate */
	bool more;     /* not tried yet: belongs in the next transaction */
	bool quiet;    /* the sender wants no notice of a failure */
	bool relayed;  /* sent, and the sender wants to be told of that */
	uint16_t code; /* SMTP reply 200..599, 0: none was received */
	uint16_t dsn;  /* RFC 3463, see outcome_put_dsn(); 0: unknown */
	char text[OUTCOME_MAX_TEXT]; /* printable ASCII, NUL-ended */
};

/*
 * Fill *o: trouble is TROUBLE_LINK, the flags are off.  text is cut to fit;
 * bytes that are not printable ASCII become '?'.  dsn 0 becomes 200, 400 or
 * 500 (x.0.0) after the verdict.
 */
void outcome_set(struct outcome *o, enum verdict verdict, uint16_t code,
		 uint16_t dsn, struct slice text);

/* VERDICT_RETRY_ROUTE with trouble, dsn and our own words; code 0. */
void outcome_set_trouble(struct outcome *o, enum trouble trouble, uint16_t dsn,
			 struct slice text);

/*
 * Append the dsn as text: 441 is "4.4.1".  A detail above 9 takes two digits,
 * one above 99 three: 4730 is "4.7.30", 57139 is "5.7.139".
 */
void outcome_put_dsn(struct buf *b, uint16_t dsn);

#endif
