/* SPDX-License-Identifier: ISC */
/*
 * net_dns.h - name servers inside the test, on loopback, UDP and TCP.  Time is
 * the test's own: a server that keeps silent moves it on, so nothing sleeps.
 */
#ifndef TESTS_LIB_NET_DNS_H
#define TESTS_LIB_NET_DNS_H

#include "lib/check.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/world.h"
#include "net/resolve.h"

enum { A = 1, CNAME = 5, AAAA = 28 };
enum { NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED };

#define SERVERS 3

/* One query as a server sees it. */
struct query {
	int server;
	bool tcp, edns;
	uint16_t type;
	char name[256];
	const uint8_t *raw;
	size_t question_len; /* of raw, from offset 12 */
};

/* Writes the reply; false: keeps silent. */
typedef bool answer_fn(const struct query *q, struct buf *out);

static struct server {
	int udp, tcp, conn;
} servers[SERVERS];

static uint16_t dns_port;
static answer_fn *answer;
static bool silent;      /* a query was left without an answer */
static bool by_bytes;    /* TCP replies go byte by byte */
static bool close_early; /* TCP connections end behind half a reply */
static char log_space[4096];
static struct buf asked;
static int64_t now_ms;
static uint64_t chance;
static char conf_path[] = "/tmp/test_resolve_XXXXXX";

static inline int64_t fake_ms(void *ctx)
{
	(void)ctx;
	return now_ms;
}

static inline int64_t fake_s(void *ctx)
{
	(void)ctx;
	return 0;
}

static inline int fake_zone(void *ctx, int64_t t)
{
	(void)ctx;
	(void)t;
	return 0;
}

static inline void fake_random(void *ctx, void *p, size_t n)
{
	(void)ctx;
	for (size_t i = 0; i < n; i++) {
		chance = chance * 6364136223846793005u + 1442695040888963407u;
		((uint8_t *)p)[i] = (uint8_t)(chance >> 56);
	}
}

static const struct world world = { NULL, fake_ms, fake_s, fake_zone,
				    fake_random };

/* ---- the servers -------------------------------------------------------- */

static inline int bind_at(int type, uint8_t last, uint16_t port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons(port) };
	const int on = 1;
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	sa.sin_addr.s_addr = htonl(0x7f000000u + last);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* All servers on one port, free for UDP and TCP at each address. */
static inline bool start_at(uint16_t port)
{
	for (int i = 0; i < SERVERS; i++) {
		servers[i].udp = bind_at(SOCK_DGRAM, (uint8_t)(11 + i), port);
		servers[i].tcp = bind_at(SOCK_STREAM, (uint8_t)(11 + i), port);
		servers[i].conn = -1;
		if (servers[i].udp < 0 || servers[i].tcp < 0 ||
		    listen(servers[i].tcp, 4) < 0)
			return false;
	}
	dns_port = port;
	return true;
}

static inline void put_conf(const char *text)
{
	FILE *f = fopen(conf_path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static inline int start_servers(void **state)
{
	(void)state;
	int fd = mkstemp(conf_path);
	if (fd < 0)
		return -1;
	close(fd);
	for (uint16_t port = 20053; port < 20153; port++)
		if (start_at(port))
			return 0;
	return -1;
}

static inline int stop_servers(void **state)
{
	(void)state;
	for (int i = 0; i < SERVERS; i++) {
		close(servers[i].udp);
		close(servers[i].tcp);
	}
	return unlink(conf_path);
}

static inline void read_query(struct query *q, const uint8_t *p, size_t n)
{
	size_t at = 12;
	struct buf name = BUF_ON(q->name);

	assert_true(n > 16);
	q->raw = p;
	while (p[at]) {
		if (name.len > 0)
			buf_put_char(&name, '.');
		buf_put(&name, p + at + 1, p[at]);
		at += p[at] + 1u;
	}
	buf_cstr(&name);
	q->type = (uint16_t)(p[at + 1] << 8 | p[at + 2]);
	q->question_len = at + 5 - 12;
	q->edns = p[11] == 1;
	/* RFC 6891: the size we can take is said, no fragments */
	if (q->edns)
		assert_int_equal(p[at + 8] << 8 | p[at + 9], 1232);
	buf_putf(&asked, "%d%s%s:%s ", q->server, q->tcp ? "t" : "",
		 q->edns ? "" : "p", q->name);
	buf_put_str(&asked, q->type == A ? "A;" : "AAAA;");
}

static inline void serve_udp(int i)
{
	uint8_t in[2048];
	char space[2048];
	struct buf out = BUF_ON(space);
	struct query q = { .server = i };
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(servers[i].udp, in, sizeof(in), 0,
			     (struct sockaddr *)&from, &len);

	assert_true(n > 0);
	read_query(&q, in, (size_t)n);
	silent = !answer(&q, &out);
	if (!silent)
		assert_int_equal(sendto(servers[i].udp, out.data, out.len, 0,
					(struct sockaddr *)&from, len),
				 (ssize_t)out.len);
}

static inline void serve_tcp(int i)
{
	uint8_t in[2048];
	static char space[70000];
	struct buf out = BUF_ON(space);
	struct query q = { .server = i, .tcp = true };
	struct server *s = &servers[i];

	if (s->conn < 0) {
		s->conn = accept4(s->tcp, NULL, NULL, SOCK_CLOEXEC);
		assert_true(s->conn >= 0);
		return;
	}
	ssize_t n = recv(s->conn, in, sizeof(in), 0);
	if (n <= 0) {
		close(s->conn);
		s->conn = -1;
		return;
	}
	assert_int_equal(n, (in[0] << 8 | in[1]) + 2);
	read_query(&q, in + 2, (size_t)n - 2);
	out.len = 2;
	silent = !answer(&q, &out);
	assert_false(out.overflow);
	out.data[0] = (char)((out.len - 2) >> 8);
	out.data[1] = (char)(out.len - 2);
	size_t len = silent ? 0 : close_early ? out.len / 2 : out.len;
	size_t step = by_bytes ? 1 : len;
	for (size_t at = 0; at < len; at += step)
		if (send(s->conn, out.data + at, step, MSG_NOSIGNAL) < 0)
			break;
	if (close_early) {
		close(s->conn);
		s->conn = -1;
	}
}

/* ---- replies ------------------------------------------------------------ */

static inline void put16(struct buf *b, unsigned v)
{
	buf_put_char(b, (char)(v >> 8));
	buf_put_char(b, (char)v);
}

static inline void put_head(struct buf *b, const struct query *q, int rcode,
			    unsigned records, bool truncated)
{
	buf_put(b, q->raw, 2);
	put16(b, 0x8180u | (truncated ? 0x0200u : 0) | (unsigned)rcode);
	put16(b, 1);
	put16(b, records);
	buf_put_zero(b, 4);
	buf_put(b, q->raw + 12, q->question_len);
}

static inline void put_name(struct buf *b, const char *name)
{
	struct slice rest = slice_str(name);

	while (rest.n > 0) {
		struct slice label = slice_cut(&rest, '.');

		buf_put_char(b, (char)label.n);
		buf_put_slice(b, label);
	}
	buf_put_char(b, 0);
}

static inline void put_record(struct buf *b, const char *owner, unsigned type,
			      struct slice data)
{
	put_name(b, owner);
	put16(b, type);
	put16(b, 1);
	buf_put_zero(b, 4);
	put16(b, (unsigned)data.n);
	buf_put_slice(b, data);
}

/* An address that ends in last, of the type that is asked for. */
static inline void put_address(struct buf *b, const struct query *q,
			       const char *owner, unsigned last)
{
	char ip[16] = { 0x20, 0x01, 0x0d, (char)0xb8 };

	ip[15] = (char)last;
	if (q->type == A) {
		memcpy(ip, "\xc0\0\2", 3);
		ip[3] = (char)last;
	}
	put_record(b, owner, q->type, slice_of(ip, q->type == A ? 4 : 16));
}

static inline void put_alias(struct buf *b, const char *owner,
			     const char *target)
{
	char space[256];
	struct buf name = BUF_ON(space);

	put_name(&name, target);
	put_record(b, owner, CNAME, buf_slice(&name));
}

static inline bool one_address(const struct query *q, struct buf *out)
{
	put_head(out, q, NOERROR, 1, false);
	put_address(out, q, q->name, 1);
	return true;
}

static inline bool nothing(const struct query *q, struct buf *out, int rcode)
{
	put_head(out, q, rcode, 0, false);
	return true;
}

/* ---- the loop ----------------------------------------------------------- */

static inline void serve(struct net_wait *set, size_t n)
{
	for (int i = 0; i < SERVERS; i++) {
		int stream = servers[i].conn >= 0 ? servers[i].conn
						  : servers[i].tcp;

		for (size_t k = 0; k < n; k++) {
			if (set[k].ready && set[k].fd == servers[i].udp)
				serve_udp(i);
			else if (set[k].ready && set[k].fd == stream)
				serve_tcp(i);
		}
	}
}

/* One turn; false: nothing more will come, the clock was moved on. */
static inline void turn(struct resolve *r)
{
	struct net_wait set[RESOLVE_MAX_FDS + 2 * SERVERS];
	int64_t until;
	size_t n = resolve_wants(r, set, &until);
	size_t own = n;

	assert_int_equal(n, 1);
	assert_true(until > now_ms && until - now_ms <= 40000);
	for (int i = 0; i < SERVERS; i++) {
		int stream = servers[i].conn >= 0 ? servers[i].conn
						  : servers[i].tcp;

		set[n++] = (struct net_wait){ servers[i].udp, NET_IN, 0 };
		set[n++] = (struct net_wait){ stream, NET_IN, 0 };
	}
	silent = false;
	assert_true(net_real.ops->wait(NULL, set, n,
				       world_boot_ms(&world_real) + 10000) > 0);
	serve(set + own, n - own);
	if (silent)
		now_ms = until;
}

static inline const struct resolve_result *look_up(const char *host,
						   answer_fn *servers_answer)
{
	const struct resolve_paths paths = { "/dev/null", conf_path, dns_port };
	struct resolve *r = resolve_slot(0);

	answer = servers_answer;
	asked = BUF_ON(log_space);
	int err = resolve_start(r, &net_real, &world, &paths, slice_str(host),
				587);
	while (err == -EINPROGRESS) {
		turn(r);
		err = resolve_step(r);
	}
	assert_int_equal(err, 0);
	buf_cstr(&asked);

	struct net_wait set[RESOLVE_MAX_FDS];
	int64_t until;

	assert_int_equal(resolve_wants(r, set, &until), 0);
	assert_true(until == INT64_MAX);
	return resolve_result(r);
}

#define TWO_SERVERS "nameserver 127.0.0.11\nnameserver 127.0.0.12\n"

#endif
