/* SPDX-License-Identifier: ISC */
/* net/net_error.h - what went wrong with a socket, in words. */
#ifndef NET_NET_ERROR_H
#define NET_NET_ERROR_H

#include "base/buf.h"

/*
 * Append words for a negative errno of net_ops: "connection refused"; one
 * that is not of a network: "system error 24".
 */
void net_error_put(struct buf *b, int err);

#endif
