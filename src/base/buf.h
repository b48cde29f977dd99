/* SPDX-License-Identifier: ISC */
/*
 * base/buf.h - a bounded builder: the only way text and records are made.
 *
 * The space belongs to the caller.  A piece that does not fit sets overflow
 * and adds nothing; every later piece does nothing: the first error is kept,
 * the caller looks once, at the end.  The content is not NUL-ended.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>

#include "base/slice.h"

/* What has been built so far. */
struct buf {
	char *data;    /* the caller's space */
	size_t len;    /* bytes used */
	size_t cap;    /* bytes there are */
	bool overflow; /* a piece did not fit; sticky until buf_reset() */
};

/* A builder on a true array. */
#define BUF_ON(array) ((struct buf){ (array), 0, sizeof(array), false })

/* A builder on cap bytes at p. */
static inline struct buf buf_on(void *p, size_t cap)
{
	return (struct buf){ p, 0, cap, false };
}

/* What was built; valid until the space changes. */
static inline struct slice buf_slice(const struct buf *b)
{
	return (struct slice){ b->data, b->len };
}

/* Bytes that still fit. */
static inline size_t buf_room(const struct buf *b)
{
	return b->overflow ? 0 : b->cap - b->len;
}

/* Forget content and overflow. */
void buf_reset(struct buf *b);

/* Drop the first n bytes (n <= len), moving the rest to the front. */
void buf_drop(struct buf *b, size_t n);

/* Append n bytes, a slice, a NUL-ended string, one byte. */
void buf_put(struct buf *b, const void *src, size_t n);
void buf_put_slice(struct buf *b, struct slice s);
void buf_put_str(struct buf *b, const char *s);
void buf_put_char(struct buf *b, char c);

/* Append n bytes of value 0. */
void buf_put_zero(struct buf *b, size_t n);

/*
 * Append a decimal number.  digits: at least width digits (at most 20), zeros
 * in front.
 */
void buf_put_u64(struct buf *b, uint64_t v);
void buf_put_i64(struct buf *b, int64_t v);
void buf_put_digits(struct buf *b, uint64_t v, unsigned width);

/* Append integers in little-endian byte order. */
void buf_put_u16le(struct buf *b, uint16_t v);
void buf_put_u32le(struct buf *b, uint32_t v);
void buf_put_u64le(struct buf *b, uint64_t v);

/*
 * Append text from outside for a log: "..." with control bytes, quotes,
 * backslashes and 8-bit as \xNN, cut after 120 source bytes with a mark.
 */
void buf_put_quoted(struct buf *b, struct slice s);

/*
 * Append a JSON string with its quotes (RFC 8259 7).  Bytes that are not
 * valid UTF-8 become U+FFFD.
 */
void buf_put_json(struct buf *b, struct slice s);

/*
 * Formatted append; a small subset of printf: %s (NUL-ended), %.*s (int,
 * char *), %c, %d %u %zu %ld %lu %lld %llu, %x, %%, and a width with leading
 * zeros such as %02u.  Anything else sets overflow.  Here alone a text that
 * does not fit is cut, not left out (overflow is set all the same).
 */
void buf_putf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The same with the arguments in a list, which is left as it was. */
void buf_vputf(struct buf *b, const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));

/*
 * End the content with a NUL that len does not count; overflow if no room.
 * Returns: the content as a string;  "" after an overflow
 */
const char *buf_cstr(struct buf *b);

#endif
