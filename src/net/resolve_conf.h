/* SPDX-License-Identifier: ISC */
/*
 * net/resolve_conf.h - the name servers of resolv.conf(5).
 *
 * Only "nameserver" and of "options" timeout: and attempts:; no search list
 * (a mail host is never completed) and no environment.
 */
#ifndef NET_RESOLVE_CONF_H
#define NET_RESOLVE_CONF_H

#include "net/addr.h"

/* Name servers; more are ignored. */
#define RESOLVE_MAX_SERVERS 6

/* The largest values of the options; a larger one counts as this. */
#define RESOLVE_MAX_TIMEOUT_S 10
#define RESOLVE_MAX_ATTEMPTS 4

/* What resolv.conf says. */
struct resolve_conf {
	uint8_t n;                                   /* servers, at least 1 */
	struct net_addr server[RESOLVE_MAX_SERVERS]; /* as in the file */
	uint8_t timeout_s; /* of the first round; doubled each round */
	uint8_t attempts;  /* rounds */
};

/*
 * Read path into *c; the servers' port is port.  A file that is missing or
 * names no server: 127.0.0.1, as resolv.conf(5) says.
 */
void resolve_conf_read(struct resolve_conf *c, const char *path, uint16_t port);

#endif
