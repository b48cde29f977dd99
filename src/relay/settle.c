/* SPDX-License-Identifier: ISC */
/*
 * relay/settle.c - when a submitter is answered, and with what (DESIGN.md
 * 3.1): all sent, all refused, or any mix; temporary trouble commits first.
 */
#include <string.h>

#include "relay/parts.h"

/* How its recipients stand. */
struct tally {
	unsigned sent, refused, tried, open;
	unsigned quiet; /* refused, and nobody wants to know */
	bool relayed;   /* sent, and somebody does */
	bool active;    /* an attempt is under way */
};

static struct tally count_rcpts(const struct submission *s)
{
	struct tally t = { 0 };

	for (unsigned i = 0; i < s->nrcpt; i++) {
		const struct staged_rcpt *rc = &s->rcpts[i];

		t.active |= rc->active;
		t.relayed |= rc->state == SPOOL_RELAYED;
		t.quiet += rc->quiet && rc->state == SPOOL_REFUSED;
		if (rc->state == SPOOL_SENT || rc->state == SPOOL_RELAYED)
			t.sent++;
		else if (rc->state == SPOOL_REFUSED)
			t.refused++;
		else if (rc->tried)
			t.tried++;
		else
			t.open++;
	}
	return t;
}

void submission_answer(struct relay *r, struct submission *s,
		       enum verdict verdict, uint16_t code, uint16_t dsn,
		       const char *text)
{
	outcome_set(&s->answer, verdict, code, dsn, slice_str(text));
	s->state = SUBMISSION_ANSWERED;
	s->want_commit = false;
	if (verdict == VERDICT_SENT)
		r->count.accepted++;
	if (s->orphan)
		submission_free(r, s);
	r->again = true;
}

/* First recipient in a state; there is one. */
static unsigned find_state(const struct submission *s, uint8_t state)
{
	unsigned i = 0;

	while (i + 1u < s->nrcpt && s->rcpts[i].state != state)
		i++;
	return i;
}

static void answer_as(struct relay *r, struct submission *s, uint8_t state)
{
	unsigned i = find_state(s, state);
	const struct staged_rcpt *rc = &s->rcpts[i];
	bool sent = state == SPOOL_SENT;
	char text[OUTCOME_MAX_TEXT];
	struct buf b = buf_on(text, sizeof(text) - 1);

	submission_text(r, s, i, &b);
	if (b.len == 0)
		buf_put_str(&b, sent ? "delivered" : "refused by the next hop");
	text[b.len] = '\0';
	submission_answer(r, s, sent ? VERDICT_SENT : VERDICT_REFUSED,
			  rc->code >= 200 && (rc->code < 300) == sent
				  ? rc->code
				  : (sent ? 250 : 554),
			  rc->dsn ? rc->dsn : (sent ? 200 : 500), text);
}

/* Some were sent, the others refused: a notice is owed for those. */
static void settle_mix(struct relay *r, struct submission *s,
		       const struct tally *t)
{
	char space[ADDRESS_MAX_PATH + 2];
	struct slice from = submission_sender(r, s, space);
	const struct spool_msg msg = { .id = s->id,
				       .size = s->size,
				       .flags = s->bare ? RELAY_BARE : 0 };

	if (t->quiet < t->refused && refuse_is_owed(r, from, msg.flags)) {
		s->want_commit = true;
		return;
	}
	/* Nobody is told (RFC 5321 4.5.5): nothing is worth a write. */
	refuse_dropped(r, &msg, from, t->refused);
	submission_answer(r, s, VERDICT_SENT, 250, 200, "delivered in part");
}

void submission_settle(struct relay *r, struct submission *s)
{
	struct tally t = count_rcpts(s);

	if (s->state != SUBMISSION_READY)
		return;
	if (t.tried > 0) {
		/* A commit that failed waits for the attempt under way. */
		s->want_commit = !t.active || s->commit_ms != INT64_MAX;
		return;
	}
	if (t.open > 0) {
		if (r->now_ms >= s->commit_ms && relay_has_spool(r))
			s->want_commit = true;
		return;
	}
	if (ENABLE_DSN_PARAMS && t.relayed)
		s->want_commit = true;
	else if (t.refused == 0)
		answer_as(r, s, SPOOL_SENT);
	else if (t.sent == 0)
		answer_as(r, s, SPOOL_REFUSED);
	else
		settle_mix(r, s, &t);
}
