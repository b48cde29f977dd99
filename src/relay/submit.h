/* SPDX-License-Identifier: ISC */
/*
 * relay/submit.h - one message on its way in: from MAIL to its answer.
 *
 * submit_begin, submit_rcpt..., submit_body..., submit_end; then the answer
 * comes with the turns of the relay.  Used by sessions and by commands that
 * work without a daemon.
 */
#ifndef RELAY_SUBMIT_H
#define RELAY_SUBMIT_H

#include "mail/outcome.h"
#include "relay/relay.h"

struct submission;

/* The words of refusals that sendmail tells from those of a next hop. */
#define SUBMIT_LARGE_MESSAGE "message is too large"
#define SUBMIT_LARGE_HEADER "header is too large"

/* How a message comes. */
struct submit_job {
	struct slice from;          /* reverse-path as given, maybe bare */
	struct slice params, trace; /* mail/envelope.h */
	uint64_t size;              /* announced, 0 unknown */
	bool local; /* by the submission socket or sendmail itself */
	bool queue; /* commit at once (-odb, -odq) */
	bool utf8;  /* SMTPUTF8 was said */
};

/*
 * Begin.  On refusal *why has the SMTP code, enhanced code and text.
 * Returns: the submission;  NULL refused
 */
struct submission *submit_begin(struct relay *r, const struct submit_job *job,
				struct outcome *why);

/* Add one recipient (aliases apply, params to each).  0;  -1 refused: *why. */
must_check int submit_rcpt(struct relay *r, struct submission *s,
			   struct slice rcpt, struct slice params,
			   struct outcome *why);

/*
 * Make room before the content comes: a message larger than the stage gets
 * its place in the spool.  0;  -EAGAIN another large one is under way: ask
 * again after a turn;  -1 refused: *why
 */
must_check int submit_data(struct relay *r, struct submission *s,
			   struct outcome *why);

/*
 * Take content: CRLF lines, dots undone, all of it.
 * Returns: 0;  -EAGAIN no room now, nothing was taken: again after a turn;
 *          -1 refused: *why, the message is lost: submit_abort()
 */
must_check int submit_body(struct relay *r, struct submission *s,
			   struct slice in, struct outcome *why);

/* The content is complete: delivery begins with the next turn. */
void submit_end(struct relay *r, struct submission *s);

/* Is the answer known?  It stays until submit_done(). */
bool submit_answered(const struct submission *s);

/* The answer for the whole message: 250, 4xx or 5xx. */
const struct outcome *submit_answer(const struct submission *s);

/*
 * The answer for the n-th submit_rcpt() (from 0), for LMTP; text into space.
 */
void submit_answer_rcpt(struct relay *r, const struct submission *s, unsigned n,
			struct outcome *out);

/* How many submit_rcpt() calls were accepted. */
unsigned submit_rcpts(const struct submission *s);

/* The identifier. */
uint64_t submit_id(const struct submission *s);

/* The answer was given: forget the submission. */
void submit_done(struct relay *r, struct submission *s);

/* Forget it before submit_end(): it was never there. */
void submit_abort(struct relay *r, struct submission *s);

/* The submitter is gone after submit_end(): nobody wants the answer. */
void submit_orphan(struct submission *s);

#endif
