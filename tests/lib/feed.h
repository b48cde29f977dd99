/* SPDX-License-Identifier: ISC */
/*
 * feed.h - runs a streaming filter over an input in every manner of pieces:
 * whole, byte by byte, at random, and with little room for its output.
 */
#ifndef TESTS_LIB_FEED_H
#define TESTS_LIB_FEED_H

#include "base/buf.h"

/* The filter under test. */
struct feed_filter {
	void *ctx; /* given to each function */
	/* begin anew */
	void (*start)(void *ctx);
	/* as lines_feed() and its like: bytes taken, which may be few */
	size_t (*feed)(void *ctx, struct slice in, struct buf *out);
	/* NULL, or complete the output; false: out is full, call again */
	bool (*end)(void *ctx, struct buf *out);
	size_t room; /* bytes of room with which it must get on */
};

/* The seed of all random pieces; printed with a failure. */
#define FEED_SEED 20261122u

/* The next number of a small generator. */
static inline uint32_t feed_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/*
 * Feed in, in pieces of 1 to most bytes (random where most > 1; 0: all at
 * once) with room bytes of room at a time (0: all of out).  Appends to out;
 * returns the bytes taken, less than in.n when the filter has stopped early.
 */
static inline size_t feed_pieces(const struct feed_filter *f, struct slice in,
				 struct buf *out, size_t most, size_t room,
				 uint32_t *seed)
{
	static char space[1 << 16];
	size_t used = 0, idle = 0;

	f->start(f->ctx);
	while (used < in.n && idle < 3) {
		size_t n = most == 0   ? in.n
			   : most == 1 ? 1
				       : 1 + feed_random(seed) % most;
		struct buf part = buf_on(space, room ? room : sizeof(space));
		size_t took = f->feed(
			f->ctx, slice_head(slice_from(in, used), n), &part);

		idle = took == 0 && part.len == 0 ? idle + 1 : 0;
		used += took;
		if (part.overflow)
			out->overflow = true;
		buf_put_slice(out, buf_slice(&part));
	}
	for (bool done = !f->end; !done;) {
		struct buf part = buf_on(space, room ? room : sizeof(space));

		done = f->end(f->ctx, &part);
		if (part.overflow)
			out->overflow = true;
		buf_put_slice(out, buf_slice(&part));
	}
	return used;
}

#endif
