/* SPDX-License-Identifier: ISC */
/*
 * Queued mail: breakers and their delays, the probe, the drain, flush, what
 * waits for a time of its own, old age (DESIGN.md 3.3).
 */
#include "sim/fixture.h"

#include <errno.h>
#include <stdlib.h>

static struct sim_client *const c = &clients[0];

#define BODY "Subject: x\r\n\r\nhello\r\n"

/* n messages are queued with the hop down. */
static void queue_up(unsigned n)
{
	sim_device_start(&dev, FIXTURE_ONE);
	hops[0].door->mood = SIM_REFUSES;
	for (unsigned i = 0; i < n; i++)
		fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	assert_int_equal(fixture_queued(), n);
	assert_int_equal(hops[0].door->connects, 1);
}

static void one_probe_then_all_over_its_connection(void **state)
{
	(void)state;
	queue_up(20);
	sim_device_watch(&dev);
	sim_device_run(&dev, 20 * 1000);
	assert_int_equal(hops[0].door->connects, 1);
	hops[0].door->mood = SIM_ACCEPTS;
	sim_hop_rule(&hops[0], (struct sim_rule){ .step = SIM_DOT,
						  .times = 1,
						  .after_ms = 1000 });
	/* While the first is probed no other is begun. */
	while (hops[0].mails_said == 0)
		sim_device_run(&dev, 100);
	sim_device_run(&dev, 500);
	assert_int_equal(hops[0].sessions, 1);
	assert_int_equal(hops[0].mails_said, 1);
	sim_device_order(&dev, c, "status json");
	assert_non_null(strstr(c->got, "\"state\":\"probing\""));
	sim_device_run(&dev, 2000);
	assert_int_equal(hops[0].nmails, 20);
	assert_int_equal(hops[0].sessions, 1);
	assert_int_equal(fixture_queued(), 0);
	/* The marks of the whole drain are written with one sync, later. */
	assert_int_equal(sim_device_bytes(&dev), 0);
	sim_device_run(&dev, 600 * 1000);
	assert_int_equal(sim_device_syncs(&dev), 1);
	assert_int_equal(sim_device_bytes(&dev), SPOOL_FRAME);
}

static void the_delay_doubles_with_jitter(void **state)
{
	int64_t last_ms, want_ms = 60000;
	unsigned wakes = 0;

	(void)state;
	queue_up(3);
	last_ms = dev.sim.now_ms;
	sim_device_watch(&dev);
	for (unsigned i = 1; i < 12; i++) {
		while (hops[0].door->connects == i)
			sim_device_run(&dev, 100);
		assert_in_range(dev.sim.now_ms - last_ms, want_ms / 2 - 1000,
				want_ms * 3 / 2 + 1000);
		last_ms = dev.sim.now_ms;
		want_ms = want_ms * 2 > 3600000 ? 3600000 : want_ms * 2;
		/* Nothing but the attempt wakes it. */
		wakes += sim_device_wakes(&dev);
		assert_in_range(wakes, 0, 4 * i);
	}
	/* A retry round writes nothing, and says nothing but in debug. */
	assert_int_equal(sim_device_bytes(&dev), 0);
	assert_int_equal(sim_logged("W route"), 1);
	assert_true(sim_logged("D route") > 5);
}

static void nothing_due_no_wake_up(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	assert_true(sim_device_next_ms(&dev) == INT64_MAX);
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 taken");
	sim_device_run(&dev, 10 * 1000);
	assert_true(sim_device_next_ms(&dev) == INT64_MAX);
	/* A hop that is down and nothing queued for it. */
	hops[0].door->mood = SIM_REFUSES;
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	assert_int_equal(sim_device_order(&dev, c, "remove --all"), 0);
	sim_device_wakes(&dev);
	assert_true(sim_device_next_ms(&dev) == INT64_MAX);
	sim_device_run(&dev, 30ll * 86400 * 1000);
	assert_int_equal(sim_device_wakes(&dev), 0);
	assert_int_equal(hops[0].door->connects, 2);
}

static void a_removed_message_wakes_nobody(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_says(&hops[0], SIM_RCPT, NULL, "450 4.2.1 busy");
	for (unsigned i = 0; i < 3; i++)
		fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	sim_device_run(&dev, 5000);
	assert_int_equal(sim_device_order(&dev, c, "remove --all"), 0);
	assert_true(sim_device_next_ms(&dev) == INT64_MAX);
	sim_device_order(&dev, c, "queue");
	assert_string_equal(c->got, "Mail queue is empty\n");
}

static void idle_for_a_month(void **state)
{
	(void)state;
	queue_up(1);
	hops[0].door->mood = SIM_ACCEPTS;
	sim_device_run(&dev, 3600 * 1000);
	assert_int_equal(fixture_queued(), 0);
	sim_device_wakes(&dev);
	sim_device_watch(&dev);
	sim_device_run(&dev, 30ll * 86400 * 1000);
	assert_int_equal(sim_device_wakes(&dev), 0);
	assert_int_equal(sim_device_bytes(&dev), 0);
}

/* RFC 4954 6, DESIGN.md 3.3: not every minute with a wrong password. */
static void a_refused_password_is_not_tried_often(void **state)
{
	char path[] = "/tmp/test_relay_queueXXXXXX";
	char conf[200];
	struct buf b = BUF_ON(conf);
	FILE *f;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	f = fdopen(fd, "w");
	assert_non_null(f);
	assert_true(fputs("secret\n", f) >= 0);
	assert_int_equal(fclose(f), 0);
	buf_putf(&b,
		 "smarthost smtp://192.0.2.1 tls=off auth=plain user=u "
		 "password-file=%s\nretry 1m 1h\n",
		 path);
	sim_device_start(&dev, buf_cstr(&b));
	sim_hop_says(&hops[0], SIM_AUTH, NULL, "535 5.7.8 wrong");
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	assert_int_equal(sim_device_order(&dev, c, "status json"), 1);
	assert_non_null(strstr(c->got, "\"state\":\"held\",\"reason\":"
				       "\"wrong\""));
	assert_int_equal(hops[0].logins, 1);
	/* MAX/4, times 0.5 at least; with MIN it would be 9 times by then. */
	sim_device_run(&dev, 449 * 1000);
	assert_int_equal(hops[0].logins, 1);
	sim_device_run(&dev, 902 * 1000);
	assert_int_equal(hops[0].logins, 2);
	/* An order tries at once, and once. */
	assert_int_equal(sim_device_order(&dev, c, "flush wait"), 0);
	assert_int_equal(hops[0].logins, 3);
	sim_device_run(&dev, 60 * 1000);
	assert_int_equal(hops[0].logins, 3);
	/* A reload as well. */
	sim_hop_heals(&hops[0]);
	assert_int_equal(sim_device_reload(&dev, buf_cstr(&b)), 0);
	sim_device_run(&dev, 1000);
	assert_int_equal(hops[0].logins, 4);
	assert_int_equal(fixture_queued(), 0);
	assert_null(strstr(sim_log(), "secret"));
	assert_int_equal(remove(path), 0);
}

static void a_flush_probes_once(void **state)
{
	(void)state;
	queue_up(3);
	assert_int_equal(sim_device_order(&dev, c, "flush wait"), 0);
	assert_int_equal(hops[0].door->connects, 2);
	sim_device_run(&dev, 1000);
	assert_int_equal(hops[0].door->connects, 2);
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	assert_int_equal(hops[0].door->connects, 2);
	hops[0].door->mood = SIM_ACCEPTS;
	assert_int_equal(sim_device_order(&dev, c, "flush wait"), 0);
	assert_int_equal(hops[0].nmails, 4);
	assert_int_equal(hops[0].sessions, 1);
}

/* An order with nothing to do is not kept for later mail. */
static void a_flush_of_nothing_opens_no_breaker(void **state)
{
	(void)state;
	queue_up(1);
	assert_int_equal(sim_device_order(&dev, c, "remove --all"), 0);
	assert_int_equal(sim_device_order(&dev, c, "flush wait"), 0);
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	assert_int_equal(hops[0].door->connects, 1);
}

static void a_flush_takes_what_waits_for_itself(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_says(&hops[0], SIM_RCPT, NULL, "450 4.2.1 busy");
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	sim_hop_heals(&hops[0]);
	sim_device_order(&dev, c, "queue json");
	assert_non_null(strstr(c->got, "\"state\":\"deferred\",\"code\":450,"
				       "\"dsn\":\"4.2.1\",\"text\":\"busy\""));
	assert_int_equal(sim_device_order(&dev, c, "flush wait"), 0);
	assert_int_equal(hops[0].nmails, 1);
}

/* One mailbox in trouble delays nobody else. */
static void only_one_is_deferred(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_says(&hops[0], SIM_RCPT, "<busy@", "450 4.2.1 busy");
	fixture_send("a@b.org", "busy@d.org", "250 2.0.0 queued as ");
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 taken");
	sim_device_run(&dev, 20 * 1000);
	assert_int_equal(hops[0].mails_said, 2);
	/* Its delay doubles by itself. */
	unsigned before = sim_hop_heard(&hops[0], "<busy@");
	assert_int_equal(before, 1);
	sim_device_run(&dev, 72 * 1000);
	assert_int_equal(sim_hop_heard(&hops[0], "<busy@"), 2);
	sim_device_run(&dev, 58 * 1000);
	assert_int_equal(sim_hop_heard(&hops[0], "<busy@"), 2);
	sim_device_run(&dev, 124 * 1000);
	assert_int_equal(sim_hop_heard(&hops[0], "<busy@"), 3);
	sim_hop_heals(&hops[0]);
	sim_device_run(&dev, 370 * 1000);
	assert_int_equal(fixture_queued(), 0);
}

/* More messages wait for themselves than are remembered: none is lost. */
static void many_are_deferred(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_says(&hops[0], SIM_RCPT, NULL, "450 4.2.1 busy");
	for (unsigned i = 0; i < RELAY_DEFERS + 6; i++)
		fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	sim_device_run(&dev, 600 * 1000);
	sim_hop_heals(&hops[0]);
	sim_device_run(&dev, 3600 * 1000);
	assert_int_equal(hops[0].nmails, RELAY_DEFERS + 6);
	assert_int_equal(fixture_queued(), 0);
}

static void old_age_returns(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE "lifetime 2h\n");
	hops[0].door->mood = SIM_REFUSES;
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	sim_device_run(&dev, 7100 * 1000);
	assert_int_equal(sim_logged("expired id="), 0);
	sim_device_run(&dev, 5500 * 1000);
	assert_int_equal(sim_logged("expired id="), 1);
	sim_device_order(&dev, c, "queue json");
	assert_non_null(strstr(c->got, "\"state\":\"returning\""));
	assert_non_null(strstr(c->got, "\"state\":\"refused\",\"code\":null,"
				       "\"dsn\":\"4.4.7\",\"text\":\"not "
				       "delivered in time: "));
	sim_device_order(&dev, c, "status json");
	assert_int_equal(fixture_number(c, "expired"), 1);
	hops[0].door->mood = SIM_ACCEPTS;
	sim_device_run(&dev, 86400 * 1000);
	assert_int_equal(hops[0].nmails, 1);
	assert_int_equal(sim_hop_got(&hops[0], "a@b.org"), 1);
	assert_int_equal(sim_logged("expired id="), 1);
	assert_int_equal(sim_logged("returned id="), 1);
	assert_int_equal(fixture_queued(), 0);
}

/* What a medium does not take when it is due is tried again soon. */
static void age_waits_for_the_medium(void **state)
{
	(void)state;
	sim_device_start(&dev, "lifetime 2h\n"
			       "route x.org smtp://192.0.2.1 tls=off\n");
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	dev.disk.sync_error = -EIO;
	sim_device_run(&dev, 7400 * 1000);
	assert_true(sim_logged("a refusal was not stored") > 0);
	assert_int_equal(sim_logged("expired id="), 0);
	dev.disk.sync_error = 0;
	sim_device_run(&dev, 600 * 1000);
	assert_int_equal(sim_logged("expired id="), 1);
}

/* For twice its lifetime nothing can be stored of it: later it is. */
static void old_age_waits_for_the_medium(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE "lifetime 2h\n");
	hops[0].door->mood = SIM_REFUSES;
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	hops[0].door->mood = SIM_ACCEPTS;
	sim_hop_says(&hops[0], SIM_RCPT, "d.org", "550 5.1.1 nobody");
	dev.disk.write_error = -EIO;
	sim_device_run(&dev, 5 * 3600 * 1000);
	assert_int_equal(fixture_queued(), 1);
	assert_int_equal(sim_logged("expired id="), 0);
	/* 1 m doubling to 1 h, with a random factor. */
	assert_true(sim_logged("refused id=") < 40);
	dev.disk.write_error = 0;
	sim_hop_heals(&hops[0]);
	sim_device_run(&dev, 5 * 3600 * 1000);
	assert_int_equal(fixture_queued(), 0);
	assert_int_equal(sim_logged("expired id="), 1);
	assert_int_equal(sim_hop_got(&hops[0], "a@b.org"), 1);
}

/* Age is due, and all slots are busy: that is waited for, asleep. */
static void age_waits_for_a_slot(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	hops[0].door->mood = SIM_SILENT;
	for (unsigned i = 0; i < CONFIG_DELIVERIES; i++) {
		fixture_submit(&clients[i], BY_SMTP, "a@b.org", "c@d.org",
			       BODY);
		sim_device_run(&dev, 100);
		assert_int_equal(hops[0].door->connects, i + 1);
		assert_int_equal(sim_device_reload(&dev, FIXTURE_ONE), 0);
	}
	sim_device_run(&dev, 10000);
	assert_int_equal(fixture_queued(), CONFIG_DELIVERIES);
	assert_int_equal(hops[0].door->connects, CONFIG_DELIVERIES);
	/* A reload has age looked at, whatever it was. */
	assert_int_equal(sim_device_reload(&dev, FIXTURE_ONE), 0);
	sim_device_wakes(&dev);
	sim_device_run(&dev, 1000);
	assert_true(sim_device_wakes(&dev) < 10);
	hops[0].door->mood = SIM_ACCEPTS;
	sim_device_run(&dev, 600 * 1000);
	assert_int_equal(fixture_queued(), 0);
}

/* Nothing ever tries it; age returns it all the same, what is held stays. */
static void mail_without_a_route_grows_old(void **state)
{
	char order[40] = "hold ";

	(void)state;
	sim_device_start(&dev, "lifetime 2h\n"
			       "route x.org smtp://192.0.2.1 tls=off\n");
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	fixture_send("a@x.org", "c@d.org", "250 2.0.0 queued as ");
	fixture_submit(c, BY_SMTP, "a@x.org", "held@d.org", BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 1000);
	memcpy(order + 5, strstr(c->got, "queued as ") + 10, 12);
	assert_int_equal(sim_device_order(&dev, c, order), 0);
	sim_device_run(&dev, 7190 * 1000);
	assert_int_equal(sim_logged("expired id="), 0);
	sim_device_run(&dev, 160 * 1000);
	assert_int_equal(sim_logged("expired id="), 2);
	assert_int_equal(hops[0].nmails, 1);
	assert_int_equal(sim_hop_got(&hops[0], "a@x.org"), 1);
	/* The other's notice has no route either. */
	sim_device_run(&dev, 7000 * 1000);
	assert_int_equal(sim_logged("dropped id="), 0);
	sim_device_run(&dev, 400 * 1000);
	assert_int_equal(sim_logged("dropped id="), 1);
	assert_int_equal(fixture_queued(), 1);
	assert_int_equal(hops[0].nmails, 1);
}

static void queued_mail_waits_for_the_splay(void **state)
{
	(void)state;
	queue_up(5);
	sim_device_kill(&dev);
	hops[0].door->mood = SIM_ACCEPTS;
	dev.splay = true;
	sim_device_start(&dev, FIXTURE_ONE "splay 10m\n");
	assert_int_equal(dev.found.messages, 5);
	int64_t queue_ms = dev.relay->queue_ms - dev.sim.now_ms;
	assert_in_range(queue_ms, 1000, 600 * 1000);
	/* New mail never waits. */
	fixture_send("a@b.org", "new@d.org", "250 2.0.0 taken");
	sim_device_run(&dev, queue_ms - 1000);
	assert_int_equal(hops[0].nmails, 1);
	sim_device_run(&dev, 2000);
	assert_int_equal(hops[0].nmails, 6);
}

/* Two routes: trouble with one is none with the other. */
static void routes_do_not_wait_for_each_other(void **state)
{
	(void)state;
	sim_device_start(&dev, "route x.org smtp://192.0.2.2 tls=off\n"
			       "smarthost smtp://192.0.2.1 tls=off\n");
	hops[1].door->mood = SIM_SILENT;
	fixture_submit(c, BY_SMTP, "a@b.org", "1@x.org,2@d.org", BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 5000);
	assert_int_equal(sim_hop_got(&hops[0], "2@d.org"), 1);
	fixture_send("a@b.org", "3@d.org", "250 2.0.0 taken");
	hops[1].door->mood = SIM_ACCEPTS;
	sim_device_run(&dev, 150 * 1000);
	assert_int_equal(sim_hop_got(&hops[1], "1@x.org"), 1);
	assert_int_equal(sim_hop_got(&hops[0], "2@d.org"), 1);
	assert_int_equal(fixture_queued(), 0);
}

/* While one route has a message the other passes it over, not for ever. */
static void two_routes_take_turns(void **state)
{
	(void)state;
	sim_device_start(&dev, "route x.org smtp://192.0.2.2 tls=off\n"
			       "smarthost smtp://192.0.2.1 tls=off\n");
	hops[0].door->mood = hops[1].door->mood = SIM_REFUSES;
	fixture_send("a@b.org", "1@x.org,2@d.org", "250 2.0.0 queued as ");
	hops[0].door->mood = hops[1].door->mood = SIM_ACCEPTS;
	for (unsigned i = 0; i < 2; i++)
		sim_hop_rule(&hops[i], (struct sim_rule){ .step = SIM_DOT,
							  .after_ms = 1000 });
	assert_int_equal(sim_device_order(&dev, c, "flush wait"), 0);
	sim_device_run(&dev, 5000);
	assert_int_equal(sim_hop_got(&hops[1], "1@x.org"), 1);
	assert_int_equal(sim_hop_got(&hops[0], "2@d.org"), 1);
	assert_int_equal(fixture_queued(), 0);
}

/* What one route has sent does not end the other's delay, nor its wait. */
static void a_delay_belongs_to_its_route(void **state)
{
	(void)state;
	sim_device_start(&dev, "route x.org smtp://192.0.2.2 tls=off\n"
			       "smarthost smtp://192.0.2.1 tls=off\n");
	sim_hop_says(&hops[1], SIM_RCPT, NULL, "450 4.2.1 busy");
	sim_hop_rule(&hops[0],
		     (struct sim_rule){ .step = SIM_DOT, .after_ms = 1000 });
	fixture_send("a@b.org", "1@x.org,2@d.org", "250 2.0.0 queued as ");
	sim_hop_heals(&hops[1]);
	sim_device_run(&dev, 25 * 1000);
	assert_int_equal(sim_hop_got(&hops[0], "2@d.org"), 1);
	assert_int_equal(sim_hop_got(&hops[1], "1@x.org"), 0);
	sim_device_run(&dev, 70 * 1000);
	assert_int_equal(sim_hop_got(&hops[1], "1@x.org"), 1);
	assert_int_equal(fixture_queued(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(one_probe_then_all_over_its_connection),
		FIXTURE_TEST(the_delay_doubles_with_jitter),
		FIXTURE_TEST(nothing_due_no_wake_up),
		FIXTURE_TEST(a_removed_message_wakes_nobody),
		FIXTURE_TEST(idle_for_a_month),
		FIXTURE_TEST(a_refused_password_is_not_tried_often),
		FIXTURE_TEST(a_flush_probes_once),
		FIXTURE_TEST(a_flush_of_nothing_opens_no_breaker),
		FIXTURE_TEST(a_flush_takes_what_waits_for_itself),
		FIXTURE_TEST(only_one_is_deferred),
		FIXTURE_TEST(many_are_deferred),
		FIXTURE_TEST(old_age_returns),
		FIXTURE_TEST(age_waits_for_the_medium),
		FIXTURE_TEST(old_age_waits_for_the_medium),
		FIXTURE_TEST(age_waits_for_a_slot),
		FIXTURE_TEST(mail_without_a_route_grows_old),
		FIXTURE_TEST(queued_mail_waits_for_the_splay),
		FIXTURE_TEST(routes_do_not_wait_for_each_other),
		FIXTURE_TEST(two_routes_take_turns),
		FIXTURE_TEST(a_delay_belongs_to_its_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
