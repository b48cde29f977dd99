/* SPDX-License-Identifier: ISC */
#include <errno.h>

#include "lib/check.h"
#include "lib/feed.h"
#include "smtp/reply.h"

/* Read in in pieces; returns what ended it: 1 a final line, 0, or an error. */
static int read_reply(struct reply *r, struct slice in, size_t most,
		      uint32_t *seed, size_t *taken)
{
	reply_start(r);
	*taken = 0;
	while (in.n > 0) {
		size_t n = most == 0   ? in.n
			   : most == 1 ? 1
				       : 1 + feed_random(seed) % most;
		size_t used;
		int got = reply_feed(r, slice_head(in, n), &used);

		assert_true(used <= n);
		assert_true(got == 0 ? used == (n < in.n ? n : in.n)
				     : used > 0);
		in = slice_from(in, used);
		*taken += used;
		if (got < 0 || (got == 1 && r->final))
			return got;
	}
	return 0;
}

/* One reply and what is read of it; code 0: err is the result. */
struct row {
	const char *in;
	int err;
	unsigned code, dsn, lines;
	const char *text; /* of the last line */
};

static const struct row rows[] = {
	{ "250 ok\r\n", 1, 250, 0, 1, "ok" },
	{ "250\r\n", 1, 250, 0, 1, "" },
	{ "250 \r\n", 1, 250, 0, 1, "" },
	{ "299 x\r\n", 1, 299, 0, 1, "x" },
	{ "200 low\r\n", 1, 200, 0, 1, "low" },
	{ "599 high\r\n", 1, 599, 0, 1, "high" },
	{ "250-a\r\n250-b\r\n250 c\r\n", 1, 250, 0, 3, "c" },
	{ "250-\r\n250\r\n", 1, 250, 0, 2, "" },
	{ "250 2.1.0 ok\r\n", 1, 250, 210, 1, "ok" },
	{ "250 2.1.0\r\n", 1, 250, 210, 1, "" },
	{ "550 5.7.30 basic\r\n", 1, 550, 5730, 1, "basic" },
	{ "535 5.7.139 off\r\n", 1, 535, 57139, 1, "off" },
	{ "550 5.9.999 far\r\n", 1, 550, 59999, 1, "far" },
	{ "451 4.4.1   much room \r\n", 1, 451, 441, 1, "much room " },
	{ "550-5.1.1 no such\r\n550 user\r\n", 1, 550, 511, 2, "user" },
	/* no enhanced codes */
	{ "550 4.1.1 class\r\n", 1, 550, 0, 1, "4.1.1 class" },
	{ "550 5.1 two\r\n", 1, 550, 0, 1, "5.1 two" },
	{ "550 5.11.1 subject\r\n", 1, 550, 0, 1, "5.11.1 subject" },
	{ "550 5.1.1000 detail\r\n", 1, 550, 0, 1, "5.1.1000 detail" },
	{ "550 5.1.1: glued\r\n", 1, 550, 0, 1, "5.1.1: glued" },
	{ "550 5.1.x no\r\n", 1, 550, 0, 1, "5.1.x no" },
	{ "550 55.1.1 no\r\n", 1, 550, 0, 1, "55.1.1 no" },
	{ "550 5.x.1 no\r\n", 1, 550, 0, 1, "5.x.1 no" },
	{ "250 8-bit \xfc\x01\r\n", 1, 250, 0, 1, "8-bit \xfc\x01" },
	/* malformed */
	{ "\r", -EPROTO, 0, 0, 0, NULL },
	{ "\n", -EPROTO, 0, 0, 0, NULL },
	{ "x", -EPROTO, 0, 0, 0, NULL },
	{ "199", -EPROTO, 0, 0, 0, NULL },
	{ "600", -EPROTO, 0, 0, 0, NULL },
	{ "2x", -EPROTO, 0, 0, 0, NULL },
	{ "25\r", -EPROTO, 0, 0, 0, NULL },
	{ "2500", -EPROTO, 0, 0, 0, NULL },
	{ "250\t", -EPROTO, 0, 0, 0, NULL },
	{ "250\n", -EPROTO, 0, 0, 0, NULL },
	{ "250 x\n", -EPROTO, 0, 0, 0, NULL },
	{ "250 x\r\r", -EPROTO, 0, 0, 0, NULL },
	{ "250 x\rx", -EPROTO, 0, 0, 0, NULL },
	{ "250\rx", -EPROTO, 0, 0, 0, NULL },
	{ "250-a\r\n350", -EPROTO, 0, 0, 0, NULL },
	{ "250-a\r\n260", -EPROTO, 0, 0, 0, NULL },
	{ "250-a\r\n251", -EPROTO, 0, 0, 0, NULL },
	{ "250-a\r\n\r", -EPROTO, 0, 0, 0, NULL },
	/* not complete */
	{ "250 ok\r", 0, 250, 0, 0, NULL },
	{ "250-ok\r\n", 0, 250, 0, 1, NULL },
	{ "25", 0, 0, 0, 0, NULL },
};

static void test_rows(void **state)
{
	uint32_t seed = FEED_SEED;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rows) * 6; i++) {
		const struct row *row = &rows[i / 6];
		struct slice in = slice_str(row->in);
		struct reply r;
		size_t taken;

		assert_int_equal(read_reply(&r, in, i % 6, &seed, &taken),
				 row->err);
		/* an error is seen at its byte, the last one of the row */
		assert_int_equal(taken, in.n);
		if (row->err < 0)
			continue;
		assert_int_equal(r.code, row->code);
		assert_int_equal(r.dsn, row->dsn);
		assert_int_equal(r.lines, row->lines);
		if (row->text)
			assert_slice(buf_slice(&r.text), slice_str(row->text));
	}
}

static void test_each_line_is_seen(void **state)
{
	static const char in[] = "250-one\r\n250-two\r\n250 three\r\n220 next";
	static const char *const texts[] = { "one", "two", "three" };
	struct slice rest = SLICE(in);
	struct reply r;

	(void)state;
	reply_start(&r);
	for (unsigned i = 0; i < 3; i++) {
		size_t used;

		assert_int_equal(reply_feed(&r, rest, &used), 1);
		assert_slice(buf_slice(&r.text), slice_str(texts[i]));
		assert_int_equal(r.final, i == 2);
		assert_int_equal(r.lines, i + 1);
		rest = slice_from(rest, used);
	}
	/* what stands behind the last line is not touched */
	assert_text(rest, "220 next");
}

/* A line of n octets, CRLF included. */
static int read_line_of(size_t n, struct reply *r)
{
	static char line[REPLY_MAX_LINE + 8];
	size_t used;

	memset(line, 'x', n);
	memcpy(line, "250 ", 4);
	memcpy(line + n - 2, "\r\n", 2);
	reply_start(r);
	return reply_feed(r, slice_of(line, n), &used);
}

static void test_line_limit(void **state)
{
	struct reply r;

	(void)state;
	assert_int_equal(read_line_of(REPLY_MAX_LINE - 1, &r), 1);
	assert_int_equal(read_line_of(REPLY_MAX_LINE, &r), 1);
	/* of so much only the beginning is kept */
	assert_int_equal(r.text.len, REPLY_MAX_TEXT);
	assert_false(r.text.overflow);
	assert_int_equal(read_line_of(REPLY_MAX_LINE + 1, &r), -EMSGSIZE);
	/* text at the edge of what is kept */
	assert_int_equal(read_line_of(REPLY_MAX_TEXT + 5, &r), 1);
	assert_int_equal(r.text.len, REPLY_MAX_TEXT - 1);
	assert_int_equal(read_line_of(REPLY_MAX_TEXT + 6, &r), 1);
	assert_int_equal(r.text.len, REPLY_MAX_TEXT);
	assert_int_equal(read_line_of(REPLY_MAX_TEXT + 7, &r), 1);
	assert_int_equal(r.text.len, REPLY_MAX_TEXT);
}

static int read_lines(unsigned n)
{
	struct reply r;
	size_t used;
	int got = 0;

	reply_start(&r);
	for (unsigned i = 1; i <= n && got >= 0; i++) {
		got = reply_feed(
			&r, i < n ? SLICE("250-x\r\n") : SLICE("250 x\r\n"),
			&used);
		if (got >= 0)
			assert_int_equal(r.lines, i);
	}
	return got;
}

static void test_lines_limit(void **state)
{
	(void)state;
	assert_int_equal(read_lines(CONFIG_REPLY_LINES - 1), 1);
	assert_int_equal(read_lines(CONFIG_REPLY_LINES), 1);
	assert_int_equal(read_lines(CONFIG_REPLY_LINES + 1), -EMSGSIZE);
}

/* Split anywhere, random bytes of the grammar read the same as whole. */
static void test_splits_agree(void **state)
{
	static const char alphabet[] = "2503-- .\r\n\r\nx1";
	uint32_t seed = FEED_SEED;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		char in[32];
		struct reply whole, split;
		size_t a, b, n = 4 + feed_random(&seed) % 28;

		memcpy(in, "250-", 4);
		for (size_t k = 4; k < n; k++)
			in[k] = alphabet[feed_random(&seed) %
					 (sizeof(alphabet) - 1)];

		int one = read_reply(&whole, slice_of(in, n), 0, &seed, &a);
		int two = read_reply(&split, slice_of(in, n), 1 + i % 5, &seed,
				     &b);
		assert_int_equal(one, two);
		assert_int_equal(a, b);
		assert_int_equal(whole.code, split.code);
		assert_int_equal(whole.dsn, split.dsn);
		assert_int_equal(whole.lines, split.lines);
		assert_slice(buf_slice(&whole.text), buf_slice(&split.text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_each_line_is_seen),
		cmocka_unit_test(test_line_limit),
		cmocka_unit_test(test_lines_limit),
		cmocka_unit_test(test_splits_agree),
	};

	return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
