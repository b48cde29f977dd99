/* SPDX-License-Identifier: ISC */
/* Alias lines: their form, their limits, and the loops among them. */
#include "lib/check.h"

#include <errno.h>

#include "conf/conf.h"

static struct conf c;
static struct conf_error err;

static int parse(const char *text)
{
	return conf_parse(&c, slice_str(text), "f", &err);
}

static void good(const char *text)
{
	if (parse(text) != 0)
		fail_msg("%s: %s", text, err.text);
}

static void bad(const char *text, const char *words)
{
	assert_int_equal(parse(text), -EINVAL);
	assert_string_equal(err.text, words);
}

static void test_form(void **state)
{
	(void)state;
	good("alias root admin@a.org\nalias Ops a@a.org,b@a.org, c@a.org ,d\n"
	     "alias * root");
	assert_int_equal(c.naliases, 3);
	assert_slice(c.aliases[1].name, SLICE("Ops"));
	assert_slice(c.aliases[1].targets, SLICE("a@a.org,b@a.org,c@a.org,d"));
	bad("alias root", "f:1: alias: expected NAME ADDRESS[,ADDRESS...], "
			  "got nothing");
	bad("alias root ,", "f:1: alias: expected NAME ADDRESS[,ADDRESS...], "
			    "got nothing");
	bad("alias root a@b..c", "f:1: alias: expected NAME ADDRESS"
				 "[,ADDRESS...], got 'a@b..c'");
	bad("alias root a@b.c,d@@", "f:1: alias: expected NAME ADDRESS"
				    "[,ADDRESS...], got 'd@@'");
	bad("alias a@b.c d", "f:1: alias: expected a local name or *, "
			     "got 'a@b.c'");
	bad("alias root a\nalias ROOT b", "f:2: alias: ROOT has an alias "
					  "already");
}

static void test_loops(void **state)
{
	(void)state;
	bad("alias a a", "f:1: alias: a leads back to itself, or over 8 "
			 "aliases");
	bad("alias a b\nalias b x@y.z,A",
	    "f:2: alias: b leads back to itself, or over 8 aliases");
	bad("alias a a@localhost", "f:1: alias: a leads back to itself, or "
				   "over 8 aliases");
	bad("hostname h.a.org\nalias a a@H.a.org",
	    "f:2: alias: a leads back to itself, or over 8 aliases");
	bad("alias * admin", "f:1: alias: * leads back to itself, or over 8 "
			     "aliases");
	bad("alias root postmaster", "f:1: alias: root leads back to itself, "
				     "or over 8 aliases");
	good("alias a a@a.org");
	good("alias * root\nalias root x@y.z");
	good("alias a b,b,b\nalias b c,c\nalias c d@e.f");
	good("alias postmaster a\nalias a x@y.z\nalias root postmaster");
}

static void test_depth(void **state)
{
	static const char eight[] = "alias a1 a2\nalias a2 a3\nalias a3 a4\n"
				    "alias a4 a5\nalias a5 a6\nalias a6 a7\n"
				    "alias a7 a8\nalias a8 x@y.z\n";
	char text[200];

	(void)state;
	good(eight);
	assert_int_equal(c.aliases[0].depth, 8);
	snprintf(text, sizeof(text), "%salias a0 a1\n", eight);
	bad(text, "f:9: alias: a0 leads back to itself, or over 8 aliases");
	/* postmaster's own root counts as one. */
	good("alias root b\nalias b x@y.z\nalias a postmaster");
	assert_int_equal(c.aliases[2].depth, 4);
}

static void test_limit(void **state)
{
	static char text[2000];
	size_t n = 0;

	(void)state;
	for (int i = 0; i < CONFIG_ALIASES; i++) {
		good(text);
		assert_int_equal(c.naliases, i);
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "alias n%d x@y.z\n", i);
	}
	good(text);
	assert_int_equal(c.naliases, CONFIG_ALIASES);
	snprintf(text + n, sizeof(text) - n, "alias more x@y.z\n");
	bad(text, "f:33: alias: more than 32 aliases");
}

/* Many ways through many aliases are still looked at in no time. */
static void test_fan_out(void **state)
{
	static char text[8000];
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 8; i++) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "alias n%d ",
				      i);
		for (int k = 0; k < 200; k++)
			n += (size_t)snprintf(text + n, sizeof(text) - n,
					      "n%d,", i + 1);
		text[n - 1] = '\n';
	}
	good(text);
	assert_int_equal(c.aliases[0].depth, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),    cmocka_unit_test(test_loops),
		cmocka_unit_test(test_depth),   cmocka_unit_test(test_limit),
		cmocka_unit_test(test_fan_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
