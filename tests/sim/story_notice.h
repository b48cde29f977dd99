/* SPDX-License-Identifier: ISC */
/*
 * sim/story_notice.h - notices (RFC 3464) in a story: who may get one, about
 * whom, how often.
 */
#ifndef SIM_STORY_NOTICE_H
#define SIM_STORY_NOTICE_H

#include "sim/story_check.h"

/*
 * A message has arrived for somebody who is a sender: "sN@..." or key from;
 * asked stood behind the path of its RCPT.
 */
void story_notice(const struct sim_mail *in, struct slice rcpt,
		  struct slice asked);

/* May it be returned, because it was refused or for its age? */
bool story_may_return(const struct story_mail *m, const struct story_rcpt *r);

/* Is somebody owed a notice about it, and can it be had? */
bool story_is_owed(const struct story_mail *m);

/* Has a hop got it, of which its sender was to be told and was not? */
bool story_is_untold(const struct story_mail *m, const struct story_rcpt *r);

/* Of what a hop has answered since then nobody may ever be told. */
void story_may_be_untold(int64_t since_ms);

/* What came within the last ms may come again. */
void story_notices_may_repeat(int64_t ms);

/* They are history. */
void story_notices_retire(void);

/*
 * A hop has said reply, 5xx, to the MAIL of from (rcpt is "") or about a
 * recipient.
 */
void story_refusal(const char *from, const char *rcpt, const char *reply);

#endif
