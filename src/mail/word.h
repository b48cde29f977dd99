/* SPDX-License-Identifier: ISC */
/*
 * mail/word.h - what a header says in more than US-ASCII: encoded words (RFC
 * 2047), in base64, and parameters (RFC 2231).  The charset is utf-8 where the
 * text is; of other text nothing is known, and unknown-8bit says so (RFC 1428
 * 3).
 */
#ifndef MAIL_WORD_H
#define MAIL_WORD_H

#include "base/buf.h"

/* Octets of a line with an encoded word in it (RFC 2047 2). */
#define WORD_LINE 76

/* Octets that a line must have left for one. */
#define WORD_LEAST 35

/*
 * Append one word of the front of text, of whole characters and at most left
 * (WORD_LEAST or more) octets.  Returns bytes of text taken.
 */
size_t word_put(struct buf *out, struct slice text, size_t left);

/* Append text as a parameter named with a * takes it (RFC 2231 4). */
void word_put_value(struct buf *out, struct slice text);

#endif
