/* SPDX-License-Identifier: ISC */
/*
 * A fleet small enough for every run: what "make fleet" shows of 100,000
 * devices holds for 20,000 (STANDARDS.md section 4).  As many attempts a bin,
 * so that chance makes the same noise.
 */
#include "lib/check.h"

#include "sim/fleet.h"

#define DEVICES 20000

static struct fleet run;

static void go(enum fleet_law law, enum fleet_herd herd, unsigned away_s,
	       unsigned bin_s)
{
	run = (struct fleet){ .law = law,
			      .herd = herd,
			      .away_s = away_s,
			      .devices = DEVICES,
			      .bin_s = bin_s,
			      .seed = 20261123 };
	fleet_run(&run);
	print_message("first hour %.0f/s of %.0f, then %.2f/s, peak %.2f, "
		      "99 %% back after %u s\n",
		      run.first_peak, fleet_bound(&run), run.mean, run.peak,
		      run.most_s);
}

static void two_hours_away(enum fleet_herd herd)
{
	go(FLEET_OURS, herd, 7200, 10);
	assert_true(run.first_peak <= fleet_bound(&run));
	assert_int_equal(run.waits, 0);
	/* Nobody is later than the largest delay: 90 minutes. */
	assert_in_range(run.most_s, 7200, 7200 + 5400);
	assert_in_range(run.half_s, 7200, 7200 + 2700);
	go(FLEET_OURS, herd, 7200, 50);
	assert_true(run.mean > 0);
	assert_true(run.peak < 2 * run.mean);
}

static void an_outage(void **state)
{
	(void)state;
	two_hours_away(FLEET_ALERT);
}

static void a_mass_reboot(void **state)
{
	(void)state;
	two_hours_away(FLEET_REBOOT);
	go(FLEET_OURS, FLEET_REBOOT, 0, 10);
	assert_true(run.first_peak <= fleet_bound(&run));
	assert_in_range(run.most_s, 50, 63);
}

static void a_mass_clock_sync(void **state)
{
	(void)state;
	two_hours_away(FLEET_CLOCK);
	go(FLEET_OURS, FLEET_CLOCK, 0, 10);
	assert_true(run.first_peak <= fleet_bound(&run));
	assert_in_range(run.most_s, 50, 63);
	assert_int_equal(run.waits, 0);
}

/* The yardstick can tell: without jitter nothing of it holds. */
static void no_jitter_would_be_seen(void **state)
{
	(void)state;
	go(FLEET_PLAIN, FLEET_ALERT, 7200, 10);
	assert_true(run.first_peak > fleet_bound(&run));
	go(FLEET_PLAIN, FLEET_ALERT, 7200, 50);
	assert_true(run.peak > 10 * run.mean);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_outage),
		cmocka_unit_test(a_mass_reboot),
		cmocka_unit_test(a_mass_clock_sync),
		cmocka_unit_test(no_jitter_would_be_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
