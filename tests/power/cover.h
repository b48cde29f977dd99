/* SPDX-License-Identifier: ISC */
/*
 * power/cover.h - what has been seen: a proof that never met a full ring
 * proves nothing about full rings.
 */
#ifndef POWER_COVER_H
#define POWER_COVER_H

#include <stdbool.h>

/* Kinds of things that are counted; their words are in cover.c. */
enum cover {
	COVER_ACCEPT,
	COVER_GROUP,
	COVER_DELIVER,
	COVER_OUTCOME,
	COVER_HOLD,
	COVER_RELEASE,
	COVER_REMOVE,
	COVER_RETURN,
	COVER_LAP,
	COVER_FULL,
	COVER_ROOM,
	COVER_COPY,
	COVER_STUCK,
	COVER_STUCK_BIG,
	COVER_CLEAN,
	COVER_BIG,
	COVER_BETWEEN,
	COVER_ABORT,
	COVER_MANY_LAZY,
	COVER_OLD_LAZY,
	COVER_AGE,
	COVER_FAIL_WRITE,
	COVER_FAIL_SYNC,
	COVER_BURNT,
	COVER_SCRUB,
	COVER_RESTART,
	COVER_CUT,
	COVER_TORN,
	COVER_SUBSET,
	COVER_SAMPLE,
	COVER_KILL,
	COVER_KILL_LAZY,
	COVER_WINDOW,
	COVER_GHOST,
	COVER_AGAIN,
	COVER_AGAIN_CUT,
	COVER_DRAIN,
	COVER_KINDS
};

/* How often; the processes of a run have one each. */
extern long cover_seen[COVER_KINDS];

/* One more. */
static inline void cover(enum cover kind)
{
	cover_seen[kind]++;
}

/* Print a line each.  True: each kind was seen. */
bool cover_print(const long seen[static COVER_KINDS]);

#endif
