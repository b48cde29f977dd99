/* SPDX-License-Identifier: ISC */
/*
 * net/stream.h - a byte stream to a peer: TCP or a unix socket, plain or TLS.
 *
 * Nobody above net/ asks "is this TLS?": stream_security() says how far the
 * peer can be trusted.  Non-blocking: -EAGAIN means wait for what
 * stream_wants() says, then call again.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "base/world.h"
#include "net/net.h"
#include "net/trust.h"

/* Bytes of the reason of a failure, its NUL included. */
#define STREAM_MAX_WHY 120

/* How far the peer can be trusted. */
enum stream_security {
	STREAM_PLAIN,      /* anybody may read and change it */
	STREAM_UNVERIFIED, /* encrypted, to whom is not known */
	STREAM_VERIFIED    /* encrypted, to the peer the trust asked for */
};

struct tls; /* the TLS state of one stream, net/tls.h */

/* A session that can be resumed: kept by the owner for each hop. */
struct stream_session {
	bool valid;       /* data is set */
	uint8_t data[96]; /* secret: wipe when forgotten */
};

/* A stream; fields are its own. */
struct stream {
	const struct net *net;    /* its sockets */
	int fd;                   /* -1: closed */
	struct tls *tls;          /* NULL: plain */
	bool connecting;          /* stream_step() has not seen it up */
	bool own_tls;             /* tls was taken from the pool */
	char why[STREAM_MAX_WHY]; /* public: the last failure, in words */
};

/* A closed stream. */
void stream_init(struct stream *s, const struct net *net);

/* Begin to connect.  0 (under way), or -errno with why filled. */
must_check int stream_connect(struct stream *s, const struct net_addr *to);
must_check int stream_connect_unix(struct stream *s, const char *path);

/* Use a descriptor that is connected already (accepted). */
void stream_adopt(struct stream *s, int fd);

/*
 * Go on with connecting or the handshake.
 * Returns: 0 it is up;  -EAGAIN;  -errno with why filled ("connection
 *          refused", "certificate has expired", ...).  -EKEYEXPIRED and
 *          -EKEYREJECTED: the certificate's dates, anything else about it;
 *          -EPROTO: no TLS that we speak
 */
must_check int stream_step(struct stream *s);

/*
 * Start the handshake as client on a connected stream.  Bytes read before are
 * the owner's business (RFC 3207 4.2: there may be none).
 * session: resumed when valid and made under the same mode, name and pins;
 * filled when the handshake has ended; or NULL.  The owner forgets it when the
 * bundle changes.  trust and session live until the handshake has ended.
 * Returns: 0 (under way: stream_step());  -ENOTSUP built without TLS;
 *          -ENOBUFS all TLS states are in use;  -EKEYREJECTED the rules can
 *          prove nothing (no name and no pins);  -errno
 */
must_check int stream_start_tls(struct stream *s, const struct trust *trust,
				struct stream_session *session,
				const struct world *w);

/* Read, write: a count; 0 from read: the peer has closed; -EAGAIN; -errno. */
must_check ssize_t stream_read(struct stream *s, void *p, size_t n);
must_check ssize_t stream_write(struct stream *s, const void *p, size_t n);

/*
 * Push out what the stream still holds back (TLS records).
 * Returns: 0 nothing is left;  -EAGAIN;  -errno
 */
must_check int stream_flush(struct stream *s);

/*
 * NET_ bits to wait for.  reading, writing: what the owner would do next.
 * *now: bytes are there already inside the stream: do not wait.
 */
uint8_t stream_wants(const struct stream *s, bool reading, bool writing,
		     bool *now);

/* How far the peer can be trusted. */
enum stream_security stream_security(const struct stream *s);

/* "1.2" for TLS 1.2, "" for plain; was the session resumed? */
const char *stream_tls_version(const struct stream *s);
bool stream_tls_resumed(const struct stream *s);

/*
 * The peer's own certificate, also after a handshake that failed; NULL: none
 * came, or built without CONFIG_CHECK_LIVE.  Valid until stream_close().
 */
const struct trust_peer *stream_peer(const struct stream *s);

/* Close at once (after stream_flush() for a clean end). */
void stream_close(struct stream *s);

#endif
