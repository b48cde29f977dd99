/* SPDX-License-Identifier: ISC */
/* mail/address: good and bad mailboxes and paths, every limit. */
#include <errno.h>

#include "lib/check.h"
#include "mail/address.h"

static const struct address untouched = { .whole = LIT("untouched") };

/* A text of n bytes of c. */
static const char *run_of(char c, size_t n)
{
	static char space[2][512];
	static unsigned which;
	char *text = space[which++ % 2];

	memset(text, c, n);
	text[n] = '\0';
	return text;
}

static void takes_good_mailboxes(void **state)
{
	static const char *const rows[][3] = {
		{ "a@b", "a", "b" },
		{ "root", "root", "" },
		{ "postmaster", "postmaster", "" },
		{ "John.Doe+tag@Example.ORG", "John.Doe+tag", "Example.ORG" },
		{ "!#$%&'*+-/=?^_`{|}~@x.org", "!#$%&'*+-/=?^_`{|}~", "x.org" },
		{ "a@x-y.org", "a", "x-y.org" },
		{ "a@my_host", "a", "my_host" },
		{ "a@_dmarc.x", "a", "_dmarc.x" },
		{ "a@1.2", "a", "1.2" },
		{ "1@2", "1", "2" },
		{ "\"a b\"@c", "\"a b\"", "c" },
		{ "\"a@b\"@c", "\"a@b\"", "c" },
		{ "\"\"@c", "\"\"", "c" },
		{ "\"\\\"\\\\\"@c", "\"\\\"\\\\\"", "c" },
		{ "\"a>b\"", "\"a>b\"", "" },
		{ "a@[192.0.2.1]", "a", "[192.0.2.1]" },
		{ "a@[IPv6:::1]", "a", "[IPv6:::1]" },
		{ "a@[ipv6:2001:DB8::1]", "a", "[ipv6:2001:DB8::1]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct address a = untouched;

		assert_int_equal(address_parse(slice_str(rows[i][0]), &a), 0);
		assert_slice(a.whole, slice_str(rows[i][0]));
		assert_slice(a.local, slice_str(rows[i][1]));
		assert_slice(a.domain, slice_str(rows[i][2]));
	}
}

static void refuses_bad_mailboxes(void **state)
{
	static const struct slice rows[] = {
		LIT(""),
		LIT("@"),
		LIT("@b"),
		LIT("a@"),
		LIT("a@b@c"),
		LIT(".a@b"),
		LIT("a.@b"),
		LIT("a..b@c"),
		LIT("a b@c"),
		LIT("a @b"),
		LIT("a@ b"),
		LIT("a@b "),
		LIT(" a@b"),
		LIT("<a@b>"),
		LIT("a@b>"),
		LIT("a@.b"),
		LIT("a@b."),
		LIT("a@b..c"),
		LIT("a@-b"),
		LIT("a@b-"),
		LIT("a@-"),
		LIT("a@b-.c"),
		LIT("a@b!c"),
		LIT("a,b@c"),
		LIT("a(x)@b"),
		LIT("\"a@b"),
		LIT("\"a\"b@c"),
		LIT("a\"b\"@c"),
		LIT("\"a\\\"@c"),
		LIT("\"a\\"),
		LIT("\"a\\\x01\"@c"),
		LIT("\"a\nb\"@c"),
		LIT("\"\xe4\"@c"),
		LIT("a@b\r\nDATA"),
		LIT("a\r@b"),
		LIT("a@b\0c"),
		LIT("a\0b@c"),
		LIT("\xc3\xbc@b"),
		LIT("a@\xc3\xbc"),
		LIT("a\x7f@b"),
		LIT("a@["),
		LIT("a@[]"),
		LIT("a@]"),
		LIT("a@[1.2.3.4"),
		LIT("a@[1.2.3.4]x"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct address a = untouched;

		assert_int_equal(address_parse(rows[i], &a), -EINVAL);
		assert_text(a.whole, "untouched");
	}
}

static void knows_literals(void **state)
{
	static const char *const good[] = {
		"[0.0.0.0]",
		"[255.255.255.255]",
		"[IPv6:::]",
		"[IPv6:1::]",
		"[IPv6:::ffff:1.2.3.4]",
		"[IPv6:1:2:3:4:5:6:7:8]",
		"[IPv6:1:2:3:4:5:6:1.2.3.4]",
		"[IPv6:1::8]",
		"[IPv6:abcd:EF01::]",
		"[IPv6:1:2:3:4:5:6:7::]",
	};
	static const char *const bad[] = {
		"[1.2.3]",
		"[1.2.3.4.5]",
		"[1.2.3.4.]",
		"[.1.2.3]",
		"[1..2.3]",
		"[256.1.1.1]",
		"[0001.1.1.1]",
		"[1.2.3.x]",
		"[ 1.2.3.4]",
		"[IPv6:]",
		"[IPv6:1]",
		"[IPv6:1.2.3.4]",
		"[IPv6::]",
		"[IPv6:1:]",
		"[IPv6::1]",
		"[IPv6::::]",
		"[IPv6:1::2::3]",
		"[IPv6:::1:]",
		"[IPv6:1:2:3:4:5:6:7]",
		"[IPv6:1:2:3:4:5:6:7:8:9]",
		"[IPv6:1:2:3:4:5:6:7:8::]",
		"[IPv6:12345::]",
		"[IPv6:g::]",
		"[IPv6:::1.2.3]",
		"[IPv6:::1.2.3.4:5]",
		"[IPv7:::1]",
		"[x:y]",
		"[1.2.3.4",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(address_is_domain(slice_str(good[i])));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(address_is_domain(slice_str(bad[i])));
	assert_false(address_is_domain(slice_of(NULL, 0)));
}

/* RFC 6531 3.3 */
static void takes_utf8_where_wanted(void **state)
{
	static const char *const rows[][3] = {
		{ "\xc3\xbc@b", "\xc3\xbc", "b" },
		{ "a.\xc3\xbc@b.c", "a.\xc3\xbc", "b.c" },
		{ "a@\xc3\xbc", "a", "\xc3\xbc" },
		{ "a@x-\xc3\xbc.org", "a", "x-\xc3\xbc.org" },
		{ "\"a \xc3\xbc\\\xc3\xbc\"@b", "\"a \xc3\xbc\\\xc3\xbc\"",
		  "b" },
		{ "\xe4\xbe\x8b@\xe4\xbe\x8b.\xf0\x9f\x98\x80", "\xe4\xbe\x8b",
		  "\xe4\xbe\x8b.\xf0\x9f\x98\x80" },
		{ "\xc2\xa0", "\xc2\xa0", "" },
		{ "a@b", "a", "b" },
	};
	struct address a;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct slice in = slice_str(rows[i][0]);
		int want = slice_has_8bit(in) ? -EINVAL : 0;

		assert_int_equal(address_parse(in, &a), want);
		assert_int_equal(address_parse_utf8(in, &a), 0);
		assert_slice(a.whole, in);
		assert_slice(a.local, slice_str(rows[i][1]));
		assert_slice(a.domain, slice_str(rows[i][2]));
	}
	assert_int_equal(address_parse_path(SLICE("<\xc3\xbc@b>"), &a), 6);
	assert_false(address_is_domain(SLICE("\xc3\xbc")));
}

static void refuses_other_bytes(void **state)
{
	static const char *const rows[] = {
		"\xfc@b",                 /* Latin-1 */
		"a@\xfc",                 /* the same */
		"\xc3@b",                 /* cut */
		"a@b\xc3",                /* cut at the end */
		"\"\xc3\"@b",             /* cut in quotes */
		"\xa4@b",                 /* begins inside */
		"\xc0\x80@b",             /* NUL, overlong */
		"\xc1\xa1@b",             /* a, overlong */
		"\xe0\x81\xa1@b",         /* the same */
		"\xed\xa0\x80@b",         /* a surrogate */
		"\xf4\x90\x80\x80@b",     /* past the end */
		"\xf8\x88\x80\x80\x80@b", /* five bytes */
		"\xc2\x9b@b",             /* CSI */
		"a@\xc2\x85.b",           /* NEL */
		"\"\xc2\x80\"@b",         /* a control byte in quotes */
		"\xc3\xbc @b",            /* what else is wrong stays so */
		"\xc3\xbc\n@b",
		"a@-\xc3\xbc",
		"a@\xc3\xbc-",
		"a@\xc3\xbc..b",
		"a@[\xc3\xbc]",
		".\xc3\xbc@b",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct address a = untouched;

		assert_int_equal(address_parse_utf8(slice_str(rows[i]), &a),
				 -EINVAL);
		assert_text(a.whole, "untouched");
	}
}

/* 63 characters a label, octets where there are limits of those. */
static void limits_utf8(void **state)
{
	struct address a;

	(void)state;
	for (size_t n = 31; n <= 64; n++) {
		char space[256];
		struct buf b = BUF_ON(space);

		for (size_t i = 0; i < n; i++)
			buf_put_str(&b, "\xc3\xbc");
		buf_put_str(&b, "@x");
		assert_int_equal(address_parse_utf8(buf_slice(&b), &a),
				 n > 32 ? -EMSGSIZE : 0);
		buf_reset(&b);
		buf_put_str(&b, "x@");
		for (size_t i = 0; i < n; i++)
			buf_put_str(&b, "\xc3\xbc");
		assert_int_equal(address_parse_utf8(buf_slice(&b), &a),
				 n > 63 ? -EINVAL : 0);
	}
}

/* RFC 5321 4.5.3.1.1: 64 octets. */
static void limits_local_parts(void **state)
{
	(void)state;
	for (size_t n = 63; n <= 65; n++) {
		char space[128];
		struct buf b = BUF_ON(space);
		struct address a = untouched;
		int want = n > 64 ? -EMSGSIZE : 0;

		buf_putf(&b, "%s@x.org", run_of('a', n));
		assert_int_equal(address_parse(buf_slice(&b), &a), want);
		buf_reset(&b);
		buf_putf(&b, "\"%s\"@x.org", run_of('a', n - 2));
		assert_int_equal(address_parse(buf_slice(&b), &a), want);
		assert_int_equal(address_parse(slice_str(run_of('a', n)), &a),
				 want);
	}
}

/* RFC 1035 2.3.4: 63 octets. */
static void limits_labels(void **state)
{
	(void)state;
	for (size_t n = 62; n <= 64; n++) {
		char space[128];
		struct buf b = BUF_ON(space);

		buf_putf(&b, "x.%s.org", run_of('a', n));
		assert_int_equal(address_is_domain(buf_slice(&b)), n < 64);
	}
}

/* A domain of n bytes in labels of 31. */
static struct slice domain_of(size_t n)
{
	static char space[512];

	memset(space, 'd', sizeof(space));
	for (size_t i = 31; i < n - 1; i += 32)
		space[i] = '.';
	return slice_of(space, n);
}

/* RFC 5321 4.5.3.1.2 and 4.5.3.1.3: 255 octets, and 256 with "<" and ">". */
static void limits_domains_and_paths(void **state)
{
	struct address a = untouched;

	(void)state;
	for (size_t n = 254; n <= 256; n++)
		assert_int_equal(address_is_domain(domain_of(n)), n < 256);
	for (size_t n = 253; n <= 257; n++) {
		char space[512];
		struct buf b = BUF_ON(space);
		int want = n > 254 ? -EMSGSIZE : 0;

		buf_putf(&b, "<%s@", run_of('l', 9));
		buf_put_slice(&b, domain_of(n - 10));
		buf_put_char(&b, '>');
		assert_int_equal(b.len, n + 2);
		assert_int_equal(address_parse_path(buf_slice(&b), &a),
				 want ? want : (int)n + 2);
		struct slice bare = slice_of(space + 1, n);
		assert_int_equal(address_parse(bare, &a), want);
	}
	/* far beyond, and not even well-formed: too long all the same */
	char space[512] = "a@";
	assert_int_equal(address_parse(slice_of(space, sizeof(space)), &a),
			 -EMSGSIZE);
}

static void takes_good_paths(void **state)
{
	static const struct {
		const char *in;
		int used;
		const char *whole;
	} rows[] = {
		{ "<>", 2, "" },
		{ "<> SIZE=1", 2, "" },
		{ "<a@b>", 5, "a@b" },
		{ "<a@b> BODY=8BITMIME", 5, "a@b" },
		{ "<a@b>x", 5, "a@b" },
		{ "<postmaster>", 12, "postmaster" },
		{ "<\"a>b c\"@d> X", 11, "\"a>b c\"@d" },
		{ "<@r:a@b>", 8, "a@b" },
		{ "<@r1,@r2.x:a@b>", 15, "a@b" },
		{ "<@[IPv6:::1]:a@b>", 17, "a@b" },
		{ "a@b", 3, "a@b" },
		{ "a@b SIZE=1", 3, "a@b" },
		{ "a@b\tSIZE=1", 3, "a@b" },
		{ "\"a b\"@c X", 7, "\"a b\"@c" },
		{ "@r:a@b X", 6, "a@b" },
		{ "<a@[IPv6:::1]>", 14, "a@[IPv6:::1]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct address a = untouched;

		assert_int_equal(address_parse_path(slice_str(rows[i].in), &a),
				 rows[i].used);
		assert_slice(a.whole, slice_str(rows[i].whole));
	}
}

static void refuses_bad_paths(void **state)
{
	static const char *const rows[] = {
		"",
		"<",
		">",
		"< >",
		"<a@b",
		"a@b>",
		"<a@b ",
		"<a@b >",
		"< a@b>",
		"<<a@b>>",
		"<a@b c>",
		" a@b",
		"<@r>",
		"<@r:>",
		"<@r,:a@b>",
		"<@r,",
		"<@r,r2:a@b>",
		"<@:a@b>",
		"<@-r:a@b>",
		"<@r,@:a@b>",
		"<@[IPv6:::1:a@b>",
		"<a@b\r\nRSET>",
		"<\"a@b>",
		"<a\"b@c>",
		"<@r",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct address a = untouched;

		assert_int_equal(address_parse_path(slice_str(rows[i]), &a),
				 -EINVAL);
		assert_text(a.whole, "untouched");
	}
}

/* No prefix of a path is read past its end, or taken for another one. */
static void refuses_cut_paths(void **state)
{
	struct slice whole = SLICE("<@a,@[IPv6:::1]:\"x\\\" y\"@[192.0.2.1]>");

	(void)state;
	for (size_t n = 0; n < whole.n; n++) {
		struct address a;

		assert_int_equal(address_parse_path(slice_head(whole, n), &a),
				 -EINVAL);
	}
	struct address a;
	assert_int_equal(address_parse_path(whole, &a), whole.n);
	assert_text(a.whole, "\"x\\\" y\"@[192.0.2.1]");
}

static void compares(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{ "a@b.org", "a@B.Org", true }, { "a@b.org", "A@b.org", false },
		{ "a@b.org", "a@b.or", false }, { "a", "a", true },
		{ "a", "a@b", false },          { "\"a\"@b", "a@b", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct address a, b;

		assert_int_equal(address_parse(slice_str(rows[i].a), &a), 0);
		assert_int_equal(address_parse(slice_str(rows[i].b), &b), 0);
		assert_int_equal(address_eq(&a, &b), rows[i].same);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_good_mailboxes),
		cmocka_unit_test(refuses_bad_mailboxes),
		cmocka_unit_test(knows_literals),
		cmocka_unit_test(takes_utf8_where_wanted),
		cmocka_unit_test(refuses_other_bytes),
		cmocka_unit_test(limits_utf8),
		cmocka_unit_test(limits_local_parts),
		cmocka_unit_test(limits_labels),
		cmocka_unit_test(limits_domains_and_paths),
		cmocka_unit_test(takes_good_paths),
		cmocka_unit_test(refuses_bad_paths),
		cmocka_unit_test(refuses_cut_paths),
		cmocka_unit_test(compares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
