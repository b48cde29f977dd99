/* SPDX-License-Identifier: ISC */
/*
 * base/slice.c - see base/slice.h.
 *
 * No ctype and no locale: what a byte means never depends on the machine.
 */
#include "base/slice.h"

#include <errno.h>
#include <string.h>

struct slice slice_str(const char *s)
{
	return slice_of(s, s ? strlen(s) : 0);
}

struct slice slice_from(struct slice in, size_t n)
{
	if (in.n == 0)
		return in;
	if (n > in.n)
		n = in.n;
	return slice_of(in.p + n, in.n - n);
}

struct slice slice_head(struct slice in, size_t n)
{
	return slice_of(in.p, n < in.n ? n : in.n);
}

bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool slice_ieq(struct slice a, struct slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (char_lower(a.p[i]) != char_lower(b.p[i]))
			return false;
	}
	return true;
}

bool slice_starts(struct slice in, struct slice prefix)
{
	return in.n >= prefix.n && slice_eq(slice_head(in, prefix.n), prefix);
}

bool slice_istarts(struct slice in, struct slice prefix)
{
	return in.n >= prefix.n && slice_ieq(slice_head(in, prefix.n), prefix);
}

bool slice_iends(struct slice in, struct slice suffix)
{
	return in.n >= suffix.n &&
	       slice_ieq(slice_from(in, in.n - suffix.n), suffix);
}

ptrdiff_t slice_find(struct slice in, char ch)
{
	const char *at = in.n > 0 ? memchr(in.p, ch, in.n) : NULL;

	return at ? at - in.p : -1;
}

ptrdiff_t slice_rfind(struct slice in, char ch)
{
	for (size_t i = in.n; i > 0; i--) {
		if (in.p[i - 1] == ch)
			return (ptrdiff_t)(i - 1);
	}
	return -1;
}

/* A few lines: memmem() brings a kilobyte for texts longer than ours. */
bool slice_has(struct slice in, struct slice part)
{
	for (; part.n > 0 && in.n > 0; in = slice_from(in, 1)) {
		if (slice_starts(in, part))
			return true;
	}
	return false;
}

size_t slice_plain(struct slice in)
{
	size_t i = 0;

	while (i < in.n && in.p[i] != '\r' && in.p[i] != '\n' && in.p[i])
		i++;
	return i;
}

struct slice slice_trim(struct slice in)
{
	while (in.n > 0 && char_is_space(in.p[in.n - 1]))
		in.n--;
	while (in.n > 0 && char_is_space(in.p[0]))
		in = slice_from(in, 1);
	return in;
}

struct slice slice_cut(struct slice *rest, char sep)
{
	ptrdiff_t at = slice_find(*rest, sep);
	struct slice head = *rest;

	size_t n = at < 0 ? head.n : (size_t)at;

	*rest = slice_from(head, n + 1);
	return slice_head(head, n);
}

struct slice slice_word(struct slice *rest)
{
	while (rest->n > 0 && char_is_space(rest->p[0]))
		*rest = slice_from(*rest, 1);

	size_t n = 0;
	while (n < rest->n && !char_is_space(rest->p[n]))
		n++;
	struct slice word = slice_head(*rest, n);
	*rest = slice_from(*rest, n);
	return word;
}

int slice_to_u64(struct slice in, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;
	bool over = false;

	if (in.n == 0)
		return -EINVAL;
	for (size_t i = 0; i < in.n; i++) {
		if (!char_is_digit(in.p[i]))
			return -EINVAL;
		uint64_t digit = (uint64_t)(in.p[i] - '0');
		/* v * 10 + digit > max, without leaving 64 bits */
		if (digit > max || v > (max - digit) / 10)
			over = true;
		if (!over)
			v = v * 10 + digit;
	}
	if (over)
		return -ERANGE;
	*out = v;
	return 0;
}

int slice_to_u32(struct slice in, uint32_t max, uint32_t *out)
{
	uint64_t v;
	int err = slice_to_u64(in, max, &v);

	if (err == 0)
		*out = (uint32_t)v;
	return err;
}

uint16_t get_u16le(const void *p)
{
	const uint8_t *b = p;

	return (uint16_t)(b[0] | b[1] << 8);
}

uint32_t get_u32le(const void *p)
{
	const uint8_t *b = p;

	return get_u16le(b) | (uint32_t)get_u16le(b + 2) << 16;
}

uint64_t get_u64le(const void *p)
{
	const uint8_t *b = p;

	return get_u32le(b) | (uint64_t)get_u32le(b + 4) << 32;
}

void put_u16le(void *p, uint16_t v)
{
	uint8_t *b = p;

	b[0] = (uint8_t)v;
	b[1] = (uint8_t)(v >> 8);
}

void put_u32le(void *p, uint32_t v)
{
	put_u16le(p, (uint16_t)v);
	put_u16le((uint8_t *)p + 2, (uint16_t)(v >> 16));
}

void put_u64le(void *p, uint64_t v)
{
	put_u32le(p, (uint32_t)v);
	put_u32le((uint8_t *)p + 4, (uint32_t)(v >> 32));
}

bool char_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool char_is_alpha(char c)
{
	char l = char_lower(c);

	return l >= 'a' && l <= 'z';
}

bool char_is_alnum(char c)
{
	return char_is_digit(c) || char_is_alpha(c);
}

bool char_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool char_is_space(char c)
{
	return char_is_blank(c) || c == '\r' || c == '\n';
}

bool char_is_print(char c)
{
	return c >= 0x20 && c <= 0x7e;
}

bool char_is_atext(char c)
{
	static const char marks[] = "!#$%&'*+-/=?^_`{|}~";

	return char_is_alnum(c) || memchr(marks, c, sizeof(marks) - 1) != NULL;
}

char char_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool slice_has_8bit(struct slice in)
{
	for (size_t i = 0; i < in.n; i++) {
		if ((uint8_t)in.p[i] > 0x7f)
			return true;
	}
	return false;
}

bool slice_has_control(struct slice in)
{
	for (size_t i = 0; i < in.n; i++) {
		if ((uint8_t)in.p[i] < 0x20 || in.p[i] == 0x7f)
			return true;
	}
	return false;
}

size_t slice_utf8_len(struct slice in)
{
	uint8_t c = (uint8_t)in.p[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	if (n == 1)
		return 1;
	if (c < 0xc2 || c > 0xf4 || n > in.n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (((uint8_t)in.p[i] & 0xc0) != 0x80)
			return 0;
	}

	uint8_t second = (uint8_t)in.p[1];
	if ((c == 0xe0 && second < 0xa0) || (c == 0xed && second > 0x9f) ||
	    (c == 0xf0 && second < 0x90) || (c == 0xf4 && second > 0x8f))
		return 0;
	return n;
}

bool slice_is_utf8(struct slice in)
{
	while (in.n > 0) {
		size_t n = slice_utf8_len(in);

		if (n == 0 || (in.p[0] == '\xc2' && (uint8_t)in.p[1] < 0xa0))
			return false;
		in = slice_from(in, n);
	}
	return true;
}
