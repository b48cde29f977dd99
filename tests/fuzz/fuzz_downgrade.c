/* SPDX-License-Identifier: ISC */
/*
 * fuzz_downgrade.c - any message: pieces change nothing, seven bits come out or
 * it has failed.  Any body: decoding what comes out gives the same bytes; with
 * the header alone to be recoded it stays as it is.
 */
#include <assert.h>

#include "mail/downgrade.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OCTETS "Content-Type: application/octet-stream\r\n\r\n"

/* The room of an owner: what is put out at a time must fit into it. */
static bool run(struct slice in, bool head, size_t most, struct buf *out)
{
	struct downgrade d;
	size_t used = 0;
	char space[DOWNGRADE_ROOM];
	struct buf part = BUF_ON(space);

	downgrade_start(&d, false);
	d.head = head;
	while (used < in.n) {
		used += downgrade_feed(
			&d, slice_head(slice_from(in, used), most), &part);
		assert(!part.overflow);
		buf_put_slice(out, buf_slice(&part));
		buf_reset(&part);
	}
	assert(downgrade_end(&d, &part));
	assert(!part.overflow);
	buf_put_slice(out, buf_slice(&part));
	assert(!out->overflow);
	return !d.failed;
}

static int value(char c)
{
	return c <= '9' ? c - '0' : c - 'A' + 10;
}

/* A reader of RFC 2045 6.7; lines are 76 octets at most. */
static void decode(struct slice in, struct buf *out)
{
	size_t col = 0;

	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];

		col = c == '\n' ? 0 : col + 1;
		assert(col <= 77);
		if (c != '=') {
			buf_put_char(out, c);
			continue;
		}
		assert(i + 2 < in.n);
		if (in.p[i + 1] != '\r')
			buf_put_char(out, (char)(value(in.p[i + 1]) << 4 |
						 value(in.p[i + 2])));
		col = in.p[i + 1] == '\r' ? 0 : col + 2;
		i += 2;
	}
}

/* What stands behind the header. */
static struct slice body_of(struct slice in)
{
	while (in.n > 0 && !slice_starts(in, SLICE("\r\n\r\n")))
		in = slice_from(in, 1);
	return in;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char one[99999], two[99999], text[9999], back[9999];
	struct buf whole = BUF_ON(one), bytes = BUF_ON(two);
	struct buf mail = BUF_ON(text), decoded = BUF_ON(back);
	struct slice in = slice_head(slice_of(data, size), 3000), got;

	assert(run(in, false, in.n, &whole) == run(in, false, 1, &bytes));
	assert(slice_eq(buf_slice(&whole), buf_slice(&bytes)));
	if (run(in, false, in.n, &bytes))
		assert(!slice_has_8bit(buf_slice(&whole)));
	buf_put_str(&mail, OCTETS);
	buf_put_slice(&mail, in);
	buf_reset(&whole);
	assert(run(buf_slice(&mail), false, 7, &whole));
	got = buf_slice(&whole);
	assert(!slice_has_8bit(got));
	decode(slice_from(body_of(got), 4), &decoded);
	assert(slice_eq(buf_slice(&decoded), in));
	buf_reset(&whole);
	buf_reset(&bytes);
	bool good = run(in, true, in.n, &whole);

	assert(run(in, true, 1, &bytes) == good);
	assert(slice_eq(buf_slice(&whole), buf_slice(&bytes)));
	if (good && !slice_starts(in, SLICE("\r\n")))
		assert(slice_eq(body_of(buf_slice(&whole)), body_of(in)));
	return 0;
}
