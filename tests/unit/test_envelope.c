/* SPDX-License-Identifier: ISC */
/* mail/envelope: the packed form, there and back, cut at every byte. */
#include <errno.h>

#include "lib/check.h"
#include "mail/envelope.h"

static void packs(void **state)
{
	char space[64];
	struct buf b = BUF_ON(space);

	(void)state;
	envelope_put(&b, SLICE("a@b"), SLICE("from x\r\n\tby y"));
	envelope_put_rcpt(&b, SLICE("c@d"));
	envelope_put_rcpt(&b, SLICE("e@f"));
	assert_false(b.overflow);
	assert_built(&b, "a@b\0from x\r\n\tby y\0c@d\0e@f\0");
}

static void unpacks(void **state)
{
	struct envelope e;
	struct slice rcpt;

	(void)state;
	assert_int_equal(envelope_parse(SLICE("a@b\0t\0c@d\0e@f\0"), &e), 0);
	assert_text(e.from, "a@b");
	assert_text(e.trace, "t");
	assert_text(e.rcpts, "c@d\0e@f\0");
	assert_int_equal(envelope_count(e.rcpts), 2);
	assert_true(envelope_next_rcpt(&e.rcpts, &rcpt));
	assert_text(rcpt, "c@d");
	assert_true(envelope_next_rcpt(&e.rcpts, &rcpt));
	assert_text(rcpt, "e@f");
	assert_int_equal(envelope_count(e.rcpts), 0);
	assert_false(envelope_next_rcpt(&e.rcpts, &rcpt));
	assert_text(rcpt, "e@f");
}

/* The null path, no trace, nobody yet. */
static void takes_empty_texts(void **state)
{
	char space[8];
	struct buf b = BUF_ON(space);
	struct envelope e;

	(void)state;
	envelope_put(&b, slice_of(NULL, 0), slice_of(NULL, 0));
	assert_built(&b, "\0\0");
	assert_int_equal(envelope_parse(buf_slice(&b), &e), 0);
	assert_int_equal(e.from.n, 0);
	assert_int_equal(e.trace.n, 0);
	assert_int_equal(e.rcpts.n, 0);
	assert_int_equal(envelope_count(e.rcpts), 0);
}

static void refuses_what_lacks_a_nul(void **state)
{
	struct slice whole = SLICE("a@b\0t\0c@d\0");
	struct envelope e = { .from = SLICE("untouched") };

	(void)state;
	for (size_t n = 0; n <= whole.n; n++) {
		int want = n == 6 || n == whole.n ? 0 : -EBADMSG;

		assert_int_equal(envelope_parse(slice_head(whole, n), &e),
				 want);
		if (n < 6)
			assert_text(e.from, "untouched");
	}
	/* a list that was not checked is not read past its end */
	struct slice rcpts = SLICE("c@d\0e@"), rcpt;
	assert_int_equal(envelope_count(rcpts), 1);
	assert_true(envelope_next_rcpt(&rcpts, &rcpt));
	assert_false(envelope_next_rcpt(&rcpts, &rcpt));
}

static void packs_nothing_that_could_break_out(void **state)
{
	static const struct slice bad[] = { LIT("a\rb"), LIT("a\nb"),
					    LIT("a\0b"), LIT("a\x7f"),
					    LIT("a\t") };
	char space[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct buf b = BUF_ON(space);

		envelope_put(&b, bad[i], SLICE("t"));
		assert_true(b.overflow);
		b = BUF_ON(space);
		envelope_put_rcpt(&b, bad[i]);
		assert_true(b.overflow);
	}
	struct buf b = BUF_ON(space);
	envelope_put(&b, SLICE("a@b"), SLICE("t\0t"));
	assert_true(b.overflow);
	b = BUF_ON(space);
	envelope_put_rcpt(&b, slice_of(NULL, 0));
	assert_true(b.overflow);
}

static void keeps_its_bounds(void **state)
{
	char space[16];

	(void)state;
	for (size_t cap = 0; cap <= 6; cap++) {
		struct buf b = buf_on(space, cap);

		envelope_put(&b, SLICE("abc"), SLICE("t"));
		assert_int_equal(b.overflow, cap < 6);
		b = buf_on(space, cap);
		envelope_put_rcpt(&b, SLICE("c@d"));
		assert_int_equal(b.overflow, cap < 4);
	}
}

/* Parameters ride behind an address, and are no part of it. */
static void packs_parameters(void **state)
{
	char space[64];
	struct buf b = BUF_ON(space);

	(void)state;
	envelope_put(&b, SLICE("a@b"), SLICE("t"));
	envelope_put_rcpt(&b, SLICE("c@d"));
	envelope_put_params(&b, SLICE("NOTIFY=NEVER"));
	envelope_put_rcpt(&b, SLICE("e@f"));
	envelope_put_params(&b, SLICE(""));
	assert_false(b.overflow);
	assert_built(&b, "a@b\0t\0c@d\1NOTIFY=NEVER\0e@f\0");
}

static void refuses_bad_parameters(void **state)
{
	static const struct slice bad[] = { LIT("A\nB"), LIT("A\0B"),
					    LIT("A\1B") };
	char space[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct buf b = BUF_ON(space);

		envelope_put_rcpt(&b, SLICE("c@d"));
		envelope_put_params(&b, bad[i]);
		assert_true(b.overflow);
	}
	for (size_t cap = 0; cap <= 6; cap++) {
		struct buf b = buf_on(space, cap);

		envelope_put_rcpt(&b, SLICE("c"));
		envelope_put_params(&b, SLICE("A=B"));
		assert_int_equal(b.overflow, cap < 6);
	}
}

static void unpacks_parameters(void **state)
{
	struct envelope e;
	struct slice rcpt, params;

	(void)state;
	assert_int_equal(
		envelope_parse(SLICE("a@b\1RET=FULL\0t\0c@d\1A B=1\0e@f\0"),
			       &e),
		0);
	assert_text(e.from, "a@b");
	assert_text(e.params, "RET=FULL");
	assert_text(e.trace, "t");
	assert_int_equal(envelope_count(e.rcpts), 2);
	assert_text(envelope_rcpt_at(e.rcpts, 0), "c@d");
	assert_true(envelope_next(&e.rcpts, &rcpt, &params));
	assert_text(rcpt, "c@d");
	assert_text(params, "A B=1");
	assert_true(envelope_next_rcpt(&e.rcpts, &rcpt));
	assert_text(rcpt, "e@f");
	assert_int_equal(envelope_parse(SLICE("\1SMTPUTF8\0\0"), &e), 0);
	assert_int_equal(e.from.n, 0);
	assert_text(e.params, "SMTPUTF8");
}

static void finds_a_parameter(void **state)
{
	static const struct slice params = LIT("RET=FULL SMTPUTF8 ENVID=a+2Bb");
	struct slice value;

	(void)state;
	assert_true(envelope_param(params, SLICE("RET"), &value));
	assert_text(value, "FULL");
	assert_true(envelope_param(params, SLICE("ENVID"), &value));
	assert_text(value, "a+2Bb");
	assert_true(envelope_param(params, SLICE("SMTPUTF8"), &value));
	assert_int_equal(value.n, 0);
	assert_false(envelope_param(params, SLICE("SMTP"), &value));
	assert_false(envelope_param(SLICE(""), SLICE("RET"), &value));
}

static void keeps_some_in_place(void **state)
{
	char space[] = "a@b\0c@d\1N=1\0e@f\1O=2";
	struct slice all = slice_of(space, sizeof(space)), rcpt, params;
	struct buf kept = BUF_ON(space);

	(void)state;
	for (unsigned i = 0; envelope_next(&all, &rcpt, &params); i++)
		if (i > 0)
			envelope_keep(&kept, rcpt, params);
	assert_built(&kept, "c@d\1N=1\0e@f\1O=2\0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packs),
		cmocka_unit_test(unpacks),
		cmocka_unit_test(takes_empty_texts),
		cmocka_unit_test(refuses_what_lacks_a_nul),
		cmocka_unit_test(packs_nothing_that_could_break_out),
		cmocka_unit_test(keeps_its_bounds),
		cmocka_unit_test(packs_parameters),
		cmocka_unit_test(refuses_bad_parameters),
		cmocka_unit_test(unpacks_parameters),
		cmocka_unit_test(finds_a_parameter),
		cmocka_unit_test(keeps_some_in_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
