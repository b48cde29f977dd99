/* SPDX-License-Identifier: ISC */
/* smarthost and route lines, their options, and which route is taken. */
#include "conf/conf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PIN_A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define PIN_B "//////////////////////////////////////////8="
#define LOGIN " user=u@login.example password-file=/etc/s"
#define HOPS_ALLOWED                                                   \
	"expected a next hop: smtp://HOST[:PORT], submission://HOST, " \
	"submissions://HOST, discard or error:TEXT, got "

static struct conf c;
static struct conf_error err;

static int parse(const char *text)
{
	return conf_parse(&c, slice_str(text), "f", &err);
}

static const struct conf_hop *good(const char *text)
{
	if (parse(text) != 0)
		fail_msg("%s: %s", text, err.text);
	return &c.hops[0];
}

/* The line is smarthost and text; words follow "f:1: smarthost: ". */
static void bad(const char *text, const char *words)
{
	char line[400];
	char want[400];

	snprintf(line, sizeof(line), "smarthost %s", text);
	snprintf(want, sizeof(want), "f:1: smarthost: %s", words);
	assert_int_equal(parse(line), -EINVAL);
	assert_string_equal(err.text, want);
}

static void is(struct slice s, const char *text)
{
	assert_int_equal(s.n, strlen(text));
	assert_memory_equal(s.p, text, s.n);
	assert_int_equal(s.p[s.n], '\0');
}

static void test_nexthop(void **state)
{
	const struct conf_hop *h = good("smarthost smtp://mail.example.com");

	(void)state;
	assert_int_equal(h->scheme, HOP_SMTP);
	is(h->host, "mail.example.com");
	is(h->text, "smtp://mail.example.com");
	assert_int_equal(h->port, 25);
	assert_int_equal(h->tls, HOP_TLS_TRY);
	assert_int_equal(h->connections, 1);
	assert_int_equal(h->timeout_s, 0);
	assert_false(h->literal);
	assert_int_equal(c.nroutes, 1);
	is(c.routes[0].pattern, "*");
	assert_true(c.routes[0].last);
	h = good("smarthost submission://h:2587");
	assert_int_equal(h->scheme, HOP_SUBMISSION);
	assert_int_equal(h->port, 2587);
	assert_int_equal(h->tls, HOP_TLS_VERIFY);
	h = good("smarthost submissions://h");
	assert_int_equal(h->scheme, HOP_SUBMISSIONS);
	assert_int_equal(h->port, 465);
	h = good("smarthost smtp://[2001:db8::1]:26");
	is(h->host, "2001:db8::1");
	assert_true(h->literal);
	assert_int_equal(h->port, 26);
	h = good("smarthost smtp://192.0.2.1");
	assert_true(h->literal);
	assert_int_equal(h->tls, HOP_TLS_TRY);
	h = good("smarthost discard");
	assert_int_equal(h->scheme, HOP_DISCARD);
	h = good("smarthost \"error:no such user here\"");
	assert_int_equal(h->scheme, HOP_ERROR);
	is(h->host, "no such user here");
}

static void test_bad_nexthop(void **state)
{
	static const char *const hosts[] = {
		"smtp://",
		"smtp://a..b",
		"smtp://a:0",
		"smtp://a:65536",
		"smtp://a:x",
		"smtp://192.0.2.256",
		"smtp://192.0.2",
		"smtp://[::1",
		"smtp://[::1]x",
		"smtp://[192.0.2.1]",
		"smtp://2001:db8::1",
		"smtp://a/",
		"smtp://1::2:3",
		"ftp://a",
		"discard:",
		"smtps://a",
	};
	char want[300];

	(void)state;
	bad("", "expected NEXTHOP [option=value...], got nothing");
	assert_int_equal(parse("route a.org"), -EINVAL);
	assert_string_equal(err.text, "f:1: route: " HOPS_ALLOWED "nothing");
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		snprintf(want, sizeof(want), HOPS_ALLOWED "'%s'", hosts[i]);
		bad(hosts[i], want);
	}
	bad("error:", "expected error:TEXT of printable ASCII, got 'error:'");
	bad("error:\xc3\xa4", "expected error:TEXT of printable ASCII, "
			      "got 'error:\\xc3\\xa4'");
	/* What might be a password is not repeated. */
	bad("smtp://user:hunter2@h",
	    "credentials belong into user= and password-file=");
	assert_null(strstr(err.text, "hunter2"));
}

static void test_not_built(void **state)
{
	static const char *const pairs[][2] = {
		{ "mx", "mx is not built into this program (CONFIG_MX)" },
		{ "mx://a",
		  "mx:// is not built into this program (CONFIG_MX)" },
		{ "srv://a",
		  "srv:// is not built into this program (CONFIG_SRV)" },
		{ "lmtp:/s",
		  "lmtp: is not built into this program (CONFIG_LMTP)" },
		{ "lmtp://h:24",
		  "lmtp: is not built into this program (CONFIG_LMTP)" },
		{ "maildir:/m",
		  "maildir: is not built into this program (CONFIG_MAILDIR)" },
		{ "mbox:/m",
		  "mbox: is not built into this program (CONFIG_MBOX)" },
		{ "pipe:/p",
		  "pipe: is not built into this program (CONFIG_PIPE)" },
		{ "https://h/",
		  "https: is not built into this program (CONFIG_GATEWAY)" },
		{ "smtp://h tls=dane",
		  "dane is not built into this program (CONFIG_DANE)" },
		{ "smtp://h oauth=/f",
		  "oauth= is not built into this program (CONFIG_OAUTH)" },
		{ "smtp://h cert=/f",
		  "cert= is not built into this program (CONFIG_TLS_CERT)" },
		{ "smtp://h key=/f",
		  "key= is not built into this program (CONFIG_TLS_CERT)" },
		{ "smtp://h auth=scram-sha-256",
		  "scram-sha-256 is not built into this program "
		  "(CONFIG_AUTH_SCRAM)" },
		{ "smtp://h auth=xoauth2",
		  "xoauth2 is not built into this program "
		  "(CONFIG_AUTH_XOAUTH2)" },
		{ "smtp://h auth=oauthbearer",
		  "oauthbearer is not built into this program "
		  "(CONFIG_AUTH_OAUTHBEARER)" },
		{ "smtp://h auth=external",
		  "external is not built into this program "
		  "(CONFIG_AUTH_EXTERNAL)" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		bad(pairs[i][0], pairs[i][1]);
}

static void test_options(void **state)
{
	const struct conf_hop *h = good(
		"smarthost submission://h \"user=a b\" password-file=/s "
		"ca=/ca auth=login connections=4 timeout=1h pin=sha256:" PIN_A
		"," PIN_B " tls=require");

	(void)state;
	is(h->user, "a b");
	is(h->password_file, "/s");
	is(h->ca, "/ca");
	assert_int_equal(h->auth, HOP_AUTH_LOGIN);
	assert_int_equal(h->connections, 4);
	assert_int_equal(h->timeout_s, 3600);
	assert_int_equal(h->tls, HOP_TLS_REQUIRE);
	assert_int_equal(h->pins, 2);
	assert_int_equal(h->pin[0][31], 0);
	assert_int_equal(h->pin[1][31], 0xff);
	bad("smtp://h tls=on", "expected tls=off, try, require or verify, "
			       "got 'on'");
	bad("smtp://h auth=cram", "expected auth=auto, off, plain or login, "
				  "got 'cram'");
	bad("smtp://h ca=x", "expected ca= with an absolute path, got 'x'");
	bad("smtp://h connections=0", "expected connections= from 1 to 4, "
				      "got '0'");
	bad("smtp://h connections=5", "expected connections= from 1 to 4, "
				      "got '5'");
	bad("smtp://h timeout=0", "expected timeout= from 1s to 1h, got '0'");
	bad("smtp://h timeout=3601", "expected timeout= from 1s to 1h, "
				     "got '3601'");
	bad("smtp://h tls=off tls=off", "tls= is given twice");
	bad("smtp://h user= password-file=/s", "user= is empty");
	/* Neither a stray word nor a password in the wrong place is shown. */
	bad("smtp://h hunter2",
	    "expected options tls= pin= ca= auth= user= password-file= "
	    "connections= timeout=, got another word");
	bad("smtp://h password-file=hunter2",
	    "expected password-file= with an absolute path");
	bad("discard tls=off", "this next hop has no options");
	bad("error:x user=a", "this next hop has no options");
}

static void test_pins(void **state)
{
	static const char *const pins[] = {
		"pin=sha256:",
		"pin=sha1:" PIN_A,
		"pin=sha256:AAAA",
		"pin=sha256:" PIN_A ",x",
		"pin=sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
	};

	(void)state;
	good("smarthost smtp://h pin=sha256:" PIN_A "," PIN_A "," PIN_A
	     "," PIN_A);
	assert_int_equal(c.hops[0].pins, CONF_MAX_PINS);
	assert_int_equal(c.hops[0].tls, HOP_TLS_VERIFY);
	assert_int_equal(parse("smarthost smtp://h pin=sha256:" PIN_A "," PIN_A
			       "," PIN_A "," PIN_A "," PIN_A),
			 -EINVAL);
	for (size_t i = 0; i < ARRAY_LEN(pins); i++) {
		char line[200];

		snprintf(line, sizeof(line), "smarthost smtp://h %s", pins[i]);
		assert_int_equal(parse(line), -EINVAL);
		assert_non_null(strstr(err.text,
				       "expected pin=sha256:BASE64[,BASE64...]"
				       ", of a SHA-256 each, 4 at most, got"));
	}
}

/* What TLS and credentials ask of each other. */
static void test_security(void **state)
{
	(void)state;
	assert_int_equal(good("smarthost smtp://h" LOGIN)->tls, HOP_TLS_VERIFY);
	assert_int_equal(good("smarthost smtp://h tls=off" LOGIN)->tls,
			 HOP_TLS_OFF);
	assert_int_equal(good("smarthost smtp://h tls=verify")->tls,
			 HOP_TLS_VERIFY);
	good("smarthost smtp://h tls=require pin=sha256:" PIN_A LOGIN);
	good("smarthost submissions://192.0.2.1 pin=sha256:" PIN_A LOGIN);
	good("smarthost smtp://192.0.2.1 tls=require");
	bad("smtp://h tls=try" LOGIN,
	    "credentials need tls=verify or pin=, or tls=off to send them in "
	    "the clear");
	bad("smtp://h tls=require" LOGIN,
	    "credentials need tls=verify or pin=, or tls=off to send them in "
	    "the clear");
	bad("smtp://192.0.2.1" LOGIN, "TLS to an address needs pin=, or a "
				      "host name");
	bad("submission://[::1]", "TLS to an address needs pin=, or a host "
				  "name");
	bad("submission://h tls=off",
	    "submission:// and submissions:// always use TLS: expected "
	    "tls=require or verify, or smtp://");
	bad("submissions://h tls=try",
	    "submission:// and submissions:// always use TLS: expected "
	    "tls=require or verify, or smtp://");
	bad("smtp://h tls=try pin=sha256:" PIN_A,
	    "pin= needs tls=require or verify");
	bad("smtp://h user=a", "user= and password-file= go together");
	bad("smtp://h password-file=/a", "user= and password-file= go "
					 "together");
	bad("smtp://h auth=plain", "auth= needs user= and password-file=");
	const struct conf_hop *h = good("smarthost smtp://h auth=off" LOGIN);
	assert_int_equal(h->user.n + h->password_file.n, 0);
	assert_int_equal(h->tls, HOP_TLS_TRY);
}

static int route(const char *from, const char *rcpt)
{
	return conf_route_of(&c, slice_str(from), slice_str(rcpt));
}

static void test_routes(void **state)
{
	(void)state;
	good("smarthost smtp://last\n"
	     "route u@a.org smtp://one\n"
	     "route A.org smtp://two\n"
	     "route *.a.org smtp://three\n"
	     "route from:*.b.org smtp://four\n"
	     "route from:x@c.org smtp://five\n"
	     "route a.ORG smtp://six\n"
	     "route u@A.ORG smtp://seven\n"
	     "route U@a.org smtp://eight\n");
	assert_int_equal(c.nroutes, 7);
	assert_int_equal(c.nhops, 9);
	assert_int_equal(route("", "u@a.org"), 0);
	assert_int_equal(route("", "u@A.Org"), 0);
	assert_int_equal(route("", "v@a.org"), 1);
	assert_int_equal(route("", "U@a.org"), 1);
	assert_int_equal(route("", "u@b.a.org"), 2);
	assert_int_equal(route("", "u@ba.org"), 6);
	assert_int_equal(route("m@x.b.org", "u@z.org"), 3);
	assert_int_equal(route("m@b.org", "u@z.org"), 6);
	assert_int_equal(route("x@C.org", "u@z.org"), 4);
	assert_int_equal(route("y@c.org", "u@z.org"), 6);
	assert_int_equal(route("", "bare"), 6);
	/* One pattern, one list, in file order. */
	assert_int_equal(c.hops[1].route, 1);
	assert_int_equal(c.hops[5].route, 1);
	is(c.hops[5].host, "six");
	assert_int_equal(c.hops[6].route, 0);
	is(c.hops[8].host, "last");
	assert_int_equal(c.hops[8].route, 6);
	good("route a.org discard");
	assert_int_equal(route("", "u@b.org"), -1);
}

/* A pattern has A-labels, an address may have the characters. */
static void test_routes_beyond_ascii(void **state)
{
	(void)state;
	good("route u@xn--tda.org smtp://one\n"
	     "route XN--tda.org smtp://two\n"
	     "route *.xn--tda.org smtp://three\n"
	     "route from:xn--bcher-kva smtp://four\n");
	assert_int_equal(route("", "u@\xc3\xbc.org"), 0);
	assert_int_equal(route("", "u@\xc3\xbc.ORG"), 0);
	assert_int_equal(route("", "\xc3\xbc@\xc3\xbc.org"), 1);
	assert_int_equal(route("", "v@xn--tda.org"), 1);
	assert_int_equal(route("", "u@x.\xc3\xbc.org"), 2);
	assert_int_equal(route("", "u@\xc3\xa4.\xc3\xbc.org"), 2);
	assert_int_equal(route("a@B\xc3\xbc"
			       "cher",
			       "u@a"),
			 3);
	assert_int_equal(route("", "u@\xc3\xa4.org"), -1);
	assert_int_equal(route("", "u@\xfc.org"), -1);
	assert_int_equal(route("", "\xc3\xbc"), -1);
}

/* "route *" and smarthost are one list, in its place, smart hosts last. */
static void test_any(void **state)
{
	(void)state;
	good("smarthost smtp://s1\nroute a.org smtp://a\n"
	     "route * smtp://r1\nsmarthost smtp://s2\nroute * smtp://r2\n"
	     "route b.org smtp://never\n");
	assert_int_equal(c.nroutes, 3);
	assert_int_equal(route("", "x@a.org"), 0);
	assert_int_equal(route("", "x@b.org"), 1);
	is(c.hops[1].host, "r1");
	is(c.hops[2].host, "r2");
	is(c.hops[4].host, "s1");
	is(c.hops[5].host, "s2");
	assert_int_equal(c.hops[4].route, 1);
	assert_int_equal(c.hops[5].route, 1);
	good("route from:* smtp://f\nsmarthost smtp://s");
	assert_int_equal(c.nroutes, 2);
	assert_int_equal(route("", "x@a.org"), 0);
}

static void test_patterns(void **state)
{
	static const char *const wrong[] = { "a..b", "*a.org", "@a.org",
					     "a@",   "**",     "u@a@b" };
	char line[100];
	char want[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		snprintf(line, sizeof(line), "route %s discard", wrong[i]);
		snprintf(want, sizeof(want),
			 "f:1: route: expected a pattern: *, example.org, "
			 "*.example.org, user@example.org or from:PATTERN, "
			 "got '%s'",
			 wrong[i]);
		assert_int_equal(parse(line), -EINVAL);
		assert_string_equal(err.text, want);
	}
	assert_int_equal(parse("route"), -EINVAL);
	assert_string_equal(err.text, "f:1: route: expected PATTERN NEXTHOP "
				      "[option=value...], got nothing");
}

static void test_limits(void **state)
{
	static char text[4000];
	int n = 0;

	(void)state;
	for (int i = 0; i < CONFIG_ROUTES - 1; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n,
			      "route r%d.org discard\n", i);
	good(text);
	assert_int_equal(c.nroutes, CONFIG_ROUTES - 1);
	n += snprintf(text + n, sizeof(text) - (size_t)n,
		      "smarthost discard\n");
	good(text);
	assert_int_equal(c.nroutes, CONFIG_ROUTES);
	snprintf(text + n, sizeof(text) - (size_t)n, "route z.org discard\n");
	assert_int_equal(parse(text), -EINVAL);
	assert_string_equal(err.text,
			    "f:8: smarthost: more than 8 patterns in all");
	n = 0;
	for (int i = 0; i < CONFIG_HOPS; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n,
			      "route a.org discard\n");
	good(text);
	assert_int_equal(c.nhops, CONFIG_HOPS);
	snprintf(text + n, sizeof(text) - (size_t)n, "route a.org discard\n");
	assert_int_equal(parse(text), -EINVAL);
	assert_string_equal(err.text,
			    "f:17: route: more than 16 next hops in all");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nexthop),
		cmocka_unit_test(test_bad_nexthop),
		cmocka_unit_test(test_not_built),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_security),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_routes_beyond_ascii),
		cmocka_unit_test(test_any),
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
