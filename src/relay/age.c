/* SPDX-License-Identifier: ISC */
/*
 * relay/age.c - queued mail grows old whether its route can be tried or not,
 * and without one (DESIGN.md 1, 2.2).  There is no walk of the spool for each
 * message: one may be late by a fiftieth of its time.
 */
#include "relay/parts.h"

/* Milliseconds between two walks, at least. */
#define WALK_MS (10 * 60 * 1000)

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static bool is_under_way(const struct relay *r, uint64_t id)
{
	for (size_t i = 0; i < ARRAY_LEN(r->deliveries); i++)
		if (r->deliveries[i].busy && r->deliveries[i].id == id)
			return true;
	return false;
}

/* Refuse d's message if it is too old; *next: no later than it will be. */
static void check(struct relay *r, struct delivery *d, int64_t *next)
{
	int64_t left_s = r->conf->lifetime_s - d->msg.age_s;

	/* Its notice has as much time again. */
	if (left_s <= 0 && (d->msg.flags & SPOOL_RETURNING))
		left_s += r->conf->lifetime_s;
	if (left_s > 0) {
		*next = earlier(*next, r->now_ms + left_s * 1000);
		return;
	}
	if ((d->msg.flags & SPOOL_HELD) || is_under_way(r, d->msg.id) ||
	    d->msg.env_len > sizeof(d->env) ||
	    spool_read_envelope(r->spool, &d->msg, d->env) < 0)
		return;
	d->env_len = d->msg.env_len;
	/* Looked at again soon: it may not have been stored. */
	*next = r->now_ms;
	if (refuse_expired(r, d))
		work_rewind_all(r);
}

static void walk(struct relay *r, struct delivery *d)
{
	int64_t life_ms = r->conf->lifetime_s * 1000LL;
	int64_t next = r->now_ms + life_ms;
	struct spool_cursor at = { 0 };
	int got;

	while ((got = spool_next(r->spool, &at, &d->msg)) != 0)
		if (got > 0)
			check(r, d, &next);
	r->old_ms = r->now_ms + earlier(life_ms / 50, WALK_MS);
	if (next > r->old_ms)
		r->old_ms = next;
}

/* A slot that lends its room; NULL: there is none now. */
static struct delivery *free_slot(struct relay *r)
{
	for (size_t i = 0; i < ARRAY_LEN(r->deliveries); i++)
		if (r->deliveries[i].state == DELIVERY_FREE)
			return &r->deliveries[i];
	return NULL;
}

int64_t age_next_ms(struct relay *r)
{
	int64_t at = r->old_ms > r->queue_ms ? r->old_ms : r->queue_ms;

	/* Due, but no slot is free: one that ends will wake it. */
	return at <= r->now_ms && free_slot(r) == NULL ? INT64_MAX : at;
}

void age_check(struct relay *r)
{
	struct delivery *d;

	if (!ENABLE_SPOOL || r->spool == NULL)
		return;
	if (spool_count(r->spool) == 0)
		r->old_ms = r->now_ms + r->conf->lifetime_s * 1000LL;
	d = free_slot(r);
	if (d == NULL || r->now_ms < age_next_ms(r))
		return;
	d->route = ROUTE_NONE;
	walk(r, d);
	memory_give_back(d, sizeof(*d));
}
