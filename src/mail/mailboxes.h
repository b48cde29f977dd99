/* SPDX-License-Identifier: ISC */
/*
 * mail/mailboxes.h - the addresses of one header field on their way through
 * (RFC 5322 3.4): bare ones get a domain, as RFC 6409 8 allows and strict
 * next hops demand; what else is written stays to the byte.
 *
 * Pure, constant memory: an entry, from one comma to the next, is held until
 * it is whole; one over MAILBOXES_MAX passes as it is.
 */
#ifndef MAIL_MAILBOXES_H
#define MAIL_MAILBOXES_H

#include "mail/address.h"

/* Bytes of an entry that can be held: name, comments, folds and address. */
#define MAILBOXES_MAX 512

/* Whose addresses are bare, and what completes them. */
struct mailboxes_home {
	struct slice domain; /* completes them; empty: they stay */
	struct slice host;   /* our name with dots, or empty */
	struct slice node;   /* the system's name as it is */
};

/*
 * The domain that an address with this one leaves with: home's for none and
 * for localhost, host for our own names without a dot; else itself.
 */
struct slice mailboxes_domain(const struct mailboxes_home *home,
			      struct slice domain);

/* A field on its way. */
struct mailboxes {
	struct mailboxes_home home; /* the caller's, and force and sender: */
	struct slice force;  /* From: takes the first one's place; or empty */
	struct slice sender; /* From: the address when it has none; or empty */
	/* Of a message: what force replaced, if answers can go there. */
	char replaced[ADDRESS_MAX_PATH + 1];
	bool from;   /* the field is From */
	bool done;   /* an address was seen */
	bool pass;   /* the entry is too long */
	bool quoted; /* in a quoted string, behind a backslash, in <>, in [] */
	bool escaped, angle, literal;
	uint8_t depth;  /* of comments */
	uint16_t len;   /* bytes of hold */
	struct buf out; /* what leaves: empty it before more is given */
	char hold[MAILBOXES_MAX];
	char space[MAILBOXES_MAX + ADDRESS_MAX_PATH + 8];
};

/* Start a message: nothing was replaced. */
void mailboxes_start(struct mailboxes *m);

/* Start the body of a field; from: it is From. */
void mailboxes_begin(struct mailboxes *m, bool from);

/* Take bytes up to a line end or until out is to be emptied; their number. */
size_t mailboxes_feed(struct mailboxes *m, struct slice in);

/* The field has ended, with its line end: the rest is in out. */
void mailboxes_end(struct mailboxes *m);

#endif
