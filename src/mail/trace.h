/* SPDX-License-Identifier: ISC */
/* mail/trace.h - the Received field we add (RFC 5321 4.4).  Pure. */
#ifndef MAIL_TRACE_H
#define MAIL_TRACE_H

#include "base/buf.h"

/* What it says. */
struct trace {
	struct slice who;   /* all before "id", as mail/envelope.h has it */
	const char *id;     /* the message's identifier */
	struct slice rcpts; /* packed recipients; named when there is one */
	unsigned nrcpt;     /* how many they are */
	const char *date;   /* as date_put() writes it */
	bool clock_set;     /* the date can be believed */
};

/*
 * Append the whole field with its CRLF.  Without room b->overflow is set: send
 * the message without it.
 */
void trace_put(struct buf *b, const struct trace *t);

#endif
