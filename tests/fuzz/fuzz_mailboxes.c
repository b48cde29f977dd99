/* SPDX-License-Identifier: ISC */
/*
 * fuzz_mailboxes.c - any field of addresses: pieces change nothing, the text
 * is never cut, its lines stay one field, what is completed stays complete.
 */
#include <assert.h>

#include "mail/mailboxes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct mailboxes m = {
	.home = { { "d.org", 5 }, { "box.d.org", 9 }, { "node", 4 } },
};

static void run(struct slice in, bool from, size_t most, struct buf *out)
{
	mailboxes_start(&m);
	mailboxes_begin(&m, from);
	for (size_t at = 0; at < in.n;) {
		at += mailboxes_feed(&m, slice_head(slice_from(in, at), most));
		assert(!m.out.overflow);
		buf_put_slice(out, buf_slice(&m.out));
		buf_reset(&m.out);
	}
	mailboxes_end(&m);
	assert(!m.out.overflow);
	buf_put_slice(out, buf_slice(&m.out));
}

/* The body of one field: every line end is followed by a blank. */
static struct slice make_field(struct slice data, char space[static 9000])
{
	struct buf b = buf_on(space, 9000);

	data = slice_head(data, 2000);
	for (size_t i = 0; i < data.n; i++) {
		char c = data.p[i];

		if (c == '\n' || c == '\r')
			buf_put_str(&b, "\r\n ");
		else if (c != '\0')
			buf_put_char(&b, c);
	}
	buf_put_str(&b, "\r\n");
	return buf_slice(&b);
}

static void check(struct slice field, bool from)
{
	static char one[600000], two[600000], three[600000];
	struct buf whole = BUF_ON(one), bytes = BUF_ON(two);
	struct buf again = BUF_ON(three);

	run(field, from, field.n, &whole);
	run(field, from, 1, &bytes);
	assert(!whole.overflow);
	assert(slice_eq(buf_slice(&whole), buf_slice(&bytes)));
	assert(slice_iends(buf_slice(&whole), SLICE("\r\n")));
	for (size_t i = 0; i + 1 < whole.len; i++)
		assert(one[i] != '\n' || char_is_blank(one[i + 1]));
	run(buf_slice(&whole), from, 7, &again);
	assert(slice_eq(buf_slice(&whole), buf_slice(&again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char space[9000];
	struct slice field = make_field(slice_of(data, size), space);

	m.force = m.sender = SLICE("");
	check(field, false);
	m.sender = SLICE("s@x.org");
	check(field, true);
	m.force = SLICE("f@x.org");
	check(field, true);
	return 0;
}
