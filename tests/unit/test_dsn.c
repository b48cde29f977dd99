/* SPDX-License-Identifier: ISC */
/*
 * mail/dsn: the fields of a notice, to the byte; what is returned of a header,
 * plain and as quoted-printable, in pieces of every size.
 */
#include "lib/check.h"
#include "lib/feed.h"
#include "mail/dsn.h"

static const struct dsn_rcpt two[] = {
	{ .address = LIT("a@b.org"),
	  .mta = LIT("mx.b.org"),
	  .text = LIT("no such user"),
	  .code = 550,
	  .dsn = 511 },
	{ .address = LIT("c@d.org"),
	  .mta = LIT("192.0.2.1"),
	  .literal = true,
	  .text = LIT("not delivered in time"),
	  .dsn = 447 },
};

static bool next_rcpt(void *ctx, unsigned n, struct dsn_rcpt *out)
{
	(void)ctx;
	if (n >= ARRAY_LEN(two))
		return false;
	*out = two[n];
	return true;
}

static const struct dsn_job job = {
	.host = LIT("me.org"),
	.to = LIT("x@y.org"),
	.id = "abc.0",
	.msgid = LIT("<1@y.org>"),
	.date_s = 1795335900,
	.arrival_s = 951782400,
	.zone_min = 60,
	.rcpt = next_rcpt,
};

static char space[16384];

/* The words of a notice, all of them. */
static const char *words_of(const struct dsn_job *what)
{
	struct buf out = BUF_ON(space);
	struct dsn d;

	dsn_start(&d, what);
	while (dsn_put(&d, &out))
		;
	dsn_end(&d, &out);
	assert_false(out.overflow);
	return buf_cstr(&out);
}

static void writes_a_report(void **state)
{
	(void)state;
	assert_string_equal(
		words_of(&job),
		"Date: Sun, 22 Nov 2026 09:25:00 +0100\r\n"
		"From: Mail Delivery System\r\n <MAILER-DAEMON@me.org>\r\n"
		"To: <x@y.org>\r\n"
		"Subject: Undelivered mail returned to sender\r\n"
		"Message-ID: <abc.0@me.org>\r\n"
		"Auto-Submitted: auto-replied\r\n"
		"In-Reply-To: <1@y.org>\r\n"
		"References: <1@y.org>\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: multipart/report; report-type=delivery-status;"
		"\r\n boundary=\"=_abc.0\"\r\n"
		"\r\n--=_abc.0\r\n"
		"Content-Type: text/plain; charset=us-ascii\r\n"
		"\r\n"
		"This is the mail relay at me.org\r\n"
		"\r\n"
		"Your message could not be delivered to the recipients named "
		"below.\r\n"
		"No further attempt will be made.  Its header is attached.\r\n"
		"\r\n"
		"<a@b.org>\r\n"
		"    mx.b.org said:\r\n"
		"    550 5.1.1 no such user\r\n"
		"\r\n"
		"<c@d.org>\r\n"
		"    not delivered in time\r\n"
		"\r\n--=_abc.0\r\n"
		"Content-Type: message/delivery-status\r\n"
		"\r\n"
		"Reporting-MTA: dns; me.org\r\n"
		"Arrival-Date: Tue, 29 Feb 2000 01:00:00 +0100\r\n"
		"\r\n"
		"Final-Recipient: rfc822; a@b.org\r\n"
		"Action: failed\r\n"
		"Status: 5.1.1\r\n"
		"Remote-MTA: dns; mx.b.org\r\n"
		"Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
		"\r\n"
		"Final-Recipient: rfc822; c@d.org\r\n"
		"Action: failed\r\n"
		"Status: 4.4.7\r\n"
		"Diagnostic-Code: x-mailmote; not delivered in time\r\n"
		"\r\n--=_abc.0\r\n"
		"Content-Type: text/rfc822-headers\r\n"
		"\r\n"
		"\r\n--=_abc.0--\r\n");
}

static bool next_relayed(void *ctx, unsigned n, struct dsn_rcpt *out)
{
	(void)ctx;
	*out = two[0];
	out->orcpt = SLICE("rfc822;A+2Bx+0A@b.org");
	out->relayed = true;
	out->code = 250;
	out->dsn = 200;
	out->text = SLICE("ok");
	return n == 0;
}

/* RFC 3461 6.3: what the sender has said comes back, decoded. */
static void writes_what_was_relayed(void **state)
{
	struct dsn_job relayed = job;

	(void)state;
	relayed.envid = SLICE("Q+2B7");
	relayed.relayed = true;
	relayed.rcpt = next_relayed;
	words_of(&relayed);
	assert_non_null(strstr(space, "\nSubject: Relayed mail\r\n"));
	assert_non_null(strstr(
		space,
		"\r\n\r\n<a@b.org>\r\n"
		"    relayed to a server that sends no notice when mail has "
		"arrived\r\n"
		"    mx.b.org said:\r\n"
		"    250 2.0.0 ok\r\n"
		"\r\n--=_abc.0\r\n"
		"Content-Type: message/delivery-status\r\n"
		"\r\n"
		"Original-Envelope-Id: Q+7\r\n"
		"Reporting-MTA: dns; me.org\r\n"
		"Arrival-Date: Tue, 29 Feb 2000 01:00:00 +0100\r\n"
		"\r\n"
		"Original-Recipient: rfc822; A+x?@b.org\r\n"
		"Final-Recipient: rfc822; a@b.org\r\n"
		"Action: relayed\r\n"
		"Status: 2.0.0\r\n"
		"Remote-MTA: dns; mx.b.org\r\n"
		"Diagnostic-Code: smtp; 250 2.0.0 ok\r\n"));
	relayed.failed = true;
	words_of(&relayed);
	assert_non_null(strstr(space, "\nSubject: Undelivered mail returned"));
}

/* RET=FULL: then the owner gives the message itself. */
static void announces_the_whole_message(void **state)
{
	struct dsn_job whole = job;

	(void)state;
	whole.full = true;
	words_of(&whole);
	assert_non_null(strstr(space, "  It is attached.\r\n"));
	assert_non_null(
		strstr(space, "\nContent-Type: message/rfc822\r\n\r\n"));
	whole.eight_bit = true;
	words_of(&whole);
	assert_non_null(strstr(space,
			       "message/rfc822\r\n"
			       "Content-Transfer-Encoding: 8bit\r\n\r\n"));
}

/* The addresses of the notice below. */
static const struct dsn_rcpt wide[] = {
	{ .address = LIT("j\xc3\xbcr+gen@b\xc3\xbc.org"),
	  .text = LIT("gone"),
	  .dsn = 511 },
	{ .address = LIT("a@b\xc3\xbc.org"), .text = LIT("gone"), .dsn = 511 },
	{ .address = LIT("a@b.org"), .text = LIT("gone"), .dsn = 511 },
	{ .address = LIT("\xff@b.org"), .text = LIT("gone"), .dsn = 511 },
};

static bool next_wide(void *ctx, unsigned n, struct dsn_rcpt *out)
{
	(void)ctx;
	if (n < ARRAY_LEN(wide))
		*out = wide[n];
	return n < ARRAY_LEN(wide);
}

static void assert_has(const char *text)
{
	if (strstr(space, text) == NULL)
		fail_msg("missing: %s\nin: %s", text, space);
}

/* RFC 6533: in UTF-8 where the hop takes it, else in ASCII. */
static void writes_addresses_in_utf8(void **state)
{
	struct dsn_job what = job;

	(void)state;
	what.rcpt = next_wide;
	what.to = SLICE("x@\xc3\xbc.org");
	what.eight_bit = true;
	words_of(&what);
	assert_false(slice_has_8bit(slice_str(space)));
	assert_has("\nTo: <x@xn--tda.org>\r\n");
	assert_has("report-type=delivery-status;");
	assert_has("charset=us-ascii\r\n\r\n");
	assert_has("\n<j\\x{FC}r\\x{2B}gen@b\\x{FC}.org>\r\n");
	assert_has("\nContent-Type: message/delivery-status\r\n\r\n");
	assert_has("\nFinal-Recipient: utf-8; "
		   "j\\x{FC}r\\x{2B}gen@b\\x{FC}.org\r\n");
	assert_has("\nFinal-Recipient: rfc822; a@xn--b-eha.org\r\n");
	assert_has("\nFinal-Recipient: rfc822; a@b.org\r\n");
	assert_has("\nFinal-Recipient: rfc822; ?@b.org\r\n");
	assert_has("text/rfc822-headers\r\n"
		   "Content-Transfer-Encoding: quoted-printable\r\n");
	what.utf8 = true;
	words_of(&what);
	assert_has("\nTo: <x@\xc3\xbc.org>\r\n");
	assert_has("report-type=global-delivery-status;");
	assert_has("\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n--=_");
	assert_has("charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n");
	assert_has("\n<j\xc3\xbcr+gen@b\xc3\xbc.org>\r\n");
	assert_has("\nContent-Type: message/global-delivery-status\r\n"
		   "Content-Transfer-Encoding: 8bit\r\n\r\n");
	assert_has(
		"\nFinal-Recipient: utf-8; j\xc3\xbcr+gen@b\xc3\xbc.org\r\n");
	assert_has("\nFinal-Recipient: utf-8; a@b\xc3\xbc.org\r\n");
	assert_has("\nFinal-Recipient: rfc822; a@b.org\r\n");
	assert_has("\nFinal-Recipient: rfc822; ?@b.org\r\n");
	assert_has("\nContent-Type: message/global-headers\r\n"
		   "Content-Transfer-Encoding: 8bit\r\n\r\n");
	what.full = true;
	words_of(&what);
	assert_has("\nContent-Type: message/global\r\n");
}

static void leaves_out_what_is_not_known(void **state)
{
	struct dsn_job bare = job;
	const char *bad[] = {
		"",           "<>",       "1@y.org",      "<1@y.org",
		"<1 @y.org>", "<\x7f@y>", "<1@y>\r\nX: y"
	};
	char longest[DSN_MAX_MSGID + 2];

	(void)state;
	bare.arrival_s = 0;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		bare.msgid = slice_str(bad[i]);
		assert_null(strstr(words_of(&bare), "In-Reply-To"));
		assert_null(strstr(space, "Arrival-Date"));
	}
	memset(longest, 'x', sizeof(longest));
	longest[0] = '<';
	longest[DSN_MAX_MSGID - 1] = longest[DSN_MAX_MSGID] = '>';
	bare.msgid = slice_of(longest, DSN_MAX_MSGID);
	assert_non_null(strstr(words_of(&bare), "\nReferences: <x"));
	bare.msgid.n++;
	assert_null(strstr(words_of(&bare), "References"));
}

struct run {
	struct dsn d;
	struct dsn_job job;
};

static struct run run;

static void start(void *ctx)
{
	struct run *r = ctx;

	dsn_start(&r->d, &r->job);
}

static size_t feed(void *ctx, struct slice in, struct buf *out)
{
	return dsn_header(&((struct run *)ctx)->d, in, out);
}

static const struct feed_filter filter = { &run, start, feed, NULL, 8 };

static void check_plain(struct slice in, struct slice want, size_t used)
{
	static const size_t rooms[] = { 0, 8, 9, 100 };
	static char got[16384];
	uint32_t seed = FEED_SEED;

	run.job = job;
	for (int i = 0; i < 40; i++) {
		struct buf out = BUF_ON(got);

		assert_int_equal(feed_pieces(&filter, in, &out, (size_t)i,
					     rooms[i % 4], &seed),
				 used);
		assert_slice(buf_slice(&out), want);
	}
}

static void returns_the_header(void **state)
{
	(void)state;
	check_plain(SLICE("A: b\r\n\tc\r\nD: e \r\n\r\nbody\r\n"),
		    SLICE("A: b\r\n\tc\r\nD: e \r\n"), 19);
	check_plain(SLICE("A: b\r\n"), SLICE("A: b\r\n"), 6);
	check_plain(SLICE("\r\nbody\r\n"), SLICE(""), 2);
	/* No line can be a boundary. */
	check_plain(SLICE("--=_abc.0: x\r\nA: b\r\n-\r\n\r\n"),
		    SLICE("A: b\r\n"), 25);
	/* Lone CR and LF end nothing, control bytes say nothing. */
	check_plain(SLICE("A: b\n--=_abc.0\rc\r\r\n\r\n"),
		    SLICE("A: b --=_abc.0 c \r\n"), 21);
	check_plain(SLICE("A: \x1b\x7f\x80\xff\r\n\r\n"), SLICE("A: ????\r\n"),
		    11);
}

/* What a reader of quoted-printable sees; lines are at most 76 octets. */
static struct slice decoded(struct slice in)
{
	static char got[16384];
	static const char hex[] = "0123456789ABCDEF";
	struct buf out = BUF_ON(got);
	size_t col = 0;

	for (size_t i = 0; i < in.n; i++) {
		col = in.p[i] == '\n' ? 0 : col + 1;
		assert_true(col <= 77);
		if (in.p[i] == '\r' && i > 0)
			assert_false(char_is_blank(in.p[i - 1]));
		if (in.p[i] != '=') {
			buf_put_char(&out, in.p[i]);
			continue;
		}
		assert_true(i + 2 < in.n);
		if (in.p[i + 1] != '\r')
			buf_put_char(
				&out,
				(char)((strchr(hex, in.p[i + 1]) - hex) * 16 +
				       (strchr(hex, in.p[i + 2]) - hex)));
		else
			col = 0;
		i += 2;
	}
	return buf_slice(&out);
}

static void check_encoded(struct slice in)
{
	static const size_t rooms[] = { 0, 8, 11, 100 };
	static char got[16384];
	uint32_t seed = FEED_SEED;

	run.job = job;
	run.job.eight_bit = true;
	for (int i = 0; i < 40; i++) {
		struct buf out = BUF_ON(got);

		assert_int_equal(feed_pieces(&filter, in, &out, (size_t)i,
					     rooms[i % 4], &seed),
				 in.n);
		assert_false(slice_has_8bit(buf_slice(&out)));
		assert_slice(decoded(buf_slice(&out)), in);
	}
}

static void encodes_what_has_8_bits(void **state)
{
	static char line[2000];

	(void)state;
	check_encoded(SLICE("A: K\xe4se = \xc3\xa9 \t \r\n\t x\t\r\n=3D\r\n"));
	memset(line, 'x', sizeof(line));
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	check_encoded(slice_of(line, sizeof(line)));
	memset(line, '\xe9', sizeof(line) - 2);
	check_encoded(slice_of(line, sizeof(line)));
	memset(line, ' ', sizeof(line) - 2);
	check_encoded(slice_of(line, sizeof(line)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_a_report),
		cmocka_unit_test(writes_what_was_relayed),
		cmocka_unit_test(announces_the_whole_message),
		cmocka_unit_test(writes_addresses_in_utf8),
		cmocka_unit_test(leaves_out_what_is_not_known),
		cmocka_unit_test(returns_the_header),
		cmocka_unit_test(encodes_what_has_8_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
