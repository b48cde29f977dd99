/* SPDX-License-Identifier: ISC */
/* cmd/stdio.c - see cmd/stdio.h. */
#include "cmd/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/memory.h"
#include "cmd/cmd.h"
#include "cmd/local.h"
#include "net/net.h"
#include "relay/relay.h"

/* One direction.  A pipe that is ready takes 4096 bytes without blocking. */
struct flow {
	int from, to;     /* descriptors */
	bool over;        /* from has ended */
	size_t len, at;   /* bytes of space, and of those that were written */
	char space[2048]; /* on their way */
};

/* Both. */
struct stdio {
	int fd; /* the socket */
	struct flow in, out;
};

static struct net_wait flow_wants(const struct flow *f)
{
	if (f->at < f->len)
		return (struct net_wait){ .fd = f->to, .want = NET_OUT };
	return (struct net_wait){ .fd = f->over ? -1 : f->from,
				  .want = NET_IN };
}

/* It can be done without waiting.  0 or -errno. */
static int flow_move(struct flow *f)
{
	ssize_t n;

	if (f->at < f->len) {
		n = write(f->to, f->space + f->at, f->len - f->at);
		f->at += n > 0 ? (size_t)n : 0;
		return n < 0 && errno != EAGAIN && errno != EINTR ? -errno : 0;
	}
	n = read(f->from, f->space, sizeof(f->space));
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	f->over = n == 0;
	f->len = (size_t)n;
	f->at = 0;
	return 0;
}

/* What the client still wants to say is of no use to a session that ended. */
static int move_in(struct stdio *io)
{
	bool before = io->in.over;
	int err = flow_move(&io->in);

	if (err == -EPIPE || err == -ECONNRESET) {
		io->in.over = true;
		io->in.at = io->in.len;
		err = 0;
	}
	if (io->in.over && !before)
		shutdown(io->fd, SHUT_WR);
	return err;
}

int stdio_turn(struct stdio *io, struct relay *r)
{
	struct net_wait set[2 + RELAY_MAX_WAITS];
	int64_t until_ms = INT64_MAX;
	size_t n = r ? relay_wants(r, set + 2, &until_ms) : 0;
	int err = 0;

	set[0] = flow_wants(&io->in);
	set[1] = flow_wants(&io->out);
	int got = net_real.ops->wait(net_real.ctx, set, n + 2, until_ms);
	if (got > 0 && set[0].ready)
		err = move_in(io);
	if (got > 0 && set[1].ready && err == 0)
		err = flow_move(&io->out);
	if (r)
		relay_turn(r, set + 2, got > 0 ? n : 0);
	return err < 0 ? err : !io->out.over;
}

static int run_with_daemon(struct stdio *io)
{
	int err;

	while ((err = stdio_turn(io, NULL)) > 0)
		;
	return err < 0 ? EXIT_IO : EXIT_DONE;
}

static int run_alone(struct stdio *io, const struct conf *c,
		     const struct identity *id)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       pair) < 0)
		return stdio_refuse(EXIT_SYSTEM);
	io->fd = io->in.to = io->out.from = pair[0];
	return alone_session(c, id, pair[1], io);
}

int stdio_refuse(int code)
{
	cmd_out("421 4.3.2 no service now\r\n");
	return cmd_end(code);
}

int stdio_run(const struct conf *c, const struct identity *id)
{
	/* from standard input, which is 0 */
	static MEMORY_LARGE struct stdio io;
	int fd = ENABLE_DAEMON ? local_connect(c->socket) : -ENOENT;

	io.out.to = STDOUT_FILENO;
	if (fd == -ENOENT)
		return run_alone(&io, c, id);
	if (fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0) {
		io.fd = io.in.to = io.out.from = fd;
		return run_with_daemon(&io);
	}
	cmd_err("%s: %s", c->socket.p,
		fd == -EACCES ? "not allowed" : "the daemon cannot be reached");
	return stdio_refuse(fd == -EACCES ? EXIT_DENIED : EXIT_AGAIN);
}
