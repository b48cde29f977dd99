/* SPDX-License-Identifier: ISC */
/*
 * cmd/live.h - a session with a next hop by hand, a line a step, for check
 * --live and test: what holds, or what is wrong and what to change.
 */
#ifndef CMD_LIVE_H
#define CMD_LIVE_H

#include "cmd/talk.h"
#include "mail/address.h"
#include "net/resolve.h"
#include "net/trust.h"

/* What the walks of one command have in common, and the walk at hand. */
struct live {
	struct talk talk; /* first: its callbacks find the rest by it */
	/* Public: set by the owner. */
	const struct conf *conf;
	const struct identity *id;
	bool show;   /* public: the conversation, too */
	int worst;   /* public: exit code of the first fault, or 0 */
	bool failed; /* public: there was a fault in this walk */
	const struct conf_hop *hop;  /* of this walk */
	const struct net_addr *addr; /* that was connected to last */
	struct smtp_job job;
	struct trust trust;
	int bundle_fd;     /* -1: none */
	bool no_tls;       /* opportunistic TLS has failed */
	const char *step;  /* what was asked for last */
	uint16_t code;     /* of the last reply */
	struct buf offer;  /* lines of the reply to EHLO */
	struct buf sender; /* public: reverse-path of ours */
	char offer_space[160];
	char reply[160]; /* public: the last line of the last reply */
	char helo[sizeof(((struct identity *)NULL)->hostname)];
	char sender_space[ADDRESS_MAX_PATH + 1];
};

/*
 * Read all secrets, as far as they may be read, then give up root.
 * Returns: 0;  an exit code, said
 */
must_check int live_prepare(struct live *l, const struct conf *c,
			    const struct identity *id);

/*
 * Walk to hop and talk with it; l->talk.next says what to do in the end, and
 * l->failed whether something was wrong.
 */
void live_walk(struct live *l, const struct conf_hop *hop);

/* Print the heading of a hop. */
void live_head(const struct live *l, unsigned hop);

/* Print a step that holds, or a remark ("ok", "note"). */
void live_say(const char *step, const char *state, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Print what the hop offers. */
void live_say_hello(const struct live *l);

/* Print a fault in words why, with what to change; peer: NULL, or known. */
void live_fault(struct live *l, const char *step, const char *why,
		const struct trust_peer *peer);

#endif
