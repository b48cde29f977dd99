/* SPDX-License-Identifier: ISC */
/* mail/header: fields, folds, ends, cut at every byte. */
#include <errno.h>

#include "lib/check.h"
#include "mail/header.h"

static void walks_through(void **state)
{
	struct slice rest = SLICE("From: a@b\r\n"
				  "to :c@d,\r\n e@f,\r\n\tg@h\r\n"
				  "X-Empty:\r\n"
				  "X\t : y: z \r\n"
				  "\r\n"
				  "Bcc: body@x\r\n");
	struct header_field f;

	(void)state;
	assert_int_equal(header_next(&rest, &f), 1);
	assert_text(f.name, "From");
	assert_text(f.body, " a@b");
	assert_int_equal(header_next(&rest, &f), 1);
	assert_text(f.name, "to");
	assert_text(f.body, "c@d,\r\n e@f,\r\n\tg@h");
	assert_int_equal(header_next(&rest, &f), 1);
	assert_text(f.name, "X-Empty");
	assert_text(f.body, "");
	assert_int_equal(header_next(&rest, &f), 1);
	assert_text(f.name, "X");
	assert_text(f.body, " y: z ");
	assert_int_equal(header_next(&rest, &f), 0);
	assert_text(rest, "Bcc: body@x\r\n");
}

static void ends(void **state)
{
	struct slice rest = SLICE("\r\nbody");
	struct header_field f;

	(void)state;
	assert_int_equal(header_next(&rest, &f), 0);
	assert_text(rest, "body");
	rest = slice_of(NULL, 0);
	assert_int_equal(header_next(&rest, &f), 0);
	assert_int_equal(rest.n, 0);
	/* a header without a body */
	rest = SLICE("A: b\r\n");
	assert_int_equal(header_next(&rest, &f), 1);
	assert_int_equal(header_next(&rest, &f), 0);
	assert_int_equal(rest.n, 0);
	/* and without its last line end */
	rest = SLICE("A: b");
	assert_int_equal(header_next(&rest, &f), 1);
	assert_text(f.body, " b");
	assert_int_equal(rest.n, 0);
	rest = SLICE("A:");
	assert_int_equal(header_next(&rest, &f), 1);
	assert_text(f.name, "A");
	assert_text(f.body, "");
}

static void knows_fields(void **state)
{
	static const struct {
		struct slice in;
		bool field;
	} rows[] = {
		{ LIT("A:"), true },
		{ LIT("A: b"), true },
		{ LIT("Message-ID: <x>"), true },
		{ LIT("A :b"), true },
		{ LIT("A \t :b"), true },
		{ LIT("!#$~:"), true },
		{ LIT(""), false },
		{ LIT(":"), false },
		{ LIT(": b"), false },
		{ LIT(" A: b"), false },
		{ LIT("\tA: b"), false },
		{ LIT("A"), false },
		{ LIT("A "), false },
		{ LIT("A b: c"), false },
		{ LIT("Hello world"), false },
		{ LIT("\r\n"), false },
		{ LIT("A\r\n: b"), false },
		{ LIT("\xc3\xa4: b"), false },
		{ LIT("A\x01: b"), false },
		{ LIT("A\x7f: b"), false },
		{ LIT("A\0: b"), false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct slice rest = rows[i].in;
		struct header_field f;

		assert_int_equal(header_is_field(rest), rows[i].field);
		if (rows[i].field || rest.n == 0 || rest.p[0] == '\r')
			continue;
		assert_int_equal(header_next(&rest, &f), -EINVAL);
		assert_slice(rest, rows[i].in);
	}
	struct slice rest = SLICE("\rA: b");
	struct header_field f;
	assert_int_equal(header_next(&rest, &f), -EINVAL);
}

/* Only CRLF ends a line: other bytes of the kind are part of it. */
static void minds_lone_line_ends(void **state)
{
	struct slice rest = SLICE("A: b\nBcc: c\rd\r\n\ne\r\n");
	struct header_field f;

	(void)state;
	assert_int_equal(header_next(&rest, &f), 1);
	assert_text(f.body, " b\nBcc: c\rd");
	assert_int_equal(header_next(&rest, &f), -EINVAL);
}

static void takes_blank_lines_as_folds(void **state)
{
	struct slice rest = SLICE("A: b\r\n \r\n c\r\n\t\r\nB: d\r\n\r\n");
	struct header_field f;

	(void)state;
	/* RFC 5322 4.2: obs-FWS */
	assert_int_equal(header_next(&rest, &f), 1);
	assert_text(f.body, " b\r\n \r\n c\r\n\t");
	assert_int_equal(header_next(&rest, &f), 1);
	assert_text(f.name, "B");
	assert_int_equal(header_next(&rest, &f), 0);
}

static void survives_every_cut(void **state)
{
	struct slice whole = SLICE("A: b\r\n c\r\nLong-Name : \r\n\r\nbody");
	char copy[64];

	(void)state;
	for (size_t n = 0; n <= whole.n; n++) {
		char *at = copy + sizeof(copy) - n;
		struct header_field f;
		int ret, fields = 0;

		memcpy(at, whole.p, n);
		struct slice rest = slice_of(at, n);
		while ((ret = header_next(&rest, &f)) == 1) {
			assert_in_range(f.name.n, 1, 9);
			assert_true(f.name.p >= at);
			assert_true(f.body.p + f.body.n <= copy + sizeof(copy));
			fields++;
		}
		assert_in_range(fields, n > 1, 2);
		assert_true(ret == 0 || ret == -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_through),
		cmocka_unit_test(ends),
		cmocka_unit_test(knows_fields),
		cmocka_unit_test(minds_lone_line_ends),
		cmocka_unit_test(takes_blank_lines_as_folds),
		cmocka_unit_test(survives_every_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
