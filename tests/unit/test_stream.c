/* SPDX-License-Identifier: ISC */
/* Plain streams and the machine's sockets: net/stream.h, net/net.h. */
#include "lib/check.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/world.h"
#include "net/stream.h"

static const struct net_ops *ops;
static char dir[] = "/tmp/test_stream_XXXXXX";
static char path[64];

static int64_t soon(void)
{
	return world_boot_ms(&world_real) + 10000;
}

static bool ready(int fd, uint8_t want)
{
	struct net_wait w = { fd, want, 0 };

	return ops->wait(NULL, &w, 1, soon()) == 1 && (w.ready & want);
}

static struct net_addr address(const char *text, uint16_t port)
{
	struct net_addr a;

	assert_int_equal(net_addr_parse(slice_str(text), port, &a), 0);
	return a;
}

static int option(int fd, int level, int name)
{
	int v = -1;
	socklen_t len = sizeof(v);

	assert_int_equal(getsockopt(fd, level, name, &v, &len), 0);
	return v;
}

static void connect_to(struct stream *s, const struct net_addr *to)
{
	int err;

	stream_init(s, &net_real);
	assert_int_equal(stream_connect(s, to), 0);
	while ((err = stream_step(s)) == -EAGAIN)
		assert_true(ready(s->fd, NET_OUT));
	assert_int_equal(err, 0);
}

/* A byte there and back, and the end of it. */
static void talk(struct stream *a, struct stream *b)
{
	char c = 0;
	bool now;

	assert_int_equal(stream_read(b, &c, 1), -EAGAIN);
	assert_int_equal(stream_wants(b, true, false, &now), NET_IN);
	assert_int_equal(stream_wants(b, false, true, &now), NET_OUT);
	assert_int_equal(stream_wants(b, true, true, &now), NET_IN | NET_OUT);
	assert_int_equal(stream_wants(b, false, false, &now), 0);
	assert_false(now);
	assert_int_equal(stream_write(a, "x", 1), 1);
	assert_int_equal(stream_flush(a), 0);
	assert_true(ready(b->fd, NET_IN));
	assert_int_equal(stream_read(b, &c, 1), 1);
	assert_int_equal(c, 'x');
	assert_int_equal(stream_security(a), STREAM_PLAIN);
	assert_string_equal(stream_tls_version(a), "");
	assert_false(stream_tls_resumed(a));
	stream_close(a);
	assert_true(ready(b->fd, NET_IN));
	assert_int_equal(stream_read(b, &c, 1), 0);
	stream_close(b);
}

static void by_tcp(const char *host)
{
	struct net_addr at = address(host, 0), from;
	struct net_peer peer;
	struct stream a, b;
	int fd = ops->listen_tcp(NULL, &at);

	assert_true(fd >= 0);
	assert_int_equal(ops->accept(NULL, fd, &peer), -EAGAIN);
	assert_int_equal(ops->local_addr(NULL, fd, &at), 0);
	assert_true(at.port > 0);
	connect_to(&a, &at);
	assert_true(ready(fd, NET_IN));
	int got = ops->accept(NULL, fd, &peer);
	assert_true(got >= 0);
	assert_false(peer.local);
	assert_int_equal(ops->local_addr(NULL, a.fd, &from), 0);
	assert_memory_equal(peer.addr.ip, from.ip, 16);
	assert_int_equal(peer.addr.port, from.port);
	assert_int_equal(option(got, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(option(a.fd, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_true(fcntl(got, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(got, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(a.fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	stream_init(&b, &net_real);
	stream_adopt(&b, got);
	assert_int_equal(stream_step(&b), 0);
	talk(&a, &b);
	/* taken: somebody listens there */
	assert_int_equal(ops->listen_tcp(NULL, &at), -EADDRINUSE);
	ops->close(NULL, fd);
	/* and free again at once */
	fd = ops->listen_tcp(NULL, &at);
	assert_true(fd >= 0);
	ops->close(NULL, fd);
}

static void tcp(void **state)
{
	(void)state;
	by_tcp("127.0.0.1");
}

/* [::] leaves the IPv4 port alone.  A machine may be without IPv6. */
static void tcp_v6(void **state)
{
	struct net_addr any = address("::", 0);
	int fd = ops->listen_tcp(NULL, &any);

	(void)state;
	if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL)
		skip();
	assert_int_equal(option(fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
	assert_int_equal(ops->local_addr(NULL, fd, &any), 0);
	struct net_addr v4 = address("0.0.0.0", any.port);
	int fd4 = ops->listen_tcp(NULL, &v4);
	assert_true(fd4 >= 0);
	ops->close(NULL, fd4);
	ops->close(NULL, fd);
	by_tcp("::1");
}

static void failures(void **state)
{
	struct net_addr none = address("127.0.0.1", 0);
	struct net_addr far = address("192.0.2.1", 0);
	struct stream s;
	char c;
	int err;

	(void)state;
	int fd = ops->listen_tcp(NULL, &none);
	assert_int_equal(ops->local_addr(NULL, fd, &none), 0);
	ops->close(NULL, fd);
	stream_init(&s, &net_real);
	assert_int_equal(stream_step(&s), -EPIPE);
	err = stream_connect(&s, &none);
	while (err == 0 && (err = stream_step(&s)) == -EAGAIN)
		err = ready(s.fd, NET_OUT) ? 0 : -ETIMEDOUT;
	assert_int_equal(err, -ECONNREFUSED);
	assert_string_equal(s.why, "connection refused");
	stream_close(&s);
	assert_int_equal(stream_read(&s, &c, 1), -EPIPE);
	assert_int_equal(stream_write(&s, &c, 1), -EPIPE);
	assert_int_equal(stream_flush(&s), -EPIPE);
	/* an address that is not ours */
	assert_int_equal(ops->listen_tcp(NULL, &far), -EADDRNOTAVAIL);
	assert_int_equal(stream_connect_unix(&s, "/nonexistent/socket"),
			 -ENOENT);
	assert_string_equal(s.why, "no such file");
	char longest[200];
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(stream_connect_unix(&s, longest), -ENAMETOOLONG);
	assert_string_equal(s.why, "path is too long");
	assert_int_equal(ops->listen_unix(NULL, longest, 0600), -ENAMETOOLONG);
	assert_int_equal(ops->listen_unix(NULL, "", 0600), -EINVAL);
}

static void unix_socket(void **state)
{
	struct net_peer peer;
	struct stream a, b;
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/socket", dir);
	mode_t old = umask(022);
	int fd = ops->listen_unix(NULL, path, 0666);
	assert_true(fd >= 0);
	assert_int_equal(umask(old), 022);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	stream_init(&a, &net_real);
	assert_int_equal(stream_connect_unix(&a, path), 0);
	assert_int_equal(stream_step(&a), 0);
	assert_true(ready(fd, NET_IN));
	int got = ops->accept(NULL, fd, &peer);
	assert_true(got >= 0);
	assert_true(peer.local);
	assert_int_equal(peer.uid, geteuid());
	assert_int_equal(peer.gid, getegid());
	struct net_addr none;
	assert_int_equal(ops->local_addr(NULL, got, &none), -EAFNOSUPPORT);
	stream_init(&b, &net_real);
	stream_adopt(&b, got);
	talk(&a, &b);
	/* somebody lives there */
	assert_int_equal(ops->listen_unix(NULL, path, 0666), -EADDRINUSE);
	ops->close(NULL, fd);
	/* nobody does: the file is replaced, with the mode of now */
	fd = ops->listen_unix(NULL, path, 0660);
	assert_true(fd >= 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	ops->close(NULL, fd);
	assert_int_equal(unlink(path), 0);
	/* what is no socket is not touched */
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(ops->listen_unix(NULL, path, 0660), -EADDRINUSE);
	assert_int_equal(unlink(path), 0);
}

/* A peer that went away is an error, not a signal. */
static void no_sigpipe(void **state)
{
	struct stream s;
	int ends[2];
	ssize_t err = 0;

	(void)state;
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	stream_init(&s, &net_real);
	stream_adopt(&s, ends[0]);
	close(ends[1]);
	for (int i = 0; i < 2 && err >= 0; i++)
		err = stream_write(&s, "x", 1);
	assert_int_equal(err, -EPIPE);
	assert_string_equal(s.why, "connection closed by peer");
	stream_close(&s);
}

static volatile sig_atomic_t signals;

static void note_signal(int number)
{
	(void)number;
	signals++;
}

static void waits(void **state)
{
	struct net_wait set[NET_MAX_WAIT + 1];
	struct sigaction act = { .sa_handler = note_signal }, old;
	sigset_t block, before;
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	for (size_t i = 0; i < ARRAY_LEN(set); i++)
		set[i] = (struct net_wait){ ends[0], NET_IN, NET_ERR };
	/* the past, and a deadline of a moment */
	assert_int_equal(ops->wait(NULL, set, 1, 0), 0);
	assert_int_equal(set[0].ready, 0);
	int64_t until = world_boot_ms(&world_real) + 20;
	assert_int_equal(ops->wait(NULL, set, 1, until), 0);
	assert_true(world_boot_ms(&world_real) >= until);
	/* as many as there may be, and one more */
	assert_int_equal(ops->wait(NULL, set, NET_MAX_WAIT, 0), 0);
	assert_int_equal(ops->wait(NULL, set, NET_MAX_WAIT + 1, 0), -EINVAL);
	assert_int_equal(write(ends[1], "x", 1), 1);
	set[1].want = NET_OUT;
	set[2].fd = -1;
	assert_int_equal(ops->wait(NULL, set, 3, INT64_MAX), 2);
	assert_int_equal(set[0].ready, NET_IN);
	assert_int_equal(set[1].ready, NET_OUT);
	assert_int_equal(set[2].ready, 0);
	close(ends[1]);
	set[0].want = 0;
	assert_int_equal(ops->wait(NULL, set, 1, INT64_MAX), 1);
	assert_true(set[0].ready & NET_ERR);
	/* a blocked signal that came before is seen by the wait */
	sigemptyset(&block);
	sigaddset(&block, SIGUSR2);
	sigprocmask(SIG_BLOCK, &block, &before);
	sigaction(SIGUSR2, &act, &old);
	raise(SIGUSR2);
	assert_int_equal(signals, 0);
	assert_int_equal(ops->wait(NULL, set, 0, INT64_MAX), -EINTR);
	assert_int_equal(signals, 1);
	sigaction(SIGUSR2, &old, NULL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(ends[0]);
}

static int set_up(void **state)
{
	(void)state;
	ops = net_real.ops;
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp),        cmocka_unit_test(tcp_v6),
		cmocka_unit_test(failures),   cmocka_unit_test(unix_socket),
		cmocka_unit_test(no_sigpipe), cmocka_unit_test(waits),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
