/* SPDX-License-Identifier: ISC */
/*
 * base/buf.c - see base/buf.h.
 *
 * The formatter is our own: printf() of a C library is larger than all of
 * this folder, knows locales and floats, and cannot stop at a bound we name.
 */
#include "base/buf.h"

#include <string.h>

/* Digits of the largest 64-bit number. */
#define MAX_DIGITS 20

/* Source bytes of foreign text that a log line shows. */
#define MAX_QUOTED 120

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->overflow = false;
}

void buf_drop(struct buf *b, size_t n)
{
	b->len -= n;
	if (n > 0 && b->len > 0)
		memmove(b->data, b->data + n, b->len);
}

/* Claim n bytes at the end; NULL: they do not fit, which is noted. */
static char *claim(struct buf *b, size_t n)
{
	if (b->overflow || n > b->cap - b->len) {
		b->overflow = true;
		return NULL;
	}
	b->len += n;
	return b->data + b->len - n;
}

void buf_put(struct buf *b, const void *src, size_t n)
{
	char *at = claim(b, n);

	if (at && n > 0)
		memcpy(at, src, n);
}

void buf_put_slice(struct buf *b, struct slice s)
{
	buf_put(b, s.p, s.n);
}

void buf_put_str(struct buf *b, const char *s)
{
	buf_put_slice(b, slice_str(s));
}

void buf_put_char(struct buf *b, char c)
{
	buf_put(b, &c, 1);
}

void buf_put_zero(struct buf *b, size_t n)
{
	char *at = claim(b, n);

	if (at && n > 0)
		memset(at, 0, n);
}

/* Append v in base 10 or 16, at least width digits (at most MAX_DIGITS). */
static void put_number(struct buf *b, uint64_t v, unsigned base, unsigned width)
{
	char space[MAX_DIGITS];
	unsigned at = MAX_DIGITS;
	unsigned most = width < MAX_DIGITS ? MAX_DIGITS - width : 0;

	do {
		space[--at] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v > 0);
	while (at > most)
		space[--at] = '0';
	buf_put(b, space + at, MAX_DIGITS - at);
}

void buf_put_u64(struct buf *b, uint64_t v)
{
	put_number(b, v, 10, 0);
}

/* Append v in base 10, at least width digits behind the sign. */
static void put_signed(struct buf *b, int64_t v, unsigned width)
{
	uint64_t size = (uint64_t)v;

	if (v < 0) {
		buf_put_char(b, '-');
		size = 0 - size; /* the smallest number has no positive twin */
	}
	put_number(b, size, 10, width);
}

void buf_put_i64(struct buf *b, int64_t v)
{
	put_signed(b, v, 0);
}

void buf_put_digits(struct buf *b, uint64_t v, unsigned width)
{
	put_number(b, v, 10, width);
}

void buf_put_u16le(struct buf *b, uint16_t v)
{
	char *at = claim(b, sizeof(v));

	if (at)
		put_u16le(at, v);
}

void buf_put_u32le(struct buf *b, uint32_t v)
{
	char *at = claim(b, sizeof(v));

	if (at)
		put_u32le(at, v);
}

void buf_put_u64le(struct buf *b, uint64_t v)
{
	char *at = claim(b, sizeof(v));

	if (at)
		put_u64le(at, v);
}

/* All or nothing: take back what was put since mark if it did not fit. */
static void undo_if_cut(struct buf *b, size_t mark)
{
	if (b->overflow)
		b->len = mark;
}

void buf_put_quoted(struct buf *b, struct slice s)
{
	size_t mark = b->len;
	struct slice shown = slice_head(s, MAX_QUOTED);

	buf_put_char(b, '"');
	for (size_t i = 0; i < shown.n; i++) {
		char c = shown.p[i];

		if (char_is_print(c) && c != '"' && c != '\\') {
			buf_put_char(b, c);
		} else {
			buf_put(b, "\\x", 2);
			put_number(b, (uint8_t)c, 16, 2);
		}
	}
	if (shown.n < s.n)
		buf_put(b, "...", 3);
	buf_put_char(b, '"');
	undo_if_cut(b, mark);
}

/* Append the character at the front of in for JSON; bytes of it. */
static size_t put_json_char(struct buf *b, struct slice in)
{
	char c = in.p[0];
	size_t n = slice_utf8_len(in);

	if (n == 0) {
		buf_put(b, "\xef\xbf\xbd", 3); /* U+FFFD */
		return 1;
	}
	if (c == '"' || c == '\\')
		buf_put_char(b, '\\');
	if ((uint8_t)c < 0x20) {
		buf_put(b, "\\u", 2);
		put_number(b, (uint8_t)c, 16, 4);
	} else {
		buf_put(b, in.p, n);
	}
	return n;
}

void buf_put_json(struct buf *b, struct slice s)
{
	size_t mark = b->len;

	buf_put_char(b, '"');
	while (s.n > 0)
		s = slice_from(s, put_json_char(b, s));
	buf_put_char(b, '"');
	undo_if_cut(b, mark);
}

/* Append byte by byte, so that what does not fit is cut, not left out. */
static void put_cut(struct buf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_put_char(b, s[i]);
}

/* What stands between '%' and the letter of a conversion. */
struct spec {
	unsigned width; /* least digits */
	unsigned longs; /* 'l' and 'z', which is as long */
	bool precision; /* ".*" */
};

/* Read a spec at *fmt; returns the letter behind it. */
static char read_spec(const char **fmt, struct spec *s)
{
	const char *p = *fmt;

	*s = (struct spec){ 0 };
	for (;; p++) {
		if (char_is_digit(*p))
			s->width = s->width * 10 + (unsigned)(*p - '0');
		else if (*p == 'l' || *p == 'z')
			s->longs++;
		else if (*p == '.' && p[1] == '*')
			s->precision = *++p;
		else
			break;
	}
	*fmt = *p ? p + 1 : p;
	return *p;
}

BUILD_ASSERT(sizeof(size_t) == sizeof(long));

/*
 * Integers come in two sizes on every machine, whatever their names are, and
 * in two's complement: their letter tells what they mean.
 */
static void put_integer(struct buf *b, const struct spec *s, char letter,
			va_list *args)
{
	bool wide = s->longs > 1 ||
		    (s->longs > 0 && sizeof(long) > sizeof(int));
	int64_t v = wide ? va_arg(*args, int64_t) : va_arg(*args, int);

	if (letter == 'd') {
		put_signed(b, v, s->width);
		return;
	}
	if (!wide)
		v = (unsigned)v;
	put_number(b, (uint64_t)v, letter == 'x' ? 16 : 10, s->width);
}

static void put_string(struct buf *b, const struct spec *s, va_list *args)
{
	int max = s->precision ? va_arg(*args, int) : -1;
	const char *text = va_arg(*args, const char *);

	if (text)
		put_cut(b, text, strnlen(text, (size_t)max));
}

void buf_vputf(struct buf *b, const char *fmt, va_list args)
{
	struct spec s;
	va_list list; /* its address has a known type on every machine */

	va_copy(list, args);
	while (*fmt) {
		char letter;

		if (*fmt != '%') {
			buf_put_char(b, *fmt++);
			continue;
		}
		fmt++;
		letter = read_spec(&fmt, &s);
		if (letter == 's')
			put_string(b, &s, &list);
		else if (letter == 'c')
			buf_put_char(b, (char)va_arg(list, int));
		else if (letter == 'd' || letter == 'u' || letter == 'x')
			put_integer(b, &s, letter, &list);
		else if (letter == '%')
			buf_put_char(b, '%');
		else /* not in the subset: the arguments are lost */
			b->overflow = true;
	}
	va_end(list);
}

void buf_putf(struct buf *b, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	buf_vputf(b, fmt, args);
	va_end(args);
}

const char *buf_cstr(struct buf *b)
{
	if (b->overflow || b->len == b->cap) {
		b->overflow = true;
		return "";
	}
	b->data[b->len] = '\0';
	return b->data;
}
