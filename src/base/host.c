/* SPDX-License-Identifier: ISC */
/* base/host.c - see base/host.h. */
#include "base/host.h"

#include <string.h>

/* RFC 1035 2.3.4: octets of a label. */
#define MAX_LABEL 63

bool host_is_name(struct slice in, bool utf8)
{
	size_t label = 0; /* octets of the label so far */
	char last = '-';

	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];

		/* RFC 5890 2.3.2.1: the length of a U-label is its A-label's */
		if (utf8 && ((uint8_t)c & 0xc0) == 0x80)
			continue;
		/* no '-' at either end, nothing empty */
		if ((c == '.' && last == '-') || (c == '-' && label == 0) ||
		    (c != '.' && c != '-' && c != '_' && !char_is_alnum(c) &&
		     !(utf8 && (uint8_t)c > 0x7f)) ||
		    ++label > MAX_LABEL + (c == '.'))
			return false;
		last = c;
		if (c == '.') {
			last = '-';
			label = 0;
		}
	}
	return last != '-';
}

bool host_read_v4(struct slice in, uint8_t out[static 16], bool zeros)
{
	memset(out, 0, 10);
	out[10] = 0xff;
	out[11] = 0xff;
	if (in.n > 0 && in.p[in.n - 1] == '.')
		return false;
	for (int i = 12; i < 16; i++) {
		struct slice part = slice_cut(&in, '.');
		uint32_t v;

		/* three dots, no more and no less */
		if (part.n > 3 || slice_to_u32(part, 255, &v) < 0 ||
		    (!zeros && part.n > 1 && part.p[0] == '0') ||
		    (i < 15) != (in.n > 0))
			return false;
		out[i] = (uint8_t)v;
	}
	return true;
}

/* A group of one to four hexadecimal digits off the front of *in. */
static bool read_group(struct slice *in, uint8_t *out)
{
	struct slice part = slice_cut(in, ':');
	unsigned v = 0;

	for (size_t i = 0; i < part.n; i++) {
		ptrdiff_t digit = slice_find(SLICE("0123456789abcdef"),
					     char_lower(part.p[i]));

		if (digit < 0)
			return false;
		v = v << 4 | (unsigned)digit;
	}
	out[0] = (uint8_t)(v >> 8);
	out[1] = (uint8_t)v;
	return part.n >= 1 && part.n <= 4;
}

/* An IPv4 address as the last four bytes, at out. */
static bool read_tail(struct slice in, uint8_t *out)
{
	uint8_t v4[16];

	if (!host_read_v4(in, v4, true))
		return false;
	memcpy(out, v4 + 12, 4);
	return true;
}

bool host_read_v6(struct slice in, uint8_t out[static 16])
{
	size_t n = 0, gap = 16; /* bytes read, and before "::" */

	if (slice_starts(in, SLICE("::"))) {
		gap = 0;
		in = slice_from(in, 2);
	}
	while (in.n > 0) {
		bool last = slice_find(in, ':') < 0;

		if (last && n <= 12 && read_tail(in, out + n)) {
			n += 4;
			break;
		}
		if (n == 16 || !read_group(&in, out + n) ||
		    (!last && in.n == 0))
			return false;
		n += 2;
		if (in.n > 0 && in.p[0] == ':') {
			if (gap < 16 || n == 16)
				return false;
			gap = n;
			in = slice_from(in, 1);
		}
	}
	if (gap == 16)
		return n == 16;
	if (n == 16)
		return false;
	memmove(out + 16 - (n - gap), out + gap, n - gap);
	memset(out + gap, 0, 16 - n);
	return true;
}
