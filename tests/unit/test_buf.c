/* SPDX-License-Identifier: ISC */
/* base/buf: bounds of every append, the formatter, quoting, JSON. */
#include <limits.h>

#include "base/buf.h"
#include "lib/check.h"

static void stops_at_its_end(void **state)
{
	char space[9] = "........#";
	struct buf b = buf_on(space, 8);

	(void)state;
	assert_int_equal(buf_room(&b), 8);
	buf_put(&b, "1234567", 7);
	assert_int_equal(buf_room(&b), 1);
	buf_put_char(&b, '8');
	assert_false(b.overflow);
	assert_int_equal(buf_room(&b), 0);
	buf_put(&b, "", 0);
	assert_false(b.overflow);
	buf_put_char(&b, '9');
	assert_true(b.overflow);
	assert_built(&b, "12345678");
	assert_int_equal(space[8], '#');
}

static void keeps_the_first_failure(void **state)
{
	char space[4];
	struct buf b = BUF_ON(space);

	(void)state;
	buf_put_str(&b, "ab");
	buf_put_str(&b, "cde");
	assert_true(b.overflow);
	assert_int_equal(buf_room(&b), 0);
	buf_put_char(&b, 'c');
	buf_put_zero(&b, 1);
	buf_put_u64(&b, 1);
	buf_put_u16le(&b, 1);
	assert_built(&b, "ab");
	buf_reset(&b);
	assert_false(b.overflow);
	buf_put_str(&b, "cdef");
	assert_built(&b, "cdef");
	/* cap - len may not wrap */
	buf_put(&b, "x", SIZE_MAX);
	assert_true(b.overflow);
	assert_int_equal(b.len, 4);
}

static void appends_nothing_from_nowhere(void **state)
{
	struct buf b = buf_on(NULL, 0);

	(void)state;
	buf_put(&b, NULL, 0);
	buf_put_slice(&b, slice_of(NULL, 0));
	buf_put_str(&b, NULL);
	buf_put_zero(&b, 0);
	buf_drop(&b, 0);
	assert_false(b.overflow);
	assert_int_equal(b.len, 0);
}

static void drops_the_front(void **state)
{
	char space[8];
	struct buf b = BUF_ON(space);

	(void)state;
	buf_put_str(&b, "abcdef");
	buf_drop(&b, 0);
	assert_built(&b, "abcdef");
	buf_drop(&b, 2);
	assert_built(&b, "cdef");
	buf_drop(&b, 4);
	assert_built(&b, "");
}

static void writes_integers(void **state)
{
	char space[64];
	struct buf b = BUF_ON(space);

	(void)state;
	buf_put_u16le(&b, 0x0201);
	buf_put_u32le(&b, 0x06050403);
	buf_put_u64le(&b, 0x8e0d0c0b0a090807);
	buf_put_zero(&b, 2);
	assert_built(&b, "\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\x8e\0\0");

	b.cap = b.len + 1;
	buf_put_u16le(&b, 1);
	assert_true(b.overflow);
	b.overflow = false;
	b.cap = b.len + 3;
	buf_put_u32le(&b, 1);
	assert_true(b.overflow);
	b.overflow = false;
	b.cap = b.len + 7;
	buf_put_u64le(&b, 1);
	assert_true(b.overflow);
	b.overflow = false;
	buf_put_zero(&b, 8);
	assert_true(b.overflow);
	assert_int_equal(b.len, 16);
}

static void writes_numbers(void **state)
{
	char space[256];
	struct buf b = BUF_ON(space);

	(void)state;
	buf_put_u64(&b, 0);
	buf_put_char(&b, ' ');
	buf_put_u64(&b, UINT64_MAX);
	buf_put_char(&b, ' ');
	buf_put_i64(&b, 0);
	buf_put_char(&b, ' ');
	buf_put_i64(&b, INT64_MIN);
	buf_put_char(&b, ' ');
	buf_put_i64(&b, INT64_MAX);
	buf_put_char(&b, ' ');
	buf_put_digits(&b, 7, 3);
	buf_put_char(&b, ' ');
	buf_put_digits(&b, 1234, 3);
	buf_put_char(&b, ' ');
	buf_put_digits(&b, 1, 20);
	buf_put_char(&b, ' ');
	buf_put_digits(&b, 1, 99);
	assert_built(&b, "0 18446744073709551615 0 -9223372036854775808 "
			 "9223372036854775807 007 1234 00000000000000000001 "
			 "00000000000000000001");
}

static void formats(void **state)
{
	char space[256];
	struct buf b = BUF_ON(space);

	(void)state;
	buf_putf(&b, "%s|%.*s|%.*s|%c|%%|", "text", 2, "cut", 9, "short", 'c');
	assert_built(&b, "text|cu|short|c|%|");
	buf_reset(&b);
	buf_putf(&b, "%d %d %u %x", INT_MIN, INT_MAX, UINT_MAX, 0xbeefu);
	assert_built(&b, "-2147483648 2147483647 4294967295 beef");
	buf_reset(&b);
	buf_putf(&b, "%ld %lu %lld %llu", -1L, 2UL, LLONG_MIN, ULLONG_MAX);
	assert_built(&b, "-1 2 -9223372036854775808 18446744073709551615");
	buf_reset(&b);
	buf_putf(&b, "%zu %zd", (size_t)3, (ptrdiff_t)-4);
	assert_built(&b, "3 -4");
	buf_reset(&b);
	buf_putf(&b, "%02u:%02d %04x %03d %010u", 5u, 7, 0xafu, -5, 42u);
	assert_built(&b, "05:07 00af -005 0000000042");
	buf_reset(&b);
	buf_putf(&b, "%lx", 0xdeadbeefUL);
	assert_built(&b, "deadbeef");
	buf_reset(&b);
	buf_putf(&b, "%s", "");
	buf_putf(&b, "%.*s", 0, "abc");
	assert_built(&b, "");
}

static void formats_missing_strings(void **state)
{
	char space[16];
	struct buf b = BUF_ON(space);
	const char *volatile missing = NULL;

	(void)state;
	buf_putf(&b, "<%s>", missing);
	buf_putf(&b, "<%.*s>", 5, missing);
	assert_built(&b, "<><>");
}

/* "%.*s" may point at bytes that no NUL ends. */
static void formats_open_strings(void **state)
{
	const char raw[3] = { 'a', 'b', 'c' };
	char space[16];
	struct buf b = BUF_ON(space);

	(void)state;
	buf_putf(&b, "%.*s", 3, raw);
	assert_built(&b, "abc");
	buf_putf(&b, "%.*s", -1, "def");
	assert_built(&b, "abcdef");
}

static void cuts_formatted_text(void **state)
{
	char space[5];
	struct buf b = BUF_ON(space);

	(void)state;
	buf_putf(&b, "%s", "12345");
	assert_false(b.overflow);
	buf_reset(&b);
	buf_putf(&b, "1%s", "23456");
	assert_true(b.overflow);
	assert_built(&b, "12345");
}

static void put_list(struct buf *b, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	buf_vputf(b, fmt, args);
	buf_vputf(b, fmt, args);
	va_end(args);
}

static void refuses_other_conversions(void **state)
{
	static const char *const bad[] = { "%f", "%", "%p", "%l", "%q" };
	char space[32];
	struct buf b = BUF_ON(space);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		buf_reset(&b);
		put_list(&b, bad[i], 1, 2);
		assert_true(b.overflow);
	}
	/* the list is as it was: the second round says the same */
	buf_reset(&b);
	put_list(&b, "%d,%s;", 1, "x");
	assert_built(&b, "1,x;1,x;");
}

static void quotes(void **state)
{
	char space[600], text[400];
	struct buf b = BUF_ON(space);

	(void)state;
	buf_put_quoted(&b, SLICE("a \"b\"\\\r\n\x1b\0\x7f\xff~"));
	assert_built(&b,
		     "\"a \\x22b\\x22\\x5c\\x0d\\x0a\\x1b\\x00\\x7f\\xff~\"");
	buf_reset(&b);
	buf_put_quoted(&b, slice_of(NULL, 0));
	assert_built(&b, "\"\"");

	memset(text, 'x', sizeof(text));
	for (size_t n = 119; n <= 121; n++) {
		buf_reset(&b);
		buf_put_quoted(&b, slice_of(text, n));
		assert_int_equal(b.len, n < 121 ? n + 2 : 120 + 5);
		assert_int_equal(slice_iends(buf_slice(&b), SLICE("...\"")),
				 n > 120);
	}
}

static void quotes_all_or_nothing(void **state)
{
	char space[8];

	(void)state;
	for (size_t cap = 0; cap <= 8; cap++) {
		struct buf b = buf_on(space, cap);
		struct buf j = buf_on(space, cap);

		buf_put_quoted(&b, SLICE("ab\""));
		assert_int_equal(b.overflow, cap < 8);
		assert_int_equal(b.len, cap < 8 ? 0 : 8);
		buf_put_json(&j, SLICE("ab\n"));
		assert_true(j.overflow);
		assert_int_equal(j.len, 0);
	}
}

static void writes_json(void **state)
{
	static const struct {
		struct slice in;
		const char *out;
	} rows[] = {
		{ LIT(""), "\"\"" },
		{ LIT("a\"b\\c/"), "\"a\\\"b\\\\c/\"" },
		{ LIT("\0\n\x1f\x7f"), "\"\\u0000\\u000a\\u001f\x7f\"" },
		/* well-formed, at the edges of each length */
		{ LIT("\xc2\x80\xdf\xbf"), "\"\xc2\x80\xdf\xbf\"" },
		{ LIT("\xe0\xa0\x80"), "\"\xe0\xa0\x80\"" },
		{ LIT("\xed\x9f\xbf\xee\x80\x80"),
		  "\"\xed\x9f\xbf\xee\x80\x80\"" },
		{ LIT("\xef\xbf\xbf"), "\"\xef\xbf\xbf\"" },
		{ LIT("\xf0\x90\x80\x80"), "\"\xf0\x90\x80\x80\"" },
		{ LIT("\xf4\x8f\xbf\xbf"), "\"\xf4\x8f\xbf\xbf\"" },
		/* a lone continuation byte, overlong forms */
		{ LIT("a\x80"), "\"a\xef\xbf\xbd\"" },
		{ LIT("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ LIT("\xc1\xbf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ LIT("\xe0\x9f\xbf"),
		  "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		/* a surrogate, past the last character, never a first byte */
		{ LIT("\xed\xa0\x80"),
		  "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ LIT("\xf4\x90\x80\x80"),
		  "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ LIT("\xf0\x8f\xbf\xbf"),
		  "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ LIT("\xf5"), "\"\xef\xbf\xbd\"" },
		{ LIT("\xff"), "\"\xef\xbf\xbd\"" },
		/* cut off, and interrupted */
		{ LIT("\xc3"), "\"\xef\xbf\xbd\"" },
		{ LIT("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ LIT("\xc3("), "\"\xef\xbf\xbd(\"" },
		{ LIT("\xe2\x82("), "\"\xef\xbf\xbd\xef\xbf\xbd(\"" },
	};
	char space[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf b = BUF_ON(space);

		buf_put_json(&b, rows[i].in);
		assert_false(b.overflow);
		assert_slice(buf_slice(&b), slice_str(rows[i].out));
	}
}

static void ends_strings(void **state)
{
	char space[4];
	struct buf b = BUF_ON(space);

	(void)state;
	assert_string_equal(buf_cstr(&b), "");
	buf_put_str(&b, "abc");
	assert_string_equal(buf_cstr(&b), "abc");
	assert_int_equal(b.len, 3);
	assert_false(b.overflow);
	buf_put_char(&b, 'd');
	assert_string_equal(buf_cstr(&b), "");
	assert_true(b.overflow);
	b.len = 1;
	assert_string_equal(buf_cstr(&b), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stops_at_its_end),
		cmocka_unit_test(keeps_the_first_failure),
		cmocka_unit_test(appends_nothing_from_nowhere),
		cmocka_unit_test(drops_the_front),
		cmocka_unit_test(writes_integers),
		cmocka_unit_test(writes_numbers),
		cmocka_unit_test(formats),
		cmocka_unit_test(formats_missing_strings),
		cmocka_unit_test(formats_open_strings),
		cmocka_unit_test(cuts_formatted_text),
		cmocka_unit_test(refuses_other_conversions),
		cmocka_unit_test(quotes),
		cmocka_unit_test(quotes_all_or_nothing),
		cmocka_unit_test(writes_json),
		cmocka_unit_test(ends_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
