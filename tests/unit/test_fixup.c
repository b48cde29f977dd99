/* SPDX-License-Identifier: ISC */
/*
 * mail/fixup: what a header gets and loses, in pieces of every size and with
 * room of every size (STANDARDS.md section 5, rules 4 to 9).
 */
#include "lib/check.h"
#include "lib/feed.h"
#include "mail/fixup.h"

#define RECEIVED "Received: from x\r\n\tby y; date\r\n"
#define ADDED "From: F <f@x>\r\nDate: D\r\nMessage-ID: <m@x>\r\n"
#define RESENT_ADDED \
	"Resent-From: F <f@x>\r\nResent-Date: D\r\nResent-Message-ID: <m@x>\r\n"

static const struct fixup_job nothing;
static const struct fixup_job all = {
	.trace = LIT(RECEIVED),
	.from = LIT("F <f@x>"),
	.date = LIT("D"),
	.msgid = LIT("<m@x>"),
	.drop_bcc = true,
	.drop_path = true,
};

struct run {
	struct fixup f;
	const struct fixup_job *job;
};

static void start(void *ctx)
{
	struct run *r = ctx;

	fixup_start(&r->f, r->job);
}

static size_t feed(void *ctx, struct slice in, struct buf *out)
{
	return fixup_feed(&((struct run *)ctx)->f, in, out);
}

static bool end(void *ctx, struct buf *out)
{
	return fixup_end(&((struct run *)ctx)->f, out);
}

static struct run run;
static const struct feed_filter filter = { &run, start, feed, end, 64 };

/* Feed in every manner; all must say want. */
static void check_fixup(const struct fixup_job *job, struct slice in,
			struct slice want)
{
	static const size_t rooms[] = { 0, 64, 65, 100, 256 };
	static char space[1 << 15];
	uint32_t seed = FEED_SEED;

	run.job = job;
	for (int i = 0; i < 40; i++) {
		struct buf out = BUF_ON(space);
		size_t most = i < 2 ? (size_t)i : 1 + (size_t)i;

		assert_int_equal(feed_pieces(&filter, in, &out, most,
					     rooms[i % 5], &seed),
				 in.n);
		if (!slice_eq(buf_slice(&out), want))
			print_error("seed %u round %d\n", FEED_SEED, i);
		assert_slice(buf_slice(&out), want);
		assert_false(out.overflow);
	}
}

#define assert_fixup(job, in, want) check_fixup(&(job), SLICE(in), SLICE(want))

static void changes_nothing_unasked(void **state)
{
	(void)state;
	assert_fixup(nothing, "A: b\r\n\r\nbody\r\n", "A: b\r\n\r\nbody\r\n");
	assert_fixup(nothing, "Bcc: a\r\nReturn-Path: <>\r\n\r\n",
		     "Bcc: a\r\nReturn-Path: <>\r\n\r\n");
	assert_fixup(nothing, "A:b\r\n c\r\n\td\r\nE \t: f\r\n\r\nA: b",
		     "A:b\r\n c\r\n\td\r\nE \t: f\r\n\r\nA: b");
	assert_fixup(nothing, "\r\n", "\r\n");
	assert_fixup(nothing, "A: \xff\x80\x01\r\n\r\n\xff",
		     "A: \xff\x80\x01\r\n\r\n\xff");
}

static void adds_what_is_missing(void **state)
{
	(void)state;
	assert_fixup(all, "Subject: s\r\n\r\nbody\r\n",
		     RECEIVED "Subject: s\r\n" ADDED "\r\nbody\r\n");
	assert_fixup(all, "From: a\r\n\r\n",
		     RECEIVED
		     "From: a\r\nDate: D\r\nMessage-ID: <m@x>\r\n\r\n");
	assert_fixup(all, "date: a\r\n\r\n",
		     RECEIVED "date: a\r\nFrom: F <f@x>\r\nMessage-ID: <m@x>"
			      "\r\n\r\n");
	assert_fixup(all, "MESSAGE-id : a\r\n\r\n",
		     RECEIVED "MESSAGE-id : a\r\nFrom: F <f@x>\r\nDate: D\r\n"
			      "\r\n");
	assert_fixup(all, "Message-Id: a\r\nDate: b\r\nFrom: c\r\n\r\nDate: e",
		     RECEIVED "Message-Id: a\r\nDate: b\r\nFrom: c\r\n\r\n"
			      "Date: e");
	/* what is there stays, twice too */
	assert_fixup(all,
		     "From: a\r\nFrom: b\r\nDate: c\r\nMessage-ID: d\r\n"
		     "\r\n",
		     RECEIVED "From: a\r\nFrom: b\r\nDate: c\r\n"
			      "Message-ID: d\r\n\r\n");
	/* names that only look alike */
	assert_fixup(all, "Fromm: a\r\nFro: b\r\nX-Date: c\r\nDat: d\r\n\r\n",
		     RECEIVED
		     "Fromm: a\r\nFro: b\r\nX-Date: c\r\nDat: d\r\n" ADDED
		     "\r\n");
}

static void adds_only_what_is_given(void **state)
{
	struct fixup_job job = { .date = LIT("D") };

	(void)state;
	assert_fixup(job, "A: b\r\n\r\n", "A: b\r\nDate: D\r\n\r\n");
	job = (struct fixup_job){ .msgid = LIT("M"), .trace = LIT("T: t\r\n") };
	assert_fixup(job, "A: b\r\n\r\n",
		     "T: t\r\nA: b\r\nMessage-ID: M\r\n\r\n");
	job = (struct fixup_job){ .from = LIT("F") };
	assert_fixup(job, "Resent-To: b\r\n\r\n",
		     "Resent-To: b\r\nResent-From: F\r\n\r\n");
}

static void drops_what_may_not_leave(void **state)
{
	(void)state;
	assert_fixup(all, "A: b\r\nBcc: v@x\r\nC: d\r\n\r\nBcc: stays\r\n",
		     RECEIVED "A: b\r\nC: d\r\n" ADDED "\r\nBcc: stays\r\n");
	assert_fixup(all, "BCC : v@x,\r\n w@x,\r\n\ty@x\r\nA: b\r\n\r\n",
		     RECEIVED "A: b\r\n" ADDED "\r\n");
	assert_fixup(all, "bcc\t \t:\r\n v@x\r\n\r\nbody",
		     RECEIVED ADDED "\r\nbody");
	assert_fixup(all,
		     "A: b\r\nbCc:v@x\r\n \r\n\t w@x\r\nC: d\r\n e\r\n\r\n",
		     RECEIVED "A: b\r\nC: d\r\n e\r\n" ADDED "\r\n");
	assert_fixup(all, "Return-Path: <a@b>\r\ncontent-LENGTH: 5\r\n\r\n",
		     RECEIVED ADDED "\r\n");
	assert_fixup(all, "Bcc: a\r\nBcc: b\r\nbcc: c\r\n\r\n",
		     RECEIVED ADDED "\r\n");
	/* the last line of the header, cut off */
	assert_fixup(all, "A: b\r\nBcc: v@x", RECEIVED "A: b\r\n" ADDED "\r\n");
	/* names that only look alike */
	assert_fixup(all, "Bccc: a\r\nX-Bcc: b\r\nContent-Length-X: c\r\n\r\n",
		     RECEIVED
		     "Bccc: a\r\nX-Bcc: b\r\nContent-Length-X: c\r\n" ADDED
		     "\r\n");
}

static void drops_each_kind_alone(void **state)
{
	const struct fixup_job bcc = { .drop_bcc = true };
	const struct fixup_job path = { .drop_path = true };

	(void)state;
	assert_fixup(bcc,
		     "Bcc: a\r\nResent-Bcc: b\r\nReturn-Path: c\r\n"
		     "Content-Length: 1\r\n\r\n",
		     "Return-Path: c\r\nContent-Length: 1\r\n\r\n");
	assert_fixup(path,
		     "Bcc: a\r\nResent-Bcc: b\r\nReturn-Path: c\r\n"
		     "Content-Length: 1\r\n\r\n",
		     "Bcc: a\r\nResent-Bcc: b\r\n\r\n");
}

/* RFC 5322 3.6.6 */
static void puts_another_from_in_its_place(void **state)
{
	static struct mailboxes boxes = { .force = LIT("f@x") };
	struct fixup_job job = { .from = SLICE("f@x"), .boxes = &boxes };

	(void)state;
	check_fixup(&job,
		    SLICE("To: b\r\nFROM : N\r\n <a@b>\r\nResent-From: c\r\n"
			  "\r\nFrom: body\r\n"),
		    SLICE("To: b\r\nFROM : N <f@x>\r\nResent-From: c\r\n"
			  "Reply-To: <a@b>\r\n\r\nFrom: body\r\n"));
	check_fixup(&job,
		    SLICE("From: a@b\r\nCc: c@d\r\nReply-To: r@s\r\n"
			  "From: d@e\r\n f\r\n\r\n"),
		    SLICE("From: f@x\r\nCc: c@d\r\nReply-To: r@s\r\n\r\n"));
	check_fixup(&job, SLICE("To: a\r\n\r\n"),
		    SLICE("To: a\r\nFrom: f@x\r\n\r\n"));
}

/* A message that says to nobody says so; addresses that are cut off. */
static void completes_addresses(void **state)
{
	static struct mailboxes boxes = { .home.domain = LIT("d.org") };
	struct fixup_job job = { .boxes = &boxes, .drop_bcc = true };

	(void)state;
	check_fixup(&job, SLICE("A: b\r\nBcc: c\r\n\r\nTo: d\r\n"),
		    SLICE("A: b\r\nTo: undisclosed-recipients:;\r\n\r\n"
			  "To: d\r\n"));
	check_fixup(&job, SLICE("Resent-To: b\r\n\r\n"),
		    SLICE("Resent-To: b@d.org\r\n\r\n"));
	check_fixup(&job, SLICE("To: a,\r\n b"),
		    SLICE("To: a@d.org,\r\n b@d.org\r\n\r\n"));
	check_fixup(&job, SLICE("To: a\r\n"), SLICE("To: a@d.org\r\n\r\n"));
	check_fixup(&job, SLICE("Cc: a\r\nno field\r\n"),
		    SLICE("Cc: a@d.org\r\n\r\nno field\r\n"));
	check_fixup(&job,
		    SLICE("reply-TO: a\r\nSENDER: b\r\ncC: c\r\n"
			  "Resent-Cc: d\r\nResent-Reply-To: e\r\n"
			  "Resent-Sender: f\r\nX-To: g\r\n\r\nTo: h"),
		    SLICE("reply-TO: a@d.org\r\nSENDER: b@d.org\r\n"
			  "cC: c@d.org\r\nResent-Cc: d@d.org\r\n"
			  "Resent-Reply-To: e@d.org\r\n"
			  "Resent-Sender: f@d.org\r\nX-To: g\r\n\r\nTo: h"));
}

static void completes_the_resent_block(void **state)
{
	(void)state;
	assert_fixup(all, "From: a\r\nResent-To: b\r\n\r\n",
		     RECEIVED "From: a\r\nResent-To: b\r\n" RESENT_ADDED
			      "\r\n");
	assert_fixup(all, "Subject: s\r\nRESENT-bcc: b\r\n c\r\n\r\n",
		     RECEIVED "Subject: s\r\n" RESENT_ADDED "\r\n");
	assert_fixup(all,
		     "Resent-From: a\r\nResent-Date: b\r\n"
		     "Resent-Message-ID: c\r\n\r\n",
		     RECEIVED "Resent-From: a\r\nResent-Date: b\r\n"
			      "Resent-Message-ID: c\r\n\r\n");
	assert_fixup(all, "Resent-Date: b\r\n\r\n",
		     RECEIVED "Resent-Date: b\r\nResent-From: F <f@x>\r\n"
			      "Resent-Message-ID: <m@x>\r\n\r\n");
	/* no such field, but of the kind */
	assert_fixup(
		all, "Resent-Return-Path: x\r\nResent-Received: y\r\n\r\n",
		RECEIVED
		"Resent-Return-Path: x\r\nResent-Received: y\r\n" RESENT_ADDED
		"\r\n");
	assert_int_equal(run.f.received, 0);
	assert_fixup(all, "Resent: b\r\n\r\n",
		     RECEIVED "Resent: b\r\n" ADDED "\r\n");
}

/* The first line is no field: all is body, with an empty line in front. */
static void makes_a_header(void **state)
{
	(void)state;
	assert_fixup(all, "Hello world\r\n",
		     RECEIVED ADDED "\r\nHello world\r\n");
	assert_fixup(all, "Hello\r\n", RECEIVED ADDED "\r\nHello\r\n");
	assert_fixup(all, "Hello", RECEIVED ADDED "\r\nHello");
	assert_fixup(all, " A: b\r\n", RECEIVED ADDED "\r\n A: b\r\n");
	assert_fixup(all, "\tA: b\r\n", RECEIVED ADDED "\r\n\tA: b\r\n");
	assert_fixup(all, ": b\r\nA: b\r\n",
		     RECEIVED ADDED "\r\n: b\r\nA: b\r\n");
	assert_fixup(all, "\xc3\xa4: b\r\n",
		     RECEIVED ADDED "\r\n\xc3\xa4: b\r\n");
	assert_fixup(all, "Bcc v@x\r\nBcc: w@x\r\n",
		     RECEIVED ADDED "\r\nBcc v@x\r\nBcc: w@x\r\n");
	assert_fixup(all, "\r\nbody\r\n", RECEIVED ADDED "\r\nbody\r\n");
	assert_fixup(nothing, "Hello\r\n", "\r\nHello\r\n");
	/* a CR at the beginning of a line that ends none */
	assert_fixup(nothing, "\rx\r\n", "\r\n\rx\r\n");
	assert_fixup(nothing, "\r", "\r\n");
}

/* A line in the header that is no field ends it. */
static void ends_the_header_at_text(void **state)
{
	(void)state;
	assert_fixup(all, "A: b\r\nplain text\r\nBcc: c\r\n",
		     RECEIVED "A: b\r\n" ADDED "\r\nplain text\r\nBcc: c\r\n");
	assert_fixup(all, "A: b\r\nword\r\n",
		     RECEIVED "A: b\r\n" ADDED "\r\nword\r\n");
	assert_fixup(all, "A: b\r\nBcc: c\r\nplain text\r\n",
		     RECEIVED "A: b\r\n" ADDED "\r\nplain text\r\n");
	assert_fixup(nothing, "A: b\r\n\rx", "A: b\r\n\r\n\rx");
}

/* A header without a body stays one; its end is completed. */
static void completes_a_bare_header(void **state)
{
	(void)state;
	assert_fixup(all, "", RECEIVED ADDED "\r\n");
	assert_fixup(all, "A: b\r\n", RECEIVED "A: b\r\n" ADDED "\r\n");
	assert_fixup(all, "A: b", RECEIVED "A: b\r\n" ADDED "\r\n");
	assert_fixup(all, "A:", RECEIVED "A:\r\n" ADDED "\r\n");
	assert_fixup(all, "A: b\r\n c", RECEIVED "A: b\r\n c\r\n" ADDED "\r\n");
	assert_fixup(all, "A: b\r\n\r", RECEIVED "A: b\r\n" ADDED "\r\n");
	assert_fixup(nothing, "", "\r\n");
}

/* Names around FIXUP_MAX_NAME, behind a field, and as the first line. */
static void limits_names(void **state)
{
	char text[512], wire[512];

	(void)state;
	for (size_t n = FIXUP_MAX_NAME - 1; n <= FIXUP_MAX_NAME + 2; n++) {
		struct buf in = BUF_ON(text), want = BUF_ON(wire);

		/* a field, and then one with a long name */
		buf_put_str(&in, "A: b\r\n");
		for (size_t i = 0; i < n; i++)
			buf_put_char(&in, 'N');
		buf_put_str(&in, ": c\r\nFrom: d\r\n\r\n");
		check_fixup(&nothing, buf_slice(&in), buf_slice(&in));
		assert_true(run.f.seen & FIXUP_SAW_FROM);

		/* as the first line it may be text */
		buf_drop(&in, 6);
		if (n > FIXUP_MAX_NAME)
			buf_put_str(&want, "\r\n");
		buf_put_slice(&want, buf_slice(&in));
		check_fixup(&nothing, buf_slice(&in), buf_slice(&want));
		assert_int_equal(run.f.seen & FIXUP_SAW_HEADER,
				 n > FIXUP_MAX_NAME ? 0 : FIXUP_SAW_HEADER);

		/* text of one long word, and a field's name without a colon */
		buf_reset(&in);
		for (size_t i = 0; i < n; i++)
			buf_put_char(&in, 'x');
		buf_put_str(&in, "\r\n");
		buf_reset(&want);
		buf_put_str(&want, "\r\n");
		buf_put_slice(&want, buf_slice(&in));
		check_fixup(&nothing, buf_slice(&in), buf_slice(&want));
	}
}

/* Blanks before the colon, up to and past what can be held. */
static void limits_blanks(void **state)
{
	const struct fixup_job job = { .drop_bcc = true };
	char text[512], wire[512];

	(void)state;
	for (size_t n = FIXUP_MAX_NAME - 5; n <= FIXUP_MAX_NAME + 5; n++) {
		struct buf in = BUF_ON(text), want = BUF_ON(wire);

		buf_put_str(&in, "A: b\r\nBcc");
		for (size_t i = 0; i < n; i++)
			buf_put_char(&in, i % 2 ? ' ' : '\t');
		buf_put_str(&in, ": v@x\r\n w@x\r\n\r\n");
		check_fixup(&job, buf_slice(&in), SLICE("A: b\r\n\r\n"));

		/* text with a wide gap as the first line keeps it */
		buf_reset(&in);
		buf_put_str(&in, "Name");
		for (size_t i = 0; i < n; i++)
			buf_put_char(&in, ' ');
		buf_put_str(&in, "Value\r\n");
		buf_put_str(&want, "\r\n");
		buf_put_slice(&want, buf_slice(&in));
		check_fixup(&job, buf_slice(&in), buf_slice(&want));
	}
}

static void tells_what_it_saw(void **state)
{
	static const struct {
		struct slice in;
		unsigned seen;
	} rows[] = {
		{ LIT("From: a\r\n"), FIXUP_SAW_FROM },
		{ LIT("Date: a\r\n"), FIXUP_SAW_DATE },
		{ LIT("Message-ID: a\r\n"), FIXUP_SAW_MSGID },
		{ LIT("To: a\r\n"), FIXUP_SAW_TO },
		{ LIT("cc: a\r\n"), FIXUP_SAW_TO },
		{ LIT("Bcc: a\r\n"), 0 },
		{ LIT("Subject: a\r\n"), 0 },
		{ LIT("Resent-To: a\r\n"), FIXUP_SAW_RESENT },
		{ LIT("Resent-Bcc: a\r\n"), FIXUP_SAW_RESENT },
		{ LIT("Resent-From: a\r\n"),
		  FIXUP_SAW_RESENT | FIXUP_SAW_RESENT_FROM },
		{ LIT("Resent-Date: a\r\n"),
		  FIXUP_SAW_RESENT | FIXUP_SAW_RESENT_DATE },
		{ LIT("Resent-Message-ID: a\r\n"),
		  FIXUP_SAW_RESENT | FIXUP_SAW_RESENT_MSGID },
	};
	char space[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf out = BUF_ON(space);
		struct fixup f;

		fixup_start(&f, &all);
		assert_int_equal(f.seen, 0);
		(void)fixup_feed(&f, rows[i].in, &out);
		assert_int_equal(f.seen, rows[i].seen | FIXUP_SAW_HEADER);
		assert_int_equal(f.header_len, rows[i].in.n);
		(void)fixup_feed(&f, SLICE("\r\nTo: x\r\n"), &out);
		assert_int_equal(f.seen, rows[i].seen | FIXUP_SAW_HEADER |
						 FIXUP_SAW_BODY);
		assert_int_equal(f.header_len, rows[i].in.n);
	}
}

/* STANDARDS.md S-12: those of the header count, in any case. */
static void counts_hops(void **state)
{
	char space[256];
	struct buf out;
	struct fixup f;

	(void)state;
	fixup_start(&f, &nothing);
	for (unsigned i = 1; i <= 70000; i++) {
		out = BUF_ON(space);
		assert_int_equal(fixup_feed(&f, SLICE("RECEIVED: x\r\n"), &out),
				 13);
		assert_int_equal(f.received, i < 65536 ? i : 65535);
	}
	out = BUF_ON(space);
	(void)fixup_feed(&f, SLICE("\r\nReceived: y\r\n"), &out);
	assert_int_equal(f.received, 65535);
	assert_int_equal(f.header_len, 13 * 70000);
}

static void measures_the_header(void **state)
{
	static const struct {
		struct slice in;
		uint32_t len;
	} rows[] = {
		{ LIT("A: b\r\n\r\nbody"), 6 },
		{ LIT("A: b\r\n c\r\nBcc: d\r\n\r\n"), 18 },
		{ LIT("A: b\r\ntext\r\n"), 6 },
		{ LIT("Hello\r\n"), 0 },
		{ LIT("\r\n"), 0 },
		{ LIT("A: b\r\n\rx"), 6 },
		{ LIT(""), 0 },
	};
	static char space[4096];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (size_t most = 0; most <= 1; most++) {
			struct buf out = BUF_ON(space);
			uint32_t seed = FEED_SEED;

			run.job = &all;
			(void)feed_pieces(&filter, rows[i].in, &out, most, 0,
					  &seed);
			assert_int_equal(run.f.header_len, rows[i].len);
		}
	}
	/* a word of the maximum, and no field */
	char text[FIXUP_MAX_NAME + 10];
	memset(text, 'x', sizeof(text));
	struct buf out = BUF_ON(space);
	uint32_t seed = FEED_SEED;
	(void)feed_pieces(&filter, slice_of(text, sizeof(text)), &out, 0, 0,
			  &seed);
	assert_int_equal(run.f.header_len, 0);
}

/* Texts of the job longer than any room go out in pieces. */
static void puts_out_long_texts(void **state)
{
	static char trace[3000], body[3000], wire[1 << 14];
	struct buf t = BUF_ON(trace), want = BUF_ON(wire);

	(void)state;
	buf_put_str(&t, "Received: ");
	while (buf_room(&t) > 2)
		buf_put_char(&t, 'r');
	buf_put_str(&t, "\r\n");
	memset(body, 'f', sizeof(body));

	const struct fixup_job job = { .trace = buf_slice(&t),
				       .from = slice_of(body, sizeof(body)),
				       .msgid = slice_of(body, 2000) };
	buf_put_slice(&want, job.trace);
	buf_put_str(&want, "A: b\r\nFrom: ");
	buf_put_slice(&want, job.from);
	buf_put_str(&want, "\r\nMessage-ID: ");
	buf_put_slice(&want, job.msgid);
	buf_put_str(&want, "\r\n\r\nbody");
	check_fixup(&job, SLICE("A: b\r\n\r\nbody"), buf_slice(&want));
}

static void waits_for_room(void **state)
{
	char space[128];
	struct fixup f;

	(void)state;
	fixup_start(&f, &nothing);
	struct buf out = buf_on(space, 63);
	assert_int_equal(fixup_feed(&f, SLICE("A: b"), &out), 0);
	assert_int_equal(out.len, 0);
	out = buf_on(space, 64);
	assert_int_equal(fixup_feed(&f, SLICE("A: b"), &out), 4);
	/* the end gets on with any room at all */
	fixup_start(&f, &all);
	char wire[512];
	struct buf whole = BUF_ON(wire);
	for (bool done = false; !done;) {
		out = buf_on(space, 1);
		done = fixup_end(&f, &out);
		buf_put_slice(&whole, buf_slice(&out));
	}
	assert_built(&whole, RECEIVED ADDED "\r\n");
	assert_true(fixup_end(&f, &out));

	fixup_start(&f, &nothing);
	whole = BUF_ON(wire);
	assert_int_equal(fixup_feed(&f, SLICE("A: b"), &whole), 4);
	for (bool done = false; !done;) {
		out = buf_on(space, 1);
		done = fixup_end(&f, &out);
		buf_put_slice(&whole, buf_slice(&out));
	}
	assert_built(&whole, "A: b\r\n\r\n");
}

/* A field that is longer than all buffers, kept or dropped. */
static void passes_fields_of_any_length(void **state)
{
	static char piece[4000], space[8192];
	size_t total = 0;
	struct fixup f;

	(void)state;
	memset(piece, 'x', sizeof(piece));
	fixup_start(&f, &all);
	struct buf out = BUF_ON(space);
	assert_int_equal(fixup_feed(&f, SLICE("A:"), &out), 2);
	for (int i = 0; i < 1000; i++) {
		out = BUF_ON(space);
		assert_int_equal(
			fixup_feed(&f, slice_of(piece, sizeof(piece)), &out),
			sizeof(piece));
		total += out.len;
	}
	assert_int_equal(total, 4000000);
	out = BUF_ON(space);
	assert_int_equal(fixup_feed(&f, SLICE("\r\nBcc:"), &out), 6);
	assert_built(&out, "\r\n");
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(
			fixup_feed(&f, slice_of(piece, sizeof(piece)), &out),
			sizeof(piece));
		assert_built(&out, "\r\n");
	}
	assert_int_equal(f.header_len, 8000008);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_nothing_unasked),
		cmocka_unit_test(adds_what_is_missing),
		cmocka_unit_test(adds_only_what_is_given),
		cmocka_unit_test(drops_what_may_not_leave),
		cmocka_unit_test(drops_each_kind_alone),
		cmocka_unit_test(puts_another_from_in_its_place),
		cmocka_unit_test(completes_addresses),
		cmocka_unit_test(completes_the_resent_block),
		cmocka_unit_test(makes_a_header),
		cmocka_unit_test(ends_the_header_at_text),
		cmocka_unit_test(completes_a_bare_header),
		cmocka_unit_test(limits_names),
		cmocka_unit_test(limits_blanks),
		cmocka_unit_test(tells_what_it_saw),
		cmocka_unit_test(counts_hops),
		cmocka_unit_test(measures_the_header),
		cmocka_unit_test(puts_out_long_texts),
		cmocka_unit_test(waits_for_room),
		cmocka_unit_test(passes_fields_of_any_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
