/* SPDX-License-Identifier: ISC */
/*
 * relay/schedule.c - state belongs to the hop, not to the message (DESIGN.md
 * 3.3): a breaker for each hop, in boot time, with proportional jitter
 * (STANDARDS.md section 4), and what is believed of the wall clock (3.4).
 */
#include <string.h>

#include "relay/parts.h"

bool hop_may_try(const struct relay *r, unsigned hop)
{
	const struct hop *h = &r->hops[hop];

	if (h->state == HOP_UP || h->state == HOP_PROBING)
		return true;
	return h->forced || r->now_ms >= h->next_ms;
}

unsigned hop_choose(const struct relay *r, unsigned route)
{
	for (unsigned i = 0; i < r->conf->nhops; i++)
		if (r->conf->hops[i].route == route && hop_may_try(r, i))
			return i;
	return HOP_NONE;
}

int64_t route_after_ms(const struct relay *r, unsigned route)
{
	int64_t after = r->routes[route].after_ms;

	return after > r->queue_ms ? after : r->queue_ms;
}

int64_t route_due_ms(const struct relay *r, unsigned route)
{
	int64_t due = INT64_MAX;

	for (unsigned i = 0; i < r->conf->nhops; i++) {
		int64_t at = hop_may_try(r, i) ? r->now_ms : r->hops[i].next_ms;

		if (r->conf->hops[i].route == route && at < due)
			due = at;
	}
	int64_t after = route_after_ms(r, route);

	return due > after ? due : after;
}

void hop_begin(struct relay *r, unsigned hop)
{
	struct hop *h = &r->hops[hop];

	if (h->state != HOP_UP)
		h->state = HOP_PROBING;
	h->link_up = h->forced = false;
}

void hop_ok(struct relay *r, unsigned hop)
{
	struct hop *h = &r->hops[hop];
	bool news = h->state != HOP_UP;

	h->state = HOP_UP;
	h->failures = 0;
	r->routes[r->conf->hops[hop].route].early = 0;
	h->success_ms = r->now_ms;
	h->reason[0] = '\0';
	if (!news)
		return;
	h->next_ms = r->now_ms;
	event_hop(r, hop, LOG_INFO);
}

/* MIN doubling to MAX; credentials start at the larger of MIN and MAX/4. */
static int64_t delay_ms(struct relay *r, struct hop *h, bool held)
{
	int64_t delay = r->conf->retry_min_s * 1000LL;
	int64_t max = r->conf->retry_max_s * 1000LL;

	if (held && max / 4 > delay)
		delay = max / 4;
	for (unsigned i = 1; i < h->failures && delay < max; i++)
		delay *= 2;
	if (delay > max)
		delay = max;
	/*
	 * Times 0.5 to 1.5, from the kernel's generator.  While it doubles the
	 * factor stays: independent ones would let a fleet that lost its hop
	 * at one moment come in waves (tests/sim/fleet.h).
	 */
	if (h->failures == 1 || delay == max)
		h->factor = (uint16_t)world_random_below(r->w, 1 << 16);
	return delay / 2 + (delay * h->factor >> 16);
}

int64_t clock_floor(const struct relay *r)
{
	int64_t floor = CONFIG_RELEASE_EPOCH;
	int64_t last = r->last_wall_s;

	if (ENABLE_SPOOL && r->spool != NULL)
		last = spool_last_wall(r->spool);
	return last > floor && !r->clock_was_set ? last : floor;
}

bool clock_is_sane(const struct relay *r)
{
	return world_wall_s(r->w) >= clock_floor(r);
}

/*
 * When the wall clock will be sane: one that lags a little gets there by
 * itself; for one of 1970 somebody has to set it.
 */
static int64_t clock_due_ms(const struct relay *r)
{
	int64_t left = clock_floor(r) - world_wall_s(r->w);

	return left > r->conf->lifetime_s ? INT64_MAX : r->now_ms + left * 1000;
}

static bool waits_for_clock(const struct hop *h)
{
	return h->state == HOP_HELD && h->trouble == TROUBLE_CLOCK;
}

/*
 * A route none of whose hops may be tried now is tried ahead of time: at once
 * for new mail, behind a random splay for queued mail.  A link that flaps does
 * not defeat the breaker: without a success each such try waits twice as long.
 */
static void try_early(struct relay *r, unsigned route)
{
	struct route *rt = &r->routes[route];
	int64_t at_ms = r->now_ms + (1000ll << rt->early) - 1000 +
			(int64_t)world_random_below(
				r->w, r->conf->splay_s * 1000ull + 1);
	bool any = false;

	for (unsigned i = 0; i < r->conf->nhops; i++) {
		struct hop *h = &r->hops[i];

		if (r->conf->hops[i].route != route ||
		    (h->state != HOP_DOWN && !waits_for_clock(h)))
			continue;
		if (h->next_ms < at_ms)
			at_ms = h->next_ms;
		h->next_ms = r->now_ms;
		any = true;
	}
	if (!any)
		return;
	rt->after_ms = at_ms;
	if (rt->early < 12)
		rt->early++;
	r->again = true;
}

void hop_fail(struct relay *r, unsigned hop, const struct outcome *why)
{
	struct hop *h = &r->hops[hop];
	bool held = why->trouble != TROUBLE_LINK;
	bool news = h->failures == 0 || h->trouble != why->trouble;

	/* A password refused behind a dead link has its own first delay. */
	if (news)
		h->failures = 0;
	if (h->failures < 30)
		h->failures++;
	h->forced = false;
	h->trouble = (uint8_t)why->trouble;
	h->next_ms = why->trouble == TROUBLE_CLOCK
			     ? clock_due_ms(r)
			     : r->now_ms + delay_ms(r, h, held);
	h->state = held ? HOP_HELD : HOP_DOWN;
	h->code = why->code;
	h->dsn = why->dsn;
	memcpy(h->reason, why->text, sizeof(h->reason));
	event_hop(r, hop, news ? LOG_WARN : LOG_DEBUG);
	/* This attempt began too early; the next one need not wait. */
	if (h->link_up)
		try_early(r, r->conf->hops[hop].route);
	h->link_up = false;
}

/* The clock was set, but to a time that it cannot be. */
static void wait_for_clock(struct relay *r)
{
	for (unsigned i = 0; i < r->conf->nhops; i++)
		if (waits_for_clock(&r->hops[i]))
			r->hops[i].next_ms = clock_due_ms(r);
	r->again = true;
}

static void try_all_early(struct relay *r)
{
	for (unsigned i = 0; i < r->conf->nroutes; i++)
		if (hop_choose(r, i) == HOP_NONE)
			try_early(r, i);
}

void relay_clock_set(struct relay *r)
{
	r->now_ms = world_boot_ms(r->w);
	r->clock_was_set = world_wall_s(r->w) >= CONFIG_RELEASE_EPOCH;
	if (!clock_is_sane(r)) {
		wait_for_clock(r);
		return;
	}
	if (ENABLE_SPOOL && r->spool != NULL)
		spool_set_wall(r->spool, world_wall_s(r->w));
	try_all_early(r);
}

bool relay_misses_link(const struct relay *r)
{
	for (unsigned i = 0; i < r->conf->nhops; i++)
		if (r->hops[i].state == HOP_DOWN ||
		    r->hops[i].state == HOP_PROBING)
			return true;
	return false;
}

void relay_link_up(struct relay *r)
{
	r->now_ms = world_boot_ms(r->w);
	for (unsigned i = 0; i < r->conf->nhops; i++)
		r->hops[i].link_up = r->hops[i].state == HOP_PROBING;
	try_all_early(r);
}

void relay_flush(struct relay *r)
{
	r->now_ms = world_boot_ms(r->w);
	r->queue_ms = r->now_ms;
	for (unsigned i = 0; i < r->conf->nhops; i++)
		if (r->hops[i].state == HOP_DOWN ||
		    r->hops[i].state == HOP_HELD)
			r->hops[i].forced = true;
	for (size_t i = 0; i < RELAY_DEFERS; i++)
		if (r->defers[i].id != 0)
			r->defers[i].due_ms = r->now_ms;
	for (unsigned i = 0; i < r->conf->nroutes; i++) {
		r->routes[i].after_ms = 0;
		work_rewind(r, i);
	}
	r->again = true;
}

static bool route_is_busy(const struct relay *r, unsigned route)
{
	for (size_t i = 0; i < ARRAY_LEN(r->deliveries); i++)
		if (r->deliveries[i].state != DELIVERY_FREE &&
		    r->deliveries[i].state != DELIVERY_LINGER &&
		    r->deliveries[i].route == route)
			return true;
	return false;
}

bool relay_flush_ended(const struct relay *r)
{
	for (unsigned i = 0; i < r->conf->nroutes; i++) {
		if (route_is_busy(r, i))
			return false;
		if (r->routes[i].backlog && hop_choose(r, i) != HOP_NONE)
			return false;
	}
	return true;
}

bool relay_is_at_rest(const struct relay *r)
{
	for (unsigned i = 0; i < r->conf->nroutes; i++)
		if (route_is_busy(r, i))
			return false;
	return r->urgent == 0 && !r->again;
}
