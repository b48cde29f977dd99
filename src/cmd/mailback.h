/* SPDX-License-Identifier: ISC */
/*
 * cmd/mailback.h - what the next hop refused while the caller of sendmail
 * waited goes back to the sender, as a notice (RFC 3464): with -oem and -oee,
 * and when of many transactions only some were refused.
 */
#ifndef CMD_MAILBACK_H
#define CMD_MAILBACK_H

#include "conf/identity.h"
#include "mail/outcome.h"

/* This recipient was refused for good; kept for the notice. */
void mailback_note(struct slice rcpt, const struct outcome *o);

/* Was somebody noted? */
bool mailback_is_due(void);

/*
 * Send the notice to the sender, by a process of its own.  params, of MAIL, and
 * header, CRLF lines, are those of the message.
 * Returns: an exit code: EXIT_DONE when the notice is on its way
 */
must_check int mailback_send(const struct identity *id, struct slice sender,
			     struct slice params, struct slice header);

#endif
