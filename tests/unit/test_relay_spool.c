/* SPDX-License-Identifier: ISC */
/*
 * The relay over a medium that fails, and over restarts: killed, cut off,
 * started again (DESIGN.md promise 1, 3.1, 3.2).
 */
#include "sim/fixture.h"

#include <errno.h>

static struct sim_client *const c = &clients[0];

#define BODY "Subject: x\r\n\r\nhello\r\n"

static void down(void)
{
	hops[0].door->mood = SIM_REFUSES;
}

static void up(void)
{
	hops[0].door->mood = SIM_ACCEPTS;
}

static void a_commit_that_fails(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	down();
	dev.disk.write_error = -EIO;
	fixture_send("a@b.org", "c@d.org", "451 4.3.0 connection refused");
	assert_int_equal(sim_logged("E spool: a commit of 1 messages failed"),
			 1);
	dev.disk.write_error = 0;
	dev.disk.sync_error = -EIO;
	fixture_send("a@b.org", "c@d.org", "451 4.3.0 connection refused");
	assert_int_equal(fixture_queued(), 0);
	/* The medium is well again: so is everything. */
	dev.disk.sync_error = 0;
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	up();
	sim_device_run(&dev, 95 * 1000);
	assert_int_equal(hops[0].nmails, 1);
}

/* Nothing is lost while an attempt runs: it may still do what is wanted. */
static void a_commit_that_fails_under_an_attempt(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_rule(&hops[0],
		     (struct sim_rule){ .step = SIM_DOT, .after_ms = 20000 });
	dev.disk.sync_error = -EIO;
	fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org", BODY);
	sim_device_run(&dev, 15000);
	assert_int_equal(c->len, 0);
	assert_int_equal(dev.disk.syncs, dev.syncs + 1);
	fixture_expect(c, "250 2.0.0 taken", 10000);
	assert_int_equal(hops[0].nmails, 1);
}

static void a_large_message_and_a_medium_that_fails(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	dev.disk.write_error = -EIO;
	fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org", fixture_body(50000));
	fixture_expect(c, "451 4.3.0 spool cannot be written", 100);
	dev.disk.write_error = 0;
	dev.disk.sync_error = -EIO;
	fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org", fixture_body(50000));
	fixture_expect(c, "451 4.3.0 ", 100);
	dev.disk.sync_error = 0;
	assert_null(dev.relay->big);
	fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org", fixture_body(50000));
	fixture_expect(c, "250 2.0.0 ", 100);
	sim_device_run(&dev, 100);
	assert_int_equal(hops[0].nmails, 1);
}

/* A frame of a queued message has gone bad: its first one, or another. */
static void a_frame_goes_bad(unsigned frame)
{
	fixture_up(NULL);
	sim_device_start(&dev, FIXTURE_ONE);
	down();
	fixture_submit(c, BY_SMTP, "a@b.org", "bad@d.org", fixture_body(9000));
	fixture_expect(c, "250 2.0.0 queued as ", 100);
	fixture_send("a@b.org", "good@d.org", "250 2.0.0 queued as ");
	/* A new ring begins in the middle. */
	dev.disk.bad_off = (SIM_FRAMES / 2 + frame) * SPOOL_FRAME + 100;
	up();
	sim_device_run(&dev, 95 * 1000);
	assert_int_equal(sim_hop_got(&hops[0], "good@d.org"), 1);
	assert_int_equal(sim_hop_got(&hops[0], "bad@d.org"), 0);
	assert_true(sim_logged(" cannot be read") >= 1);
	assert_int_equal(sim_logged("refused id="), 0);
	/* It is not written about again and again. */
	sim_device_run(&dev, 700 * 1000);
	sim_device_watch(&dev);
	sim_log_clear();
	sim_device_order(&dev, c, "flush wait");
	sim_device_run(&dev, 3600 * 1000);
	assert_int_equal(sim_device_bytes(&dev), 0);
	assert_in_range(sim_logged(" cannot be read"), 0, 1);
	fixture_send("a@b.org", "new@d.org", "250 2.0.0 taken");
	sim_device_order(&dev, c, "queue json");
	if (frame > 0)
		assert_non_null(strstr(c->got, "\"state\":\"held\""));
	fixture_down(NULL);
}

static void a_message_that_cannot_be_read(void **state)
{
	fixture_down(state);
	for (unsigned frame = 0; frame < 3; frame++)
		a_frame_goes_bad(frame);
	fixture_up(state);
}

static void what_was_answered_survives_a_kill(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	down();
	for (unsigned i = 0; i < 10; i++)
		fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	sim_device_kill(&dev);
	up();
	sim_device_start(&dev, FIXTURE_ONE);
	assert_int_equal(dev.found.messages, 10);
	sim_device_run(&dev, 1000);
	assert_int_equal(hops[0].nmails, 10);
	/* Killed before the marks were written: tmpfs knows. */
	assert_int_equal(sim_device_bytes(&dev), 0);
	sim_device_kill(&dev);
	sim_device_start(&dev, FIXTURE_ONE);
	assert_int_equal(dev.found.messages, 0);
	sim_device_run(&dev, 3600 * 1000);
	assert_int_equal(hops[0].nmails, 10);
}

static void and_a_power_cut(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	down();
	fixture_send("a@b.org", "1@d.org", "250 2.0.0 queued as ");
	fixture_submit(c, BY_SMTP, "a@b.org", "2@d.org", fixture_body(50000));
	fixture_expect(c, "250 2.0.0 queued as ", 100);
	/* A third one is half on its way. */
	fixture_hello(c, BY_SMTP);
	fixture_mail(c, "a@b.org", "3@d.org");
	sim_client_say(c, "DATA\r\n");
	sim_device_run(&dev, 10);
	sim_client_say(c, fixture_body(50000));
	sim_device_run(&dev, 100);
	sim_device_cut(&dev);
	up();
	sim_device_start(&dev, FIXTURE_ONE);
	assert_int_equal(dev.found.messages, 2);
	sim_device_run(&dev, 1000);
	assert_int_equal(sim_hop_got(&hops[0], "1@d.org"), 1);
	assert_int_equal(sim_hop_got(&hops[0], "2@d.org"), 1);
	assert_int_equal(sim_hop_got(&hops[0], "3@d.org"), 0);
	assert_string_equal(hops[0].mails[1].data + hops[0].mails[1].len -
				    50000,
			    fixture_body(50000));
}

/* The duplicate window: a cut before the marks are on the medium. */
static void the_duplicate_window_ends(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	down();
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	up();
	sim_device_run(&dev, 95 * 1000);
	assert_int_equal(hops[0].nmails, 1);
	sim_device_cut(&dev);
	sim_device_start(&dev, FIXTURE_ONE);
	sim_device_run(&dev, 601 * 1000);
	assert_int_equal(hops[0].nmails, 2);
	sim_device_cut(&dev);
	sim_device_start(&dev, FIXTURE_ONE);
	assert_int_equal(dev.found.messages, 0);
	sim_device_run(&dev, 1000);
	assert_int_equal(hops[0].nmails, 2);
}

/* Killed with an attempt under way whose hop never answers the dot. */
static void killed_at_the_dot(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_rule(&hops[0],
		     (struct sim_rule){ .step = SIM_DOT, .act = SIM_STALLS });
	fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org", BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 5000);
	sim_device_kill(&dev);
	sim_hop_heals(&hops[0]);
	sim_device_start(&dev, FIXTURE_ONE);
	sim_device_run(&dev, 1000);
	assert_int_equal(hops[0].nmails, 1);
	assert_int_equal(fixture_queued(), 0);
}

/* The spool comes when another program has let it go. */
static void the_spool_comes_later(void **state)
{
	(void)state;
	dev.no_spool = true;
	sim_device_start(&dev, FIXTURE_ONE);
	dev.relay->spool_waits = true;
	fixture_hello(c, BY_SMTP);
	sim_client_say(c, "MAIL FROM:<a@b.org>\r\n");
	assert_true(sim_device_until(&dev, c, "451 4.3.0 ", 100));
	assert_int_equal(spool_open(spool_static(), &dev.disk.medium,
				    &dev.tmpfs.medium, &dev.sim.world,
				    &dev.found),
			 0);
	relay_set_spool(dev.relay, spool_static(), NULL, false);
	sim_client_forget(c);
	sim_client_say(c, "MAIL FROM:<a@b.org>\r\n");
	assert_true(sim_device_until(&dev, c, "250 2.1.0 ", 100));
}

/* Several laps of the ring, the hop up and down, cuts: each one once. */
static void around_the_ring(void **state)
{
	unsigned sent = 0;

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE "retry 1s 4s\n");
	for (unsigned lap = 0; lap < 12; lap++) {
		down();
		for (unsigned i = 0; i < 15; i++) {
			size_t n = 200 + sim_below(&dev.sim, 9000);

			fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org",
				       fixture_body(n));
			if (!sim_device_until(&dev, c, "250 2.0.0 ", 200))
				break;
			sent++;
			sim_client_close(c);
			sim_device_run(&dev, 10);
		}
		if (lap % 3 == 1) {
			sim_device_cut(&dev);
			sim_device_start(&dev, FIXTURE_ONE "retry 1s 4s\n");
		}
		up();
		sim_device_run(&dev, 20 * 1000);
		assert_int_equal(fixture_queued(), 0);
		assert_int_equal(spool_sync_marks(dev.spool), 0);
	}
	assert_int_equal(hops[0].nmails, sent);
	assert_true(sent > 100);
	assert_true(dev.disk.writes > 4 * SIM_FRAMES);
}

/* A medium that failed for hours: what was burnt is used again. */
static void mail_in_frames_that_were_burnt(void **state)
{
	unsigned n = 0;
	char line[40];
	struct buf b = BUF_ON(line);

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	down();
	/* One stays, so that the tail cannot move. */
	fixture_submit(c, BY_SMTP, "a@b.org", "held@d.org", BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 100);
	buf_putf(&b, "hold %.*s", ID_LEN, strstr(c->got, "queued as ") + 10);
	assert_int_equal(sim_device_order(&dev, c, buf_cstr(&b)), 0);
	dev.disk.sync_error = -EIO;
	for (unsigned i = 0; i < SIM_FRAMES; i++)
		fixture_send("a@b.org", "c@d.org", "45");
	up();
	sim_device_run(&dev, 95 * 1000);
	dev.disk.sync_error = 0;
	/* The hop is known to work, then it does not. */
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 taken");
	down();
	sim_device_run(&dev, 5000);
	for (; n < 8; n++) {
		fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org",
			       fixture_body(9000));
		if (!sim_device_until(&dev, c, "250 2.0.0 queued as ", 100))
			break;
		sim_client_close(c);
		sim_device_run(&dev, 10);
	}
	assert_int_equal(n, 8);
	up();
	sim_device_run(&dev, 95 * 1000);
	assert_int_equal(hops[0].nmails, 1 + n);
	assert_int_equal(fixture_queued(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(a_commit_that_fails),
		FIXTURE_TEST(a_commit_that_fails_under_an_attempt),
		FIXTURE_TEST(a_large_message_and_a_medium_that_fails),
		FIXTURE_TEST(a_message_that_cannot_be_read),
		FIXTURE_TEST(what_was_answered_survives_a_kill),
		FIXTURE_TEST(and_a_power_cut),
		FIXTURE_TEST(the_duplicate_window_ends),
		FIXTURE_TEST(killed_at_the_dot),
		FIXTURE_TEST(the_spool_comes_later),
		FIXTURE_TEST(around_the_ring),
		FIXTURE_TEST(mail_in_frames_that_were_burnt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
