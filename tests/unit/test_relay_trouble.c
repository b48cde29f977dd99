/* SPDX-License-Identifier: ISC */
/*
 * A next hop in trouble: when a message goes to the spool, what an attempt
 * under way is still good for, fail-over (DESIGN.md 3.1, promise 3).
 */
#include "sim/fixture.h"

#include <stdlib.h>
#include <unistd.h>

static struct sim_client *const c = &clients[0];

#define BODY "Subject: x\r\n\r\nhello\r\n"

/* Rules of one line. */
static void rule(struct sim_hop *h, enum sim_step step, enum sim_act act)
{
	sim_hop_rule(h, (struct sim_rule){ .step = step, .act = act });
}

static void slow(struct sim_hop *h, enum sim_step step, int64_t ms)
{
	sim_hop_rule(h, (struct sim_rule){
				.step = step, .after_ms = ms, .times = 1 });
}

/* The message is committed while the hop thinks; its word then counts. */
static void commits_after(enum fixture_door door, int64_t ms)
{
	int64_t dot_ms;

	sim_device_start(&dev, FIXTURE_ONE);
	slow(&hops[0], SIM_DOT, 30000);
	fixture_submit(c, door, "a@b.org", "c@d.org", BODY);
	dot_ms = dev.sim.now_ms;
	fixture_expect(c, "250 2.0.0 queued as ", 20000);
	assert_in_range(c->at_ms - dot_ms, ms, ms + 5);
	assert_int_equal(sim_device_syncs(&dev), 1);
	assert_int_equal(fixture_queued(), 1);
	sim_device_run(&dev, 31000);
	assert_int_equal(fixture_queued(), 0);
	sim_device_run(&dev, 86400 * 1000);
	assert_int_equal(hops[0].nmails, 1);
	assert_int_equal(hops[0].mails_said, 1);
	/* What it was sent is written once, with its mark: no more syncs. */
	assert_int_equal(sim_device_syncs(&dev), 2);
}

static void by_smtp_after_4_s(void **state)
{
	(void)state;
	commits_after(BY_SMTP, 4000);
}

static void by_sendmail_after_15_s(void **state)
{
	(void)state;
	commits_after(BY_LMTP, 15000);
}

static void commit_after_is_configured(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE "commit-after 0s\n");
	slow(&hops[0], SIM_DOT, 1000);
	fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org", BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 10);
	sim_device_run(&dev, 2000);
	assert_int_equal(hops[0].nmails, 1);
	assert_int_equal(fixture_queued(), 0);
}

static void the_word_of_a_late_refusal_counts(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_rule(&hops[0], (struct sim_rule){ .step = SIM_DOT,
						  .after_ms = 6000,
						  .reply = "554 5.6.0 no" });
	fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org", BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 5000);
	sim_device_run(&dev, 86400 * 1000);
	/* Its notice was refused too: nobody is told, and it is over. */
	assert_int_equal(hops[0].mails_said, 2);
	assert_int_equal(sim_hop_heard(&hops[0], "MAIL FROM:<>"), 1);
	assert_int_equal(sim_logged("refused id="), 2);
	assert_int_equal(sim_logged("dropped id="), 1);
	assert_int_equal(fixture_queued(), 0);
}

static void a_route_known_down_commits_at_once(void **state)
{
	int64_t dot_ms;

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	hops[0].door->mood = SIM_REFUSES;
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	assert_int_equal(hops[0].door->connects, 1);
	fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org", BODY);
	dot_ms = dev.sim.now_ms;
	fixture_expect(c, "250 2.0.0 queued as ", 100);
	assert_in_range(c->at_ms - dot_ms, 0, 3);
	/* New mail does not shorten the delay. */
	assert_int_equal(hops[0].door->connects, 1);
}

static void two_in_one_turn_share_a_sync(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	hops[0].door->mood = SIM_REFUSES;
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	sim_device_watch(&dev);
	for (unsigned i = 0; i < 5; i++) {
		fixture_hello(&clients[i], BY_SMTP);
		fixture_mail(&clients[i], "a@b.org", "c@d.org");
		sim_client_say(&clients[i], "DATA\r\n");
	}
	sim_device_run(&dev, 10);
	for (unsigned i = 0; i < 5; i++) {
		sim_client_forget(&clients[i]);
		sim_client_say(&clients[i], BODY ".\r\n");
	}
	sim_device_run(&dev, 10);
	for (unsigned i = 0; i < 5; i++)
		assert_true(sim_client_saw(&clients[i], "250 2.0.0 queued as"));
	assert_int_equal(sim_device_syncs(&dev), 1);
	assert_int_equal(sim_device_bytes(&dev), SPOOL_FRAME);
	assert_int_equal(fixture_queued(), 6);
}

/* What each step is tried with, and what must come of it. */
static const enum sim_act acts[] = { SIM_DROPS, SIM_RESETS, SIM_STALLS };

/* Whatever breaks before the dot: kept, the hop is down, nothing twice. */
static void breaks_at(enum sim_step step, enum sim_act act)
{
	struct sim_client *out = &clients[2];

	fixture_up(NULL);
	sim_device_start(&dev, FIXTURE_ONE);
	rule(&hops[0], step, act);
	/* More than the hop takes before it is read: no dot is sent. */
	fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org,e@d.org",
		       fixture_body(SIM_WINDOW + 10000));
	fixture_expect(c, "250 2.0.0 queued as ", 4100);
	assert_int_equal(fixture_queued(), 1);
	/* RFC 5321 4.5.3.2 has the longest time of each step. */
	for (unsigned i = 0; i < 600 && !sim_logged("state=down"); i++)
		sim_device_run(&dev, 1000);
	assert_int_equal(sim_device_order(&dev, out, "status json"), 0);
	assert_non_null(strstr(out->got, "\"state\":\"down\""));
	assert_int_equal(fixture_number(out, "uncertain"), 0);
	sim_hop_heals(&hops[0]);
	sim_device_run(&dev, 95 * 1000);
	assert_int_equal(sim_hop_got(&hops[0], "c@d.org"), 1);
	assert_int_equal(sim_hop_got(&hops[0], "e@d.org"), 1);
	assert_int_equal(fixture_queued(), 0);
	fixture_down(NULL);
}

static void every_step_may_break(void **state)
{
	static const enum sim_step steps[] = {
		SIM_GREETING, SIM_EHLO, SIM_MAIL, SIM_RCPT, SIM_DATA, SIM_BODY,
	};

	fixture_down(state);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		for (size_t k = 0; k < ARRAY_LEN(acts); k++)
			breaks_at(steps[i], acts[k]);
	fixture_up(state);
}

/* Replies that are the hop's trouble, not the message's. */
static void every_step_may_say_no(void **state)
{
	static const struct {
		enum sim_step step;
		const char *reply;
		const char *hop_state;
	} rows[] = {
		{ SIM_GREETING, "554 5.3.2 go away", "down" },
		{ SIM_GREETING, "521 5.3.2 never", "down" },
		{ SIM_GREETING, "421 4.3.2 later", "down" },
		{ SIM_GREETING, "550 5.7.139 disabled", "held" },
		{ SIM_GREETING, "nonsense", "down" },
		{ SIM_EHLO, "421 4.3.2 later", "down" },
		{ SIM_AUTH, "421 4.3.2 later", "down" },
		{ SIM_AUTH, "454 4.7.0 not now", "down" },
		{ SIM_AUTH, "432 4.7.12 change it first", "held" },
		{ SIM_AUTH, "500 5.5.2 eh", "held" },
		{ SIM_AUTH, "530 5.7.0 who are you", "held" },
		{ SIM_AUTH, "534 5.7.9 too weak", "held" },
		{ SIM_AUTH, "535 5.7.8 wrong", "held" },
		{ SIM_AUTH, "535 5.7.139 disabled", "held" },
		{ SIM_AUTH, "538 5.7.11 in the clear", "held" },
		{ SIM_AUTH, "550 5.7.30 no basic authentication", "held" },
		{ SIM_MAIL, "421 4.3.2 later", "down" },
		{ SIM_MAIL, "451 4.7.1 too fast", "down" },
		{ SIM_MAIL, "454 4.7.0 no TLS now", "down" },
		{ SIM_MAIL, "430 4.2.0 STOREDRV; cannot log on", "held" },
		{ SIM_MAIL, "530 5.7.0 who are you", "held" },
		{ SIM_MAIL, "534 5.7.9 too weak", "held" },
		{ SIM_MAIL, "535 5.7.8 wrong", "held" },
		{ SIM_MAIL, "538 5.7.11 in the clear", "held" },
		{ SIM_MAIL, "550 5.7.30 no basic authentication", "held" },
		{ SIM_MAIL, "554 5.7.139 disabled", "held" },
		{ SIM_RCPT, "421 4.3.2 later", "down" },
		{ SIM_DATA, "421 4.3.2 later", "down" },
		{ SIM_DATA, "250 2.0.0 eh", "down" },
		{ SIM_DOT, "421 4.3.2 later", "down" },
		{ SIM_DOT, "430 4.2.0 STOREDRV; cannot log on", "held" },
		{ SIM_DOT, "432 4.3.2 STOREDRV; too many at once", "down" },
		{ SIM_DOT, "452 4.3.2 not now", "down" },
	};

	char path[] = "/tmp/test_relay_troubleXXXXXX";
	char conf[200];
	struct buf text = BUF_ON(conf);
	int fd = mkstemp(path);

	assert_true(fd >= 0 && write(fd, "secret\n", 7) == 7);
	assert_int_equal(close(fd), 0);
	buf_putf(&text,
		 "smarthost smtp://192.0.2.1 tls=off auth=plain user=u "
		 "password-file=%s\n",
		 path);
	fixture_down(state);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sim_client *out = &clients[2];
		char want[40];
		struct buf b = BUF_ON(want);

		fixture_up(state);
		sim_device_start(&dev, buf_cstr(&text));
		sim_hop_says(&hops[0], rows[i].step, NULL, rows[i].reply);
		fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org", BODY);
		fixture_expect(c, "250 2.0.0 queued as ", 4100);
		sim_device_order(&dev, out, "status json");
		buf_putf(&b, "\"state\":\"%s\"", rows[i].hop_state);
		assert_non_null(strstr(out->got, buf_cstr(&b)));
		sim_hop_heals(&hops[0]);
		sim_device_run(&dev, 1800 * 1000);
		assert_int_equal(sim_hop_got(&hops[0], "c@d.org"), 1);
		assert_int_equal(fixture_queued(), 0);
		assert_int_equal(sim_logged("refused id="), 0);
		assert_int_equal(sim_logged("W route"), 1);
		fixture_down(state);
	}
	fixture_up(state);
	assert_int_equal(remove(path), 0);
}

/* Taken, and the reply lost: shown as such, tried again, the same again. */
static void uncertain(enum sim_act act)
{
	struct sim_client *out = &clients[2];

	fixture_up(NULL);
	sim_device_start(&dev, FIXTURE_ONE "smarthost smtp://192.0.2.2 "
					   "tls=off\n");
	sim_hop_rule(&hops[0], (struct sim_rule){ .step = SIM_DOT,
						  .act = act,
						  .takes = true });
	fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org", BODY);
	fixture_expect(c, "250 2.0.0 queued as ", 4100);
	sim_device_run(&dev, act == SIM_STALLS ? 600 * 1000 : 10);
	sim_device_order(&dev, out, "queue json");
	assert_non_null(strstr(out->got, "\"state\":\"uncertain\""));
	sim_device_order(&dev, out, "status json");
	assert_int_equal(fixture_number(out, "uncertain"), 1);
	/* It is not given to another hop as if nothing had happened. */
	assert_int_equal(hops[1].nmails, 0);
	sim_hop_heals(&hops[0]);
	sim_device_run(&dev, 91 * 1000);
	assert_int_equal(hops[0].nmails + hops[1].nmails, 2);
	assert_int_equal(fixture_queued(), 0);
	const struct sim_mail *again = hops[0].nmails == 2 ? &hops[0].mails[1]
							   : &hops[1].mails[0];
	char *id = strstr(hops[0].mails[0].data, "Message-ID: <");
	char *id2 = strstr(again->data, "Message-ID: <");
	assert_non_null(id);
	assert_non_null(id2);
	assert_memory_equal(id, id2, 13 + ID_LEN);
	fixture_down(NULL);
}

static void the_last_word_may_be_lost(void **state)
{
	fixture_down(state);
	for (size_t k = 0; k < ARRAY_LEN(acts); k++)
		uncertain(acts[k]);
	fixture_up(state);
}

#define THREE                                  \
	"smarthost smtp://192.0.2.1 tls=off\n" \
	"smarthost smtp://192.0.2.2 tls=off\n" \
	"smarthost smtp://192.0.2.3 tls=off\n"

/* RFC 7504, RFC 5321 5.1: one of the host's addresses says no for itself. */
static void the_next_address_is_tried(void **state)
{
	static struct sim_hop six, four;
	static const char *const replies[] = { "554 5.3.2 go away",
					       "421 4.3.2 later",
					       "521 5.3.2 never", "nonsense" };

	sim_hop_init(&six, &dev.net, "::1", 26);
	sim_hop_init(&four, &dev.net, "127.0.0.1", 26);
	(void)state;
	sim_device_start(&dev, "smarthost smtp://hub.localhost:26 tls=off\n");
	for (unsigned i = 0; i < ARRAY_LEN(replies); i++) {
		sim_hop_heals(&six);
		sim_hop_says(&six, i % 2 ? SIM_EHLO : SIM_GREETING, NULL,
			     replies[i]);
		fixture_send("a@b.org", "c@d.org", "250 2.0.0 taken");
		sim_device_run(&dev, 3000);
		assert_int_equal(six.sessions, i + 1);
		assert_int_equal(four.nmails, i + 1);
	}
	assert_int_equal(sim_logged("state=down"), 0);
	/* All of them: the hop is down. */
	sim_hop_says(&four, SIM_GREETING, NULL, "554 5.3.2 not me");
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	assert_int_equal(six.sessions, 5);
	assert_int_equal(sim_logged("reason=\"not me\""), 1);
	sim_hop_clear(&six);
	sim_hop_clear(&four);
}

static void the_next_hop_of_the_list_is_tried(void **state)
{
	(void)state;
	sim_device_start(&dev, THREE);
	hops[0].door->mood = SIM_REFUSES;
	sim_hop_says(&hops[1], SIM_GREETING, NULL, "421 4.3.2 full");
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 taken");
	assert_int_equal(hops[2].nmails, 1);
	assert_int_equal(sim_device_bytes(&dev), 0);
	/* Each has a breaker of its own: both are left alone now. */
	sim_device_run(&dev, 10 * 1000);
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 taken");
	assert_int_equal(hops[0].door->connects, 1);
	assert_int_equal(hops[1].sessions, 1);
	/* When its time has come the first is tried first again. */
	hops[0].door->mood = SIM_ACCEPTS;
	sim_device_run(&dev, 90 * 1000);
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 taken");
	assert_int_equal(hops[0].nmails, 1);
}

static void only_what_is_open_goes_to_the_next_hop(void **state)
{
	(void)state;
	sim_device_start(&dev, THREE);
	sim_hop_says(&hops[0], SIM_RCPT, "<1@", "550 5.1.1 nobody");
	rule(&hops[0], SIM_DATA, SIM_DROPS);
	fixture_submit(c, BY_LMTP, "a@b.org", "1@d.org,2@d.org,3@d.org", BODY);
	assert_true(
		sim_device_until(&dev, c, "taken\r\n250 2.0.0 taken\r\n", 100));
	assert_string_equal(hops[1].mails[0].to, "2@d.org 3@d.org ");
	assert_int_equal(hops[2].sessions, 0);
}

/* The second hop gets the whole message, header and all. */
static void a_message_begins_anew_at_the_next_hop(void **state)
{
	const char *body = fixture_body(20000);

	(void)state;
	sim_device_start(&dev, THREE);
	rule(&hops[0], SIM_BODY, SIM_DROPS);
	fixture_submit(c, BY_SMTP, "a@b.org", "2@d.org", body);
	fixture_expect(c, "250 2.0.0 taken", 200);
	const struct sim_mail *m = &hops[1].mails[0];
	assert_memory_equal(m->data, "Received: from client", 21);
	assert_non_null(strstr(m->data, "\r\nMessage-ID: <"));
	assert_string_equal(m->data + m->len - strlen(body), body);
}

static void too_many_recipients_are_split(void **state)
{
	const char *body = fixture_body(3000);

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_rule(&hops[0], (struct sim_rule){ .step = SIM_RCPT,
						  .skip = 2,
						  .times = 2,
						  .reply = "452 4.5.3 many" });
	fixture_submit(c, BY_SMTP, "a@b.org", "1@d.org,2@d.org,3@d.org,4@d.org",
		       body);
	fixture_expect(c, "250 2.0.0 taken", 200);
	assert_int_equal(hops[0].nmails, 2);
	assert_int_equal(hops[0].sessions, 1);
	assert_string_equal(hops[0].mails[0].to, "1@d.org 2@d.org ");
	assert_string_equal(hops[0].mails[1].to, "3@d.org 4@d.org ");
	for (unsigned i = 0; i < 2; i++) {
		const struct sim_mail *m = &hops[0].mails[i];

		assert_memory_equal(m->data, "Received: from client", 21);
		assert_string_equal(m->data + m->len - strlen(body), body);
	}
	assert_int_equal(sim_device_bytes(&dev), 0);
}

/* RFC 9422: so many messages a connection; the next gets a new one. */
static void so_many_messages_a_session(void **state)
{
	struct sim_client *out = &clients[2];

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	hops[0].offer = "PIPELINING\r\nLIMITS MAILMAX=1 RCPTMAX=2";
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 taken");
	sim_device_order(&dev, out, "status json");
	assert_non_null(strstr(out->got, "\"state\":\"up\""));
	fixture_send("a@b.org", "1@d.org,2@d.org,3@d.org", "250 2.0.0 taken");
	assert_int_equal(hops[0].nmails, 3);
	assert_int_equal(hops[0].sessions, 3);
	assert_int_equal(sim_device_bytes(&dev), 0);
}

static void an_idle_session_that_is_gone_is_no_fault(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 taken");
	assert_int_equal(hops[0].sessions, 1);
	/* Closed while idle, and in the face of the next transaction. */
	sim_hop_rule(&hops[0], (struct sim_rule){ .step = SIM_MAIL,
						  .times = 1,
						  .act = SIM_DROPS });
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 taken");
	assert_int_equal(hops[0].sessions, 2);
	assert_int_equal(hops[0].nmails, 2);
	assert_int_equal(sim_device_bytes(&dev), 0);
	assert_int_equal(sim_logged("state=down"), 0);
}

static void a_connection_is_kept_and_then_ended(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	for (unsigned i = 0; i < 3; i++)
		fixture_send("a@b.org", "c@d.org", "250 2.0.0 taken");
	assert_int_equal(hops[0].sessions, 1);
	sim_device_run(&dev, RELAY_LINGER_MS + 10);
	assert_int_equal(hops[0].closed, 1);
	assert_int_equal(sim_hop_heard(&hops[0], "QUIT\n"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(by_smtp_after_4_s),
		FIXTURE_TEST(by_sendmail_after_15_s),
		FIXTURE_TEST(commit_after_is_configured),
		FIXTURE_TEST(the_word_of_a_late_refusal_counts),
		FIXTURE_TEST(a_route_known_down_commits_at_once),
		FIXTURE_TEST(two_in_one_turn_share_a_sync),
		FIXTURE_TEST(every_step_may_break),
		FIXTURE_TEST(every_step_may_say_no),
		FIXTURE_TEST(the_last_word_may_be_lost),
		FIXTURE_TEST(the_next_address_is_tried),
		FIXTURE_TEST(the_next_hop_of_the_list_is_tried),
		FIXTURE_TEST(only_what_is_open_goes_to_the_next_hop),
		FIXTURE_TEST(a_message_begins_anew_at_the_next_hop),
		FIXTURE_TEST(too_many_recipients_are_split),
		FIXTURE_TEST(so_many_messages_a_session),
		FIXTURE_TEST(an_idle_session_that_is_gone_is_no_fault),
		FIXTURE_TEST(a_connection_is_kept_and_then_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
