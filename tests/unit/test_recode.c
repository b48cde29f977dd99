/* SPDX-License-Identifier: ISC */
/* mail/recode, mail/word: 8-bit fields in 7 bits, in any pieces. */
#include "lib/check.h"
#include "lib/feed.h"
#include "mail/recode.h"
#include "mail/word.h"

static struct recode field;
static struct slice field_name;
static struct buf held;

static void start(void *ctx)
{
	(void)ctx;
	recode_start(&field, field_name, field_name.n + 1);
}

static size_t feed(void *ctx, struct slice in, struct buf *out)
{
	(void)ctx;
	in = slice_head(in, 16);
	recode_feed(&field, in, out);
	return in.n;
}

static bool end(void *ctx, struct buf *out)
{
	(void)ctx;
	recode_end(&field, out);
	return true;
}

static const struct feed_filter filter = { NULL, start, feed, end,
					   RECODE_ROOM };

/* "Name: body" in every manner; want.p NULL: it fails. */
static void check(struct slice name, struct slice in, struct slice want)
{
	static char space[1 << 14];
	uint32_t seed = FEED_SEED;

	field_name = name;
	for (size_t i = 0; i < 20; i++) {
		held = BUF_ON(space);
		feed_pieces(&filter, in, &held, i, RECODE_ROOM, &seed);
		assert_int_equal(field.failed, want.p == NULL);
		if (want.p != NULL)
			assert_slice(buf_slice(&held), want);
		assert_false(held.overflow);
	}
}

#define assert_field(name, in, want) \
	check(SLICE(name), SLICE(in "\r\n"), SLICE(want "\r\n"))
#define assert_fails(name, in) \
	check(SLICE(name), SLICE(in "\r\n"), slice_of(NULL, 0))

#define UE "=?utf-8?B?w7w=?="
#define SPACE "=?utf-8?B?IA==?="

static void passes_what_is_ascii(void **state)
{
	(void)state;
	assert_field("Subject", " a  b\t\r\n  c \r\n \r\n\td  ",
		     " a  b\t\r\n  c \r\n \r\n\td  ");
	assert_field("Subject", "", "");
	assert_field("To", " \"a, \\\"b\" <c@d>,(x (y) \\) z)e@f;: @\"",
		     " \"a, \\\"b\" <c@d>,(x (y) \\) z)e@f;: @\"");
	assert_field("Content-Type", "a/b; c = \"d;\\\" e\" ; f=g (h)",
		     "a/b; c = \"d;\\\" e\" ; f=g (h)");
	assert_field("To",
		     " aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
		     "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb@cc",
		     " aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
		     "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb@cc");
}

#define TEN "          "

static void encodes_words_of_text(void **state)
{
	(void)state;
	assert_field("Subject", "\xc3\xbc", " " UE);
	assert_field("Subject", " a \xc3\xbc b", " a " UE " b");
	assert_field("Subject", " \xe9", " =?unknown-8bit?B?6Q==?=");
	/* two side by side, and the blanks and the fold between them */
	assert_field("X-Any", " \xc3\xbc \r\n\t\xc3\xbc\r\n b",
		     " =?utf-8?B?w7wgCcO8?=\r\n b");
	/* more of them than are held back, and no fold is torn */
	assert_field("X", " \xc3\xbc" TEN TEN TEN "\xc3\xbc",
		     " =?utf-8?B?w7wgICAgICAgICAgICAgICAgICAgICAgICAgICAg"
		     "ICDDvA==?=");
	assert_field("X", " \xc3\xbc" TEN TEN "   \r\n a",
		     " =?utf-8?B?w7wgICAgICAgICAgICAgICAgICAgICAgIA==?="
		     "\r\n a");
	/* beside one that was there */
	assert_field("X", " =?utf-8?Q?a?= \xc3\xbc",
		     " =?utf-8?Q?a?=\r\n =?utf-8?B?IMO8?=");
	assert_field("X", " \xc3\xbc =?utf-8?Q?a?=",
		     " " UE "\r\n " SPACE " =?utf-8?Q?a?=");
	/* not words of their own: what a word in it may not be */
	assert_field("X", " (\xc3\xbc),\"\xc3\xbc\"",
		     " =?utf-8?B?KMO8KSwiw7wi?=");
}

static void folds(void **state)
{
	(void)state;
	assert_field("Subject",
		     " aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa \xc3\xbc b",
		     " aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n " UE
		     " b");
	assert_field(
		"Subject",
		" aaa \xc3\xbc bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb "
		"c",
		" aaa " UE
		"\r\n bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb c");
}

static void encodes_names(void **state)
{
	(void)state;
	assert_field("From", " J \xc3\xbc. M \xc3\xbc <a@b>",
		     " J =?utf-8?B?w7wu?= M " UE " <a@b>");
	assert_field("Resent-To", " \"\xc3\xbc \\\" b\"<a@b>,c@d",
		     " =?utf-8?B?w7wgIiBi?= <a@b>,c@d");
	assert_field("To", " a@b (\xc3\xbc (b) \xc3\xbc), c (x \xc3\xbc)",
		     " a@b (" UE " (b) " UE "), c (x\r\n " UE ")");
	assert_field("To", " a@b (x\\)\xc3\xbc)",
		     " a@b (=?utf-8?B?eCnDvA==?=)");
	assert_field("Cc", " \xc3\xbc: a@b, \xc3\xbc (\xc3\xbc) <c@d>;",
		     " " UE " : a@b, " UE " (\r\n " UE ") <c@d>;");
}

static void leaves_addresses(void **state)
{
	(void)state;
	assert_fails("To", " \xc3\xbc@b");
	assert_fails("To", " a@\xc3\xbc");
	assert_fails("To", " <a@\xc3\xbc>");
	assert_fails("To", " a, \xc3\xbc, b");
	assert_fails("To", " \"\xc3\xbc\"@b");
	assert_fails("To", " \"\xc3\xbc\".a@b");
	assert_fails("To", " \xc3\xbc (c)");
	assert_fails("To", " \"\xc3\xbc <a@b>");
	assert_fails("Message-ID", " <\xc3\xbc@b>");
}

static void encodes_parameters(void **state)
{
	(void)state;
	assert_field("Content-Type",
		     " a/b; name=\"\xc3\xbc \\\"b.c\"; charset=utf-8",
		     " a/b;\r\n name*=utf-8''%c3%bc%20%22b.c; charset=utf-8");
	assert_field("Content-Disposition", "x;filename=\xe9",
		     "x;filename*=unknown-8bit''%e9");
	assert_field("Content-Type", " a/b (\xc3\xbc); c=d",
		     " a/b (" UE "); c=d");
	assert_fails("Content-Type", " \xc3\xbc/b");
	assert_fails("Content-Type", " a/b; c = \"d=\xc3\xbc\"");
	assert_fails("Content-Type", " a/b; \xc3\xbc=d");
	assert_fails("Content-Type", " a/b; c*=\xc3\xbc");
	assert_fails("Content-Type", " a/b; c=\"\xc3\xbc");
}

/* Long words: of text in parts, each of whole characters; others fail. */
static void takes_long_words(void **state)
{
	char in[1200], got[1200];
	struct buf a = BUF_ON(in), b = BUF_ON(got);
	struct slice rest;

	(void)state;
	buf_put_str(&a, " ");
	for (int i = 0; i < 200; i++)
		buf_put_str(&a, i > 100 ? "\xe2\x82\xac" : "x");
	buf_put_str(&a, "\r\n");
	field_name = SLICE("Subject");
	uint32_t seed = FEED_SEED;
	feed_pieces(&filter, buf_slice(&a), &b, 5, RECODE_ROOM, &seed);
	rest = buf_slice(&b);
	assert_false(field.failed || b.overflow || slice_has_8bit(rest));
	while (rest.n > 0) {
		struct slice line = slice_cut(&rest, '\n');

		assert_true(line.n <= WORD_LINE + 1);
		assert_true(line.n == 0 ||
			    slice_has(line, SLICE("=?utf-8?B?")));
	}
	field_name = SLICE("To");
	feed_pieces(&filter, buf_slice(&a), &b, 5, RECODE_ROOM, &seed);
	assert_true(field.failed);
}

static void does_not_split_characters(void **state)
{
	static const char text[] = "\xf0\x9f\x98\x80\xf0\x9f\x98\x80"
				   "\xf0\x9f\x98\x80\xf0\x9f\x98\x80";
	char space[200];

	(void)state;
	for (size_t left = WORD_LEAST; left < WORD_LINE; left++) {
		for (size_t skip = 0; skip < 4; skip++) {
			struct buf out = BUF_ON(space);
			struct slice in = slice_str(text + 4 * skip);
			size_t n = word_put(&out, in, left);

			assert_true(n > 0 && n % 4 == 0);
			assert_true(out.len <= left);
			assert_true(slice_starts(buf_slice(&out),
						 SLICE("=?utf-8?B?")));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes_what_is_ascii),
		cmocka_unit_test(encodes_words_of_text),
		cmocka_unit_test(folds),
		cmocka_unit_test(encodes_names),
		cmocka_unit_test(leaves_addresses),
		cmocka_unit_test(encodes_parameters),
		cmocka_unit_test(takes_long_words),
		cmocka_unit_test(does_not_split_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
