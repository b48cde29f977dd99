/* SPDX-License-Identifier: ISC */
/* mail/downgrade: what becomes of 8-bit mail, in any pieces. */
#include "lib/check.h"
#include "lib/feed.h"
#include "mail/downgrade.h"

struct job {
	struct downgrade d;
	bool latin;
};

static void start(void *ctx)
{
	struct job *j = ctx;

	downgrade_start(&j->d, j->latin);
}

static size_t feed(void *ctx, struct slice in, struct buf *out)
{
	return downgrade_feed(&((struct job *)ctx)->d, in, out);
}

static bool end(void *ctx, struct buf *out)
{
	return downgrade_end(&((struct job *)ctx)->d, out);
}

static struct job job;
static const struct feed_filter filter = { &job, start, feed, end,
					   DOWNGRADE_ROOM };

/* Feed in every manner; all must say want, or (want.p NULL) fail. */
static void check(struct slice in, struct slice want)
{
	static char space[1 << 14];
	uint32_t seed = FEED_SEED;

	for (size_t i = 0; i < 30; i++) {
		struct buf out = BUF_ON(space);
		size_t used = feed_pieces(&filter, in, &out, i,
					  i % 3 ? DOWNGRADE_ROOM : 0, &seed);

		assert_int_equal(used, in.n);
		assert_int_equal(job.d.failed, want.p == NULL);
		if (want.p != NULL)
			assert_slice(buf_slice(&out), want);
		assert_false(out.overflow);
	}
}

#define assert_mail(in, want) check(SLICE(in), SLICE(want))
#define assert_fails(in) check(SLICE(in), slice_of(NULL, 0))

#define QP "Content-Transfer-Encoding: quoted-printable\r\n"
#define MIME "MIME-Version: 1.0\r\n"
#define TEXT "Content-Type: text/plain; charset="

static void gives_plain_text_its_fields(void **state)
{
	(void)state;
	assert_mail("Subject: s\r\n\r\nGer\xc3\xa4t = x \r\n.\r\n",
		    "Subject: s\r\n" MIME TEXT "utf-8\r\n" QP
		    "\r\nGer=C3=A4t =3D x=20\r\n.\r\n");
	assert_false(job.d.other);
	assert_mail("A: b\r\n\r\n\xe9\r\nx\t",
		    "A: b\r\n" MIME TEXT "utf-8\r\n" QP "\r\n=E9\r\nx=09");
	assert_true(job.d.other);
	job.latin = true;
	assert_mail("A: b\r\n\r\n\xe9\r\n",
		    "A: b\r\n" MIME TEXT "unknown-8bit\r\n" QP "\r\n=E9\r\n");
	job.latin = false;
}

static void knows_utf8(void **state)
{
	static const struct {
		const char *text;
		bool other;
	} texts[] = {
		{ "a", false },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", false },
		{ "\xc3", true },
		{ "\xa4", true },
		{ "\xc3x\xa4", true },
		{ "\xe2\x82\r\n\xac", true },
		{ "\xc0\x80", true },
		{ "\xf5\x80\x80\x80", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		static char space[9999];
		struct buf out = BUF_ON(space);
		struct downgrade d;

		downgrade_start(&d, false);
		downgrade_feed(&d, SLICE("\r\n"), &out);
		downgrade_feed(&d, slice_str(texts[i].text), &out);
		downgrade_feed(&d, SLICE("\r\n"), &out);
		assert_int_equal(d.other, texts[i].other);
	}
}

static void keeps_a_type_and_replaces_8bit(void **state)
{
	(void)state;
	assert_mail("content-transfer-encoding:\r\n 8BIT\r\nMime-version: 1.0"
		    "\r\nContent-Type: text/html\r\n\r\n\xe9",
		    "Mime-version: 1.0\r\nContent-Type: text/html\r\n" QP
		    "\r\n=E9");
	assert_false(job.d.other);
	assert_mail(MIME "Content-Transfer-Encoding: BASE64 \r\n"
			 "Content-Type: text/x\r\n\r\nAAAA\r\n",
		    MIME "Content-Type: text/x\r\n"
			 "Content-Transfer-Encoding: BASE64 \r\n\r\nAAAA\r\n");
	assert_fails("Content-Transfer-Encoding: base64\r\n\r\n\xe9\r\n");
	assert_fails("Content-Transfer-Encoding: x-own\r\n\r\n\xe9\r\n");
}

#define MULTI                                                          \
	MIME "Content-Type: multipart/mixed; x=\"; boundary=no\";\r\n" \
	     "\tBoundary=\"a \\b\"; y=z\r\n"

static void converts_parts(void **state)
{
	(void)state;
	assert_mail(MULTI "Content-Transfer-Encoding: 8bit\r\n\r\nwords\r\n"
			  "--a b\r\n\r\n\xc3\xa4\r\n--a bc\r\n"
			  "--a b  \r\nContent-Type: image/x\r\n"
			  "Content-Transfer-Encoding: base64\r\n\r\nAA==\r\n"
			  "--a b--\r\n--a end\r\n",
		    MULTI "Content-Transfer-Encoding: 7bit\r\n\r\nwords\r\n"
			  "--a b\r\n" TEXT "utf-8\r\n" QP
			  "\r\n=C3=A4\r\n--a bc\r\n"
			  "--a b  \r\nContent-Type: image/x\r\n"
			  "Content-Transfer-Encoding: base64\r\n\r\nAA==\r\n"
			  "--a b--\r\n--a end\r\n");
	assert_fails(MULTI "\r\n\xc3\xa4\r\n--a b--\r\n");
	assert_fails(MULTI "\r\n--a b--\r\n\xc3\xa4\r\n");
	assert_fails("Content-Type: multipart/mixed\r\n\r\n\xc3\xa4\r\n");
}

#define INNER "Content-Type: multipart/alternative; boundary=i\r\n"
#define LEAF "Content-Type: text/x\r\n"

static void converts_nested_parts(void **state)
{
	(void)state;
	assert_mail(MULTI "\r\n--a b\r\n" INNER "\r\n--i\r\n" LEAF
			  "\r\n\xe9\r\n--i--\r\n\r\n--a b\r\n" LEAF
			  "\r\n\xe9\r\n--a b--",
		    MULTI "\r\n--a b\r\n" INNER "\r\n--i\r\n" LEAF QP
			  "\r\n=E9\r\n--i--\r\n\r\n--a b\r\n" LEAF QP
			  "\r\n=E9\r\n--a b--");
	/* the inner one is not closed */
	assert_mail(MULTI "\r\n--a b\r\n" INNER "\r\n--i\r\n" LEAF
			  "\r\n\xe9\r\n--a b\r\n" LEAF "\r\n\xe9\r\n--i\r\n",
		    MULTI "\r\n--a b\r\n" INNER "\r\n--i\r\n" LEAF QP
			  "\r\n=E9\r\n--a b\r\n" LEAF QP "\r\n=E9\r\n--i\r\n");
	/* a part that ends in its header */
	assert_mail(MULTI "\r\n--a b\r\n" LEAF "--a b--\r\n",
		    MULTI "\r\n--a b\r\n" LEAF QP "--a b--\r\n");
	assert_fails(MULTI "\r\n--a b\r\nno field\r\n\r\n\xe9\r\n");
	assert_fails(MULTI "\r\n--a b\r\n" LEAF LEAF "\r\n\xe9\r\n");
	assert_fails(MULTI "\r\n--a b\r\nContent-Type: text/x");
	assert_fails(INNER "\r\n--i\r\n" INNER "\r\n--i\r\n" INNER
			   "\r\n--i\r\n" INNER "\r\n--i\r\n" INNER "\r\n");
}

static void converts_messages_in_messages(void **state)
{
	(void)state;
	assert_mail(MIME "Content-Transfer-Encoding: 8bit\r\nContent-Type: "
			 "message/rfc822\r\n\r\nA: b\r\n\r\n\xe9\r\n",
		    MIME "Content-Type: message/rfc822\r\n"
			 "Content-Transfer-Encoding: 7bit\r\n"
			 "\r\nA: b\r\n" MIME TEXT "utf-8\r\n" QP "\r\n=E9\r\n");
	assert_mail(MIME "Content-Type: multipart/digest; boundary=i\r\n\r\n"
			 "--i\r\n\r\n" MIME LEAF "\r\n\xe9\r\n--i--\r\n",
		    MIME "Content-Type: multipart/digest; boundary=i\r\n\r\n"
			 "--i\r\n\r\n" MIME LEAF QP "\r\n=E9\r\n--i--\r\n");
	assert_fails(MIME "Content-Type: message/partial\r\n\r\n\xe9\r\n");
}

static void leaves_what_is_signed(void **state)
{
	(void)state;
	assert_mail(MIME "Content-Type: multipart/signed; boundary=i\r\n"
			 "\r\n--i\r\n" LEAF "\r\na=b \r\n--i--\r\n",
		    MIME "Content-Type: multipart/signed; boundary=i\r\n"
			 "\r\n--i\r\n" LEAF "\r\na=b \r\n--i--\r\n");
	assert_fails(MIME "Content-Type: multipart/signed; boundary=i\r\n"
			  "\r\n--i\r\n" LEAF "\r\n\xe9\r\n--i--\r\n");
}

static void converts_headers(void **state)
{
	(void)state;
	assert_mail("Subject: K\xc3\xa4se\r\n" MIME LEAF "\r\nx\r\n",
		    "Subject: =?utf-8?B?S8Okc2U=?=\r\n" MIME LEAF QP
		    "\r\nx\r\n");
	assert_mail(MIME INNER
		    "\r\n--i\r\n" LEAF "X: \xe9\r\n a\r\n--i\r\n"
		    "Content-Disposition: inline; filename=\"\xe9\"\r\n" LEAF
		    "\r\n--i--\r\n",
		    MIME INNER
		    "\r\n--i\r\n" LEAF "X: =?unknown-8bit?B?6Q==?=\r\n a\r\n" QP
		    "--i\r\nContent-Disposition: inline;\r\n"
		    " filename*=unknown-8bit''%e9\r\n" LEAF QP "\r\n--i--\r\n");
	assert_fails("From: K\xc3\xa4se@x.org\r\n\r\nx\r\n");
	assert_fails("K\xc3\xa4se: x\r\n\r\nx\r\n");
}

/* Lines of any length; no end that a reader takes for a boundary. */
static void breaks_long_lines(void **state)
{
	static char in[3000], want[3200];
	struct buf a = BUF_ON(in), b = BUF_ON(want);

	(void)state;
	buf_put_str(&a, MULTI "\r\n--a b\r\n" LEAF "\r\n");
	buf_put_str(&b, MULTI "\r\n--a b\r\n" LEAF QP "\r\n");
	for (int k = 0; k < 73; k++) {
		buf_put_char(&a, 'x');
		buf_put_char(&b, 'x');
	}
	buf_put_str(&a, "--");
	buf_put_str(&b, "=\r\n=2D-");
	buf_put_str(&a, "a b\r\n--a b--\r\n");
	buf_put_str(&b, "a b\r\n--a b--\r\n");
	check(buf_slice(&a), buf_slice(&b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_plain_text_its_fields),
		cmocka_unit_test(knows_utf8),
		cmocka_unit_test(keeps_a_type_and_replaces_8bit),
		cmocka_unit_test(converts_parts),
		cmocka_unit_test(converts_nested_parts),
		cmocka_unit_test(converts_messages_in_messages),
		cmocka_unit_test(leaves_what_is_signed),
		cmocka_unit_test(converts_headers),
		cmocka_unit_test(breaks_long_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
