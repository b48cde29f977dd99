/* SPDX-License-Identifier: ISC */
/*
 * net/resolve.h - addresses of a host name: literal, /etc/hosts, then DNS.
 *
 * A state machine of one lookup at a time, driven by the owner's poll loop; no
 * allocation, no environment, no search list.  Every server of resolv.conf is
 * tried, whatever fails (RFC 1035 7.2); a truncated answer is asked for again
 * by TCP (RFC 7766); each query has a fresh kernel-random id and port (RFC
 * 5452).  AAAA and A are both asked; the result alternates families, each
 * in random order.
 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include "base/world.h"
#include "net/net.h"

/* Addresses of a result. */
#define RESOLVE_MAX 8

/* Descriptors a lookup waits for at most. */
#define RESOLVE_MAX_FDS 1

/* Where things are read. */
struct resolve_paths {
	const char *hosts;  /* NULL: CONFIG_HOSTS_PATH */
	const char *resolv; /* NULL: CONFIG_RESOLV_PATH */
	uint16_t dns_port;  /* of the name servers; 0: 53 */
};

/* What came of a lookup. */
struct resolve_result {
	uint8_t n;                         /* of addr */
	struct net_addr addr[RESOLVE_MAX]; /* port as asked for */
	bool not_found; /* the name does not exist, or has no address */
	char why[120];  /* when n is 0: in words, which server, what it said */
};

/* A lookup; its fields are its own. */
struct resolve;

/* Lookups that can run side by side: one each for a delivery. */
#define RESOLVE_SLOTS CONFIG_DELIVERIES

/* The i-th static lookup, i < RESOLVE_SLOTS. */
struct resolve *resolve_slot(unsigned i);

/*
 * Start looking up host (a name, or a literal with or without brackets).
 * Returns: 0 it is done already: *resolve_result();  -EINPROGRESS;  -EINVAL no
 *          host name: nothing was asked, the result is empty
 */
must_check int resolve_start(struct resolve *r, const struct net *net,
			     const struct world *w,
			     const struct resolve_paths *paths,
			     struct slice host, uint16_t port);

/*
 * Go on: a descriptor is ready or the deadline has come.
 * Returns: 0 done: *resolve_result();  -EINPROGRESS
 */
must_check int resolve_step(struct resolve *r);

/* What to wait for: descriptors into set (its size back), and the deadline. */
size_t resolve_wants(const struct resolve *r,
		     struct net_wait set[static RESOLVE_MAX_FDS],
		     int64_t *until_ms);

/* The result; valid until the next start. */
const struct resolve_result *resolve_result(const struct resolve *r);

/* Forget it, close everything. */
void resolve_cancel(struct resolve *r);

#endif
