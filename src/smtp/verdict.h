/* SPDX-License-Identifier: ISC */
/*
 * smtp/verdict.h - what a reply means: step x code x enhanced code -> verdict.
 *
 * Pure.  The table of SMTP.md; the first row that fits decides.
 */
#ifndef SMTP_VERDICT_H
#define SMTP_VERDICT_H

#include "mail/outcome.h"

/* What the reply answers, as bits. */
enum smtp_step {
	STEP_GREETING = 1, /* the connection itself */
	STEP_HELLO = 2,    /* EHLO, HELO, LHLO */
	STEP_TLS = 4,      /* STARTTLS */
	STEP_AUTH = 8,     /* AUTH and its responses */
	STEP_RSET = 16,    /* RSET */
	STEP_IDLE = 32,    /* nothing at all */
	STEP_MAIL = 64,    /* MAIL */
	STEP_RCPT = 128,   /* one RCPT */
	STEP_DATA = 256,   /* DATA */
	STEP_BODY = 512,   /* a message of which the dot was not sent yet */
	STEP_DOT = 1024    /* the final dot */
};

/* How the session goes on. */
enum smtp_after {
	AFTER_NEXT, /* with the next command */
	AFTER_QUIT, /* no new transaction: QUIT as soon as it is allowed */
	AFTER_DROP  /* not at all: the connection is closed */
};

/* One row of the table: any of the steps, a range of codes. */
struct smtp_rule {
	uint16_t steps;   /* STEP_ bits */
	uint16_t code;    /* lowest reply code */
	uint16_t code_to; /* highest, inclusive */
	uint16_t dsn;    /* as reply.dsn; two digits: 47 is any 4.7.x; 0: any */
	uint8_t verdict; /* enum verdict; NONE: the step was accepted */
	uint8_t trouble; /* enum trouble of a RETRY_ROUTE */
	uint8_t after;   /* enum smtp_after */
};

/*
 * The row for a reply with this code (200..599) and enhanced code (0: none),
 * as read by smtp/reply.h.  Never NULL.
 */
const struct smtp_rule *smtp_rule_find(enum smtp_step step, uint16_t code,
				       uint16_t dsn);

#endif
