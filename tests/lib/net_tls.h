/* SPDX-License-Identifier: ISC */
/*
 * net_tls.h - a stream against openssl's server with the certificates of
 * tests/system/net_certs.sh.  Everything waits for events.
 */
#ifndef TESTS_LIB_NET_TLS_H
#define TESTS_LIB_NET_TLS_H

#include "lib/check.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
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

static inline void stop_server(void)
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
static inline void read_port(void)
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
static inline void start_server(const char *name, const char *more)
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
static inline int start_plain(void)
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

static inline int open_in_dir(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static inline struct trust verify(const char *bundle)
{
	return (struct trust){ .mode = TRUST_VERIFY,
			       .name = "smtp.example.com",
			       .bundle_fd = open_in_dir(bundle),
			       .bundle_name = bundle,
			       .now_s = today };
}

static inline void load_pin(int i, const char *name)
{
	char file[64];

	snprintf(file, sizeof(file), "%s.pin", name);
	int fd = open_in_dir(file);
	assert_int_equal(read(fd, pins[i], 32), 32);
	close(fd);
}

static inline struct trust pin(const char *host, const char *name)
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
static inline bool wait_for(bool reading, bool writing)
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

static inline int run_steps(void)
{
	int err;

	while ((err = stream_step(&stream)) == -EAGAIN)
		assert_true(wait_for(false, false));
	return err;
}

static inline void connect_plain(void)
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

static inline int handshake(const struct trust *trust,
			    struct stream_session *session)
{
	connect_plain();
	int err = stream_start_tls(&stream, trust, session, &world_real);
	if (err < 0)
		return err;
	assert_int_equal(stream_security(&stream), STREAM_PLAIN);
	return run_steps();
}

static inline void end_trust(struct trust *trust)
{
	stream_close(&stream);
	if (trust->bundle_fd >= 0)
		close(trust->bundle_fd);
}

static inline void write_all(const char *p, size_t n)
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

static inline void read_all(char *p, size_t n)
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
static inline void talk(void)
{
	char back[6];

	write_all("hello\n", 6);
	read_all(back, 6);
	assert_memory_equal(back, "olleh\n", 6);
}

static inline void expect_good(const char *name, struct trust trust)
{
	start_server(name, "-cipher DEFAULT@SECLEVEL=0");
	int err = handshake(&trust, NULL);
	if (err < 0)
		print_error("%s: %s\n", name, stream.why);
	assert_int_equal(err, 0);
	assert_int_equal(stream_security(&stream), trust.mode == TRUST_NONE
							   ? STREAM_UNVERIFIED
							   : STREAM_VERIFIED);
	assert_string_equal(stream_tls_version(&stream), "1.2");
	assert_false(stream_tls_resumed(&stream));
	talk();
	end_trust(&trust);
}

static inline void expect_bad(const char *name, struct trust trust, int want,
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

static inline int make_dir(void **state)
{
	char command[128];

	(void)state;
	today = time(NULL) + 3600;
	if (!mkdtemp(dir))
		return -1;
	snprintf(command, sizeof(command), "tests/system/net_certs.sh %s", dir);
	return system(command) == 0 ? 0 : -1;
}

static inline int remove_dir(void **state)
{
	char command[128];

	(void)state;
	stop_server();
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) == 0 ? 0 : -1;
}

#endif
