/* SPDX-License-Identifier: ISC */
/* sim/dns.c - see sim/dns.h.  Messages are those of RFC 1035 4. */
#include "sim/dns.h"

#include <stdio.h>
#include <string.h>

/* Bytes of a header, and of what follows the name in a question. */
#define HEAD 12
#define TAIL 4

/* Types of records, and codes of a reply. */
enum { TYPE_A = 1 };
enum { NOERROR = 0, SERVFAIL = 2, NXDOMAIN = 3 };

/* The name at p in dotted form; bytes it takes, 0: it is none. */
static size_t read_name(const uint8_t *p, size_t n, char out[256])
{
	size_t at = 0;

	for (size_t len = 0; at < n && p[at] != 0; at += p[at] + 1u) {
		if (at + p[at] >= n || len + p[at] + 2 > 256)
			return 0;
		if (len > 0)
			out[len++] = '.';
		memcpy(out + len, p + at + 1, p[at]);
		len += p[at];
		out[len] = '\0';
	}
	return at < n ? at + 1 : 0;
}

static const uint8_t *find(const struct sim_dns *d, const char *name)
{
	for (size_t i = 0; i < d->nnames; i++)
		if (strcasecmp(d->name[i], name) == 0)
			return d->ip[i];
	return NULL;
}

static void put_address(struct buf *b, const uint8_t ip[4])
{
	/* A pointer to the question's name, A, IN, 60 s, 4 bytes. */
	static const char head[] = "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4";

	buf_put(b, head, sizeof(head) - 1);
	buf_put(b, ip, 4);
}

static void reply(struct sim_dns *d, struct sim_conn *c, const uint8_t *p,
		  size_t n)
{
	char name[256] = "", space[512];
	struct buf b = BUF_ON(space);
	size_t len = read_name(p + HEAD, n - HEAD, name);
	const uint8_t *ip = find(d, name);
	uint8_t head[HEAD] = { p[0], p[1], 0x81, 0x80, 0, 1 };

	if (len == 0 || HEAD + len + TAIL > n)
		sim_broken("a query that is none");
	bool has = d->mood == SIM_DNS_ANSWERS && ip &&
		   p[HEAD + len + 1] == TYPE_A;
	if (d->mood == SIM_DNS_SERVFAIL)
		head[3] |= SERVFAIL;
	else if (d->mood == SIM_DNS_NXDOMAIN || !ip)
		head[3] |= NXDOMAIN;
	head[7] = has;
	buf_put(&b, head, sizeof(head));
	buf_put(&b, p + HEAD, len + TAIL);
	if (has)
		put_address(&b, ip);
	sim_conn_send(c, d->after_ms, buf_slice(&b));
}

static void on_query(void *ctx, struct sim_conn *c, struct slice in)
{
	struct sim_dns *d = ctx;

	d->asked++;
	if (in.n < HEAD + 1 + TAIL)
		sim_broken("a query that is too short");
	if (d->mood == SIM_DNS_GARBAGE)
		sim_conn_send(c, d->after_ms, slice_head(in, HEAD - 1));
	else if (d->mood != SIM_DNS_SILENT)
		reply(d, c, (const uint8_t *)in.p, in.n);
}

static bool is_there(void *ctx)
{
	return ((struct sim_dns *)ctx)->mood != SIM_DNS_AWAY;
}

static const struct sim_peer dns_peer = { NULL, on_query, NULL };

void sim_dns_init(struct sim_dns *d, struct sim_net *n)
{
	*d = (struct sim_dns){ .nnames = 0 };
	n->udp = (struct sim_udp){ &dns_peer, is_there, d };
}

void sim_dns_set(struct sim_dns *d, const char *name, const char *ip)
{
	size_t i = 0;

	while (i < d->nnames && strcmp(d->name[i], name) != 0)
		i++;
	if (i == SIM_NAMES)
		sim_broken("too many names");
	d->nnames += i == d->nnames;
	d->name[i] = name;
	if (sscanf(ip, "%hhu.%hhu.%hhu.%hhu", &d->ip[i][0], &d->ip[i][1],
		   &d->ip[i][2], &d->ip[i][3]) != 4)
		sim_broken("no address");
}
