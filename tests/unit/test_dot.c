/* SPDX-License-Identifier: ISC */
/*
 * mail/dot: the guard against smuggling, both ways.  The texts are those of
 * STANDARDS.md S-1; each is tried with every split in two, byte by byte, and
 * at random.
 */
#include "lib/check.h"
#include "lib/feed.h"
#include "mail/dot.h"

/* Ends of data that some peer might see, but CRLF.CRLF. */
static const struct slice tricks[] = {
	LIT("\n.\n"),       LIT("\n.\r\n"),      LIT("\r\n.\n"),
	LIT("\r.\r"),       LIT("\r.\r\n"),      LIT("\r\n.\r"),
	LIT("\n.\r"),       LIT("\r\n.\r\r\n"),  LIT("\r\r\n.\r\n"),
	LIT("\r\n\0.\r\n"), LIT("\r\n.\0\r\n"),  LIT("\r\n.\r\0\n"),
	LIT("\r.\n"),       LIT("\n\r\n.\n"),    LIT("\r\n.\n\r\n"),
	LIT("\0\r\n.\r\n"), LIT("\r\n\r.\r\n"),  LIT("\n\n.\n\n"),
	LIT("\r\n..\n"),    LIT("\r\n.\r.\r\n"),
};

/* ---- the reader ---- */

/* Read from pieces cut at cut; bytes taken. */
static size_t read_split(struct dot_in *d, struct slice in, size_t cut,
			 struct buf *out)
{
	dot_in_start(d);
	size_t used = dot_in_feed(d, slice_head(in, cut), out);

	if (used == cut && d->status == DOT_IN_MORE)
		used += dot_in_feed(d, slice_from(in, used), out);
	return used;
}

static size_t read_bytes(struct dot_in *d, struct slice in, struct buf *out)
{
	size_t used = 0;

	dot_in_start(d);
	while (used < in.n && d->status == DOT_IN_MORE)
		used += dot_in_feed(d, slice_head(slice_from(in, used), 1),
				    out);
	return used;
}

static void check_in(struct slice in, enum dot_in_state status,
		     struct slice want, size_t used)
{
	char space[256];
	struct dot_in d;

	for (size_t cut = 0; cut <= in.n; cut++) {
		struct buf out = BUF_ON(space);

		assert_int_equal(read_split(&d, in, cut, &out), used);
		assert_int_equal(d.status, status);
		assert_slice(buf_slice(&out), want);
		assert_false(out.overflow);
	}
	struct buf out = BUF_ON(space);
	assert_int_equal(read_bytes(&d, in, &out), used);
	assert_int_equal(d.status, status);
	assert_slice(buf_slice(&out), want);
}

#define assert_in(in, status, want, used) \
	check_in(SLICE(in), status, SLICE(want), used)

static void reads_data(void **state)
{
	(void)state;
	assert_in(".\r\n", DOT_IN_END, "", 3);
	assert_in("a\r\n.\r\n", DOT_IN_END, "a\r\n", 6);
	assert_in("\r\n.\r\n", DOT_IN_END, "\r\n", 5);
	assert_in("a\r\n\r\nb\r\n.\r\nQUIT\r\n", DOT_IN_END, "a\r\n\r\nb\r\n",
		  11);
	assert_in("a\r\n", DOT_IN_MORE, "a\r\n", 3);
	assert_in("a\r\n.", DOT_IN_MORE, "a\r\n", 4);
	assert_in("a\r\n.\r", DOT_IN_MORE, "a\r\n", 5);
	assert_in("a\r", DOT_IN_MORE, "a", 2);
	assert_in("", DOT_IN_MORE, "", 0);
	assert_in("\xff\x80\x01\t\r\n.\r\n", DOT_IN_END, "\xff\x80\x01\t\r\n",
		  9);
}

/* RFC 5321 4.5.2 */
static void takes_dots_off(void **state)
{
	(void)state;
	assert_in("..\r\n.\r\n", DOT_IN_END, ".\r\n", 7);
	assert_in("..a\r\n.\r\n", DOT_IN_END, ".a\r\n", 8);
	assert_in("...\r\n.\r\n", DOT_IN_END, "..\r\n", 8);
	assert_in(".a\r\n.\r\n", DOT_IN_END, "a\r\n", 7);
	assert_in("a.\r\n.\r\n", DOT_IN_END, "a.\r\n", 7);
	assert_in("a\r\n. \r\n.\r\n", DOT_IN_END, "a\r\n \r\n", 10);
	assert_in("a.b..c\r\n.\r\n", DOT_IN_END, "a.b..c\r\n", 11);
}

static void finds_faults(void **state)
{
	(void)state;
	assert_in("a\nb", DOT_IN_BARE_LF, "a", 2);
	assert_in("\n", DOT_IN_BARE_LF, "", 1);
	assert_in(".\n", DOT_IN_BARE_LF, "", 2);
	assert_in("a\rb", DOT_IN_BARE_CR, "a", 3);
	assert_in("\r\r", DOT_IN_BARE_CR, "", 2);
	assert_in("\r.", DOT_IN_BARE_CR, "", 2);
	assert_in("a\r\0", DOT_IN_BARE_CR, "a", 3);
	assert_in(".\rb", DOT_IN_BARE_CR, "", 3);
	assert_in(".\r\r\n", DOT_IN_BARE_CR, "", 3);
	assert_in("a\0b", DOT_IN_NUL, "a", 2);
	assert_in("\0", DOT_IN_NUL, "", 1);
	assert_in(".\0", DOT_IN_NUL, "", 2);
}

/*
 * S-1.  Behind each trick stands a second message.  Either the trick is
 * refused where it stands, or all is one message up to the true end; the
 * reader never says END anywhere else.
 */
static void is_not_fooled(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tricks); i++) {
		char space[256], text[256];
		struct buf all = BUF_ON(space);

		buf_put_str(&all, "Subject: x\r\n\r\nbody");
		buf_put_slice(&all, tricks[i]);
		buf_put_str(&all,
			    "MAIL FROM:<evil@x>\r\nRCPT TO:<v@x>\r\nDATA\r\n"
			    "evil\r\n.\r\n");
		for (size_t cut = 0; cut <= all.len; cut++) {
			struct buf out = BUF_ON(text);
			struct dot_in d;
			size_t used =
				read_split(&d, buf_slice(&all), cut, &out);

			assert_true(d.status == DOT_IN_BARE_CR ||
				    d.status == DOT_IN_BARE_LF ||
				    d.status == DOT_IN_NUL);
			assert_in_range(used, 18, 18 + tricks[i].n + 1);

			/* and on to the true end, without another word */
			size_t len = out.len;
			used += dot_in_feed(
				&d, slice_from(buf_slice(&all), used), &out);
			assert_int_equal(d.status, DOT_IN_END);
			assert_int_equal(out.len, len);
			if (!memmem(tricks[i].p, tricks[i].n, "\r\n.\r\n", 5))
				assert_int_equal(used, all.len);
		}
	}
}

/* Behind a fault the true end is still CRLF.CRLF and nothing else. */
static void reads_on_behind_a_fault(void **state)
{
	static const struct {
		struct slice in;
		size_t used;
	} rows[] = {
		{ LIT("a\nb\r\n.\r\nX"), 8 },
		{ LIT("a\n.\r\n.\r\nX"), 8 },
		{ LIT("\r\r\n.\r\nX"), 6 },
		{ LIT("\r.\r\n.\r\nX"), 7 },
		{ LIT("a\0\r\n.\r\nX"), 7 },
		{ LIT("a\n.\nb\n.\r.\r\n\0.\r\n..\r\n.\r\nX"), 22 },
		{ LIT("a\n\r\n.\r\r\n.\r\nX"), 11 },
	};
	char space[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (int step = 1; step <= 64; step += 63) {
			struct buf out = BUF_ON(space);
			struct dot_in d;
			size_t used = 0;
			bool fault = false;

			dot_in_start(&d);
			while (d.status != DOT_IN_END) {
				struct slice rest =
					slice_from(rows[i].in, used);
				size_t n = dot_in_feed(
					&d, slice_head(rest, (size_t)step),
					&out);

				assert_true(n > 0);
				used += n;
				fault |= d.status != DOT_IN_MORE &&
					 d.status != DOT_IN_END;
			}
			assert_true(fault);
			assert_int_equal(used, rows[i].used);
			assert_int_equal(dot_in_feed(&d, SLICE("X"), &out), 0);
		}
	}
}

static void reader_waits_for_room(void **state)
{
	char space[16];
	struct dot_in d;

	(void)state;
	dot_in_start(&d);
	struct buf out = buf_on(space, 7);
	assert_int_equal(dot_in_feed(&d, SLICE("abc"), &out), 0);
	out = buf_on(space, 8);
	assert_int_equal(dot_in_feed(&d, SLICE("abc\r\ndef"), &out), 1);
	out = buf_on(space, 16);
	assert_int_equal(dot_in_feed(&d, SLICE("bc\r\n.\r\n"), &out), 7);
	assert_int_equal(d.status, DOT_IN_END);
	assert_built(&out, "bc\r\n");
	/* a fault needs none */
	dot_in_start(&d);
	out = buf_on(space, 16);
	assert_int_equal(dot_in_feed(&d, SLICE("\n"), &out), 1);
	out = buf_on(space, 0);
	assert_int_equal(dot_in_feed(&d, SLICE("abc\r\n.\r\n"), &out), 8);
	assert_int_equal(d.status, DOT_IN_END);
}

/* ---- the writer ---- */

static struct dot_out writer;

static void start(void *ctx)
{
	dot_out_start(ctx);
}

static size_t feed(void *ctx, struct slice in, struct buf *out)
{
	return dot_out_feed(ctx, in, out);
}

static bool end(void *ctx, struct buf *out)
{
	dot_out_end(ctx, out);
	return true;
}

static const struct feed_filter filter = { &writer, start, feed, end, 8 };

/* What must hold of all that reaches a wire (S-1b, S-6, RFC 5321 4.5.2). */
static void check_wire(struct slice wire)
{
	size_t line = 0, ends = 0;

	for (size_t i = 0; i < wire.n; i++) {
		char c = wire.p[i];
		char before = i > 0 ? wire.p[i - 1] : '\n';
		char after = i + 1 < wire.n ? wire.p[i + 1] : '\0';

		assert_false(c == '\n' && before != '\r');
		assert_false(c == '\r' && after != '\n');
		if (c == '\n') {
			struct slice got =
				slice_of(wire.p + i - line, line + 1);
			bool stuffed = got.p[0] == '.';

			assert_true(got.n <= (stuffed ? 1001 : 1000));
			if (slice_eq(got, SLICE(".\r\n")))
				ends++;
			else
				assert_true(!stuffed || got.p[1] == '.');
		}
		line = c == '\n' ? 0 : line + 1;
	}
	assert_int_equal(ends, 1);
	assert_int_equal(line, 0);
	assert_true(slice_iends(wire, SLICE(".\r\n")));
}

/* Write in every manner; want is the whole wire form. */
static void check_out(struct slice in, struct slice want)
{
	static char space[1 << 14];
	uint32_t seed = FEED_SEED;

	for (int i = 0; i < 40; i++) {
		struct buf out = BUF_ON(space);

		size_t most = i < 2 ? (size_t)i : 1 + (size_t)i;

		assert_int_equal(feed_pieces(&filter, in, &out, most,
					     i % 2 ? 8 : 0, &seed),
				 in.n);
		if (!slice_eq(buf_slice(&out), want))
			print_error("seed %u round %d\n", FEED_SEED, i);
		assert_slice(buf_slice(&out), want);
		assert_false(out.overflow);
	}
	check_wire(want);
}

#define assert_out(in, want) check_out(SLICE(in), SLICE(want))

static void writes_data(void **state)
{
	(void)state;
	assert_out("", ".\r\n");
	assert_out("a\r\n", "a\r\n.\r\n");
	assert_out("\r\n", "\r\n.\r\n");
	assert_out("a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n.\r\n");
	assert_out("a", "a\r\n.\r\n");
	assert_out("\xff\x80\t\r\n", "\xff\x80\t\r\n.\r\n");
}

static void doubles_leading_dots(void **state)
{
	(void)state;
	assert_out(".", "..\r\n.\r\n");
	assert_out(".\r\n", "..\r\n.\r\n");
	assert_out("..\r\n", "...\r\n.\r\n");
	assert_out("a.\r\n.b\r\n", "a.\r\n..b\r\n.\r\n");
	assert_out("a\r\n.\r\nb", "a\r\n..\r\nb\r\n.\r\n");
}

static void makes_lone_ends_blanks(void **state)
{
	(void)state;
	assert_out("a\nb", "a b\r\n.\r\n");
	assert_out("a\rb", "a b\r\n.\r\n");
	assert_out("\n", " \r\n.\r\n");
	assert_out("a\r\r\n", "a \r\n.\r\n");
	assert_out("a\n\r\n", "a \r\n.\r\n");
	assert_out("a\r\n\n.\r\n", "a\r\n .\r\n.\r\n");
	assert_out("\r.\r\n", " .\r\n.\r\n");
	assert_out("\n.\n", " . \r\n.\r\n");
	/* at the very end a CR is half of the line end that was missing */
	assert_out("a\r", "a\r\n.\r\n");
	assert_out("\r", "\r\n.\r\n");
	assert_out("a\r\n\r", "a\r\n\r\n.\r\n");
	assert_out("a\r\r", "a \r\n.\r\n");
}

static void writes_no_trick(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tricks); i++) {
		char text[128], wire[256];
		struct buf in = BUF_ON(text), whole = BUF_ON(wire);
		uint32_t seed = FEED_SEED;

		buf_put_str(&in, "body");
		buf_put_slice(&in, tricks[i]);
		buf_put_str(&in, "MAIL FROM:<evil@x>\r\n");
		(void)feed_pieces(&filter, buf_slice(&in), &whole, 0, 0, &seed);
		check_wire(buf_slice(&whole));
		check_out(buf_slice(&in), buf_slice(&whole));
		for (size_t cut = 0; cut <= in.len; cut++) {
			char space[256];
			struct buf out = BUF_ON(space);
			struct slice head = slice_head(buf_slice(&in), cut);
			struct slice tail = slice_from(buf_slice(&in), cut);

			dot_out_start(&writer);
			assert_int_equal(dot_out_feed(&writer, head, &out),
					 head.n);
			assert_int_equal(dot_out_feed(&writer, tail, &out),
					 tail.n);
			dot_out_end(&writer, &out);
			assert_slice(buf_slice(&out), buf_slice(&whole));
		}
	}
}

/* Behind n blanks a character of so many octets moves to the next line. */
static void breaks_no_character(void **state)
{
	static const char *const marks[] = { "\xc3\xa4", "\xe2\x82\xac",
					     "\xf0\x9f\x98\x80" };

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(marks); k++) {
		for (size_t n = 990; n <= DOT_MAX_LINE; n++) {
			static char in[1100], space[1100], text[1100];
			struct buf a = BUF_ON(in), out = BUF_ON(space);
			struct buf want = BUF_ON(text);
			struct dot_out d;

			for (size_t i = 0; i < n; i++) {
				buf_put_char(&a, 'x');
				buf_put_char(&want, 'x');
			}
			buf_put_str(&a, marks[k]);
			if (n + k + 2 > DOT_MAX_LINE)
				buf_put_str(&want, "\r\n ");
			buf_put_str(&want, marks[k]);
			dot_out_start(&d);
			for (size_t i = 0; i < a.len; i++)
				dot_out_feed(&d, slice_of(in + i, 1), &out);
			assert_slice(buf_slice(&out), buf_slice(&want));
			buf_reset(&out);
			dot_out_start(&d);
			dot_out_feed(&d, buf_slice(&a), &out);
			assert_slice(buf_slice(&out), buf_slice(&want));
			buf_reset(&out);
			dot_out_start(&d);
			d.whole = true;
			dot_out_feed(&d, buf_slice(&a), &out);
			assert_slice(buf_slice(&out), buf_slice(&a));
		}
	}
}

/* RFC 5322 2.1.1: a line of 998 octets passes, one of 999 is broken. */
static void breaks_long_lines(void **state)
{
	static char text[4000], wire[4100];

	(void)state;
	for (size_t n = 997; n <= 1999; n++) {
		struct buf in = BUF_ON(text), want = BUF_ON(wire);

		if (n == 1001)
			n = 1993;
		for (size_t i = 0; i < n; i++) {
			if (i == 998 || i == 998 + 997)
				buf_put_str(&want, "\r\n ");
			buf_put_char(&want, (char)('a' + i % 26));
			buf_put_char(&in, (char)('a' + i % 26));
		}
		buf_put_str(&in, "\r\n");
		buf_put_str(&want, "\r\n.\r\n");
		check_out(buf_slice(&in), buf_slice(&want));
	}
}

/* A dot is doubled at the beginning only, and does not count there. */
static void breaks_lines_of_dots(void **state)
{
	static char text[2000], wire[2100];

	(void)state;
	for (size_t n = 997; n <= 1000; n++) {
		struct buf in = BUF_ON(text), want = BUF_ON(wire);

		buf_put_char(&want, '.');
		for (size_t i = 0; i < n; i++) {
			if (i == 998)
				buf_put_str(&want, "\r\n ");
			buf_put_char(&want, '.');
			buf_put_char(&in, '.');
		}
		buf_put_str(&want, "\r\n.\r\n");
		check_out(buf_slice(&in), buf_slice(&want));
	}
}

/* The hardest place: everything that can go wrong, where a line is full. */
static void breaks_lines_at_lone_ends(void **state)
{
	static const struct {
		struct slice in;
		const char *wire[2];
	} rows[] = {
		/* behind 997 octets, and behind 998 */
		{ LIT("\r"), { "\r\n.\r\n", "\r\n.\r\n" } },
		{ LIT("\rx"), { " \r\n x\r\n.\r\n", "\r\n  x\r\n.\r\n" } },
		{ LIT("\n"), { " \r\n.\r\n", "\r\n  \r\n.\r\n" } },
		{ LIT("\n."), { " \r\n .\r\n.\r\n", "\r\n  .\r\n.\r\n" } },
		{ LIT("\r\r\n."),
		  { " \r\n..\r\n.\r\n", "\r\n  \r\n..\r\n.\r\n" } },
		{ LIT("\r\n.\r"), { "\r\n..\r\n.\r\n", "\r\n..\r\n.\r\n" } },
	};
	static char text[1100], wire[1100];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (size_t n = 997; n <= 998; n++) {
			struct buf in = BUF_ON(text), want = BUF_ON(wire);

			memset(text, 'x', n);
			memset(wire, 'x', n);
			in.len = want.len = n;
			buf_put_slice(&in, rows[i].in);
			buf_put_str(&want, rows[i].wire[n - 997]);
			check_out(buf_slice(&in), buf_slice(&want));
		}
	}
}

static void writer_waits_for_room(void **state)
{
	char space[16];

	(void)state;
	dot_out_start(&writer);
	struct buf out = buf_on(space, 7);
	assert_int_equal(dot_out_feed(&writer, SLICE("abc"), &out), 0);
	out = buf_on(space, 9);
	assert_int_equal(dot_out_feed(&writer, SLICE("abcdefghijk"), &out), 9);
}

/* All texts of few bytes that matter, there and back again. */
static void survives_the_round_trip(void **state)
{
	static const char letters[] = "\r\n.\0x";

	(void)state;
	for (unsigned n = 0; n < 5 * 5 * 5 * 5 * 5 * 5; n++) {
		char text[6], wire[64], back[64];
		struct buf out = BUF_ON(wire), home = BUF_ON(back);
		uint32_t seed = FEED_SEED;
		struct dot_in d;

		for (unsigned i = 0, k = n; i < 6; i++, k /= 5)
			text[i] = letters[k % 5];
		(void)feed_pieces(&filter, slice_of(text, 6), &out, 3, 8,
				  &seed);
		check_wire(buf_slice(&out));
		if (slice_find(slice_of(text, 6), '\0') >= 0)
			continue;
		assert_int_equal(read_bytes(&d, buf_slice(&out), &home),
				 out.len);
		assert_int_equal(d.status, DOT_IN_END);
		if (memchr(text, '\r', 6) || memchr(text, '\n', 6))
			continue;
		assert_int_equal(home.len, 8);
		assert_memory_equal(back, text, 6);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(breaks_no_character),
		cmocka_unit_test(reads_data),
		cmocka_unit_test(takes_dots_off),
		cmocka_unit_test(finds_faults),
		cmocka_unit_test(is_not_fooled),
		cmocka_unit_test(reads_on_behind_a_fault),
		cmocka_unit_test(reader_waits_for_room),
		cmocka_unit_test(writes_data),
		cmocka_unit_test(doubles_leading_dots),
		cmocka_unit_test(makes_lone_ends_blanks),
		cmocka_unit_test(writes_no_trick),
		cmocka_unit_test(breaks_long_lines),
		cmocka_unit_test(breaks_lines_of_dots),
		cmocka_unit_test(breaks_lines_at_lone_ends),
		cmocka_unit_test(writer_waits_for_room),
		cmocka_unit_test(survives_the_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
