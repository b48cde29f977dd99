/* SPDX-License-Identifier: ISC */
/*
 * net/net_error.c - see net/net_error.h.  Our own few words: strerror()
 * would bring the texts of every errno into the binary.
 */
#include "net/net_error.h"

#include <errno.h>

#include "base/text.h"

static const uint16_t errors[] = {
	ECONNREFUSED, ETIMEDOUT,    ENETUNREACH, EHOSTUNREACH,
	ENETDOWN,     ECONNRESET,   EPIPE,       EADDRNOTAVAIL,
	EADDRINUSE,   EAFNOSUPPORT, EACCES,      EPERM,
	ENOENT,       EAGAIN,       EMFILE,      ENAMETOOLONG,
};

/* In the order of errors. */
static const char texts[] = "connection refused\0"
			    "connection timed out\0"
			    "network is unreachable\0"
			    "no route to host\0"
			    "network is down\0"
			    "connection reset by peer\0"
			    "connection closed by peer\0"
			    "address not available\0"
			    "address is in use\0"
			    "address family not supported\0"
			    "permission denied\0"
			    "not permitted\0"
			    "no such file\0"
			    "peer is busy\0"
			    "too many open files\0"
			    "path is too long";

void net_error_put(struct buf *b, int err)
{
	const char *text = text_find(texts, errors, ARRAY_LEN(errors), -err);

	if (text)
		buf_put_str(b, text);
	else
		buf_putf(b, "system error %d", -err);
}
