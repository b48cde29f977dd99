/* SPDX-License-Identifier: ISC */
/*
 * What a submitter is told, and what is written for it: all sent, all
 * refused, every mix (DESIGN.md 3.1).
 */
#include "sim/fixture.h"

static struct sim_client *const c = &clients[0];

#define BODY "Subject: x\r\n\r\nhello\r\n"

static void one_is_sent(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org", BODY);
	fixture_expect(c, "250 2.0.0 taken", 100);
	assert_int_equal(hops[0].nmails, 1);
	assert_string_equal(hops[0].mails[0].from, "a@b.org");
	assert_string_equal(hops[0].mails[0].to, "c@d.org ");
	assert_non_null(strstr(hops[0].mails[0].data, "\r\n\r\nhello\r\n"));
	assert_int_equal(sim_device_bytes(&dev), 0);
	assert_int_equal(sim_device_syncs(&dev), 0);
	assert_int_equal(sim_logged("sent id="), 1);
	sim_device_run(&dev, 3600000);
	assert_int_equal(sim_device_bytes(&dev), 0);
	assert_int_equal(hops[0].closed, 1);
}

static void all_are_sent_in_one_transaction(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	fixture_submit(c, BY_LMTP, "a@b.org", "1@d.org,2@e.org,3@f.org", BODY);
	assert_true(sim_device_until(&dev, c,
				     "taken\r\n250 2.0.0 taken\r\n"
				     "250 2.0.0 taken\r\n",
				     100));
	assert_int_equal(hops[0].nmails, 1);
	assert_int_equal(hops[0].mails[0].nrcpt, 3);
	assert_int_equal(sim_device_bytes(&dev), 0);
}

static void all_are_refused(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_says(&hops[0], SIM_RCPT, NULL, "550 5.1.1 nobody");
	fixture_submit(c, BY_SMTP, "a@b.org", "1@d.org,2@d.org", BODY);
	fixture_expect(c, "550 5.1.1 nobody", 100);
	assert_int_equal(fixture_queued(), 0);
	assert_int_equal(sim_device_bytes(&dev), 0);
	assert_int_equal(sim_logged("refused id="), 2);
}

static void the_message_is_refused(void **state)
{
	static const enum sim_step steps[] = { SIM_MAIL, SIM_DATA, SIM_DOT };

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		sim_hop_heals(&hops[0]);
		sim_hop_says(&hops[0], steps[i], NULL, "552 5.7.1 no thanks");
		fixture_submit(c, BY_SMTP, "a@b.org", "1@d.org,2@d.org", BODY);
		fixture_expect(c, "552 5.7.1 no thanks", 100);
	}
	assert_int_equal(fixture_queued(), 0);
	assert_int_equal(sim_device_bytes(&dev), 0);
	assert_int_equal(hops[0].sessions, 1);
}

static void refused_ones_are_named_by_lmtp(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_says(&hops[0], SIM_RCPT, "<1@", "550 5.1.1 no one");
	sim_hop_says(&hops[0], SIM_RCPT, "<2@", "553 5.1.8 no two");
	fixture_submit(c, BY_LMTP, "a@b.org", "1@d.org,2@d.org", BODY);
	assert_true(sim_device_until(
		&dev, c, "550 5.1.1 no one\r\n553 5.1.8 no two\r\n", 100));
}

static void sent_and_refused(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_says(&hops[0], SIM_RCPT, "<2@", "550 5.1.1 nobody");
	fixture_submit(c, BY_SMTP, "a@b.org", "1@d.org,2@d.org", BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 100);
	assert_int_equal(sim_hop_got(&hops[0], "1@d.org"), 1);
	assert_int_equal(fixture_queued(), 1);
	sim_device_order(&dev, &clients[1], "queue json");
	assert_non_null(strstr(clients[1].got, "\"address\":\"2@d.org\","
					       "\"state\":\"refused\","
					       "\"code\":550,\"dsn\":\"5.1.1\","
					       "\"text\":\"nobody\""));
	assert_non_null(strstr(clients[1].got, "\"address\":\"1@d.org\","
					       "\"state\":\"sent\""));
	/* Nobody is left to be delivered to: it is not tried again. */
	sim_device_run(&dev, 2 * 86400 * 1000);
	assert_int_equal(hops[0].sessions, 1);
}

static void sent_and_refused_from_nobody(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_says(&hops[0], SIM_RCPT, "<2@", "550 5.1.1 nobody");
	fixture_submit(c, BY_SMTP, "", "1@d.org,2@d.org", BODY);
	fixture_expect(c, "250 2.0.0 ", 100);
	assert_string_equal(hops[0].mails[0].from, "");
	assert_int_equal(fixture_queued(), 0);
	assert_int_equal(sim_device_bytes(&dev), 0);
	assert_int_equal(sim_logged("refused id="), 1);
}

static void refused_from_nobody(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_says(&hops[0], SIM_RCPT, NULL, "550 5.1.1 nobody");
	fixture_submit(c, BY_SMTP, "", "2@d.org", BODY);
	fixture_expect(c, "550 5.1.1 nobody", 100);
	assert_int_equal(fixture_queued(), 0);
}

static void sent_and_later(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_says(&hops[0], SIM_RCPT, "<2@", "450 4.2.1 mailbox busy");
	fixture_submit(c, BY_SMTP, "a@b.org", "1@d.org,2@d.org", BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 100);
	assert_int_equal(fixture_queued(), 1);
	assert_int_equal(sim_device_syncs(&dev), 1);
	assert_int_equal(sim_device_bytes(&dev), SPOOL_FRAME);
	/* Only that one is tried again, not before half of MIN. */
	sim_hop_heals(&hops[0]);
	sim_device_run(&dev, 29000);
	assert_int_equal(hops[0].nmails, 1);
	sim_device_run(&dev, 62000);
	assert_int_equal(hops[0].nmails, 2);
	assert_string_equal(hops[0].mails[1].to, "2@d.org ");
	assert_int_equal(fixture_queued(), 0);
}

static void later_for_all_is_counted_once(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_says(&hops[0], SIM_RCPT, NULL, "450 4.2.1 mailbox busy");
	fixture_submit(c, BY_SMTP, "a@b.org", "1@d.org,2@d.org,3@d.org", BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 100);
	sim_hop_heals(&hops[0]);
	sim_device_run(&dev, 91000);
	assert_int_equal(hops[0].nmails, 1);
	assert_int_equal(hops[0].mails[0].nrcpt, 3);
}

static void sent_later_and_refused(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_says(&hops[0], SIM_RCPT, "<2@", "450 4.2.1 mailbox busy");
	sim_hop_says(&hops[0], SIM_RCPT, "<3@", "550 5.1.1 nobody");
	fixture_submit(c, BY_LMTP, "a@b.org", "1@d.org,2@d.org,3@d.org", BODY);
	assert_true(sim_device_until(&dev, c,
				     "250 2.0.0 taken\r\n250 2.0.0 "
				     "queued as ",
				     100));
	assert_non_null(strstr(c->got, "550 5.1.1 nobody\r\n"));
	assert_int_equal(fixture_queued(), 1);
	sim_hop_heals(&hops[0]);
	/* The sender is told of the refused one; the other goes on. */
	sim_device_run(&dev, 1000);
	assert_string_equal(hops[0].mails[1].from, "");
	assert_string_equal(hops[0].mails[1].to, "a@b.org ");
	sim_device_order(&dev, &clients[1], "queue json");
	assert_non_null(strstr(clients[1].got, "\"state\":\"queued\""));
	assert_non_null(strstr(clients[1].got, "\"text\":\"nobody\""));
	sim_device_run(&dev, 91000);
	assert_string_equal(hops[0].mails[2].to, "2@d.org ");
	assert_int_equal(hops[0].nmails, 3);
	assert_int_equal(fixture_queued(), 0);
}

/* RFC 5321 4.5.5: nobody wants to know of what was refused. */
static void later_and_refused_from_nobody(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_says(&hops[0], SIM_RCPT, "<2@", "450 4.2.1 mailbox busy");
	sim_hop_says(&hops[0], SIM_RCPT, "<3@", "550 5.1.1 nobody");
	fixture_submit(c, BY_SMTP, "", "2@d.org,3@d.org", BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 100);
	sim_hop_heals(&hops[0]);
	sim_device_run(&dev, 91000);
	assert_int_equal(sim_hop_got(&hops[0], "2@d.org"), 1);
	assert_int_equal(sim_hop_got(&hops[0], "3@d.org"), 0);
	assert_int_equal(fixture_queued(), 0);
}

/* A mix that cannot be stored is the submitter's again. */
static void a_mix_is_not_stored(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_says(&hops[0], SIM_RCPT, "<2@", "450 4.2.1 mailbox busy");
	dev.disk.sync_error = -5;
	fixture_submit(c, BY_LMTP, "a@b.org", "1@d.org,2@d.org", BODY);
	assert_true(sim_device_until(
		&dev, c, "250 2.0.0 taken\r\n451 4.3.0 mailbox busy\r\n", 100));
	assert_int_equal(sim_logged("duplicate-possible id="), 1);
	assert_int_equal(fixture_queued(), 0);
	fixture_submit(&clients[1], BY_SMTP, "a@b.org", "1@d.org,2@d.org",
		       BODY);
	fixture_expect(&clients[1], "451 4.3.0 mailbox busy", 100);
}

static void an_alias_has_several_targets(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE "alias root x@d.org,y@d.org\n");
	sim_hop_says(&hops[0], SIM_RCPT, "<x@", "550 5.1.1 no x");
	fixture_submit(c, BY_LMTP, "a@b.org", "root,z@d.org", BODY);
	/* One reply each; the first is delivered in part. */
	assert_true(sim_device_until(
		&dev, c, "250 2.0.0 taken\r\n250 2.0.0 taken\r\n", 100));
	assert_int_equal(hops[0].mails[0].nrcpt, 2);
	assert_int_equal(fixture_queued(), 1);

	sim_hop_says(&hops[0], SIM_RCPT, "<y@", "550 5.1.1 no y");
	fixture_submit(&clients[1], BY_LMTP, "a@b.org", "root,z@d.org", BODY);
	assert_true(sim_device_until(&dev, &clients[1],
				     "550 5.1.1 no x\r\n250 2.0.0 taken\r\n",
				     100));
}

static void bare_names_get_the_domain(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	fixture_submit(c, BY_SMTP, "cron", "admin", BODY);
	fixture_expect(c, "250 2.0.0 taken", 100);
	assert_string_equal(hops[0].mails[0].from, "cron@example.org");
	assert_string_equal(hops[0].mails[0].to, "admin@example.org ");
}

static void a_hop_that_is_no_host(void **state)
{
	(void)state;
	sim_device_start(&dev, "route gone.org \"error:no such place\"\n"
			       "route null.org discard\n");
	fixture_submit(c, BY_LMTP, "a@b.org", "x@gone.org,y@null.org", BODY);
	assert_true(sim_device_until(
		&dev, c, "550 5.7.1 no such place\r\n250 2.0.0 discarded\r\n",
		100));
	fixture_send("a@b.org", "x@gone.org", "550 5.7.1 no such place");
	fixture_send("a@b.org", "x@null.org", "250 2.0.0 discarded");
}

static void without_a_route_it_waits(void **state)
{
	(void)state;
	sim_device_start(&dev, "route d.org smtp://192.0.2.1 tls=off\n");
	fixture_submit(c, BY_SMTP, "a@b.org", "x@elsewhere.org", BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 100);
	assert_int_equal(fixture_queued(), 1);
	assert_int_equal(sim_device_reload(&dev, FIXTURE_ONE), 0);
	sim_device_run(&dev, 1000);
	assert_int_equal(hops[0].nmails, 1);
	assert_int_equal(fixture_queued(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(one_is_sent),
		FIXTURE_TEST(all_are_sent_in_one_transaction),
		FIXTURE_TEST(all_are_refused),
		FIXTURE_TEST(the_message_is_refused),
		FIXTURE_TEST(refused_ones_are_named_by_lmtp),
		FIXTURE_TEST(sent_and_refused),
		FIXTURE_TEST(sent_and_refused_from_nobody),
		FIXTURE_TEST(refused_from_nobody),
		FIXTURE_TEST(sent_and_later),
		FIXTURE_TEST(later_for_all_is_counted_once),
		FIXTURE_TEST(sent_later_and_refused),
		FIXTURE_TEST(later_and_refused_from_nobody),
		FIXTURE_TEST(a_mix_is_not_stored),
		FIXTURE_TEST(an_alias_has_several_targets),
		FIXTURE_TEST(bare_names_get_the_domain),
		FIXTURE_TEST(a_hop_that_is_no_host),
		FIXTURE_TEST(without_a_route_it_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
