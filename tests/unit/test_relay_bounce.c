/* SPDX-License-Identifier: ISC */
/*
 * Notices to senders (issue 4 "Bounces", DESIGN.md 3.1, 3.2): one for each
 * refusal that the submitter was not told of, never for <>, never twice.
 */
#include "sim/fixture.h"

#include <errno.h>

static struct sim_client *const c = &clients[0];

#define BODY "Subject: x\r\nMessage-ID: <1@b.org>\r\n\r\nhello\r\n"
#define HOUR_MS (3600 * 1000)

/* The second hop's mail is for b.org: notices to a@b.org go there. */
#define TWO_ROUTES                               \
	"route b.org smtp://192.0.2.2 tls=off\n" \
	"smarthost smtp://192.0.2.1 tls=off\n"

/* A message for one recipient is refused some time after its 250. */
static void late_refusal(const char *from)
{
	sim_hop_rule(&hops[0], (struct sim_rule){ .step = SIM_DOT,
						  .times = 1,
						  .after_ms = 6000,
						  .reply = "554 5.6.0 no" });
	fixture_submit(c, BY_SMTP, from, "c@d.org", BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 5000);
}

/* How many notices have arrived at a hop? */
static unsigned notices_at(const struct sim_hop *h)
{
	unsigned n = 0;

	for (size_t i = 0; i < h->nmails; i++)
		n += h->mails[i].from[0] == '\0' &&
		     strstr(h->mails[i].data, "\nAction: failed\r\n") != NULL;
	return n;
}

static long counter(const char *name)
{
	sim_device_order(&dev, &clients[1], "status json");
	return fixture_number(&clients[1], name);
}

static void a_notice_says_what_and_why(void **state)
{
	static const char *const lines[] = {
		"\nFrom: Mail Delivery System\r\n",
		"\nTo: <a@b.org>\r\n",
		"\nAuto-Submitted: auto-replied\r\n",
		"\nIn-Reply-To: <1@b.org>\r\n",
		"report-type=delivery-status;\r\n",
		"\nReporting-MTA: dns; relay.example.org\r\n",
		"\nArrival-Date: Tue, 01 Dec 2026 00:00:00 +0000\r\n",
		"\nFinal-Recipient: rfc822; c@d.org\r\n",
		"\nStatus: 5.6.0\r\n",
		"\nRemote-MTA: dns; [192.0.2.1]\r\n",
		"\nDiagnostic-Code: smtp; 554 5.6.0 no\r\n",
		"\nContent-Type: text/rfc822-headers\r\n",
		"\nReceived: from ",
		"\nSubject: x\r\n",
	};

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	late_refusal("a@b.org");
	sim_device_run(&dev, 10000);
	assert_int_equal(hops[0].nmails, 1);
	assert_string_equal(hops[0].mails[0].from, "");
	assert_string_equal(hops[0].mails[0].to, "a@b.org ");
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		if (!strstr(hops[0].mails[0].data, lines[i]))
			fail_msg("not there: %s", lines[i]);
	assert_null(strstr(hops[0].mails[0].data, "hello"));
	assert_int_equal(sim_logged("returned id="), 1);
	assert_int_equal(fixture_queued(), 0);
	assert_int_equal(counter("refused"), 1);
	assert_int_equal(counter("sent"), 0);
	assert_int_equal(counter("dropped"), 0);
}

static void nobody_is_told_of_mail_from_nobody(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	late_refusal("");
	sim_device_run(&dev, HOUR_MS);
	assert_int_equal(hops[0].mails_said, 1);
	assert_int_equal(sim_logged("dropped id="), 1);
	assert_int_equal(counter("dropped"), 1);
	assert_int_equal(fixture_queued(), 0);
}

/* A local name goes by its alias, be it bare or with our own name. */
static void local_senders_have_aliases(void **state)
{
	static const char *const from[] = { "root", "root@relay.example.org",
					    "root@localhost" };

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE "alias root x@y.org,z@y.org\n");
	for (size_t i = 0; i < ARRAY_LEN(from); i++) {
		late_refusal(from[i]);
		sim_device_run(&dev, 10000);
		sim_hop_heals(&hops[0]);
		assert_int_equal(hops[0].nmails, i + 1);
		assert_string_equal(hops[0].mails[i].to, "x@y.org z@y.org ");
	}
	assert_int_equal(counter("dropped"), 0);
	assert_int_equal(fixture_queued(), 0);
}

/* Without one it is logged, counted and dropped: no loop, no pile. */
static void local_senders_without_alias(void **state)
{
	static const char *const from[] = { "root", "root@relay.example.org",
					    "root@localhost" };

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	for (size_t i = 0; i < ARRAY_LEN(from); i++) {
		late_refusal(from[i]);
		sim_device_run(&dev, HOUR_MS);
		sim_hop_heals(&hops[0]);
		assert_int_equal(counter("dropped"), i + 1);
	}
	assert_int_equal(sim_logged("without alias"), 3);
	assert_int_equal(sim_hop_heard(&hops[0], "MAIL FROM:<>"), 0);
	assert_int_equal(fixture_queued(), 0);
}

/* An alias that leaves the configuration takes the notice along. */
static void an_alias_that_is_gone(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE "alias root x@y.org\n");
	sim_hop_says(&hops[0], SIM_MAIL, "<>", "450 4.3.0 not now");
	late_refusal("root");
	sim_device_run(&dev, 10000);
	assert_int_equal(fixture_queued(), 1);
	sim_device_reload(&dev, FIXTURE_ONE);
	sim_device_run(&dev, HOUR_MS);
	assert_int_equal(counter("dropped"), 1);
	assert_int_equal(fixture_queued(), 0);
}

/* No bounce of a bounce. */
static void a_notice_that_is_refused(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_says(&hops[0], SIM_RCPT, "<a@", "550 5.1.1 nobody");
	late_refusal("a@b.org");
	sim_device_run(&dev, 24 * HOUR_MS);
	assert_int_equal(sim_hop_heard(&hops[0], "MAIL FROM:<>"), 1);
	assert_int_equal(sim_logged("to=<a@b.org>"), 1);
	assert_int_equal(counter("dropped"), 1);
	assert_int_equal(counter("refused"), 1);
	assert_int_equal(fixture_queued(), 0);
}

/* It waits like any mail; after two lifetimes it is given up. */
static void a_notice_that_waits(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE "lifetime 12h\n");
	sim_hop_says(&hops[0], SIM_MAIL, "<>", "450 4.3.0 not now");
	late_refusal("a@b.org");
	sim_device_run(&dev, 13 * HOUR_MS);
	assert_in_range(sim_hop_heard(&hops[0], "MAIL FROM:<>"), 5, 30);
	sim_device_order(&dev, c, "queue json");
	assert_non_null(strstr(c->got, "\"state\":\"returning\""));
	assert_non_null(strstr(c->got, "\"state\":\"refused\",\"code\":554"));
	assert_true(fixture_number(c, "next_attempt_s") > 0);
	assert_int_equal(fixture_queued(), 1);
	sim_device_run(&dev, 13 * HOUR_MS);
	assert_int_equal(fixture_queued(), 0);
	assert_int_equal(counter("dropped"), 1);
	assert_int_equal(counter("expired"), 0);
}

static void a_hop_in_trouble_holds_notices_too(void **state)
{
	(void)state;
	sim_device_start(&dev, TWO_ROUTES);
	hops[1].door->mood = SIM_REFUSES;
	late_refusal("a@b.org");
	sim_device_run(&dev, 4 * HOUR_MS);
	assert_int_equal(fixture_queued(), 1);
	assert_int_equal(hops[0].nmails, 0);
	hops[1].door->mood = SIM_ACCEPTS;
	sim_device_run(&dev, 4 * HOUR_MS);
	assert_int_equal(notices_at(&hops[1]), 1);
	assert_int_equal(fixture_queued(), 0);
}

/* It goes by the route of the sender's mail, when that has one. */
static void by_the_route_of_the_sender(void **state)
{
	(void)state;
	sim_device_start(&dev, "route from:a@b.org smtp://192.0.2.2 tls=off\n"
			       "route d.org smtp://192.0.2.1 tls=off\n");
	sim_hop_rule(&hops[1], (struct sim_rule){ .step = SIM_DOT,
						  .times = 1,
						  .after_ms = 6000,
						  .reply = "554 5.6.0 no" });
	fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org", BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 5000);
	sim_device_run(&dev, 10000);
	assert_int_equal(notices_at(&hops[1]), 1);
	assert_int_equal(fixture_queued(), 0);
}

/* Recipients that wait go on; each refusal is in one notice. */
static void one_notice_a_refusal(void **state)
{
	(void)state;
	sim_device_start(&dev, TWO_ROUTES);
	sim_hop_says(&hops[0], SIM_RCPT, "<1@", "550 5.1.1 first");
	sim_hop_rule(&hops[0], (struct sim_rule){ .step = SIM_RCPT,
						  .arg = "<2@",
						  .times = 1,
						  .reply = "450 4.2.0 wait" });
	sim_hop_says(&hops[0], SIM_RCPT, "<2@", "550 5.1.1 second");
	sim_hop_rule(&hops[0], (struct sim_rule){ .step = SIM_RCPT,
						  .arg = "<3@",
						  .times = 2,
						  .reply = "450 4.2.0 wait" });
	fixture_submit(c, BY_SMTP, "a@b.org", "1@d.org,2@d.org,3@d.org", BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 100);
	sim_device_run(&dev, 1000);
	assert_int_equal(hops[1].nmails, 1);
	assert_non_null(strstr(hops[1].mails[0].data, "; 1@d.org\r\n"));
	assert_null(strstr(hops[1].mails[0].data, "; 2@d.org\r\n"));
	sim_device_run(&dev, HOUR_MS);
	assert_int_equal(hops[1].nmails, 2);
	assert_null(strstr(hops[1].mails[1].data, "; 1@d.org\r\n"));
	assert_non_null(strstr(hops[1].mails[1].data, "; 2@d.org\r\n"));
	assert_int_equal(sim_hop_got(&hops[0], "3@d.org"), 1);
	assert_int_equal(fixture_queued(), 0);
}

/* Each has its notice, however many grow old together. */
static void many_grow_old(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE "lifetime 2h\n");
	hops[0].door->mood = SIM_REFUSES;
	for (unsigned i = 0; i < 20; i++)
		fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	sim_device_run(&dev, 2 * HOUR_MS - 60000);
	sim_hop_says(&hops[0], SIM_MAIL, "<>", "450 4.3.0 not now");
	sim_hop_says(&hops[0], SIM_RCPT, NULL, "450 4.2.1 mailbox busy");
	hops[0].door->mood = SIM_ACCEPTS;
	sim_device_run(&dev, 90 * 60 * 1000);
	assert_int_equal(sim_logged("expired id="), 20);
	assert_int_equal(counter("expired"), 20);
	assert_int_equal(fixture_queued(), 20);
	sim_hop_heals(&hops[0]);
	sim_device_order(&dev, c, "flush wait");
	assert_int_equal(notices_at(&hops[0]), 20);
	assert_int_equal(hops[0].nmails, 20);
	assert_int_equal(fixture_queued(), 0);
}

/* Killed at any time between the refusal and the notice's 250, it is told. */
static void killed_on_the_way(void **state)
{
	unsigned twice = 0;
	int64_t cut_ms;

	(void)state;
	for (int64_t ms = 1990; ms < 2300; ms += 5) {
		fixture_down(NULL);
		fixture_up(NULL);
		sim_device_start(&dev, TWO_ROUTES);
		late_refusal("a@b.org");
		sim_hop_rule(&hops[1], (struct sim_rule){ .step = SIM_DOT,
							  .times = 1,
							  .takes = true,
							  .after_ms = 200 });
		sim_device_run(&dev, ms);
		cut_ms = dev.sim.now_ms;
		sim_device_kill(&dev);
		/* If its answer was not heard it is refused again. */
		sim_hop_says(&hops[0], SIM_RCPT, NULL, "550 5.1.1 nobody");
		sim_device_start(&dev, TWO_ROUTES);
		sim_device_run(&dev, HOUR_MS);
		assert_int_equal(fixture_queued(), 0);
		assert_in_range(notices_at(&hops[1]), 1, 2);
		twice += notices_at(&hops[1]) == 2;
		/* Only when its final dot had no answer yet. */
		if (notices_at(&hops[1]) == 2)
			assert_in_range(cut_ms + 5 - hops[1].mails[0].at_ms, 0,
					220);
	}
	assert_true(twice > 10);
}

/* The same with the power cut: the mark of a notice may be lost too. */
static void cut_on_the_way(void **state)
{
	unsigned twice = 0;

	(void)state;
	for (int64_t ms = 1800; ms < 2600; ms += 10) {
		fixture_down(NULL);
		fixture_up(NULL);
		sim_device_start(&dev, TWO_ROUTES);
		late_refusal("a@b.org");
		sim_hop_rule(&hops[1], (struct sim_rule){ .step = SIM_DOT,
							  .times = 1,
							  .takes = true,
							  .after_ms = 200 });
		sim_device_run(&dev, ms);
		sim_device_cut(&dev);
		sim_hop_says(&hops[0], SIM_RCPT, NULL, "550 5.1.1 nobody");
		sim_device_start(&dev, TWO_ROUTES);
		sim_device_run(&dev, HOUR_MS);
		assert_int_equal(fixture_queued(), 0);
		assert_in_range(notices_at(&hops[1]), 1, 2);
		assert_int_equal(hops[0].nmails, 0);
		twice += notices_at(&hops[1]) == 2;
	}
	assert_in_range(twice, 10, 70);
}

/* A power cut may cost the mark of the notice, as that of any delivery. */
static void the_mark_of_a_notice_is_lazy(void **state)
{
	(void)state;
	sim_device_start(&dev, TWO_ROUTES);
	late_refusal("a@b.org");
	sim_device_watch(&dev);
	sim_device_run(&dev, 10000);
	assert_int_equal(notices_at(&hops[1]), 1);
	/* The refusal was synced, the notice itself cost no write. */
	assert_int_equal(sim_device_syncs(&dev), 1);
	sim_device_kill(&dev);
	sim_device_start(&dev, TWO_ROUTES);
	sim_device_run(&dev, HOUR_MS);
	assert_int_equal(notices_at(&hops[1]), 1);
	sim_device_cut(&dev);
	sim_device_start(&dev, TWO_ROUTES);
	sim_device_run(&dev, HOUR_MS);
	assert_int_equal(notices_at(&hops[1]), 1);
	assert_int_equal(fixture_queued(), 0);
}

static void an_answer_that_is_lost(void **state)
{
	(void)state;
	sim_device_start(&dev, TWO_ROUTES);
	sim_hop_rule(&hops[1], (struct sim_rule){ .step = SIM_DOT,
						  .times = 1,
						  .takes = true,
						  .act = SIM_DROPS });
	late_refusal("a@b.org");
	sim_device_run(&dev, 10000);
	assert_int_equal(sim_logged("uncertain id="), 1);
	assert_int_equal(fixture_queued(), 1);
	sim_device_run(&dev, HOUR_MS);
	assert_int_equal(notices_at(&hops[1]), 2);
	assert_string_equal(hops[1].mails[0].to, hops[1].mails[1].to);
	assert_int_equal(fixture_queued(), 0);
}

static void so_many_in_an_hour(void **state)
{
	unsigned n = CONFIG_BOUNCE_RATE + 10;

	(void)state;
	sim_device_start(&dev, TWO_ROUTES);
	hops[0].door->mood = SIM_REFUSES;
	for (unsigned i = 0; i < n; i++)
		fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	sim_hop_says(&hops[0], SIM_RCPT, NULL, "550 5.1.1 nobody");
	hops[0].door->mood = SIM_ACCEPTS;
	sim_device_run(&dev, HOUR_MS / 2);
	assert_int_equal(sim_logged("refused id="), n);
	assert_int_equal(notices_at(&hops[1]), CONFIG_BOUNCE_RATE);
	assert_int_equal(fixture_queued(), 10);
	sim_device_wakes(&dev);
	sim_device_run(&dev, HOUR_MS / 4);
	assert_int_equal(sim_device_wakes(&dev), 0);
	sim_device_run(&dev, HOUR_MS);
	assert_int_equal(notices_at(&hops[1]), n);
	assert_int_equal(fixture_queued(), 0);
}

static void removed_on_the_way(void **state)
{
	(void)state;
	sim_device_start(&dev, TWO_ROUTES);
	sim_hop_rule(&hops[1], (struct sim_rule){ .step = SIM_DOT,
						  .times = 1,
						  .after_ms = 2000 });
	late_refusal("a@b.org");
	sim_device_run(&dev, 3000);
	assert_int_equal(sim_hop_heard(&hops[1], "MAIL FROM:<>"), 1);
	assert_int_equal(sim_device_order(&dev, c, "remove --all"), 0);
	sim_device_run(&dev, HOUR_MS);
	assert_int_equal(notices_at(&hops[1]), 1);
	assert_int_equal(fixture_queued(), 0);
}

/* Another configuration meanwhile is no reason to send it again. */
static void reloaded_on_the_way(void **state)
{
	(void)state;
	sim_device_start(&dev, TWO_ROUTES);
	sim_hop_rule(&hops[1], (struct sim_rule){ .step = SIM_DATA,
						  .times = 1,
						  .after_ms = 2000 });
	late_refusal("a@b.org");
	sim_device_run(&dev, 3000);
	assert_int_equal(sim_hop_heard(&hops[1], "MAIL FROM:<>"), 1);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(sim_device_reload(&dev, FIXTURE_ONE), 0);
	sim_device_run(&dev, HOUR_MS);
	assert_int_equal(notices_at(&hops[0]) + notices_at(&hops[1]), 1);
	assert_int_equal(fixture_queued(), 0);
}

/* A medium that does not read for a while: nothing is sent in part. */
static void a_message_that_cannot_be_read(void **state)
{
	(void)state;
	sim_device_start(&dev, TWO_ROUTES);
	sim_hop_rule(&hops[1], (struct sim_rule){ .step = SIM_DATA,
						  .times = 1,
						  .after_ms = 2000 });
	late_refusal("a@b.org");
	sim_device_run(&dev, 3000);
	dev.disk.read_error = -EIO;
	sim_device_run(&dev, 5000);
	assert_true(sim_logged("cannot be read (error 5)") > 0);
	assert_int_equal(hops[1].nmails, 0);
	dev.disk.read_error = 0;
	sim_device_run(&dev, HOUR_MS);
	assert_int_equal(notices_at(&hops[1]), 1);
	assert_int_equal(fixture_queued(), 0);
}

/* A refusal that cannot be stored is tried again, not in a loop. */
static void a_refusal_that_is_not_stored(void **state)
{
	(void)state;
	sim_device_start(&dev, TWO_ROUTES);
	late_refusal("a@b.org");
	dev.disk.sync_error = -EIO;
	sim_device_run(&dev, 10000);
	assert_int_equal(notices_at(&hops[1]), 0);
	assert_int_equal(sim_logged("a refusal was not stored"), 1);
	dev.disk.sync_error = 0;
	sim_hop_says(&hops[0], SIM_DOT, NULL, "554 5.6.0 no");
	sim_device_run(&dev, HOUR_MS);
	assert_int_equal(notices_at(&hops[1]), 1);
	assert_int_equal(fixture_queued(), 0);
}

/* More refusals than one commit takes, in one notice. */
static void many_are_refused(void **state)
{
	static char space[4096];
	struct buf to = BUF_ON(space);

	(void)state;
	sim_device_start(&dev, TWO_ROUTES);
	hops[0].door->mood = SIM_REFUSES;
	for (unsigned i = 0; i < CONFIG_RCPT_MAX; i++)
		buf_putf(&to, "%sr%u@d.org", i > 0 ? "," : "", i);
	fixture_submit(c, BY_SMTP, "a@b.org", buf_cstr(&to), BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 1000);
	sim_hop_says(&hops[0], SIM_RCPT, NULL, "550 5.1.1 nobody");
	hops[0].door->mood = SIM_ACCEPTS;
	sim_device_watch(&dev);
	sim_device_run(&dev, HOUR_MS);
	assert_int_equal(notices_at(&hops[1]), 1);
	for (unsigned i = 0; i < CONFIG_RCPT_MAX; i++) {
		char want[80];
		struct buf b = BUF_ON(want);

		buf_putf(&b, "Final-Recipient: rfc822; r%u@d.org\r\n", i);
		assert_non_null(strstr(hops[1].mails[0].data, buf_cstr(&b)));
	}
	assert_int_equal(sim_device_syncs(&dev), 5);
	assert_int_equal(fixture_queued(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(a_notice_says_what_and_why),
		FIXTURE_TEST(nobody_is_told_of_mail_from_nobody),
		FIXTURE_TEST(local_senders_have_aliases),
		FIXTURE_TEST(local_senders_without_alias),
		FIXTURE_TEST(an_alias_that_is_gone),
		FIXTURE_TEST(a_notice_that_is_refused),
		FIXTURE_TEST(a_notice_that_waits),
		FIXTURE_TEST(a_hop_in_trouble_holds_notices_too),
		FIXTURE_TEST(by_the_route_of_the_sender),
		FIXTURE_TEST(one_notice_a_refusal),
		FIXTURE_TEST(many_grow_old),
		FIXTURE_TEST(killed_on_the_way),
		FIXTURE_TEST(cut_on_the_way),
		FIXTURE_TEST(the_mark_of_a_notice_is_lazy),
		FIXTURE_TEST(an_answer_that_is_lost),
		FIXTURE_TEST(so_many_in_an_hour),
		FIXTURE_TEST(removed_on_the_way),
		FIXTURE_TEST(reloaded_on_the_way),
		FIXTURE_TEST(a_message_that_cannot_be_read),
		FIXTURE_TEST(a_refusal_that_is_not_stored),
		FIXTURE_TEST(many_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
