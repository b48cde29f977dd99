/* SPDX-License-Identifier: ISC */
/* sim/link_ops.c - the table of net/net.h over sim/link.c. */
#include "sim/link_ops.h"

#include <errno.h>
#include <string.h>

/* Descriptors: nothing that the machine would hand out. */
#define FD_CONN 100000
#define FD_LISTENER 200000

/* Waits in a row without time going by: a loop that spins. */
#define MAX_IDLE 20000

static struct sim_conn *conn_of(struct sim_net *n, int fd)
{
	if (fd < FD_CONN || fd >= FD_CONN + SIM_CONNS ||
	    !n->conns[fd - FD_CONN].held)
		sim_broken("a descriptor that is no connection");
	return &n->conns[fd - FD_CONN];
}

static int hold(struct sim_conn *c)
{
	c->held = true;
	return FD_CONN + (int)(c - c->net->conns);
}

static int op_connect_tcp(void *ctx, const struct net_addr *to)
{
	struct sim_net *n = ctx;
	struct sim_listener *found = NULL;

	for (size_t i = 0; i < SIM_LISTENERS; i++) {
		struct sim_listener *l = &n->listeners[i];

		if (l->used && !l->path[0] &&
		    memcmp(l->at.ip, to->ip, sizeof(to->ip)) == 0 &&
		    l->at.port == to->port)
			found = l;
	}
	if (found)
		found->connects++;
	if (found && found->mood == SIM_AWAY)
		return -ENETUNREACH;

	struct sim_conn *c = sim_link_new(n, found ? found->peer : NULL,
					  found ? found->ctx : NULL);
	sim_link_begin(c, found);
	return hold(c);
}

static int op_connect_unix(void *ctx, const char *path)
{
	(void)ctx;
	(void)path;
	return -ENOENT;
}

static int op_connected(void *ctx, int fd)
{
	struct sim_conn *c = conn_of(ctx, fd);

	if (c->error)
		return c->error;
	return c->up ? 0 : -EAGAIN;
}

static int op_local_addr(void *ctx, int fd, struct net_addr *out)
{
	conn_of(ctx, fd);
	return net_addr_parse(SLICE("198.51.100.7"), 50000, out);
}

static int op_listen_tcp(void *ctx, const struct net_addr *at)
{
	struct sim_net *n = ctx;
	struct sim_listener *l = sim_link_listener(n);

	l->at = *at;
	return FD_LISTENER + (int)(l - n->listeners);
}

static int op_listen_unix(void *ctx, const char *path, unsigned mode)
{
	struct sim_net *n = ctx;
	struct sim_listener *l = sim_link_listener(n);
	struct buf b = BUF_ON(l->path);

	(void)mode;
	buf_put_str(&b, path);
	if (buf_cstr(&b)[0] == '\0')
		sim_broken("a path that is too long");
	return FD_LISTENER + (int)(l - n->listeners);
}

/* Who has waited longest at a listener; NULL: nobody. */
static struct sim_conn *first_waiting(struct sim_net *n, int fd)
{
	struct sim_listener *l = &n->listeners[fd - FD_LISTENER];
	struct sim_conn *first = NULL;

	for (size_t i = 0; i < SIM_CONNS; i++) {
		struct sim_conn *c = &n->conns[i];

		if (c->used && c->at == l &&
		    (!first || c->order < first->order))
			first = c;
	}
	return first;
}

static int op_accept(void *ctx, int fd, struct net_peer *peer)
{
	struct sim_conn *c = first_waiting(ctx, fd);

	if (!c)
		return -EAGAIN;
	c->at = NULL;
	*peer = c->from;
	return hold(c);
}

static int op_connect_udp(void *ctx, const struct net_addr *to)
{
	struct sim_net *n = ctx;

	(void)to;
	if (!n->udp.peer || !n->udp.is_there(n->udp.ctx))
		return -ENETUNREACH;

	struct sim_conn *c = sim_link_new(n, n->udp.peer, n->udp.ctx);
	c->udp = true;
	c->up = true;
	return hold(c);
}

static size_t at_most(const struct sim_net *n, size_t want)
{
	return n->most && want > n->most ? n->most : want;
}

static ssize_t op_read(void *ctx, int fd, void *p, size_t n)
{
	struct sim_conn *c = conn_of(ctx, fd);

	if (c->error)
		return c->error;
	if (c->in_len == 0)
		return c->end ? 0 : -EAGAIN;
	n = n < c->in_len ? n : c->in_len;
	n = c->udp ? n : at_most(ctx, n);
	memcpy(p, c->in, n);
	c->in_len -= n;
	memmove(c->in, c->in + n, c->in_len);
	return (ssize_t)n;
}

static ssize_t op_write(void *ctx, int fd, const void *p, size_t n)
{
	struct sim_conn *c = conn_of(ctx, fd);
	size_t room = SIM_WINDOW - c->flying;

	if (c->error || (c->peer_gone && c->end))
		return -EPIPE;
	if (room == 0 || !c->up)
		return -EAGAIN;
	n = n < room ? n : room;
	n = c->udp ? n : at_most(ctx, n);
	sim_link_push(c, slice_of(p, n));
	return (ssize_t)n;
}

static void op_close(void *ctx, int fd)
{
	sim_link_close(conn_of(ctx, fd));
}

static uint8_t readiness(struct sim_net *n, int fd)
{
	unsigned r = 0;

	if (fd >= FD_LISTENER)
		return first_waiting(n, fd) ? NET_IN : 0;

	struct sim_conn *c = conn_of(n, fd);
	if (c->error)
		return NET_IN | NET_OUT | NET_ERR;
	if (c->in_len > 0 || c->end)
		r |= NET_IN;
	if (c->up && c->flying < SIM_WINDOW)
		r |= NET_OUT;
	return (uint8_t)r;
}

static int look(struct sim_net *n, struct net_wait *set, size_t count)
{
	int ready = 0;

	for (size_t i = 0; i < count; i++) {
		uint8_t r = readiness(n, set[i].fd);

		set[i].ready = (uint8_t)(r & (set[i].want | NET_ERR));
		ready += set[i].ready != 0;
	}
	return ready;
}

static int op_wait(void *ctx, struct net_wait *set, size_t count,
		   int64_t until_ms)
{
	struct sim_net *n = ctx;
	struct sim *s = n->sim;
	int64_t began = s->now_ms;
	bool is_limit = until_ms > s->limit_ms;
	int ready;

	n->turns++;
	if (n->idle++ > MAX_IDLE)
		sim_broken("the loop spins");
	if (is_limit)
		until_ms = s->limit_ms;
	s->stirred = false;
	sim_advance(s, s->now_ms);
	while ((ready = look(n, set, count)) == 0 && s->now_ms < until_ms &&
	       !s->stirred) {
		int64_t next = sim_next_ms(s);

		sim_advance(s, next < until_ms ? next : until_ms);
	}
	if (ready == 0 && s->now_ms == until_ms && !is_limit &&
	    until_ms > began)
		n->wakes++;
	if (s->now_ms > began)
		n->idle = 0;
	return ready;
}

static const struct net_ops sim_ops = {
	.connect_tcp = op_connect_tcp,
	.connect_unix = op_connect_unix,
	.connected = op_connected,
	.local_addr = op_local_addr,
	.listen_tcp = op_listen_tcp,
	.listen_unix = op_listen_unix,
	.accept = op_accept,
	.connect_udp = op_connect_udp,
	.read = op_read,
	.write = op_write,
	.close = op_close,
	.wait = op_wait,
};

void sim_net_init(struct sim_net *n, struct sim *s)
{
	*n = (struct sim_net){ .sim = s, .delay_ms = 1 };
	n->net = (struct net){ &sim_ops, n };
	for (size_t i = 0; i < SIM_CONNS; i++)
		n->conns[i].net = n;
}
