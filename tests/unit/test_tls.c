/* SPDX-License-Identifier: ISC */
/*
 * TLS against openssl's server with certificates of every kind, and against
 * peers that are no TLS server.  The time the certificates are judged by is
 * the test's; everything waits for events.
 */
#include "lib/check.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/world.h"
#include "net/stream.h"

#define DAY 86400

static char dir[] = "/tmp/test_tls_XXXXXX";
static int64_t today;

/* ---- the peer ----------------------------------------------------------- */

static pid_t server = -1;
static int server_out = -1, server_in = -1;
static uint16_t server_port;

static void stop_server(void)
{
	if (server > 0) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
		close(server_out);
		close(server_in);
	}
	server = -1;
}

/* Its output up to "ACCEPT 127.0.0.1:PORT". */
static void read_port(void)
{
	char space[4096];
	size_t n = 0;

	for (;;) {
		struct pollfd p = { server_out, POLLIN, 0 };

		assert_int_equal(poll(&p, 1, 20000), 1);
		ssize_t got = read(server_out, space + n, sizeof(space) - n);
		assert_true(got > 0);
		n += (size_t)got;
		char *at = memmem(space, n, "ACCEPT 127.0.0.1:", 17);
		if (at && memchr(at, '\n', n - (size_t)(at - space))) {
			server_port = (uint16_t)strtoul(at + 17, NULL, 10);
			return;
		}
	}
}

/* openssl s_server with the certificate name and more words. */
static void start_server(const char *name, const char *more)
{
	char command[512];
	int out[2], in[2];

	stop_server();
	snprintf(command, sizeof(command),
		 "cd %s && chain= && [ ! -f %s.chain ] || chain='-cert_chain "
		 "%s.chain'; exec openssl s_server -accept 127.0.0.1:0 "
		 "-cert %s.pem -key %s.key $chain -rev -no_ticket %s 2>&1",
		 dir, name, name, name, name, more);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	server = fork();
	assert_true(server >= 0);
	if (server == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	close(in[0]);
	server_out = out[0];
	server_in = in[1];
	read_port();
}

/* A peer that is no TLS server: a listening socket of this process. */
static int start_plain(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	server_port = ntohs(sa.sin_port);
	return fd;
}

/* ---- our side ----------------------------------------------------------- */

static struct stream stream;
static uint8_t pins[TRUST_MAX_PINS][32];

static int open_in_dir(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static struct trust verify(const char *bundle)
{
	return (struct trust){ .mode = TRUST_VERIFY,
			       .name = "smtp.example.com",
			       .bundle_fd = open_in_dir(bundle),
			       .bundle_name = bundle,
			       .now_s = today };
}

static void load_pin(int i, const char *name)
{
	char file[64];

	snprintf(file, sizeof(file), "%s.pin", name);
	int fd = open_in_dir(file);
	assert_int_equal(read(fd, pins[i], 32), 32);
	close(fd);
}

static struct trust pin(const char *host, const char *name)
{
	load_pin(0, name);
	return (struct trust){ .mode = TRUST_PIN,
			       .name = host,
			       .bundle_fd = -1,
			       .pins = 1,
			       .pin = (const uint8_t(*)[32])pins,
			       .now_s = today };
}

/* Wait for what the stream wants; false: 20 seconds have passed. */
static bool wait_for(bool reading, bool writing)
{
	bool now;
	struct net_wait w = { stream.fd, 0, 0 };

	w.want = stream_wants(&stream, reading, writing, &now);
	if (now)
		return true;
	assert_int_not_equal(w.want, 0);
	return net_real.ops->wait(NULL, &w, 1,
				  world_boot_ms(&world_real) + 20000) > 0;
}

static int run_steps(void)
{
	int err;

	while ((err = stream_step(&stream)) == -EAGAIN)
		assert_true(wait_for(false, false));
	return err;
}

static void connect_plain(void)
{
	struct net_addr to;

	stream_init(&stream, &net_real);
	assert_int_equal(net_addr_parse(SLICE("127.0.0.1"), server_port, &to),
			 0);
	assert_int_equal(stream_connect(&stream, &to), 0);
	assert_int_equal(run_steps(), 0);
	assert_int_equal(stream_security(&stream), STREAM_PLAIN);
	assert_string_equal(stream_tls_version(&stream), "");
}

static int handshake(const struct trust *trust, struct stream_session *session)
{
	connect_plain();
	int err = stream_start_tls(&stream, trust, session, &world_real);
	if (err < 0)
		return err;
	assert_int_equal(stream_security(&stream), STREAM_PLAIN);
	return run_steps();
}

static void end_trust(struct trust *trust)
{
	stream_close(&stream);
	if (trust->bundle_fd >= 0)
		close(trust->bundle_fd);
}

static void write_all(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t put = stream_write(&stream, p, n);

		if (put == -EAGAIN) {
			assert_true(wait_for(false, true));
			continue;
		}
		assert_true(put > 0);
		p += put;
		n -= (size_t)put;
	}
	int err;
	while ((err = stream_flush(&stream)) == -EAGAIN)
		assert_true(wait_for(false, false));
	assert_int_equal(err, 0);
}

static void read_all(char *p, size_t n)
{
	while (n > 0) {
		ssize_t got = stream_read(&stream, p, n);

		if (got == -EAGAIN) {
			assert_true(wait_for(true, false));
			continue;
		}
		assert_true(got > 0);
		p += got;
		n -= (size_t)got;
	}
}

/* The server sends lines back reversed. */
static void talk(void)
{
	char back[6];

	write_all("hello\n", 6);
	read_all(back, 6);
	assert_memory_equal(back, "olleh\n", 6);
}

static void expect_good(const char *name, struct trust trust)
{
	start_server(name, "-cipher DEFAULT@SECLEVEL=0");
	int err = handshake(&trust, NULL);
	if (err < 0)
		print_error("%s: %s\n", name, stream.why);
	assert_int_equal(err, 0);
	assert_int_equal(stream_security(&stream),
			 trust.mode == TRUST_NONE ? STREAM_UNVERIFIED :
						    STREAM_VERIFIED);
	assert_string_equal(stream_tls_version(&stream), "1.2");
	assert_false(stream_tls_resumed(&stream));
	talk();
	end_trust(&trust);
}

static void expect_bad(const char *name, struct trust trust, int want,
		       const char *why)
{
	start_server(name, "-cipher DEFAULT@SECLEVEL=0");
	int err = handshake(&trust, NULL);
	assert_string_equal(stream.why, why);
	assert_int_equal(err, want);
	/* and it stays so: nothing can be sent over it */
	assert_int_equal(stream_security(&stream), STREAM_PLAIN);
	assert_true(stream_write(&stream, "x", 1) < 0);
	end_trust(&trust);
}

/* ---- certificates that are good ----------------------------------------- */

static void good_chains(void **state)
{
	(void)state;
	expect_good("rsa", verify("bundle.pem"));
	expect_good("ec", verify("bundle.pem"));
	expect_good("rsa", verify("rsa-root.pem"));
	/* the root last in the bundle, without an end of line; CRLF; labels */
	expect_good("ec", verify("last.pem"));
	expect_good("ec", verify("crlf.pem"));
	expect_good("ec", verify("odd.pem"));
	expect_good("rsa", verify("odd.pem"));
	/* after rubbish; the fourth of one name */
	expect_good("ec", verify("broken.pem"));
	expect_good("ec", verify("four.pem"));
}

static void names(void **state)
{
	struct trust t = verify("ec-root.pem");

	(void)state;
	t.name = "SMTP.Example.COM.";
	expect_good("ec", t);
	t = verify("ec-root.pem");
	expect_good("wild", t);
	t = verify("ec-root.pem");
	t.name = "a.smtp.example.com";
	expect_bad("wild", t, -EKEYREJECTED,
		   "certificate is for another name (wanted "
		   "a.smtp.example.com) (TLS error 56)");
	t = verify("ec-root.pem");
	t.name = "example.com";
	expect_bad("wild", t, -EKEYREJECTED,
		   "certificate is for another name (wanted example.com) "
		   "(TLS error 56)");
	/* RFC 6125 6.4.3, 7.2 */
	t = verify("ec-root.pem");
	t.name = "example.com";
	expect_bad("starcom", t, -EKEYREJECTED,
		   "certificate is for another name (wanted example.com) "
		   "(TLS error 56)");
}

static void self_signed(void **state)
{
	struct trust t = verify("self.pem");

	(void)state;
	/* in the bundle themselves: what a LAN has */
	expect_good("self", t);
	expect_good("self", verify("bundle.pem"));
	expect_good("selfca", verify("selfca.pem"));
	expect_bad("self", verify("ec-root.pem"), -EKEYREJECTED,
		   "no trust anchor in ec-root.pem for this certificate "
		   "(TLS error 62)");
	expect_bad("selfca", verify("bundle.pem"), -EKEYREJECTED,
		   "no trust anchor in bundle.pem for this certificate "
		   "(TLS error 62)");
	t = verify("self.pem");
	t.name = "other.example.com";
	expect_bad("self", t, -EKEYREJECTED,
		   "certificate is for another name (wanted "
		   "other.example.com) (TLS error 56)");
	t = verify("self.pem");
	t.now_s += 31 * DAY;
	expect_bad("self", t, -EKEYEXPIRED,
		   "certificate has expired (TLS error 54)");
}

/* ---- certificates that are not ------------------------------------------ */

static void bad_names(void **state)
{
	static const char *const leaves[] = { "wrong", "cnonly", "ipsan",
					      "part" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(leaves); i++)
		expect_bad(leaves[i], verify("ec-root.pem"), -EKEYREJECTED,
			   "certificate is for another name (wanted "
			   "smtp.example.com) (TLS error 56)");
}

static void bad_chains(void **state)
{
	struct trust t;

	(void)state;
	expect_bad("lost", verify("bundle.pem"), -EKEYREJECTED,
		   "no trust anchor in bundle.pem for this certificate "
		   "(TLS error 62)");
	expect_bad("ec", verify("empty.pem"), -EKEYREJECTED,
		   "no trust anchor in empty.pem for this certificate "
		   "(TLS error 62)");
	/* the same name, another key; the fifth of one name */
	expect_bad("ec", verify("twin-root.pem"), -EKEYREJECTED,
		   "no trust anchor in twin-root.pem for this certificate "
		   "(TLS error 62)");
	expect_bad("ec", verify("five.pem"), -EKEYREJECTED,
		   "no trust anchor in five.pem for this certificate "
		   "(TLS error 62)");
	expect_bad("weak", verify("ec-root.pem"), -EKEYREJECTED,
		   "certificate has a key too short (TLS error 60)");
	expect_bad("critical", verify("ec-root.pem"), -EKEYREJECTED,
		   "certificate has a critical extension that is not "
		   "supported (TLS error 57)");
	expect_bad("noca", verify("ec-root.pem"), -EKEYREJECTED,
		   "certificate was issued by one that is no CA "
		   "(TLS error 58)");
	expect_bad("order", verify("bundle.pem"), -EKEYREJECTED,
		   "certificate chain is out of order (TLS error 55)");
	expect_bad("sha1", verify("ec-root.pem"), -EKEYREJECTED,
		   "certificate uses an algorithm that is not supported "
		   "(TLS error 49)");
	t = verify("ec-root.pem");
	close(t.bundle_fd);
	t.bundle_fd = -1;
	t.bundle_name = "/etc/no-such-bundle.pem";
	expect_bad("ec", t, -EKEYREJECTED,
		   "cannot read /etc/no-such-bundle.pem: system error 9 "
		   "(TLS error 1001)");
}

static struct trust verify_at(const char *bundle, int64_t days, bool floor)
{
	struct trust t = verify(bundle);

	t.now_s += days * DAY;
	t.floor = floor;
	return t;
}

/* DESIGN.md 3.4; STANDARDS.md section 3: the matrix of clocks. */
static void dates(void **state)
{
	struct trust t = verify_at("ec-root.pem", 31, false);

	(void)state;
	expect_bad("ec", t, -EKEYEXPIRED,
		   "certificate has expired (TLS error 54)");
	expect_bad("ec", verify_at("ec-root.pem", -2, false), -EKEYEXPIRED,
		   "certificate is not valid yet (TLS error 54)");
	expect_good("ec", verify_at("ec-root.pem", 29, false));
	/* a clock that is only a lower bound */
	expect_good("ec", verify_at("ec-root.pem", -2, true));
	expect_good("rsa", verify_at("bundle.pem", -2, true));
	t = verify("ec-root.pem");
	t.now_s = 0;
	t.floor = true;
	expect_good("ec", t);
	expect_bad("ec", verify_at("ec-root.pem", 31, true), -EKEYEXPIRED,
		   "certificate has expired (TLS error 54)");
	t = verify("ec-root.pem");
	t.now_s = 0;
	expect_bad("ec", t, -EKEYEXPIRED,
		   "certificate is not valid yet (TLS error 54)");
	/* the anchor itself */
	expect_good("old", verify("bundle.pem"));
	expect_bad("old", verify_at("bundle.pem", 20, false), -EKEYREJECTED,
		   "trust anchor is out of date in bundle.pem "
		   "(TLS error 62)");
}

/* ---- pins --------------------------------------------------------------- */

static void good_pins(void **state)
{
	struct trust t;

	(void)state;
	expect_good("ec", pin("smtp.example.com", "ec"));
	expect_good("rsa", pin("smtp.example.com", "rsa"));
	/* the peer's own key: neither name nor dates matter */
	expect_good("ec", pin(NULL, "ec"));
	expect_good("wrong", pin("smtp.example.com", "wrong"));
	expect_good("self", pin(NULL, "self"));
	t = pin(NULL, "ec");
	t.now_s = 0;
	expect_good("ec", t);
	t.now_s = today + 4000L * DAY;
	expect_good("ec", t);
	/* an issuer's, with the name; the second of two */
	expect_good("ec", pin("smtp.example.com", "ec-int"));
	t = pin("smtp.example.com", "rsa");
	load_pin(1, "ec");
	t.pins = 2;
	expect_good("ec", t);
	/* with pins, verify means pin */
	t = pin(NULL, "ec");
	t.mode = TRUST_VERIFY;
	expect_good("ec", t);
}

static void bad_pins(void **state)
{
	static const char none[] =
		"no pin fits the peer's certificates (TLS error 1000)";
	struct trust t;

	(void)state;
	expect_bad("ec", pin("smtp.example.com", "rsa"), -EKEYREJECTED, none);
	expect_bad("rsa", pin(NULL, "ec"), -EKEYREJECTED, none);
	/* an issuer says nothing without a name */
	expect_bad("ec", pin(NULL, "ec-int"), -EKEYREJECTED, none);
	expect_bad("wrong", pin("smtp.example.com", "ec-int"), -EKEYREJECTED,
		   "certificate is for another name (wanted "
		   "smtp.example.com) (TLS error 56)");
	/* the pinned issuer stands in the chain, but did not issue this */
	expect_bad("order", pin("smtp.example.com", "ec-int"), -EKEYREJECTED,
		   none);
	t = pin("smtp.example.com", "ec-int");
	t.now_s += 31 * DAY;
	expect_bad("ec", t, -EKEYREJECTED, none);
}

/* Rules that can prove nothing: no byte is sent. */
static void empty_rules(void **state)
{
	struct trust t = verify("ec-root.pem");

	(void)state;
	start_server("ec", "");
	t.name = NULL;
	assert_int_equal(handshake(&t, NULL), -EKEYREJECTED);
	assert_string_equal(stream.why, "TLS to an address needs pin=");
	end_trust(&t);
	t = pin("smtp.example.com", "ec");
	t.pins = 0;
	assert_int_equal(handshake(&t, NULL), -EKEYREJECTED);
	assert_string_equal(stream.why, "no pin is given");
	end_trust(&t);
}

static void no_trust(void **state)
{
	struct trust t = { .mode = TRUST_NONE, .bundle_fd = -1 };

	(void)state;
	expect_good("self", t);
	expect_good("weak", t);
	t.name = "any.example.com";
	expect_good("rsa", t);
	expect_good("critical", t);
}

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

static void expect_plain(const char *bytes, size_t n, int want,
			 const char *why)
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
	assert_int_equal(stream_security(&stream), t->mode == TRUST_NONE ?
							   STREAM_UNVERIFIED :
							   STREAM_VERIFIED);
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

/* ---- */

static int make_dir(void **state)
{
	char command[128];

	(void)state;
	today = time(NULL) + 3600;
	if (!mkdtemp(dir))
		return -1;
	snprintf(command, sizeof(command), "tests/system/net_certs.sh %s",
		 dir);
	return system(command) == 0 ? 0 : -1;
}

static int remove_dir(void **state)
{
	char command[128];

	(void)state;
	stop_server();
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) == 0 ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_chains),
		cmocka_unit_test(names),
		cmocka_unit_test(self_signed),
		cmocka_unit_test(bad_names),
		cmocka_unit_test(bad_chains),
		cmocka_unit_test(dates),
		cmocka_unit_test(good_pins),
		cmocka_unit_test(bad_pins),
		cmocka_unit_test(empty_rules),
		cmocka_unit_test(no_trust),
		cmocka_unit_test(versions),
		cmocka_unit_test(no_tls_servers),
		cmocka_unit_test(stall),
		cmocka_unit_test(refused),
		cmocka_unit_test(resumption),
		cmocka_unit_test(much),
		cmocka_unit_test(buffered),
		cmocka_unit_test(ends),
		cmocka_unit_test(states),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
