/* SPDX-License-Identifier: ISC */
/* smtp/ehlo.h - what a server says it can do (RFC 5321 4.1.1.1). */
#ifndef SMTP_EHLO_H
#define SMTP_EHLO_H

#include "base/slice.h"

/* Extensions as bits. */
enum {
	EHLO_PIPELINING = 1, /* RFC 2920 */
	EHLO_SIZE = 2,       /* RFC 1870 */
	EHLO_8BITMIME = 4,   /* RFC 6152 */
	EHLO_STARTTLS = 8,   /* RFC 3207 */
	EHLO_AUTH = 16,      /* RFC 4954 */
	EHLO_ESC = 32,       /* ENHANCEDSTATUSCODES, RFC 2034 */
	EHLO_DSN = 64,       /* RFC 3461 */
	EHLO_SMTPUTF8 = 128, /* RFC 6531 */
	EHLO_LIMITS = 256,   /* RFC 9422 */
	EHLO_XQUEUE = 512    /* ours, on the submission socket only */
};

/* AUTH mechanisms as bits. */
enum { EHLO_AUTH_PLAIN = 1, EHLO_AUTH_LOGIN = 2 };

/* The offer. */
struct ehlo {
	uint16_t ext;        /* EHLO_ bits */
	uint16_t auth;       /* EHLO_AUTH_ bits */
	uint64_t size;       /* of SIZE; 0: no limit is known */
	uint32_t rcpt_max;   /* of LIMITS RCPTMAX; 0: none is known */
	uint32_t mail_max;   /* of LIMITS MAILMAX, transactions; 0: none */
	uint32_t domain_max; /* of LIMITS RCPTDOMAINMAX; 0: none */
};

/*
 * Add what one line of the reply says.  line: the text behind the code; the
 * first line of a reply is the server's name and must not be given.
 * Unknown keywords and malformed parameters add nothing.
 */
void ehlo_take_line(struct ehlo *e, struct slice line);

#endif
