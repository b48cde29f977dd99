/* SPDX-License-Identifier: ISC */
/*
 * mail/addrlist.h - address lists as people and header fields write them
 * (RFC 5322 3.4, obsolete forms of 4.4 too): display names, comments, quoted
 * strings with commas, groups, encoded words, folded lines, route addresses.
 *
 * Pure.  One mailbox a call, in order; groups are opened up.
 */
#ifndef MAIL_ADDRLIST_H
#define MAIL_ADDRLIST_H

#include "mail/address.h"

/* A reader of one list. */
struct addrlist {
	struct slice rest; /* what has not been read yet */
	bool group;        /* inside "name: ...;" */
};

/* One entry.  Text is unfolded and without comments. */
struct addrlist_entry {
	/*
	 * Display name as written (quotes, comments, folds and all), or
	 * empty; into the input.
	 */
	struct slice name;
	/*
	 * name is the inside of a comment instead, as in "u@d (Name)": it
	 * must be quoted before it is used as a display name.
	 */
	bool comment;
	char addr[ADDRESS_MAX_PATH + 1]; /* mailbox, NUL-ended, maybe bare */
};

/* Start reading list, e.g. the body of a To field or one argument. */
void addrlist_start(struct addrlist *l, struct slice list);

/*
 * Next mailbox.
 * Returns: 1 and *e set;  0 the list has ended;  -EINVAL malformed;
 *          -EMSGSIZE an address is over its limit.  After an error *e is of no
 *          use, and the reader stands behind the offending entry and may go on.
 * Limits:  comments 8 deep; a line end only as part of a fold.  A group that is
 *          not closed ends with the list.
 */
must_check int addrlist_next(struct addrlist *l, struct addrlist_entry *e);

#endif
