/* SPDX-License-Identifier: ISC */
/* base/base64.c - see base/base64.h; RFC 4648 section 4. */
#include "base/base64.h"

#include <errno.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct buf *out, struct slice in)
{
	for (; in.n > 0; in = slice_from(in, 3)) {
		uint32_t bits = 0;

		for (size_t i = 0; i < 3; i++)
			bits = bits << 8 | (i < in.n ? (uint8_t)in.p[i] : 0);
		for (size_t i = 0; i < 4; i++) {
			char c = alphabet[bits >> 18 & 0x3f];

			buf_put_char(out, i <= in.n ? c : '=');
			bits <<= 6;
		}
	}
}

/* No look-up: files of certificates are read through this. */
int base64_digit(char c)
{
	char l = char_lower(c);

	if (l >= 'a' && l <= 'z')
		return c == l ? c - 'a' + 26 : c - 'A';
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/*
 * Read the group of four at p; last: it may be padded.
 * Returns: bytes it says, 1 to 3, in the upper 24 bits of *bits;  -EBADMSG
 */
static int read_group(const char *p, bool last, uint32_t *bits)
{
	int len = 3;
	uint32_t v = 0;

	if (last && p[3] == '=')
		len = p[2] == '=' ? 1 : 2;
	for (int i = 0; i <= len; i++) {
		int six = base64_digit(p[i]);

		if (six < 0)
			return -EBADMSG;
		v |= (uint32_t)six << (26 - 6 * i);
	}
	/* RFC 4648 3.5: pad bits must be zero, or one text has two forms */
	if (v << (8 * len))
		return -EBADMSG;
	*bits = v;
	return len;
}

int base64_decode(struct buf *out, struct slice in)
{
	size_t mark = out->len;

	if (in.n % 4 != 0)
		return -EBADMSG;
	for (; in.n > 0; in = slice_from(in, 4)) {
		uint32_t bits;
		int len = read_group(in.p, in.n == 4, &bits);

		if (len < 0) {
			out->len = mark;
			return len;
		}
		for (int i = 0; i < len; i++)
			buf_put_char(out, (char)(bits >> (24 - 8 * i)));
	}
	if (!out->overflow)
		return 0;
	out->len = mark;
	return -EMSGSIZE;
}
