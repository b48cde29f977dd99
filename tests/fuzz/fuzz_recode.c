/* SPDX-License-Identifier: ISC */
/*
 * fuzz_recode.c - the body of any field: pieces change nothing, seven bits
 * come out or it has failed, what has seven passes as it is, and a reader of
 * RFC 2047 finds the same text in it.
 */
#include <assert.h>

#include "base/base64.h"
#include "mail/recode.h"
#include "mail/word.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool run(struct slice name, struct slice in, size_t most,
		struct buf *out)
{
	struct recode r;

	recode_start(&r, name, name.n + 1);
	while (in.n > 0) {
		char space[RECODE_ROOM];
		struct buf part = BUF_ON(space);

		recode_feed(&r, slice_head(in, most), &part);
		assert(!part.overflow);
		buf_put_slice(out, buf_slice(&part));
		in = slice_from(in, most);
	}
	recode_end(&r, out);
	assert(!out->overflow);
	return !r.failed;
}

/* Take a word of ours off the front of *in; false: there is none. */
static bool take_word(struct slice *in, struct buf *out)
{
	struct slice rest = *in, text;
	static const char *const marks[] = { "=?utf-8?B?",
					     "=?unknown-8bit?B?" };

	size_t before = out->len;

	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		if (!slice_starts(rest, slice_str(marks[i])))
			continue;
		rest = slice_from(rest, slice_str(marks[i]).n);
		text = slice_cut(&rest, '?');
		assert(slice_starts(rest, SLICE("=")));
		*in = slice_from(rest, 1);
		assert(base64_decode(out, text) == 0);
		assert(i > 0 ||
		       slice_is_utf8(slice_from(buf_slice(out), before)));
		return true;
	}
	return false;
}

/* What a reader sees; every line of words is short enough. */
static void decode(struct slice in, struct buf *out)
{
	while (in.n > 0) {
		struct slice next = in;

		if (take_word(&in, out)) {
			next = in;
			while (next.n > 0 && char_is_space(next.p[0]))
				next = slice_from(next, 1);
			if (slice_starts(next, SLICE("=?")))
				in = next;
			continue;
		}
		if (in.p[0] != '\r' && in.p[0] != '\n')
			buf_put_char(out, in.p[0]);
		in = slice_from(in, 1);
	}
}

/* Without folds, and without blanks at the ends. */
static struct slice unfold(struct slice in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] != '\r' && in.p[i] != '\n')
			buf_put_char(out, in.p[i]);
	}
	return slice_trim(buf_slice(out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "Subject", "To", "Content-Type" };
	static char one[1 << 16], two[1 << 16], text[9999], back[9999];
	struct buf whole = BUF_ON(one), bytes = BUF_ON(two);
	struct buf plain = BUF_ON(text), decoded = BUF_ON(back);
	struct slice in = slice_head(slice_of(data, size), 2000), name;
	bool good;

	if (in.n == 0)
		return 0;
	name = slice_str(names[(unsigned char)in.p[0] % ARRAY_LEN(names)]);
	in = slice_from(in, 1);
	good = run(name, in, 16, &whole);
	assert(run(name, in, 1, &bytes) == good);
	assert(slice_eq(buf_slice(&whole), buf_slice(&bytes)));
	assert(!good || !slice_has_8bit(buf_slice(&whole)));
	if (!slice_has_8bit(in))
		assert(good && slice_eq(buf_slice(&whole), in));
	if (name.n != 7 || slice_has(in, SLICE("=?")) || in.n > RECODE_TOKEN)
		return 0;
	assert(good);
	decode(buf_slice(&whole), &decoded);
	assert(slice_eq(slice_trim(buf_slice(&decoded)), unfold(in, &plain)));
	return 0;
}
