/* SPDX-License-Identifier: ISC */
/*
 * Recipients that wait for themselves and delay nobody else, and hops that
 * are spoken to over several connections.
 */
#include "sim/fixture.h"

static struct sim_client *const c = &clients[0];

#define BODY "Subject: x\r\n\r\nhello\r\n"
#define TWO                                      \
	"route x.org smtp://192.0.2.2 tls=off\n" \
	"smarthost smtp://192.0.2.1 tls=off\nsplay 0s\n"

static unsigned entries(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < RELAY_DEFERS; i++)
		n += dev.relay->defers[i].id != 0;
	return n;
}

/* The one is busy, the route of the other comes back earlier. */
static void another_route_of_the_message_goes_on(void **state)
{
	(void)state;
	sim_device_start(&dev, TWO);
	sim_hop_says(&hops[0], SIM_RCPT, "<busy@", "450 4.2.1 busy");
	hops[1].door->mood = SIM_REFUSES;
	fixture_submit(c, BY_SMTP, "a@b.org", "busy@d.org,1@x.org", BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 5000);
	sim_device_run(&dev, 1000);
	assert_int_equal(entries(), 1);
	hops[1].door->mood = SIM_ACCEPTS;
	relay_link_up(dev.relay);
	sim_device_run(&dev, 5000);
	assert_int_equal(hops[1].nmails, 1);
	assert_string_equal(hops[1].mails[0].to, "1@x.org ");
	assert_int_equal(sim_hop_heard(&hops[0], "<busy@"), 1);
	sim_device_order(&dev, c, "queue json");
	assert_non_null(strstr(c->got, "{\"address\":\"1@x.org\",\"state\":"
				       "\"sent\""));
	assert_non_null(strstr(c->got, "{\"address\":\"busy@d.org\",\"state\":"
				       "\"deferred\",\"code\":450"));
	sim_hop_heals(&hops[0]);
	sim_device_run(&dev, 95 * 1000);
	assert_int_equal(fixture_queued(), 0);
	assert_int_equal(entries(), 0);
}

/* What one has waited makes the other's delay no longer. */
static void each_has_its_own_delay(void **state)
{
	(void)state;
	sim_device_start(&dev, TWO);
	sim_hop_says(&hops[0], SIM_RCPT, "<busy@", "450 4.2.1 busy");
	hops[1].door->mood = SIM_REFUSES;
	fixture_submit(c, BY_SMTP, "a@b.org", "busy@d.org,1@x.org", BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 5000);
	sim_device_run(&dev, 3600 * 1000);
	assert_in_range(sim_hop_heard(&hops[0], "<busy@"), 4, 9);
	sim_hop_says(&hops[1], SIM_RCPT, NULL, "451 4.3.0 later");
	hops[1].door->mood = SIM_ACCEPTS;
	assert_int_equal(sim_device_order(&dev, c, "flush wait"), 0);
	assert_int_equal(sim_hop_heard(&hops[1], "RCPT TO:<1@"), 1);
	unsigned before = sim_hop_heard(&hops[0], "<busy@");

	sim_device_run(&dev, 95 * 1000);
	assert_int_equal(sim_hop_heard(&hops[1], "RCPT TO:<1@"), 2);
	assert_int_equal(sim_hop_heard(&hops[0], "<busy@"), before);
	assert_int_equal(entries(), 2);
}

/* However many they are: one entry, and nobody gets another one's words. */
static void all_of_a_transaction_share_an_entry(void **state)
{
	char rcpts[100 * 12 + 1];
	char *at = rcpts;

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_says(&hops[0], SIM_RCPT, "<r10@", "450 4.7.1 you, r10, wait");
	sim_hop_says(&hops[0], SIM_RCPT, NULL, "450 4.7.1 wait");
	for (unsigned i = 0; i < 100; i++)
		at += sprintf(at, "%sr%u@d.org", i ? "," : "", i);
	fixture_submit(c, BY_SMTP, "a@b.org", rcpts, BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 5000);
	assert_int_equal(entries(), 1);
	sim_device_order(&dev, c, "queue json");
	assert_non_null(strstr(c->got, "\"code\":450,\"dsn\":\"4.7.1\","
				       "\"text\":null"));
	assert_null(strstr(c->got, "you, r10"));
	sim_hop_heals(&hops[0]);
	sim_device_run(&dev, 95 * 1000);
	assert_int_equal(hops[0].nmails, 1);
	assert_int_equal(hops[0].mails[0].nrcpt, 100);
	assert_int_equal(entries(), 0);
}

static void what_is_released_is_tried_at_once(void **state)
{
	char order[40] = "release ";

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_says(&hops[0], SIM_RCPT, NULL, "450 4.2.1 busy");
	fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org", BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 1000);
	memcpy(order + 8, strstr(c->got, "queued as ") + 10, 12);
	sim_hop_heals(&hops[0]);
	assert_int_equal(sim_device_order(&dev, c, order), 0);
	sim_device_run(&dev, 1000);
	assert_int_equal(hops[0].nmails, 1);
	assert_int_equal(entries(), 0);
}

static void submit_many(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		fixture_submit(&clients[i], BY_SMTP, "a@b.org", "c@d.org",
			       BODY);
}

static void as_many_connections_as_are_allowed(void **state)
{
	static const unsigned allowed[] = { 1, 2, 3 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(allowed); i++) {
		char conf[100];
		unsigned before = hops[0].sessions;

		snprintf(conf, sizeof(conf),
			 "smarthost smtp://192.0.2.1 tls=off connections=%u\n",
			 allowed[i]);
		sim_device_start(&dev, conf);
		sim_hop_forget(&hops[0]);
		sim_hop_rule(&hops[0], (struct sim_rule){ .step = SIM_DOT,
							  .after_ms = 1000 });
		submit_many(6);
		sim_device_run(&dev, 500);
		assert_int_equal(hops[0].sessions - before, allowed[i]);
		sim_device_run(&dev, 20000);
		assert_int_equal(hops[0].sessions - before, allowed[i]);
		assert_int_equal(hops[0].nmails, 6);
		assert_int_equal(fixture_queued(), 0);
		sim_device_kill(&dev);
		sim_hop_heals(&hops[0]);
	}
}

/* The queue, too; no message goes twice. */
static void a_queue_is_drained_over_several(void **state)
{
	(void)state;
	sim_device_start(&dev,
			 "smarthost smtp://192.0.2.1 tls=off connections=3\n");
	hops[0].door->mood = SIM_REFUSES;
	for (unsigned i = 0; i < 12; i++)
		fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	hops[0].door->mood = SIM_ACCEPTS;
	sim_hop_rule(&hops[0],
		     (struct sim_rule){ .step = SIM_DOT, .after_ms = 1000 });
	assert_int_equal(sim_device_order(&dev, c, "flush wait"), 0);
	assert_int_equal(hops[0].nmails, 12);
	assert_int_equal(hops[0].sessions, 3);
	assert_int_equal(fixture_queued(), 0);
}

/* A hop that takes one only is not down when it says so. */
static void one_too_many_is_no_trouble(void **state)
{
	(void)state;
	sim_device_start(&dev,
			 "smarthost smtp://192.0.2.1 tls=off connections=3\n");
	sim_hop_rule(&hops[0],
		     (struct sim_rule){ .step = SIM_GREETING,
					.skip = 1,
					.reply = "421 4.7.0 too many" });
	sim_hop_rule(&hops[0],
		     (struct sim_rule){ .step = SIM_DOT, .after_ms = 500 });
	submit_many(4);
	sim_device_run(&dev, 10 * 1000);
	assert_int_equal(hops[0].nmails, 4);
	assert_in_range(hops[0].sessions, 2, 3);
	assert_int_equal(sim_logged("state=down"), 0);
	assert_int_equal(sim_logged("queued id="), 0);
}

/* When all of them fail it is one failure. */
static void all_connections_fail_once(void **state)
{
	(void)state;
	sim_device_start(&dev,
			 "smarthost smtp://192.0.2.1 tls=off connections=3\n");
	sim_hop_rule(&hops[0], (struct sim_rule){ .step = SIM_DATA,
						  .after_ms = 100,
						  .act = SIM_DROPS });
	submit_many(3);
	sim_device_run(&dev, 2000);
	assert_int_equal(dev.relay->hops[0].failures, 1);
	assert_int_equal(fixture_queued(), 3);
	sim_hop_heals(&hops[0]);
	sim_device_run(&dev, 95 * 1000);
	assert_int_equal(hops[0].nmails, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(another_route_of_the_message_goes_on),
		FIXTURE_TEST(each_has_its_own_delay),
		FIXTURE_TEST(all_of_a_transaction_share_an_entry),
		FIXTURE_TEST(what_is_released_is_tried_at_once),
		FIXTURE_TEST(as_many_connections_as_are_allowed),
		FIXTURE_TEST(a_queue_is_drained_over_several),
		FIXTURE_TEST(one_too_many_is_no_trouble),
		FIXTURE_TEST(all_connections_fail_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
