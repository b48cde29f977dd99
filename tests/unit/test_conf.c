/* SPDX-License-Identifier: ISC */
/* Every key of the configuration: what it takes, what it says when not. */
#include "conf/conf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

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
	assert_string_equal(err.text, "");
}

static void bad(const char *text, const char *words)
{
	assert_int_equal(parse(text), -EINVAL);
	assert_string_equal(err.text, words);
}

static void is(struct slice s, const char *text)
{
	assert_int_equal(s.n, strlen(text));
	assert_memory_equal(s.p, text, s.n);
	/* Each value has its NUL. */
	assert_int_equal(s.p[s.n], '\0');
}

static void test_defaults(void **state)
{
	(void)state;
	good("");
	is(c.socket, CONFIG_SOCKET_PATH);
	is(c.control, CONFIG_CONTROL_PATH);
	is(c.spool, CONFIG_SPOOL_PATH);
	is(c.state, "/var/lib/mailmote");
	is(c.ca, CONFIG_CA_PATH);
	is(c.user, CONFIG_USER);
	assert_true(c.user_default);
	assert_int_equal(c.spool_size, CONFIG_SPOOL_SIZE_KB * 1024);
	assert_int_equal(c.max_message, c.spool_size / 4);
	assert_int_equal(c.commit_smtp_ms, 4000);
	assert_int_equal(c.commit_local_ms, 15000);
	assert_int_equal(c.retry_min_s, 60);
	assert_int_equal(c.retry_max_s, 3600);
	assert_int_equal(c.splay_s, 60);
	assert_int_equal(c.lifetime_s, 432000);
	assert_int_equal(c.alarm_s, 3600);
	assert_int_equal(c.clock, CONF_CLOCK_WAIT);
	assert_int_equal(c.log, CONF_LOG_AUTO);
	assert_int_equal(c.log_level, LOG_INFO);
	assert_int_equal(c.nlisten, 2);
	is(c.listen[0].host, "127.0.0.1");
	is(c.listen[1].host, "::1");
	assert_int_equal(c.listen[1].port, 25);
	assert_true(c.listen[0].is_default);
	assert_int_equal(c.nallow, 2);
	assert_int_equal(c.nroutes, 0);
	assert_int_equal(c.hostname.n + c.domain.n + c.from.n, 0);
	struct conf d;
	conf_defaults(&d);
	assert_int_equal(d.max_message, c.max_message);
}

static void test_lines(void **state)
{
	(void)state;
	good("# a comment\n\n  \t\r\nhostname a.example.org # behind\r\n");
	is(c.hostname, "a.example.org");
	good("domain \"example.org\"");
	is(c.domain, "example.org");
	bad("\nhostnam a", "f:2: expected a key (the nearest is hostname), "
			   "got 'hostnam'");
	bad("hostname a\nhostname b",
	    "f:2: hostname: a second value, the first is in line 1");
	bad("hostname", "f:1: hostname: expected a host name, got nothing");
	bad("hostname \"\"",
	    "f:1: hostname: expected a host name, got nothing");
	bad("hostname a b", "f:1: hostname: expected a host name, got 'b'");
	bad("hostname \"a", "f:1: hostname: a closing quote is missing");
	bad("hostname a\"b\"", "f:1: hostname: quotes stand around a whole "
			       "word: \"option=a b\"");
	bad("hostname \"a\"b", "f:1: hostname: quotes stand around a whole "
			       "word: \"option=a b\"");
	bad("hostname a\x01", "f:1: hostname: a control byte is in the line");
	bad("\xc3\xa4 'x", "f:1: expected a key (the nearest is ca), "
			   "got '\\xc3\\xa4'");
	/* A NUL is a byte like others. */
	assert_int_equal(conf_parse(&c, slice_of("log\0x", 5), "f", &err),
			 -EINVAL);
	assert_string_equal(err.text, "f:1: a control byte is in the line");
	bad("hostname 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaa",
	    "f:1: hostname: expected a host name, got '\\x27aaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'...");
}

static void test_nearest(void **state)
{
	static const char *const pairs[][2] = {
		{ "smarhost", "smarthost" }, { "max-mesage", "max-message" },
		{ "rout", "route" },         { "commitafter", "commit-after" },
		{ "Listen", "listen" },      { "hostnames", "hostname" },
	};
	char want[100];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		snprintf(want, sizeof(want),
			 "f:1: expected a key (the nearest is %s), got '%s'",
			 pairs[i][1], pairs[i][0]);
		bad(pairs[i][0], want);
	}
	/* A key of any length is compared by its beginning. */
	char line[300];
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	assert_int_equal(parse(line), -EINVAL);
	assert_non_null(strstr(err.text, "the nearest is "));
}

static void test_simple(void **state)
{
	(void)state;
	good("from a@b.example\nuser box\nstate /s\nca /c\nsocket /x\n"
	     "control /y\nclock floor");
	is(c.from, "a@b.example");
	is(c.user, "box");
	assert_false(c.user_default);
	is(c.state, "/s");
	is(c.ca, "/c");
	is(c.socket, "/x");
	is(c.control, "/y");
	assert_int_equal(c.clock, CONF_CLOCK_FLOOR);
	bad("from root", "f:1: from: expected an address, user@domain, "
			 "got 'root'");
	bad("domain [192.0.2.1]", "f:1: domain: expected a domain, "
				  "got '[192.0.2.1]'");
	bad("socket x", "f:1: socket: expected an absolute path, 107 bytes "
			"at most, got 'x'");
	bad("clock now", "f:1: clock: expected wait or floor, got 'now'");
}

static void test_log(void **state)
{
	static const char *const levels[] = { "error", "warning", "info",
					      "debug" };
	char text[40];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(levels); i++) {
		snprintf(text, sizeof(text), "log %s stderr", levels[i]);
		good(text);
		assert_int_equal(c.log, CONF_LOG_STDERR);
		assert_int_equal(c.log_level, i);
	}
	good("log syslog");
	assert_int_equal(c.log, CONF_LOG_SYSLOG);
	assert_int_equal(c.log_level, LOG_INFO);
	bad("log file", "f:1: log: expected syslog or stderr, and error, "
			"warning, info or debug, got 'file'");
}

static void test_times(void **state)
{
	(void)state;
	good("commit-after 0");
	assert_int_equal(c.commit_smtp_ms, 0);
	assert_int_equal(c.commit_local_ms, 0);
	good("commit-after 10m");
	assert_int_equal(c.commit_local_ms, 600000);
	bad("commit-after 601s", "f:1: commit-after: expected a time from 0 "
				 "to 10m, got '601s'");
	good("retry 1s 7d");
	assert_int_equal(c.retry_max_s, 604800);
	good("retry 5 5");
	bad("retry 0 1m", "f:1: retry: expected MIN MAX, times from 1s to 7d, "
			  "got '0'");
	bad("retry 1m", "f:1: retry: expected MIN MAX, times from 1s to 7d, "
			"got nothing");
	bad("retry 2m 1m", "f:1: retry: MIN 120s is longer than MAX 60s");
	bad("retry 1m 169h", "f:1: retry: expected MIN MAX, times from 1s to "
			     "7d, got '169h'");
	good("splay 1d\nlifetime 365d\nalarm 1s");
	assert_int_equal(c.splay_s, 86400);
	assert_int_equal(c.lifetime_s, 31536000);
	assert_int_equal(c.alarm_s, 1);
	bad("splay 25h", "f:1: splay: expected a time from 0 to 1d, got '25h'");
	bad("lifetime 0s", "f:1: lifetime: expected a time from 1s to 365d, "
			   "got '0s'");
	bad("alarm 4294967296", "f:1: alarm: expected a time from 1s to 365d, "
				"got '4294967296'");
	bad("alarm 1w", "f:1: alarm: expected a time from 1s to 365d, "
			"got '1w'");
	bad("alarm m", "f:1: alarm: expected a time from 1s to 365d, got 'm'");
	bad("alarm 1193046h1", "f:1: alarm: expected a time from 1s to 365d, "
			       "got '1193046h1'");
}

static void test_spool(void **state)
{
	(void)state;
	good("spool /a/b/c size=64K");
	is(c.spool, "/a/b/c");
	is(c.state, "/a/b");
	assert_int_equal(c.spool_size, 65536);
	assert_int_equal(c.max_message, 16384);
	good("spool /dev/mmcblk0p3 size=64M");
	is(c.state, "/var/lib/mailmote");
	assert_int_equal(c.spool_size, 67108864);
	good("spool /x size=69632");
	assert_int_equal(c.spool_size, 69632);
	is(c.state, "/");
	good("spool /x size=69631");
	assert_int_equal(c.spool_size, 65536);
	bad("spool /x size=65535",
	    "f:1: spool: expected PATH [size=N], N from 64K to the limit of "
	    "this program, got 'size=65535'");
	bad("spool /x size=67108865",
	    "f:1: spool: expected PATH [size=N], N from 64K to the limit of "
	    "this program, got 'size=67108865'");
	bad("spool /x 1M", "f:1: spool: expected PATH [size=N], N from 64K to "
			   "the limit of this program, got '1M'");
	good("max-message 32K\nspool /x size=64K");
	assert_int_equal(c.max_message, 32768);
	bad("max-message 32769\nspool /x size=64K",
	    "f:1: max-message: 32769 bytes are more than half of the spool, "
	    "32768");
	good("max-message 1K");
	bad("max-message 1023", "f:1: max-message: expected bytes, such as "
				"256K, from 1K, got '1023'");
	bad("max-message 9999999999999M",
	    "f:1: max-message: expected bytes, such as 256K, from 1K, "
	    "got '9999999999999M'");
}

static void test_listen(void **state)
{
	(void)state;
	good("listen 192.0.2.1:2525\nlisten [2001:db8::1]:25");
	assert_int_equal(c.nlisten, 2);
	is(c.listen[0].host, "192.0.2.1");
	assert_int_equal(c.listen[0].port, 2525);
	assert_false(c.listen[0].is_default);
	is(c.listen[1].host, "2001:db8::1");
	good("listen none");
	assert_true(c.listen_none);
	assert_int_equal(c.nlisten, 0);
	bad("listen none\nlisten 127.0.0.1:25",
	    "f:2: listen: none stands alone");
	bad("listen 127.0.0.1:25\nlisten none",
	    "f:2: listen: none stands alone");
	bad("listen 127.0.0.1", "f:1: listen: expected ADDRESS:PORT or none, "
				"got '127.0.0.1'");
	bad("listen localhost:25", "f:1: listen: expected ADDRESS:PORT or "
				   "none, got 'localhost:25'");
	bad("listen 127.0.0.1:0", "f:1: listen: expected ADDRESS:PORT or none, "
				  "got '127.0.0.1:0'");
	bad("listen 127.0.0.1:65536", "f:1: listen: expected ADDRESS:PORT or "
				      "none, got '127.0.0.1:65536'");
	bad("listen 127.0.0.1:25 cert=/a key=/b",
	    "f:1: listen: cert= key= is not built into this program "
	    "(CONFIG_LISTENER_TLS)");
	bad("listen 127.0.0.1:25 x", "f:1: listen: expected ADDRESS:PORT or "
				     "none, got 'x'");
	char text[1000] = "";
	for (int i = 0; i < CONF_MAX_LISTEN; i++)
		strcat(text, "listen 127.0.0.1:25\n");
	good(text);
	strcat(text, "listen 127.0.0.1:25\n");
	bad(text, "f:9: listen: more than 8 addresses");
}

static bool allows(const char *v4, const char *v6)
{
	uint8_t ip[16] = { [10] = 0xff, [11] = 0xff };
	unsigned a[8];

	if (v4 && sscanf(v4, "%u.%u.%u.%u", &a[0], &a[1], &a[2], &a[3]) == 4) {
		for (int i = 0; i < 4; i++)
			ip[12 + i] = (uint8_t)a[i];
	} else if (v6 &&
		   sscanf(v6, "%x:%x:%x:%x:%x:%x:%x:%x", &a[0], &a[1], &a[2],
			  &a[3], &a[4], &a[5], &a[6], &a[7]) == 8) {
		for (int i = 0; i < 8; i++) {
			ip[2 * i] = (uint8_t)(a[i] >> 8);
			ip[2 * i + 1] = (uint8_t)a[i];
		}
	}
	return conf_allows(&c, ip);
}

static void test_allow(void **state)
{
	(void)state;
	good("");
	assert_true(allows("127.0.0.1", NULL));
	assert_true(allows("127.255.0.1", NULL));
	assert_true(allows(NULL, "0:0:0:0:0:0:0:1"));
	assert_false(allows("128.0.0.1", NULL));
	assert_false(allows(NULL, "0:0:0:0:0:0:0:2"));
	good("allow 192.168.4.0/22\nallow 2001:db8:1::/47\nallow 10.1.1.1");
	assert_true(allows("192.168.7.255", NULL));
	assert_false(allows("192.168.8.0", NULL));
	assert_false(allows("192.168.3.255", NULL));
	assert_true(allows("10.1.1.1", NULL));
	assert_false(allows("10.1.1.0", NULL));
	assert_true(allows(NULL, "2001:db8:0:ffff:0:0:0:1"));
	assert_true(allows(NULL, "2001:db8:1:ffff:0:0:0:1"));
	assert_false(allows(NULL, "2001:db8:2:0:0:0:0:1"));
	assert_false(allows("127.0.0.1", NULL));
	good("allow 0.0.0.0/0");
	assert_true(allows("8.8.8.8", NULL));
	assert_false(allows(NULL, "0:0:0:0:0:0:0:1"));
	good("allow ::/0");
	assert_true(allows("8.8.8.8", NULL));
	bad("allow 10.0.0.0/33", "f:1: allow: expected a network, such as "
				 "192.168.1.0/24, got '10.0.0.0/33'");
	bad("allow ::1/129", "f:1: allow: expected a network, such as "
			     "192.168.1.0/24, got '::1/129'");
	bad("allow 10.0.0.0/", "f:1: allow: expected a network, such as "
			       "192.168.1.0/24, got '10.0.0.0/'");
	bad("allow lan", "f:1: allow: expected a network, such as "
			 "192.168.1.0/24, got 'lan'");
	char text[1000] = "";
	for (int i = 0; i < CONF_MAX_ALLOW; i++)
		strcat(text, "allow 10.0.0.0/8\n");
	good(text);
	strcat(text, "allow ::1\n");
	bad(text, "f:9: allow: more than 8 networks");
}

/* All values together may fill the pool, and not a byte more. */
static void test_pool(void **state)
{
	static char text[CONF_TEXT + 100];
	unsigned n = 0;

	(void)state;
	strcpy(text, "user ");
	memset(text + 5, 'u', CONF_TEXT);
	/* Of the pool the state folder takes a part as well. */
	for (n = CONF_TEXT; n > 0; n--) {
		text[5 + n] = '\0';
		if (parse(text) == 0)
			break;
		assert_non_null(strstr(err.text, "the values of this file "
						 "have more than 6144 bytes"));
	}
	assert_int_equal(n + 1 + strlen("/var/lib/mailmote") + 1, CONF_TEXT);
	assert_int_equal(c.user.n, n);
	assert_int_equal(c.used, CONF_TEXT);
}

static void test_keys(void **state)
{
	unsigned n = 0;

	(void)state;
	for (; conf_key(n); n++) {
		const struct conf_key_info *key = conf_key(n);

		assert_true(strlen(key->name) > 0);
		assert_true(strlen(key->allowed) > 0);
	}
	assert_int_equal(n, 22);
}

static void write_file(const char *path, const char *text, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
}

static void test_read(void **state)
{
	static char space[CONF_MAX_FILE];
	static char text[CONF_MAX_FILE + 1];
	char path[] = "/tmp/test_conf.XXXXXX";
	char want[200];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	write_file(path, "domain a.org\n", 13);
	assert_int_equal(conf_read(&c, path, false, space, &err), 0);
	is(c.domain, "a.org");
	write_file(path, "domain\n", 7);
	assert_int_equal(conf_read(&c, path, false, space, &err), -EINVAL);
	snprintf(want, sizeof(want),
		 "%s:1: domain: expected a domain, got nothing", path);
	assert_string_equal(err.text, want);
	memset(text, '\n', sizeof(text));
	write_file(path, text, CONF_MAX_FILE);
	assert_int_equal(conf_read(&c, path, false, space, &err), 0);
	write_file(path, text, CONF_MAX_FILE + 1);
	assert_int_equal(conf_read(&c, path, false, space, &err), -EMSGSIZE);
	snprintf(want, sizeof(want), "%s: the file is larger than 32 KiB",
		 path);
	assert_string_equal(err.text, want);
	unlink(path);
	assert_int_equal(conf_read(&c, path, true, space, &err), 0);
	assert_int_equal(conf_read(&c, path, false, space, &err), -ENOENT);
	snprintf(want, sizeof(want), "%s: there is no such file", path);
	assert_string_equal(err.text, want);
	assert_true(conf_read(&c, "/", false, space, &err) < 0);
	assert_string_equal(err.text, "/: it is no regular file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_lines),
		cmocka_unit_test(test_nearest),  cmocka_unit_test(test_simple),
		cmocka_unit_test(test_log),      cmocka_unit_test(test_times),
		cmocka_unit_test(test_spool),    cmocka_unit_test(test_listen),
		cmocka_unit_test(test_allow),    cmocka_unit_test(test_pool),
		cmocka_unit_test(test_keys),     cmocka_unit_test(test_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
