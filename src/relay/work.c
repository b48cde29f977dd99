/* SPDX-License-Identifier: ISC */
/*
 * relay/work.c - what goes next: new mail before queued mail, one connection
 * a route, hops in fail-over order.  Queued mail is found by walking the
 * spool behind a cursor; nothing is kept of it in RAM but a few deferrals.
 */
#include <errno.h>
#include <string.h>

#include "relay/parts.h"

void work_rewind(struct relay *r, unsigned route)
{
	memset(&r->routes[route].cursor, 0, sizeof(r->routes[route].cursor));
	if (ENABLE_SPOOL && r->spool != NULL && spool_count(r->spool) > 0)
		r->routes[route].backlog = true;
}

void work_rewind_all(struct relay *r)
{
	for (unsigned i = 0; i < r->conf->nroutes; i++)
		work_rewind(r, i);
}

void work_rewind_passed(struct relay *r)
{
	for (unsigned i = 0; i < r->conf->nroutes; i++) {
		if (!r->routes[i].passed)
			continue;
		r->routes[i].passed = false;
		work_rewind(r, i);
	}
}

/* Those whose time has come are looked at again. */
static void wake_deferred(struct relay *r)
{
	bool any = ENABLE_BOUNCE && bounce_next_ms(r) <= r->now_ms;

	if (any)
		r->notices_wait = false;
	any |= defer_wake(r);
	if (any)
		work_rewind_all(r);
}

/* Has the recipient of a queued message to be delivered by this route? */
static bool belongs(struct relay *r, const struct delivery *d,
		    struct slice from, struct slice rcpt)
{
	return conf_route_of(r->conf, from, rcpt) == d->route;
}

static void pick(struct delivery *d, struct buf *out, unsigned i,
		 struct slice rcpt, struct slice params)
{
	envelope_put_rcpt(out, rcpt);
	envelope_put_params(out, params);
	d->of[d->txn.nrcpt++] = (uint16_t)i;
}

static void pick_staged(struct delivery *d, struct slice rcpts, struct buf *out)
{
	struct slice rcpt, params;

	for (unsigned i = 0; envelope_next(&rcpts, &rcpt, &params); i++) {
		struct staged_rcpt *rc = &d->staged->rcpts[i];

		if (rc->route != d->route || rc->state != SPOOL_WAITING ||
		    rc->tried || rc->active)
			continue;
		pick(d, out, i, rcpt, params);
	}
}

static void pick_queued(struct relay *r, struct delivery *d,
			const struct envelope *env, struct buf *out)
{
	uint8_t states[RELAY_RCPTS];
	struct slice rcpts = env->rcpts, rcpt, params;

	if (!ENABLE_SPOOL || d->msg.nrcpt > RELAY_RCPTS ||
	    spool_states(r->spool, &d->msg, states) < 0)
		return;
	for (unsigned i = 0; envelope_next(&rcpts, &rcpt, &params); i++) {
		if (i >= d->msg.nrcpt || (states[i] != SPOOL_WAITING &&
					  states[i] != SPOOL_UNCERTAIN))
			continue;
		if (belongs(r, d, env->from, rcpt) &&
		    !defer_waits(r, d->msg.id, i))
			pick(d, out, i, rcpt, params);
	}
}

static unsigned work_pick(struct relay *r, struct delivery *d)
{
	struct buf out = BUF_ON(d->pick);
	struct envelope env;

	d->txn = (struct smtp_txn){ 0 };
	if (envelope_parse(slice_of(d->env, d->env_len), &env) < 0)
		return 0;
	if (d->staged != NULL)
		pick_staged(d, env.rcpts, &out);
	else
		pick_queued(r, d, &env, &out);
	d->txn.from = env.from;
	d->txn.params = env.params;
	d->txn.rcpts = buf_slice(&out);
	d->txn.outcomes = d->outcomes;
	return d->txn.nrcpt;
}

/* Is this recipient's outcome no answer yet? */
static bool is_open(const struct outcome *o, bool more)
{
	if (more)
		return o->more;
	return o->more ||
	       (!o->uncertain && (o->verdict == VERDICT_NONE ||
				  o->verdict == VERDICT_RETRY_ROUTE));
}

unsigned work_again(struct delivery *d, bool more)
{
	struct buf kept = BUF_ON(d->pick);
	struct slice rcpts = d->txn.rcpts, rcpt, params;
	unsigned n = 0;

	for (unsigned k = 0; envelope_next(&rcpts, &rcpt, &params); k++) {
		if (!is_open(&d->outcomes[k], more))
			continue;
		envelope_keep(&kept, rcpt, params);
		if (!d->notice.on)
			d->of[n] = d->of[k];
		if (d->staged != NULL)
			d->staged->rcpts[d->of[n]].active = true;
		n++;
	}
	d->txn.rcpts = buf_slice(&kept);
	d->txn.nrcpt = (uint16_t)n;
	memset(d->outcomes, 0, n * sizeof(d->outcomes[0]));
	return n;
}

static bool find_staged(struct relay *r, struct delivery *d)
{
	for (size_t i = 0; i < ARRAY_LEN(r->submissions); i++) {
		struct submission *s = &r->submissions[i];

		if (s->state != SUBMISSION_READY || s->want_commit || s->big)
			continue;
		d->staged = s;
		d->env_len = (uint16_t)s->env.len;
		chain_read(&r->stage, &s->env, 0, d->env, s->env.len);
		if (work_pick(r, d) == 0)
			continue;
		d->id = s->id;
		d->size = s->size;
		d->wall_s = s->wall_s;
		d->wall_sane = s->wall_sane;
		d->age_s = 0;
		d->began_ms = s->dot_ms;
		return true;
	}
	d->staged = NULL;
	return false;
}

/* Another route's transaction says when it may be looked at again. */
static bool is_under_way(struct relay *r, const struct delivery *d)
{
	for (size_t i = 0; i < ARRAY_LEN(r->deliveries); i++) {
		const struct delivery *o = &r->deliveries[i];

		if (!o->busy || o->id != d->msg.id)
			continue;
		/* Without a hop: its route is one of an old configuration. */
		r->routes[d->route].passed |= o->hop == HOP_NONE ||
					      o->route != d->route ||
					      (d->msg.flags & SPOOL_RETURNING);
		return true;
	}
	return false;
}

/* Does the queued message under the cursor want to go by this route now? */
static bool wants_to_go(struct relay *r, struct delivery *d)
{
	if (d->msg.flags & SPOOL_HELD)
		return false;
	if (is_under_way(r, d))
		return false;
	if (d->msg.env_len > sizeof(d->env) ||
	    spool_read_envelope(r->spool, &d->msg, d->env) < 0) {
		attempt_unreadable(r, d, -EIO);
		return false;
	}
	d->env_len = d->msg.env_len;
	if (refuse_expired(r, d))
		return false;
	if (!ENABLE_BOUNCE)
		refuse_drop(r, d);
	else if (bounce_pick(r, d))
		return true;
	return work_pick(r, d) > 0;
}

static void fill_queued(struct relay *r, struct delivery *d)
{
	d->id = d->msg.id;
	d->size = d->msg.size;
	d->wall_s = d->msg.wall_s;
	d->wall_sane = (d->msg.flags & SPOOL_WALL_SANE) != 0;
	d->age_s = d->msg.age_s;
	d->began_ms = r->now_ms;
}

/* New mail too large for the stage: stored, and sent at once. */
static bool find_urgent(struct relay *r, struct delivery *d)
{
	if (!ENABLE_SPOOL || r->urgent == 0 || r->spool == NULL)
		return false;
	if (spool_find(r->spool, r->urgent, &d->msg) < 0) {
		r->urgent = 0;
		return false;
	}
	if (!wants_to_go(r, d))
		return false;
	r->urgent = 0;
	fill_queued(r, d);
	return true;
}

static bool find_queued(struct relay *r, struct delivery *d)
{
	struct route *rt = &r->routes[d->route];

	d->staged = NULL;
	if (!ENABLE_SPOOL || r->spool == NULL || !rt->backlog ||
	    r->now_ms < route_after_ms(r, d->route))
		return false;
	for (;;) {
		int got = spool_next(r->spool, &rt->cursor, &d->msg);
		uint64_t expired = r->count.expired;

		if (got == 0)
			break;
		if (got < 0) {
			if (!(d->msg.flags & SPOOL_HELD))
				attempt_unreadable(r, d, got);
			continue;
		}
		if (wants_to_go(r, d)) {
			fill_queued(r, d);
			return true;
		}
		if (r->count.expired == expired)
			continue;
		/* That was a sync: others have their turn before the next. */
		r->again = true;
		return false;
	}
	rt->backlog = false;
	return false;
}

bool work_find(struct relay *r, struct delivery *d)
{
	d->notice.on = false;
	d->busy = !r->stopping &&
		  (find_staged(r, d) || find_urgent(r, d) || find_queued(r, d));
	if (!d->busy)
		return false;
	for (unsigned i = 0; d->staged && i < d->txn.nrcpt; i++)
		d->staged->rcpts[d->of[i]].active = true;
	memset(d->outcomes, 0, d->txn.nrcpt * sizeof(d->outcomes[0]));
	return true;
}

/* New mail for a route none of whose hops may be tried is committed. */
static void hold_staged(struct relay *r, unsigned route, const char *why)
{
	for (size_t i = 0; i < ARRAY_LEN(r->submissions); i++) {
		struct submission *s = &r->submissions[i];

		if (s->state != SUBMISSION_READY)
			continue;
		for (unsigned k = 0; k < s->nrcpt; k++) {
			struct staged_rcpt *rc = &s->rcpts[k];

			if (rc->route != route || rc->tried || rc->active ||
			    rc->state != SPOOL_WAITING)
				continue;
			rc->tried = true;
			submission_note(r, s, k, why);
		}
	}
}

const char *work_reason(const struct relay *r, unsigned route)
{
	for (unsigned i = 0; i < r->conf->nhops; i++)
		if (r->conf->hops[i].route == route && r->hops[i].reason[0])
			return r->hops[i].reason;
	return "no next hop can be tried now";
}

/* Is it a connection that carries mail of this route? */
static bool is_open_for(const struct delivery *d, unsigned route)
{
	return d->state != DELIVERY_FREE && d->route == route &&
	       d->hop != HOP_NONE && !d->quitting;
}

static bool has_open(const struct relay *r, unsigned route)
{
	for (size_t i = 0; i < ARRAY_LEN(r->deliveries); i++)
		if (is_open_for(&r->deliveries[i], route))
			return true;
	return false;
}

/* An order found nothing to do: it is not kept for mail to come. */
static void forget_order(struct relay *r, unsigned route)
{
	for (unsigned i = 0; i < r->conf->nhops; i++)
		if (r->conf->hops[i].route == route)
			r->hops[i].forced = false;
}

/* May there be work for a route?  Idle slots are then never touched. */
static bool may_have_work(const struct relay *r, unsigned route)
{
	for (size_t i = 0; i < ARRAY_LEN(r->submissions); i++)
		if (r->submissions[i].state == SUBMISSION_READY)
			return true;
	return r->urgent != 0 || (r->routes[route].backlog &&
				  r->now_ms >= route_after_ms(r, route));
}

/* May a route with n connections to a hop, one at work, have another one? */
static bool may_add(const struct relay *r, unsigned hop, unsigned n)
{
	unsigned free_ = 0;

	for (size_t i = 0; i < ARRAY_LEN(r->deliveries); i++)
		free_ += r->deliveries[i].state == DELIVERY_FREE;
	/* The last slot is for other routes. */
	return n < r->conf->hops[hop].connections &&
	       r->hops[hop].state == HOP_UP &&
	       r->now_ms >= r->hops[hop].next_ms &&
	       free_ > (r->conf->nroutes > 1);
}

/*
 * Connections that are idle take what there is.
 * Returns: may there be another one?
 */
static bool dispatch_open(struct relay *r, unsigned route, unsigned hop)
{
	unsigned n = 0;
	bool works = false;

	for (size_t i = 0; i < ARRAY_LEN(r->deliveries); i++) {
		struct delivery *d = &r->deliveries[i];

		if (!is_open_for(d, route))
			continue;
		if (d->state == DELIVERY_LINGER && work_find(r, d))
			delivery_begin(r, d);
		if (d->state == DELIVERY_LINGER || d->hop != hop)
			return false;
		works |= d->state == DELIVERY_SESSION;
		n++;
	}
	return n == 0 || (works && may_add(r, hop, n));
}

static void dispatch_route(struct relay *r, unsigned route)
{
	unsigned hop = hop_choose(r, route);
	struct delivery *d;

	if (!dispatch_open(r, route, hop))
		return;
	if (hop == HOP_NONE) {
		r->urgent = 0;
		hold_staged(r, route, work_reason(r, route));
		return;
	}
	d = may_have_work(r, route) ? delivery_take(r) : NULL;
	if (d == NULL)
		return;
	d->route = (uint8_t)route;
	if (work_find(r, d))
		delivery_start(r, d, hop);
	else if (!r->routes[route].passed && !r->routes[route].backlog)
		forget_order(r, route);
}

void work_dispatch(struct relay *r)
{
	age_check(r);
	wake_deferred(r);
	hold_staged(r, ROUTE_NONE, "no route for this recipient");
	for (unsigned i = 0; i < r->conf->nroutes; i++)
		dispatch_route(r, i);
	/* Nobody has taken it though there was room: it waits now. */
	for (size_t i = 0; i < ARRAY_LEN(r->deliveries); i++)
		if (r->deliveries[i].state == DELIVERY_FREE)
			r->urgent = 0;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When can queued mail of this route be tried? */
static int64_t route_next_ms(struct relay *r, unsigned route)
{
	if (!r->routes[route].backlog || has_open(r, route))
		return INT64_MAX;
	return route_due_ms(r, route);
}

int64_t work_next_ms(struct relay *r)
{
	int64_t next;

	if (!ENABLE_SPOOL || r->spool == NULL || spool_count(r->spool) == 0)
		return INT64_MAX;
	next = earlier(defer_next_ms(r), age_next_ms(r));
	if (ENABLE_BOUNCE)
		next = earlier(next, bounce_next_ms(r));
	for (unsigned i = 0; i < r->conf->nroutes; i++) {
		int64_t at = route_next_ms(r, i);

		/* Due, but no slot is free: one that ends will wake it. */
		if (at > r->now_ms)
			next = earlier(next, at);
	}
	return next;
}
