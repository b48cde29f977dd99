/* SPDX-License-Identifier: ISC */
/*
 * relay/commit.c - staged messages go to the spool: all that are ready in one
 * turn of the loop share frames and one sync (DESIGN.md 3.1, 3.2).  A turn may
 * find one ready and others a step behind: for those it waits a moment.
 */
#include <errno.h>
#include <string.h>

#include "relay/parts.h"

/* What is ready waits so long for messages that arrive beside it. */
#define GATHER_MS 10

static int read_staged(void *ctx, uint32_t off, void *p, uint32_t n)
{
	struct staged_source *src = ctx;
	struct submission *s = src->s;
	uint8_t *to = p;

	if (off < s->env.len) {
		uint32_t part = s->env.len - off < n ? s->env.len - off : n;

		chain_read(&src->r->stage, &s->env, off, to, part);
		to += part;
		off += part;
		n -= part;
	}
	if (n > 0)
		chain_read(&src->r->stage, &s->body, off - s->env.len, to, n);
	return 0;
}

/* Is the sender to be told of it? */
static bool is_told(const struct staged_rcpt *rc)
{
	return rc->state == SPOOL_REFUSED ||
	       (ENABLE_DSN_PARAMS && rc->state == SPOOL_RELAYED);
}

static bool is_sent(const struct staged_rcpt *rc)
{
	return rc->state == SPOOL_SENT ||
	       (ENABLE_DSN_PARAMS && rc->state == SPOOL_RELAYED);
}

/* The states as they are stored; is a notice owed for any recipient? */
static bool fill_states(const struct submission *s, uint8_t *states)
{
	bool told = false;

	for (unsigned i = 0; i < s->nrcpt; i++) {
		states[i] = s->rcpts[i].state;
		told |= is_told(&s->rcpts[i]);
	}
	return told;
}

/*
 * Why its recipients from that one on were refused, beside the message, as far
 * as there is room.  Returns: the first one that is still to be done, or nrcpt
 */
static unsigned add_reasons(struct relay *r, struct batch *b,
			    const struct submission *s, unsigned rcpt)
{
	for (; rcpt < s->nrcpt; rcpt++) {
		const struct staged_rcpt *rc = &s->rcpts[rcpt];

		if (rc->state != SPOOL_REFUSED)
			continue;
		if (b->nitems == ARRAY_LEN(b->item) ||
		    b->nmarks == ARRAY_LEN(b->mark))
			break;
		struct spool_mark *m = &b->mark[b->nmarks];
		struct buf text = BUF_ON(b->text[b->nmarks]);

		submission_text(r, s, rcpt, &text);
		*m = (struct spool_mark){ .id = s->id,
					  .kind = SPOOL_MARK_RCPT,
					  .rcpt = (uint16_t)rcpt,
					  .state = SPOOL_REFUSED,
					  .code = rc->code,
					  .dsn = rc->dsn,
					  .text = buf_slice(&text) };
		b->nmarks++;
		b->item[b->nitems++] = (struct spool_item){ .mark = m };
	}
	return rcpt;
}

static void add_to_batch(struct relay *r, struct batch *b, struct submission *s)
{
	size_t i = b->n++;
	struct spool_add *a = &b->add[i];
	bool returns = fill_states(s, b->states[i]);

	b->of[i] = s;
	b->source[i] = (struct staged_source){ r, s };
	*a = (struct spool_add){
		.id = s->id,
		.wall_s = s->wall_s,
		.env_len = (uint16_t)s->env.len,
		.nrcpt = s->nrcpt,
		.states = b->states[i],
		.size = s->size,
		.source = { &b->source[i], read_staged },
		.big = s->big,
	};
	if (s->eight_bit)
		a->flags |= SPOOL_8BIT;
	if (s->utf8_header)
		a->flags |= RELAY_UTF8;
	if (s->wall_sane)
		a->flags |= SPOOL_WALL_SANE;
	if (s->bare)
		a->flags |= RELAY_BARE;
	if (returns)
		a->flags |= SPOOL_RETURNING;
	b->item[b->nitems++] = (struct spool_item){ .add = a };
	b->said[i] = add_reasons(r, b, s, 0);
}

/* Attempts under way go on, reading from the spool from here on. */
static void move_deliveries(struct relay *r, struct submission *s)
{
	for (size_t i = 0; i < ARRAY_LEN(r->deliveries); i++) {
		struct delivery *d = &r->deliveries[i];

		if (d->staged != s)
			continue;
		d->staged = NULL;
		if (spool_find(r->spool, s->id, &d->msg) < 0)
			d->broken = true;
	}
}

/* One of its recipients waits on its own. */
static void defer(struct relay *r, struct submission *s, unsigned rcpt)
{
	struct outcome why;
	char text[OUTCOME_MAX_TEXT];
	struct buf b = BUF_ON(text);

	submission_text(r, s, rcpt, &b);
	outcome_set(&why, VERDICT_RETRY_MESSAGE, s->rcpts[rcpt].code,
		    s->rcpts[rcpt].dsn, buf_slice(&b));
	defer_add(r, s->id, rcpt, &why);
}

/* Its recipients' routes have queued mail now; some wait on their own. */
static void note_queued(struct relay *r, struct submission *s)
{
	for (unsigned i = 0; i < s->nrcpt; i++) {
		struct staged_rcpt *rc = &s->rcpts[i];

		if (rc->route != ROUTE_NONE && !is_sent(rc) &&
		    rc->state != SPOOL_REFUSED)
			r->routes[rc->route].backlog = true;
		/* Its notice goes by another route, maybe. */
		for (unsigned k = 0; is_told(rc) && k < r->conf->nroutes; k++)
			r->routes[k].backlog = true;
		if (rc->later)
			defer(r, s, i);
		else if (rc->state == SPOOL_WAITING && rc->tried)
			r->count.deferred++;
	}
}

/* Reasons that found no room beside the message follow it. */
static void mark_refused(struct relay *r, struct batch *b, size_t of)
{
	struct submission *s = b->of[of];

	while (b->said[of] < s->nrcpt) {
		b->nitems = b->nmarks = 0;
		b->said[of] = add_reasons(r, b, s, b->said[of]);
		if (b->nitems == 0)
			return;
		int err = spool_commit(r->spool, b->item, b->nitems);
		if (err < 0)
			log_warn("spool: reasons could not be stored: %d", err);
	}
}

static void log_queued(struct relay *r, struct submission *s)
{
	char space[ADDRESS_MAX_PATH + 2];
	struct slice from = submission_sender(r, s, space);
	struct buf why = BUF_ON(r->scratch);

	for (unsigned i = 0; i < s->nrcpt && why.len == 0; i++)
		if (!is_sent(&s->rcpts[i]))
			submission_text(r, s, i, &why);
	event_message(r, "queued", s->id, from, s->size, s->nrcpt,
		      why.len ? buf_cstr(&why) : "waiting for the next hop");
}

static void committed(struct relay *r, struct batch *b, size_t of)
{
	struct submission *s = b->of[of];
	char text[40] = "queued as ";

	s->want_commit = false;
	id_format(text + 10, s->id);
	log_queued(r, s);
	if (r->big == s) {
		/* New mail does not wait for what queued mail waits for. */
		r->big = NULL;
		r->urgent = s->queue ? 0 : s->id;
	}
	s->big = false;
	move_deliveries(r, s);
	note_queued(r, s);
	mark_refused(r, b, of);
	chain_free(&r->stage, &s->body);
	submission_answer(r, s, VERDICT_SENT, 250, 200, text);
}

static bool is_in_attempt(const struct relay *r, const struct submission *s)
{
	for (size_t i = 0; i < ARRAY_LEN(r->deliveries); i++)
		if (r->deliveries[i].staged == s)
			return true;
	return false;
}

static bool was_sent_in_part(const struct submission *s)
{
	for (unsigned i = 0; i < s->nrcpt; i++)
		if (is_sent(&s->rcpts[i]))
			return true;
	return false;
}

/*
 * All have it, or nobody wants to know of those that have not; a notice of that
 * could not be kept: there will be none.
 */
static bool forget_notices(struct submission *s)
{
	bool all = true;

	for (unsigned i = 0; i < s->nrcpt; i++) {
		struct staged_rcpt *rc = &s->rcpts[i];

		all &= is_sent(rc) || (rc->quiet && rc->state == SPOOL_REFUSED);
		if (is_sent(rc))
			rc->state = SPOOL_SENT;
	}
	return all;
}

/* It cannot be kept: the submitter must, unless an attempt still runs. */
static void failed(struct relay *r, struct submission *s, int err)
{
	char text[OUTCOME_MAX_TEXT];
	struct buf b = BUF_ON(text);

	s->want_commit = false;
	if (is_in_attempt(r, s)) {
		s->commit_ms = INT64_MAX;
		return;
	}
	if (ENABLE_DSN_PARAMS && forget_notices(s)) {
		submission_settle(r, s);
		return;
	}
	for (unsigned i = 0; i < s->nrcpt && b.len == 0; i++)
		if (!is_sent(&s->rcpts[i]))
			submission_text(r, s, i, &b);
	if (err == -ENOSPC) {
		buf_reset(&b);
		buf_put_str(&b, "spool is full");
	} else if (b.len == 0) {
		buf_put_str(&b, "cannot be delivered or stored now");
	}
	if (was_sent_in_part(s))
		event_message(r, "duplicate-possible", s->id, SLICE(""),
			      s->size, s->nrcpt, "not stored after a part");
	submission_answer(r, s, VERDICT_RETRY_MESSAGE,
			  err == -ENOSPC ? 452 : 451,
			  err == -ENOSPC ? 431 : 430, buf_cstr(&b));
}

static void commit_batch(struct relay *r, struct batch *b)
{
	int err = spool_commit(r->spool, b->item, b->nitems);

	if (err < 0)
		log_err("spool: a commit of %zu messages failed: error %d",
			b->n, -err);
	for (size_t i = 0; i < b->n; i++) {
		if (err == 0)
			committed(r, b, i);
		else
			failed(r, b->of[i], err);
	}
}

/* All that are ready, or as many as one commit takes; their number. */
static size_t fill_batch(struct relay *r, struct batch *b)
{
	b->n = b->nitems = b->nmarks = 0;
	for (size_t i = 0; i < ARRAY_LEN(r->submissions); i++) {
		struct submission *s = &r->submissions[i];

		if (s->state != SUBMISSION_READY || !s->want_commit)
			continue;
		if (ENABLE_SPOOL && r->spool_later)
			r->spool_wanted = true;
		else if (!ENABLE_SPOOL || r->spool == NULL)
			failed(r, s, -EAGAIN);
		else if (b->nitems < ARRAY_LEN(b->item))
			add_to_batch(r, b, s);
	}
	return b->n;
}

int64_t commit_next_ms(const struct relay *r)
{
	int64_t next = INT64_MAX;
	bool more = false;

	for (size_t i = 0; i < ARRAY_LEN(r->submissions); i++) {
		const struct submission *s = &r->submissions[i];

		/* One that waits for room may wait for these. */
		if (s->state == SUBMISSION_OPEN && s->stall_ms == 0)
			more = true;
		if (s->state == SUBMISSION_READY && s->want_commit &&
		    s->dot_ms + GATHER_MS < next)
			next = s->dot_ms + GATHER_MS;
	}
	if (next != INT64_MAX && (!more || r->stopping))
		return r->now_ms;
	return next;
}

void commit_staged(struct relay *r)
{
	if (commit_next_ms(r) > r->now_ms)
		return;
	/* Whatever comes of it, none of them wants it again at once. */
	while (fill_batch(r, &r->batch) > 0)
		commit_batch(r, &r->batch);
}
