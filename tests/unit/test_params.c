/* SPDX-License-Identifier: ISC */
/* mail/params: what RFC 3461 allows, and what it refuses. */
#include "lib/check.h"
#include "mail/params.h"

static void check_put(const char *name, const char *value, const char *want)
{
	char space[700];
	struct buf b = BUF_ON(space);
	bool ok = params_put(&b, slice_str(name), slice_str(value));

	assert_int_equal(ok, want != NULL);
	if (want != NULL)
		assert_true(slice_eq(buf_slice(&b), slice_str(want)));
}

static void takes_what_is_allowed(void **state)
{
	(void)state;
	check_put("ret", "Full", "RET=FULL");
	check_put("RET", "HDRS", "RET=HDRS");
	check_put("envid", "Q+2Bq!~", "ENVID=Q+2Bq!~");
	check_put("notify", "never", "NOTIFY=NEVER");
	check_put("Notify", "delay,SUCCESS,failure",
		  "NOTIFY=DELAY,SUCCESS,FAILURE");
	check_put("orcpt", "rfc822;Bob+20B@x", "ORCPT=rfc822;Bob+20B@x");
	check_put("ORCPT", "utf-8;a;b", "ORCPT=utf-8;a;b");
	check_put("ORCPT", "utf-8;\\x{e4}+2B\xc3\xbc@\xf0\x9f\x98\x80",
		  "ORCPT=utf-8;\\x{e4}+2B\\x{FC}@\\x{1F600}");
}

static void refuses_what_is_not(void **state)
{
	static const char *const bad[][2] = {
		{ "SIZE", "1" },
		{ "RE", "FULL" },
		{ "RET", "" },
		{ "RET", "ALL" },
		{ "RET", "FULL,HDRS" },
		{ "RET", "FULL HDRS" },
		{ "NOTIFY", "" },
		{ "NOTIFY", "," },
		{ "NOTIFY", "DELAY," },
		{ "NOTIFY", ",DELAY" },
		{ "NOTIFY", "DELAY,,SUCCESS" },
		{ "NOTIFY", "DELAY,DELAY" },
		{ "NOTIFY", "NEVER,NEVER" },
		{ "NOTIFY", "NEVER,DELAY" },
		{ "NOTIFY", "DELAY,NEVER" },
		{ "NOTIFY", "SOMETIMES" },
		{ "ENVID", "" },
		{ "ENVID", "a b" },
		{ "ENVID", "a=b" },
		{ "ENVID", "a\x7f" },
		{ "ENVID", "\xc3\xa4" },
		{ "ENVID", "+" },
		{ "ENVID", "+4" },
		{ "ENVID", "+4g" },
		{ "ENVID", "+4a" },
		{ "ORCPT", "" },
		{ "ORCPT", "a@b" },
		{ "ORCPT", "rfc822;\xc3\xbc@b" },
		{ "ORCPT", "utf-8;\xfc@b" },
		{ "ENVID", "\xc3\xbc" },
		{ "ORCPT", ";a@b" },
		{ "ORCPT", "rfc822;" },
		{ "ORCPT", "r(c;a@b" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		check_put(bad[i][0], bad[i][1], NULL);
}

/* RFC 3461 4.2, 4.4: 500 and 100 octets. */
static void keeps_its_bounds(void **state)
{
	char space[600], text[520];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "rfc822;", 7);
	for (unsigned over = 0; over < 2; over++) {
		struct buf b = BUF_ON(space);

		assert_int_equal(params_put(&b, SLICE("ORCPT"),
					    slice_of(text, 500 + over)),
				 over == 0);
		b = BUF_ON(space);
		assert_int_equal(params_put(&b, SLICE("ENVID"),
					    slice_of(text + 7, 100 + over)),
				 over == 0);
	}
}

static void stands_behind_others(void **state)
{
	char space[40];
	struct buf b = BUF_ON(space);

	(void)state;
	assert_true(params_put(&b, SLICE("RET"), SLICE("full")));
	assert_true(params_put(&b, SLICE("ENVID"), SLICE("1")));
	assert_text(buf_slice(&b), "RET=FULL ENVID=1");
}

static void says_what_is_wanted(void **state)
{
	(void)state;
	assert_true(params_want_failure(SLICE("")));
	assert_true(params_want_failure(SLICE("ORCPT=rfc822;SUCCESS")));
	assert_true(params_want_failure(SLICE("NOTIFY=DELAY,FAILURE")));
	assert_false(params_want_failure(SLICE("NOTIFY=NEVER")));
	assert_false(params_want_failure(
		SLICE("ORCPT=rfc822;FAILURE NOTIFY=SUCCESS")));
	assert_false(params_want_success(SLICE("")));
	assert_false(params_want_success(SLICE("NOTIFY=FAILURE")));
	assert_true(params_want_success(SLICE("NOTIFY=SUCCESS,FAILURE")));
}

static void decodes(void **state)
{
	char space[40];
	struct buf b = BUF_ON(space);

	(void)state;
	params_put_decoded(&b, SLICE("a+2Bb+20c+0Ad+C3+A4e"));
	assert_text(buf_slice(&b), "a+b c?d??e");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_is_allowed),
		cmocka_unit_test(refuses_what_is_not),
		cmocka_unit_test(keeps_its_bounds),
		cmocka_unit_test(stands_behind_others),
		cmocka_unit_test(says_what_is_wanted),
		cmocka_unit_test(decodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
