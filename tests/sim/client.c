/* SPDX-License-Identifier: ISC */
/* sim/client.c - see sim/client.h. */
#include "sim/client.h"

#include <string.h>

static void on_data(void *ctx, struct sim_conn *c, struct slice in)
{
	struct sim_client *cl = ctx;

	if (cl->len + in.n + 1 > sizeof(cl->got))
		sim_broken("a client hears too much");
	memcpy(cl->got + cl->len, in.p, in.n);
	cl->len += in.n;
	cl->got[cl->len] = '\0';
	cl->at_ms = c->net->sim->now_ms;
	c->net->sim->stirred = true;
}

static void on_closed(void *ctx, struct sim_conn *c)
{
	struct sim_client *cl = ctx;

	if (cl->conn != c)
		return;
	cl->closed = true;
	cl->conn = NULL;
	c->net->sim->stirred = true;
}

static const struct sim_peer client_peer = { NULL, on_data, on_closed };

static void begin(struct sim_client *c)
{
	c->conn = NULL;
	c->closed = false;
	c->at_ms = 0;
	sim_client_forget(c);
}

void sim_client_open(struct sim_client *c, struct sim_net *n, const char *path,
		     uint32_t uid)
{
	begin(c);
	c->conn = sim_net_connect(n, path, uid, &client_peer, c);
	c->closed = c->conn == NULL;
}

void sim_client_open_tcp(struct sim_client *c, struct sim_net *n,
			 const char *from)
{
	begin(c);
	c->conn =
		sim_net_connect_tcp(n, "127.0.0.1", 25, from, &client_peer, c);
	c->closed = c->conn == NULL;
}

void sim_client_send(struct sim_client *c, struct slice bytes)
{
	if (c->conn)
		sim_conn_send(c->conn, 0, bytes);
}

void sim_client_say(struct sim_client *c, const char *text)
{
	sim_client_send(c, slice_str(text));
}

void sim_client_close(struct sim_client *c)
{
	if (c->conn)
		sim_conn_close(c->conn, 0);
	c->conn = NULL;
}

void sim_client_forget(struct sim_client *c)
{
	c->len = 0;
	c->got[0] = '\0';
}

bool sim_client_saw(const struct sim_client *c, const char *text)
{
	return slice_of(c->got, c->len).n > 0 && strstr(c->got, text) != NULL;
}
