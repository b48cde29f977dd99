/* SPDX-License-Identifier: ISC */
/* sim/sim.c - see sim/sim.h. */
#include "sim/sim.h"

#include <stdio.h>
#include <stdlib.h>

void sim_broken(const char *words)
{
	fprintf(stderr, "sim: %s\n", words);
	abort();
}

static int64_t boot_ms(void *ctx)
{
	return ((struct sim *)ctx)->now_ms;
}

static int64_t wall_s(void *ctx)
{
	struct sim *s = ctx;

	return s->wall_s + (s->now_ms - s->wall_ms) / 1000;
}

static int zone_min(void *ctx, int64_t t)
{
	(void)ctx;
	(void)t;
	return 0;
}

/* Splitmix64 (Steele, Lea, Flood 2014). */
uint64_t sim_random(struct sim *s)
{
	uint64_t z = s->seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint64_t sim_below(struct sim *s, uint64_t n)
{
	return n ? sim_random(s) % n : 0;
}

static void fill_random(void *ctx, void *p, size_t n)
{
	uint8_t *to = p;

	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)(sim_random(ctx) >> 32);
}

void sim_init(struct sim *s, uint64_t seed)
{
	*s = (struct sim){
		.world = { s, boot_ms, wall_s, zone_min, fill_random },
		.now_ms = 1000,
		.wall_ms = 1000,
		.wall_s = 1796083200,
		.seed = seed,
		.limit_ms = INT64_MAX,
	};
}

void sim_clear(struct sim *s)
{
	for (size_t i = 0; i < s->nevents; i++)
		free(s->events[i].arg);
	s->nevents = 0;
}

void sim_set_wall(struct sim *s, int64_t t)
{
	s->wall_s = t;
	s->wall_ms = s->now_ms;
}

void sim_at(struct sim *s, int64_t at_ms, void (*run)(void *ctx, void *arg),
	    void *ctx, void *arg)
{
	if (s->nevents == SIM_EVENTS)
		sim_broken("too much is going to happen");
	if (at_ms < s->now_ms)
		at_ms = s->now_ms;
	s->events[s->nevents++] =
		(struct sim_event){ at_ms, s->order++, run, ctx, arg };
}

/* Index of the next event; there is one. */
static size_t next_event(const struct sim *s)
{
	size_t best = 0;

	for (size_t i = 1; i < s->nevents; i++) {
		const struct sim_event *a = &s->events[i];
		const struct sim_event *b = &s->events[best];

		if (a->at_ms < b->at_ms ||
		    (a->at_ms == b->at_ms && a->order < b->order))
			best = i;
	}
	return best;
}

int64_t sim_next_ms(const struct sim *s)
{
	return s->nevents ? s->events[next_event(s)].at_ms : INT64_MAX;
}

void sim_advance(struct sim *s, int64_t to_ms)
{
	while (s->nevents > 0) {
		size_t i = next_event(s);
		struct sim_event e = s->events[i];

		if (e.at_ms > to_ms)
			break;
		s->events[i] = s->events[--s->nevents];
		if (e.at_ms > s->now_ms)
			s->now_ms = e.at_ms;
		e.run(e.ctx, e.arg);
		free(e.arg);
	}
	if (to_ms > s->now_ms)
		s->now_ms = to_ms;
}
