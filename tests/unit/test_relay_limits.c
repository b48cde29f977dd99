/* SPDX-License-Identifier: ISC */
/*
 * The limits of DESIGN.md 2.4 at limit-1, limit and limit+1; those of the
 * stage and the spool are test_relay_room.c's.
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
