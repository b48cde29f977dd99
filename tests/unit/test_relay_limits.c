/* SPDX-License-Identifier: ISC */
/*
 * The limits of DESIGN.md 2.4 at limit-1, limit and limit+1, and messages
 * that the stage cannot hold.
 */
#include "sim/fixture.h"

#include <stdlib.h>

static struct sim_client *const c = &clients[0];

#define BODY "Subject: x\r\n\r\nhello\r\n"
#define TCP (CONFIG_SESSIONS - CONFIG_SESSIONS_LOCAL)

static unsigned used_sessions(bool local)
{
	unsigned n = 0;

	for (size_t i = 0; i < CONFIG_SESSIONS; i++)
		n += dev.relay->sessions[i].used &&
		     dev.relay->sessions[i].local == local;
	return n;
}

static void the_oldest_idle_session_makes_room(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	for (unsigned i = 0; i < TCP; i++) {
		fixture_hello(&clients[i], BY_SMTP);
		assert_int_equal(used_sessions(false), i + 1);
	}
	/* The first has a transaction: the second is the oldest idle one. */
	fixture_mail(&clients[0], "a@b.org", "c@d.org");
	fixture_hello(&clients[TCP], BY_SMTP);
	assert_int_equal(used_sessions(false), TCP);
	assert_true(clients[1].closed);
	assert_memory_equal(clients[1].got, "421 4.3.2 ", 10);
	for (unsigned i = 2; i < TCP; i++)
		assert_false(clients[i].closed);
	assert_false(clients[0].closed);
}

static void all_busy_sessions_stay(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	for (unsigned i = 0; i < TCP; i++) {
		fixture_hello(&clients[i], BY_SMTP);
		fixture_mail(&clients[i], "a@b.org", "c@d.org");
	}
	sim_client_open_tcp(&clients[TCP], &dev.net, "127.0.0.1");
	assert_true(sim_device_until(&dev, &clients[TCP], "421 4.3.2 ", 100));
	sim_device_run(&dev, 10);
	assert_true(clients[TCP].closed);
	/* The last places are for local callers. */
	for (unsigned i = 0; i < CONFIG_SESSIONS_LOCAL; i++)
		fixture_hello(&clients[TCP + i], BY_LMTP);
	assert_int_equal(used_sessions(false), TCP);
	assert_int_equal(used_sessions(true), CONFIG_SESSIONS_LOCAL);
	/* One more local caller takes the place of the oldest idle one. */
	fixture_hello(&clients[TCP + CONFIG_SESSIONS_LOCAL], BY_LMTP);
	assert_true(clients[TCP].closed);
	assert_memory_equal(clients[TCP].got, "421 4.3.2 ", 10);
	assert_int_equal(used_sessions(true), CONFIG_SESSIONS_LOCAL);
}

static void strangers_are_not_heard(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_client_open_tcp(c, &dev.net, "192.0.2.99");
	assert_true(sim_device_until(&dev, c, "554 5.7.1 ", 100));
	sim_device_run(&dev, 10);
	assert_true(c->closed);
}

/* n recipients, separated by commas. */
static const char *many(unsigned n, size_t len)
{
	static char text[32768];
	struct buf b = BUF_ON(text);

	for (unsigned i = 0; i < n; i++) {
		size_t start = b.len;

		buf_putf(&b, "%s%u", i ? "," : "", i);
		while (b.len - start < len)
			buf_put_char(&b, 'x');
		buf_put_str(&b, "@d.org");
	}
	assert_true(buf_cstr(&b)[0] != '\0');
	return text;
}

static unsigned count(const char *in, const char *what)
{
	unsigned n = 0;

	for (; (in = strstr(in, what)) != NULL; in++)
		n++;
	return n;
}

static void recipients(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	for (unsigned n = CONFIG_RCPT_MAX - 1; n <= CONFIG_RCPT_MAX + 1; n++) {
		unsigned ok = n > CONFIG_RCPT_MAX ? CONFIG_RCPT_MAX : n;

		fixture_hello(c, BY_SMTP);
		fixture_mail(c, "a@b.org", many(n, 0));
		assert_int_equal(count(c->got, "250 2.1.5 "), ok);
		assert_int_equal(count(c->got, "452 4.5.3 "), n - ok);
		fixture_data(c, BODY);
		fixture_expect(c, "250 2.0.0 taken", 200);
		assert_int_equal(hops[0].mails[hops[0].nmails - 1].nrcpt, ok);
		sim_client_close(c);
		sim_device_run(&dev, 10);
	}
}

static void recipients_of_aliases_count(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE "alias two y@d.org,z@d.org\n");
	fixture_hello(c, BY_SMTP);
	fixture_mail(c, "a@b.org", many(CONFIG_RCPT_MAX - 1, 0));
	sim_client_forget(c);
	sim_client_say(c, "RCPT TO:<two>\r\nRCPT TO:<one@d.org>\r\n"
			  "RCPT TO:<two@d.org>\r\n");
	sim_device_run(&dev, 10);
	assert_memory_equal(c->got, "452 4.5.3 ", 10);
	assert_int_equal(count(c->got, "250 2.1.5 "), 1);
	assert_int_equal(count(c->got, "452 4.5.3 "), 2);
}

/* RCPT of a mailbox whose text is n bytes long, the NUL included. */
static void rcpt_of(size_t n)
{
	static unsigned number;
	char line[300];
	struct buf b = BUF_ON(line);

	buf_putf(&b, "RCPT TO:<u%03u@", number++);
	for (size_t i = 5; i + 5 < n; i++)
		buf_put_char(&b, i % 50 == 49 && i + 15 < n ? '.' : 'x');
	buf_put_str(&b, ".org>\r\n");
	sim_client_forget(c);
	sim_client_say(c, buf_cstr(&b));
	sim_device_run(&dev, 5);
}

static void envelope_text(void **state)
{
	struct submission *s;

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	s = &dev.relay->submissions[0];
	for (int over = -1; over <= 1; over++) {
		fixture_hello(c, BY_SMTP);
		fixture_mail(c, "a@b.org", "c@d.org");
		for (unsigned i = 0; i < CONFIG_ENVELOPE_MAX / 200; i++)
			if (CONFIG_ENVELOPE_MAX - s->env.len > 400)
				rcpt_of(200);
		rcpt_of(CONFIG_ENVELOPE_MAX - s->env.len - 150);
		rcpt_of((size_t)(150 + over));
		assert_memory_equal(c->got,
				    over > 0 ? "452 4.5.3 " : "250 2.1.5 ", 10);
		assert_int_equal(s->env.len,
				 CONFIG_ENVELOPE_MAX - (over == 0  ? 0
							: over < 0 ? 1
								   : 150));
		fixture_data(c, BODY);
		fixture_expect(c, "250 2.0.0 taken", 200);
		sim_client_close(c);
		sim_device_run(&dev, 10);
	}
}

static void message_size(void **state)
{
	char conf[200];
	struct buf b = BUF_ON(conf);
	static const size_t most = 20000;

	(void)state;
	buf_putf(&b, FIXTURE_ONE "max-message %zu\n", most);
	sim_device_start(&dev, buf_cstr(&b));
	for (size_t n = most - 1; n <= most + 1; n++) {
		fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org",
			       fixture_body(n));
		fixture_expect(c, n > most ? "552 5.3.4 " : "250 2.0.0 ", 200);
		sim_client_close(c);
		sim_device_run(&dev, 10);
	}
	assert_int_equal(hops[0].nmails, 2);
	fixture_hello(c, BY_SMTP);
	sim_client_say(c, "MAIL FROM:<a@b.org> SIZE=20000\r\nRSET\r\n"
			  "MAIL FROM:<a@b.org> SIZE=20001\r\n");
	sim_device_run(&dev, 10);
	assert_int_equal(count(c->got, "250 "), 2);
	assert_int_equal(count(c->got, "552 5.3.4 "), 1);
}

static void received_fields(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	for (unsigned n = CONFIG_RECEIVED_MAX - 1; n <= CONFIG_RECEIVED_MAX + 1;
	     n++) {
		static char text[65536];
		struct buf b = BUF_ON(text);

		for (unsigned i = 0; i < n; i++)
			buf_putf(&b, "Received: from %u\r\n", i);
		buf_put_str(&b, "Subject: x\r\n\r\nhello\r\n");
		fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org", buf_cstr(&b));
		fixture_expect(c,
			       n > CONFIG_RECEIVED_MAX ? "554 5.4.6 "
						       : "250 2.0.0 taken",
			       200);
	}
}

static void header_size(void **state)
{
	(void)state;
	/* The limit is as large as the stage: it takes a spool. */
	sim_device_start(&dev, FIXTURE_ONE);
	for (unsigned n = CONFIG_HEADER_MAX - 1; n <= CONFIG_HEADER_MAX + 1;
	     n++) {
		static char text[65536];
		struct buf b = BUF_ON(text);

		buf_put_str(&b, "Subject: x\r\n");
		while (b.len + 60 < n)
			buf_put_str(&b, "X-More: 0123456789012345678\r\n");
		buf_put_str(&b, "X-Last: ");
		while (b.len + 2 < n)
			buf_put_char(&b, 'x');
		buf_put_str(&b, "\r\n\r\nhello\r\n");
		fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org", buf_cstr(&b));
		fixture_expect(
			c, n > CONFIG_HEADER_MAX ? "552 5.3.4 " : "250 2.0.0 ",
			200);
		sim_device_run(&dev, 100);
		assert_int_equal(hops[0].nmails,
				 n - CONFIG_HEADER_MAX + 2 -
					 (n > CONFIG_HEADER_MAX));
	}
	assert_int_equal(fixture_queued(), 0);
}

#define STAGE (STAGE_BLOCKS * STAGE_BLOCK)

/* The largest message that fits beside its envelope, and one byte more. */
static void the_stage_fits_or_spills(void **state)
{
	size_t fits = STAGE - STAGE_BLOCK;

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	for (size_t n = fits - 1; n <= fits + 1; n++) {
		const char *body = fixture_body(n);

		sim_device_watch(&dev);
		fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org", body);
		fixture_expect(c, "250 2.0.0 ", 200);
		assert_int_equal(sim_client_saw(c, "queued"), n > fits);
		assert_int_equal(sim_device_bytes(&dev) == 0, n <= fits);
		sim_device_run(&dev, 200);
		assert_int_equal(hops[0].nmails, n - fits + 2);
		const struct sim_mail *m = &hops[0].mails[hops[0].nmails - 1];
		assert_string_equal(m->data + m->len - n, body);
		sim_client_close(c);
		sim_device_run(&dev, 10);
	}
	assert_int_equal(fixture_queued(), 0);
	assert_int_equal(stage_room(&dev.relay->stage), STAGE);
}

static void a_large_message_with_the_hop_up_and_down(void **state)
{
	const char *body = fixture_body(60000);

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org", body);
	fixture_expect(c, "250 2.0.0 ", 200);
	sim_device_run(&dev, 200);
	assert_string_equal(
		hops[0].mails[0].data + hops[0].mails[0].len - 60000, body);
	hops[0].door->mood = SIM_REFUSES;
	sim_device_run(&dev, 5000);
	fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org", body);
	fixture_expect(c, "250 2.0.0 queued as ", 200);
	assert_int_equal(fixture_queued(), 1);
	hops[0].door->mood = SIM_ACCEPTS;
	sim_device_run(&dev, 95 * 1000);
	assert_int_equal(hops[0].nmails, 2);
	assert_string_equal(
		hops[0].mails[1].data + hops[0].mails[1].len - 60000, body);
	assert_int_equal(fixture_queued(), 0);
}

/* One is written as it arrives; a second waits for a while, then 452. */
static void a_second_large_message_waits(void **state)
{
	struct sim_client *c2 = &clients[1];
	const char *body = fixture_body(36000);

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	fixture_hello(c, BY_SMTP);
	fixture_mail(c, "a@b.org", "c@d.org");
	sim_client_say(c, "DATA\r\n");
	sim_device_run(&dev, 10);
	sim_client_say(c, body);
	sim_device_run(&dev, 100);
	assert_non_null(dev.relay->big);
	fixture_hello(c2, BY_SMTP);
	fixture_mail(c2, "a@b.org", "c@d.org");
	int64_t began = dev.sim.now_ms;
	fixture_data(c2, body);
	fixture_expect(c2, "452 4.3.1 ", 20000);
	assert_in_range(dev.sim.now_ms - began, 9900, 10200);
	/* This time the first one ends in time. */
	fixture_mail(c2, "a@b.org", "c@d.org");
	fixture_data(c2, body);
	sim_device_run(&dev, 5000);
	assert_int_equal(c2->len, 0);
	sim_client_say(c, ".\r\n");
	sim_device_run(&dev, 1000);
	assert_true(sim_client_saw(c, "250 2.0.0 queued as "));
	assert_memory_equal(c2->got, "250 2.0.0 queued as ", 20);
	sim_device_run(&dev, 1000);
	assert_int_equal(hops[0].nmails, 2);
}

/* Whoever stops in the middle of a large message gives its place back. */
static void a_large_message_that_is_broken_off(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	for (unsigned i = 0; i < 5; i++) {
		fixture_hello(c, BY_SMTP);
		fixture_mail(c, "a@b.org", "c@d.org");
		sim_client_say(c, "DATA\r\n");
		sim_device_run(&dev, 10);
		sim_client_say(c, fixture_body(50000));
		sim_device_run(&dev, 100);
		sim_client_close(c);
		sim_device_run(&dev, 100);
		assert_null(dev.relay->big);
	}
	assert_int_equal(spool_used(dev.spool), 0);
	fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org", fixture_body(50000));
	fixture_expect(c, "250 2.0.0 ", 200);
	sim_device_run(&dev, 200);
	assert_int_equal(hops[0].nmails, 1);
}

/* Complete messages give way to one that has no room. */
static void the_stage_is_given_up_for_others(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE "commit-after 10m\n");
	sim_hop_rule(&hops[0], (struct sim_rule){ .step = SIM_DOT,
						  .after_ms = 500 * 1000 });
	fixture_submit(&clients[0], BY_SMTP, "a@b.org", "c@d.org",
		       fixture_body(30000));
	/* The next goes to the spool as it comes, and stays on its way. */
	fixture_hello(&clients[1], BY_SMTP);
	fixture_mail(&clients[1], "a@b.org", "c@d.org");
	sim_client_say(&clients[1], "DATA\r\n");
	sim_device_run(&dev, 10);
	sim_client_say(&clients[1], fixture_body(20000));
	sim_device_run(&dev, 5000);
	assert_non_null(dev.relay->big);
	/* A third has room when the first has had its 10 s. */
	fixture_hello(&clients[2], BY_SMTP);
	fixture_mail(&clients[2], "a@b.org", "c@d.org");
	fixture_data(&clients[2], fixture_body(20000));
	sim_device_run(&dev, 4000);
	assert_int_equal(clients[0].len, 0);
	sim_device_run(&dev, 2000);
	assert_memory_equal(clients[0].got, "250 2.0.0 queued as ", 20);
	assert_int_equal(clients[2].len, 0);
	assert_int_equal(dev.relay->submissions[2].state, SUBMISSION_READY);
}

static void without_a_spool(void **state)
{
	(void)state;
	dev.no_spool = true;
	sim_device_start(&dev, FIXTURE_ONE);
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 taken");
	/* More than the stage. */
	fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org", fixture_body(40000));
	fixture_expect(c, "452 4.3.1 too large without a spool", 200);
	sim_client_close(c);
	/* Trouble is the submitter's to wait for. */
	sim_hop_says(&hops[0], SIM_RCPT, NULL, "450 4.2.1 busy");
	fixture_send("a@b.org", "c@d.org", "451 4.3.0 busy");
	hops[0].door->mood = SIM_REFUSES;
	sim_device_run(&dev, 5000);
	fixture_send("a@b.org", "c@d.org", "451 4.3.0 connection refused");
	fixture_send("a@b.org", "c@d.org", "451 4.3.0 connection refused");
	assert_int_equal(sim_device_order(&dev, c, "queue"), 0);
	assert_string_equal(c->got, "Mail queue is empty\n");
	assert_int_equal(sim_device_order(&dev, c, "show aaaaaaaaaaaa"), 75);
}

static void the_spool_is_full(void **state)
{
	unsigned n = 0;

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	hops[0].door->mood = SIM_REFUSES;
	for (; n < 20; n++) {
		fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org",
			       fixture_body(12000));
		if (!sim_device_until(&dev, c, "250 2.0.0 queued as ", 100))
			break;
		sim_client_close(c);
		sim_device_run(&dev, 10);
	}
	assert_memory_equal(c->got, "452 4.3.1 spool is full", 23);
	assert_in_range(n, 5, 12);
	assert_int_equal(fixture_queued(), n);
	/* At MAIL where SIZE tells. */
	fixture_hello(c, BY_SMTP);
	sim_client_say(c, "MAIL FROM:<a@b.org> SIZE=50000\r\n");
	assert_true(sim_device_until(&dev, c, "452 4.3.1 ", 100));
	/* What is there is not lost, and makes room when it goes. */
	hops[0].door->mood = SIM_ACCEPTS;
	sim_device_run(&dev, 95 * 1000);
	assert_int_equal(hops[0].nmails, n);
	assert_int_equal(fixture_queued(), 0);
	hops[0].door->mood = SIM_REFUSES;
	sim_device_run(&dev, 5000);
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(the_oldest_idle_session_makes_room),
		FIXTURE_TEST(all_busy_sessions_stay),
		FIXTURE_TEST(strangers_are_not_heard),
		FIXTURE_TEST(recipients),
		FIXTURE_TEST(recipients_of_aliases_count),
		FIXTURE_TEST(envelope_text),
		FIXTURE_TEST(message_size),
		FIXTURE_TEST(received_fields),
		FIXTURE_TEST(header_size),
		FIXTURE_TEST(the_stage_fits_or_spills),
		FIXTURE_TEST(a_large_message_with_the_hop_up_and_down),
		FIXTURE_TEST(a_second_large_message_waits),
		FIXTURE_TEST(a_large_message_that_is_broken_off),
		FIXTURE_TEST(the_stage_is_given_up_for_others),
		FIXTURE_TEST(without_a_spool),
		FIXTURE_TEST(the_spool_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
