/* SPDX-License-Identifier: ISC */
/*
 * base/host.h - host names and IP addresses as text.
 *
 * IPv4 is held mapped, ::ffff:a.b.c.d, so that an address has one shape.
 */
#ifndef BASE_HOST_H
#define BASE_HOST_H

#include "base/slice.h"

/*
 * Labels of letters, digits, '-' (inside only) and '_', of 1 to 63 octets,
 * with dots between them (RFC 1123 2.1, RFC 1035 2.3.4)?  The whole may be of
 * any length.  utf8: UTF-8, which in is known to be, counts as letters, and a
 * label has as many characters.
 */
bool host_is_name(struct slice in, bool utf8);

/*
 * Read "192.0.2.1", four numbers of one to three digits, into out.  zeros:
 * numbers may begin with them (RFC 5321 4.1.3).
 * Returns: was it one?  out is undefined when not
 */
must_check bool host_read_v4(struct slice in, uint8_t out[static 16],
			     bool zeros);

/*
 * Read "2001:db8::1", maybe with an IPv4 address as its end (RFC 4291 2.2),
 * into out.
 * Returns: was it one?  out is undefined when not
 */
must_check bool host_read_v6(struct slice in, uint8_t out[static 16]);

#endif
