/* SPDX-License-Identifier: ISC */
/*
 * net/tls.h - TLS 1.2 as client below a stream (RFC 5246).  For stream.c only:
 * nobody else asks whether a stream is one with TLS.
 *
 * The states are static, CONFIG_DELIVERIES of them; memory that is not in use
 * is given back to the kernel.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <errno.h>

#include "net/stream.h"

#if ENABLE_TLS

/*
 * Take a state and begin a handshake on s; see stream_start_tls().  The
 * reason of a failure is appended to why.
 */
must_check int tls_start(struct stream *s, const struct trust *trust,
			 struct stream_session *session, const struct world *w,
			 struct buf *why);

/* Go on with the handshake, as stream_step(). */
must_check int tls_step(struct stream *s, struct buf *why);

/* As stream_read(), stream_write(), stream_flush(). */
must_check ssize_t tls_read(struct stream *s, void *p, size_t n,
			    struct buf *why);
must_check ssize_t tls_write(struct stream *s, const void *p, size_t n,
			     struct buf *why);
must_check int tls_flush(struct stream *s, struct buf *why);

/* As stream_wants(). */
uint8_t tls_wants(const struct stream *s, bool reading, bool writing,
		  bool *now);

/* As stream_security() and stream_tls_resumed(). */
enum stream_security tls_security(const struct stream *s);
bool tls_resumed(const struct stream *s);

/* As stream_peer(). */
const struct trust_peer *tls_peer(const struct stream *s);

/* Say goodbye if there is room for it, wipe the state and give it back. */
void tls_end(struct stream *s);

#else

/* Fails with -ENOTSUP: no stream ever has a state. */
static inline int tls_start(struct stream *s, const struct trust *trust,
			    struct stream_session *session,
			    const struct world *w, struct buf *why)
{
	(void)s;
	(void)trust;
	(void)session;
	(void)w;
	buf_put_str(why, "built without TLS");
	return -ENOTSUP;
}

/* Never reached. */
static inline int tls_step(struct stream *s, struct buf *why)
{
	(void)s;
	(void)why;
	return -ENOTSUP;
}

/* Never reached. */
static inline ssize_t tls_read(struct stream *s, void *p, size_t n,
			       struct buf *why)
{
	(void)s;
	(void)p;
	(void)n;
	(void)why;
	return -ENOTSUP;
}

/* Never reached. */
static inline ssize_t tls_write(struct stream *s, const void *p, size_t n,
				struct buf *why)
{
	(void)s;
	(void)p;
	(void)n;
	(void)why;
	return -ENOTSUP;
}

/* Never reached. */
static inline int tls_flush(struct stream *s, struct buf *why)
{
	(void)s;
	(void)why;
	return -ENOTSUP;
}

/* Never reached. */
static inline uint8_t tls_wants(const struct stream *s, bool reading,
				bool writing, bool *now)
{
	(void)s;
	(void)reading;
	(void)writing;
	(void)now;
	return 0;
}

/* Never reached. */
static inline enum stream_security tls_security(const struct stream *s)
{
	(void)s;
	return STREAM_PLAIN;
}

/* Never reached. */
static inline bool tls_resumed(const struct stream *s)
{
	(void)s;
	return false;
}

/* Never reached. */
static inline const struct trust_peer *tls_peer(const struct stream *s)
{
	(void)s;
	return NULL;
}

/* Never reached. */
static inline void tls_end(struct stream *s)
{
	(void)s;
}

#endif /* ENABLE_TLS */

#endif
