/* SPDX-License-Identifier: ISC */
/*
 * What senders want to be told (RFC 3461) against power cuts and a medium that
 * fails: a notice of success is owed once, and never brings mail twice.
 */
#include "sim/fixture.h"

#include <errno.h>
#include <stdlib.h>

static struct sim_client *const c = &clients[0];

#define BODY "Subject: x\r\n\r\nhello\r\n"

/* The fixture ends the line with '>': that may stand in xtext. */
#define WANTS(address, words) address "> " words " ORCPT=rfc822;x"

static unsigned told(const char *action)
{
	unsigned n = 0;

	for (size_t i = 0; i < hops[0].nmails; i++)
		n += hops[0].mails[i].from[0] == '\0' &&
		     strstr(hops[0].mails[i].data, action) != NULL;
	return n;
}

static void no_notices_now(void)
{
	sim_hop_says(&hops[0], SIM_MAIL, "<>", "450 4.3.0 not now");
}

static void survives_a_power_cut(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	no_notices_now();
	fixture_submit(c, BY_SMTP, "a@b.org",
		       WANTS("c@d.org", "NOTIFY=SUCCESS"), BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 1000);
	assert_int_equal(sim_hop_got(&hops[0], "c@d.org"), 1);
	sim_device_cut(&dev);
	sim_device_start(&dev, FIXTURE_ONE);
	assert_int_equal(fixture_queued(), 1);
	sim_hop_heals(&hops[0]);
	sim_device_run(&dev, 3600 * 1000);
	assert_int_equal(told("\nAction: relayed\r\n"), 1);
	assert_int_equal(told("\nOriginal-Recipient: rfc822; x>\r\n"), 1);
	assert_int_equal(sim_hop_got(&hops[0], "c@d.org"), 1);
	assert_int_equal(fixture_queued(), 0);
}

/* The same of mail that was queued: its 250 comes later. */
static void survives_one_from_the_queue(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_rule(&hops[0], (struct sim_rule){ .step = SIM_DOT,
						  .times = 1,
						  .reply = "450 4.3.0 no" });
	no_notices_now();
	fixture_submit(c, BY_SMTP, "a@b.org",
		       WANTS("c@d.org", "NOTIFY=SUCCESS"), BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 1000);
	for (unsigned i = 0; i < 3600 && sim_hop_got(&hops[0], "c@d.org") == 0;
	     i++)
		sim_device_run(&dev, 1000);
	assert_int_equal(sim_hop_got(&hops[0], "c@d.org"), 1);
	sim_device_run(&dev, 100);
	sim_device_cut(&dev);
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_heals(&hops[0]);
	sim_device_run(&dev, 3600 * 1000);
	assert_int_equal(told("\nAction: relayed\r\n"), 1);
	assert_int_equal(sim_hop_got(&hops[0], "c@d.org"), 1);
	assert_int_equal(fixture_queued(), 0);
}

/* It cannot be stored that a notice is owed: the mail has arrived. */
static void a_medium_that_fails_brings_no_duplicate(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	dev.disk.write_error = -EIO;
	fixture_submit(c, BY_SMTP, "a@b.org",
		       WANTS("c@d.org", "NOTIFY=SUCCESS"), BODY);
	fixture_expect(c, "250 2.0.0 taken", 1000);
	dev.disk.write_error = 0;
	sim_device_run(&dev, 3600 * 1000);
	assert_int_equal(hops[0].nmails, 1);
	assert_int_equal(fixture_queued(), 0);
}

/* Nor of a queued one: it is sent, and that is all. */
static void nor_does_it_from_the_queue(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_rule(&hops[0], (struct sim_rule){ .step = SIM_DOT,
						  .times = 1,
						  .reply = "450 4.3.0 no" });
	fixture_submit(c, BY_SMTP, "a@b.org",
		       WANTS("c@d.org", "NOTIFY=SUCCESS"), BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 1000);
	dev.disk.write_error = -EIO;
	for (unsigned i = 0; i < 3600 && sim_hop_got(&hops[0], "c@d.org") == 0;
	     i++)
		sim_device_run(&dev, 1000);
	sim_device_run(&dev, 1000);
	dev.disk.write_error = 0;
	sim_device_run(&dev, 3600 * 1000);
	assert_int_equal(sim_hop_got(&hops[0], "c@d.org"), 1);
	assert_int_equal(hops[0].nmails, 1);
	assert_int_equal(fixture_queued(), 0);
}

static void without_a_spool_there_is_none(void **state)
{
	(void)state;
	dev.no_spool = true;
	sim_device_start(&dev, FIXTURE_ONE);
	fixture_submit(c, BY_SMTP, "a@b.org",
		       WANTS("c@d.org", "NOTIFY=SUCCESS"), BODY);
	fixture_expect(c, "250 2.0.0 taken", 1000);
	assert_int_equal(hops[0].nmails, 1);
}

/* Old age is a failure like others. */
static void old_age_is_not_told_to_who_does_not_ask(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE "lifetime 1h\n");
	sim_hop_says(&hops[0], SIM_RCPT, NULL, "450 4.2.0 later");
	fixture_submit(c, BY_SMTP, "a@b.org", WANTS("c@d.org", "NOTIFY=NEVER"),
		       BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 1000);
	sim_device_run(&dev, 3600 * 1000 * 2);
	assert_int_equal(sim_hop_heard(&hops[0], "MAIL FROM:<>"), 0);
	assert_int_equal(sim_logged("expired id="), 1);
	assert_int_equal(sim_logged("dropped id="), 1);
	assert_int_equal(fixture_queued(), 0);
}

/* Nor when one of them was refused, and nobody wants to know of that. */
static void a_quiet_refusal_is_no_reason(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	dev.disk.write_error = -EIO;
	sim_hop_says(&hops[0], SIM_RCPT, "e@d.org", "550 5.1.1 nobody");
	fixture_submit(c, BY_SMTP, "a@b.org",
		       WANTS("c@d.org", "NOTIFY=SUCCESS") "," WANTS(
			       "e@d.org", "NOTIFY=NEVER"),
		       BODY);
	fixture_expect(c, "250 2.0.0 delivered in part", 1000);
	assert_int_equal(sim_hop_got(&hops[0], "c@d.org"), 1);
}

/* RFC 1870: what MAIL says is enough for a notice that names many. */
static void a_notice_has_its_size(void **state)
{
	static char space[20000];
	struct buf to = BUF_ON(space);
	const char *said;

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	hops[0].door->mood = SIM_REFUSES;
	for (unsigned i = 0; i < CONFIG_RCPT_MAX; i++)
		buf_putf(&to, "%srecipient-%02u@a-long-name.example",
			 i > 0 ? "," : "", i);
	fixture_submit(c, BY_SMTP, "a@b.org> RET=FULL ENVID=x", buf_cstr(&to),
		       BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 1000);
	sim_hop_says(&hops[0], SIM_RCPT, "recipient", "550 5.1.1 nobody here");
	hops[0].door->mood = SIM_ACCEPTS;
	sim_device_run(&dev, 3600 * 1000);
	assert_int_equal(hops[0].nmails, 1);
	said = strstr(hops[0].said, "MAIL FROM:<> SIZE=");
	assert_non_null(said);
	assert_non_null(strstr(hops[0].mails[0].data, "message/rfc822"));
	assert_true(strtoul(said + 18, NULL, 10) >= hops[0].mails[0].len);
}

/* What made it UTF-8 is not sent: a hop without SMTPUTF8 takes the rest. */
static void a_header_that_is_left_out(void **state)
{
	(void)state;
	hops[0].offer = "PIPELINING\r\n8BITMIME";
	sim_device_start(&dev, FIXTURE_ONE);
	fixture_submit(c, BY_SMTP, "a@b.org> SMTPUTF8 ENVID=x", "c@d.org",
		       "Bcc: <\xc3\xbc@b.org>\r\n" BODY);
	fixture_expect(c, "250 2.0.0 taken", 1000);
	assert_int_equal(sim_hop_got(&hops[0], "c@d.org"), 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, fixture_up, fixture_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(survives_a_power_cut),
		CASE(survives_one_from_the_queue),
		CASE(a_medium_that_fails_brings_no_duplicate),
		CASE(nor_does_it_from_the_queue),
		CASE(without_a_spool_there_is_none),
		CASE(old_age_is_not_told_to_who_does_not_ask),
		CASE(a_quiet_refusal_is_no_reason),
		CASE(a_notice_has_its_size),
		CASE(a_header_that_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
