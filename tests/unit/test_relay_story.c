/* SPDX-License-Identifier: ISC */
/*
 * Stories: worlds in which things happen by chance.  SEED=n replays one,
 * STORIES=n plays so many.
 */
#include "sim/story.h"

#include <stdlib.h>

#define STEPS 120

static uint64_t number_of(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

static void stories(void **state)
{
	uint64_t first = number_of("SEED", 1);
	uint64_t n = number_of("STORIES", getenv("SEED") ? 1 : 40);

	(void)state;
	for (uint64_t seed = first; seed < first + n; seed++) {
		const char *wrong = story_run(seed, STEPS);

		if (!wrong)
			continue;
		print_error("SEED=%llu build/host/unit/test_relay_story: %s\n",
			    (unsigned long long)seed, wrong);
		if (n == 1)
			fputs(sim_log(), stderr);
		fail();
	}
	print_message("%u submitted, %u acknowledged, %u deliveries, %u twice, "
		      "%u kills, %u cuts, %u hours\n",
		      story_sum.submitted, story_sum.acked, story_sum.delivered,
		      story_sum.twice, story_sum.kills, story_sum.cuts,
		      story_sum.hours);
	assert_true(story_sum.acked > 10 * n);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(stories) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
