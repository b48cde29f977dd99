/* SPDX-License-Identifier: ISC */
#include <errno.h>

#include "lib/check.h"
#include "smtp/auth.h"
#include "smtp/ehlo.h"

#define BOTH (EHLO_AUTH_PLAIN | EHLO_AUTH_LOGIN)

static void test_pick(void **state)
{
	(void)state;
	assert_ptr_equal(auth_pick(BOTH, BOTH), &auth_plain);
	assert_ptr_equal(auth_pick(EHLO_AUTH_LOGIN, BOTH), &auth_login);
	assert_ptr_equal(auth_pick(BOTH, EHLO_AUTH_LOGIN), &auth_login);
	assert_null(auth_pick(EHLO_AUTH_PLAIN, EHLO_AUTH_LOGIN));
	assert_null(auth_pick(0, BOTH));
	assert_null(auth_pick(BOTH, 0));
	assert_null(auth_pick(0x8000, 0x8000));
}

static void test_plain(void **state)
{
	char space[64];
	struct buf b = BUF_ON(space);
	struct slice none = { NULL, 0 };

	(void)state;
	assert_true(auth_plain.initial);
	assert_text(auth_plain.name, "PLAIN");
	assert_int_equal(auth_plain.respond(SLICE("tim"),
					    SLICE("tanstaaftanstaaf"), 0, none,
					    &b),
			 0);
	/* RFC 4616 4 */
	assert_built(&b, "\0tim\0tanstaaftanstaaf");
	buf_reset(&b);
	assert_int_equal(
		auth_plain.respond(SLICE("u"), SLICE("p"), 1, SLICE("x"), &b),
		-EPROTO);
	assert_int_equal(
		auth_plain.respond(SLICE("u\0v"), SLICE("p"), 0, none, &b),
		-EPROTO);
	assert_int_equal(
		auth_plain.respond(SLICE("u"), SLICE("p\0"), 0, none, &b),
		-EPROTO);
	assert_int_equal(b.len, 0);
}

static void test_login(void **state)
{
	char space[64];
	struct buf b = BUF_ON(space);

	(void)state;
	assert_false(auth_login.initial);
	assert_text(auth_login.name, "LOGIN");
	assert_int_equal(auth_login.respond(SLICE("u"), SLICE("p"), 0,
					    SLICE("VXNlcm5hbWU6"), &b),
			 0);
	assert_built(&b, "u");
	buf_reset(&b);
	assert_int_equal(auth_login.respond(SLICE("u"), SLICE("p"), 1,
					    SLICE("UGFzc3dvcmQ6"), &b),
			 0);
	assert_built(&b, "p");
	buf_reset(&b);
	assert_int_equal(
		auth_login.respond(SLICE("u"), SLICE("p"), 2, SLICE(""), &b),
		-EPROTO);
	assert_int_equal(b.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pick),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_login),
	};

	return cmocka_run_group_tests_name("auth", tests, NULL, NULL);
}
