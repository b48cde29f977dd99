/* SPDX-License-Identifier: ISC */
/* sim/story.c - see sim/story.h: how things follow on each other. */
#include "sim/story.h"

#include "sim/story_act.h"
#include "sim/story_check.h"
#include "sim/story_notice.h"
#include "sim/story_world.h"

/* MIN and MAX of the schedule, and the largest factor of chance. */
#define MIN_MS 60000
#define MAX_MS 3600000
#define LONGEST_MS (MAX_MS * 3 / 2)

/* In this time a queue drains when the world is well again. */
#define DRAIN_MS (LONGEST_MS + 20 * 60 * 1000)

/* Turns of the loop that an hour without a client may take. */
#define HOUR_TURNS 40000

#define DAY_MS (86400ll * 1000)

struct story_sum story_sum;
struct story story;

static uint64_t draw(uint64_t n)
{
	return sim_below(&dev.sim, n);
}

unsigned story_event(void)
{
	return story.event;
}

static void pass(int64_t ms)
{
	unsigned turns = dev.net.turns;

	sim_device_run(&dev, ms);
	story_look();
	if (dev.net.turns - turns > (ms / 3600000 + 1) * HOUR_TURNS)
		story_wrong("too much happens");
}

static void one_step(void)
{
	story.event++;
	switch (draw(16)) {
	case 0:
		if (draw(4) == 0)
			story_restart();
		break;
	case 1:
		story_reload();
		break;
	case 2:
	case 3:
		story_order();
		break;
	case 4:
	case 5:
	case 6:
	case 7:
	case 8:
		story_trouble();
		break;
	default:
		story_submit();
	}
}

/* Nothing is to be done: nothing is done. */
static void rest(void)
{
	story_close_clients();
	/* Marks are written, connections are closed. */
	pass(SPOOL_LAZY_MS + 10 * 60 * 1000);
	sim_device_wakes(&dev);
	sim_device_watch(&dev);
	pass((int64_t)(1 + draw(3)) * DAY_MS);
	if (sim_device_wakes(&dev) > 0)
		story_wrong("it wakes up although there is nothing to do");
	if (sim_device_bytes(&dev) > 0)
		story_wrong("it writes although there is nothing to do");
}

/* All is mended: the queue has to drain in time. */
static void drain(void)
{
	int64_t began;

	story.event++;
	story_heal();
	story_release();
	began = dev.sim.now_ms;
	while (!story.wrong && dev.sim.now_ms - began < DRAIN_MS) {
		pass(60000);
		if (story_is_done())
			break;
	}
	if (story.wrong)
		return;
	if (story_sum.drain_ms < dev.sim.now_ms - began)
		story_sum.drain_ms = dev.sim.now_ms - began;
	story_end();
	story_sum.drains++;
}

/* A delay between two attempts at a hop that is long away. */
static void note_delay(int64_t ms)
{
	if (ms < MAX_MS / 2 - 60000 || ms > LONGEST_MS + 60000)
		story_wrong("an attempt too early or too late");
	if (story.delays++ == 0)
		story.least_ms = story.most_ms = ms;
	if (ms < story.least_ms)
		story.least_ms = ms;
	if (ms > story.most_ms)
		story.most_ms = ms;
}

/* How much mail the relay has given up so far. */
static uint64_t given_up(void)
{
	return dev.relay->count.expired + dev.relay->count.dropped;
}

/* Bytes written so far, less what a full ring had to copy. */
static uint64_t new_bytes(void)
{
	return dev.disk.bytes -
	       (uint64_t)spool_stats(dev.spool).copied * SPOOL_FRAME;
}

/*
 * The link is gone for a day or two, and nobody does anything: attempts come
 * as the schedule says, and none of them writes.
 */
static void outage(void)
{
	int64_t began = dev.sim.now_ms, last_ms = 0;
	struct sim_listener *door = hops[draw(2)].door;
	uint64_t bytes, before = given_up(), since;

	story_heal();
	for (unsigned i = 0; i < 2; i++)
		hops[i].door->mood = SIM_REFUSES;
	story_submit();
	/* By then every delay is as long as any. */
	pass(12 * 3600000);
	bytes = new_bytes();
	since = given_up();
	for (unsigned n = door->connects; !story.wrong;) {
		pass(20000);
		if (dev.sim.now_ms - began > DAY_MS + DAY_MS / 2)
			break;
		if (door->connects == n)
			continue;
		if (door->connects > n + 1)
			story_wrong("attempts at the same time");
		n = door->connects;
		story_sum.attempts++;
		/* A notice of what expired may be the first on an idle route. */
		if (last_ms > 0 && given_up() == before)
			note_delay(dev.sim.now_ms - last_ms);
		last_ms = dev.sim.now_ms;
	}
	/* The age of what waits, once a day; and what grew too old. */
	if (given_up() == since && new_bytes() - bytes > 2 * SPOOL_FRAME)
		story_wrong("a retry writes");
	story_sum.outages++;
}

/* The link is gone, and everybody has something to say: the spool fills. */
static void flood(void)
{
	for (unsigned i = 0; i < 2; i++)
		hops[i].door->mood = SIM_REFUSES;
	for (unsigned n = 40 + (unsigned)draw(60); n > 0 && !story.wrong; n--) {
		story_submit();
		pass((int64_t)draw(20000));
	}
}

/*
 * The password has expired: it is not tried again every minute, and who
 * submits meanwhile gets a yes.
 */
static void lock_out(void)
{
	unsigned before;

	story_world_lock_out();
	pass(MIN_MS);
	before = hops[0].logins;
	for (int64_t ms = 0; ms < MAX_MS / 8 - 2 * MIN_MS; ms += MIN_MS / 4) {
		if (draw(10) == 0)
			story_submit();
		pass(MIN_MS / 4);
	}
	if (hops[0].logins > before + 1)
		story_wrong("a refused password is tried too often");
	pass(3 * MAX_MS);
	story_heal();
}

static void begin(uint64_t seed)
{
	fixture_up(NULL);
	dev.sim.seed = seed;
	memset(&story, 0, sizeof(story));
	story_notices_retire();
	story_world_begin();
	story_start();
}

static const char *end(void)
{
	if (!story.wrong && story.delays > 30 &&
	    story.most_ms - story.least_ms < MAX_MS / 2)
		story_wrong("delays without chance");
	story_sum.hours += (unsigned)(story_ms() / 3600000);
	story_world_end();
	fixture_down(NULL);
	return story.wrong;
}

const char *story_run(uint64_t seed, unsigned steps)
{
	begin(seed);
	for (unsigned i = 0; i < steps && !story.wrong; i++) {
		one_step();
		pass((int64_t)draw(draw(12) ? 5000 : 1200000));
	}
	if (!story.wrong)
		drain();
	return end();
}

/* The time until something happens again. */
static int64_t gap_ms(void)
{
	switch (draw(10)) {
	case 0:
		return (int64_t)draw(2 * DAY_MS);
	case 1:
	case 2:
		return (int64_t)draw(6 * 3600000);
	case 3:
	case 4:
		return (int64_t)draw(1200000);
	default:
		return (int64_t)draw(20000);
	}
}

const char *story_live(uint64_t seed, unsigned days)
{
	int64_t healed_ms = 0;

	begin(seed);
	while (!story.wrong && story_ms() < days * DAY_MS) {
		one_step();
		pass(gap_ms());
		if (draw(400) == 0)
			outage();
		if (draw(400) == 0)
			lock_out();
		if (draw(400) == 0 && story.nmails < STORY_MAX - 110)
			flood();
		if (story.nmails < STORY_MAX - 10 &&
		    story_ms() - healed_ms < 30 * DAY_MS)
			continue;
		drain();
		if (!story.wrong)
			rest();
		story_retire();
		healed_ms = story_ms();
	}
	return end();
}
