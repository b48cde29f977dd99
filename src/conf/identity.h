/* SPDX-License-Identifier: ISC */
/*
 * conf/identity.h - who we are and whom a bare name means (DESIGN.md 2.2:
 * hostname, domain, alias, from).  Pure.
 */
#ifndef CONF_IDENTITY_H
#define CONF_IDENTITY_H

#include "conf/conf.h"
#include "mail/mailboxes.h"

/* Our names, worked out once from configuration and system. */
struct identity {
	char hostname[256]; /* FQDN; empty: use the socket's address literal */
	char domain[256];   /* completes bare addresses; empty: none */
	char node[256];     /* the system's name as it is, for @hostname */
};

/* Work them out; node: the system's name (uname). */
void identity_resolve(struct identity *id, const struct conf *c,
		      struct slice node);

/* The same for what completes a header; lives as long as id. */
struct mailboxes_home identity_home(const struct identity *id);

/* Called with each final mailbox of identity_expand(). 0, or an error. */
typedef int identity_sink(void *ctx, struct slice mailbox);

/*
 * What recipient rcpt (a mailbox, maybe bare) becomes: aliases applied to
 * local names (any case; depth 8), bare ones completed with the domain.
 * Each result goes to sink, duplicates not removed.
 * Returns: 0;  -EDESTADDRREQ a bare name and no domain (553 5.1.3);
 *          -ELOOP aliases too deep;  -EINVAL rcpt is no mailbox;  -EMSGSIZE a
 *          completed one is too long;  what sink returned
 */
must_check int identity_expand(const struct identity *id, const struct conf *c,
			       struct slice rcpt, identity_sink *sink,
			       void *ctx);

/*
 * The envelope sender: `from` when configured (never for the null path),
 * bare ones completed.  Appends to out.
 * Returns: 0;  -EDESTADDRREQ as above;  -EINVAL no mailbox
 */
must_check int identity_sender(const struct identity *id, const struct conf *c,
			       struct slice from, struct buf *out);

#endif
