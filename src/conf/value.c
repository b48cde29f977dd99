/* SPDX-License-Identifier: ISC */
/* conf/value.c - numbers with units, addresses, host and port. */
#include <errno.h>
#include <string.h>

#include "base/host.h"
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

int value_ip(struct slice in, uint8_t out[static 16])
{
	return host_read_v4(in, out, true) || host_read_v6(in, out) ? 0
								    : -EINVAL;
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
