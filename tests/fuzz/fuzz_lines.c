/* SPDX-License-Identifier: ISC */
/* fuzz_lines.c - pieces change nothing; no lone CR, LF or NUL comes out. */
#include <assert.h>

#include "mail/lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t feed(struct slice in, bool dot, size_t most, struct buf *out)
{
	size_t used = 0;
	struct lines f;

	lines_start(&f, dot);
	while (used < in.n && !f.ended)
		used += lines_feed(&f, slice_head(slice_from(in, used), most),
				   out);
	lines_end(&f, out);
	assert(!out->overflow);
	return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char one[20000], two[20000];
	struct buf whole = BUF_ON(one), bytes = BUF_ON(two);
	struct slice in = slice_head(slice_of(data, size), 4000);
	bool dot = in.n & 1;

	assert(feed(in, dot, in.n, &whole) == feed(in, dot, 1, &bytes));
	assert(slice_eq(buf_slice(&whole), buf_slice(&bytes)));
	for (size_t i = 0; i < whole.len; i++) {
		assert(one[i] != '\0');
		assert(one[i] != '\n' || (i > 0 && one[i - 1] == '\r'));
		assert(one[i] != '\r' || one[i + 1] == '\n');
	}
	assert(whole.len == 0 || one[whole.len - 1] == '\n');
	return 0;
}
