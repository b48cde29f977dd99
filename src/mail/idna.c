/* SPDX-License-Identifier: ISC */
/* mail/idna.c - see mail/idna.h. */
#include "mail/idna.h"

#include <string.h>

#include "mail/address.h"

/* RFC 1035 2.3.4: octets of a label. */
#define MAX_LABEL 63

/* RFC 3492 5: the parameters of Punycode. */
enum { BASE = 36, TMIN = 1, TMAX = 26, SKEW = 38, DAMP = 700, BIAS = 72 };

/* The character at the front of *in, which is UTF-8, taken off. */
static uint32_t take_char(struct slice *in)
{
	size_t n = slice_utf8_len(*in);
	uint32_t c = (uint8_t)in->p[0];

	if (n > 1)
		c &= 0xffu >> (n + 1);
	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((uint8_t)in->p[i] & 0x3f);
	*in = slice_from(*in, n);
	return c;
}

/* RFC 3492 6.1 */
static uint32_t adapt(uint32_t delta, uint32_t points, bool first)
{
	uint32_t k = 0;

	delta = first ? delta / DAMP : delta / 2;
	delta += delta / points;
	for (; delta > (BASE - TMIN) * TMAX / 2; k += BASE)
		delta /= BASE - TMIN;
	return k + (BASE - TMIN + 1) * delta / (delta + SKEW);
}

/* RFC 3492 6.3: one delta as a number of variable length. */
static void put_delta(struct buf *out, uint32_t q, uint32_t bias)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";

	for (uint32_t k = BASE;; k += BASE) {
		uint32_t t = k <= bias          ? TMIN
			     : k >= bias + TMAX ? TMAX
						: k - bias;

		if (q < t)
			break;
		buf_put_char(out, digits[t + (q - t) % (BASE - t)]);
		q = (q - t) / (BASE - t);
	}
	buf_put_char(out, digits[q]);
}

/* Put the ASCII of a label; their number.  *points: all its characters. */
static uint32_t put_basic(struct buf *out, struct slice label, uint32_t *points)
{
	uint32_t basic = 0;

	for (*points = 0; label.n > 0; ++*points) {
		uint32_t c = take_char(&label);

		if (c < 0x80) {
			buf_put_char(out, char_lower((char)c));
			basic++;
		}
	}
	return basic;
}

/*
 * RFC 3492 6.3, a walk over the label for each different character: with 63
 * characters at most no number overflows.
 */
static void put_punycode(struct buf *out, struct slice label)
{
	uint32_t n = 0x80, delta = 0, bias = BIAS, points;
	uint32_t basic = put_basic(out, label, &points), done = basic;

	if (basic > 0)
		buf_put_char(out, '-');
	while (done < points) {
		uint32_t m = UINT32_MAX;

		for (struct slice in = label; in.n > 0;) {
			uint32_t c = take_char(&in);

			if (c >= n && c < m)
				m = c;
		}
		delta += (m - n) * (done + 1);
		for (struct slice in = label; in.n > 0;) {
			uint32_t c = take_char(&in);

			if (c < m)
				delta++;
			if (c != m)
				continue;
			put_delta(out, delta, bias);
			done++;
			bias = adapt(delta, done, done == basic + 1);
			delta = 0;
		}
		delta++;
		n = m + 1;
	}
}

bool idna_put_domain(struct buf *out, struct slice domain)
{
	size_t start = out->len;

	if (domain.n > ADDRESS_MAX_DOMAIN || !slice_is_utf8(domain))
		return false;
	while (domain.n > 0) {
		struct slice label = slice_cut(&domain, '.');
		size_t mark = out->len;

		if (slice_has_8bit(label)) {
			buf_put_str(out, "xn--");
			put_punycode(out, label);
			if (out->len - mark > MAX_LABEL)
				return false;
		} else {
			buf_put_slice(out, label);
		}
		if (domain.n > 0)
			buf_put_char(out, '.');
	}
	return out->len - start <= ADDRESS_MAX_DOMAIN && !out->overflow;
}

bool idna_put_mailbox(struct buf *out, struct slice mailbox)
{
	size_t mark = out->len;
	struct address a;

	if (address_parse_utf8(mailbox, &a) < 0 || slice_has_8bit(a.local))
		return false;
	buf_put_slice(out, slice_head(mailbox, mailbox.n - a.domain.n));
	if (idna_put_domain(out, a.domain) &&
	    out->len - mark <= ADDRESS_MAX_PATH - 2)
		return true;
	out->len = mark;
	return false;
}

void idna_put_xtext(struct buf *out, struct slice text, bool all)
{
	while (text.n > 0) {
		uint32_t c = take_char(&text);

		if (c < 0x80 && !(all && strchr("+=\\", (int)c))) {
			buf_put_char(out, (char)c);
			continue;
		}
		buf_put_str(out, "\\x{");
		for (int shift = 20; shift >= 0; shift -= 4)
			if (shift < 8 || c >> shift)
				buf_put_char(
					out,
					"0123456789ABCDEF"[c >> shift & 15]);
		buf_put_char(out, '}');
	}
}
