/* SPDX-License-Identifier: ISC */
/* mail/addrlist: lists as people and programs write them, and attacks. */
#include <errno.h>

#include "lib/check.h"
#include "mail/addrlist.h"

/* Read a whole list into "addr|addr|!errno..." */
static struct slice read_all(struct slice list)
{
	static char space[8192];
	struct buf b = BUF_ON(space);
	struct addrlist l;
	struct addrlist_entry e;
	int ret;

	addrlist_start(&l, list);
	while ((ret = addrlist_next(&l, &e)) != 0) {
		if (b.len > 0)
			buf_put_char(&b, '|');
		if (ret == -EINVAL)
			buf_put_str(&b, "!invalid");
		else if (ret == -EMSGSIZE)
			buf_put_str(&b, "!size");
		else
			buf_put_str(&b, e.addr);
		assert_in_range(l.rest.n, 0, list.n - 1);
	}
	assert_int_equal(addrlist_next(&l, &e), 0);
	assert_false(b.overflow);
	return buf_slice(&b);
}

static void check_rows(const char *const rows[][2], size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_slice(read_all(slice_str(rows[i][0])),
			     slice_str(rows[i][1]));
}

static void reads_plain_lists(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" },
		{ "  ", "" },
		{ ",", "" },
		{ ", ,", "" },
		{ "root", "root" },
		{ "a@b", "a@b" },
		{ " a@b , c@d ", "a@b|c@d" },
		{ "a@b,c@d,", "a@b|c@d" },
		{ ",,a@b,,c@d", "a@b|c@d" },
		{ "root, admin@x.org,operator", "root|admin@x.org|operator" },
		{ "a@[192.0.2.1]", "a@[192.0.2.1]" },
		{ "a@[IPv6:::1], b@c", "a@[IPv6:::1]|b@c" },
		{ "\"a b\"@c", "\"a b\"@c" },
		{ "\"a,b\"@c, d@e", "\"a,b\"@c|d@e" },
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
}

static void reads_names(void **state)
{
	static const char *const rows[][2] = {
		{ "<a@b>", "a@b" },
		{ "Joe <a@b>", "a@b" },
		{ "Joe Q. Public <a@b>", "a@b" },
		{ "\"Doe, Joe\" <a@b>, c@d", "a@b|c@d" },
		{ "\"a \\\" <x@y>, \" <a@b>", "a@b" },
		{ "=?utf-8?Q?J=C3=BCrgen?= <a@b>, =?iso-8859-1?B?SvxyZ2Vu?= "
		  "<c@d>",
		  "a@b|c@d" },
		{ "J\xc3\xbcrgen <a@b>", "a@b" },
		{ "a@b <a@b>", "a@b" },
		{ "Joe<root>", "root" },
		{ "Joe <a@b> (work)", "a@b" },
		{ "Joe < a@b >", "a@b" },
		{ "Joe <\"a b\"@c>", "\"a b\"@c" },
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
}

static void reads_comments_and_folds(void **state)
{
	static const char *const rows[][2] = {
		{ "a@b (Joe)", "a@b" },
		{ "(x) a@b", "a@b" },
		{ "a(x)@(y)b(z)", "a@b" },
		{ "a@b (c, d), e@f", "a@b|e@f" },
		{ "a@b (c (d) e)", "a@b" },
		{ "a@b (c \\) , d)", "a@b" },
		{ "a@b (\\\\)", "a@b" },
		{ "(((((((( )))))))) a@b", "a@b" },
		{ "a@b,\r\n c@d,\r\n\te@f", "a@b|c@d|e@f" },
		{ "a@b\r\n", "a@b" },
		{ "\r\n a@b", "a@b" },
		{ "Joe\r\n <a@b>", "a@b" },
		{ "a\r\n @\r\n b", "a@b" },
		{ "a . b @ c . d", "a.b@c.d" },
		{ "(only a comment)", "" },
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
}

static void opens_groups(void **state)
{
	static const char *const rows[][2] = {
		{ "Undisclosed: a@b, c@d;", "a@b|c@d" },
		{ "undisclosed-recipients:;", "" },
		{ "Undisclosed recipients: ;", "" },
		{ "\"A, B\": a@b;, c@d", "a@b|c@d" },
		{ "g: Joe <a@b>, c@d; e@f", "a@b|c@d|e@f" },
		{ "g: a@b,;, h: c@d;", "a@b|c@d" },
		{ "g:a@b", "a@b" },
		{ "a@b, g: c@d; , e@f", "a@b|c@d|e@f" },
		{ "g (x):(y) a@b (z);", "a@b" },
		{ "g: h: a@b; , c@d", "!invalid|c@d" },
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
}

static void skips_routes(void **state)
{
	static const char *const rows[][2] = {
		{ "<@r:u@d>", "u@d" },
		{ "Joe <@r1,@r2:u@d>, a@b", "u@d|a@b" },
		{ "<@r1,,@r2:u@d>", "u@d" },
		{ "<,@r1:u@d>", "u@d" },
		{ "<@r1 , @r2 (c) : u@d>", "u@d" },
		{ "<@r u@d>", "!invalid" },
		{ "<@r;u@d>", "!invalid|!invalid" },
		{ "<@r:", "!invalid" },
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
}

static void refuses_and_goes_on(void **state)
{
	static const char *const rows[][2] = {
		{ "a b", "!invalid" },
		{ "Joe Doe, a@b", "!invalid|a@b" },
		{ "a@b c@d, e@f", "!invalid|e@f" },
		{ "a@, b@c", "!invalid|b@c" },
		{ "@b, b@c", "!invalid|b@c" },
		{ "a@b@c, d@e", "!invalid|d@e" },
		{ "<a@b, c@d", "!invalid|c@d" },
		{ "<a@b> x, c@d", "!invalid|c@d" },
		{ "<a@b> <c@d>, e@f", "!invalid|e@f" },
		{ "a@b>, c@d", "!invalid|c@d" },
		{ "<>, c@d", "!invalid|c@d" },
		{ "Joe <>, c@d", "!invalid|c@d" },
		{ ">", "!invalid" },
		{ ")", "!invalid" },
		{ "]", "!invalid" },
		{ ":", "!invalid" },
		{ "\\, a@b", "!invalid" },
		{ "\\", "!invalid" },
		{ "a\\,b, c@d", "!invalid|c@d" },
		{ ";", "!invalid" },
		{ "a@b; c@d", "!invalid|c@d" },
		{ "a@b;; c@d", "!invalid|!invalid|c@d" },
		{ "a@b: c@d;, e@f", "!invalid|e@f" },
		{ "g: a b; c@d", "!invalid|c@d" },
		{ "\"a, b@c", "!invalid" },
		{ "a@b, \"x", "a@b|!invalid" },
		{ "(a, b@c", "!invalid" },
		{ "x (a, b@c", "!invalid" },
		{ "a@[1.2.3.4, b@c", "!invalid|b@c" },
		{ "((((((((( ))))))))) a@b, c@d", "!invalid" },
		{ "a..b@c, d@e", "!invalid|d@e" },
		{ "\xfc@b, c@d", "!invalid|c@d" },
		{ "\xc3\xbc@b, c@\xc3\xa4.d", "\xc3\xbc@b|c@\xc3\xa4.d" },
		{ "a@b\x01, c@d", "!invalid|c@d" },
		{ "a@b\r", "!invalid" },
	};
	static const char *const bare[][2] = {
		{ "Joe. Doe", "Joe.Doe" },
		{ "x (a), \"b, c@d", "x|!invalid" },
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
	/* a bare name may be any word, but one */
	check_rows(bare, ARRAY_LEN(bare));
}

/* STANDARDS.md S-8, S-10 and PEERS.md 1e.4: nothing breaks out of its line. */
static void refuses_injection(void **state)
{
	static const struct slice rows[] = {
		LIT("\"a@b> SIZE=1\r\n RCPT TO:<x@y\"@c"),
		LIT("a@b\nRCPT TO:<v@x>"),
		LIT("a@b\r\nRCPT TO:<v@x>"),
		LIT("a@b\r\n.\r\n"),
		LIT("<a@b\r\nDATA>"),
		LIT("<a@b>\nBcc:x@y"),
		LIT("a@b\0c"),
		LIT("\"a\0b\"@c"),
		LIT("\"a\\\r\n b\"@c"),
		LIT("a\rb@c"),
	};
	struct addrlist l;
	struct addrlist_entry e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		addrlist_start(&l, rows[i]);
		assert_int_equal(addrlist_next(&l, &e), -EINVAL);
	}
	/* in a display name the same text is only a name */
	addrlist_start(&l, SLICE("\"a@b> \r\n RCPT TO:<x@y\" <c@d>"));
	assert_int_equal(addrlist_next(&l, &e), 1);
	assert_string_equal(e.addr, "c@d");
	assert_int_equal(addrlist_next(&l, &e), 0);
}

static void gives_names(void **state)
{
	static const struct {
		const char *in, *name;
		bool comment;
	} rows[] = {
		{ "a@b", "", false },
		{ "<a@b>", "", false },
		{ "Joe <a@b>", "Joe", false },
		{ " Joe  Doe\t<a@b>", "Joe  Doe", false },
		{ "\"Doe, Joe\" <a@b>", "\"Doe, Joe\"", false },
		{ "Joe (x) <a@b> (y)", "Joe (x)", false },
		{ "=?utf-8?Q?J=C3=BCrgen?= <a@b>",
		  "=?utf-8?Q?J=C3=BCrgen?=", false },
		{ "Joe\r\n Doe <a@b>", "Joe\r\n Doe", false },
		{ "root (Cron Daemon)", "Cron Daemon", true },
		{ "a@b ( Joe (x) )", "Joe (x)", true },
		{ "a@b ()", "", false },
		{ "(x) a@b", "", false },
		{ "<a@b> (y)", "", false },
	};
	struct addrlist l;
	struct addrlist_entry e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		addrlist_start(&l, slice_str(rows[i].in));
		assert_int_equal(addrlist_next(&l, &e), 1);
		assert_slice(e.name, slice_str(rows[i].name));
		assert_int_equal(e.comment, rows[i].comment);
	}
	/* the name of one entry is not that of the next */
	addrlist_start(&l, SLICE("a@b (Joe), c@d, Jim <e@f>, g@h"));
	assert_int_equal(addrlist_next(&l, &e), 1);
	assert_text(e.name, "Joe");
	assert_int_equal(addrlist_next(&l, &e), 1);
	assert_text(e.name, "");
	assert_int_equal(addrlist_next(&l, &e), 1);
	assert_text(e.name, "Jim");
	assert_int_equal(addrlist_next(&l, &e), 1);
	assert_text(e.name, "");
}

/* A mailbox of 254 bytes, as many as a path can hold, and one more. */
static void limits_addresses(void **state)
{
	char space[600];

	(void)state;
	for (size_t n = 253; n <= 258; n++) {
		struct buf b = BUF_ON(space);

		buf_put_str(&b, "Joe <");
		size_t start = b.len;
		buf_put_str(&b, "l@d");
		while (b.len - start < n)
			buf_put_char(&b, (b.len - start) % 32 ? 'd' : '.');
		if (b.data[b.len - 1] == '.')
			b.data[b.len - 1] = 'd';
		buf_put_str(&b, ">, c@d");

		struct slice got = read_all(buf_slice(&b));
		if (n <= 254)
			assert_int_equal(got.n, n + 4);
		else
			assert_text(got, "!size|c@d");
	}
	/* a display name may be longer than any address */
	struct buf b = BUF_ON(space);
	for (int i = 0; i < 100; i++)
		buf_put_str(&b, "word ");
	size_t name = b.len;
	buf_put_str(&b, "<a@b>");
	assert_text(read_all(buf_slice(&b)), "a@b");
	/* and without an address it is malformed, not too long */
	assert_text(read_all(slice_of(space, name)), "!invalid");
}

/* RFC 5322 comments: 8 deep, not 9; the tests above have one of each. */
static void limits_comments(void **state)
{
	(void)state;
	for (unsigned depth = 7; depth <= 9; depth++) {
		char space[64];
		struct buf b = BUF_ON(space);

		for (unsigned i = 0; i < depth; i++)
			buf_put_char(&b, '(');
		for (unsigned i = 0; i < depth; i++)
			buf_put_char(&b, ')');
		buf_put_str(&b, "a@b");
		assert_slice(read_all(buf_slice(&b)),
			     depth > 8 ? SLICE("!invalid") : SLICE("a@b"));
	}
}

/* Every prefix of a list with everything in it ends, and stays inside. */
static void survives_every_cut(void **state)
{
	struct slice whole = SLICE(
		"g: \"A, \\\" B\" <@r1,@r2:\"a b\"@c>, d@[IPv6:::1] (x (y) \\) z)"
		",\r\n =?utf-8?Q?=C3=BC?= <e@f>;, root, , h . i @ j");
	char copy[256];

	(void)state;
	assert_text(read_all(whole), "\"a b\"@c|d@[IPv6:::1]|e@f|root|h.i@j");
	for (size_t n = 0; n < whole.n; n++) {
		/* at the end of its space, so that a sanitizer sees more */
		char *at = copy + sizeof(copy) - n;

		memcpy(at, whole.p, n);
		if (n > 0)
			(void)read_all(slice_of(at, n));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_plain_lists),
		cmocka_unit_test(reads_names),
		cmocka_unit_test(reads_comments_and_folds),
		cmocka_unit_test(opens_groups),
		cmocka_unit_test(skips_routes),
		cmocka_unit_test(refuses_and_goes_on),
		cmocka_unit_test(refuses_injection),
		cmocka_unit_test(gives_names),
		cmocka_unit_test(limits_addresses),
		cmocka_unit_test(limits_comments),
		cmocka_unit_test(survives_every_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
