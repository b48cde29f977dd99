/* SPDX-License-Identifier: ISC */
/* net/resolve_hosts.h - addresses of a name from a hosts file (hosts(5)). */
#ifndef NET_RESOLVE_HOSTS_H
#define NET_RESOLVE_HOSTS_H

#include "net/addr.h"

/*
 * Addresses of name, the canonical name or an alias, in any case, in the
 * order of the file; all with port.  A line that does not begin with an
 * address is passed over, a missing file is an empty one.
 * Returns: how many of out[max] were set
 */
size_t resolve_hosts(const char *path, struct slice name, uint16_t port,
		     struct net_addr *out, size_t max);

#endif
