/* SPDX-License-Identifier: ISC */
/*
 * sim/story.h - a world in which things happen by chance, from one seed:
 * submissions, hops in trouble, kills, power cuts, reloads, a medium that
 * fails; and what must hold all the same.
 *
 * What was answered 250 arrives; what was never complete does not; every byte
 * is right; twice only after a lost reply, a kill or a cut; when the world
 * heals the queue drains; the relay never spins and never holds more than its
 * connections.
 */
#ifndef SIM_STORY_H
#define SIM_STORY_H

#include "sim/fixture.h"

/* Messages of one story. */
#define STORY_MAX 400

/*
 * One story of so many steps.
 * Returns: NULL all is well; else what was found wrong, in words
 */
const char *story_run(uint64_t seed, unsigned steps);

/* What has happened in all stories so far. */
struct story_sum {
	unsigned submitted, acked, delivered, twice, cuts, kills, hours;
};
extern struct story_sum story_sum;

#endif
