/* SPDX-License-Identifier: ISC */
/*
 * The resolver against name servers of this test on loopback, UDP and TCP.
 * Time is the test's own: a server that keeps silent moves it on, so nothing
 * sleeps.
 */
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
static bool silent;	 /* a query was left without an answer */
static bool by_bytes;	 /* TCP replies go byte by byte */
static bool close_early; /* TCP connections end behind half a reply */
static char log_space[4096];
static struct buf asked;
static int64_t now_ms;
static uint64_t chance;
static char conf_path[] = "/tmp/test_resolve_XXXXXX";

static int64_t fake_ms(void *ctx)
{
	(void)ctx;
	return now_ms;
}

static int64_t fake_s(void *ctx)
{
	(void)ctx;
	return 0;
}

static int fake_zone(void *ctx, int64_t t)
{
	(void)ctx;
	(void)t;
	return 0;
}

static void fake_random(void *ctx, void *p, size_t n)
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

static int bind_at(int type, uint8_t last, uint16_t port)
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
static bool start_at(uint16_t port)
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

static void put_conf(const char *text)
{
	FILE *f = fopen(conf_path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static int start_servers(void **state)
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

static int stop_servers(void **state)
{
	(void)state;
	for (int i = 0; i < SERVERS; i++) {
		close(servers[i].udp);
		close(servers[i].tcp);
	}
	return unlink(conf_path);
}

static void read_query(struct query *q, const uint8_t *p, size_t n)
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
	buf_putf(&asked, "%s%d%s%s:%s ", asked.len ? "" : "", q->server,
		 q->tcp ? "t" : "", q->edns ? "" : "p", q->name);
	buf_put_str(&asked, q->type == A ? "A;" : "AAAA;");
}

static void serve_udp(int i)
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

static void serve_tcp(int i)
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

static void put16(struct buf *b, unsigned v)
{
	buf_put_char(b, (char)(v >> 8));
	buf_put_char(b, (char)v);
}

static void put_head(struct buf *b, const struct query *q, int rcode,
		     unsigned records, bool truncated)
{
	buf_put(b, q->raw, 2);
	put16(b, 0x8180u | (truncated ? 0x0200u : 0) | (unsigned)rcode);
	put16(b, 1);
	put16(b, records);
	buf_put_zero(b, 4);
	buf_put(b, q->raw + 12, q->question_len);
}

static void put_name(struct buf *b, const char *name)
{
	struct slice rest = slice_str(name);

	while (rest.n > 0) {
		struct slice label = slice_cut(&rest, '.');

		buf_put_char(b, (char)label.n);
		buf_put_slice(b, label);
	}
	buf_put_char(b, 0);
}

static void put_record(struct buf *b, const char *owner, unsigned type,
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
static void put_address(struct buf *b, const struct query *q,
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

static void put_alias(struct buf *b, const char *owner, const char *target)
{
	char space[256];
	struct buf name = BUF_ON(space);

	put_name(&name, target);
	put_record(b, owner, CNAME, buf_slice(&name));
}

static bool one_address(const struct query *q, struct buf *out)
{
	put_head(out, q, NOERROR, 1, false);
	put_address(out, q, q->name, 1);
	return true;
}

static bool nothing(const struct query *q, struct buf *out, int rcode)
{
	put_head(out, q, rcode, 0, false);
	return true;
}

/* ---- the loop ----------------------------------------------------------- */

static void serve(struct net_wait *set, size_t n)
{
	for (int i = 0; i < SERVERS; i++) {
		int stream = servers[i].conn >= 0 ? servers[i].conn :
						    servers[i].tcp;

		for (size_t k = 0; k < n; k++) {
			if (set[k].ready && set[k].fd == servers[i].udp)
				serve_udp(i);
			else if (set[k].ready && set[k].fd == stream)
				serve_tcp(i);
		}
	}
}

/* One turn; false: nothing more will come, the clock was moved on. */
static void turn(struct resolve *r)
{
	struct net_wait set[RESOLVE_MAX_FDS + 2 * SERVERS];
	int64_t until;
	size_t n = resolve_wants(r, set, &until);
	size_t own = n;

	assert_int_equal(n, 1);
	assert_true(until > now_ms && until - now_ms <= 40000);
	for (int i = 0; i < SERVERS; i++) {
		int stream = servers[i].conn >= 0 ? servers[i].conn :
						    servers[i].tcp;

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

static const struct resolve_result *look_up(const char *host,
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

/* ---- the tests ---------------------------------------------------------- */

static void both_families(void **state)
{
	(void)state;
	put_conf(TWO_SERVERS);
	const struct resolve_result *r = look_up("m.example", one_address);

	assert_int_equal(r->n, 2);
	assert_false(r->not_found);
	assert_false(net_addr_is_v4(&r->addr[0]));
	assert_true(net_addr_is_v4(&r->addr[1]));
	assert_int_equal(r->addr[0].port, 587);
	assert_int_equal(r->addr[1].port, 587);
	assert_string_equal(log_space, "0:m.example AAAA;0:m.example A;");
}

static bool no_v6(const struct query *q, struct buf *out)
{
	return q->type == A ? one_address(q, out) : nothing(q, out, NOERROR);
}

static bool no_name(const struct query *q, struct buf *out)
{
	return nothing(q, out, NXDOMAIN);
}

static bool no_data(const struct query *q, struct buf *out)
{
	return nothing(q, out, NOERROR);
}

static void absence(void **state)
{
	(void)state;
	put_conf(TWO_SERVERS);
	const struct resolve_result *r = look_up("m.example", no_v6);
	assert_int_equal(r->n, 1);
	r = look_up("m.example", no_name);
	assert_int_equal(r->n, 0);
	assert_true(r->not_found);
	assert_string_equal(r->why, "name server 127.0.0.11: no such host name");
	/* a name that does not exist has no other type either: RFC 8020 */
	assert_string_equal(log_space, "0:m.example AAAA;");
	r = look_up("m.example", no_data);
	assert_int_equal(r->n, 0);
	assert_true(r->not_found);
	assert_string_equal(r->why,
			    "name server 127.0.0.11: the name has no address");
}

static bool first_fails_rcode(const struct query *q, struct buf *out)
{
	return q->server == 0 ? nothing(q, out, SERVFAIL) : one_address(q, out);
}

static bool first_refuses(const struct query *q, struct buf *out)
{
	return q->server == 0 ? nothing(q, out, REFUSED) : one_address(q, out);
}

static bool first_is_rubbish(const struct query *q, struct buf *out)
{
	if (q->server > 0)
		return one_address(q, out);
	put_head(out, q, NOERROR, 7, false);
	buf_put_str(out, "\xff");
	return true;
}

static bool first_is_silent(const struct query *q, struct buf *out)
{
	return q->server > 0 && one_address(q, out);
}

/* The next server, whatever it was; the one that answered is kept. */
static void next_server(void **state)
{
	static answer_fn *const fns[] = { first_fails_rcode, first_refuses,
					  first_is_rubbish, first_is_silent };

	(void)state;
	put_conf(TWO_SERVERS);
	for (size_t i = 0; i < ARRAY_LEN(fns); i++) {
		int64_t began = now_ms;

		assert_int_equal(look_up("m.example", fns[i])->n, 2);
		assert_string_equal(log_space, "0:m.example AAAA;1:m.example "
					       "AAAA;1:m.example A;");
		assert_int_equal(now_ms - began, i == 3 ? 3000 : 0);
	}
	/* nobody listens there; no route to it at all */
	put_conf("nameserver 127.0.0.99\nnameserver 127.0.0.12\n");
	assert_int_equal(look_up("m.example", one_address)->n, 2);
	assert_string_equal(log_space, "1:m.example AAAA;1:m.example A;");
	put_conf("nameserver fe80::1%4294967295\nnameserver 240.0.0.1\n"
		 "nameserver ::ffff:255.255.255.255\nnameserver 127.0.0.13\n");
	assert_int_equal(look_up("m.example", one_address)->n, 2);
	assert_string_equal(log_space, "2:m.example AAAA;2:m.example A;");
}

static bool all_silent(const struct query *q, struct buf *out)
{
	(void)q;
	(void)out;
	return false;
}

/* Two rounds of all, the second with twice the patience, for each family. */
static void timeouts(void **state)
{
	int64_t began = now_ms;

	(void)state;
	put_conf(TWO_SERVERS);
	const struct resolve_result *r = look_up("m.example", all_silent);
	assert_int_equal(r->n, 0);
	assert_false(r->not_found);
	assert_string_equal(r->why, "name server 127.0.0.12: no answer");
	assert_int_equal(now_ms - began, 2 * (3000 + 3000 + 6000 + 6000));
	assert_string_equal(log_space,
			    "0:m.example AAAA;1:m.example AAAA;"
			    "0:m.example AAAA;1:m.example AAAA;0:m.example A;"
			    "1:m.example A;0:m.example A;1:m.example A;");
	put_conf("nameserver 127.0.0.11\noptions timeout:1 attempts:3\n");
	began = now_ms;
	assert_int_equal(look_up("m.example", all_silent)->n, 0);
	assert_int_equal(now_ms - began, 2 * (1000 + 2000 + 4000));
	put_conf("nameserver 127.0.0.99\n");
	r = look_up("m.example", all_silent);
	assert_string_equal(r->why,
			    "name server 127.0.0.99: connection refused");
}

static bool v6_fails(const struct query *q, struct buf *out)
{
	return q->type == A ? one_address(q, out) : nothing(q, out, SERVFAIL);
}

static bool v6_fails_v4_none(const struct query *q, struct buf *out)
{
	return nothing(q, out, q->type == A ? NOERROR : SERVFAIL);
}

static void one_family_fails(void **state)
{
	(void)state;
	put_conf(TWO_SERVERS);
	const struct resolve_result *r = look_up("m.example", v6_fails);
	assert_int_equal(r->n, 1);
	r = look_up("m.example", v6_fails_v4_none);
	assert_int_equal(r->n, 0);
	assert_false(r->not_found);
	assert_string_equal(r->why, "name server 127.0.0.12: server failure");
}

static bool no_edns(const struct query *q, struct buf *out)
{
	return q->edns ? nothing(q, out, FORMERR) : one_address(q, out);
}

static bool no_edns_notimp(const struct query *q, struct buf *out)
{
	return q->edns ? nothing(q, out, NOTIMP) : one_address(q, out);
}

static void without_edns(void **state)
{
	(void)state;
	put_conf(TWO_SERVERS);
	assert_int_equal(look_up("m.example", no_edns)->n, 2);
	assert_string_equal(log_space, "0:m.example AAAA;0p:m.example AAAA;"
				       "0:m.example A;0p:m.example A;");
	assert_int_equal(look_up("m.example", no_edns_notimp)->n, 2);
}

static bool truncated(const struct query *q, struct buf *out)
{
	if (q->tcp)
		return one_address(q, out);
	put_head(out, q, NOERROR, 0, true);
	return true;
}

static bool truncated_always(const struct query *q, struct buf *out)
{
	put_head(out, q, NOERROR, 0, true);
	return true;
}

/* 64 KiB of addresses: what fits is taken. */
static bool truncated_huge(const struct query *q, struct buf *out)
{
	if (!q->tcp)
		return truncated(q, out);
	put_head(out, q, NOERROR, 1500, false);
	for (int i = 0; i < 1500; i++)
		put_address(out, q, q->name, (unsigned)i);
	return true;
}

static bool truncated_then_silent(const struct query *q, struct buf *out)
{
	if (q->server > 0)
		return one_address(q, out);
	return !q->tcp && truncated(q, out);
}

static void by_tcp(void **state)
{
	static const char via[] = "0:m.example AAAA;0t:m.example AAAA;"
				  "1:m.example AAAA;1:m.example A;";

	(void)state;
	put_conf(TWO_SERVERS);
	assert_int_equal(look_up("m.example", truncated)->n, 2);
	assert_string_equal(log_space, "0:m.example AAAA;0t:m.example AAAA;"
				       "0:m.example A;0t:m.example A;");
	by_bytes = true;
	assert_int_equal(look_up("m.example", truncated)->n, 2);
	by_bytes = false;
	assert_int_equal(look_up("m.example", truncated_huge)->n, RESOLVE_MAX);
	const struct resolve_result *r =
		look_up("m.example", truncated_always);
	assert_int_equal(r->n, 0);
	assert_string_equal(r->why,
			    "name server 127.0.0.12: truncated reply by TCP");
	assert_int_equal(look_up("m.example", truncated_then_silent)->n, 2);
	assert_string_equal(log_space, via);
	close_early = true;
	r = look_up("m.example", truncated);
	close_early = false;
	assert_int_equal(r->n, 0);
	assert_string_equal(
		r->why, "name server 127.0.0.12: connection reset by peer");
}

/* m -> t1 -> ... -> t8, one alias in each reply. */
static bool chain(const struct query *q, struct buf *out)
{
	char next[] = "t1.example";

	if (q->name[0] == 't' && q->name[1] == '8')
		return one_address(q, out);
	if (q->name[0] == 't')
		next[1] = (char)(q->name[1] + 1);
	put_head(out, q, NOERROR, 1, false);
	put_alias(out, q->name, next);
	return true;
}

static bool circle(const struct query *q, struct buf *out)
{
	put_head(out, q, NOERROR, 1, false);
	put_alias(out, q->name, q->name[0] == 'm' ? "n.example" : "m.example");
	return true;
}

static bool reversed(const struct query *q, struct buf *out)
{
	put_head(out, q, NOERROR, 3, false);
	put_address(out, q, "c.example", 5);
	put_alias(out, "b.example", "c.example");
	put_alias(out, q->name, "b.example");
	return true;
}

static void aliases(void **state)
{
	(void)state;
	put_conf("nameserver 127.0.0.11\n");
	assert_int_equal(look_up("m.example", reversed)->n, 2);
	assert_string_equal(log_space, "0:m.example AAAA;0:m.example A;");
	assert_int_equal(look_up("m.example", chain)->n, 2);
	assert_int_equal(look_up("t1.example", chain)->n, 2);
	const struct resolve_result *r = look_up("m.example", circle);
	assert_int_equal(r->n, 0);
	assert_string_equal(r->why, "name server 127.0.0.11: malformed reply");
}

static unsigned wrong_left;

/* Wrong replies are ignored; too many of them are no server. */
static bool wrong_first(const struct query *q, struct buf *out)
{
	uint8_t raw[512];
	struct query wrong = *q;
	struct sockaddr_in to;
	socklen_t len = sizeof(to);

	(void)out;
	memcpy(raw, q->raw, 12 + q->question_len);
	raw[1] = (uint8_t)(raw[1] + 1);
	wrong.raw = raw;
	(void)len;
	(void)to;
	if (wrong_left == 0)
		return one_address(q, out);
	wrong_left--;
	return one_address(&wrong, out);
}

/* The right reply comes from the wrong place, or with another id. */
static void spoofed(void **state)
{
	(void)state;
	put_conf("nameserver 127.0.0.11\noptions attempts:1\n");
	struct resolve *r = resolve_slot(1);
	const struct resolve_paths paths = { "/dev/null", conf_path, dns_port };
	struct net_wait set[RESOLVE_MAX_FDS];
	int64_t until;
	struct net_addr local;
	struct sockaddr_in to = { .sin_family = AF_INET };

	answer = wrong_first;
	asked = BUF_ON(log_space);
	assert_int_equal(resolve_start(r, &net_real, &world, &paths,
				       SLICE("m.example"), 25), -EINPROGRESS);
	assert_int_equal(resolve_wants(r, set, &until), 1);
	assert_int_equal(net_real.ops->local_addr(NULL, set[0].fd, &local), 0);
	/* from another address: the kernel drops it, the socket is connected */
	to.sin_port = htons(local.port);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(sendto(servers[1].udp, "rubbish rubbish", 15, 0,
				(struct sockaddr *)&to, sizeof(to)), 15);
	assert_int_equal(resolve_step(r), -EINPROGRESS);
	/* from the server itself, with wrong ids: passed over */
	for (int i = 0; i < 63; i++)
		assert_int_equal(sendto(servers[0].udp, "rubbish rubbish", 15,
					0, (struct sockaddr *)&to, sizeof(to)),
				 15);
	assert_int_equal(resolve_step(r), -EINPROGRESS);
	wrong_left = 0;
	while (resolve_step(r) == -EINPROGRESS)
		turn(r);
	assert_int_equal(resolve_result(r)->n, 2);

	assert_int_equal(resolve_start(r, &net_real, &world, &paths,
				       SLICE("m.example"), 25), -EINPROGRESS);
	assert_int_equal(resolve_wants(r, set, &until), 1);
	assert_int_equal(net_real.ops->local_addr(NULL, set[0].fd, &local), 0);
	to.sin_port = htons(local.port);
	for (int i = 0; i < 64; i++)
		assert_int_equal(sendto(servers[0].udp, "rubbish rubbish", 15,
					0, (struct sockaddr *)&to, sizeof(to)),
				 15);
	/* RFC 5452 9.3: this server is given up; the A query goes on */
	assert_int_equal(resolve_step(r), -EINPROGRESS);
	while (resolve_step(r) == -EINPROGRESS)
		turn(r);
	assert_int_equal(resolve_result(r)->n, 1);
}

/* Each query has an id and a port of its own. */
static uint16_t ids[8], ports[8];
static int queries;

static bool note_id(const struct query *q, struct buf *out)
{
	if (queries < 8)
		ids[queries++] = (uint16_t)(q->raw[0] << 8 | q->raw[1]);
	return nothing(q, out, SERVFAIL);
}

static void random_ids(void **state)
{
	int same = 0;

	(void)state;
	(void)ports;
	queries = 0;
	put_conf(TWO_SERVERS);
	look_up("m.example", note_id);
	assert_int_equal(queries, 8);
	for (int i = 1; i < 8; i++)
		same += ids[i] == ids[i - 1] || ids[i] == ids[0];
	assert_int_equal(same, 0);
}

static void no_names_and_cancel(void **state)
{
	const struct resolve_paths paths = { "/dev/null", conf_path, dns_port };
	struct resolve *r = resolve_slot(RESOLVE_SLOTS - 1);
	struct net_wait set[RESOLVE_MAX_FDS];
	int64_t until;

	(void)state;
	put_conf(TWO_SERVERS);
	resolve_cancel(r);
	assert_int_equal(resolve_start(r, &net_real, &world, &paths,
				       SLICE("no name"), 25), -EINVAL);
	assert_int_equal(resolve_start(r, &net_real, &world, &paths,
				       SLICE("192.0.2.1"), 25), 0);
	assert_int_equal(resolve_result(r)->n, 1);
	assert_int_equal(resolve_start(r, &net_real, &world, &paths,
				       SLICE("m.example"), 25), -EINPROGRESS);
	/* a new start forgets the old one, and so does cancel */
	assert_int_equal(resolve_start(r, &net_real, &world, &paths,
				       SLICE("n.example"), 25), -EINPROGRESS);
	assert_int_equal(resolve_wants(r, set, &until), 1);
	resolve_cancel(r);
	assert_int_equal(resolve_wants(r, set, &until), 0);
	resolve_cancel(r);
	assert_int_equal(resolve_step(r), 0);
	/* what those two sent is left in the server's queue: take it out */
	uint8_t drop[512];
	while (recv(servers[0].udp, drop, sizeof(drop), 0) > 0)
		;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_families),
		cmocka_unit_test(absence),
		cmocka_unit_test(next_server),
		cmocka_unit_test(timeouts),
		cmocka_unit_test(one_family_fails),
		cmocka_unit_test(without_edns),
		cmocka_unit_test(by_tcp),
		cmocka_unit_test(aliases),
		cmocka_unit_test(spoofed),
		cmocka_unit_test(random_ids),
		cmocka_unit_test(no_names_and_cancel),
	};

	return cmocka_run_group_tests(tests, start_servers, stop_servers);
}
