/* SPDX-License-Identifier: ISC */
/*
 * mail/downgrade.h - a message with 8-bit bytes becomes one of 7 bits, for a
 * next hop without 8BITMIME (RFC 6152 3; RFC 2045 6.4, 6.7; RFC 2046 5.1).
 *
 * A streaming filter over a message of CRLF lines that has a header.  Each
 * leaf that has no encoding becomes quoted-printable, and what MIME fields it
 * lacks are added; multipart and message/rfc822 stay what they are, with their
 * parts converted; header fields are recoded (mail/recode.h).  What is encoded
 * already, multipart/signed, other messages and the text around parts pass as
 * they are.  An 8-bit byte there, or in an address, cannot be converted: failed
 * is set, and the rest is not to be used.
 *
 * With head set only the fields of the message's own header are recoded: for a
 * hop with 8BITMIME, which is no leave for 8-bit headers (RFC 6152 1, RFC 6532
 * 3.7).
 *
 * Pure, constant memory: lines may have any length.  A first run, its output
 * dropped, tells whether it can be done, and the charset for the second one.
 */
#ifndef MAIL_DOWNGRADE_H
#define MAIL_DOWNGRADE_H

#include "mail/qp.h"
#include "mail/recode.h"

/* Multiparts inside each other; more cannot be converted. */
#define DOWNGRADE_DEPTH 4

/* Longest boundary (RFC 2046 5.1.1). */
#define DOWNGRADE_BOUNDARY 70

/* Bytes of a line taken at a time; of a field's body. */
#define DOWNGRADE_LINE 256
#define DOWNGRADE_BODY 16

/* Room that feed and end need to get on. */
#define DOWNGRADE_ROOM 1200

/* The filter; fields are its own, but for the first five. */
struct downgrade {
	bool head;    /* set behind the start: the header alone */
	bool changed; /* a field of a header was recoded */
	bool failed;  /* it cannot be converted */
	bool other;   /* what has no charset is not UTF-8 */
	bool header;  /* in a header */
	bool latin;   /* as told at the start */
	bool encode;  /* in a leaf that becomes quoted-printable */
	bool bol;     /* line begins a line */
	/* The entity whose header is read. */
	bool message;         /* has a header of its own: MIME-Version */
	bool digest;          /* a part of multipart/digest */
	bool untyped;         /* had no Content-Type */
	bool version;         /* had MIME-Version */
	uint8_t field;        /* which field is being read */
	uint8_t depth;        /* multiparts that are open */
	uint8_t more;         /* bytes that a UTF-8 character lacks */
	struct qp qp;         /* of the line put out */
	struct recode recode; /* of the field */
	uint16_t len, type_len, cte_len; /* bytes of what follows */
	uint8_t boundary_len[DOWNGRADE_DEPTH];
	bool digests[DOWNGRADE_DEPTH]; /* it is a multipart/digest */
	char boundary[DOWNGRADE_DEPTH][DOWNGRADE_BOUNDARY];
	char type[400]; /* body of Content-Type */
	char cte[80];   /* body of Content-Transfer-Encoding */
	char line[DOWNGRADE_LINE];
};

/* Start a message; latin: text without a charset is not UTF-8. */
void downgrade_start(struct downgrade *d, bool latin);

/*
 * Take bytes of in, append what leaves to out; stops when out has less than
 * DOWNGRADE_ROOM bytes of room.  Returns bytes taken.
 */
size_t downgrade_feed(struct downgrade *d, struct slice in, struct buf *out);

/* The message is over; false: no room yet, empty out and call again. */
bool downgrade_end(struct downgrade *d, struct buf *out);

#endif
