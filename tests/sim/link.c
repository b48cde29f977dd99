/* SPDX-License-Identifier: ISC */
/*
 * sim/link.c - see sim/link.h: the peers' side, and the way of the bytes.
 */
#include "sim/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/link_ops.h"

/* Bytes on their way. */
struct cargo {
	size_t n;
	char bytes[];
};

static struct cargo *load(struct slice in)
{
	struct cargo *c = malloc(sizeof(*c) + in.n);

	if (!c)
		sim_broken("no memory");
	c->n = in.n;
	memcpy(c->bytes, in.p, in.n);
	return c;
}

static void append(char **to, size_t *len, const char *p, size_t n)
{
	char *more = realloc(*to, *len + n + 1);

	if (!more)
		sim_broken("no memory");
	memcpy(more + *len, p, n);
	*to = more;
	*len += n;
}

/* Nobody speaks of it any more: its place is free. */
static void drop_unused(struct sim_conn *c)
{
	if (c->refs > 0 || c->held || c->at || (c->up && !c->device_gone))
		return;
	free(c->in);
	free(c->kept);
	*c = (struct sim_conn){ .net = c->net };
}

static int64_t later(int64_t *last, int64_t at)
{
	if (at < *last)
		at = *last;
	return *last = at;
}

static void schedule(struct sim_conn *c, int64_t at,
		     void (*run)(void *ctx, void *arg), void *arg)
{
	c->refs++;
	sim_at(c->net->sim, at, run, c, arg);
}

static void arrive_in(void *ctx, void *arg)
{
	struct sim_conn *c = ctx;
	struct cargo *g = arg;

	c->refs--;
	if (!c->device_gone)
		append(&c->in, &c->in_len, g->bytes, g->n);
	drop_unused(c);
}

void sim_conn_send(struct sim_conn *c, int64_t after_ms, struct slice bytes)
{
	struct sim_net *n = c->net;
	int64_t at = n->sim->now_ms + after_ms + n->delay_ms;

	if (c->peer_gone || c->device_gone)
		return;
	schedule(c, later(&c->in_ms, at), arrive_in, load(bytes));
}

static void arrive_end(void *ctx, void *arg)
{
	struct sim_conn *c = ctx;

	(void)arg;
	c->refs--;
	c->end = true;
	drop_unused(c);
}

static void arrive_reset(void *ctx, void *arg)
{
	struct sim_conn *c = ctx;

	(void)arg;
	c->refs--;
	c->error = -ECONNRESET;
	c->in_len = 0;
	drop_unused(c);
}

static void leave(struct sim_conn *c, int64_t after_ms,
		  void (*run)(void *ctx, void *arg))
{
	struct sim_net *n = c->net;
	int64_t at = n->sim->now_ms + after_ms + n->delay_ms;

	if (c->peer_gone)
		return;
	c->peer_gone = true;
	schedule(c, later(&c->in_ms, at), run, NULL);
}

void sim_conn_close(struct sim_conn *c, int64_t after_ms)
{
	leave(c, after_ms, arrive_end);
}

void sim_conn_reset(struct sim_conn *c, int64_t after_ms)
{
	leave(c, after_ms, arrive_reset);
}

static void hand_over(struct sim_conn *c, const char *p, size_t n)
{
	c->flying -= n;
	if (!c->peer_gone)
		c->peer->data(c->ctx, c, slice_of(p, n));
}

static void arrive_out(void *ctx, void *arg)
{
	struct sim_conn *c = ctx;
	struct cargo *g = arg;

	c->refs--;
	if (c->paused)
		append(&c->kept, &c->kept_len, g->bytes, g->n);
	else
		hand_over(c, g->bytes, g->n);
	drop_unused(c);
}

void sim_conn_pause(struct sim_conn *c, bool paused)
{
	char *kept = c->kept;
	size_t n = c->kept_len;

	c->paused = paused;
	if (paused || n == 0)
		return;
	c->kept = NULL;
	c->kept_len = 0;
	hand_over(c, kept, n);
	free(kept);
}

void sim_link_push(struct sim_conn *c, struct slice bytes)
{
	struct sim_net *n = c->net;

	c->flying += bytes.n;
	schedule(c, later(&c->out_ms, n->sim->now_ms + n->delay_ms), arrive_out,
		 load(bytes));
}

static void device_left(void *ctx, void *arg)
{
	struct sim_conn *c = ctx;

	(void)arg;
	c->refs--;
	if (c->peer->closed)
		c->peer->closed(c->ctx, c);
	c->peer_gone = true;
	drop_unused(c);
}

void sim_link_close(struct sim_conn *c)
{
	struct sim_net *n = c->net;

	c->held = false;
	c->device_gone = true;
	if (c->up)
		schedule(c, later(&c->out_ms, n->sim->now_ms + n->delay_ms),
			 device_left, NULL);
	drop_unused(c);
}

struct sim_conn *sim_link_new(struct sim_net *n, const struct sim_peer *peer,
			      void *ctx)
{
	for (size_t i = 0; i < SIM_CONNS; i++) {
		struct sim_conn *c = &n->conns[i];

		if (c->used)
			continue;
		*c = (struct sim_conn){
			.net = n, .used = true, .peer = peer, .ctx = ctx
		};
		return c;
	}
	sim_broken("too many connections");
}

static void come_up(void *ctx, void *arg)
{
	struct sim_conn *c = ctx;

	(void)arg;
	c->refs--;
	if (!c->device_gone) {
		c->up = true;
		if (c->peer->opened)
			c->peer->opened(c->ctx, c);
	}
	drop_unused(c);
}

static void be_refused(void *ctx, void *arg)
{
	struct sim_conn *c = ctx;

	(void)arg;
	c->refs--;
	c->error = -ECONNREFUSED;
	drop_unused(c);
}

void sim_link_begin(struct sim_conn *c, const struct sim_listener *l)
{
	struct sim_net *n = c->net;
	int64_t at = n->sim->now_ms + n->delay_ms;

	if (!l || l->mood == SIM_REFUSES)
		schedule(c, at, be_refused, NULL);
	else if (l->mood == SIM_ACCEPTS)
		schedule(c, at, come_up, NULL);
}

struct sim_listener *sim_link_listener(struct sim_net *n)
{
	for (size_t i = 0; i < SIM_LISTENERS; i++) {
		if (n->listeners[i].used)
			continue;
		n->listeners[i] = (struct sim_listener){ .used = true };
		return &n->listeners[i];
	}
	sim_broken("too many listeners");
}

struct sim_listener *sim_net_listen(struct sim_net *n, const char *ip,
				    uint16_t port, const struct sim_peer *peer,
				    void *ctx)
{
	struct sim_listener *l = sim_link_listener(n);

	if (net_addr_parse(slice_str(ip), port, &l->at) < 0)
		sim_broken("no address");
	l->peer = peer;
	l->ctx = ctx;
	return l;
}

static struct sim_conn *knock(struct sim_net *n, struct sim_listener *l,
			      const struct sim_peer *peer, void *ctx)
{
	struct sim_conn *c = sim_link_new(n, peer, ctx);

	c->up = true;
	c->at = l;
	c->order = n->order++;
	return c;
}

struct sim_conn *sim_net_connect(struct sim_net *n, const char *path,
				 uint32_t uid, const struct sim_peer *peer,
				 void *ctx)
{
	for (size_t i = 0; i < SIM_LISTENERS; i++) {
		struct sim_listener *l = &n->listeners[i];
		struct sim_conn *c;

		if (!l->used || l->peer || strcmp(l->path, path) != 0)
			continue;
		c = knock(n, l, peer, ctx);
		c->from = (struct net_peer){ .local = true, .uid = uid };
		return c;
	}
	return NULL;
}

struct sim_conn *sim_net_connect_tcp(struct sim_net *n, const char *ip,
				     uint16_t port, const char *from,
				     const struct sim_peer *peer, void *ctx)
{
	struct net_addr at, own;

	if (net_addr_parse(slice_str(ip), port, &at) < 0 ||
	    net_addr_parse(slice_str(from), 40000, &own) < 0)
		sim_broken("no address");
	for (size_t i = 0; i < SIM_LISTENERS; i++) {
		struct sim_listener *l = &n->listeners[i];
		struct sim_conn *c;

		if (!l->used || l->peer || l->path[0] ||
		    memcmp(&l->at, &at, sizeof(at)) != 0)
			continue;
		c = knock(n, l, peer, ctx);
		c->from = (struct net_peer){ .addr = own };
		return c;
	}
	return NULL;
}

unsigned sim_net_held(const struct sim_net *n)
{
	unsigned held = 0;

	for (size_t i = 0; i < SIM_CONNS; i++)
		held += n->conns[i].held;
	return held;
}

void sim_net_reboot(struct sim_net *n)
{
	for (size_t i = 0; i < SIM_CONNS; i++) {
		struct sim_conn *c = &n->conns[i];

		c->at = NULL;
		if (c->used && !c->device_gone)
			sim_link_close(c);
	}
	for (size_t i = 0; i < SIM_LISTENERS; i++)
		if (!n->listeners[i].peer)
			n->listeners[i].used = false;
}
