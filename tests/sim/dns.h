/* SPDX-License-Identifier: ISC */
/*
 * sim/dns.h - the name server of a simulated world: a few names with one
 * address each, which may change; answers, silence and errors.
 */
#ifndef SIM_DNS_H
#define SIM_DNS_H

#include "sim/link.h"

/* Names there may be. */
#define SIM_NAMES 4

/* What it does with a query. */
enum sim_dns_mood {
	SIM_DNS_ANSWERS,
	SIM_DNS_SILENT,
	SIM_DNS_SERVFAIL,
	SIM_DNS_NXDOMAIN,
	SIM_DNS_GARBAGE, /* bytes that are no reply */
	SIM_DNS_AWAY     /* there is no way to it */
};

/* The server. */
struct sim_dns {
	enum sim_dns_mood mood;
	int64_t after_ms; /* every reply waits so long */
	size_t nnames;
	const char *name[SIM_NAMES]; /* without a dot at the end */
	uint8_t ip[SIM_NAMES][4];
	unsigned asked; /* queries so far */
};

/* It answers, for no name yet, on every address of the network. */
void sim_dns_init(struct sim_dns *d, struct sim_net *n);

/* The address of a name from now on, such as "192.0.2.1". */
void sim_dns_set(struct sim_dns *d, const char *name, const char *ip);

#endif
