/* SPDX-License-Identifier: ISC */
/*
 * TLS itself: versions, ciphers, sessions, bytes, and peers that break off or
 * are no TLS server.
 */
#include "lib/net_tls.h"

#include <sys/mman.h>

/* ---- versions and ciphers ----------------------------------------------- */

static void expect_version(const char *options, int want, const char *why)
{
	struct trust t = verify("rsa-root.pem");

	start_server("rsa", options);
	int err = handshake(&t, NULL);
	if (err == 0)
		talk();
	assert_string_equal(stream.why, why);
	assert_int_equal(err, want);
	end_trust(&t);
}

static void versions(void **state)
{
	(void)state;
	expect_version("-tls1_1 -cipher ALL@SECLEVEL=0", -EPROTO,
		       "peer lacks TLS 1.2 or any cipher of ours "
		       "(TLS error 296)");
	expect_version("-tls1_3", -EPROTO,
		       "peer does not speak TLS 1.2 (TLS error 326)");
	expect_version("-tls1_2 -cipher AES128-SHA256", -EPROTO,
		       "peer lacks TLS 1.2 or any cipher of ours "
		       "(TLS error 296)");
	expect_version("-tls1_2 -cipher ECDHE-RSA-AES128-SHA256", -EPROTO,
		       "peer lacks TLS 1.2 or any cipher of ours "
		       "(TLS error 296)");
	expect_version("-cipher ECDHE-RSA-CHACHA20-POLY1305", 0, "");
	expect_version("-cipher ECDHE-RSA-AES128-GCM-SHA256", 0, "");
	expect_version("-cipher ECDHE-RSA-AES256-GCM-SHA384", 0, "");
	expect_version("-curves P-384", 0, "");
	expect_version("-curves X25519", -EPROTO,
		       "peer lacks TLS 1.2 or any cipher of ours "
		       "(TLS error 296)");
	/* a certificate from us is wished for, not demanded */
	expect_version("-verify 1", 0, "");
}

/* ---- peers that break off ----------------------------------------------- */

static const struct trust anyone = { .mode = TRUST_NONE, .bundle_fd = -1 };

/* Connect to a listener of ours and begin; its end of the connection. */
static int begin_with_plain(void)
{
	char hello[2048];
	int fd = start_plain();

	connect_plain();
	assert_int_equal(stream_start_tls(&stream, &anyone, NULL, &world_real),
			 0);
	assert_int_equal(stream_step(&stream), -EAGAIN);
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(peer >= 0);
	close(fd);
	/* a ClientHello, for TLS 1.2 and without a fragment length */
	ssize_t n = recv(peer, hello, sizeof(hello), 0);
	assert_true(n > 50);
	assert_memory_equal(hello, "\x16\3\3", 3);
	assert_null(memmem(hello, (size_t)n, "\0\1\0\1", 4));
	return peer;
}

static void expect_plain(const char *bytes, size_t n, int want, const char *why)
{
	int peer = begin_with_plain();

	assert_int_equal(send(peer, bytes, n, 0), (ssize_t)n);
	shutdown(peer, SHUT_WR);
	int err = run_steps();
	assert_string_equal(stream.why, why);
	assert_int_equal(err, want);
	stream_close(&stream);
	close(peer);
}

static void no_tls_servers(void **state)
{
	(void)state;
	expect_plain("220 mail.example.com ESMTP\r\n", 28, -EPROTO,
		     "not a TLS server");
	expect_plain("\x16\2\0\0\1x", 6, -EPROTO,
		     "peer does not speak TLS 1.2 (TLS error 3)");
	expect_plain("", 0, -ECONNRESET,
		     "connection closed during the TLS handshake");
	expect_plain("\x16\3\3\1", 4, -ECONNRESET,
		     "connection closed during the TLS handshake");
	expect_plain("\x15\3\3\0\2\2\x50", 7, -EPROTO,
		     "peer refused the TLS handshake (TLS error 336)");
	expect_plain("\x16\3\3\xff\xff", 5, -EPROTO,
		     "TLS record of bad length (TLS error 5)");
	expect_plain("\x16\3\3\0\4\2\0\0\0", 9, -EPROTO,
		     "peer broke the TLS protocol (TLS error 1)");
}

/* A peer that accepts and says nothing: the stream only waits to read. */
static void stall(void **state)
{
	bool now;
	int peer;

	(void)state;
	peer = begin_with_plain();
	assert_int_equal(stream_step(&stream), -EAGAIN);
	assert_int_equal(stream_wants(&stream, false, false, &now), NET_IN);
	assert_false(now);
	stream_close(&stream);
	assert_int_equal(stream_wants(&stream, true, true, &now), 0);
	close(peer);
}

static void refused(void **state)
{
	struct net_addr to;

	(void)state;
	close(start_plain());
	stream_init(&stream, &net_real);
	assert_int_equal(net_addr_parse(SLICE("127.0.0.1"), server_port, &to),
			 0);
	assert_int_equal(stream_connect(&stream, &to), 0);
	assert_int_equal(run_steps(), -ECONNREFUSED);
	assert_string_equal(stream.why, "connection refused");
	stream_close(&stream);
}

/* ---- sessions ----------------------------------------------------------- */

static void resume(struct trust *t, struct stream_session *session, bool want)
{
	assert_int_equal(handshake(t, session), 0);
	assert_true(session->valid);
	assert_int_equal(stream_tls_resumed(&stream), want);
	assert_int_equal(stream_security(&stream), t->mode == TRUST_NONE
							   ? STREAM_UNVERIFIED
							   : STREAM_VERIFIED);
	talk();
	stream_close(&stream);
}

static void resumption(void **state)
{
	struct stream_session session = { .valid = false };
	struct trust t = verify("ec-root.pem");
	struct trust none = { .mode = TRUST_NONE, .bundle_fd = -1 };
	struct trust pinned = pin("smtp.example.com", "ec");

	(void)state;
	start_server("ec", "");
	resume(&t, &session, false);
	resume(&t, &session, true);
	resume(&t, &session, true);
	/* one that proved less, or something else, is of no use */
	resume(&none, &session, false);
	resume(&none, &session, true);
	resume(&t, &session, false);
	resume(&pinned, &session, false);
	resume(&pinned, &session, true);
	/* the server has forgotten it: a full handshake, judged in full */
	start_server("ec", "");
	resume(&pinned, &session, false);
	start_server("wrong", "");
	t.name = "other.example.com";
	resume(&t, &session, false);
	start_server("ec", "");
	assert_int_equal(handshake(&t, &session), -EKEYREJECTED);
	assert_false(session.valid);
	end_trust(&t);
}

/* ---- bytes -------------------------------------------------------------- */

/* A large line out and back in, full buffers on both sides. */
static void much(void **state)
{
	enum { N = 15000 };
	static char out[N], in[N];
	struct trust t = verify("rsa-root.pem");

	(void)state;
	start_server("rsa", "");
	assert_int_equal(handshake(&t, NULL), 0);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < N - 1; i++)
			out[i] = (char)('a' + (i * 7 + round) % 26);
		out[N - 1] = '\n';
		write_all(out, N);
		read_all(in, N);
		for (int i = 0; i < N - 1; i++)
			assert_int_equal(in[i], out[N - 2 - i]);
	}
	end_trust(&t);
}

/* Bytes inside the stream are not waited for. */
static void buffered(void **state)
{
	struct trust t = verify("rsa-root.pem");
	bool now = false;
	char c;

	(void)state;
	start_server("rsa", "");
	assert_int_equal(handshake(&t, NULL), 0);
	assert_int_equal(stream_wants(&stream, true, false, &now), NET_IN);
	assert_false(now);
	assert_int_equal(stream_wants(&stream, false, true, &now), NET_OUT);
	write_all("abc\n", 4);
	read_all(&c, 1);
	assert_int_equal(c, 'c');
	stream_wants(&stream, true, false, &now);
	assert_true(now);
	stream_wants(&stream, false, false, &now);
	assert_false(now);
	char rest[3];
	read_all(rest, 3);
	stream_wants(&stream, true, false, &now);
	assert_false(now);
	end_trust(&t);
}

/* The peer's end, in good order and cut: 0 from read, an error from write. */
static void ends(void **state)
{
	struct trust t = verify("rsa-root.pem");
	ssize_t got;
	char c;

	(void)state;
	start_server("rsa", "");
	assert_int_equal(handshake(&t, NULL), 0);
	/* the line that tells this server to close */
	write_all("CLOSE\n", 6);
	while ((got = stream_read(&stream, &c, 1)) == -EAGAIN)
		assert_true(wait_for(true, false));
	assert_int_equal(got, 0);
	assert_int_equal(stream_read(&stream, &c, 1), 0);
	assert_int_equal(stream_write(&stream, "x", 1), -ECONNRESET);
	assert_string_equal(stream.why, "connection closed by peer");
	stream_close(&stream);
	assert_int_equal(handshake(&t, NULL), 0);
	stop_server();
	while ((got = stream_read(&stream, &c, 1)) == -EAGAIN)
		assert_true(wait_for(true, false));
	assert_true(got == 0 || got == -ECONNRESET);
	end_trust(&t);
}

/* CONFIG_DELIVERIES states, and their memory goes back. */
static void states(void **state)
{
	struct trust t = verify("rsa-root.pem");
	struct stream more[CONFIG_DELIVERIES + 1];
	unsigned char resident;
	struct net_addr to;

	(void)state;
	start_server("rsa", "");
	assert_int_equal(net_addr_parse(SLICE("127.0.0.1"), server_port, &to),
			 0);
	for (int i = 0; i <= CONFIG_DELIVERIES; i++) {
		stream_init(&more[i], &net_real);
		assert_int_equal(stream_connect(&more[i], &to), 0);
		int err = stream_start_tls(&more[i], &t, NULL, &world_real);
		assert_int_equal(err, i < CONFIG_DELIVERIES ? 0 : -ENOBUFS);
	}
	assert_string_equal(more[CONFIG_DELIVERIES].why,
			    "too many TLS connections");
	for (int i = 0; i <= CONFIG_DELIVERIES; i++) {
		void *page = more[i].tls;

		stream_close(&more[i]);
		if (!page)
			continue;
		assert_int_equal(mincore(page, 1, &resident), 0);
		assert_int_equal(resident & 1, 0);
	}
	assert_int_equal(handshake(&t, NULL), 0);
	talk();
	end_trust(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions),   cmocka_unit_test(no_tls_servers),
		cmocka_unit_test(stall),      cmocka_unit_test(refused),
		cmocka_unit_test(resumption), cmocka_unit_test(much),
		cmocka_unit_test(buffered),   cmocka_unit_test(ends),
		cmocka_unit_test(states),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
