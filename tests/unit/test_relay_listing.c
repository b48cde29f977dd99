/* SPDX-License-Identifier: ISC */
/*
 * The queue as text, letter by letter: the columns of Postfix's mailq, which
 * monitoring reads, and what may never reach a terminal.
 */
#include "sim/fixture.h"

static struct sim_client *const c = &clients[0];

#define BODY "Subject: x\r\n\r\nhello\r\n"
#define HEADING \
	"-Queue ID- --Size-- ----Arrival Time---- -Sender/Recipient-------\n"

/* Forty spaces and one, before an address. */
#define INDENT "                                         "

static void submit(const char *from, const char *to)
{
	fixture_hello(&clients[1], BY_LMTP);
	fixture_mail(&clients[1], from, to);
	fixture_data(&clients[1], BODY);
	fixture_expect(&clients[1], "250 2.0.0 queued as ", 100);
	sim_client_close(&clients[1]);
	sim_device_run(&dev, 10);
}

/* Take the line that says when the next attempt is out of the answer. */
static void drop_next(void)
{
	char *at;

	while ((at = strstr(c->got, "(next attempt in ")) != NULL) {
		char *end = strchr(at, '\n') + 1;

		while (at[-1] == ' ')
			at--;
		assert_int_equal(end - at, 79);
		memmove(at, end, strlen(end) + 1);
	}
}

/* The answer, with each identifier as so many "i". */
static const char *list(void)
{
	char *at = c->got;

	assert_int_equal(sim_device_order(&dev, c, "queue"), 0);
	for (; at != NULL; at = strstr(at, "\n\n")) {
		at += strspn(at, "\n");
		if (strncmp(at, "-Queue", 6) == 0)
			at = strchr(at, '\n') + 1;
		if (strncmp(at, "-- ", 3) != 0 && strncmp(at, "Mail", 4) != 0)
			memset(at, 'i', ID_LEN);
	}
	drop_next();
	return c->got;
}

static void an_empty_queue(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	assert_string_equal(list(), "Mail queue is empty\n");
}

static void two_messages(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	hops[0].door->mood = SIM_REFUSES;
	submit("a@b.org", "c@d.org,e@d.org");
	sim_device_run(&dev, 9 * 86400 * INT64_C(1000) / 10);
	submit("", "f@d.org");
	assert_string_equal(
		list(), HEADING
		"iiiiiiiiiiii     21 Tue Dec  1 00:00:00  a@b.org\n"
		"                                                     "
		"     (connection refused)\n" INDENT "c@d.org\n"
		"                                                     "
		"     (connection refused)\n" INDENT "e@d.org\n\n"
		"iiiiiiiiiiii     21 Tue Dec  1 21:36:00  MAILER-DAEMON\n"
		"                                                     "
		"     (connection refused)\n" INDENT "f@d.org\n\n"
		"-- 1 Kbytes in 2 Requests.\n");
}

/* The time of the next attempt has a line of its own. */
static void the_next_attempt(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	hops[0].door->mood = SIM_REFUSES;
	submit("a@b.org", "c@d.org");
	sim_device_order(&dev, c, "queue");
	assert_non_null(strstr(c->got, " (next attempt in "));
}

/* Postfix's marks: * it is being delivered, ! it is held. */
static void active(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_rule(&hops[0],
		     (struct sim_rule){ .step = SIM_DOT, .after_ms = 3000 });
	fixture_submit(&clients[1], BY_SMTP, "a@b.org", "c@d.org", BODY);
	sim_device_run(&dev, 500);
	assert_string_equal(
		list(), HEADING
		"iiiiiiiiiiii*    21 Tue Dec  1 00:00:00  a@b.org\n" INDENT
		"c@d.org\n\n"
		"-- 1 Kbytes in 1 Requests.\n");
}

static void held(void **state)
{
	char order[32] = "hold ";

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	hops[0].door->mood = SIM_REFUSES;
	submit("a@b.org", "c@d.org");
	memcpy(order + 5, strstr(clients[1].got, "queued as ") + 10, ID_LEN);
	assert_int_equal(sim_device_order(&dev, c, order), 0);
	assert_non_null(strstr(sim_log(), " from=<a@b.org> size=21 rcpts=1 "
					  "text=\"by order\""));
	assert_non_null(strstr(list(), "\niiiiiiiiiiii!    21 Tue Dec  1 "));
}

/* Where no clock tells when it came, how long it waits. */
static void without_a_clock(void **state)
{
	(void)state;
	sim_set_wall(&dev.sim, 0);
	sim_device_start(&dev, FIXTURE_ONE);
	hops[0].door->mood = SIM_REFUSES;
	submit("a@b.org", "c@d.org");
	sim_device_run(&dev, 300 * 1000);
	assert_non_null(strstr(list(),
			       "iiiiiiiiiiii     21              5m ago  "
			       "a@b.org\n"));
	sim_set_wall(&dev.sim, 1796169600); /* 2026-12-02 */
	assert_non_null(strstr(list(), " Tue Dec  1 23:55:00  a@b.org\n"));
}

/* What the peer said is folded and escaped; each line stands in ( ). */
static void words_of_a_peer(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_says(&hops[0], SIM_RCPT, NULL,
		     "450 4.2.1 \033[1m\303\244 the user that you want to "
		     "reach gets mail at a rate that prevents more, so try "
		     "again later\r\n");
	submit("a@b.org", "c@d.org");
	assert_non_null(strstr(
		list(),
		"(450 4.2.1 ?[1m?? the user that you want to reach gets mail "
		"at a rate that)\n"
		"                                           "
		"(prevents more, so try again later)\n" INDENT "c@d.org\n"));
}

/* An address is never cut; it moves to the left first. */
static void long_addresses(void **state)
{
	char to[80] = "";

	(void)state;
	memset(to, 'x', 60);
	strcat(to, "@d.example.org");
	sim_device_start(&dev, FIXTURE_ONE);
	hops[0].door->mood = SIM_REFUSES;
	submit("a@b.org", to);
	const char *at = strstr(list(), to);
	assert_non_null(at);
	assert_memory_equal(at - 7, "\n      ", 7);
	assert_memory_equal(at + strlen(to), "\n\n", 2);
}

static int order(const char *verb, const char *id)
{
	char line[40];
	struct buf b = BUF_ON(line);

	buf_putf(&b, "%s %s", verb, id);
	return sim_device_order(&dev, c, buf_cstr(&b));
}

/* One with bytes missing can be seen, held and removed; not sent or shown. */
static void a_damaged_message(void **state)
{
	char id[ID_LEN + 1] = "";
	uint8_t *at;

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	hops[0].door->mood = SIM_REFUSES;
	fixture_submit(&clients[1], BY_LMTP, "a@b.org", "c@d.org",
		       fixture_body(20000));
	fixture_expect(&clients[1], "250 2.0.0 queued as ", 1000);
	memcpy(id, strstr(clients[1].got, "queued as ") + 10, ID_LEN);
	sim_client_close(&clients[1]);
	/* A later commit proves that the first was whole once. */
	submit("", "f@d.org");
	sim_device_kill(&dev);
	at = memmem(dev.disk.view, 1 << 18, "All work", 8);
	assert_non_null(at);
	at[SPOOL_FRAME] ^= 1; /* not in the first one: that has the name */
	sim_device_start(&dev, FIXTURE_ONE);
	assert_non_null(strstr(
		list(), "iiiiiiiiiiii! 20000 Tue Dec  1 00:00:00  a@b.org\n"
			"                                       "
			"(damaged: it cannot be sent, remove it)\n"));
	assert_int_equal(sim_device_order(&dev, c, "queue json"), 0);
	assert_non_null(strstr(c->got, "\"state\":\"held\",\"age_s\":0,"));
	assert_int_equal(order("show", id), 74);
	assert_int_equal(order("flush", id), 74);
	assert_non_null(strstr(c->got, "damaged"));
	assert_int_equal(order("hold", id), 0);
	assert_int_equal(order("remove", id), 0);
	assert_null(strstr(list(), "damaged"));
}

static void the_status(void **state)
{
	(void)state;
	sim_device_start(&dev, "smarthost smtp://192.0.2.1 tls=off timeout=30s "
			       "connections=1\n"
			       "route x.org discard\n");
	hops[0].door->mood = SIM_REFUSES;
	submit("a@b.org", "c@d.org");
	sim_device_run(&dev, 7000);
	assert_int_equal(sim_device_order(&dev, c, "status"), 0);
	/* When the next attempt is, chance has a say in. */
	char *at = strstr(c->got, ", next attempt in ");
	assert_non_null(at);
	memmove(at, strchr(at, '\n'), strlen(strchr(at, '\n')) + 1);
	assert_string_equal(
		c->got,
		"mailmote " CONFIG_VERSION ", up 7s, clock sane\n"
		"queue    1 messages, 21 bytes, oldest 7s\n"
		"spool    /spool\n"
		"         3880 of 100880 bytes taken, 4096 bytes written in 1 "
		"syncs\n"
		"mail     1 accepted, 0 sent, 1 deferred, 0 refused,\n"
		"         0 expired, 0 uncertain, 0 dropped, since start\n"
		"route    x.org to discard: up\n"
		"route    * to smtp://192.0.2.1: down\n"
		"         connection refused\n");
}

/* Progress, for a terminal: each line over the one before. */
static void a_flush_that_is_watched(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	hops[0].door->mood = SIM_REFUSES;
	submit("a@b.org", "c@d.org");
	submit("a@b.org", "e@d.org");
	hops[0].door->mood = SIM_ACCEPTS;
	assert_int_equal(sim_device_order(&dev, c, "flush watch"), 0);
	assert_string_equal(c->got, "2 messages wait  \r1 messages wait  \r"
				    "0 messages wait  \r0 messages wait  \n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(an_empty_queue),
		FIXTURE_TEST(two_messages),
		FIXTURE_TEST(the_next_attempt),
		FIXTURE_TEST(active),
		FIXTURE_TEST(held),
		FIXTURE_TEST(without_a_clock),
		FIXTURE_TEST(words_of_a_peer),
		FIXTURE_TEST(long_addresses),
		FIXTURE_TEST(a_damaged_message),
		FIXTURE_TEST(the_status),
		FIXTURE_TEST(a_flush_that_is_watched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
