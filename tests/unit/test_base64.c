/* SPDX-License-Identifier: ISC */
/* base/base64: RFC 4648 section 10, strictness, bounds, round trips. */
#include <errno.h>

#include "base/base64.h"
#include "lib/check.h"
#include "lib/feed.h"

static void gives_the_published_values(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xbf", "+/+/" },
	};
	char space[16];
	struct buf b = BUF_ON(space);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_reset(&b);
		base64_encode(&b, slice_str(rows[i][0]));
		assert_slice(buf_slice(&b), slice_str(rows[i][1]));
		buf_reset(&b);
		assert_int_equal(base64_decode(&b, slice_str(rows[i][1])), 0);
		assert_slice(buf_slice(&b), slice_str(rows[i][0]));
	}
	/* AUTH PLAIN: NUL user NUL password (RFC 4616) */
	buf_reset(&b);
	assert_int_equal(base64_decode(&b, SLICE("AGEAYg==")), 0);
	assert_built(&b, "\0a\0b");
	assert_int_equal(base64_decode(&b, slice_of(NULL, 0)), 0);
}

static void refuses_all_else(void **state)
{
	static const struct slice rows[] = {
		LIT("Z"),        LIT("Zg"),   LIT("Zg="),      LIT("="),
		LIT("===="),     LIT("Z==="), LIT("Zg==Zg=="), LIT("Zm8=Zm9v"),
		LIT("Zg=v"),     LIT("Zh=="), LIT("Zm9="),     LIT("Zm9v\n"),
		LIT("Zm 9"),     LIT("Zm-_"), LIT("Zm9\0"),    LIT("Zm9\xff"),
		LIT("Zm9v===="), LIT("*m9v"), LIT("Z*9v"),     LIT("Zm*v"),
		LIT("Zg=\0"),
	};
	char space[16];
	struct buf b = BUF_ON(space);

	(void)state;
	buf_put_str(&b, "kept");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(base64_decode(&b, rows[i]), -EBADMSG);
		assert_built(&b, "kept");
		assert_false(b.overflow);
	}
}

static void keeps_its_bounds(void **state)
{
	char space[8];

	(void)state;
	for (size_t cap = 0; cap <= 8; cap++) {
		struct buf b = buf_on(space, cap);

		base64_encode(&b, SLICE("fooba"));
		assert_int_equal(b.overflow, cap < 8);
		b = buf_on(space, cap);
		assert_int_equal(base64_decode(&b, SLICE("Zm9vYmE=")),
				 cap < 5 ? -EMSGSIZE : 0);
		assert_int_equal(b.overflow, cap < 5);
		assert_int_equal(b.len, cap < 5 ? 0 : 5);
	}
}

static void survives_the_round_trip(void **state)
{
	char raw[200], coded[300], back[200];
	uint32_t seed = FEED_SEED;

	(void)state;
	for (size_t n = 0; n <= sizeof(raw); n++) {
		struct buf there = BUF_ON(coded), home = BUF_ON(back);

		for (size_t i = 0; i < n; i++)
			raw[i] = (char)feed_random(&seed);
		base64_encode(&there, slice_of(raw, n));
		assert_int_equal(there.len, (n + 2) / 3 * 4);
		assert_int_equal(base64_decode(&home, buf_slice(&there)), 0);
		assert_slice(buf_slice(&home), slice_of(raw, n));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_published_values),
		cmocka_unit_test(refuses_all_else),
		cmocka_unit_test(keeps_its_bounds),
		cmocka_unit_test(survives_the_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
