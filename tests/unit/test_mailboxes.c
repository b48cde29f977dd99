/* SPDX-License-Identifier: ISC */
/* mail/mailboxes: what becomes of the addresses of a field. */
#include "lib/check.h"

#include <string.h>

#include "mail/mailboxes.h"

static struct mailboxes m;

static const struct mailboxes_home home = {
	.domain = LIT("d.org"),
	.host = LIT("box.d.org"),
	.node = LIT("node"),
};

/* A field in pieces of most bytes. */
static void run(struct slice in, size_t most, bool from, struct buf *out)
{
	mailboxes_start(&m);
	mailboxes_begin(&m, from);
	for (size_t at = 0; at < in.n;) {
		struct slice part = slice_head(slice_from(in, at), most);

		at += mailboxes_feed(&m, part);
		assert_false(m.out.overflow);
		buf_put_slice(out, buf_slice(&m.out));
		buf_reset(&m.out);
	}
	mailboxes_end(&m);
	assert_false(m.out.overflow);
	buf_put_slice(out, buf_slice(&m.out));
}

static void becomes(bool from, const char *body, const char *want)
{
	static char in_space[4096], space[4096];
	struct buf in = BUF_ON(in_space);

	buf_putf(&in, "%s\r\n", body);
	for (size_t most = 1; most < 9; most++) {
		struct buf out = BUF_ON(space);

		run(buf_slice(&in), most, from, &out);
		assert_int_equal(buf_slice(&out).p[out.len - 1], '\n');
		out.len -= 2;
		assert_slice(buf_slice(&out), slice_str(want));
	}
}

struct row {
	const char *body, *want;
};

static void completes(void **state)
{
	static const struct row rows[] = {
		{ " root", " root@d.org" },
		{ "root", "root@d.org" },
		{ " root (Cron Daemon)", " Cron Daemon <root@d.org>" },
		{ " root (a \"b\" c)", " root@d.org (a \"b\" c)" },
		{ " root (a\r\n b)", " root@d.org (a\r\n b)" },
		{ " \"(Cron Daemon)\" <root>",
		  " \"(Cron Daemon)\" <root@d.org>" },
		{ " <root>", " root@d.org" },
		{ " a, b ,\r\n\tc", " a@d.org, b@d.org ,\r\n\tc@d.org" },
		{ " \"a, b\" <c>, d", " \"a, b\" <c@d.org>, d@d.org" },
		{ " a (x, y), b", " a@d.org (x, y), b@d.org" },
		/* a comment in front is lost */
		{ " (x, y) a, b", " a@d.org, b@d.org" },
		{ " list: a, N <b>; , c@x.org",
		  " list: a@d.org, N <b@d.org>; , c@x.org" },
		{ " undisclosed-recipients:;", " undisclosed-recipients:;" },
		{ " \"q p\"", " \"q p\"@d.org" },
		{ " \"q\\\", p\"", " \"q\\\", p\"@d.org" },
		{ " Root Of All\r\n\t<root>", " Root Of All <root@d.org>" },
		{ " =?utf-8?B?w6Q=?= <root>",
		  " =?utf-8?B?w6Q=?= <root@d.org>" },
		/* by other names */
		{ " a@localhost", " a@d.org" },
		{ " A <a@LocalHost.localdomain>", " A <a@d.org>" },
		{ " a@box, b@NODE", " a@box.d.org, b@box.d.org" },
		/* what stays */
		{ " a@x.org", " a@x.org" },
		{ " A B <a@x.org> (c)", " A B <a@x.org> (c)" },
		{ " <@r.org,@s.org:a@x.org>", " <@r.org,@s.org:a@x.org>" },
		{ " a@[192.0.2.1]", " a@[192.0.2.1]" },
		{ " a@[IPv6:::1], b", " a@[IPv6:::1], b@d.org" },
		{ " a@other", " a@other" },
		{ " two words", " two words" },
		{ " a@@b, c", " a@@b, c@d.org" },
		{ " \"open, a", " \"open, a" },
		{ " (open, a", " (open, a" },
		{ "", "" },
		{ " ", " " },
		{ " ,, a,", " ,, a@d.org," },
	};

	(void)state;
	m = (struct mailboxes){ .home = home };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		becomes(false, rows[i].body, rows[i].want);
	m.home.domain = SLICE("");
	m.home.host = SLICE("");
	becomes(false, " a, b@localhost, c@node", " a, b@localhost, c@node");
}

static void gives_from_an_address(void **state)
{
	static const struct row rows[] = {
		{ " root", " root@d.org" },
		{ "", " <s@x.org>" },
		{ " Foo Bar", " \"Foo Bar\" <s@x.org>" },
		{ " Foo \"x\\\" Bar", " \"Foo x Bar\" <s@x.org>" },
		{ " Foo Bar, Inc. <a@b.org>", " Inc. <a@b.org>" },
		{ " a@@b", " \"a@@b\" <s@x.org>" },
		{ " a@b.org,", " a@b.org," },
	};

	(void)state;
	m = (struct mailboxes){ .home = home, .sender = LIT("s@x.org") };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		becomes(true, rows[i].body, rows[i].want);
	/* only From */
	becomes(false, " Foo Bar", " Foo Bar");
	m.sender = SLICE("");
	becomes(true, " Foo Bar", " Foo Bar");
}

static void forces_from(void **state)
{
	static const struct {
		const char *body, *want, *replaced;
	} rows[] = {
		{ " a@b.org", " f@x.org", "a@b.org" },
		{ " A <a@b.org>", " A <f@x.org>", "a@b.org" },
		{ " a@b.org (N M)", " N M <f@x.org>", "a@b.org" },
		{ " root (Cron Daemon)", " Cron Daemon <f@x.org>", "" },
		{ " \"(Cron)\" <root>", " \"(Cron)\" <f@x.org>", "" },
		{ " a@localhost", " f@x.org", "" },
		{ " a@box.d.org", " f@x.org", "" },
		{ " a@NODE", " f@x.org", "" },
		{ " a@d.org", " f@x.org", "a@d.org" },
		{ " F <f@x.org>", " F <f@x.org>", "" },
		{ " a@b.org,\r\n c@d.org", " f@x.org", "a@b.org" },
		{ " Foo Bar", " f@x.org", "" },
		{ "", " f@x.org", "" },
		{ " g: a@b.org;", " f@x.org", "a@b.org" },
	};

	(void)state;
	m = (struct mailboxes){ .home = home, .force = LIT("f@x.org") };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		becomes(true, rows[i].body, rows[i].want);
		assert_string_equal(m.replaced, rows[i].replaced);
	}
	becomes(false, " a", " a@d.org");
}

/* MAILBOXES_MAX - 1 can be held, with the line end; more cannot. */
static void keeps_what_is_too_long(void **state)
{
	static char in[1100], want[1200];

	(void)state;
	m = (struct mailboxes){ .home = home };
	for (size_t n = MAILBOXES_MAX - 4; n < MAILBOXES_MAX + 400; n++) {
		bool held = n + 2 < MAILBOXES_MAX;

		memset(in, 'a', n - 4);
		strcpy(in + n - 4, " <b>");
		snprintf(want, sizeof(want), "%.*s%s", (int)n - 1, in,
			 held ? "@d.org>" : ">");
		becomes(false, in, want);
		strcpy(in + n, ", c");
		snprintf(want, sizeof(want), "%.*s%s, c@d.org", (int)n - 1, in,
			 n < MAILBOXES_MAX ? "@d.org>" : ">");
		becomes(false, in, want);
	}
	m.force = SLICE("f@x.org");
	m.sender = SLICE("s@x.org");
	becomes(true, in, " f@x.org");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(completes),
		cmocka_unit_test(gives_from_an_address),
		cmocka_unit_test(forces_from),
		cmocka_unit_test(keeps_what_is_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
