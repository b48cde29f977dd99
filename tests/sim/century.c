/* SPDX-License-Identifier: ISC */
/*
 * sim/century.c - lives of devices, many times faster than they are lived.
 *
 *   century [--years N] [--seed S] [--seconds N]   N years from seed S on
 *   century --replay S                             one of them, with its log
 *
 * A year is a life of its own with the next seed.  Stops at the first thing
 * that is wrong, says which promise it breaks, and how to see it again.
 */
#include <stdlib.h>
#include <time.h>

#include "sim/story.h"

#define DAYS 365

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void show_sum(unsigned years, double seconds)
{
	const struct story_sum *s = &story_sum;

	printf("%u submitted, %u acknowledged, %u deliveries, %u twice, "
	       "%u refused, %u notices, %u relayed, %u removed, %u without room\n",
	       s->submitted, s->acked, s->delivered, s->twice, s->refused,
	       s->returned, s->relayed, s->removed, s->full);
	printf("%u kills, %u power cuts, %u outages with %u attempts; %u times "
	       "the queue drained, %lld min at most\n",
	       s->kills, s->cuts, s->outages, s->attempts, s->drains,
	       (long long)(s->drain_ms / 60000));
	printf("%u device-years in %.0f s, %.0f times real time\n", years,
	       seconds, s->hours * 3600.0 / (seconds > 0 ? seconds : 1));
}

int main(int argc, char **argv)
{
	uint64_t seed = 1;
	unsigned years = 20, done = 0;
	double limit_s = 1e9, began = now_s();
	bool replay = false;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--years") == 0)
			years = (unsigned)strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--seconds") == 0)
			limit_s = strtod(argv[i + 1], NULL);
		else
			seed = strtoull(argv[i + 1], NULL, 10);
		replay |= strcmp(argv[i], "--replay") == 0;
	}
	if (replay)
		years = 1;
	printf("seed %llu\n", (unsigned long long)seed);
	while (done < years && now_s() - began < limit_s) {
		const char *wrong = story_live(seed, DAYS);

		done++;
		if (replay)
			fputs(sim_log(), stdout);
		if (wrong) {
			printf("seed %llu, event %u: %s\n  replay: make sim "
			       "SEED=%llu\n",
			       (unsigned long long)seed, story_event(), wrong,
			       (unsigned long long)seed);
			printf("0 passed, 1 failed after %u device-years\n",
			       done);
			return 1;
		}
		seed++;
	}
	show_sum(done, now_s() - began);
	printf("%u passed, 0 failed\n", done);
	return done == 0;
}
