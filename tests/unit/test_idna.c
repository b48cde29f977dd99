/* SPDX-License-Identifier: ISC */
/* mail/idna: the samples of RFC 3492 7.1, limits, what stays as it is. */
#include "lib/check.h"
#include "mail/address.h"
#include "mail/idna.h"

static void becomes(const char *mailbox, const char *want)
{
	char space[ADDRESS_MAX_PATH];
	struct buf b = BUF_ON(space);

	buf_put_char(&b, '<');
	assert_true(idna_put_mailbox(&b, slice_str(mailbox)));
	assert_slice(slice_from(buf_slice(&b), 1), slice_str(want));
}

static void cannot(const char *mailbox)
{
	char space[ADDRESS_MAX_PATH];
	struct buf b = BUF_ON(space);

	buf_put_char(&b, '<');
	assert_false(idna_put_mailbox(&b, slice_str(mailbox)));
	assert_built(&b, "<");
}

/* 7.1: (A) (B) (E) (L) (M) (S), and what everybody uses. */
static void knows_samples(void **state)
{
	(void)state;
	becomes("a@ليهمابتكلموشعربي؟", "a@xn--egbpdaj6bu4bxfgehfvwxn");
	becomes("a@他们为什么不说中文.x", "a@xn--ihqwcrb4cv8a8dqg056pqjye.x");
	becomes("a@למההםפשוטלאמדבריםעברית",
		"a@xn--4dbcagdahymbxekheh6e0a7fei0b");
	becomes("a@3年b組金八先生", "a@xn--3b-ww4c5e180e575a65lsy2b");
	becomes("a@安室奈美恵-with-super-monkeys",
		"a@xn---with-super-monkeys-pc58ag80a8qai00g7n9n");
	becomes("a@bücher.example", "a@xn--bcher-kva.example");
	becomes("a@x.münchen.de", "a@x.xn--mnchen-3ya.de");
	becomes("a@faß.de", "a@xn--fa-hia.de");
	becomes("a@😀", "a@xn--e28h");
	becomes("a@ü", "a@xn--tda");
}

static void leaves_the_rest(void **state)
{
	(void)state;
	becomes("a@b", "a@b");
	becomes("A@B.Example", "A@B.Example");
	becomes("root", "root");
	becomes("a@[IPv6:::1]", "a@[IPv6:::1]");
	becomes("\"a@b\"@c.\xc3\xbc", "\"a@b\"@c.xn--tda");
	/* Of a label that changes the ASCII letters are made small. */
	becomes("A@B.BüCHER", "A@B.xn--bcher-kva");
	cannot("\xc3\xbc@b");
	cannot("\xc3\xbc@\xc3\xbc");
	cannot("\"\xc3\xbc@b\"@c");
	cannot("\xc3\xbc");
	cannot("\"a@\xc3\xbc\"");
	cannot("");
	cannot("a@\xfc");
	becomes("\"a@b.\"", "\"a@b.\"");
}

/* 63 octets a label, 255 a domain, 254 a mailbox. */
static void keeps_limits(void **state)
{
	char text[600];

	(void)state;
	for (size_t n = 50; n <= 60; n++) {
		struct buf b = BUF_ON(text);

		buf_put_str(&b, "a@\xc3\xbc");
		for (size_t i = 0; i < n; i++)
			buf_put_char(&b, 'x');
		/* xn-- and -, and three digits at these lengths */
		size_t want = 4 + n + 1 + 3;
		char space[ADDRESS_MAX_PATH];
		struct buf out = BUF_ON(space);

		if (want > 63) {
			cannot(buf_cstr(&b));
			continue;
		}
		assert_true(idna_put_mailbox(&out, slice_str(buf_cstr(&b))));
		assert_int_equal(out.len, 2 + want);
	}
	for (size_t n = 10; n <= 50; n++) {
		struct buf b = BUF_ON(text);
		char space[600];
		struct buf out = BUF_ON(space);

		buf_put_str(&b, "a@");
		for (size_t i = 0; i < n; i++)
			buf_put_str(&b, "\xc3\xbc.");
		buf_put_char(&b, 'b');
		/* xn--tda. for each */
		bool fits = 2 + 8 * n + 1 <= 254;

		assert_int_equal(idna_put_mailbox(&out, buf_slice(&b)), fits);
		assert_int_equal(out.len, fits ? 8 * n + 3 : 0);
	}
	/* No room at all. */
	struct buf none = buf_on(text, 8);

	assert_false(idna_put_mailbox(&none, SLICE("a@b\xc3\xbc.example")));
	none = buf_on(text, 8);
	assert_false(idna_put_domain(&none, SLICE("\xc3\xbc.example")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_samples),
		cmocka_unit_test(leaves_the_rest),
		cmocka_unit_test(keeps_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
