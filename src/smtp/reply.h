/* SPDX-License-Identifier: ISC */
/*
 * smtp/reply.h - read one SMTP reply (RFC 5321 4.2, 4.2.1; RFC 2034 codes).
 *
 * Pure.  A streaming reader: a reply of any number of lines up to
 * CONFIG_REPLY_LINES passes in constant memory; lines longer than
 * REPLY_MAX_LINE are a fault of the hop (RFC 5321 4.5.3.1.5 says 512; up to
 * REPLY_MAX_LINE is tolerated).
 */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include "base/buf.h"

/* Octets of one reply line that are taken, CRLF included. */
#define REPLY_MAX_LINE 2048

/* Octets of text kept of a line. */
#define REPLY_MAX_TEXT 512

/* A reader, and the reply when reply_feed() says it is complete. */
struct reply {
	uint16_t code;   /* 200..599 */
	uint16_t digits; /* of the line at hand, so far */
	uint16_t dsn;    /* RFC 3463 as three digits, 0: absent; 441 is 4.4.1 */
	bool final;      /* the line at hand is the last one */
	uint16_t lines;  /* lines so far */
	uint16_t line_len; /* octets of the line at hand */
	uint8_t state;     /* where in the line it is */
	struct buf text;   /* text of the line at hand, without code and dsn */
	char space[REPLY_MAX_TEXT]; /* of text */
};

/* Start reading a reply. */
void reply_start(struct reply *r);

/*
 * Take bytes up to the end of one line of the reply.
 * Returns: 1 a line is complete: r->text holds it, r->final says whether it is
 *          the last one;  0 more bytes are needed;  -EPROTO malformed, codes
 *          differ, or a bare CR or LF;  -EMSGSIZE line or reply too long.
 * *used: bytes taken.  Call reply_start() after the final line.
 */
must_check int reply_feed(struct reply *r, struct slice in, size_t *used);

#endif
