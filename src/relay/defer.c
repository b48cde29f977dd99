/* SPDX-License-Identifier: ISC */
/*
 * relay/defer.c - recipients of queued messages that wait for a time of their
 * own: what the next hop said concerns them alone.  An entry holds all of a
 * message that got the same answer at the same time.  The entries are few and
 * in RAM only: one that is lost is tried early.
 */
#include <string.h>

#include "relay/parts.h"

static bool has_rcpt(const struct defer *d, uint64_t id, unsigned rcpt)
{
	return d->id == id && d->id != 0 &&
	       (d->rcpts[rcpt / 32] >> rcpt % 32 & 1) != 0;
}

struct defer *defer_find(struct relay *r, uint64_t id, unsigned rcpt)
{
	for (size_t i = 0; i < RELAY_DEFERS; i++)
		if (has_rcpt(&r->defers[i], id, rcpt))
			return &r->defers[i];
	return NULL;
}

bool defer_waits(struct relay *r, uint64_t id, unsigned rcpt)
{
	const struct defer *d = defer_find(r, id, rcpt);

	return d != NULL && d->due_ms > r->now_ms;
}

void defer_end(struct relay *r, uint64_t id, unsigned rcpt)
{
	static const uint32_t none[ARRAY_LEN(((struct defer *)NULL)->rcpts)];
	struct defer *d = defer_find(r, id, rcpt);

	if (d == NULL)
		return;
	d->rcpts[rcpt / 32] &= ~(1u << rcpt % 32);
	if (memcmp(d->rcpts, none, sizeof(none)) == 0)
		d->id = 0;
}

void defer_forget(struct relay *r, uint64_t id)
{
	for (size_t i = 0; i < RELAY_DEFERS; i++)
		if (r->defers[i].id == id)
			r->defers[i].id = 0;
}

/* A free entry, else the one that is due first: it is tried early then. */
static struct defer *take(struct relay *r)
{
	struct defer *best = &r->defers[0];

	for (size_t i = 0; i < RELAY_DEFERS; i++) {
		struct defer *d = &r->defers[i];

		if (d->id == 0)
			return d;
		if (d->due_ms < best->due_ms)
			best = d;
	}
	return best;
}

static int64_t delay_ms(struct relay *r, unsigned tries)
{
	int64_t delay = r->conf->retry_min_s * 1000LL;
	int64_t max = r->conf->retry_max_s * 1000LL;

	for (unsigned i = 1; i < tries && delay < max; i++)
		delay *= 2;
	if (delay > max)
		delay = max;
	return delay / 2 +
	       (int64_t)world_random_below(r->w, (uint64_t)delay + 1);
}

/* The entry of those that heard the same just now; made if need be. */
static struct defer *join(struct relay *r, uint64_t id, unsigned tries,
			  const struct outcome *why)
{
	struct defer *d;

	for (size_t i = 0; i < RELAY_DEFERS; i++) {
		d = &r->defers[i];
		if (d->id != id || d->made_ms != r->now_ms ||
		    d->tries != tries || d->code != why->code ||
		    d->dsn != why->dsn)
			continue;
		/* Words about one of them are not said of the others. */
		if (strcmp(d->text, why->text) != 0)
			d->text[0] = '\0';
		return d;
	}
	d = take(r);
	*d = (struct defer){ .id = id,
			     .made_ms = r->now_ms,
			     .due_ms = r->now_ms + delay_ms(r, tries),
			     .tries = (uint8_t)tries,
			     .code = why->code,
			     .dsn = why->dsn };
	memcpy(d->text, why->text, sizeof(d->text));
	return d;
}

void defer_add(struct relay *r, uint64_t id, unsigned rcpt,
	       const struct outcome *why)
{
	const struct defer *old = defer_find(r, id, rcpt);
	unsigned tries = old ? old->tries + 1u : 1u;

	defer_end(r, id, rcpt);
	join(r, id, tries < 30 ? tries : 30, why)->rcpts[rcpt / 32] |=
		1u << rcpt % 32;
}

bool defer_wake(struct relay *r)
{
	bool any = false;

	for (size_t i = 0; i < RELAY_DEFERS; i++) {
		struct defer *d = &r->defers[i];

		if (d->id == 0 || d->due_ms > r->now_ms ||
		    d->due_ms == INT64_MIN)
			continue;
		/* It is kept: the next delay is a longer one. */
		d->due_ms = INT64_MIN;
		any = true;
	}
	return any;
}

int64_t defer_next_ms(const struct relay *r)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < RELAY_DEFERS; i++) {
		const struct defer *d = &r->defers[i];

		if (d->id != 0 && d->due_ms != INT64_MIN && d->due_ms < next)
			next = d->due_ms;
	}
	return next;
}
