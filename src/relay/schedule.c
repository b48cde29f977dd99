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

void hop_begin(struct relay *r, unsigned hop)
{
	struct hop *h = &r->hops[hop];

	if (h->state != HOP_UP)
		h->state = HOP_PROBING;
	h->forced = false;
}

void hop_ok(struct relay *r, unsigned hop)
{
	struct hop *h = &r->hops[hop];
	bool news = h->state != HOP_UP;

	h->state = HOP_UP;
	h->failures = 0;
	h->success_ms = r->now_ms;
	h->reason[0] = '\0';
	if (news)
		event_hop(r, hop, LOG_INFO);
}

/* MIN doubling to MAX; credentials start at the larger of MIN and MAX/4. */
static int64_t delay_ms(struct relay *r, const struct hop *h, bool held)
{
	int64_t delay = r->conf->retry_min_s * 1000LL;
	int64_t max = r->conf->retry_max_s * 1000LL;

	if (held && max / 4 > delay)
		delay = max / 4;
	for (unsigned i = 1; i < h->failures && delay < max; i++)
		delay *= 2;
	if (delay > max)
		delay = max;
	/* Times 0.5 to 1.5, from the kernel's generator. */
	return delay / 2 +
	       (int64_t)world_random_below(r->w, (uint64_t)delay + 1);
}

void hop_fail(struct relay *r, unsigned hop, const struct outcome *why)
{
	struct hop *h = &r->hops[hop];
	bool held = why->trouble != TROUBLE_LINK;
	enum hop_state was = h->state;
	bool news = h->failures == 0 || strcmp(h->reason, why->text) != 0;

	if (h->failures < 30)
		h->failures++;
	h->forced = false;
	h->next_ms = why->trouble == TROUBLE_CLOCK
			     ? INT64_MAX
			     : r->now_ms + delay_ms(r, h, held);
	h->state = held ? HOP_HELD : HOP_DOWN;
	memcpy(h->reason, why->text, sizeof(h->reason));
	event_hop(r, hop, news || was == HOP_UP ? LOG_WARN : LOG_DEBUG);
}

int64_t clock_floor(const struct relay *r)
{
	int64_t floor = CONFIG_RELEASE_EPOCH;

	if (ENABLE_SPOOL && r->spool != NULL && !r->clock_was_set &&
	    spool_last_wall(r->spool) > floor)
		floor = spool_last_wall(r->spool);
	return floor;
}

bool clock_is_sane(const struct relay *r)
{
	return world_wall_s(r->w) >= clock_floor(r);
}

/* Hops that waited for the clock may be tried.  Were there any? */
static bool free_from_clock(struct relay *r)
{
	bool any = false;

	for (unsigned i = 0; i < r->conf->nhops; i++) {
		struct hop *h = &r->hops[i];

		if (h->state != HOP_HELD || h->next_ms != INT64_MAX)
			continue;
		h->next_ms = r->now_ms;
		any = true;
	}
	return any;
}

void relay_clock_set(struct relay *r)
{
	int64_t splay_ms = r->conf->splay_s * 1000ll;

	r->now_ms = world_boot_ms(r->w);
	r->clock_was_set = true;
	if (!clock_is_sane(r))
		return;
	if (ENABLE_SPOOL && r->spool != NULL)
		spool_set_wall(r->spool, world_wall_s(r->w));
	/* Queued mail is spread; new mail does not wait. */
	if (free_from_clock(r) && r->queue_ms <= r->now_ms)
		r->queue_ms = r->now_ms + (int64_t)world_random_below(
						  r->w, (uint64_t)splay_ms + 1);
	r->again = true;
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
	for (unsigned i = 0; i < r->conf->nroutes; i++)
		work_rewind(r, i);
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
