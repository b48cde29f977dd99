/* SPDX-License-Identifier: ISC */
#include "lib/check.h"
#include "smtp/ehlo.h"

/* One line and what it adds to an empty offer. */
static const struct {
	const char *line;
	struct ehlo want;
} rows[] = {
	{ "PIPELINING", { .ext = EHLO_PIPELINING } },
	{ "pipelining", { .ext = EHLO_PIPELINING } },
	{ "PIPELINING anything behind", { .ext = EHLO_PIPELINING } },
	{ "PIPELININGX", { .ext = 0 } },
	{ "8BITMIME", { .ext = EHLO_8BITMIME } },
	{ "STARTTLS", { .ext = EHLO_STARTTLS } },
	{ "ENHANCEDSTATUSCODES", { .ext = EHLO_ESC } },
	{ "DSN", { .ext = EHLO_DSN } },
	{ "SMTPUTF8", { .ext = EHLO_SMTPUTF8 } },
	{ "XQUEUE", { .ext = EHLO_XQUEUE } },
	{ "CHUNKING", { .ext = 0 } },
	{ "", { .ext = 0 } },
	{ "   ", { .ext = 0 } },
	/* RFC 1870 4 */
	{ "SIZE", { .ext = EHLO_SIZE } },
	{ "SIZE 0", { .ext = EHLO_SIZE } },
	{ "SIZE 1", { .ext = EHLO_SIZE, .size = 1 } },
	{ "size 35882577", { .ext = EHLO_SIZE, .size = 35882577 } },
	{ "SIZE 18446744073709551615",
	  { .ext = EHLO_SIZE, .size = UINT64_MAX } },
	{ "SIZE 18446744073709551616", { .ext = EHLO_SIZE } },
	{ "SIZE -1", { .ext = EHLO_SIZE } },
	{ "SIZE much", { .ext = EHLO_SIZE } },
	/* RFC 4954 3 */
	{ "AUTH", { .ext = EHLO_AUTH } },
	{ "AUTH PLAIN", { .ext = EHLO_AUTH, .auth = EHLO_AUTH_PLAIN } },
	{ "AUTH gssapi login  plain",
	  { .ext = EHLO_AUTH, .auth = EHLO_AUTH_PLAIN | EHLO_AUTH_LOGIN } },
	{ "AUTH PLAINX XLOGIN", { .ext = EHLO_AUTH } },
	{ "AUTH=LOGIN", { .ext = EHLO_AUTH, .auth = EHLO_AUTH_LOGIN } },
	{ "AUTH=LOGIN PLAIN",
	  { .ext = EHLO_AUTH, .auth = EHLO_AUTH_PLAIN | EHLO_AUTH_LOGIN } },
	{ "AUTH=", { .ext = EHLO_AUTH } },
	/* RFC 9422 4 */
	{ "LIMITS", { .ext = EHLO_LIMITS } },
	{ "LIMITS RCPTMAX=20", { .ext = EHLO_LIMITS, .rcpt_max = 20 } },
	{ "limits mailmax=5 rcptmax=6 rcptdomainmax=1 FOO=3",
	  { .ext = EHLO_LIMITS,
	    .rcpt_max = 6,
	    .mail_max = 5,
	    .domain_max = 1 } },
	{ "LIMITS RCPTMAX=999999", { .ext = EHLO_LIMITS, .rcpt_max = 999999 } },
	{ "LIMITS RCPTMAX=1000000", { .ext = EHLO_LIMITS } },
	{ "LIMITS RCPTMAX RCPTMAX= RCPTMAX=x", { .ext = EHLO_LIMITS } },
};

static void test_rows(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		const struct ehlo *want = &rows[i].want;
		struct ehlo e = { 0 };

		ehlo_take_line(&e, slice_str(rows[i].line));
		if (e.ext != want->ext || e.auth != want->auth ||
		    e.size != want->size || e.rcpt_max != want->rcpt_max ||
		    e.mail_max != want->mail_max ||
		    e.domain_max != want->domain_max) {
			print_error("%s\n", rows[i].line);
			fail();
		}
	}
}

static void test_lines_add_up(void **state)
{
	struct ehlo e = { 0 };

	(void)state;
	ehlo_take_line(&e, SLICE("SIZE 10"));
	ehlo_take_line(&e, SLICE("AUTH LOGIN"));
	ehlo_take_line(&e, SLICE("AUTH=PLAIN"));
	ehlo_take_line(&e, SLICE("X-NOTHING"));
	assert_int_equal(e.ext, EHLO_SIZE | EHLO_AUTH);
	assert_int_equal(e.auth, EHLO_AUTH_PLAIN | EHLO_AUTH_LOGIN);
	assert_int_equal(e.size, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_lines_add_up),
	};

	return cmocka_run_group_tests_name("ehlo", tests, NULL, NULL);
}
