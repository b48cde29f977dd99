/* SPDX-License-Identifier: ISC */
/* hosts(5), resolv.conf(5), and what is answered without asking anybody. */
#include "lib/check.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/world.h"
#include "net/resolve_conf.h"
#include "net/resolve_hosts.h"
#include "net/resolve_local.h"
#include "net/resolve_words.h"

static char path[] = "/tmp/test_resolve_XXXXXX";

static void put_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int make_file(void **state)
{
	(void)state;
	int fd = mkstemp(path);

	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

/* The addresses of name, as text with spaces between. */
static void expect_hosts(const char *name, const char *want)
{
	struct net_addr a[8];
	char space[512];
	struct buf b = BUF_ON(space);
	size_t n = resolve_hosts(path, slice_str(name), 25, a, 8);

	for (size_t i = 0; i < n; i++) {
		assert_int_equal(a[i].port, 25);
		if (i > 0)
			buf_put_char(&b, ' ');
		net_addr_put(&b, &a[i]);
	}
	assert_string_equal(buf_cstr(&b), want);
}

static void hosts(void **state)
{
	(void)state;
	put_file("# a comment with 192.0.2.7 mail\n"
		 "127.0.0.1\tlocalhost\n"
		 "\n"
		 "  192.0.2.1  mail.example.org mail # relay\n"
		 "2001:db8::1 MAIL\r\n"
		 "not-an-address mail\n"
		 "192.0.2.300 mail\n"
		 "192.0.2.3 one mail mail two#mail\n"
		 "192.0.2.4\n"
		 "mail\n"
		 "#192.0.2.5 mail\n"
		 "192.0.2.6 last");
	expect_hosts("mail", "192.0.2.1 2001:db8::1 192.0.2.3");
	expect_hosts("Mail", "192.0.2.1 2001:db8::1 192.0.2.3");
	expect_hosts("mail.EXAMPLE.org", "192.0.2.1");
	expect_hosts("two", "192.0.2.3");
	expect_hosts("last", "192.0.2.6");
	expect_hosts("relay", "");
	expect_hosts("example.org", "");
	expect_hosts("192.0.2.1", "");
	put_file("");
	expect_hosts("mail", "");
	struct net_addr a;
	assert_int_equal(
		resolve_hosts("/nonexistent/hosts", SLICE("mail"), 1, &a, 1),
		0);
	assert_int_equal(resolve_hosts("/", SLICE("mail"), 1, &a, 1), 0);
}

/* A file and a line far larger than any buffer; words at the limit. */
static void long_hosts(void **state)
{
	FILE *f = fopen(path, "w");
	char word[RESOLVE_MAX_WORD + 1];

	(void)state;
	assert_non_null(f);
	for (int i = 0; i < 20000; i++)
		fprintf(f, "0.0.0.0 ad%d.example\n", i);
	fputs("192.0.2.1", f);
	for (int i = 0; i < 5000; i++)
		fprintf(f, " alias%d", i);
	fputs("\n192.0.2.2 ", f);
	for (size_t i = 0; i < sizeof(word) - 1; i++)
		word[i] = 'x';
	word[sizeof(word) - 1] = '\0';
	fprintf(f, "%sx %s\n", word, word);
	fputs("192.0.2.3 end", f);
	assert_int_equal(fclose(f), 0);
	expect_hosts("alias4999", "192.0.2.1");
	expect_hosts("ad19999.example", "0.0.0.0");
	expect_hosts(word, "192.0.2.2");
	expect_hosts("end", "192.0.2.3");
	expect_hosts("", "");
}

/* The configuration as text: servers, timeout, attempts. */
static void expect_conf(const char *text, const char *want)
{
	struct resolve_conf c;
	char space[512];
	struct buf b = BUF_ON(space);

	if (text)
		put_file(text);
	resolve_conf_read(&c, text ? path : "/nonexistent/resolv.conf", 53);
	for (int i = 0; i < c.n; i++) {
		assert_int_equal(c.server[i].port, 53);
		net_addr_put(&b, &c.server[i]);
		if (c.server[i].scope)
			buf_putf(&b, "%%%u", (unsigned)c.server[i].scope);
		buf_put_char(&b, ' ');
	}
	buf_putf(&b, "%u %u", c.timeout_s, c.attempts);
	assert_string_equal(buf_cstr(&b), want);
}

static void conf(void **state)
{
	(void)state;
	expect_conf(NULL, "127.0.0.1 3 2");
	expect_conf("", "127.0.0.1 3 2");
	expect_conf("search example.org\nnameserver 192.0.2.1\n",
		    "192.0.2.1 3 2");
	expect_conf("; generated\n# by hand\nnameserver fe80::1%lo\n"
		    "nameserver 2001:db8::53 # comment\n"
		    "nameserver  192.0.2.2 192.0.2.3\n"
		    "nameserver rubbish\nnameserver\nNAMESERVER 192.0.2.4\n"
		    "#nameserver 192.0.2.5\n"
		    "nameserver 192.0.2.6",
		    "fe80::1%1 2001:db8::53 192.0.2.2 192.0.2.6 3 2");
	expect_conf("nameserver 192.0.2.1\noptions timeout:1 rotate attempts:3",
		    "192.0.2.1 1 3");
	expect_conf("options timeout:0 attempts:0\n", "127.0.0.1 1 1");
	expect_conf("options timeout:10 attempts:4\n", "127.0.0.1 10 4");
	expect_conf("options timeout:11 attempts:5\n", "127.0.0.1 10 4");
	expect_conf("options timeout:4294967295 attempts:x timeout\n",
		    "127.0.0.1 10 2");
	expect_conf("nameserver 192.0.2.1\nnameserver 192.0.2.2\n"
		    "nameserver 192.0.2.3\nnameserver 192.0.2.4\n"
		    "nameserver 192.0.2.5\nnameserver 192.0.2.6\n"
		    "nameserver 192.0.2.7\n",
		    "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 "
		    "192.0.2.6 3 2");
}

static int local(struct resolve_result *r, const char *host)
{
	const struct resolve_paths paths = { .hosts = path };
	struct slice name = slice_str(host);

	return resolve_local(r, &world_real, &paths, &name, 587);
}

static void locally(void **state)
{
	struct resolve_result r;

	(void)state;
	put_file("192.0.2.1 mail.example.org\n");
	assert_int_equal(local(&r, "[2001:db8::1]"), 0);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.addr[0].port, 587);
	assert_int_equal(local(&r, "192.0.2.9"), 0);
	assert_int_equal(r.n, 1);
	assert_int_equal(local(&r, "mail.example.org."), 0);
	assert_int_equal(r.n, 1);
	assert_int_equal(local(&r, "other.example.org"), -ENOENT);
	assert_int_equal(r.n, 0);
	/* RFC 6761 6.3 */
	assert_int_equal(local(&r, "LocalHost"), 0);
	assert_int_equal(r.n, 2);
	assert_true(net_addr_is_loopback(&r.addr[0]));
	assert_true(net_addr_is_loopback(&r.addr[1]));
	assert_int_equal(local(&r, "a.localhost."), 0);
	put_file("127.0.0.9 localhost\n");
	assert_int_equal(local(&r, "localhost"), 0);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.addr[0].ip[15], 9);
}

static void no_host_names(void **state)
{
	static const char *const bad[] = { "",
					   ".",
					   "..",
					   "a..b",
					   ".a",
					   "a b",
					   "-a.example",
					   "a-.example",
					   "a_/b",
					   "192.0.2.300",
					   "192.0.2",
					   "1",
					   "a.1",
					   "m\xc3\xbc.example",
					   "a.example..",
					   "[a.example]" };
	char name[256];
	struct resolve_result r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(local(&r, bad[i]), -EINVAL);
	assert_int_equal(local(&r, "_a.x-1.1a"), -ENOENT);
	memset(name, 'a', sizeof(name));
	for (size_t i = 50; i < sizeof(name); i += 50)
		name[i] = '.';
	name[253] = '\0';
	assert_int_equal(local(&r, name), -ENOENT);
	name[253] = 'a';
	name[254] = '\0';
	assert_int_equal(local(&r, name), -EINVAL);
}

/* Families take turns, IPv6 first; within one the order is random. */
static void merges(void **state)
{
	struct net_addr v6[3], v4[8];
	struct resolve_result r;
	bool seen[3] = { false };

	(void)state;
	for (int round = 0; round < 100; round++) {
		memset(v6, 0, sizeof(v6));
		memset(v4, 0, sizeof(v4));
		for (int i = 0; i < 8; i++) {
			assert_int_equal(
				net_addr_parse(SLICE("192.0.2.1"), 1, &v4[i]),
				0);
			v4[i].ip[15] = (uint8_t)i;
			if (i < 3)
				v6[i].ip[15] = (uint8_t)i;
		}
		resolve_local_merge(&r, &world_real, v6, 3, v4, 8);
		assert_int_equal(r.n, RESOLVE_MAX);
		for (int i = 0; i < RESOLVE_MAX; i++)
			assert_int_equal(net_addr_is_v4(&r.addr[i]),
					 i >= 6 || i % 2 == 1);
		seen[r.addr[0].ip[15]] = true;
	}
	assert_true(seen[0] && seen[1] && seen[2]);
	resolve_local_merge(&r, &world_real, v6, 0, v4, 0);
	assert_int_equal(r.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts),         cmocka_unit_test(long_hosts),
		cmocka_unit_test(conf),          cmocka_unit_test(locally),
		cmocka_unit_test(no_host_names), cmocka_unit_test(merges),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
