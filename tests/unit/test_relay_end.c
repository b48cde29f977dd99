/* SPDX-License-Identifier: ISC */
/*
 * Ends in the middle: SIGTERM, a reload, submitters that vanish, sessions
 * that say nothing (DESIGN.md 3.1).
 */
#include "sim/fixture.h"

static struct sim_client *const c = &clients[0];

#define BODY "Subject: x\r\n\r\nhello\r\n"
#define TWO "smarthost smtp://192.0.2.2 tls=off\n"

static void slow_dot(int64_t ms)
{
	sim_hop_rule(&hops[0],
		     (struct sim_rule){ .step = SIM_DOT, .after_ms = ms });
}

/* Staged messages are committed and answered, sessions get 421. */
static void an_end_in_the_middle(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	slow_dot(2000);
	fixture_hello(&clients[1], BY_SMTP);
	fixture_hello(&clients[2], BY_SMTP);
	fixture_mail(&clients[2], "a@b.org", "c@d.org");
	fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org", BODY);
	sim_device_run(&dev, 100);
	assert_int_equal(c->len, 0);
	sim_client_forget(&clients[2]);
	relay_stop(dev.relay);
	assert_true(sim_device_ends(&dev, 10000));
	assert_memory_equal(c->got, "250 2.0.0 queued as ", 20);
	assert_memory_equal(clients[1].got, "421 4.3.2 ", 10);
	assert_memory_equal(clients[2].got, "421 4.3.2 ", 10);
	/* The attempt had its time: nothing is delivered twice. */
	assert_int_equal(hops[0].nmails, 1);
	assert_int_equal(sim_hop_heard(&hops[0], "QUIT\n"), 1);
	assert_int_equal(fixture_queued(), 0);
	assert_int_equal(sim_net_held(&dev.net), 0);
}

/* An attempt has 5 s; what it leaves open is found at the next start. */
static void an_attempt_has_5_s(void **state)
{
	int64_t began;

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_rule(&hops[0],
		     (struct sim_rule){ .step = SIM_RCPT, .act = SIM_STALLS });
	fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org", BODY);
	sim_device_run(&dev, 100);
	began = dev.sim.now_ms;
	relay_stop(dev.relay);
	assert_true(sim_device_ends(&dev, 10000));
	assert_in_range(dev.sim.now_ms - began, 4990, 5020);
	assert_memory_equal(c->got, "250 2.0.0 queued as ", 20);
	assert_int_equal(fixture_queued(), 1);
	sim_device_kill(&dev);
	sim_hop_heals(&hops[0]);
	sim_device_start(&dev, FIXTURE_ONE);
	sim_device_run(&dev, 100);
	assert_int_equal(hops[0].nmails, 1);
}

static void an_end_with_nothing_to_do(void **state)
{
	int64_t began;

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 taken");
	began = dev.sim.now_ms;
	relay_stop(dev.relay);
	assert_true(sim_device_ends(&dev, 10000));
	assert_in_range(dev.sim.now_ms - began, 0, 50);
	assert_int_equal(sim_hop_heard(&hops[0], "QUIT\n"), 1);
}

static void an_end_without_a_spool(void **state)
{
	(void)state;
	dev.no_spool = true;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_rule(&hops[0],
		     (struct sim_rule){ .step = SIM_RCPT, .act = SIM_STALLS });
	fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org", BODY);
	sim_device_run(&dev, 100);
	relay_stop(dev.relay);
	assert_true(sim_device_ends(&dev, 10000));
	assert_memory_equal(c->got, "451 4.3.", 8);
}

/* Before its final dot it was never there. */
static void gone_before_the_dot(void **state)
{
	static const char *const parts[] = {
		"",
		"MAIL FROM:<a@b.org>\r\n",
		"MAIL FROM:<a@b.org>\r\nRCPT TO:<c@d.org>\r\n",
		"MAIL FROM:<a@b.org>\r\nRCPT TO:<c@d.org>\r\nDATA\r\n",
	};

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	for (size_t i = 0; i < 2 * ARRAY_LEN(parts); i++) {
		fixture_hello(c, BY_SMTP);
		sim_client_say(c, parts[i / 2]);
		sim_device_run(&dev, 10);
		if (i == 7)
			sim_client_say(c, BODY);
		if (i % 2)
			sim_client_close(c);
		else
			sim_conn_reset(c->conn, 0);
		sim_device_run(&dev, 3000);
		assert_int_equal(sim_net_held(&dev.net), 0);
	}
	assert_int_equal(hops[0].sessions, 0);
	assert_int_equal(fixture_queued(), 0);
	assert_int_equal(stage_room(&dev.relay->stage),
			 STAGE_BLOCKS * STAGE_BLOCK);
}

/* After it the message is delivered or committed. */
static void gone_behind_the_dot(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	fixture_submit(c, BY_SMTP, "a@b.org", "1@d.org", BODY);
	sim_client_close(c);
	sim_device_run(&dev, 3000);
	assert_int_equal(sim_hop_got(&hops[0], "1@d.org"), 1);
	assert_int_equal(sim_device_bytes(&dev), 0);

	hops[0].door->mood = SIM_REFUSES;
	fixture_submit(c, BY_SMTP, "a@b.org", "2@d.org", BODY);
	sim_conn_reset(c->conn, 1);
	c->conn = NULL;
	sim_device_run(&dev, 100);
	assert_int_equal(fixture_queued(), 1);
	hops[0].door->mood = SIM_ACCEPTS;
	sim_device_run(&dev, 95 * 1000);
	assert_int_equal(sim_hop_got(&hops[0], "2@d.org"), 1);
	assert_int_equal(stage_room(&dev.relay->stage),
			 STAGE_BLOCKS * STAGE_BLOCK);
}

/* QUIT in the same breath as the dot: both are answered. */
static void quit_behind_the_dot(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	fixture_submit(c, BY_SMTP, "a@b.org", "1@d.org", BODY);
	sim_client_say(c, "QUIT\r\n");
	fixture_expect(c, "250 2.0.0 taken\r\n", 100);
	sim_device_run(&dev, 100);
	assert_true(c->closed);
	assert_true(sim_client_saw(c, "221 2.0.0 "));
}

static void a_session_that_says_nothing(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	fixture_hello(c, BY_SMTP);
	fixture_hello(&clients[1], BY_SMTP);
	fixture_mail(&clients[1], "a@b.org", "1@d.org");
	sim_device_run(&dev, 299 * 1000);
	assert_false(c->closed);
	assert_false(clients[1].closed);
	sim_device_run(&dev, 2 * 1000);
	assert_true(c->closed);
	assert_true(clients[1].closed);
	assert_memory_equal(c->got, "421 4.4.2 ", 10);
	assert_true(sim_client_saw(&clients[1], "421 4.4.2 "));
	assert_true(sim_device_next_ms(&dev) == INT64_MAX);
}

/* Whatever the pieces: the same. */
static void in_small_pieces(void **state)
{
	const char *body = fixture_body(3000);

	(void)state;
	for (size_t most = 1; most <= 64; most *= 4) {
		dev.net.most = most;
		sim_device_start(&dev, FIXTURE_ONE);
		fixture_submit(c, BY_LMTP, "a@b.org", "1@d.org", body);
		fixture_expect(c, "250 2.0.0 taken", 60000);
		const struct sim_mail *m = &hops[0].mails[hops[0].nmails - 1];
		assert_string_equal(m->data + m->len - 3000, body);
		sim_device_kill(&dev);
		sim_advance(&dev.sim, dev.sim.now_ms + 100);
	}
}

/* The route under an attempt changes: it ends as it began, once. */
static void a_reload_under_an_attempt(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	slow_dot(2000);
	fixture_submit(c, BY_SMTP, "a@b.org", "1@d.org", BODY);
	sim_device_run(&dev, 100);
	assert_int_equal(sim_device_reload(&dev, TWO), 0);
	fixture_expect(c, "250 2.0.0 taken", 3000);
	assert_int_equal(hops[0].nmails, 1);
	assert_int_equal(hops[1].nmails, 0);
	fixture_send("a@b.org", "2@d.org", "250 2.0.0 taken");
	assert_int_equal(hops[1].nmails, 1);
	sim_device_run(&dev, 5000);
	assert_int_equal(hops[0].closed, 1);
}

/* The same, with the attempt's hop failing: the new route gets it. */
static void a_reload_under_an_attempt_that_fails(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_rule(&hops[0], (struct sim_rule){ .step = SIM_DATA,
						  .after_ms = 2000,
						  .act = SIM_DROPS });
	fixture_submit(c, BY_SMTP, "a@b.org", "1@d.org", BODY);
	sim_device_run(&dev, 100);
	assert_int_equal(sim_device_reload(&dev, TWO), 0);
	sim_device_run(&dev, 5000);
	assert_true(sim_client_saw(c, "250 2.0.0 "));
	assert_int_equal(hops[0].nmails, 0);
	assert_int_equal(hops[1].nmails, 1);
	assert_int_equal(fixture_queued(), 0);
}

/* Another part of the message under an attempt, for a route of its number. */
static void a_reload_beside_an_attempt(void **state)
{
	(void)state;
	sim_device_start(&dev, "route d.org smtp://192.0.2.1 tls=off\n"
			       "smarthost smtp://192.0.2.2 tls=off\n"
			       "commit-after 0s\n");
	hops[1].door->mood = SIM_REFUSES;
	slow_dot(2000);
	fixture_submit(c, BY_SMTP, "a@b.org", "1@d.org,2@f.org", BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 1000);
	assert_int_equal(sim_device_reload(&dev, FIXTURE_ONE), 0);
	sim_device_run(&dev, 5000);
	assert_int_equal(sim_hop_got(&hops[0], "1@d.org"), 1);
	assert_int_equal(sim_hop_got(&hops[0], "2@f.org"), 1);
	assert_int_equal(fixture_queued(), 0);
}

/* The header that is still to be sent is of the configuration in force. */
static void reloads_before_the_header(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE "from first@one.example\n");
	sim_hop_rule(&hops[0],
		     (struct sim_rule){ .step = SIM_DATA, .after_ms = 2000 });
	fixture_submit(c, BY_SMTP, "a@b.org", "1@d.org",
		       "From: a@b.org\r\n" BODY);
	sim_device_run(&dev, 100);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(sim_device_reload(&dev, FIXTURE_ONE
						   "from 2nd@two.example\n"),
				 0);
	fixture_expect(c, "250 2.0.0 taken", 3000);
	assert_non_null(
		strstr(hops[0].mails[0].data, "\nFrom: 2nd@two.example\r\n"));
}

/* A client that stays is told our name as it is now. */
static void reloads_under_a_session(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE "hostname a-long-name.example\n");
	fixture_hello(c, BY_SMTP);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(sim_device_reload(&dev, FIXTURE_ONE
						   "hostname short.example\n"),
				 0);
	sim_client_forget(c);
	sim_client_say(c, "EHLO client.test\r\n");
	fixture_expect(c, "250-short.example\r\n", 1000);
}

/* Routes change their numbers: nothing goes where it does not belong. */
static void moved_routes(const char *more)
{
	char conf[200];
	struct buf b = BUF_ON(conf);

	fixture_up(NULL);
	buf_putf(&b, "route d.org smtp://192.0.2.1 tls=off\n%s", more);
	sim_device_start(&dev, buf_cstr(&b));
	sim_hop_rule(&hops[0], (struct sim_rule){ .step = SIM_DATA,
						  .after_ms = 2000,
						  .act = SIM_DROPS });
	fixture_submit(c, BY_SMTP, "a@b.org", "1@d.org", BODY);
	sim_device_run(&dev, 100);
	assert_int_equal(
		sim_device_reload(&dev, "route x.org smtp://192.0.2.2 tls=off\n"
					"route d.org smtp://192.0.2.3 "
					"tls=off\n"),
		0);
	sim_device_run(&dev, 5000);
	assert_int_equal(hops[1].sessions, 0);
	assert_int_equal(hops[2].nmails, 1);
	assert_int_equal(fixture_queued(), 0);
	fixture_down(NULL);
}

static void a_reload_moves_routes(void **state)
{
	fixture_down(state);
	moved_routes("");
	moved_routes("commit-after 0s\n");
	fixture_up(state);
}

/* Queued mail under way, too. */
static void a_reload_under_a_queued_message(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE "commit-after 0s\n");
	slow_dot(5000);
	fixture_submit(c, BY_SMTP, "a@b.org", "1@d.org", BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 100);
	sim_device_run(&dev, 100);
	assert_int_equal(sim_device_reload(&dev, TWO), 0);
	sim_device_run(&dev, 60 * 1000);
	assert_int_equal(hops[0].nmails, 1);
	assert_int_equal(hops[1].nmails, 0);
	assert_int_equal(fixture_queued(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(an_end_in_the_middle),
		FIXTURE_TEST(an_attempt_has_5_s),
		FIXTURE_TEST(an_end_with_nothing_to_do),
		FIXTURE_TEST(an_end_without_a_spool),
		FIXTURE_TEST(gone_before_the_dot),
		FIXTURE_TEST(gone_behind_the_dot),
		FIXTURE_TEST(quit_behind_the_dot),
		FIXTURE_TEST(a_session_that_says_nothing),
		FIXTURE_TEST(in_small_pieces),
		FIXTURE_TEST(a_reload_under_an_attempt),
		FIXTURE_TEST(a_reload_under_an_attempt_that_fails),
		FIXTURE_TEST(a_reload_beside_an_attempt),
		FIXTURE_TEST(reloads_before_the_header),
		FIXTURE_TEST(reloads_under_a_session),
		FIXTURE_TEST(a_reload_moves_routes),
		FIXTURE_TEST(a_reload_under_a_queued_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
