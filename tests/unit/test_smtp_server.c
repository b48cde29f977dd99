/* SPDX-License-Identifier: ISC */
/* What transcripts cannot show of the server: room, memory, slow readers. */
#include "lib/check.h"
#include "lib/feed.h"
#include "smtp/server.h"

static struct smtp_server s;
static struct smtp_server_job job;
static char got[1 << 16];
static size_t got_len;

/* Take what there is to be sent. */
static void drain(void)
{
	struct slice out = smtp_server_out(&s);

	assert_true(got_len + out.n < sizeof(got));
	memcpy(got + got_len, out.p, out.n);
	got_len += out.n;
	got[got_len] = '\0';
	smtp_server_sent(&s, out.n);
}

/* Answer yes until nothing is asked any more. */
static void say_yes(void)
{
	static const uint16_t codes[] = { 0, 250, 250, 354, 0, 250, 0 };

	for (;;) {
		enum smtp_ask ask = smtp_server_ask(&s);

		if (ask == SMTP_ASK_NONE)
			return;
		smtp_server_answer(&s, codes[ask], 0, SLICE("ok"));
	}
}

static void start(void)
{
	job = (struct smtp_server_job){ .hostname = SLICE("relay"),
					.max_rcpt = 100,
					.lmtp_ok = true };
	smtp_server_init(&s, &job);
	got_len = 0;
	drain();
}

/* Feed a group to its end, sending as needed. */
static void say(struct slice in)
{
	while (in.n > 0 && !smtp_server_is_over(&s)) {
		size_t n = smtp_server_feed(&s, in);

		in = slice_from(in, n);
		say_yes();
		drain();
	}
}

static unsigned count(const char *what)
{
	unsigned n = 0;

	for (const char *p = got; (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

/* A client that reads nothing gets no more than out holds, and no harm. */
static void test_deaf_client(void **state)
{
	static char group[1 << 14];
	struct buf b = BUF_ON(group);

	(void)state;
	start();
	for (unsigned i = 0; i < 1000; i++)
		buf_put_str(&b, "NOOP\r\n");

	struct slice in = buf_slice(&b);
	size_t before = in.n;
	while (in.n > 0) {
		size_t n = smtp_server_feed(&s, in);

		in = slice_from(in, n);
		if (n == 0)
			break;
	}
	assert_true(in.n > 0 && in.n < before);
	assert_true(smtp_server_out(&s).n <= SMTP_SERVER_OUT);
	/* it goes on when there is room */
	say(in);
	assert_int_equal(count("250 2.0.0 ok\r\n"), 1000);
}

/* Questions wait for room: 100 LMTP replies of 500 octets. */
static void test_questions_wait_for_room(void **state)
{
	static char text[600];
	char line[64];

	(void)state;
	start();
	memset(text, 't', sizeof(text));
	say(SLICE("LHLO x\r\n"));
	say(SLICE("MAIL FROM:<>\r\n"));
	for (unsigned i = 0; i < 100; i++) {
		snprintf(line, sizeof(line), "RCPT TO:<r%u@x>\r\n", i);
		say(slice_str(line));
	}
	say(SLICE("DATA\r\n"));
	assert_int_equal(smtp_server_feed(&s, SLICE(".\r\n")), 3);
	got_len = 0;

	unsigned answers = 0;
	while (answers < 100) {
		if (smtp_server_ask(&s) == SMTP_ASK_NONE) {
			assert_true(smtp_server_out(&s).n > 0);
			drain();
			continue;
		}
		assert_int_equal(smtp_server_ask(&s), SMTP_ASK_END);
		smtp_server_answer(&s, 250, 200, slice_of(text, 600));
		answers++;
	}
	drain();
	assert_int_equal(smtp_server_ask(&s), SMTP_ASK_NONE);
	assert_int_equal(count("250 2.0.0 ttt"), 100);
	/* RFC 5321 4.5.3.1.5 */
	for (char *p = got, *end; (end = strchr(p, '\n')) != NULL; p = end + 1)
		assert_true(end + 1 - p <= 512);
	assert_false(s.transaction);
}

/* The longest name and limit fit the reply to EHLO. */
static void test_long_hostname(void **state)
{
	static char name[ADDRESS_MAX_DOMAIN];

	(void)state;
	memset(name, 'h', sizeof(name));
	job = (struct smtp_server_job){
		.hostname = { name, sizeof(name) },
		.max_message = UINT64_MAX,
		.max_rcpt = 1,
		.lmtp_ok = true,
	};
	smtp_server_init(&s, &job);
	got_len = 0;
	drain();
	/* out as full as it may be when a command is taken */
	while (smtp_server_feed(&s, SLICE("NOOP\r\n")) == 6)
		continue;
	drain();
	say(SLICE("LHLO x\r\n"));
	assert_int_equal(count("250 ENHANCEDSTATUSCODES\r\n"), 1);
	assert_int_equal(count("250-SIZE 18446744073709551615\r\n"), 1);
	assert_false(s.out.overflow);
}

/* The client's name at the limit of RFC 5321 4.5.3.1.2. */
static void test_long_client_name(void **state)
{
	char line[300];

	(void)state;
	for (size_t n = ADDRESS_MAX_DOMAIN - 1; n <= ADDRESS_MAX_DOMAIN + 1;
	     n++) {
		start();
		memset(line, 'n', sizeof(line));
		memcpy(line, "HELO ", 5);
		for (size_t i = 5 + 50; i < 5 + n; i += 50)
			line[i] = '.';
		memcpy(line + 5 + n, "\r\n", 2);
		say(slice_of(line, 7 + n));
		assert_int_equal(count("250 relay"), n <= ADDRESS_MAX_DOMAIN);
		assert_int_equal(strlen(s.helo),
				 n <= ADDRESS_MAX_DOMAIN ? n : 0);
	}
}

/* RFC 2034 4: an enhanced code of the reply's class in each of them. */
static void test_enhanced_codes(void **state)
{
	static const char *const lines[] = {
		"NOOP",
		"VRFY x",
		"HELP",
		"RSET",
		"EXPN x",
		"WHAT",
		"RSET x",
		"MAIL FROM:<a@b> X=1",
		"MAIL FROM:",
		"MAIL FROM:<a@b>",
		"MAIL FROM:<a@b>",
		"RCPT TO:<>",
		"RCPT TO:<a@b> X=1",
		"DATA",
		"RCPT TO:<a@b>",
		"RCPT TO:<b@b>",
		"QUIT",
	};
	char line[64];

	(void)state;
	start();
	job.max_rcpt = 1;
	say(SLICE("EHLO x\r\n"));
	got_len = 0;
	for (unsigned i = 0; i < ARRAY_LEN(lines); i++) {
		snprintf(line, sizeof(line), "%s\r\n", lines[i]);
		got_len = 0;
		int n = snprintf(line, sizeof(line), "%s\r\n", lines[i]);
		size_t used = smtp_server_feed(&s, slice_of(line, (size_t)n));

		assert_int_equal(used, n);
		if (smtp_server_ask(&s) != SMTP_ASK_NONE &&
		    smtp_server_ask(&s) != SMTP_ASK_RESET)
			smtp_server_answer(&s, 250, 200, SLICE("ok"));
		say_yes();
		drain();
		assert_true(got_len > 10);
		assert_int_equal(got[0], got[4]);
		assert_int_equal(got[5], '.');
		assert_int_equal(got[7], '.');
	}
	assert_true(smtp_server_is_over(&s));
}

/* A message of 8 MiB in one line, dots and all, in constant memory. */
static void test_big_message(void **state)
{
	static char block[4096];
	size_t in = 0, out = 0;

	(void)state;
	start();
	say(SLICE("HELO x\r\n"));
	say(SLICE("MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n"));
	memset(block, '.', sizeof(block));
	for (unsigned i = 0; i < 2048; i++) {
		struct slice rest = slice_of(block, sizeof(block));

		in += rest.n;
		while (rest.n > 0) {
			size_t n = smtp_server_feed(&s, rest);

			rest = slice_from(rest, n);
			if (smtp_server_ask(&s) == SMTP_ASK_BODY) {
				out += smtp_server_body(&s).n;
				smtp_server_answer(&s, 0, 0, SLICE(""));
			} else {
				assert_int_equal(rest.n, 0);
			}
		}
	}
	struct slice rest = SLICE("\r\n.\r\n");
	while (rest.n > 0 || smtp_server_ask(&s) == SMTP_ASK_BODY) {
		rest = slice_from(rest, smtp_server_feed(&s, rest));
		if (smtp_server_ask(&s) == SMTP_ASK_BODY) {
			out += smtp_server_body(&s).n;
			smtp_server_answer(&s, 0, 0, SLICE(""));
		}
	}
	assert_int_equal(smtp_server_ask(&s), SMTP_ASK_END);
	/* the first dot was doubled by the sender, the CRLF is the line's */
	assert_int_equal(out, in - 1 + 2);
}

/* STANDARDS.md S-3: bytes in a segment of their own, before the reply went. */
static void test_bytes_before_the_reply_was_sent(void **state)
{
	(void)state;
	start();
	assert_int_equal(smtp_server_feed(&s, SLICE("EHLO x\r\n")), 8);
	assert_int_equal(smtp_server_feed(&s, SLICE("NOOP\r\n")), 0);
	assert_true(smtp_server_is_over(&s));
	drain();
	assert_int_equal(count("554 5.5.0"), 1);
	/* part of the reply is not the reply */
	start();
	assert_int_equal(smtp_server_feed(&s, SLICE("HELO x\r\n")), 8);
	smtp_server_sent(&s, smtp_server_out(&s).n - 1);
	assert_int_equal(smtp_server_feed(&s, SLICE("N")), 0);
	assert_true(smtp_server_is_over(&s));
	/* the 354 as well */
	start();
	say(SLICE("HELO x\r\n"));
	say(SLICE("MAIL FROM:<>\r\nRCPT TO:<a@b>\r\n"));
	assert_int_equal(smtp_server_feed(&s, SLICE("DATA\r\n")), 6);
	assert_int_equal(smtp_server_ask(&s), SMTP_ASK_DATA);
	assert_int_equal(smtp_server_feed(&s, SLICE("x")), 0);
	assert_false(smtp_server_is_over(&s));
	smtp_server_answer(&s, 354, 0, SLICE("go"));
	assert_int_equal(smtp_server_feed(&s, SLICE("x")), 0);
	assert_true(smtp_server_is_over(&s));
	assert_int_equal(smtp_server_ask(&s), SMTP_ASK_RESET);
}

/* sendmail -bs: all that a script has to say, at once. */
static void test_batch(void **state)
{
	(void)state;
	start();
	job.batch = true;
	smtp_server_init(&s, &job);
	say(SLICE("EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n"
		  "x\r\n.\r\nQUIT\r\n"));
	assert_int_equal(count("554 "), 0);
	assert_int_equal(count("354 "), 1);
	assert_int_equal(count("221 "), 1);
}

/* What the owner says can break no line. */
static void test_owners_text(void **state)
{
	(void)state;
	start();
	say(SLICE("HELO x\r\n"));
	got_len = 0;
	assert_int_equal(smtp_server_feed(&s, SLICE("MAIL FROM:<>\r\n")), 14);
	smtp_server_answer(&s, 451, 430, SLICE("a\r\n250 b\x1b\xfc"));
	drain();
	assert_string_equal(got, "451 4.3.0 a??250 b??\r\n");
	got_len = 0;
	assert_int_equal(smtp_server_feed(&s, SLICE("MAIL FROM:<>\r\n")), 14);
	smtp_server_answer(&s, 550, 5730, SLICE(""));
	drain();
	assert_string_equal(got, "550 5.7.30\r\n");
}

/* An answer to nothing, and one to RESET, say nothing. */
static void test_answers_out_of_turn(void **state)
{
	(void)state;
	start();
	smtp_server_answer(&s, 250, 200, SLICE("ok"));
	assert_int_equal(smtp_server_out(&s).n, 0);
	say(SLICE("HELO x\r\n"));
	say(SLICE("MAIL FROM:<>\r\n"));
	assert_int_equal(smtp_server_feed(&s, SLICE("RSET\r\n")), 6);
	assert_int_equal(smtp_server_ask(&s), SMTP_ASK_RESET);
	drain();
	smtp_server_answer(&s, 250, 200, SLICE("ok"));
	assert_int_equal(smtp_server_out(&s).n, 0);
	assert_int_equal(smtp_server_ask(&s), SMTP_ASK_NONE);
	smtp_server_lost(&s);
	assert_true(smtp_server_is_over(&s));
	assert_int_equal(smtp_server_feed(&s, SLICE("NOOP\r\n")), 0);
	assert_int_equal(smtp_server_out(&s).n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deaf_client),
		cmocka_unit_test(test_questions_wait_for_room),
		cmocka_unit_test(test_long_hostname),
		cmocka_unit_test(test_long_client_name),
		cmocka_unit_test(test_enhanced_codes),
		cmocka_unit_test(test_big_message),
		cmocka_unit_test(test_bytes_before_the_reply_was_sent),
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_owners_text),
		cmocka_unit_test(test_answers_out_of_turn),
	};

	return cmocka_run_group_tests_name("smtp_server", tests, NULL, NULL);
}
