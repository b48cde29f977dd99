/* SPDX-License-Identifier: ISC */
/*
 * mail/idna.h - a mailbox in ASCII, for a hop without SMTPUTF8 (RFC 5891 5.5,
 * RFC 3492, RFC 6533 3).  Pure.
 *
 * ASCII letters of a label that has others are made small; nothing else is
 * mapped, normalised or looked up in tables: a domain is taken for what its
 * owner registered (lower case, NFC, '.' between labels).
 */
#ifndef MAIL_IDNA_H
#define MAIL_IDNA_H

#include "base/buf.h"

/*
 * Append a mailbox as address_parse_utf8() takes it, labels of its domain that
 * are not ASCII as A-labels.
 * Returns: true;  false nothing was appended: it is no mailbox, its local part
 *          is not ASCII, or a label or the domain becomes too long
 */
must_check bool idna_put_mailbox(struct buf *out, struct slice mailbox);

/*
 * Append a domain in the same way; what is ASCII stays as it is.
 * Returns: true;  false what was appended is of no use: it is not UTF-8, or
 *          becomes too long
 */
must_check bool idna_put_domain(struct buf *out, struct slice domain);

/*
 * Append text, which is UTF-8, as utf-8-addr-xtext: what is not ASCII as
 * \x{NN}.  all: so are '+', '=' and the backslash.
 */
void idna_put_xtext(struct buf *out, struct slice text, bool all);

#endif
