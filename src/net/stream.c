/* SPDX-License-Identifier: ISC */
/*
 * net/stream.c - see net/stream.h.  Plain bytes are done here, TLS below in
 * tls.h: this is the one file that knows both.
 */
#include "net/stream.h"

#include <errno.h>
#include <string.h>

#include "net/net_error.h"
#include "net/tls.h"

static bool has_tls(const struct stream *s)
{
	return ENABLE_TLS && s->tls != NULL;
}

/* A builder of the reason; end_why() ends it. */
static struct buf begin_why(struct stream *s)
{
	return buf_on(s->why, sizeof(s->why) - 1);
}

static void keep_why(struct stream *s, struct buf *why, int err)
{
	if (why->len == 0)
		net_error_put(why, err);
	s->why[why->len] = '\0';
}

/* Keep the reason of a failure; without words those of err.  Gives err. */
static ssize_t end_why(struct stream *s, struct buf *why, ssize_t err)
{
	if (err < 0 && err != -EAGAIN)
		keep_why(s, why, (int)err);
	return err;
}

static int fail(struct stream *s, int err)
{
	struct buf why = begin_why(s);

	keep_why(s, &why, err);
	return err;
}

void stream_init(struct stream *s, const struct net *net)
{
	memset(s, 0, sizeof(*s));
	s->net = net;
	s->fd = -1;
}

/* Take over what net_ops gave: a descriptor or an error. */
static int take_fd(struct stream *s, int fd)
{
	if (fd < 0)
		return fail(s, fd);
	s->fd = fd;
	s->connecting = true;
	return 0;
}

int stream_connect(struct stream *s, const struct net_addr *to)
{
	s->why[0] = '\0';
	return take_fd(s, s->net->ops->connect_tcp(s->net->ctx, to));
}

int stream_connect_unix(struct stream *s, const char *path)
{
	s->why[0] = '\0';
	return take_fd(s, s->net->ops->connect_unix(s->net->ctx, path));
}

void stream_adopt(struct stream *s, int fd)
{
	s->why[0] = '\0';
	s->fd = fd;
	s->connecting = false;
}

int stream_step(struct stream *s)
{
	struct buf why = begin_why(s);

	if (s->fd < 0)
		return fail(s, -EPIPE);
	if (s->connecting) {
		int err = s->net->ops->connected(s->net->ctx, s->fd);
		if (err < 0)
			return (int)end_why(s, &why, err);
		s->connecting = false;
	}
	if (!has_tls(s))
		return 0;
	return (int)end_why(s, &why, tls_step(s, &why));
}

int stream_start_tls(struct stream *s, const struct trust *trust,
		     struct stream_session *session, const struct world *w)
{
	struct buf why = begin_why(s);

	return (int)end_why(s, &why, tls_start(s, trust, session, w, &why));
}

ssize_t stream_read(struct stream *s, void *p, size_t n)
{
	struct buf why = begin_why(s);

	if (s->fd < 0)
		return fail(s, -EPIPE);
	ssize_t got = has_tls(s) ? tls_read(s, p, n, &why)
				 : s->net->ops->read(s->net->ctx, s->fd, p, n);
	return end_why(s, &why, got);
}

ssize_t stream_write(struct stream *s, const void *p, size_t n)
{
	struct buf why = begin_why(s);

	if (s->fd < 0)
		return fail(s, -EPIPE);
	ssize_t put = has_tls(s) ? tls_write(s, p, n, &why)
				 : s->net->ops->write(s->net->ctx, s->fd, p, n);
	return end_why(s, &why, put);
}

int stream_flush(struct stream *s)
{
	struct buf why = begin_why(s);

	if (s->fd < 0)
		return fail(s, -EPIPE);
	if (!has_tls(s))
		return 0;
	return (int)end_why(s, &why, tls_flush(s, &why));
}

uint8_t stream_wants(const struct stream *s, bool reading, bool writing,
		     bool *now)
{
	*now = false;
	if (s->fd < 0)
		return 0;
	if (s->connecting)
		return NET_OUT;
	if (has_tls(s))
		return tls_wants(s, reading, writing, now);
	return (uint8_t)((reading ? NET_IN : 0) | (writing ? NET_OUT : 0));
}

enum stream_security stream_security(const struct stream *s)
{
	return has_tls(s) ? tls_security(s) : STREAM_PLAIN;
}

const char *stream_tls_version(const struct stream *s)
{
	/* there is only this one */
	return stream_security(s) == STREAM_PLAIN ? "" : "1.2";
}

bool stream_tls_resumed(const struct stream *s)
{
	return has_tls(s) && tls_resumed(s);
}

const struct trust_peer *stream_peer(const struct stream *s)
{
	return ENABLE_CHECK_LIVE && has_tls(s) ? tls_peer(s) : NULL;
}

void stream_close(struct stream *s)
{
	if (has_tls(s))
		tls_end(s);
	if (s->fd >= 0)
		s->net->ops->close(s->net->ctx, s->fd);
	s->fd = -1;
	s->connecting = false;
}
