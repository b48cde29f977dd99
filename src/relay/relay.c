/* SPDX-License-Identifier: ISC */
/*
 * relay/relay.c - see relay/relay.h: the turn of the loop.  Sessions and
 * deliveries move, new work is given out, what must be kept is committed with
 * one sync, and submitters are answered; again until nothing moves.
 */
#include "relay/relay.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/secret.h"
#include "relay/parts.h"

/* Rounds in one turn before the loop looks at its descriptors again. */
#define ROUNDS 16

/* Milliseconds that attempts under way have after relay_stop(). */
#define STOP_MS 5000

/* How often the owner is to try for a spool that is wanted. */
#define SPOOL_EVERY_MS 50

static struct relay the_relay;

struct relay *relay_static(void)
{
	return &the_relay;
}

size_t relay_sizeof(void)
{
	return sizeof(the_relay);
}

static void set_text(char *to, size_t cap, const char *from)
{
	struct buf b = buf_on(to, cap);

	buf_put_slice(&b, slice_head(slice_str(from), cap - 1));
	buf_cstr(&b);
}

void relay_start(struct relay *r, const struct relay_setup *setup)
{
	for (unsigned i = 0; i < setup->conf->nhops; i++)
		memset(&r->hops[i], 0, sizeof(r->hops[i]));
	r->conf = setup->conf;
	r->id = setup->id;
	r->w = setup->world;
	r->net = setup->net;
	r->uid = setup->uid;
	r->gid = setup->gid;
	r->now_ms = r->start_ms = world_boot_ms(r->w);
	r->queue_ms = r->now_ms;
	if (setup->new_only)
		r->queue_ms = INT64_MAX;
	else if (setup->splay)
		r->queue_ms += (int64_t)world_random_below(
			r->w, r->conf->splay_s * 1000ull + 1);
	relay_set_spool(r, setup->spool, setup->no_spool,
			setup->spool_volatile);
	r->spool_waits = setup->spool_waits;
	r->again = true;
}

int relay_load_secrets(struct relay *r, struct buf *why)
{
	return secrets_load(&r->secrets[r->secrets_at], r->conf, r->uid, r->gid,
			    NULL, NULL, why);
}

void relay_set_spool(struct relay *r, struct spool *spool, const char *why,
		     bool is_volatile)
{
	r->spool = spool;
	r->spool_waits = r->spool_later = r->spool_wanted = false;
	r->spool_volatile = is_volatile;
	r->tick_ms = spool ? r->now_ms : INT64_MAX;
	r->old_ms = r->now_ms;
	set_text(r->no_spool, sizeof(r->no_spool), why ? why : "");
	if (ENABLE_SPOOL && spool != NULL && clock_is_sane(r))
		spool_set_wall(spool, world_wall_s(r->w));
	for (unsigned i = 0; i < r->conf->nroutes; i++)
		work_rewind(r, i);
	r->again = true;
}

void relay_set_spool_later(struct relay *r, int64_t last_wall_s)
{
	r->spool_later = true;
	r->last_wall_s = last_wall_s;
}

bool relay_wants_spool(const struct relay *r)
{
	return r->spool_wanted;
}

bool relay_has_spool(const struct relay *r)
{
	return r->spool != NULL || r->spool_later;
}

int relay_add_listener(struct relay *r, int fd, enum relay_door door)
{
	struct listener *l;

	if (r->nlisteners == ARRAY_LEN(r->listeners))
		return -ENOSPC;
	l = &r->listeners[r->nlisteners++];
	*l = (struct listener){ .fd = fd, .door = door };
	return 0;
}

static size_t listener_wants(struct relay *r, struct listener *l,
			     struct net_wait *set, int64_t *until_ms)
{
	if (r->stopping || (ENABLE_CONTROL && l->door == DOOR_CONTROL &&
			    control_room(r) == NULL))
		return 0;
	if (l->rest_ms > r->now_ms) {
		if (l->rest_ms < *until_ms)
			*until_ms = l->rest_ms;
		return 0;
	}
	set->fd = l->fd;
	set->want = NET_IN;
	return 1;
}

/* Somebody waits for room that complete messages hold. */
static bool stage_is_short(const struct relay *r)
{
	if (r->now_ms < r->short_ms)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(r->submissions); i++) {
		const struct submission *s = &r->submissions[i];

		if (s->state == SUBMISSION_OPEN && s->stall_ms)
			return true;
	}
	return false;
}

/* When it is committed; never, when that has failed and an attempt runs. */
static int64_t commit_due_ms(const struct submission *s, bool hurry)
{
	int64_t due = s->dot_ms + RELAY_STALL_MS;

	if (hurry && s->commit_ms != INT64_MAX && due < s->commit_ms)
		return due;
	return s->commit_ms;
}

/* The next time that a staged message needs something. */
static int64_t staged_next_ms(const struct relay *r)
{
	int64_t next = commit_next_ms(r);
	bool hurry = stage_is_short(r);

	for (size_t i = 0; i < ARRAY_LEN(r->submissions); i++) {
		const struct submission *s = &r->submissions[i];
		int64_t at = INT64_MAX;

		if (s->state == SUBMISSION_READY && relay_has_spool(r) &&
		    !s->want_commit)
			at = commit_due_ms(s, hurry);
		else if (s->state == SUBMISSION_OPEN && s->stall_ms)
			at = s->stall_ms + RELAY_STALL_MS;
		if (at < next)
			next = at;
	}
	return next;
}

static size_t wants_of_all(struct relay *r, struct net_wait *set,
			   int64_t *until_ms)
{
	size_t n = 0;

	for (size_t i = 0; i < r->nlisteners; i++)
		n += listener_wants(r, &r->listeners[i], set + n, until_ms);
	for (size_t i = 0; ENABLE_DAEMON && i < ARRAY_LEN(r->sessions); i++)
		if (r->sessions[i].used)
			n += session_wants(r, &r->sessions[i], set + n,
					   until_ms);
	for (size_t i = 0; ENABLE_CONTROL && i < ARRAY_LEN(r->controls); i++)
		if (r->controls[i].used)
			n += control_wants(r, &r->controls[i], set + n,
					   until_ms);
	for (size_t i = 0; i < ARRAY_LEN(r->deliveries); i++)
		n += delivery_wants(r, &r->deliveries[i], set + n, until_ms);
	return n;
}

/* Is anything on its way? */
static bool is_idle(const struct relay *r)
{
	for (size_t i = 0; i < ARRAY_LEN(r->deliveries); i++)
		if (r->deliveries[i].state != DELIVERY_FREE)
			return false;
	for (size_t i = 0; i < ARRAY_LEN(r->sessions); i++)
		if (r->sessions[i].used)
			return false;
	for (size_t i = 0; i < ARRAY_LEN(r->submissions); i++)
		if (r->submissions[i].state != SUBMISSION_FREE)
			return false;
	return true;
}

/* With nothing under way, what was needed for it goes back to the kernel. */
static void give_back(struct relay *r)
{
	size_t from = offsetof(struct relay, known);
	size_t to = offsetof(struct relay, sessions);

	if (!r->used_memory || !is_idle(r))
		return;
	r->used_memory = false;
	memory_give_back(r->known, to - from);
}

size_t relay_wants(struct relay *r, struct net_wait *set, int64_t *until_ms)
{
	int64_t next = work_next_ms(r);
	size_t n;

	*until_ms = staged_next_ms(r);
	if (next < *until_ms)
		*until_ms = next;
	if (r->tick_ms < *until_ms)
		*until_ms = r->tick_ms;
	if (r->stopping && r->stop_ms < *until_ms)
		*until_ms = r->stop_ms;
	if (r->spool_wanted && r->now_ms + SPOOL_EVERY_MS < *until_ms)
		*until_ms = r->now_ms + SPOOL_EVERY_MS;
	n = wants_of_all(r, set, until_ms);
	if (r->again)
		*until_ms = r->now_ms;
	for (size_t i = 0; i < n; i++)
		set[i].ready = 0;
	give_back(r);
	return n;
}

static void accept_ready(struct relay *r, const struct net_wait *set, size_t n)
{
	for (size_t i = 0; i < n && i < r->nlisteners; i++) {
		if (!set[i].ready)
			continue;
		for (size_t k = 0; k < r->nlisteners; k++) {
			struct listener *l = &r->listeners[k];

			if (l->fd != set[i].fd)
				continue;
			if (l->door != DOOR_CONTROL && ENABLE_DAEMON)
				session_accept(r, l);
			else if (ENABLE_CONTROL)
				control_accept(r, l);
		}
	}
}

/* A connection whose descriptor is ready may be read from. */
static void note_ready(struct relay *r, const struct net_wait *w)
{
	for (size_t i = 0; i < ARRAY_LEN(r->deliveries); i++)
		if (r->deliveries[i].stream.fd == w->fd)
			r->deliveries[i].ready = true;
	for (size_t i = 0; ENABLE_DAEMON && i < ARRAY_LEN(r->sessions); i++)
		if (r->sessions[i].used && r->sessions[i].stream.fd == w->fd)
			r->sessions[i].ready = true;
}

static void run_all(struct relay *r)
{
	for (size_t i = 0; i < ARRAY_LEN(r->deliveries); i++)
		delivery_run(r, &r->deliveries[i]);
	for (size_t i = 0; ENABLE_DAEMON && i < ARRAY_LEN(r->sessions); i++)
		if (r->sessions[i].used)
			session_run(r, &r->sessions[i]);
	for (size_t i = 0; ENABLE_CONTROL && i < ARRAY_LEN(r->controls); i++)
		if (r->controls[i].used)
			control_serve(r, &r->controls[i]);
}

static void settle_all(struct relay *r)
{
	bool hurry = stage_is_short(r);

	for (size_t i = 0; i < ARRAY_LEN(r->submissions); i++) {
		struct submission *s = &r->submissions[i];

		if (s->state != SUBMISSION_READY)
			continue;
		submission_settle(r, s);
		if (s->state == SUBMISSION_READY && relay_has_spool(r) &&
		    (s->big || r->stopping ||
		     r->now_ms >= commit_due_ms(s, hurry)))
			s->want_commit = true;
	}
}

/* What the spool had to give up because nothing of it could be read. */
static void count_lost(struct relay *r)
{
	uint32_t lost = spool_stats(r->spool).lost;

	if (lost > r->spool_lost) {
		log_err("spool: %u messages could not be read any more: lost",
			lost - r->spool_lost);
		r->count.dropped += lost - r->spool_lost;
	}
	r->spool_lost = lost;
}

static void tick_spool(struct relay *r)
{
	int err;

	if (!ENABLE_SPOOL || r->spool == NULL)
		return;
	count_lost(r);
	err = spool_tick(r->spool, &r->tick_ms);
	if (err < 0) {
		log_err("spool: a due write failed: error %d", -err);
		r->tick_ms = r->now_ms + 60000;
	}
}

static void end_attempts(struct relay *r)
{
	struct outcome why;

	if (!r->stopping || r->now_ms < r->stop_ms)
		return;
	outcome_set_trouble(&why, TROUBLE_LINK, 432, SLICE("shutting down"));
	for (size_t i = 0; i < ARRAY_LEN(r->deliveries); i++) {
		struct delivery *d = &r->deliveries[i];

		if (d->state == DELIVERY_FREE)
			continue;
		if (d->open) {
			smtp_client_fail(&d->client, &why);
			attempt_record(r, d);
		}
		attempt_release(r, d, &why);
		delivery_free(r, d);
	}
}

void relay_turn(struct relay *r, const struct net_wait *set, size_t n)
{
	r->now_ms = world_boot_ms(r->w);
	for (size_t i = 0; i < n; i++)
		if (set[i].ready)
			note_ready(r, &set[i]);
	accept_ready(r, set, n);
	for (unsigned i = 0; i < ROUNDS; i++) {
		r->again = false;
		run_all(r);
		end_attempts(r);
		settle_all(r);
		work_dispatch(r);
		settle_all(r);
		commit_staged(r);
		if (!r->again)
			break;
	}
	tick_spool(r);
}

int relay_reload(struct relay *r, const struct conf *conf,
		 const struct identity *id, struct buf *why)
{
	const struct conf *old = r->conf;
	unsigned at = 1u - r->secrets_at;

	if (secrets_load(&r->secrets[at], conf, r->uid, r->gid,
			 &r->secrets[r->secrets_at], old, why) < 0)
		return -EACCES;
	secret_wipe(&r->secrets[r->secrets_at], sizeof(r->secrets[0]));
	r->secrets_at = (uint8_t)at;

	memcpy(r->old_hops, r->hops, sizeof(r->hops));
	memset(r->hops, 0, sizeof(r->hops));
	for (size_t i = 0; i < ARRAY_LEN(r->deliveries); i++)
		r->deliveries[i].hop = HOP_NONE;
	for (unsigned i = 0; i < conf->nhops; i++)
		for (unsigned k = 0; k < old->nhops; k++)
			if (slice_eq(conf->hops[i].text, old->hops[k].text))
				r->hops[i].success_ms =
					r->old_hops[k].success_ms;
	r->conf = conf;
	r->id = id;
	for (size_t i = 0; i < ARRAY_LEN(r->deliveries); i++)
		if (r->deliveries[i].busy)
			message_reload(r, &r->deliveries[i]);
	if (ENABLE_DAEMON)
		session_reload_all(r);
	r->old_ms = r->now_ms;
	submission_reroute_all(r);
	for (unsigned i = 0; i < conf->nroutes; i++) {
		r->routes[i].after_ms = 0;
		work_rewind(r, i);
	}
	r->again = true;
	return 0;
}

void relay_stop(struct relay *r)
{
	r->now_ms = world_boot_ms(r->w);
	r->stopping = true;
	r->stop_ms = r->now_ms + STOP_MS;
	r->again = true;
	if (ENABLE_DAEMON)
		session_stop_all(r);
	for (size_t i = 0; i < ARRAY_LEN(r->deliveries); i++)
		if (r->deliveries[i].state == DELIVERY_LINGER)
			r->deliveries[i].deadline_ms = r->now_ms;
}

bool relay_is_over(const struct relay *r)
{
	if (!r->stopping || r->again)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(r->deliveries); i++)
		if (r->deliveries[i].state != DELIVERY_FREE)
			return false;
	for (size_t i = 0; i < ARRAY_LEN(r->sessions); i++)
		if (r->sessions[i].used && r->now_ms < r->stop_ms)
			return false;
	return true;
}

void relay_wait_and_turn(struct relay *r)
{
	struct net_wait set[RELAY_MAX_WAITS];
	int64_t until_ms;
	size_t n = relay_wants(r, set, &until_ms);
	int got = r->net->ops->wait(r->net->ctx, set, n, until_ms);

	relay_turn(r, set, got > 0 ? n : 0);
}
