/* SPDX-License-Identifier: ISC */
/*
 * Tries ahead of a breaker's time: when a link or an address comes up, and
 * when the wall clock is set (DESIGN.md 3.3, 3.4).  And what the log says of
 * a route: one line a change of state.
 */
#include "sim/fixture.h"

#include "relay/parts.h"

#define HOUR 3600000ll
#define ONE FIXTURE_ONE "retry 1h 2h\n"

/* One message is queued with the hop down, half an hour at least to go. */
static void lose_one(void)
{
	hops[0].door->mood = SIM_AWAY;
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	assert_true(relay_misses_link(dev.relay));
	hops[0].door->mood = SIM_ACCEPTS;
}

static void queue_one(const char *conf)
{
	sim_device_start(&dev, conf);
	lose_one();
}

static void queued_mail_goes_behind_a_splay(void **state)
{
	unsigned early = 0;

	(void)state;
	sim_device_start(&dev, ONE);
	/* Uniform in a minute: half of it has passed for half of them. */
	for (unsigned i = 0; i < 40; i++) {
		size_t before = hops[0].nmails;

		lose_one();
		sim_device_run(&dev, 1000);
		assert_int_equal(hops[0].nmails, before);
		relay_link_up(dev.relay);
		sim_device_run(&dev, 30000);
		early += hops[0].nmails > before;
		sim_device_run(&dev, 30100);
		assert_int_equal(hops[0].nmails, before + 1);
		assert_false(relay_misses_link(dev.relay));
		sim_device_run(&dev, 10000);
	}
	assert_in_range(early, 8, 32);
}

static void new_mail_goes_at_once(void **state)
{
	(void)state;
	queue_one(ONE "splay 1d\n");
	/* Not before the link is up: the breaker is open. */
	fixture_send("a@b.org", "new@d.org", "250 2.0.0 queued as ");
	assert_int_equal(hops[0].sessions, 0);
	relay_link_up(dev.relay);
	sim_device_run(&dev, 100);
	assert_int_equal(hops[0].sessions, 0);
	fixture_send("a@b.org", "new@d.org", "250 2.0.0 taken");
	assert_int_equal(hops[0].nmails, 1);
}

/* What is said of the next attempt is when it will come. */
static void the_splay_is_told(void **state)
{
	struct sim_client *c = &clients[0];
	long s;

	(void)state;
	queue_one(ONE "splay 20m\n");
	relay_link_up(dev.relay);
	sim_device_order(&dev, c, "status json");
	s = fixture_number(c, "next_attempt_s");
	sim_device_order(&dev, c, "queue json");
	assert_int_equal(fixture_number(c, "next_attempt_s"), s);
	assert_in_range(s, 2, 1200);
	sim_device_run(&dev, (s - 1) * 1000);
	assert_int_equal(hops[0].nmails, 0);
	sim_device_run(&dev, 1100);
	assert_int_equal(hops[0].nmails, 1);
}

/* A probe that began before it, and fails behind it. */
static void a_link_that_comes_up_during_a_probe(void **state)
{
	(void)state;
	queue_one(ONE "splay 5s\n");
	hops[0].door->mood = SIM_SILENT;
	relay_flush(dev.relay);
	sim_device_run(&dev, 1000);
	assert_int_equal(hops[0].door->connects, 2);
	hops[0].door->mood = SIM_ACCEPTS;
	assert_true(relay_misses_link(dev.relay));
	relay_link_up(dev.relay);
	sim_device_run(&dev, 10 * 60000);
	assert_int_equal(hops[0].nmails, 1);
	/* It is no news for the attempt behind that one. */
	hops[0].door->mood = SIM_AWAY;
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	hops[0].door->mood = SIM_ACCEPTS;
	sim_device_run(&dev, HOUR / 2 - 1000);
	assert_int_equal(hops[0].nmails, 1);
}

static void two_events_are_one(void **state)
{
	int64_t next_ms;

	(void)state;
	queue_one(ONE);
	relay_link_up(dev.relay);
	sim_device_run(&dev, 0);
	next_ms = sim_device_next_ms(&dev);
	for (unsigned i = 0; i < 100; i++)
		relay_link_up(dev.relay);
	sim_device_run(&dev, 0);
	assert_true(sim_device_next_ms(&dev) == next_ms);
}

/* A link that comes and goes every ten seconds, with nothing behind it. */
static void a_flapping_link_defeats_no_breaker(void **state)
{
	unsigned tries;

	(void)state;
	queue_one(FIXTURE_ONE "splay 5s\n");
	hops[0].door->mood = SIM_AWAY;
	for (unsigned i = 0; i < 8640; i++) {
		relay_link_up(dev.relay);
		sim_device_run(&dev, 10000);
	}
	/* A day: 6 + 24 by the breaker's own law, 13 more by the link. */
	tries = hops[0].door->connects;
	assert_in_range(tries, 13, 60);
	/* What has worked clears the account. */
	hops[0].door->mood = SIM_ACCEPTS;
	sim_device_run(&dev, 2 * HOUR);
	assert_int_equal(hops[0].nmails, 1);
	hops[0].door->mood = SIM_AWAY;
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	hops[0].door->mood = SIM_ACCEPTS;
	relay_link_up(dev.relay);
	sim_device_run(&dev, 5100);
	assert_int_equal(hops[0].nmails, 2);
}

/* A route in trouble is no reason to hold up another, or another hop. */
static void what_is_well_is_left_alone(void **state)
{
	(void)state;
	sim_device_start(&dev,
			 "route far.org smtp://192.0.2.2 tls=off\n"
			 "route far.org smtp://192.0.2.3 tls=off\n" FIXTURE_ONE
			 "splay 1d\n");
	/* The first hop of the one is down, the second takes what there is. */
	hops[1].door->mood = SIM_AWAY;
	fixture_send("a@b.org", "c@far.org", "250 2.0.0 taken");
	/* All of the other are, and have been for hours. */
	hops[0].door->mood = SIM_AWAY;
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	sim_device_run(&dev, 4 * HOUR);
	sim_hop_says(&hops[2], SIM_RCPT, NULL, "450 4.2.1 busy");
	fixture_send("a@b.org", "d@far.org", "250 2.0.0 queued as ");
	sim_hop_heals(&hops[2]);
	relay_link_up(dev.relay);
	assert_true(route_due_ms(dev.relay, 1) > dev.sim.now_ms + 100 * 1000);
	sim_device_run(&dev, 92 * 1000);
	assert_int_equal(hops[2].nmails, 2);
	assert_int_equal(hops[1].nmails, 0);
}

static void nothing_to_do_nothing_done(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 taken");
	sim_device_run(&dev, 10000);
	relay_link_up(dev.relay);
	assert_false(relay_misses_link(dev.relay));
	assert_true(sim_device_next_ms(&dev) == INT64_MAX);
	/* What is refused for credentials does not become better by a link. */
	sim_hop_says(&hops[0], SIM_MAIL, NULL, "530 5.7.0 log in first");
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	assert_false(relay_misses_link(dev.relay));
	relay_link_up(dev.relay);
	relay_clock_set(dev.relay);
	sim_device_run(&dev, 120 * 1000);
	assert_int_equal(hops[0].sessions, 2);
}

/* A name server that checks signatures fails with a clock of 1970. */
static void a_clock_that_is_set_may_have_healed_a_hop(void **state)
{
	(void)state;
	queue_one(ONE);
	sim_set_wall(&dev.sim, 1798761600);
	relay_clock_set(dev.relay);
	sim_device_run(&dev, 61 * 1000);
	assert_int_equal(hops[0].nmails, 1);
}

/* The peer's words differ each time; the state does not. */
static void one_line_a_change_of_state(void **state)
{
	char words[32];

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE "retry 1m 1h\n");
	for (unsigned i = 0; i < 30; i++) {
		sim_hop_heals(&hops[0]);
		snprintf(words, sizeof(words), "535 5.7.8 no [%u]", i);
		sim_hop_says(&hops[0], SIM_MAIL, NULL, words);
		if (i == 0)
			fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued");
		else
			sim_device_run(&dev, HOUR / 2);
	}
	assert_true(sim_hop_heard(&hops[0], "MAIL FROM") > 8);
	assert_int_equal(sim_logged("W route"), 1);
	assert_int_equal(sim_logged("state=held"),
			 sim_hop_heard(&hops[0], "MAIL FROM"));
	/* From held to down is a change, and back up again. */
	hops[0].door->mood = SIM_REFUSES;
	sim_device_run(&dev, 2 * HOUR);
	assert_int_equal(sim_logged("W route"), 2);
	sim_hop_heals(&hops[0]);
	hops[0].door->mood = SIM_ACCEPTS;
	sim_device_run(&dev, 2 * HOUR);
	assert_int_equal(sim_logged("I route"), 1);
	assert_int_equal(sim_logged("W route"), 2);
	assert_int_equal(hops[0].nmails, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(queued_mail_goes_behind_a_splay),
		FIXTURE_TEST(new_mail_goes_at_once),
		FIXTURE_TEST(the_splay_is_told),
		FIXTURE_TEST(a_link_that_comes_up_during_a_probe),
		FIXTURE_TEST(two_events_are_one),
		FIXTURE_TEST(a_flapping_link_defeats_no_breaker),
		FIXTURE_TEST(what_is_well_is_left_alone),
		FIXTURE_TEST(nothing_to_do_nothing_done),
		FIXTURE_TEST(a_clock_that_is_set_may_have_healed_a_hop),
		FIXTURE_TEST(one_line_a_change_of_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
