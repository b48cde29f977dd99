/* SPDX-License-Identifier: ISC */
/*
 * cmd/mailback.h - sendmail -oem and -oee: what the next hop refused while the
 * caller waited goes back to the sender, as a notice (RFC 3464).
 */
#ifndef CMD_MAILBACK_H
#define CMD_MAILBACK_H

#include "conf/identity.h"
#include "mail/outcome.h"

/* This recipient was refused for good; kept for the notice. */
void mailback_note(struct slice rcpt, const struct outcome *o);

/*
 * Send the notice to the sender, by a process of its own; nothing happens
 * when no recipient was noted.  header: CRLF lines, of the message.
 * Returns: an exit code: EXIT_DONE when the notice is on its way
 */
must_check int mailback_send(const struct identity *id, struct slice sender,
			     struct slice header);

#endif
