/* SPDX-License-Identifier: ISC */
/*
 * sim/story.h - a world in which things happen by chance, from one seed:
 * submissions, hops in trouble, names that do not resolve, passwords that are
 * refused, kills, power cuts, clocks that start in 1970 and jump, reloads,
 * operators' orders, a medium that fails; and what must hold all the same.
 *
 * What was answered 250 arrives, or is returned because a hop refused it or it
 * was too old; what was never complete does not; every byte is right; twice
 * only after a lost reply, a kill or a cut; what a sender asks for (RFC 3461)
 * goes on to a hop that knows it, and the notices that it asks for come from
 * us where a hop does not; what an operator has removed stays away; when the
 * world heals the queue drains within the schedule's promise, and then nothing
 * wakes the device; the relay never spins, never writes for a retry, and never
 * holds more than its connections.
 */
#ifndef SIM_STORY_H
#define SIM_STORY_H

#include "sim/dns.h"
#include "sim/fixture.h"

/* Messages between two times at which the world heals. */
#define STORY_MAX 400

/*
 * A dense story of so many steps, minutes apart; then the world heals.
 * Returns: NULL all is well; else what was found wrong, in words
 */
const char *story_run(uint64_t seed, unsigned steps);

/*
 * The life of a device for so many days: mostly nothing, and now and then
 * everything at once.  The world heals every month or so.
 * Returns: as above
 */
const char *story_live(uint64_t seed, unsigned days);

/* What has happened in all stories so far. */
struct story_sum {
	/* Messages. */
	unsigned submitted, acked, delivered, twice, returned, refused, removed;
	/* Notices of mail that was relayed, each once. */
	unsigned relayed;
	/* Submissions that found no room. */
	unsigned full;
	/* The world. */
	unsigned cuts, kills, outages, drains;
	/* Attempts of these outages, and simulated time. */
	unsigned attempts, hours;
	/* The longest time that a queue took to drain. */
	int64_t drain_ms;
};
extern struct story_sum story_sum;

/* The event that a story has come to. */
unsigned story_event(void);

#endif
