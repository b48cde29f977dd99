/* SPDX-License-Identifier: ISC */
/*
 * Room: messages that the stage cannot hold, those that give way to others,
 * and a spool that is full or not there (DESIGN.md 2.4).
 */
#include "sim/fixture.h"

#include <stdlib.h>

static struct sim_client *const c = &clients[0];

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

/* So do those that stopped in the middle: the longest silent one. */
static void who_stops_in_the_middle_gives_way(void **state)
{
	struct sim_client *late = &clients[12];

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	/* Blocks: an envelope has one, a piece of content four. */
	for (unsigned i = 0; i < 12; i++) {
		fixture_hello(&clients[i], BY_SMTP);
		fixture_mail(&clients[i], "a@b.org", "c@d.org");
		if (i >= 10)
			continue;
		sim_client_say(&clients[i], "DATA\r\n");
		sim_device_run(&dev, 10);
		sim_client_say(&clients[i], fixture_body(i < 9 ? 4000 : 2200));
		sim_device_run(&dev, 10);
	}
	assert_int_equal(stage_room(&dev.relay->stage), 0);
	assert_null(dev.relay->big);
	fixture_hello(late, BY_LMTP);
	sim_client_say(late, "MAIL FROM:<a@b.org>\r\n");
	fixture_expect(late, "452 4.3.1 no memory", 100);
	sim_device_run(&dev, 9000);
	sim_client_say(late, "MAIL FROM:<a@b.org>\r\n");
	fixture_expect(late, "452 4.3.1 no memory", 100);
	sim_device_run(&dev, 1000);
	fixture_mail(late, "a@b.org", "c@d.org");
	assert_ptr_equal(dev.relay->big, &dev.relay->submissions[0]);
	fixture_data(late, fixture_body(2000));
	fixture_expect(late, "250 2.0.0 taken", 1000);
	/* It goes on where it was. */
	clients[0].len = 0;
	sim_client_say(&clients[0], "end\r\n.\r\n");
	sim_device_run(&dev, 1000);
	assert_memory_equal(clients[0].got, "250 2.0.0 queued as ", 20);
	assert_int_equal(hops[0].nmails, 2);
	assert_int_equal(fixture_queued(), 0);
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
		FIXTURE_TEST(the_stage_fits_or_spills),
		FIXTURE_TEST(a_large_message_with_the_hop_up_and_down),
		FIXTURE_TEST(a_second_large_message_waits),
		FIXTURE_TEST(a_large_message_that_is_broken_off),
		FIXTURE_TEST(the_stage_is_given_up_for_others),
		FIXTURE_TEST(who_stops_in_the_middle_gives_way),
		FIXTURE_TEST(without_a_spool),
		FIXTURE_TEST(the_spool_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
