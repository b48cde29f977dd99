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

int base64_decode(struct buf *out, struct slice in)
{
	size_t mark = out->len, n = in.n;
	uint32_t bits = 0;
	unsigned held = 0; /* bits that make no byte yet */

	if (in.n % 4 != 0)
		return -EBADMSG;
	while (n > 0 && in.n - n < 2 && in.p[n - 1] == '=')
		n--;
	for (size_t i = 0; i < n; i++) {
		int six = base64_digit(in.p[i]);

		if (six < 0) {
			out->len = mark;
			return -EBADMSG;
		}
		bits = bits << 6 | (uint32_t)six;
		held += 6;
		if (held >= 8) {
			held -= 8;
			buf_put_char(out, (char)(bits >> held));
		}
	}
	if (!out->overflow && (bits & ((1u << held) - 1)) == 0)
		return 0;
	out->len = mark;
	/* RFC 4648 3.5: pad bits must be zero, or one text has two forms */
	return out->overflow ? -EMSGSIZE : -EBADMSG;
}
