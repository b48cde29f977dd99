/* SPDX-License-Identifier: ISC */
/* Any bytes: read in pieces they are the same reply as read whole. */
#include <stdlib.h>
#include <string.h>

#include "smtp/ehlo.h"
#include "smtp/reply.h"

/* Read up to the final line or an error, step bytes at a time. */
static int read_all(struct reply *r, struct ehlo *e, struct slice in,
		    size_t step, size_t *taken)
{
	reply_start(r);
	*taken = 0;
	while (in.n > 0) {
		size_t used;
		int got = reply_feed(r, slice_head(in, step), &used);

		*taken += used;
		in = slice_from(in, used);
		if (got > 0)
			ehlo_take_line(e, buf_slice(&r->text));
		if (got < 0 || (got > 0 && r->final))
			return got;
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	struct reply whole, part;
	struct ehlo a, b;
	size_t n, m;

	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	int one = read_all(&whole, &a, in, size, &n);
	int two = read_all(&part, &b, in, 1 + size % 3, &m);
	if (one != two || n != m || memcmp(&a, &b, sizeof(a)) != 0 ||
	    whole.code != part.code || whole.dsn != part.dsn ||
	    whole.lines != part.lines || whole.text.overflow ||
	    !slice_eq(buf_slice(&whole.text), buf_slice(&part.text)))
		abort();
	if (one > 0 && (whole.code < 200 || whole.code > 599 ||
			whole.lines > CONFIG_REPLY_LINES))
		abort();
	return 0;
}
