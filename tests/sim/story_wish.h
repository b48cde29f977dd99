/* SPDX-License-Identifier: ISC */
/*
 * sim/story_wish.h - what senders ask for (RFC 3461), and addresses that are
 * not ASCII (RFC 6531): drawn, said to the device, looked for at the hops and
 * in notices.
 */
#ifndef SIM_STORY_WISH_H
#define SIM_STORY_WISH_H

#include "sim/story_check.h"

/* Draw what the sender of a new message asks for. */
void story_wish(struct story_mail *m);

/* MAIL and each RCPT, as they are said to the device. */
void story_put_envelope(struct buf *b, const struct story_mail *m);

/* What the sender of a recipient's mail wants to be told. */
bool story_wants_failure(const struct story_rcpt *r);
bool story_wants_success(const struct story_rcpt *r);

/* Recipient k has arrived as rcpt, with asked behind its path. */
void story_wish_arrived(struct story_mail *m, unsigned k,
			const struct sim_mail *in, struct slice rcpt,
			struct slice asked);

/* A notice about m has come, with asked behind the path of its RCPT. */
void story_wish_told(const struct story_mail *m, const struct sim_mail *in,
		     struct slice asked);

/* ORCPT of recipient k stands, or does not, before its Final-Recipient at. */
void story_wish_orcpt(const struct story_mail *m, unsigned k, const char *text,
		      const char *at);

#endif
