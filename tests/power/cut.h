/* SPDX-License-Identifier: ISC */
/*
 * power/cut.h - cuts of a run.
 *
 * A run of a workload leaves a diary of writes and syncs.  For each entry,
 * each subset of the writes not yet synced may have reached the medium, one of
 * them torn at a 64-byte line, its first or its last part new.  Each such
 * state is given to a new spool; what it answers must be one of the states
 * that are allowed at that moment.
 */
#ifndef POWER_CUT_H
#define POWER_CUT_H

#include "workload.h"

/* Which run: a script on a ring, or (script NULL) by chance from a seed. */
struct run_name {
	const char *script;
	uint64_t seed;
	uint32_t frames;
	bool marks; /* with tmpfs */
};

/* What was counted. */
struct cut_total {
	long states;
	long lost;
	long extra;
	long runs;
};
extern struct cut_total cut_total;

/* States at which it ends, failures too, and how many of one entry by chance. */
extern long cut_max_states, cut_max_failures;
extern uint64_t cut_cap;

/* Not all states of scripts, but so many of each moment. */
extern bool cut_is_sample;

/* The name that replays say. */
extern const char *cut_program;

/* Is that enough? */
bool cut_is_over(void);

/* Make a run and try its states.  The first call sets all up. */
void cut_run(const struct run_name *name);

/* The same for SCRIPT.FRAMES.MARKS, or a seed.  0, -1: there is none. */
int cut_run_named(const char *word);

/* One state again: NAME:ENTRY:STATE, and perhaps more behind it.  0 or -1. */
int cut_replay(const char *arg);

/* Free all. */
void cut_end(void);

#endif
