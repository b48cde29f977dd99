/* SPDX-License-Identifier: ISC */
/* net/addr.h - IP addresses with a port, one shape for IPv4 and IPv6. */
#ifndef NET_ADDR_H
#define NET_ADDR_H

#include "base/buf.h"

/* An address; IPv4 is held mapped, ::ffff:a.b.c.d. */
struct net_addr {
	uint8_t ip[16]; /* network order */
	uint16_t port;  /* host order */
	uint32_t scope; /* of a link-local IPv6 address, else 0 */
};

/* Text of a longest address, its NUL included. */
#define NET_ADDR_TEXT 48

/* Is it IPv4? */
bool net_addr_is_v4(const struct net_addr *a);

/* Is it of this machine's loopback? */
bool net_addr_is_loopback(const struct net_addr *a);

/*
 * Read "192.0.2.1", "2001:db8::1", "fe80::1%eth0", also in [ ] and then also
 * "[IPv6:2001:db8::1]" (RFC 5321 4.1.3).  The port is port.
 * Returns: 0 and *out set;  -EINVAL no address
 */
must_check int net_addr_parse(struct slice text, uint16_t port,
			      struct net_addr *out);

/* Append the address alone: "192.0.2.1", "2001:db8::1". */
void net_addr_put(struct buf *b, const struct net_addr *a);

/* Append an RFC 5321 4.1.3 literal: "[192.0.2.1]", "[IPv6:2001:db8::1]". */
void net_addr_put_literal(struct buf *b, const struct net_addr *a);

#endif
