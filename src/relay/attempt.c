/* SPDX-License-Identifier: ISC */
/*
 * relay/attempt.c - what an attempt has come to: recorded for each recipient,
 * staged or queued (DESIGN.md 3.1), and what the hop's failure means.
 */
#include <errno.h>
#include <string.h>

#include "mail/params.h"
#include "relay/parts.h"

static const char *verdict_name(const struct outcome *o)
{
	if (o->uncertain)
		return "uncertain";
	if (o->verdict == VERDICT_SENT)
		return "sent";
	return o->verdict == VERDICT_REFUSED ? "refused" : "deferred";
}

static void count(struct relay *r, const struct outcome *o)
{
	if (o->uncertain)
		r->count.uncertain++;
	else if (o->verdict == VERDICT_SENT)
		r->count.sent++;
	else if (o->verdict == VERDICT_REFUSED)
		r->count.refused++;
	else
		r->count.deferred++;
}

static void record_staged(struct relay *r, struct submission *s, unsigned i,
			  const struct outcome *o)
{
	struct staged_rcpt *rc = &s->rcpts[i];

	rc->active = false;
	rc->code = o->code;
	rc->dsn = o->dsn;
	rc->quiet = o->quiet;
	submission_note(r, s, i, o->text);
	if (o->verdict == VERDICT_SENT)
		rc->state = o->relayed ? SPOOL_RELAYED : SPOOL_SENT;
	else if (o->verdict == VERDICT_REFUSED)
		rc->state = SPOOL_REFUSED;
	else if (o->uncertain)
		rc->state = SPOOL_UNCERTAIN;
	if (o->uncertain || o->verdict == VERDICT_RETRY_MESSAGE)
		rc->tried = rc->later = true;
}

void attempt_mark(struct relay *r, const struct delivery *d, unsigned i,
		  uint8_t state)
{
	struct spool_mark m = { .id = d->id,
				.kind = SPOOL_MARK_RCPT,
				.rcpt = (uint16_t)i,
				.state = state };
	int err = spool_mark_lazy(r->spool, &m);

	if (err < 0 && err != -ENOENT)
		log_warn("spool: a mark waits in memory: error %d", -err);
}

static void record_queued(struct relay *r, struct delivery *d)
{
	for (unsigned k = 0; k < d->txn.nrcpt; k++) {
		const struct outcome *o = &d->outcomes[k];

		if (o->verdict == VERDICT_SENT && !o->relayed)
			attempt_mark(r, d, d->of[k], SPOOL_SENT);
		else if (o->uncertain)
			attempt_mark(r, d, d->of[k], SPOOL_UNCERTAIN);
		if (o->more)
			continue;
		if (o->uncertain || o->verdict == VERDICT_RETRY_MESSAGE)
			defer_add(r, d->id, d->of[k], o);
		else if (o->verdict == VERDICT_SENT)
			defer_end(r, d->id, d->of[k]);
	}
	/* What is to be told is synced before anything is done about it. */
	refuse_queued(r, d);
}

/*
 * What the sender has said about notices (RFC 3461).  Of mail that was sent it
 * is told by us when the hop will not do it (5.2.2), and when there is a way.
 */
static void note_wishes(struct relay *r, const struct delivery *d,
			struct slice params, struct outcome *o)
{
	const struct submission *s = d->staged;
	uint32_t flags = s == NULL ? d->msg.flags : s->bare ? RELAY_BARE : 0;

	o->quiet = !params_want_failure(params);
	o->relayed = d->open && o->verdict == VERDICT_SENT &&
		     params_want_success(params) &&
		     !(d->client.ehlo.ext & EHLO_DSN) && relay_has_spool(r) &&
		     refuse_is_owed(r, d->txn.from, flags);
}

static void record_message(struct relay *r, struct delivery *d)
{
	struct slice rcpts = d->txn.rcpts, rcpt, params;

	for (unsigned k = 0; k < d->txn.nrcpt; k++) {
		struct outcome *o = &d->outcomes[k];

		if (!envelope_next(&rcpts, &rcpt, &params))
			break;
		if (o->more ||
		    (o->verdict == VERDICT_RETRY_ROUTE && !o->uncertain)) {
			if (d->staged != NULL)
				d->staged->rcpts[d->of[k]].active = false;
			continue;
		}
		count(r, o);
		event_rcpt(r, verdict_name(o), d, rcpt, o);
		if (ENABLE_DSN_PARAMS)
			note_wishes(r, d, params, o);
		if (d->staged != NULL)
			record_staged(r, d->staged, d->of[k], o);
	}
	if (d->staged == NULL && ENABLE_SPOOL && r->spool != NULL)
		record_queued(r, d);
}

void attempt_record(struct relay *r, struct delivery *d)
{
	if (ENABLE_BOUNCE && d->notice.on)
		bounce_record(r, d);
	else
		record_message(r, d);
	work_rewind_passed(r);
	d->open = false;
	r->again = true;
}

void attempt_release(struct relay *r, struct delivery *d,
		     const struct outcome *why)
{
	struct submission *s = d->staged;

	for (unsigned k = 0; s != NULL && k < d->txn.nrcpt; k++) {
		struct staged_rcpt *rc = &s->rcpts[d->of[k]];

		rc->active = false;
		if (rc->state != SPOOL_WAITING || rc->tried)
			continue;
		rc->tried = true;
		rc->code = why->code;
		rc->dsn = why->dsn;
		submission_note(r, s, d->of[k], why->text);
	}
	if (s == NULL && d->busy)
		work_rewind(r, d->route);
	work_rewind_passed(r);
	d->staged = NULL;
	d->busy = false;
	d->open = false;
	r->again = true;
}

/* Does another connection to its hop work? */
static bool has_twin(const struct relay *r, const struct delivery *d)
{
	for (size_t i = 0; i < ARRAY_LEN(r->deliveries); i++) {
		const struct delivery *o = &r->deliveries[i];

		if (o != d && o->hop == d->hop &&
		    (o->state == DELIVERY_SESSION ||
		     o->state == DELIVERY_LINGER))
			return true;
	}
	return false;
}

/* It was one connection too many: the others take its message. */
static void leave_to_twin(struct relay *r, struct delivery *d)
{
	for (unsigned k = 0; d->staged && k < d->txn.nrcpt; k++)
		d->staged->rcpts[d->of[k]].active = false;
	if (d->staged == NULL && d->busy)
		work_rewind(r, d->route);
	/* A hop that is up: no other one before. */
	r->hops[d->hop].next_ms = r->now_ms + r->conf->retry_min_s * 1000LL;
	delivery_free(r, d);
}

void attempt_hop_failed(struct relay *r, struct delivery *d,
			const struct outcome *why)
{
	unsigned next;

	if (d->hop != HOP_NONE && !r->stopping && has_twin(r, d)) {
		leave_to_twin(r, d);
		return;
	}
	if (d->hop != HOP_NONE)
		hop_fail(r, d->hop, why);
	/* Without its hop its route's number may mean another one now. */
	next = r->stopping || d->hop == HOP_NONE ? HOP_NONE
						 : hop_choose(r, d->route);
	if (d->busy && next != HOP_NONE && work_again(d, false) > 0) {
		delivery_start(r, d, next);
		return;
	}
	attempt_release(r, d, why);
	delivery_free(r, d);
}

void attempt_unreadable(struct relay *r, struct delivery *d, int err)
{
	struct spool_mark m = { .id = d->msg.id,
				.kind = SPOOL_MARK_FLAGS,
				.flags = d->msg.flags | SPOOL_HELD };
	struct spool_item item = { .mark = &m };
	char id[ID_LEN + 1];

	bool held = ENABLE_SPOOL && d->msg.id != 0 &&
		    spool_commit(r->spool, &item, 1) == 0;

	id_format(id, d->msg.id);
	log_err("spool: message %s at frame %u cannot be read (error %d)%s", id,
		d->msg.frame, -err,
		held ? ", held" : ", and a hold cannot be stored");
}
