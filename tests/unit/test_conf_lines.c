/* SPDX-License-Identifier: ISC */
/* Defaults of an image without a configuration file: CONFIG_CONF_LINES. */

/* Long enough for all of the cases; what is left over is blanks. */
static char lines[200];

#undef CONFIG_CONF_LINES
#define CONFIG_CONF_LINES lines
#include "conf/conf.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct conf c;
static struct conf_error why;

static int parse(const char *built_in, const char *text)
{
	memset(lines, ' ', sizeof(lines) - 1);
	memcpy(lines, built_in, strlen(built_in));
	return conf_parse(&c, slice_str(text), "f", &why);
}

static void is(struct slice s, const char *text)
{
	assert_true(slice_eq(s, slice_str(text)));
}

#define FOUR                                                  \
	"domain d.org; alias root a@b.org;alias ops c@d.org;" \
	"smarthost smtp://h.org tls=off; smarthost smtp://i.org tls=off"

static void no_file(void **state)
{
	(void)state;
	assert_int_equal(parse(FOUR "; retry 2m 3m", ""), 0);
	is(c.domain, "d.org");
	assert_int_equal(c.naliases, 2);
	assert_int_equal(c.nhops, 2);
	assert_int_equal(c.retry_min_s, 120);
}

static void keys_of_the_file_win(void **state)
{
	(void)state;
	assert_int_equal(parse(FOUR, "alias root x@y.org\n"
				     "smarthost smtp://j.org tls=off\n"),
			 0);
	is(c.domain, "d.org");
	assert_int_equal(c.naliases, 1);
	is(c.aliases[0].targets, "x@y.org");
	assert_int_equal(c.nhops, 1);
	is(c.hops[0].host, "j.org");
}

static void errors(void **state)
{
	(void)state;
	assert_int_equal(parse("domain d.org; retry 1h", ""), -EINVAL);
	assert_int_equal(strncmp(why.text, "CONFIG_CONF_LINES:2: retry: ", 28),
			 0);
	/* What is wrong with both is said of the file. */
	assert_int_equal(parse("domain d.org", "alias a b\nalias b a\n"),
			 -EINVAL);
	assert_int_equal(strncmp(why.text, "f:2: alias: ", 12), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_file),
		cmocka_unit_test(keys_of_the_file_win),
		cmocka_unit_test(errors),
	};

	return cmocka_run_group_tests_name("conf_lines", tests, NULL, NULL);
}
