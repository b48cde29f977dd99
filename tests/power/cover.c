/* SPDX-License-Identifier: ISC */
/* power/cover.c - see cover.h. */
#include "cover.h"

#include <stdio.h>

long cover_seen[COVER_KINDS];

static const char *const words[COVER_KINDS] = {
	[COVER_ACCEPT] = "messages accepted",
	[COVER_GROUP] = "commits of several messages",
	[COVER_DELIVER] = "deliveries",
	[COVER_OUTCOME] = "outcomes of one recipient of several",
	[COVER_HOLD] = "holds",
	[COVER_RELEASE] = "releases",
	[COVER_REMOVE] = "removals",
	[COVER_RETURN] = "turns to returning",
	[COVER_LAP] = "laps of a ring",
	[COVER_FULL] = "refusals for want of room",
	[COVER_ROOM] = "refusals that a delivery has ended",
	[COVER_COPY] = "frames copied forward",
	[COVER_STUCK] = "stuck messages copied once more",
	[COVER_STUCK_BIG] = "stuck big messages copied once more",
	[COVER_CLEAN] = "commits that only copied",
	[COVER_BIG] = "big messages",
	[COVER_BETWEEN] = "commits between the frames of a big message",
	[COVER_ABORT] = "big messages given up",
	[COVER_MANY_LAZY] = "lazy marks written for their number",
	[COVER_OLD_LAZY] = "lazy marks written for their age",
	[COVER_AGE] = "frames that only carried the age",
	[COVER_FAIL_WRITE] = "writes that failed",
	[COVER_FAIL_SYNC] = "syncs that failed",
	[COVER_BURNT] = "commits that failed",
	[COVER_SCRUB] = "scrubbed frames",
	[COVER_RESTART] = "restarts within a run",
	[COVER_CUT] = "cuts at rest, or behind a sync",
	[COVER_TORN] = "cuts that tore a frame",
	[COVER_SUBSET] = "states of moments of which each state was tried",
	[COVER_SAMPLE] = "states of moments of which a sample was tried",
	[COVER_KILL] = "kills without a power cut",
	[COVER_KILL_LAZY] = "kills with lazy marks on tmpfs",
	[COVER_WINDOW] = "cuts that undid a lazy mark (the window)",
	[COVER_GHOST] = "failed commits that came back (SPOOL.md 3)",
	[COVER_AGAIN] = "states worked on with, and cut again",
	[COVER_AGAIN_CUT] = "second cuts",
	[COVER_DRAIN] = "states worked on with until the queue was empty",
};

bool cover_print(const long seen[static COVER_KINDS])
{
	bool all = true;

	for (int i = 0; i < COVER_KINDS; i++) {
		printf("%9ld %s%s\n", seen[i], words[i],
		       seen[i] ? "" : ": NEVER SEEN");
		all &= seen[i] > 0;
	}
	return all;
}
