/* SPDX-License-Identifier: ISC */
/*
 * Messages that arrive beside each other share a sync, and none waits long
 * for another (DESIGN.md 3.2: the commit).
 */
#include "sim/fixture.h"

#define BODY "Subject: x\r\n\r\nhello\r\n"

static struct sim_client *const a = &clients[0], *const b = &clients[1];

/* The hop is known to be down; both clients have said who and whom. */
static void begin_two(void)
{
	sim_device_start(&dev, FIXTURE_ONE);
	hops[0].door->mood = SIM_REFUSES;
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	fixture_hello(a, BY_SMTP);
	fixture_hello(b, BY_SMTP);
	fixture_mail(a, "a@b.org", "c@d.org");
	fixture_mail(b, "a@b.org", "c@d.org");
}

static void one_that_comes_a_moment_later(void **state)
{
	(void)state;
	begin_two();
	unsigned before = (unsigned)sim_device_syncs(&dev);

	fixture_data(a, BODY);
	fixture_data(b, BODY);
	fixture_expect(a, "250 2.0.0 queued as ", 100);
	fixture_expect(b, "250 2.0.0 queued as ", 100);
	assert_int_equal(sim_device_syncs(&dev), before + 1);
}

static void one_that_dawdles_is_not_waited_for(void **state)
{
	(void)state;
	begin_two();
	fixture_data(a, BODY);
	int64_t began = dev.sim.now_ms;
	fixture_expect(a, "250 2.0.0 queued as ", 100);
	assert_in_range(a->at_ms - began, 10, 20);
	assert_int_equal(fixture_queued(), 2);
}

static void a_lone_one_is_committed_at_once(void **state)
{
	(void)state;
	begin_two();
	sim_client_close(b);
	sim_device_run(&dev, 10);
	fixture_data(a, BODY);
	int64_t began = dev.sim.now_ms;
	fixture_expect(a, "250 2.0.0 queued as ", 100);
	assert_in_range(a->at_ms - began, 0, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(one_that_comes_a_moment_later),
		FIXTURE_TEST(one_that_dawdles_is_not_waited_for),
		FIXTURE_TEST(a_lone_one_is_committed_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
