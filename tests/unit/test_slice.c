/* SPDX-License-Identifier: ISC */
/* base/slice: every function with the empty slice, at its edges, beyond. */
#include <errno.h>

#include "base/slice.h"
#include "lib/check.h"

static const struct slice none = { NULL, 0 };

static void makes_slices(void **state)
{
	(void)state;
	assert_int_equal(slice_str(NULL).n, 0);
	assert_null(slice_str(NULL).p);
	assert_text(slice_str("abc"), "abc");
	assert_text(SLICE("a\0b"), "a\0b");
	assert_text(slice_of("abcdef", 3), "abc");
}

static void takes_parts(void **state)
{
	struct slice in = SLICE("abcd");

	(void)state;
	assert_text(slice_from(in, 0), "abcd");
	assert_text(slice_from(in, 3), "d");
	assert_int_equal(slice_from(in, 4).n, 0);
	assert_ptr_equal(slice_from(in, 4).p, in.p + 4);
	assert_ptr_equal(slice_from(in, 5).p, in.p + 4);
	assert_int_equal(slice_from(in, SIZE_MAX).n, 0);
	assert_null(slice_from(none, 1).p);
	assert_text(slice_head(in, 0), "");
	assert_text(slice_head(in, 3), "abc");
	assert_text(slice_head(in, 4), "abcd");
	assert_text(slice_head(in, 5), "abcd");
	assert_int_equal(slice_head(none, 5).n, 0);
}

static void compares(void **state)
{
	(void)state;
	assert_true(slice_eq(none, none));
	assert_true(slice_eq(none, SLICE("")));
	assert_true(slice_eq(SLICE("a\0b"), SLICE("a\0b")));
	assert_false(slice_eq(SLICE("a\0b"), SLICE("a\0c")));
	assert_false(slice_eq(SLICE("a"), SLICE("A")));
	assert_false(slice_eq(SLICE("a"), SLICE("ab")));
	assert_true(slice_ieq(none, SLICE("")));
	assert_true(slice_ieq(SLICE("aZ@["), SLICE("Az@[")));
	assert_false(slice_ieq(SLICE("@"), SLICE("`")));
	assert_false(slice_ieq(SLICE("["), SLICE("{")));
	assert_false(slice_ieq(SLICE("a"), SLICE("ab")));
	assert_false(slice_ieq(SLICE("\xc4"), SLICE("\xe4")));
}

static void knows_ends(void **state)
{
	struct slice in = SLICE("Mail.Org");

	(void)state;
	assert_true(slice_starts(in, SLICE("Mail")));
	assert_false(slice_starts(in, SLICE("mail")));
	assert_true(slice_starts(in, in));
	assert_true(slice_starts(in, none));
	assert_false(slice_starts(SLICE("Mai"), SLICE("Mail")));
	assert_true(slice_istarts(in, SLICE("mAIL")));
	assert_false(slice_istarts(in, SLICE("mAIX")));
	assert_false(slice_istarts(none, SLICE("m")));
	assert_true(slice_iends(in, SLICE(".ORG")));
	assert_true(slice_iends(in, none));
	assert_false(slice_iends(in, SLICE(".com")));
	assert_false(slice_iends(SLICE("rg"), SLICE("org")));
	assert_true(slice_iends(none, none));
}

static void finds(void **state)
{
	struct slice in = SLICE("a.b.c");

	(void)state;
	assert_int_equal(slice_find(in, '.'), 1);
	assert_int_equal(slice_rfind(in, '.'), 3);
	assert_int_equal(slice_find(in, 'a'), 0);
	assert_int_equal(slice_rfind(in, 'a'), 0);
	assert_int_equal(slice_rfind(in, 'c'), 4);
	assert_int_equal(slice_find(in, 'x'), -1);
	assert_int_equal(slice_rfind(in, 'x'), -1);
	assert_int_equal(slice_find(none, 'x'), -1);
	assert_int_equal(slice_rfind(none, 'x'), -1);
	assert_int_equal(slice_find(SLICE("a\0"), '\0'), 1);
	assert_int_equal(slice_find(SLICE("a\xff"), '\xff'), 1);
}

static void measures_plain_text(void **state)
{
	(void)state;
	assert_int_equal(slice_plain(none), 0);
	assert_int_equal(slice_plain(SLICE("abc")), 3);
	assert_int_equal(slice_plain(SLICE("ab\rc")), 2);
	assert_int_equal(slice_plain(SLICE("a\nbc")), 1);
	assert_int_equal(slice_plain(SLICE("\0abc")), 0);
	assert_int_equal(slice_plain(SLICE("\t\xff\x01")), 3);
}

static void trims(void **state)
{
	(void)state;
	assert_text(slice_trim(SLICE(" \t\r\n a b \t\r\n")), "a b");
	assert_text(slice_trim(SLICE("ab")), "ab");
	assert_text(slice_trim(SLICE(" \r\n\t")), "");
	assert_text(slice_trim(none), "");
	assert_text(slice_trim(SLICE("\va\v")), "\va\v");
}

static void cuts(void **state)
{
	struct slice rest = SLICE("a,,bc");

	(void)state;
	assert_text(slice_cut(&rest, ','), "a");
	assert_text(slice_cut(&rest, ','), "");
	assert_text(rest, "bc");
	assert_text(slice_cut(&rest, ','), "bc");
	assert_int_equal(rest.n, 0);
	assert_text(slice_cut(&rest, ','), "");
	rest = SLICE("a,");
	assert_text(slice_cut(&rest, ','), "a");
	assert_int_equal(rest.n, 0);
	rest = none;
	assert_text(slice_cut(&rest, ','), "");
}

static void reads_words(void **state)
{
	struct slice rest = SLICE(" \tone two\t\r\n three");

	(void)state;
	assert_text(slice_word(&rest), "one");
	assert_text(slice_word(&rest), "two");
	assert_text(slice_word(&rest), "three");
	assert_int_equal(slice_word(&rest).n, 0);
	assert_int_equal(rest.n, 0);
	rest = SLICE("  ");
	assert_int_equal(slice_word(&rest).n, 0);
	rest = none;
	assert_int_equal(slice_word(&rest).n, 0);
}

static void reads_numbers(void **state)
{
	static const struct {
		const char *text;
		uint64_t max;
		int err;
		uint64_t value;
	} rows[] = {
		{ "0", 0, 0, 0 },
		{ "1", 0, -ERANGE, 7 },
		{ "00012", 12, 0, 12 },
		{ "11", 12, 0, 11 },
		{ "12", 12, 0, 12 },
		{ "13", 12, -ERANGE, 7 },
		{ "130", 12, -ERANGE, 7 },
		{ "9", 5, -ERANGE, 7 },
		{ "19", 20, 0, 19 },
		{ "18446744073709551614", UINT64_MAX, 0, UINT64_MAX - 1 },
		{ "18446744073709551615", UINT64_MAX, 0, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, -ERANGE, 7 },
		{ "99999999999999999999999", UINT64_MAX, -ERANGE, 7 },
		{ "99999999999999999999999x", UINT64_MAX, -EINVAL, 7 },
		{ "", 9, -EINVAL, 7 },
		{ "-1", 9, -EINVAL, 7 },
		{ "+1", 9, -EINVAL, 7 },
		{ " 1", 9, -EINVAL, 7 },
		{ "1 ", 9, -EINVAL, 7 },
		{ "0x1", 9, -EINVAL, 7 },
		{ "1/", 99, -EINVAL, 7 },
		{ "1:", 99, -EINVAL, 7 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t v = 7;

		assert_int_equal(
			slice_to_u64(slice_str(rows[i].text), rows[i].max, &v),
			rows[i].err);
		assert_int_equal(v, rows[i].value);
	}

	uint32_t small = 7;
	assert_int_equal(slice_to_u32(SLICE("4294967295"), UINT32_MAX, &small),
			 0);
	assert_int_equal(small, UINT32_MAX);
	small = 7;
	assert_int_equal(slice_to_u32(SLICE("4294967296"), UINT32_MAX, &small),
			 -ERANGE);
	assert_int_equal(slice_to_u32(SLICE("x"), UINT32_MAX, &small), -EINVAL);
	assert_int_equal(small, 7);
}

static void moves_integers(void **state)
{
	uint8_t raw[9] = { 0, 1, 2, 3, 4, 0x85, 0x86, 0x87, 0x88 };
	uint8_t copy[9];

	(void)state;
	/* an odd address: nothing may need alignment */
	assert_int_equal(get_u16le(raw + 1), 0x0201);
	assert_int_equal(get_u32le(raw + 1), 0x04030201);
	assert_int_equal(get_u64le(raw + 1), 0x8887868504030201);
	assert_int_equal(get_u16le(raw + 7), 0x8887);
	assert_int_equal(get_u32le(raw + 5), 0x88878685);

	memset(copy, 0xee, sizeof(copy));
	put_u16le(copy + 1, 0x0201);
	assert_memory_equal(copy, "\xee\x01\x02\xee", 4);
	put_u32le(copy + 1, 0x84030201);
	assert_memory_equal(copy, "\xee\x01\x02\x03\x84\xee", 6);
	put_u64le(copy + 1, 0x8887868504030201);
	assert_memory_equal(copy + 1, raw + 1, 8);
	assert_int_equal(copy[0], 0xee);
}

/* The classes, written once more in another way. */
static void classifies(void **state)
{
	static const char atext[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz"
				    "!#$%&'*+-/=?^_`{|}~";

	(void)state;
	for (int i = 0; i < 256; i++) {
		char c = (char)i;
		bool digit = i && strchr("0123456789", i);
		bool upper = i && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ", i);
		bool lower = i && strchr("abcdefghijklmnopqrstuvwxyz", i);
		bool blank = i == ' ' || i == '\t';

		assert_int_equal(char_is_digit(c), digit);
		assert_int_equal(char_is_alpha(c), upper || lower);
		assert_int_equal(char_is_alnum(c), digit || upper || lower);
		assert_int_equal(char_is_blank(c), blank);
		assert_int_equal(char_is_space(c),
				 blank || i == '\r' || i == '\n');
		assert_int_equal(char_is_print(c), i >= 32 && i <= 126);
		assert_int_equal(char_is_atext(c), i && strchr(atext, i));
		assert_int_equal(char_lower(c), (char)(upper ? i + 32 : i));
		assert_int_equal(slice_has_8bit(slice_of(&c, 1)), i > 127);
		assert_int_equal(slice_has_control(slice_of(&c, 1)),
				 i < 32 || i == 127);
	}
	assert_false(slice_has_8bit(none));
	assert_false(slice_has_control(none));
	assert_true(slice_has_8bit(SLICE("abc\x80")));
	assert_true(slice_has_control(SLICE("abc\x7f")));
	assert_false(slice_has_control(SLICE("abc")));
}

static void finds_parts(void **state)
{
	(void)state;
	assert_true(slice_has(SLICE("abcabd"), SLICE("abd")));
	assert_true(slice_has(SLICE("abc"), SLICE("abc")));
	assert_true(slice_has(SLICE("abc"), SLICE("a")));
	assert_false(slice_has(SLICE("abc"), SLICE("abcd")));
	assert_false(slice_has(SLICE("abc"), SLICE("B")));
	assert_false(slice_has(SLICE("abc"), SLICE("")));
	assert_false(slice_has(SLICE(""), SLICE("a")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_slices),
		cmocka_unit_test(takes_parts),
		cmocka_unit_test(compares),
		cmocka_unit_test(knows_ends),
		cmocka_unit_test(finds),
		cmocka_unit_test(measures_plain_text),
		cmocka_unit_test(trims),
		cmocka_unit_test(cuts),
		cmocka_unit_test(reads_words),
		cmocka_unit_test(reads_numbers),
		cmocka_unit_test(moves_integers),
		cmocka_unit_test(classifies),
		cmocka_unit_test(finds_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
