/* SPDX-License-Identifier: ISC */
/* base/base64.h - base64 of RFC 4648 section 4, padded, no line breaks. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"

/* Append in as base64. */
void base64_encode(struct buf *out, struct slice in);

/* The value of a digit of section 4's alphabet, 0 to 63;  -1: it is none. */
must_check int base64_digit(char c);

/*
 * Append what in says.  Strict: the alphabet of section 4, full padding,
 * zero trailing bits, nothing else.
 * Returns: 0;  -EBADMSG malformed;  -EMSGSIZE out too small (overflow is
 *          set); after an error out holds what it held before
 */
must_check int base64_decode(struct buf *out, struct slice in);

#endif
