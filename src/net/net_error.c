/* SPDX-License-Identifier: ISC */
/*
 * net/net_error.c - see net/net_error.h.  Our own few words: strerror()
 * would bring the texts of every errno into the binary.
 */
#include "net/net_error.h"

#include <errno.h>

static const struct {
	int err;
	const char *text;
} words[] = {
	{ ECONNREFUSED, "connection refused" },
	{ ETIMEDOUT, "connection timed out" },
	{ ENETUNREACH, "network is unreachable" },
	{ EHOSTUNREACH, "no route to host" },
	{ ENETDOWN, "network is down" },
	{ ECONNRESET, "connection reset by peer" },
	{ EPIPE, "connection closed by peer" },
	{ EADDRNOTAVAIL, "address not available" },
	{ EADDRINUSE, "address is in use" },
	{ EAFNOSUPPORT, "address family not supported" },
	{ EACCES, "permission denied" },
	{ EPERM, "not permitted" },
	{ ENOENT, "no such file" },
	{ EAGAIN, "peer is busy" },
	{ EMFILE, "too many open files" },
	{ ENAMETOOLONG, "path is too long" },
};

void net_error_put(struct buf *b, int err)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (words[i].err == -err) {
			buf_put_str(b, words[i].text);
			return;
		}
	}
	buf_putf(b, "system error %d", -err);
}
