/* SPDX-License-Identifier: ISC */
/* mail/lines: what sendmail(1) makes of any text, in any pieces. */
#include "lib/check.h"
#include "lib/feed.h"
#include "mail/lines.h"

struct job {
	struct lines f;
	bool dot;
};

static void start(void *ctx)
{
	struct job *j = ctx;

	lines_start(&j->f, j->dot);
}

static size_t feed(void *ctx, struct slice in, struct buf *out)
{
	return lines_feed(&((struct job *)ctx)->f, in, out);
}

static bool end(void *ctx, struct buf *out)
{
	lines_end(&((struct job *)ctx)->f, out);
	return true;
}

static struct job job;
static const struct feed_filter filter = { &job, start, feed, end, 16 };

/* Feed in every manner; all must say want, and take as much of in. */
static void check_lines(bool dot, struct slice in, struct slice want,
			size_t used)
{
	static char space[1 << 14];
	uint32_t seed = FEED_SEED;

	job.dot = dot;
	for (int i = 0; i < 30; i++) {
		struct buf out = BUF_ON(space);
		size_t most = i < 2 ? (size_t)i : 1 + (size_t)i;
		size_t took = feed_pieces(&filter, in, &out, most,
					  i % 3 ? 16 : 0, &seed);

		if (took != used || !slice_eq(buf_slice(&out), want))
			print_error("seed %u round %d\n", FEED_SEED, i);
		assert_slice(buf_slice(&out), want);
		assert_int_equal(took, used);
		assert_false(out.overflow);
	}
}

#define assert_lines(dot, in, want) \
	check_lines(dot, SLICE(in), SLICE(want), sizeof(in) - 1)

static void makes_every_end_crlf(void **state)
{
	(void)state;
	assert_lines(false, "", "");
	assert_lines(false, "a", "a\r\n");
	assert_lines(false, "a\n", "a\r\n");
	assert_lines(false, "a\r\n", "a\r\n");
	assert_lines(false, "a\nb\r\nc", "a\r\nb\r\nc\r\n");
	assert_lines(false, "\n", "\r\n");
	assert_lines(false, "\n\n", "\r\n\r\n");
	assert_lines(false, "\r\n\r\n", "\r\n\r\n");
	assert_lines(false, "a\r\r\n", "a\r\n");
	assert_lines(false, "a\r\r\r\r\nb", "a\r\nb\r\n");
	assert_lines(false, "\r\r\n", "\r\n");
}

/* STANDARDS.md S-1b, S-5 */
static void makes_others_blanks(void **state)
{
	(void)state;
	assert_lines(false, "a\rb", "a b\r\n");
	assert_lines(false, "a\r\rb", "a  b\r\n");
	assert_lines(false, "\rb", " b\r\n");
	assert_lines(false, "a\0b", "a b\r\n");
	assert_lines(false, "\0", " \r\n");
	assert_lines(false, "a\0\n", "a \r\n");
	assert_lines(false, "a\r\0\r\n", "a  \r\n");
	assert_lines(false, "a\0rest\nb\n", "a rest\r\nb\r\n");
	/* 8-bit passes */
	assert_lines(false, "\xff\x80\xc3\xbc\x01\n",
		     "\xff\x80\xc3\xbc\x01\r\n");
}

static void completes_the_last_line(void **state)
{
	(void)state;
	assert_lines(false, "a\r", "a\r\n");
	assert_lines(false, "a\r\r", "a\r\n");
	assert_lines(false, "\r", "\r\n");
	assert_lines(false, "a\n\r", "a\r\n\r\n");
	assert_lines(false, "From", "From\r\n");
	assert_lines(false, ">", ">\r\n");
	assert_lines(false, "a\n.", "a\r\n.\r\n");
}

static void drops_mbox_lines(void **state)
{
	(void)state;
	assert_lines(false, "From root Mon\nTo: a\n", "To: a\r\n");
	assert_lines(false, "From \nTo: a\n", "To: a\r\n");
	assert_lines(false, ">From a\nTo: a\n", "To: a\r\n");
	assert_lines(false, "From a\r\n>From b\r\nFrom c\r\nTo: a\r\n",
		     "To: a\r\n");
	assert_lines(false, "From a\rb\0c\nTo: a\n", "To: a\r\n");
	assert_lines(false, "From a", "");
	assert_lines(false, "From a\r", "");
	assert_lines(false, "From a\n", "");
	/* only at the very beginning, only these words */
	assert_lines(false, "To: a\nFrom b\n", "To: a\r\nFrom b\r\n");
	assert_lines(false, "\nFrom b\n", "\r\nFrom b\r\n");
	assert_lines(false, "From: b\n", "From: b\r\n");
	assert_lines(false, "From\tb\n", "From\tb\r\n");
	assert_lines(false, "from b\n", "from b\r\n");
	assert_lines(false, "Frob\n", "Frob\r\n");
	assert_lines(false, "F\nFrom b\n", "F\r\nFrom b\r\n");
	assert_lines(false, ">From\nFrom b\n", ">From\r\nFrom b\r\n");
	assert_lines(false, ">>From b\n", ">>From b\r\n");
	assert_lines(false, ">\nFrom b\n", ">\r\nFrom b\r\n");
	assert_lines(false, " From b\n", " From b\r\n");
	assert_lines(false, ">From:b\n", ">From:b\r\n");
}

/* A lone dot, or not, and what of the input stays behind it. */
static void ends_at_a_lone_dot(void **state)
{
	(void)state;
	check_lines(true, SLICE("a\n.\nb\n"), SLICE("a\r\n"), 4);
	check_lines(true, SLICE("a\n.\r\nb"), SLICE("a\r\n"), 5);
	check_lines(true, SLICE("a\n.\r\r\nb"), SLICE("a\r\n"), 6);
	check_lines(true, SLICE(".\nb"), SLICE(""), 2);
	check_lines(true, SLICE("From a\n.\nb"), SLICE(""), 9);
	check_lines(true, SLICE("a\n."), SLICE("a\r\n"), 3);
	check_lines(true, SLICE("a\n.\r"), SLICE("a\r\n"), 4);
	assert_lines(true, "..\n", "..\r\n");
	assert_lines(true, ".a\nb", ".a\r\nb\r\n");
	assert_lines(true, "a.\n", "a.\r\n");
	assert_lines(true, "a\n. \nb\n", "a\r\n. \r\nb\r\n");
	assert_lines(true, "a\n .\nb\n", "a\r\n .\r\nb\r\n");
	assert_lines(true, "a\n.\rb\nc", "a\r\n. b\r\nc\r\n");
	assert_lines(true, ".\0\n", ". \r\n");
	assert_lines(true, "a\n.\r\r.\n", "a\r\n.  .\r\n");
	assert_lines(false, "a\n.\nb\n", "a\r\n.\r\nb\r\n");
	assert_lines(false, ".\n", ".\r\n");
}

static void stays_ended(void **state)
{
	struct lines f;
	char space[64];
	struct buf out = BUF_ON(space);

	(void)state;
	lines_start(&f, true);
	assert_int_equal(lines_feed(&f, SLICE("a\n.\nb"), &out), 4);
	assert_true(f.ended);
	assert_true(f.any);
	assert_int_equal(lines_feed(&f, SLICE("b"), &out), 0);
	lines_end(&f, &out);
	lines_end(&f, &out);
	assert_built(&out, "a\r\n");
}

static void tells_whether_there_was_any(void **state)
{
	static const struct {
		struct slice in;
		bool any;
	} rows[] = {
		{ LIT(""), false },       { LIT("From a\n"), false },
		{ LIT("From a"), false }, { LIT("\n"), true },
		{ LIT("a"), true },       { LIT("From"), true },
		{ LIT(".\n"), false },
	};
	char space[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf out = BUF_ON(space);
		struct lines f;

		lines_start(&f, true);
		(void)lines_feed(&f, rows[i].in, &out);
		lines_end(&f, &out);
		assert_int_equal(f.any, rows[i].any);
		assert_int_equal(f.any, out.len > 0);
	}
}

static void waits_for_room(void **state)
{
	struct lines f;
	char space[16];

	(void)state;
	lines_start(&f, false);
	for (size_t cap = 0; cap < 16; cap++) {
		struct buf out = buf_on(space, cap);

		assert_int_equal(lines_feed(&f, SLICE("abc"), &out), 0);
	}
	struct buf out = BUF_ON(space);
	assert_int_equal(lines_feed(&f, SLICE("abc"), &out), 1);
	assert_built(&out, "a");
}

/* STANDARDS.md S-6: 5 MiB without a line end, in constant memory. */
static void passes_lines_of_any_length(void **state)
{
	static char piece[4096];
	char space[8192];
	struct lines f;
	size_t total = 0;

	(void)state;
	memset(piece, 'x', sizeof(piece));
	lines_start(&f, true);
	for (int i = 0; i < 1280; i++) {
		struct buf out = BUF_ON(space);

		assert_int_equal(
			lines_feed(&f, slice_of(piece, sizeof(piece)), &out),
			sizeof(piece));
		total += out.len;
	}
	struct buf out = BUF_ON(space);
	lines_end(&f, &out);
	assert_built(&out, "\r\n");
	assert_int_equal(total, 5 << 20);

	/* a million CRs: a million blanks, or the end of a line */
	memset(piece, '\r', sizeof(piece));
	lines_start(&f, true);
	for (int i = 0; i < 256; i++) {
		buf_reset(&out);
		assert_int_equal(
			lines_feed(&f, slice_of(piece, sizeof(piece)), &out),
			sizeof(piece));
		assert_int_equal(out.len, 0);
	}
	struct lines other = f;
	assert_int_equal(lines_feed(&f, SLICE("\n"), &out), 1);
	assert_built(&out, "\r\n");
	total = 0;
	for (size_t used = 0; used == 0;) {
		buf_reset(&out);
		used = lines_feed(&other, SLICE("x"), &out);
		total += out.len;
	}
	assert_int_equal(total, (1 << 20) + 1);
}

/* All texts of few bytes that matter: pieces never change the meaning. */
static void is_the_same_in_pieces(void **state)
{
	static const char letters[] = "\r\n.F\0x";
	static char space[64], twin[64];

	(void)state;
	for (unsigned n = 0; n < 6 * 6 * 6 * 6 * 6; n++) {
		char text[5];
		struct buf whole = BUF_ON(space);
		uint32_t seed = FEED_SEED;

		for (unsigned i = 0, k = n; i < 5; i++, k /= 6)
			text[i] = letters[k % 6];
		for (int dot = 0; dot < 2; dot++) {
			struct buf bytes = BUF_ON(twin);

			buf_reset(&whole);
			job.dot = dot;
			size_t a = feed_pieces(&filter, slice_of(text, 5),
					       &whole, 0, 0, &seed);
			size_t b = feed_pieces(&filter, slice_of(text, 5),
					       &bytes, 1, 16, &seed);
			assert_int_equal(a, b);
			assert_slice(buf_slice(&bytes), buf_slice(&whole));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_every_end_crlf),
		cmocka_unit_test(makes_others_blanks),
		cmocka_unit_test(completes_the_last_line),
		cmocka_unit_test(drops_mbox_lines),
		cmocka_unit_test(ends_at_a_lone_dot),
		cmocka_unit_test(stays_ended),
		cmocka_unit_test(tells_whether_there_was_any),
		cmocka_unit_test(waits_for_room),
		cmocka_unit_test(passes_lines_of_any_length),
		cmocka_unit_test(is_the_same_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
