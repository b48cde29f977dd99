/* SPDX-License-Identifier: ISC */
/*
 * net/net_posix.c - net_real: the machine's sockets (see net/net.h).
 *
 * The only file of net/ that knows struct sockaddr.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/world.h"
#include "net/net.h"

/* Connections the kernel may queue for us. */
#define BACKLOG 64

union sock_addr {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un un;
};

static socklen_t to_sockaddr(const struct net_addr *a, union sock_addr *sa)
{
	memset(sa, 0, sizeof(*sa));
	if (net_addr_is_v4(a)) {
		sa->v4.sin_family = AF_INET;
		sa->v4.sin_port = htons(a->port);
		memcpy(&sa->v4.sin_addr, a->ip + 12, 4);
		return sizeof(sa->v4);
	}
	sa->v6.sin6_family = AF_INET6;
	sa->v6.sin6_port = htons(a->port);
	sa->v6.sin6_scope_id = a->scope;
	memcpy(&sa->v6.sin6_addr, a->ip, 16);
	return sizeof(sa->v6);
}

static void from_sockaddr(const union sock_addr *sa, struct net_addr *a)
{
	memset(a, 0, sizeof(*a));
	if (sa->any.sa_family == AF_INET) {
		a->ip[10] = 0xff;
		a->ip[11] = 0xff;
		memcpy(a->ip + 12, &sa->v4.sin_addr, 4);
		a->port = ntohs(sa->v4.sin_port);
	} else if (sa->any.sa_family == AF_INET6) {
		memcpy(a->ip, &sa->v6.sin6_addr, 16);
		a->port = ntohs(sa->v6.sin6_port);
		a->scope = sa->v6.sin6_scope_id;
	}
}

static int to_sockaddr_un(const char *path, union sock_addr *sa)
{
	size_t n = strlen(path);

	if (n == 0)
		return -EINVAL;
	if (n >= sizeof(sa->un.sun_path))
		return -ENAMETOOLONG;
	memset(sa, 0, sizeof(*sa));
	sa->un.sun_family = AF_UNIX;
	memcpy(sa->un.sun_path, path, n);
	return 0;
}

static int open_socket(int family, int type)
{
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

/* Without it a handshake waits for delayed acknowledgements, 40 ms each. */
static void set_nodelay(int fd)
{
	const int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* Close fd and hand on the error. */
static int drop(int fd, int err)
{
	close(fd);
	return err;
}

static int begin_connect(int type, const struct net_addr *to)
{
	union sock_addr sa;
	socklen_t len = to_sockaddr(to, &sa);

	int fd = open_socket(sa.any.sa_family, type);
	if (fd < 0)
		return fd;
	if (type == SOCK_STREAM)
		set_nodelay(fd);
	if (connect(fd, &sa.any, len) < 0 && errno != EINPROGRESS)
		return drop(fd, -errno);
	return fd;
}

static int real_connect_tcp(void *ctx, const struct net_addr *to)
{
	(void)ctx;
	return begin_connect(SOCK_STREAM, to);
}

static int real_connect_udp(void *ctx, const struct net_addr *to)
{
	(void)ctx;
	return begin_connect(SOCK_DGRAM, to);
}

static int real_connect_unix(void *ctx, const char *path)
{
	union sock_addr sa;

	(void)ctx;
	int err = to_sockaddr_un(path, &sa);
	if (err < 0)
		return err;
	int fd = open_socket(AF_UNIX, SOCK_STREAM);
	if (fd < 0)
		return fd;
	if (connect(fd, &sa.any, sizeof(sa.un)) < 0)
		return drop(fd, -errno);
	return fd;
}

static int real_connected(void *ctx, int fd)
{
	int err = 0;
	socklen_t len = sizeof(err);
	union sock_addr sa;
	socklen_t sa_len = sizeof(sa);

	(void)ctx;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		return -errno;
	if (err != 0)
		return -err;
	if (getpeername(fd, &sa.any, &sa_len) < 0)
		return errno == ENOTCONN ? -EAGAIN : -errno;
	return 0;
}

static int real_local_addr(void *ctx, int fd, struct net_addr *out)
{
	union sock_addr sa = { .any = { .sa_family = AF_UNSPEC } };
	socklen_t len = sizeof(sa);

	(void)ctx;
	if (getsockname(fd, &sa.any, &len) < 0)
		return -errno;
	if (sa.any.sa_family != AF_INET && sa.any.sa_family != AF_INET6)
		return -EAFNOSUPPORT;
	from_sockaddr(&sa, out);
	return 0;
}

static int real_listen_tcp(void *ctx, const struct net_addr *at)
{
	const int on = 1;
	union sock_addr sa;
	socklen_t len = to_sockaddr(at, &sa);

	(void)ctx;
	int fd = open_socket(sa.any.sa_family, SOCK_STREAM);
	if (fd < 0)
		return fd;
	/* [::] shall not take the IPv4 port with it */
	if (sa.any.sa_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return drop(fd, -errno);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, &sa.any, len) < 0 || listen(fd, BACKLOG) < 0)
		return drop(fd, -errno);
	return fd;
}

/* Remove a socket file nobody listens on.  0, or -EADDRINUSE. */
static int remove_stale(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EADDRINUSE;
	int fd = real_connect_unix(NULL, path);
	if (fd >= 0)
		return drop(fd, -EADDRINUSE);
	if (fd != -ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

static int real_listen_unix(void *ctx, const char *path, unsigned mode)
{
	union sock_addr sa;

	(void)ctx;
	int err = to_sockaddr_un(path, &sa);
	if (err == 0)
		err = remove_stale(path);
	if (err < 0)
		return err;
	int fd = open_socket(AF_UNIX, SOCK_STREAM);
	if (fd < 0)
		return fd;
	/* The file has its mode from the first moment on. */
	mode_t old = umask(~(mode_t)mode & 0777);
	if (bind(fd, &sa.any, sizeof(sa.un)) < 0)
		err = -errno;
	umask(old);
	if (err == 0 && listen(fd, BACKLOG) < 0)
		err = -errno;
	return err < 0 ? drop(fd, err) : fd;
}

/* accept(2): what went wrong with one connection is not the listener's. */
static bool is_of_connection(int err)
{
	return err == EINTR || err == ECONNABORTED || err == ENETDOWN ||
	       err == EPROTO || err == ENOPROTOOPT || err == EHOSTDOWN ||
	       err == ENONET || err == EHOSTUNREACH || err == EOPNOTSUPP ||
	       err == ENETUNREACH;
}

static int real_accept(void *ctx, int fd, struct net_peer *peer)
{
	union sock_addr sa;
	struct ucred cred;
	socklen_t len;
	int got;

	(void)ctx;
	do {
		len = sizeof(sa);
		memset(&sa, 0, sizeof(sa));
		got = accept4(fd, &sa.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	} while (got < 0 && is_of_connection(errno));
	if (got < 0)
		return -errno;
	memset(peer, 0, sizeof(*peer));
	if (sa.any.sa_family != AF_UNIX) {
		set_nodelay(got);
		from_sockaddr(&sa, &peer->addr);
		return got;
	}
	len = sizeof(cred);
	if (getsockopt(got, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return drop(got, -errno);
	peer->local = true;
	peer->uid = cred.uid;
	peer->gid = cred.gid;
	return got;
}

static ssize_t real_read(void *ctx, int fd, void *p, size_t n)
{
	ssize_t got;

	(void)ctx;
	do
		got = recv(fd, p, n, 0);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

static ssize_t real_write(void *ctx, int fd, const void *p, size_t n)
{
	ssize_t put;

	(void)ctx;
	do
		put = send(fd, p, n, MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	return put < 0 ? -errno : put;
}

static void real_close(void *ctx, int fd)
{
	(void)ctx;
	close(fd);
}

/* The time left until until_ms of CLOCK_BOOTTIME; NULL: for ever. */
static struct timespec *time_left(int64_t until_ms, struct timespec *ts)
{
	if (until_ms == INT64_MAX)
		return NULL;
	int64_t left_ms = until_ms - world_real_boot_ms();
	if (left_ms < 0)
		left_ms = 0;
	if (left_ms > INT32_MAX)
		left_ms = INT32_MAX;
	ts->tv_sec = (time_t)(left_ms / 1000);
	ts->tv_nsec = (long)(left_ms % 1000) * 1000000;
	return ts;
}

static short to_poll(uint8_t want)
{
	return (short)((want & NET_IN ? POLLIN : 0) |
		       (want & NET_OUT ? POLLOUT : 0));
}

static uint8_t from_poll(short got)
{
	return (uint8_t)((got & (POLLIN | POLLHUP) ? NET_IN : 0) |
			 (got & POLLOUT ? NET_OUT : 0) |
			 (got & (POLLERR | POLLNVAL | POLLHUP) ? NET_ERR : 0));
}

static int real_wait(void *ctx, struct net_wait *set, size_t n,
		     int64_t until_ms)
{
	static struct pollfd fds[NET_MAX_WAIT];
	struct timespec ts;
	sigset_t none;

	(void)ctx;
	if (n > ARRAY_LEN(fds))
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		fds[i] = (struct pollfd){ set[i].fd, to_poll(set[i].want), 0 };
		set[i].ready = 0;
	}
	/* Blocked signals come in here and nowhere else: none is missed. */
	sigemptyset(&none);
	int ready = ppoll(fds, n, time_left(until_ms, &ts), &none);
	if (ready < 0)
		return -errno;
	for (size_t i = 0; i < n; i++)
		set[i].ready = from_poll(fds[i].revents);
	return ready;
}

static const struct net_ops real_ops = {
	.connect_tcp = real_connect_tcp,
	.connect_unix = ENABLE_DIRECT ? NULL : real_connect_unix,
	.connected = real_connected,
	.local_addr = real_local_addr,
	.listen_tcp = ENABLE_DIRECT ? NULL : real_listen_tcp,
	.listen_unix = ENABLE_DIRECT ? NULL : real_listen_unix,
	.accept = ENABLE_DIRECT ? NULL : real_accept,
	.connect_udp = ENABLE_DNS ? real_connect_udp : NULL,
	.read = real_read,
	.write = real_write,
	.close = real_close,
	.wait = real_wait,
};

const struct net net_real = { &real_ops, NULL };
