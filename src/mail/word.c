/* SPDX-License-Identifier: ISC */
/* mail/word.c - see mail/word.h. */
#include "mail/word.h"

#include "base/base64.h"

/* Octets of a word that are not text, with the longer charset. */
#define OVERHEAD                    \
	(sizeof("=?unknown-8bit?B?" \
		"?=") -             \
	 1)

size_t word_put(struct buf *out, struct slice text, size_t left)
{
	size_t most = (left - OVERHEAD) / 4 * 3;
	size_t n = most;

	/* No UTF-8 character is longer than four octets. */
	while (n < text.n && n > most - 4 &&
	       ((uint8_t)text.p[n] & 0xc0) == 0x80)
		n--;
	text = slice_head(text, n);
	buf_put_str(out,
		    slice_is_utf8(text) ? "=?utf-8?B?" : "=?unknown-8bit?B?");
	base64_encode(out, text);
	buf_put_str(out, "?=");
	return text.n;
}

void word_put_value(struct buf *out, struct slice text)
{
	buf_put_str(out, slice_is_utf8(text) ? "utf-8''" : "unknown-8bit''");
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (char_is_alnum(c) || c == '.' || c == '-' || c == '_')
			buf_put_char(out, c);
		else
			buf_putf(out, "%%%02x", (unsigned)(uint8_t)c);
	}
}
