/* SPDX-License-Identifier: ISC */
/* relay/listing.h - one queued message as it is shown, and its text form. */
#ifndef RELAY_LISTING_H
#define RELAY_LISTING_H

#include "relay/parts.h"

/* One message as it is shown, from RAM or from the spool. */
struct shown {
	/* What is known of it, damaged or not. */
	uint64_t id; /* 0: not known */
	const char *state;
	int64_t age_s;
	int64_t wall_s; /* when it came, if wall_known */
	uint32_t size;
	int64_t next_ms; /* INT64_MAX: not known */
	struct envelope env;
	uint16_t nrcpt;
	bool wall_known;
	bool damaged; /* bytes of it cannot be read */
};

/* One recipient as it is shown. */
struct shown_rcpt {
	/* The words of DESIGN.md 2.3, and why. */
	const char *state;
	uint16_t code, dsn;
	struct buf text;
	char space[OUTCOME_MAX_TEXT];
};

/*
 * Append a message's row, or a recipient's, in the columns of Postfix's mailq:
 * what reads those reads ours.
 */
void rows_head(struct relay *r, struct buf *b, const struct shown *s,
	       bool first);
void rows_rcpt(struct buf *b, struct slice rcpt, const struct shown_rcpt *s);

#endif
