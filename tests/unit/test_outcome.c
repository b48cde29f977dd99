/* SPDX-License-Identifier: ISC */
/* mail/outcome: defaults, cuts, status codes as text. */
#include "lib/check.h"
#include "mail/outcome.h"

static void fills_everything(void **state)
{
	struct outcome o;

	(void)state;
	memset(&o, 0xff, sizeof(o));
	outcome_set(&o, VERDICT_REFUSED, 550, 511, SLICE("no such user"));
	assert_int_equal(o.verdict, VERDICT_REFUSED);
	assert_int_equal(o.trouble, TROUBLE_LINK);
	assert_int_equal(o.code, 550);
	assert_int_equal(o.dsn, 511);
	assert_false(o.uncertain);
	assert_false(o.more);
	assert_string_equal(o.text, "no such user");

	memset(&o, 0xff, sizeof(o));
	outcome_set_trouble(&o, TROUBLE_CLOCK, 475, SLICE("clock not set"));
	assert_int_equal(o.verdict, VERDICT_RETRY_ROUTE);
	assert_int_equal(o.trouble, TROUBLE_CLOCK);
	assert_int_equal(o.code, 0);
	assert_int_equal(o.dsn, 475);
	assert_string_equal(o.text, "clock not set");
}

static void completes_the_status(void **state)
{
	static const struct {
		enum verdict verdict;
		uint16_t dsn;
	} rows[] = {
		{ VERDICT_NONE, 0 },
		{ VERDICT_SENT, 200 },
		{ VERDICT_RETRY_MESSAGE, 400 },
		{ VERDICT_RETRY_ROUTE, 400 },
		{ VERDICT_REFUSED, 500 },
	};
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		outcome_set(&o, rows[i].verdict, 0, 0, slice_of(NULL, 0));
		assert_int_equal(o.dsn, rows[i].dsn);
		assert_string_equal(o.text, "");
	}
}

static void keeps_text_printable_and_short(void **state)
{
	char text[OUTCOME_MAX_TEXT + 2];
	struct outcome o;

	(void)state;
	outcome_set(&o, VERDICT_SENT, 250, 0, SLICE("a\r\nb\0c\x7f\xff\t~ "));
	assert_string_equal(o.text, "a??b?c???~ ");
	memset(text, 'x', sizeof(text));
	for (size_t n = OUTCOME_MAX_TEXT - 2; n <= OUTCOME_MAX_TEXT + 1; n++) {
		outcome_set(&o, VERDICT_SENT, 250, 0, slice_of(text, n));
		assert_int_equal(strlen(o.text),
				 n < OUTCOME_MAX_TEXT ? n
						      : OUTCOME_MAX_TEXT - 1);
	}
}

static void writes_the_status(void **state)
{
	static const struct {
		uint16_t dsn;
		const char *text;
	} rows[] = {
		{ 0, "0.0.0" },       { 200, "2.0.0" },   { 441, "4.4.1" },
		{ 599, "5.9.9" },     { 999, "9.9.9" },   { 4730, "4.7.30" },
		{ 5710, "5.7.10" },   { 5799, "5.7.99" }, { 4401, "4.4.1" },
		{ 65535, "6.5.535" }, { 9999, "9.9.99" }, { 47500, "4.7.500" },
		{ 57139, "5.7.139" },
	};
	char space[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf b = BUF_ON(space);

		outcome_put_dsn(&b, rows[i].dsn);
		assert_slice(buf_slice(&b), slice_str(rows[i].text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_everything),
		cmocka_unit_test(completes_the_status),
		cmocka_unit_test(keeps_text_printable_and_short),
		cmocka_unit_test(writes_the_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
