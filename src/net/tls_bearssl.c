/* SPDX-License-Identifier: ISC */
/*
 * net/tls_bearssl.c - see net/tls.h: BearSSL's engine between a socket and a
 * stream.
 *
 * The algorithms are picked one by one, the small constant-time ones; what
 * br_ssl_client_init_full() brings would double the binary and allow TLS 1.0.
 */
#include <string.h>

#include "base/memory.h"
#include "base/secret.h"
#include "net/tls.h"
#include "net/trust_x509.h"

/* A record as long as any peer may send (RFC 5246 6.2.1), its overhead too. */
#define IN_SIZE BR_SSL_BUFSIZE_INPUT

/* Our records hold 2 KiB; 85 is BearSSL's overhead of one. */
#define OUT_SIZE (2048 + 85)

/* log2 of the longest record: then no max_fragment_length is asked for. */
#define NO_FRAGMENT_LIMIT 14

/* Bytes of the digest that ties a session to the rules it was made under. */
#define DIGEST_LEN 8

/* Bytes from the kernel for BearSSL's generator. */
#define SEED_LEN 32

/* The large parts stand last: what is near is cheap to reach. */
struct tls {
	/* NULL after the handshake */
	_Alignas(MEMORY_PAGE) struct stream_session *session;
	enum trust_mode mode;
	uint8_t digest[DIGEST_LEN];
	bool heard;   /* bytes of the peer came */
	bool foreign; /* the first is of no TLS record */
	bool up;      /* the handshake has ended well */
	br_ssl_client_context client;
	struct trust_judge judge;
	uint8_t out[OUT_SIZE];
	uint8_t in[IN_SIZE]; /* touched as far as records are long */
};

static struct tls pool[CONFIG_DELIVERIES];
static bool taken[CONFIG_DELIVERIES];

BUILD_ASSERT(sizeof(br_ssl_session_parameters) + DIGEST_LEN <=
	     sizeof(((struct stream_session *)0)->data));

static struct tls *take(void)
{
	for (size_t i = 0; i < CONFIG_DELIVERIES; i++) {
		if (!taken[i]) {
			taken[i] = true;
			return &pool[i];
		}
	}
	return NULL;
}

/* The pages are zeroed by going back: no secret stays in them. */
static void release(struct tls *t)
{
	memory_give_back(t, sizeof(*t));
	taken[t - pool] = false;
}

/* RFC 9325 4.2: forward secrecy and AEAD only, ChaCha20 for its speed. */
static const uint16_t suites[] = {
	BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
};

static void choose_algorithms(br_ssl_engine_context *eng)
{
	br_ssl_engine_set_versions(eng, BR_TLS12, BR_TLS12);
	br_ssl_engine_set_suites(eng, suites, ARRAY_LEN(suites));
	br_ssl_engine_set_hash(eng, br_sha256_ID, &br_sha256_vtable);
	br_ssl_engine_set_hash(eng, br_sha384_ID, &br_sha384_vtable);
	br_ssl_engine_set_hash(eng, br_sha512_ID, &br_sha512_vtable);
	br_ssl_engine_set_prf_sha256(eng, br_tls12_sha256_prf);
	br_ssl_engine_set_prf_sha384(eng, br_tls12_sha384_prf);
	br_ssl_engine_set_rsavrfy(eng, br_rsa_i31_pkcs1_vrfy);
	br_ssl_engine_set_ec(eng, &br_ec_prime_i31);
	br_ssl_engine_set_ecdsa(eng, br_ecdsa_i31_vrfy_asn1);
	br_ssl_engine_set_gcm(eng, &br_sslrec_in_gcm_vtable,
			      &br_sslrec_out_gcm_vtable);
	br_ssl_engine_set_aes_ctr(eng, &br_aes_ct_ctr_vtable);
	/* the smaller and faster one, each in its place */
	br_ssl_engine_set_ghash(eng, sizeof(size_t) > 4 ? br_ghash_ctmul64
							: br_ghash_ctmul);
	br_ssl_engine_set_chapol(eng, &br_sslrec_in_chapol_vtable,
				 &br_sslrec_out_chapol_vtable);
	br_ssl_engine_set_chacha20(eng, br_chacha20_ct_run);
	br_ssl_engine_set_poly1305(eng, br_poly1305_ctmul_run);
	/* nobody needs it, and attacks have needed it */
	br_ssl_engine_set_all_flags(eng, BR_OPT_NO_RENEGOTIATION);
}

/* From getrandom(), so that no /dev is needed and nothing is opened. */
static void seed(br_ssl_engine_context *eng, const struct world *w)
{
	uint8_t bytes[SEED_LEN];

	w->random(w->ctx, bytes, sizeof(bytes));
	br_ssl_engine_inject_entropy(eng, bytes, sizeof(bytes));
	eng->rng_os_rand_done = 1;
	secret_wipe(bytes, sizeof(bytes));
}

/* What a session proves: only the same rules may resume it. */
static void digest_rules(const struct trust *trust,
			 uint8_t out[static DIGEST_LEN])
{
	br_sha256_context hash;
	uint8_t full[32];
	uint8_t mode = (uint8_t)trust_mode_of(trust);
	struct slice host = trust_host_of(trust);

	br_sha256_init(&hash);
	br_sha256_update(&hash, &mode, 1);
	br_sha256_update(&hash, &trust->pins, 1);
	for (int i = 0; i < trust->pins; i++)
		br_sha256_update(&hash, trust->pin[i], 32);
	br_sha256_update(&hash, host.p, host.n);
	br_sha256_out(&hash, full);
	memcpy(out, full, DIGEST_LEN);
}

static void forget(struct stream_session *session)
{
	if (session)
		secret_wipe(session, sizeof(*session));
}

/* Returns: is there a session to resume? */
static bool load_session(struct tls *t)
{
	br_ssl_session_parameters p;
	struct stream_session *session = t->session;

	if (!session || !session->valid)
		return false;
	if (memcmp(session->data + sizeof(p), t->digest, DIGEST_LEN) != 0) {
		forget(session);
		return false;
	}
	memcpy(&p, session->data, sizeof(p));
	br_ssl_engine_set_session_parameters(&t->client.eng, &p);
	secret_wipe(&p, sizeof(p));
	return true;
}

static void save_session(struct tls *t)
{
	br_ssl_session_parameters p;

	if (!t->session)
		return;
	forget(t->session);
	br_ssl_engine_get_session_parameters(&t->client.eng, &p);
	/* RFC 5246 7.4.1.3: an empty id is a session that is not kept */
	if (p.session_id_len > 0) {
		memcpy(t->session->data, &p, sizeof(p));
		memcpy(t->session->data + sizeof(p), t->digest, DIGEST_LEN);
		t->session->valid = true;
	}
	secret_wipe(&p, sizeof(p));
}

/* Can these rules prove anything?  0;  -EKEYREJECTED no. */
static int check_rules(const struct trust *trust, struct buf *why)
{
	if (trust->mode == TRUST_NONE || trust->pins > 0)
		return 0;
	if (trust->mode == TRUST_PIN) {
		buf_put_str(why, "no pin is given");
		return -EKEYREJECTED;
	}
	if (trust_host_of(trust).n == 0) {
		buf_put_str(why, "TLS to an address needs pin=");
		return -EKEYREJECTED;
	}
	return 0;
}

static int set_up(struct tls *t, const struct trust *trust,
		  const struct world *w)
{
	br_ssl_engine_context *eng = &t->client.eng;
	struct slice host = trust_host_of(trust);
	char name[256];

	/* RFC 6066 3: SNI, without the last dot; never an address */
	if (host.n >= sizeof(name))
		return -EINVAL;
	if (host.n > 0)
		memcpy(name, host.p, host.n);
	name[host.n] = '\0';
	br_ssl_client_zero(&t->client);
	choose_algorithms(eng);
	trust_judge_init(&t->judge, trust, eng);
	br_ssl_engine_set_buffers_bidi(eng, t->in, sizeof(t->in), t->out,
				       sizeof(t->out));
	eng->log_max_frag_len = NO_FRAGMENT_LIMIT;
	seed(eng, w);
	digest_rules(trust, t->digest);
	bool resume = load_session(t);
	if (!br_ssl_client_reset(&t->client, name, resume))
		return -EPROTO;
	return 0;
}

int tls_start(struct stream *s, const struct trust *trust,
	      struct stream_session *session, const struct world *w,
	      struct buf *why)
{
	int err = check_rules(trust, why);
	if (err < 0)
		return err;
	struct tls *t = take();
	if (!t) {
		buf_put_str(why, "too many TLS connections");
		return -ENOBUFS;
	}
	t->session = session;
	t->mode = trust_mode_of(trust);
	err = set_up(t, trust, w);
	if (err < 0) {
		buf_put_str(why, "TLS cannot be set up");
		release(t);
		return err;
	}
	s->tls = t;
	s->own_tls = true;
	return 0;
}

/* Send what the engine has for the peer.  0 some went;  -errno */
static int send_some(struct stream *s)
{
	br_ssl_engine_context *eng = &s->tls->client.eng;
	size_t n;
	const uint8_t *p = br_ssl_engine_sendrec_buf(eng, &n);

	ssize_t put = s->net->ops->write(s->net->ctx, s->fd, p, n);
	if (put < 0)
		return (int)put;
	br_ssl_engine_sendrec_ack(eng, (size_t)put);
	return 0;
}

/* RFC 5246 6.2.1: the types a record can have */
static bool is_record(uint8_t first)
{
	return first >= 20 && first <= 23;
}

/* Give the engine what the peer sent.  > 0;  0 the end;  -errno */
static ssize_t receive_some(struct stream *s)
{
	struct tls *t = s->tls;
	size_t n;
	uint8_t *p = br_ssl_engine_recvrec_buf(&t->client.eng, &n);

	ssize_t got = s->net->ops->read(s->net->ctx, s->fd, p, n);
	if (got <= 0)
		return got;
	if (!t->heard)
		t->foreign = !is_record(p[0]);
	t->heard = true;
	br_ssl_engine_recvrec_ack(&t->client.eng, (size_t)got);
	return got;
}

/* The engine has failed: why, and an errno for it. */
static int explain(struct stream *s, struct buf *why)
{
	struct tls *t = s->tls;
	int err = br_ssl_engine_last_error(&t->client.eng);

	forget(t->session);
	if (t->foreign) {
		buf_put_str(why, "not a TLS server");
		return -EPROTO;
	}
	trust_explain(why, &t->judge, err);
	return trust_errno(err);
}

/* The connection has ended before the handshake has. */
static int cut_off(struct stream *s, ssize_t err, struct buf *why)
{
	forget(s->tls->session);
	if (err == 0)
		err = -ECONNRESET;
	if (err == -ECONNRESET || err == -EPIPE)
		buf_put_str(why, "connection closed during the TLS handshake");
	return (int)err;
}

/*
 * Let the engine work until it is in one of the states of what; hear: it may
 * read for that.
 * Returns: 1 it is;  0 the peer has closed;  -EAGAIN;  -errno
 */
static int run_until(struct stream *s, unsigned what, bool hear,
		     struct buf *why)
{
	br_ssl_engine_context *eng = &s->tls->client.eng;

	for (;;) {
		unsigned state = br_ssl_engine_current_state(eng);

		if (state & BR_SSL_CLOSED)
			return br_ssl_engine_last_error(eng) ? explain(s, why)
							     : 0;
		if (state & what)
			return 1;
		if (state & BR_SSL_SENDREC) {
			int err = send_some(s);

			if (err == 0)
				continue;
			/* the peer may wait for us to read what it says */
			if (err != -EAGAIN)
				return err;
		}
		if (!hear || !(state & BR_SSL_RECVREC))
			return -EAGAIN;
		ssize_t got = receive_some(s);
		if (got <= 0)
			return (int)got;
	}
}

int tls_step(struct stream *s, struct buf *why)
{
	struct tls *t = s->tls;

	if (t->up)
		return 0;
	int got = run_until(s, BR_SSL_SENDAPP, true, why);
	if (got == -EAGAIN)
		return got;
	if (got <= 0)
		return cut_off(s, got, why);
	t->up = true;
	save_session(t);
	t->session = NULL;
	return 0;
}

ssize_t tls_read(struct stream *s, void *p, size_t n, struct buf *why)
{
	br_ssl_engine_context *eng = &s->tls->client.eng;
	size_t have;

	int got = run_until(s, BR_SSL_RECVAPP, true, why);
	if (got <= 0)
		return got;
	const uint8_t *from = br_ssl_engine_recvapp_buf(eng, &have);
	if (have > n)
		have = n;
	memcpy(p, from, have);
	br_ssl_engine_recvapp_ack(eng, have);
	return (ssize_t)have;
}

ssize_t tls_write(struct stream *s, const void *p, size_t n, struct buf *why)
{
	br_ssl_engine_context *eng = &s->tls->client.eng;
	const uint8_t *from = p;
	size_t done = 0;

	while (done < n) {
		size_t room;
		int err = run_until(s, BR_SSL_SENDAPP, false, why);

		if (err <= 0 && done > 0)
			break;
		if (err == 0) {
			buf_put_str(why, "connection closed by peer");
			err = -ECONNRESET;
		}
		if (err < 0)
			return err;
		uint8_t *to = br_ssl_engine_sendapp_buf(eng, &room);
		if (room > n - done)
			room = n - done;
		memcpy(to, from + done, room);
		br_ssl_engine_sendapp_ack(eng, room);
		done += room;
	}
	return (ssize_t)done;
}

int tls_flush(struct stream *s, struct buf *why)
{
	br_ssl_engine_flush(&s->tls->client.eng, 0);
	int got = run_until(s, BR_SSL_SENDAPP, false, why);
	return got > 0 ? 0 : got;
}

uint8_t tls_wants(const struct stream *s, bool reading, bool writing, bool *now)
{
	const struct tls *t = s->tls;
	unsigned state = br_ssl_engine_current_state(&t->client.eng);
	uint8_t bits = 0;

	if (!t->up) {
		*now = state == BR_SSL_CLOSED;
		return state & BR_SSL_SENDREC ? NET_OUT : NET_IN;
	}
	if (reading && (state & (BR_SSL_CLOSED | BR_SSL_RECVAPP)))
		*now = true;
	if (reading && (state & BR_SSL_RECVREC))
		bits |= NET_IN;
	if (writing || (state & BR_SSL_SENDREC))
		bits |= NET_OUT;
	return bits;
}

enum stream_security tls_security(const struct stream *s)
{
	const struct tls *t = s->tls;

	if (!t->up)
		return STREAM_PLAIN;
	return t->mode == TRUST_NONE ? STREAM_UNVERIFIED : STREAM_VERIFIED;
}

bool tls_resumed(const struct stream *s)
{
	return s->tls->up && !s->tls->judge.began;
}

const struct trust_peer *tls_peer(const struct stream *s)
{
	const struct trust_peer *p = &s->tls->judge.peer;

	return p->known ? p : NULL;
}

void tls_end(struct stream *s)
{
	struct tls *t = s->tls;

	/* RFC 5246 7.2.1: close_notify, if it goes without waiting */
	if (t->up) {
		br_ssl_engine_close(&t->client.eng);
		if (br_ssl_engine_current_state(&t->client.eng) &
		    BR_SSL_SENDREC)
			(void)send_some(s);
	}
	s->tls = NULL;
	s->own_tls = false;
	release(t);
}
