/* SPDX-License-Identifier: ISC */
/*
 * mail/recode.h - the body of a header field with 8-bit bytes becomes one of
 * 7 bits; one without passes as it is.
 *
 * Words of text, of display names and of comments become encoded words (RFC
 * 2047 5), those side by side together with the blanks between them; values of
 * Content-Type's and Content-Disposition's parameters take the form of RFC
 * 2231 4.  An 8-bit byte in an address, an identifier or a type has no form
 * of 7 bits: failed is set.  Words of text longer than RECODE_TOKEN are taken
 * in parts; quoted strings and parameters that long fail.
 *
 * Pure, streaming, constant memory.
 */
#ifndef MAIL_RECODE_H
#define MAIL_RECODE_H

#include "base/buf.h"

/* Bytes of a word, of blanks between two, of words not put out yet. */
#define RECODE_TOKEN 240
#define RECODE_GAP 24
#define RECODE_WORDS 48

/* Room that 16 bytes of input, or the end, may need. */
#define RECODE_ROOM 1100

/* The field at hand; its own, but for failed and changed. */
struct recode {
	bool failed;   /* it cannot be done */
	bool changed;  /* it had 8-bit bytes */
	bool eight;    /* the token has 8-bit */
	bool cut;      /* and is not all of its word */
	bool escaped;  /* behind a backslash */
	bool owed;     /* an 8-bit word ended: it must be of a name */
	bool coded;    /* the line put out has an encoded word */
	uint8_t kind;  /* the field's grammar */
	uint8_t in;    /* the token's kind */
	uint8_t depth; /* comments that are open */
	uint8_t last;  /* what was put out last */
	uint16_t col;  /* octets of the line put out */
	/* What is held back, and bytes of it. */
	uint8_t gap_len, token_len, words_len;
	char gap[RECODE_GAP];
	char token[RECODE_TOKEN];
	char words[RECODE_WORDS];
};

/* Begin a field of this name; col: octets put out, colon included. */
void recode_start(struct recode *r, struct slice name, size_t col);

/* Take some of its body, folds included; see RECODE_ROOM. */
void recode_feed(struct recode *r, struct slice in, struct buf *out);

/* It is over: append what was held back. */
void recode_end(struct recode *r, struct buf *out);

#endif
