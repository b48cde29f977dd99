/* SPDX-License-Identifier: ISC */
/*
 * net/resolve_udns.c - the resolver with DNS (see net/resolve.h).
 *
 * Ours is the conversation: which server, when again, by UDP or TCP; udns's
 * is the form of the messages (resolve_wire.c).  udns's own resolver is not
 * used: it gives up where another server would have answered, has no TCP and
 * weak ids.
 *
 *	NEXT --> UDP --> (found, nothing)   the next family, or DONE
 *	  ^       |  \-> TCP (truncated)
 *	  \-------+---/  any failure: the next server, two rounds of all
 */
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "net/net_error.h"
#include "net/resolve_conf.h"
#include "net/resolve_local.h"
#include "net/resolve_wire.h"

/* Bytes of a TCP reply that are looked at; of a longer one the beginning. */
#define MAX_REPLY 4096

#define DNS_PORT 53

/* RFC 5452 9.3: so many wrong replies are an attack, not an accident. */
#define MAX_FOREIGN 64

enum state { STATE_DONE, STATE_NEXT, STATE_UDP, STATE_TCP };

/* The family that is asked for; also the index into found[]. */
enum family { FAMILY_V6, FAMILY_V4, FAMILIES };

struct resolve {
	const struct net *net;
	const struct world *w;
	enum state state;
	int fd; /* -1: none */
	uint16_t port;
	uint8_t family;
	uint8_t aliases; /* followed for this family */
	uint8_t first;   /* the server that is asked first */
	uint8_t tried;   /* servers that failed in this round */
	uint8_t round;
	bool connecting; /* TCP */
	uint8_t foreign; /* replies to this query that were not ours */
	int64_t until_ms;
	uint8_t n[FAMILIES];
	bool absent[FAMILIES];      /* a server said that there is none */
	uint16_t out_len, out_sent; /* of the query by TCP */
	uint16_t in_len;            /* bytes of in[] */
	/* the large parts stand last: what is near is cheap to reach */
	struct resolve_conf conf;
	struct resolve_result result;
	struct resolve_question question;
	struct resolve_reply reply;
	struct net_addr found[FAMILIES][RESOLVE_MAX_ANSWERS];
	uint8_t host[RESOLVE_MAX_NAME];
	uint8_t out[2 + RESOLVE_MAX_QUERY]; /* 2: RFC 1035 4.2.2 */
	uint8_t in[2 + MAX_REPLY];
};

static MEMORY_LARGE struct resolve slots[RESOLVE_SLOTS];

struct resolve *resolve_slot(unsigned i)
{
	return &slots[i];
}

static const struct net_addr *server_of(const struct resolve *r)
{
	return &r->conf.server[(r->first + r->tried) % r->conf.n];
}

static void close_fd(struct resolve *r)
{
	if (r->fd >= 0)
		r->net->ops->close(r->net->ctx, r->fd);
	r->fd = -1;
}

/* "name server 192.0.2.1: WORDS"; err instead of words when they are NULL. */
static void set_why(struct resolve *r, const char *words, int err)
{
	char *space = r->result.why;
	struct buf why = buf_on(space, sizeof(r->result.why));

	buf_put_str(&why, "name server ");
	net_addr_put(&why, server_of(r));
	buf_put_str(&why, ": ");
	if (words)
		buf_put_str(&why, words);
	else
		net_error_put(&why, err);
	buf_cstr(&why);
}

/* Begin with the question for the family's addresses. */
static void ask_family(struct resolve *r, enum family family)
{
	r->family = (uint8_t)family;
	r->aliases = 0;
	r->tried = 0;
	r->round = 0;
	memcpy(r->question.name, r->host, RESOLVE_MAX_NAME);
	r->question.type = family == FAMILY_V6 ? RESOLVE_AAAA : RESOLVE_A;
	r->question.edns = true;
	r->state = STATE_NEXT;
}

static void finish(struct resolve *r)
{
	struct resolve_result *result = &r->result;

	close_fd(r);
	r->state = STATE_DONE;
	for (int f = 0; f < FAMILIES; f++)
		for (int i = 0; i < r->n[f]; i++)
			r->found[f][i].port = r->port;
	resolve_local_merge(result, r->w, r->found[FAMILY_V6], r->n[FAMILY_V6],
			    r->found[FAMILY_V4], r->n[FAMILY_V4]);
	result->not_found = result->n == 0 && r->absent[FAMILY_V6] &&
			    r->absent[FAMILY_V4];
}

/* This family is done with, for good or bad. */
static void end_family(struct resolve *r)
{
	close_fd(r);
	if (r->family == FAMILY_V6)
		ask_family(r, FAMILY_V4);
	else
		finish(r);
}

/* RFC 1035 7.2: whatever it was, the next server may know better. */
static void next_server(struct resolve *r)
{
	close_fd(r);
	r->question.edns = true;
	r->state = STATE_NEXT;
	if (++r->tried < r->conf.n)
		return;
	r->tried = 0;
	if (++r->round >= r->conf.attempts)
		end_family(r);
}

static void fail(struct resolve *r, const char *words, int err)
{
	set_why(r, words, err);
	next_server(r);
}

static void set_deadline(struct resolve *r)
{
	r->until_ms = world_boot_ms(r->w) +
		      ((int64_t)r->conf.timeout_s * 1000 << r->round);
}

/* Send the question to the server by UDP, from a port of its own. */
static void start_udp(struct resolve *r)
{
	uint8_t *query = r->out + 2;

	/* RFC 5452 9.2: an id and a port nobody can guess, each time */
	r->question.id = (uint16_t)world_random_u64(r->w);
	r->out_len = (uint16_t)resolve_wire_query(&r->question, query);
	r->fd = r->net->ops->connect_udp(r->net->ctx, server_of(r));
	if (r->fd < 0) {
		fail(r, NULL, r->fd);
		return;
	}
	ssize_t put = r->net->ops->write(r->net->ctx, r->fd, query, r->out_len);
	if (put < 0) {
		fail(r, NULL, (int)put);
		return;
	}
	set_deadline(r);
	r->foreign = 0;
	r->state = STATE_UDP;
}

/* The same question once more, by TCP (RFC 7766 5). */
static void start_tcp(struct resolve *r)
{
	close_fd(r);
	r->out[0] = (uint8_t)(r->out_len >> 8);
	r->out[1] = (uint8_t)r->out_len;
	r->out_sent = 0;
	r->in_len = 0;
	r->fd = r->net->ops->connect_tcp(r->net->ctx, server_of(r));
	if (r->fd < 0) {
		fail(r, NULL, r->fd);
		return;
	}
	set_deadline(r);
	r->connecting = true;
	r->state = STATE_TCP;
}

static void take_addresses(struct resolve *r)
{
	r->n[r->family] = r->reply.n;
	memcpy(r->found[r->family], r->reply.addr, sizeof(r->reply.addr));
	r->first = (uint8_t)((r->first + r->tried) % r->conf.n);
	end_family(r);
}

/* A server that is sure; ask it first for the other family. */
static void take_absence(struct resolve *r, bool no_name)
{
	/* what went wrong with the other family matters more */
	if (r->family == FAMILY_V6 || r->absent[FAMILY_V6])
		set_why(r,
			no_name ? "no such host name"
				: "the name has no address",
			0);
	r->first = (uint8_t)((r->first + r->tried) % r->conf.n);
	r->absent[r->family] = true;
	if (no_name) {
		/* RFC 8020 2: then it has nothing of any type */
		r->absent[FAMILY_V4] = true;
		r->family = FAMILY_V4;
	}
	end_family(r);
}

/* RFC 1034 5.2.2: ask for the target, the same server first. */
static void take_alias(struct resolve *r)
{
	close_fd(r);
	r->aliases = r->reply.aliases;
	memcpy(r->question.name, r->reply.name, RESOLVE_MAX_NAME);
	r->state = STATE_NEXT;
}

/* RFC 1035 4.1.1, for the log. */
static const char *rcode_text(uint8_t rcode)
{
	static const char *const text[] = {
		"", "query not understood", "server failure",
		"", "not implemented",      "query refused"
	};

	return rcode < ARRAY_LEN(text) ? text[rcode] : "unknown error";
}

static void judge(struct resolve *r, const uint8_t *pkt, size_t n, bool partial)
{
	bool tcp = r->state == STATE_TCP;

	r->reply.aliases = r->aliases;
	switch (resolve_wire_judge(&r->question, pkt, n, partial, &r->reply)) {
	case RESOLVE_FOUND:
		take_addresses(r);
		break;
	case RESOLVE_ALIAS:
		take_alias(r);
		break;
	case RESOLVE_NO_NAME:
		take_absence(r, true);
		break;
	case RESOLVE_NO_DATA:
		take_absence(r, false);
		break;
	case RESOLVE_TRUNCATED:
		if (tcp)
			fail(r, "truncated reply by TCP", 0);
		else
			start_tcp(r);
		break;
	case RESOLVE_NO_EDNS:
		/* RFC 6891 7: the same server, without */
		close_fd(r);
		r->question.edns = false;
		r->state = STATE_NEXT;
		break;
	case RESOLVE_FAILED:
		fail(r, rcode_text(r->reply.rcode), 0);
		break;
	case RESOLVE_FOREIGN:
		/* by UDP anybody can send one: the right one may still come */
		if (tcp || ++r->foreign >= MAX_FOREIGN)
			fail(r, "replies to another question", 0);
		break;
	case RESOLVE_MALFORMED:
		fail(r, "malformed reply", 0);
		break;
	}
}

/* Returns: true when nothing more can be done now. */
static bool step_udp(struct resolve *r)
{
	ssize_t got =
		r->net->ops->read(r->net->ctx, r->fd, r->in, sizeof(r->in));

	if (got == -EAGAIN) {
		if (world_boot_ms(r->w) < r->until_ms)
			return true;
		fail(r, "no answer", 0);
	} else if (got < 0) {
		fail(r, NULL, (int)got);
	} else {
		judge(r, r->in, (size_t)got, false);
	}
	return false;
}

/* 0 done with this half;  -EAGAIN;  -errno */
static int send_tcp(struct resolve *r)
{
	const struct net_ops *ops = r->net->ops;

	if (r->connecting) {
		int err = ops->connected(r->net->ctx, r->fd);
		if (err < 0)
			return err;
		r->connecting = false;
	}
	while (r->out_sent < r->out_len + 2) {
		ssize_t put = ops->write(r->net->ctx, r->fd,
					 r->out + r->out_sent,
					 r->out_len + 2U - r->out_sent);
		if (put < 0)
			return (int)put;
		r->out_sent = (uint16_t)(r->out_sent + put);
	}
	return 0;
}

/* 0 the reply, or as much of it as fits, is there;  -EAGAIN;  -errno */
static int receive_tcp(struct resolve *r, size_t *len)
{
	*len = 0;
	for (;;) {
		size_t want = 2;

		if (r->in_len >= 2) {
			*len = (size_t)r->in[0] << 8 | r->in[1];
			want = *len < MAX_REPLY ? *len + 2 : MAX_REPLY + 2;
		}
		if (r->in_len >= 2 && r->in_len == want)
			return 0;
		ssize_t got = r->net->ops->read(r->net->ctx, r->fd,
						r->in + r->in_len,
						want - r->in_len);
		if (got < 0)
			return (int)got;
		if (got == 0)
			return -ECONNRESET;
		r->in_len = (uint16_t)(r->in_len + got);
	}
}

/* Returns: true when nothing more can be done now. */
static bool step_tcp(struct resolve *r)
{
	size_t len = 0;

	int err = send_tcp(r);
	if (err == 0)
		err = receive_tcp(r, &len);
	if (err == -EAGAIN) {
		if (world_boot_ms(r->w) < r->until_ms)
			return true;
		fail(r, "no answer by TCP", 0);
	} else if (err < 0) {
		fail(r, NULL, err);
	} else {
		judge(r, r->in + 2, r->in_len - 2U, len + 2 > r->in_len);
	}
	return false;
}

int resolve_start(struct resolve *r, const struct net *net,
		  const struct world *w, const struct resolve_paths *paths,
		  struct slice host, uint16_t port)
{
	const char *conf = paths && paths->resolv ? paths->resolv
						  : CONFIG_RESOLV_PATH;
	uint16_t dns_port = paths && paths->dns_port ? paths->dns_port
						     : DNS_PORT;

	resolve_cancel(r);
	r->net = net;
	r->w = w;
	r->fd = -1;
	int err = resolve_local(&r->result, w, paths, &host, port);
	if (err != -ENOENT)
		return err;
	err = resolve_wire_name(host, r->host);
	if (err < 0)
		return err;
	r->port = port;
	r->first = 0;
	memset(r->n, 0, sizeof(r->n));
	memset(r->absent, 0, sizeof(r->absent));
	/* read each time: it changes with the link */
	resolve_conf_read(&r->conf, conf, dns_port);
	ask_family(r, FAMILY_V6);
	return resolve_step(r);
}

/* Each turn starts a query, reads a reply, or waits: next_server() ends it. */
int resolve_step(struct resolve *r)
{
	bool wait = false;

	while (!wait && r->state != STATE_DONE) {
		if (r->state == STATE_NEXT)
			start_udp(r);
		else if (r->state == STATE_UDP)
			wait = step_udp(r);
		else
			wait = step_tcp(r);
	}
	return r->state == STATE_DONE ? 0 : -EINPROGRESS;
}

size_t resolve_wants(const struct resolve *r,
		     struct net_wait set[static RESOLVE_MAX_FDS],
		     int64_t *until_ms)
{
	*until_ms = INT64_MAX;
	if (r->state == STATE_DONE)
		return 0;
	bool out = r->state == STATE_TCP && r->out_sent < r->out_len + 2;
	set[0] = (struct net_wait){ r->fd, out ? NET_OUT : NET_IN, 0 };
	*until_ms = r->until_ms;
	return 1;
}

const struct resolve_result *resolve_result(const struct resolve *r)
{
	return &r->result;
}

void resolve_cancel(struct resolve *r)
{
	if (r->state == STATE_DONE)
		return;
	close_fd(r);
	r->state = STATE_DONE;
}
