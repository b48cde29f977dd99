/* SPDX-License-Identifier: ISC */
/*
 * mail/lines.h - text of any line ends becomes CRLF lines: what sendmail(1)
 * reads on standard input (STANDARDS.md S-1b, S-5, section 5 rules 1 to 3).
 *
 * LF and CRLF (any number of CRs before an LF) end a line; any other CR and
 * every NUL become a space.  A last line without an end gets one.  Leading
 * "From " and ">From " lines (mbox) are dropped.  With dot set, a line that is
 * just "." ends the text (sendmail without -i).  Lines of any length pass in
 * constant memory; feeding byte by byte gives the same as feeding whole.
 */
#ifndef MAIL_LINES_H
#define MAIL_LINES_H

#include "base/buf.h"

/* The filter.  Fields are its own, but for ended. */
struct lines {
	bool dot;      /* a lone dot ends the text */
	bool ended;    /* it did: the rest of the input is not text */
	uint8_t state; /* where in a line it is */
	uint8_t held;  /* bytes of a line's beginning kept back */
	bool mbox;     /* still at the start, where "From " lines are */
	bool any;      /* something was put out */
	size_t crs;    /* CRs that wait for what follows them */
};

/* Start; dot: a lone dot ends the text. */
void lines_start(struct lines *f, bool dot);

/*
 * Take bytes of in, append what they mean to out.  Stops when out has less
 * than 16 bytes of room or the text has ended.  Returns bytes taken.
 */
size_t lines_feed(struct lines *f, struct slice in, struct buf *out);

/* The input is over: complete the last line (needs 16 bytes of room). */
void lines_end(struct lines *f, struct buf *out);

#endif
