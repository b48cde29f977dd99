/* SPDX-License-Identifier: ISC */
/*
 * mail/dot.h - the transparency of DATA, both ways (RFC 5321 4.5.2), and the
 * only place that writes message bodies to the wire.
 *
 * Out: lone CR and lone LF become a space (never a line end), a leading dot
 * is doubled after that, a line over 998 octets is broken as CRLF SP
 * (RFC 5322 2.1.1) but never inside a UTF-8 character, the last line gets its
 * CRLF, and CRLF.CRLF ends it all.
 * In: only CRLF.CRLF ends the data; a lone CR, a lone LF and a NUL are
 * reported and nothing after them is taken for a command (smuggling).
 */
#ifndef MAIL_DOT_H
#define MAIL_DOT_H

#include "base/buf.h"

/* Octets of a line without CRLF (RFC 5322 2.1.1). */
#define DOT_MAX_LINE 998

/* The writer. */
struct dot_out {
	bool whole;   /* public, set behind the start: no line is broken */
	bool cr;      /* a CR is held back */
	bool bol;     /* at the beginning of a line */
	uint16_t col; /* octets in this line */
};

/* Start a body. */
void dot_out_start(struct dot_out *d);

/*
 * Take bytes of in, append their wire form to out; stops while out has less
 * than 8 bytes of room.  Returns bytes taken.
 */
size_t dot_out_feed(struct dot_out *d, struct slice in, struct buf *out);

/* End the body with CRLF (if it lacks one) and ".CRLF"; needs 8 bytes. */
void dot_out_end(struct dot_out *d, struct buf *out);

/* What the reader met. */
enum dot_in_state {
	DOT_IN_MORE,    /* the data go on */
	DOT_IN_END,     /* CRLF.CRLF was read */
	DOT_IN_BARE_LF, /* refuse: STANDARDS.md S-1 */
	DOT_IN_BARE_CR, /* the same */
	DOT_IN_NUL      /* S-5 */
};

/* The reader. */
struct dot_in {
	enum dot_in_state status; /* first finding; END after a fault: ended */
	uint8_t state;            /* where in a line it is */
};

/* Start reading after the 354. */
void dot_in_start(struct dot_in *d);

/*
 * Take bytes of in, append the message's bytes (CRLF kept, dots undone) to
 * out.  Stops behind CRLF.CRLF, at the first fault, or when out has less than
 * 8 bytes of room.  d->status tells which.  Returns bytes taken.
 */
size_t dot_in_feed(struct dot_in *d, struct slice in, struct buf *out);

#endif
