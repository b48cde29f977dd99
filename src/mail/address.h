/* SPDX-License-Identifier: ISC */
/*
 * mail/address.h - one mailbox as SMTP writes it (RFC 5321 4.1.2, 4.1.3).
 *
 * Pure.  Slices point into the input.
 */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include "base/buf.h"

/* RFC 5321 4.5.3.1: octets of a local-part, a domain, a path. */
#define ADDRESS_MAX_LOCAL 64
#define ADDRESS_MAX_DOMAIN 255
#define ADDRESS_MAX_PATH 256

/* A mailbox, taken apart. */
struct address {
	struct slice whole;  /* local@domain as written, source route cut off */
	struct slice local;  /* case kept; a quoted string keeps its quotes */
	struct slice domain; /* without '@'; n 0: a bare name */
};

/*
 * Read a bare mailbox: local@domain, local@[literal], or local alone.
 * Quoted local parts are taken; control bytes, bytes above 0x7f, empty
 * labels, labels over 63 octets and anything over the limits are not.
 * Returns: 0 and *out set;  -EINVAL malformed;  -EMSGSIZE over a limit
 */
must_check int address_parse(struct slice in, struct address *out);

/*
 * The same, UTF-8 as well (RFC 6531 3.3; not the control bytes above 0x7f),
 * where CONFIG_SMTPUTF8 is set.  A label has up to 63 characters then: no
 * table says which of them may stand in a domain.
 */
must_check int address_parse_utf8(struct slice in, struct address *out);

/*
 * Read a path at the start of in: "<" [source route ":"] mailbox ">" or "<>",
 * the mailbox as address_parse_utf8() takes it.
 * A source route is skipped (RFC 5321 4.1.1.3, appendix C).  For "<>" the
 * address is empty.  Unbracketed mailboxes up to a blank are taken too:
 * clients exist that send them.
 * Returns: > 0 bytes consumed;  -EINVAL;  -EMSGSIZE
 */
must_check int address_parse_path(struct slice in, struct address *out);

/* Is in a domain name or address literal (RFC 5321 4.1.2; '_' allowed)? */
bool address_is_domain(struct slice in);

/*
 * Same mailbox?  Local parts are compared to the byte, domains in any case.
 */
bool address_eq(const struct address *a, const struct address *b);

#endif
