/* SPDX-License-Identifier: ISC */
/* Addresses: every form read and written (RFC 4291 2.2, 5952, 5321 4.1.3). */
#include "lib/check.h"

#include <errno.h>

#include "net/addr.h"

static void expect(const char *in, const char *out, const char *literal)
{
	char space[64];
	struct buf b = BUF_ON(space);
	struct net_addr a;

	assert_int_equal(net_addr_parse(slice_str(in), 25, &a), 0);
	assert_int_equal(a.port, 25);
	net_addr_put(&b, &a);
	assert_false(b.overflow);
	assert_string_equal(buf_cstr(&b), out);
	assert_true(b.len < NET_ADDR_TEXT);
	buf_reset(&b);
	net_addr_put_literal(&b, &a);
	assert_string_equal(buf_cstr(&b), literal);

	/* what is written can be read */
	struct net_addr again;

	assert_int_equal(net_addr_parse(buf_slice(&b), 25, &again), 0);
	assert_memory_equal(a.ip, again.ip, sizeof(a.ip));
}

static void reads_and_writes(void **state)
{
	(void)state;
	expect("192.0.2.1", "192.0.2.1", "[192.0.2.1]");
	expect("[255.0.10.0]", "255.0.10.0", "[255.0.10.0]");
	expect("::ffff:192.0.2.1", "192.0.2.1", "[192.0.2.1]");
	expect("2001:DB8::1", "2001:db8::1", "[IPv6:2001:db8::1]");
	expect("[2001:db8::1]", "2001:db8::1", "[IPv6:2001:db8::1]");
	expect("[IPv6:::1]", "::1", "[IPv6:::1]");
	expect("[ipv6:fe80::2]", "fe80::2", "[IPv6:fe80::2]");
	expect("::", "::", "[IPv6:::]");
	expect("1::", "1::", "[IPv6:1::]");
	/* RFC 5952 4.2.2: one group is not shortened; 4.2.3: the first run */
	expect("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8", "[IPv6:1:0:3:4:5:6:7:8]");
	expect("1:0:0:2:0:0:0:3", "1:0:0:2::3", "[IPv6:1:0:0:2::3]");
	expect("1:0:0:2:3:0:0:4", "1::2:3:0:0:4", "[IPv6:1::2:3:0:0:4]");
	expect("1:2:3:4:5:6:0:0", "1:2:3:4:5:6::", "[IPv6:1:2:3:4:5:6::]");
	expect("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	       "[IPv6:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]");
}

static void refuses(void **state)
{
	static const char *const bad[] = {
		"",
		".",
		"1",
		"1.2.3",
		"1.2.3.",
		"1.2.3.4.",
		"1.2.3.4.5",
		"1.2.3.256",
		"01.2.3.4",
		"1.2.3.04",
		" 1.2.3.4",
		"1..3.4",
		"1.2.3.4x",
		"-1.2.3.4",
		"+1.2.3.4",
		"0x1.2.3.4",
		":",
		":::",
		"1:2",
		"::1::",
		"12345::",
		"g::",
		"[]",
		"[::1",
		"::1]",
		"[::1]]",
		"[[::1]]",
		"2001:db8::1%lo",
		"fe80::1%",
		"fe80::1%0",
		"fe80::1%no-such-interface0",
		"192.0.2.1%lo",
		"IPv6:::1",
		"[IPv6:]",
		"[192.0.2.1]:25",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb"
	};
	struct net_addr a = { .port = 7 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(net_addr_parse(slice_str(bad[i]), 1, &a),
				 -EINVAL);
	assert_int_equal(net_addr_parse(slice_of("::1\0x", 5), 1, &a), -EINVAL);
	/* nothing is written on failure */
	assert_int_equal(a.port, 7);
}

static void reads_a_zone(void **state)
{
	struct net_addr a;

	(void)state;
	assert_int_equal(net_addr_parse(SLICE("fe80::1%7"), 53, &a), 0);
	assert_int_equal(a.scope, 7);
	assert_int_equal(net_addr_parse(SLICE("fe80::1%lo"), 53, &a), 0);
	assert_int_equal(a.scope, 1);
	assert_int_equal(net_addr_parse(SLICE("fe80::1"), 53, &a), 0);
	assert_int_equal(a.scope, 0);
}

static bool loopback(const char *text)
{
	struct net_addr a;

	assert_int_equal(net_addr_parse(slice_str(text), 0, &a), 0);
	return net_addr_is_loopback(&a);
}

static void knows_loopback(void **state)
{
	(void)state;
	assert_true(loopback("127.0.0.1"));
	assert_true(loopback("127.255.0.1"));
	assert_true(loopback("::1"));
	assert_true(loopback("::ffff:127.0.0.1"));
	assert_false(loopback("128.0.0.1"));
	assert_false(loopback("::2"));
	assert_false(loopback("::"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_writes),
		cmocka_unit_test(refuses),
		cmocka_unit_test(reads_a_zone),
		cmocka_unit_test(knows_loopback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
