/* SPDX-License-Identifier: ISC */
/* fuzz_dot.c - the wire form has one end, and the reader finds just that. */
#include <assert.h>

#include "mail/dot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_wire(struct slice in, size_t cut, struct buf *out)
{
	struct dot_out d;

	dot_out_start(&d);
	assert(dot_out_feed(&d, slice_head(in, cut), out) == cut);
	assert(dot_out_feed(&d, slice_from(in, cut), out) == in.n - cut);
	dot_out_end(&d, out);
	assert(!out->overflow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char one[20000], two[20000], text[20000];
	struct buf wire = BUF_ON(one), same = BUF_ON(two), body = BUF_ON(text);
	struct slice in = slice_head(slice_of(data, size), 4000);
	struct dot_in d;

	write_wire(in, 0, &wire);
	write_wire(in, in.n > 0 ? data[0] % in.n : 0, &same);
	assert(slice_eq(buf_slice(&wire), buf_slice(&same)));

	dot_in_start(&d);
	size_t used = dot_in_feed(&d, buf_slice(&wire), &body);
	assert(slice_find(in, '\0') >= 0 || d.status == DOT_IN_END);
	assert(d.status != DOT_IN_END || used == wire.len);
	return 0;
}
