/* SPDX-License-Identifier: ISC */
/* The resolver against name servers that fail in every way. */
#include "lib/net_dns.h"

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
	assert_string_equal(r->why,
			    "name server 127.0.0.11: no such host name");
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
	const struct resolve_result *r = look_up("m.example", truncated_always);
	assert_int_equal(r->n, 0);
	assert_string_equal(r->why,
			    "name server 127.0.0.12: truncated reply by TCP");
	assert_int_equal(look_up("m.example", truncated_then_silent)->n, 2);
	assert_string_equal(log_space, via);
	close_early = true;
	r = look_up("m.example", truncated);
	close_early = false;
	assert_int_equal(r->n, 0);
	assert_string_equal(r->why,
			    "name server 127.0.0.12: connection reset by peer");
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

	answer = one_address;
	asked = BUF_ON(log_space);
	assert_int_equal(resolve_start(r, &net_real, &world, &paths,
				       SLICE("m.example"), 25),
			 -EINPROGRESS);
	assert_int_equal(resolve_wants(r, set, &until), 1);
	assert_int_equal(net_real.ops->local_addr(NULL, set[0].fd, &local), 0);
	/* from another address: the kernel drops it, the socket is connected */
	to.sin_port = htons(local.port);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(sendto(servers[1].udp, "rubbish rubbish", 15, 0,
				(struct sockaddr *)&to, sizeof(to)),
			 15);
	assert_int_equal(resolve_step(r), -EINPROGRESS);
	/* from the server itself, with wrong ids: passed over */
	for (int i = 0; i < 63; i++)
		assert_int_equal(sendto(servers[0].udp, "rubbish rubbish", 15,
					0, (struct sockaddr *)&to, sizeof(to)),
				 15);
	assert_int_equal(resolve_step(r), -EINPROGRESS);
	while (resolve_step(r) == -EINPROGRESS)
		turn(r);
	assert_int_equal(resolve_result(r)->n, 2);

	assert_int_equal(resolve_start(r, &net_real, &world, &paths,
				       SLICE("m.example"), 25),
			 -EINPROGRESS);
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

/* Each query has an id of its own. */
static uint16_t ids[8];
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
				       SLICE("no name"), 25),
			 -EINVAL);
	assert_int_equal(resolve_start(r, &net_real, &world, &paths,
				       SLICE("192.0.2.1"), 25),
			 0);
	assert_int_equal(resolve_result(r)->n, 1);
	assert_int_equal(resolve_start(r, &net_real, &world, &paths,
				       SLICE("m.example"), 25),
			 -EINPROGRESS);
	/* a new start forgets the old one, and so does cancel */
	assert_int_equal(resolve_start(r, &net_real, &world, &paths,
				       SLICE("n.example"), 25),
			 -EINPROGRESS);
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
