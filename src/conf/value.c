/* SPDX-License-Identifier: ISC */
/* conf/value.c - numbers with units, addresses, host and port. */
#include <errno.h>
#include <string.h>

#include "conf/reader.h"
#include "mail/address.h"

/* in without its last byte, as a number times unit. */
static int scaled(struct slice in, uint64_t unit, uint64_t max, uint64_t *out)
{
	uint64_t v;

	if (slice_to_u64(in, max / unit, &v) < 0)
		return -EINVAL;
	*out = v * unit;
	return 0;
}

/* The factor of a unit letter; 0: it is none of units. */
static uint32_t factor(struct slice in, const char *units,
		       const uint32_t *factors)
{
	const char *at = in.n > 0 ? strchr(units, in.p[in.n - 1]) : NULL;

	return at && *at ? factors[at - units] : 0;
}

int value_bytes(struct slice in, uint64_t *out)
{
	static const uint32_t factors[] = { 1024, 1024 * 1024 };
	uint32_t unit = factor(in, "KM", factors);

	if (unit > 0)
		in.n--;
	return scaled(in, unit > 0 ? unit : 1, INT64_MAX, out);
}

int value_time(struct slice in, uint32_t *out)
{
	static const uint32_t factors[] = { 1, 60, 3600, 86400 };
	uint32_t unit = factor(in, "smhd", factors);
	uint64_t v;

	if (unit > 0)
		in.n--;
	if (scaled(in, unit > 0 ? unit : 1, UINT32_MAX, &v) < 0)
		return -EINVAL;
	*out = (uint32_t)v;
	return 0;
}

static int parse_ipv4(struct slice in, uint8_t out[static 4])
{
	for (int i = 0; i < 4; i++) {
		uint32_t v;
		bool more = slice_find(in, '.') >= 0;
		struct slice part = slice_cut(&in, '.');

		if (more != (i < 3) || part.n > 3 ||
		    slice_to_u32(part, 255, &v) < 0)
			return -EINVAL;
		out[i] = (uint8_t)v;
	}
	return 0;
}

/* 1 to 4 hexadecimal digits. */
static int parse_group(struct slice in, uint8_t out[static 2])
{
	unsigned v = 0;

	if (in.n == 0 || in.n > 4)
		return -EINVAL;
	for (size_t i = 0; i < in.n; i++) {
		char c = char_lower(in.p[i]);

		if (char_is_digit(c))
			v = v * 16 + (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v * 16 + (unsigned)(c - 'a' + 10);
		else
			return -EINVAL;
	}
	out[0] = (uint8_t)(v >> 8);
	out[1] = (uint8_t)v;
	return 0;
}

/* RFC 4291 2.2: eight groups, one run of zeros as "::", an IPv4 end. */
static int parse_ipv6(struct slice in, uint8_t out[static 16])
{
	uint8_t ip[16] = { 0 };
	unsigned n = 0;
	int gap = -1;

	if (slice_starts(in, SLICE("::"))) {
		gap = 0;
		in = slice_from(in, 2);
	}
	while (in.n > 0) {
		bool more = slice_find(in, ':') >= 0;
		struct slice part = slice_cut(&in, ':');

		if (part.n == 0 && gap < 0 && n > 0) {
			gap = (int)n;
			continue;
		}
		if (!more && n <= 12 && parse_ipv4(part, ip + n) == 0) {
			n += 4;
			break;
		}
		if (n > 14 || parse_group(part, ip + n) < 0)
			return -EINVAL;
		n += 2;
		if (more && in.n == 0)
			return -EINVAL;
	}
	if (gap < 0 ? n != 16 : n > 14)
		return -EINVAL;
	if (gap >= 0) {
		memmove(ip + 16 - (n - (unsigned)gap), ip + gap,
			n - (unsigned)gap);
		memset(ip + gap, 0, 16 - n);
	}
	memcpy(out, ip, 16);
	return 0;
}

int value_ip(struct slice in, uint8_t out[static 16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	uint8_t ip[4];

	if (slice_find(in, ':') >= 0)
		return parse_ipv6(in, out);
	if (parse_ipv4(in, ip) < 0)
		return -EINVAL;
	memcpy(out, mapped, sizeof(mapped));
	memcpy(out + 12, ip, 4);
	return 0;
}

/* A name: not an address that was mistyped, such as 192.0.2.300. */
static bool is_host_name(struct slice in)
{
	uint32_t v;
	struct slice last = slice_from(in, (size_t)(slice_rfind(in, '.') + 1));

	return address_is_domain(in) && in.p[0] != '[' &&
	       slice_to_u32(last, UINT32_MAX, &v) == -EINVAL;
}

int value_hostport(struct slice in, struct slice *host, uint16_t *port)
{
	uint8_t ip[16];
	uint32_t v;

	if (in.n > 0 && in.p[0] == '[') {
		ptrdiff_t end = slice_find(in, ']');

		if (end < 0)
			return -EINVAL;
		*host = slice_head(slice_from(in, 1), (size_t)end - 1);
		in = slice_from(in, (size_t)end + 1);
		if (slice_find(*host, ':') < 0 || value_ip(*host, ip) < 0)
			return -EINVAL;
	} else {
		ptrdiff_t colon = slice_find(in, ':');

		*host = slice_head(in, colon < 0 ? in.n : (size_t)colon);
		in = slice_from(in, host->n);
		if (value_ip(*host, ip) < 0 && !is_host_name(*host))
			return -EINVAL;
	}
	if (in.n == 0)
		return 0;
	if (in.p[0] != ':' || slice_to_u32(slice_from(in, 1), 65535, &v) < 0 ||
	    v == 0)
		return -EINVAL;
	*port = (uint16_t)v;
	return 0;
}
