/* SPDX-License-Identifier: ISC */
/*
 * net/resolve_local.h - the part of a lookup that needs no network: literals,
 * the hosts file, localhost; and the order of a result.
 */
#ifndef NET_RESOLVE_LOCAL_H
#define NET_RESOLVE_LOCAL_H

#include "net/resolve.h"

/*
 * Try to answer without asking anybody; clears *result first.
 * Returns: 0 *result is the answer;  -ENOENT it is a host name that has to be
 *          asked for, *host is without its last dot;  -EINVAL no host name
 */
must_check int resolve_local(struct resolve_result *result,
			     const struct world *w,
			     const struct resolve_paths *paths,
			     struct slice *host, uint16_t port);

/*
 * Fill result from the IPv6 and IPv4 addresses: each family in random order,
 * taken in turns, IPv6 first (RFC 8305 4), no more than RESOLVE_MAX.
 */
void resolve_local_merge(struct resolve_result *result, const struct world *w,
			 struct net_addr *v6, size_t n6, struct net_addr *v4,
			 size_t n4);

#endif
