/* SPDX-License-Identifier: ISC */
/*
 * net/resolve_wire.h - DNS messages (RFC 1035 4, RFC 6891), by udns's parser.
 *
 * Pure: no I/O, no clock, no globals.  Names are in wire form: labels with
 * their length in front, the root's zero at the end, never compressed.
 */
#ifndef NET_RESOLVE_WIRE_H
#define NET_RESOLVE_WIRE_H

#include "net/addr.h"

/* A longest name in wire form (RFC 1035 3.1). */
#define RESOLVE_MAX_NAME 255

/* A longest query: header, name, type and class, OPT record. */
#define RESOLVE_MAX_QUERY (12 + RESOLVE_MAX_NAME + 4 + 11)

/* What we say fits into a UDP reply (RFC 6891 6.2.5; no fragments). */
#define RESOLVE_UDP_SIZE 1232

/* Addresses taken from one reply; more are passed over. */
#define RESOLVE_MAX_ANSWERS 8

/* Aliases followed for one question (RFC 1034 3.6.2; a loop ends). */
#define RESOLVE_MAX_ALIASES 8

/* What is asked for. */
enum resolve_type { RESOLVE_A = 1, RESOLVE_AAAA = 28 };

/* One question. */
struct resolve_question {
	uint8_t name[RESOLVE_MAX_NAME]; /* in wire form */
	enum resolve_type type;         /* of address */
	uint16_t id;                    /* random (RFC 5452 9.2) */
	bool edns;                      /* add an OPT record */
};

/* What a reply says. */
enum resolve_verdict {
	RESOLVE_FOUND,     /* addresses */
	RESOLVE_ALIAS,     /* only that the name is an alias of name */
	RESOLVE_NO_NAME,   /* the name does not exist (RFC 2308 2.1) */
	RESOLVE_NO_DATA,   /* it does, without an address (RFC 2308 2.2) */
	RESOLVE_TRUNCATED, /* ask again by TCP (RFC 2181 9) */
	RESOLVE_NO_EDNS,   /* the server may not know OPT (RFC 6891 7) */
	RESOLVE_FAILED,    /* SERVFAIL, REFUSED, ...: rcode */
	RESOLVE_MALFORMED, /* an answer to us, but not a DNS message */
	RESOLVE_FOREIGN    /* not the answer to our question: ignore it */
};

/* A reply. */
struct resolve_reply {
	uint8_t n;                                 /* of addr */
	struct net_addr addr[RESOLVE_MAX_ANSWERS]; /* port 0 */
	uint8_t rcode;                             /* RFC 1035 4.1.1 */
	uint8_t aliases;                /* steps taken, added to what it was */
	uint8_t name[RESOLVE_MAX_NAME]; /* after RESOLVE_ALIAS: ask for it */
};

/* Wire form of host.  0;  -EINVAL not a name that DNS can hold. */
must_check int resolve_wire_name(struct slice host,
				 uint8_t out[static RESOLVE_MAX_NAME]);

/*
 * The query for q, recursion desired (RFC 1035 4.1.1).
 * Returns: its length
 */
size_t resolve_wire_query(const struct resolve_question *q,
			  uint8_t out[static RESOLVE_MAX_QUERY]);

/*
 * Judge n bytes at pkt as the reply to q.  partial: the message is longer,
 * only its beginning is here; what is whole counts.  An alias whose target is
 * in the reply is followed, in any order of records; reply->aliases counts on
 * from what the caller set, above RESOLVE_MAX_ALIASES is RESOLVE_MALFORMED.
 */
enum resolve_verdict resolve_wire_judge(const struct resolve_question *q,
					const uint8_t *pkt, size_t n,
					bool partial,
					struct resolve_reply *reply);

#endif
