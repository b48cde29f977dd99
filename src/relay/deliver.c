/* SPDX-License-Identifier: ISC */
/*
 * relay/deliver.c - one connection to a next hop, step by step: look up,
 * connect, TLS, then the client engine for as many messages as there are
 * ("one connection for the whole queue").
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "relay/parts.h"

/* Milliseconds for a TCP connection and for a TLS handshake. */
#define CONNECT_MS 30000
#define HANDSHAKE_MS 60000

/* Rounds of work for one connection in one turn of the loop. */
#define ROUNDS 64

static void trouble(struct outcome *o, enum trouble kind, uint16_t dsn,
		    const char *text)
{
	outcome_set_trouble(o, kind, dsn, slice_str(text));
}

static size_t slot_of(const struct relay *r, const struct delivery *d)
{
	return (size_t)(d - r->deliveries);
}

void delivery_free(struct relay *r, struct delivery *d)
{
	if (d->state == DELIVERY_FREE)
		return;
	if (d->resolve != NULL)
		resolve_cancel(d->resolve);
	if (d->stream.net != NULL)
		stream_close(&d->stream);
	if (d->bundle_fd > 0)
		close(d->bundle_fd);
	secret_wipe(d->password, sizeof(d->password));
	(void)r;
	memory_give_back(d, sizeof(*d));
	r->again = true;
}

struct delivery *delivery_take(struct relay *r)
{
	struct delivery *spare = NULL;

	for (size_t i = 0; i < ARRAY_LEN(r->deliveries); i++) {
		struct delivery *d = &r->deliveries[i];

		if (d->state == DELIVERY_FREE)
			return d;
		if (d->state == DELIVERY_LINGER)
			spare = d;
	}
	if (spare != NULL)
		delivery_free(r, spare);
	return spare;
}

static const struct conf_hop *hop_of(const struct relay *r,
				     const struct delivery *d)
{
	return &r->conf->hops[d->hop];
}

/* Closes what an earlier attempt of this slot has left open. */
static void drop_connection(struct delivery *d)
{
	if (d->stream.net != NULL)
		stream_close(&d->stream);
	if (d->bundle_fd > 0)
		close(d->bundle_fd);
	d->bundle_fd = 0;
	d->in_len = d->in_at = 0;
	memset(&d->peer, 0, sizeof(d->peer));
}

static bool copy_text(char *to, size_t cap, struct slice from)
{
	struct buf b = buf_on(to, cap);

	buf_put_slice(&b, from);
	buf_cstr(&b);
	return !b.overflow;
}

/* The password as it was read at the start; a missing file may be there now */
static bool load_password(struct relay *r, struct delivery *d,
			  struct outcome *o)
{
	struct buf secret = BUF_ON(d->password);
	char words[OUTCOME_MAX_TEXT + 1];
	struct buf why = buf_on(words, sizeof(words) - 1);
	struct slice kept = secrets_of(&r->secrets[r->secrets_at], d->hop);

	buf_put_slice(&secret, kept);
	if (kept.n == 0 && password_read(hop_of(r, d)->password_file.p, r->uid,
					 r->gid, &secret, &why) < 0) {
		words[why.len] = '\0';
		trouble(o, TROUBLE_CONF, 435,
			why.len ? words : "no password can be read");
		return false;
	}
	d->job.password = buf_slice(&secret);
	return true;
}

/* What the slot keeps of the hop: a reload may change the configuration. */
static int load_hop(struct relay *r, struct delivery *d, struct outcome *o)
{
	const struct conf_hop *h = hop_of(r, d);

	copy_text(d->host, sizeof(d->host), h->host);
	copy_text(d->user, sizeof(d->user), h->user);
	d->job = (struct smtp_job){ 0 };
	if (!ENABLE_AUTH || h->user.n == 0 || h->auth == HOP_AUTH_OFF)
		return 0;
	if (!load_password(r, d, o))
		return -1;
	d->job.auth = true;
	d->job.user = slice_str(d->user);
	d->job.auth_clear = h->tls == HOP_TLS_OFF;
	d->job.mechanisms = EHLO_AUTH_PLAIN | EHLO_AUTH_LOGIN;
	if (h->auth == HOP_AUTH_PLAIN)
		d->job.mechanisms = EHLO_AUTH_PLAIN;
	if (h->auth == HOP_AUTH_LOGIN)
		d->job.mechanisms = EHLO_AUTH_LOGIN;
	return 0;
}

static int open_bundle(struct relay *r, struct delivery *d, struct outcome *o)
{
	const struct conf_hop *h = hop_of(r, d);
	char path[256], why[OUTCOME_MAX_TEXT];
	struct buf b = BUF_ON(why);

	if (!copy_text(path, sizeof(path), h->ca.n ? h->ca : r->conf->ca))
		path[0] = '\0';
	d->bundle_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (d->bundle_fd > 0)
		return 0;
	d->bundle_fd = 0;
	buf_putf(&b, "no trust anchors: cannot open %s", path);
	trouble(o, TROUBLE_CONF, 475,
		b.overflow ? "no CA bundle" : buf_cstr(&b));
	return -1;
}

/* Rules for the peer's certificate; time as DESIGN.md 3.4 says. */
static int load_trust(struct relay *r, struct delivery *d, struct outcome *o)
{
	const struct conf_hop *h = hop_of(r, d);
	bool sane = clock_is_sane(r);

	d->trust = (struct trust){ .mode = TRUST_NONE, .bundle_fd = -1 };
	d->trust.name = h->literal ? NULL : d->host;
	d->trust.now_s = sane ? world_wall_s(r->w) : clock_floor(r);
	d->trust.floor = !sane;
	if (h->pins > 0) {
		d->trust.mode = TRUST_PIN;
		d->trust.pins = h->pins;
		d->trust.pin = h->pin;
		return 0;
	}
	if (h->tls != HOP_TLS_VERIFY)
		return 0;
	d->trust.mode = TRUST_VERIFY;
	if (!sane && r->conf->clock == CONF_CLOCK_WAIT) {
		trouble(o, TROUBLE_CLOCK, 475,
			"the clock is not set: certificates cannot be judged");
		return -1;
	}
	if (open_bundle(r, d, o) < 0)
		return -1;
	d->trust.bundle_fd = d->bundle_fd;
	return 0;
}

static enum smtp_tls tls_of(const struct conf_hop *h, bool no_tls)
{
	if (h->scheme == HOP_SUBMISSIONS)
		return SMTP_TLS_IMPLICIT;
	if (h->tls == HOP_TLS_OFF || no_tls)
		return SMTP_TLS_OFF;
	return h->tls == HOP_TLS_TRY ? SMTP_TLS_TRY : SMTP_TLS_REQUIRED;
}

/* Hops that are no host: everything is taken, or everything refused. */
static bool is_virtual(struct relay *r, struct delivery *d)
{
	const struct conf_hop *h = hop_of(r, d);
	bool error = h->scheme == HOP_ERROR;

	if (!error && h->scheme != HOP_DISCARD)
		return false;
	for (unsigned k = 0; k < d->txn.nrcpt; k++)
		outcome_set(&d->outcomes[k],
			    error ? VERDICT_REFUSED : VERDICT_SENT,
			    error ? 550 : 250, error ? 571 : 200,
			    error ? h->host : SLICE("discarded"));
	attempt_record(r, d);
	hop_ok(r, d->hop);
	attempt_release(r, d, &d->outcomes[0]);
	delivery_free(r, d);
	return true;
}

static void connect_next(struct relay *r, struct delivery *d);

void delivery_start(struct relay *r, struct delivery *d, unsigned hop)
{
	struct outcome o;
	int got;

	drop_connection(d);
	if (d->resolve != NULL)
		resolve_cancel(d->resolve);
	d->hop = (uint8_t)hop;
	d->state = DELIVERY_CLAIMED;
	d->tried = 0;
	d->fresh = true;
	d->no_tls = false;
	hop_begin(r, hop);
	if (is_virtual(r, d))
		return;
	if (load_hop(r, d, &o) < 0 || load_trust(r, d, &o) < 0) {
		attempt_hop_failed(r, d, &o);
		return;
	}
	d->job.tls = tls_of(hop_of(r, d), false);
	d->resolve = resolve_slot((unsigned)slot_of(r, d));
	got = resolve_start(d->resolve, r->net, r->w, NULL, hop_of(r, d)->host,
			    hop_of(r, d)->port);
	d->state = DELIVERY_RESOLVE;
	if (got == 0) {
		connect_next(r, d);
	} else if (got != -EINPROGRESS) {
		trouble(&o, TROUBLE_CONF, 443, "not a host name");
		attempt_hop_failed(r, d, &o);
	}
}

static int64_t connect_ms(struct relay *r, const struct delivery *d)
{
	uint32_t s = d->hop == HOP_NONE ? 0 : hop_of(r, d)->timeout_s;

	return s ? s * 1000LL : CONNECT_MS;
}

/* RFC 5321 5.1: every address is tried, in order, before the hop failed. */
static void connect_next(struct relay *r, struct delivery *d)
{
	const struct resolve_result *found = resolve_result(d->resolve);
	struct outcome o;

	if (found->n == 0) {
		trouble(&o, TROUBLE_LINK, 443, found->why);
		attempt_hop_failed(r, d, &o);
		return;
	}
	while (d->tried < found->n) {
		d->peer = found->addr[d->tried++];
		stream_init(&d->stream, r->net);
		d->state = DELIVERY_CONNECT;
		d->deadline_ms = r->now_ms + connect_ms(r, d);
		if (stream_connect(&d->stream, &d->peer) == 0)
			return;
	}
	trouble(&o, TROUBLE_LINK, 441, d->stream.why);
	attempt_hop_failed(r, d, &o);
}

/* Our name in EHLO: RFC 5321 4.1.4, a literal when there is no FQDN. */
static void name_ourselves(struct relay *r, struct delivery *d)
{
	struct buf b = BUF_ON(d->helo);
	struct net_addr own;

	if (r->id->hostname[0])
		buf_put_str(&b, r->id->hostname);
	else if (r->net->ops->local_addr(r->net->ctx, d->stream.fd, &own) == 0)
		net_addr_put_literal(&b, &own);
	else
		buf_put_str(&b, "[127.0.0.1]");
	d->job.helo = slice_str(buf_cstr(&b));
}

static void touch(struct relay *r, struct delivery *d)
{
	unsigned s = smtp_client_timeout_s(&d->client);

	d->deadline_ms = s ? r->now_ms + s * 1000LL : INT64_MAX;
}

static void start_session(struct relay *r, struct delivery *d)
{
	name_ourselves(r, d);
	smtp_client_init(&d->client, &d->job);
	d->state = DELIVERY_SESSION;
	d->ready = true;
	touch(r, d);
}

static void start_handshake(struct relay *r, struct delivery *d)
{
	struct stream_session *kept =
		d->hop == HOP_NONE ? NULL : &r->hops[d->hop].session;
	int err = stream_start_tls(&d->stream, &d->trust, kept, r->w);

	d->state = DELIVERY_HANDSHAKE;
	d->deadline_ms = r->now_ms + HANDSHAKE_MS;
	if (err < 0 && d->stream.why[0] == '\0')
		copy_text(d->stream.why, sizeof(d->stream.why),
			  SLICE("TLS cannot be started"));
	if (err < 0)
		d->deadline_ms = r->now_ms;
}

static void step_connect(struct relay *r, struct delivery *d)
{
	int err = stream_step(&d->stream);
	struct outcome o;

	if (err == -EAGAIN && r->now_ms < d->deadline_ms)
		return;
	if (err == 0 && d->job.tls == SMTP_TLS_IMPLICIT) {
		start_handshake(r, d);
		return;
	}
	if (err == 0) {
		start_session(r, d);
		return;
	}
	if (err == -EAGAIN)
		copy_text(d->stream.why, sizeof(d->stream.why),
			  SLICE("connection timed out"));
	if (d->tried < resolve_result(d->resolve)->n) {
		stream_close(&d->stream);
		connect_next(r, d);
		return;
	}
	trouble(&o, TROUBLE_LINK, 441, d->stream.why);
	attempt_hop_failed(r, d, &o);
}

/* Opportunistic TLS that does not work: once more, in the clear. */
static bool retry_without_tls(struct relay *r, struct delivery *d)
{
	if (d->job.tls != SMTP_TLS_TRY || d->no_tls || d->job.auth)
		return false;
	drop_connection(d);
	d->no_tls = true;
	d->job.tls = SMTP_TLS_OFF;
	d->tried = 0;
	connect_next(r, d);
	return true;
}

static void handshake_failed(struct relay *r, struct delivery *d)
{
	char text[OUTCOME_MAX_TEXT];
	struct buf b = BUF_ON(text);
	struct outcome o;

	if (retry_without_tls(r, d))
		return;
	buf_putf(&b, "TLS: %.*s", (int)strnlen(d->stream.why, 100),
		 d->stream.why);
	trouble(&o, TROUBLE_LINK, 475, buf_cstr(&b));
	attempt_hop_failed(r, d, &o);
}

static void step_handshake(struct relay *r, struct delivery *d)
{
	int err = d->stream.why[0] ? -EPROTO : stream_step(&d->stream);

	if (err == -EAGAIN && r->now_ms < d->deadline_ms)
		return;
	if (err == -EAGAIN)
		copy_text(d->stream.why, sizeof(d->stream.why),
			  SLICE("the handshake timed out"));
	if (err < 0) {
		handshake_failed(r, d);
		return;
	}
	if (d->job.tls == SMTP_TLS_IMPLICIT) {
		start_session(r, d);
		return;
	}
	d->state = DELIVERY_SESSION;
	d->ready = true;
	smtp_client_tls_up(&d->client);
	touch(r, d);
}

void delivery_begin(struct relay *r, struct delivery *d)
{
	d->state = DELIVERY_SESSION;
	d->open = true;
	d->body_ended = false;
	d->off = 0;
	d->raw_len = d->raw_at = 0;
	d->wire = BUF_ON(d->wire_space);
	d->wire_at = 0;
	/* From the start again: an earlier attempt may have had a part. */
	message_header(r, d);
	/* RFC 1870 6: an estimate, with what the header gains. */
	d->txn.size = d->size + d->fixup_job.trace.n + 200;
	smtp_client_begin(&d->client, &d->txn);
	touch(r, d);
}

/* The next raw bytes of the message; false: it cannot be read. */
static bool refill(struct relay *r, struct delivery *d)
{
	uint32_t n = d->size - d->off;
	int err;

	if (n > sizeof(d->raw))
		n = sizeof(d->raw);
	err = d->broken ? -EIO : message_read(r, d, d->off, d->raw, n);
	if (err < 0) {
		struct outcome o;

		outcome_set(&o, VERDICT_RETRY_MESSAGE, 0, 430,
			    SLICE("the message cannot be read"));
		smtp_client_body_fail(&d->client, &o);
		attempt_unreadable(r, d, err);
		return false;
	}
	d->off += n;
	d->raw_len = n;
	d->raw_at = 0;
	return true;
}

/* Header filter output waits in wire until the engine takes it. */
static void filter(struct delivery *d)
{
	struct slice raw = slice_of(d->raw + d->raw_at, d->raw_len - d->raw_at);

	buf_reset(&d->wire);
	d->wire_at = 0;
	if (raw.n > 0)
		d->raw_at += fixup_feed(&d->fixup, raw, &d->wire);
	else if (d->off == d->size)
		d->body_ended = fixup_end(&d->fixup, &d->wire);
}

/* Give message bytes to the engine; true: it took some. */
static bool pump_body(struct relay *r, struct delivery *d)
{
	if (d->wire_at < d->wire.len) {
		struct slice in = slice_of(d->wire.data + d->wire_at,
					   d->wire.len - d->wire_at);
		size_t n = smtp_client_body(&d->client, in);

		d->wire_at += n;
		return n > 0;
	}
	if (d->body_ended)
		return smtp_client_body_end(&d->client);
	if (d->raw_at == d->raw_len && d->off < d->size && !refill(r, d))
		return true;
	filter(d);
	return true;
}

static bool pump_write(struct delivery *d)
{
	struct slice out = smtp_client_out(&d->client);
	ssize_t n;

	if (out.n == 0)
		return false;
	n = stream_write(&d->stream, out.p, out.n);
	if (n > 0)
		smtp_client_sent(&d->client, (size_t)n);
	else if (n != -EAGAIN)
		smtp_client_lost(&d->client, slice_str(d->stream.why));
	return n != -EAGAIN;
}

static bool pump_read(struct delivery *d)
{
	size_t used = 0;

	if (d->in_at == d->in_len) {
		bool inside = false;

		stream_wants(&d->stream, true, false, &inside);
		if (!d->ready && !inside)
			return false;
		ssize_t n = stream_read(&d->stream, d->in, sizeof(d->in));

		if (n == -EAGAIN) {
			d->ready = false;
			return false;
		}
		if (n <= 0) {
			smtp_client_lost(&d->client,
					 n == 0 ? SLICE("connection closed")
						: slice_str(d->stream.why));
			return true;
		}
		d->in_len = (size_t)n;
		d->in_at = 0;
	}
	smtp_client_feed(&d->client,
			 slice_of(d->in + d->in_at, d->in_len - d->in_at),
			 &used);
	d->in_at += used;
	return used > 0 || (smtp_client_wants(&d->client) & SMTP_WANT_CLOSE);
}

static bool all_route_trouble(const struct delivery *d)
{
	for (unsigned k = 0; k < d->txn.nrcpt; k++)
		if (d->outcomes[k].verdict != VERDICT_RETRY_ROUTE ||
		    d->outcomes[k].uncertain)
			return false;
	return d->txn.nrcpt > 0;
}

/*
 * With the session alive and other recipients answered, one recipient's
 * trouble is its own.  Returns: were recipients put off by a limit?
 */
static bool soften(struct delivery *d)
{
	bool more = false;

	for (unsigned k = 0; k < d->txn.nrcpt; k++) {
		struct outcome *o = &d->outcomes[k];

		more |= o->more;
		if (!o->more && o->verdict == VERDICT_RETRY_ROUTE)
			o->verdict = VERDICT_RETRY_MESSAGE;
	}
	return more;
}

/* Record the transaction; busy is left when the same message goes on. */
static void end_transaction(struct relay *r, struct delivery *d)
{
	bool more = soften(d);

	attempt_record(r, d);
	d->fresh = false;
	if (d->hop != HOP_NONE)
		hop_ok(r, d->hop);
	if (more && work_again(d, true) > 0)
		return;
	d->busy = false;
	d->staged = NULL;
}

/* The hop takes no more on this connection, but the answers are final. */
static void closed_in_order(struct relay *r, struct delivery *d)
{
	end_transaction(r, d);
	if (d->hop != HOP_NONE && (d->busy || work_find(r, d)))
		delivery_start(r, d, d->hop);
	else
		delivery_free(r, d);
}

/* The session is over: was it the hop's fault, or just an idle one's end? */
static void session_over(struct relay *r, struct delivery *d)
{
	struct outcome fault = d->client.fault;
	bool trouble_only = d->open && all_route_trouble(d);
	bool stale = !d->fresh && trouble_only;

	if (fault.verdict == VERDICT_NONE && d->open && !trouble_only) {
		closed_in_order(r, d);
		return;
	}
	if (fault.verdict == VERDICT_NONE && trouble_only) {
		fault = d->outcomes[0];
		stale = false;
	}
	if (d->open)
		attempt_record(r, d);
	if (!d->busy || fault.verdict == VERDICT_RETRY_MESSAGE) {
		attempt_release(r, d, &fault);
		delivery_free(r, d);
		return;
	}
	if (stale && d->hop != HOP_NONE && work_again(d, false) > 0) {
		/* An idle connection had gone: the hop gets a new one. */
		delivery_start(r, d, d->hop);
		return;
	}
	if (fault.verdict == VERDICT_NONE)
		trouble(&fault, TROUBLE_LINK, 442, "session ended early");
	attempt_hop_failed(r, d, &fault);
}

static void quit(struct relay *r, struct delivery *d)
{
	d->quitting = true;
	d->state = DELIVERY_SESSION;
	smtp_client_quit(&d->client);
	touch(r, d);
	r->again = true;
}

/* No transaction is open: record the last one, go on with the next. */
static void transaction_over(struct relay *r, struct delivery *d)
{
	if (d->open && all_route_trouble(d)) {
		struct outcome why = d->outcomes[0];

		attempt_record(r, d);
		attempt_hop_failed(r, d, &why);
		return;
	}
	if (d->open)
		end_transaction(r, d);
	if (d->busy || (d->hop != HOP_NONE && work_find(r, d))) {
		delivery_begin(r, d);
		return;
	}
	d->state = DELIVERY_LINGER;
	d->deadline_ms = r->now_ms + RELAY_LINGER_MS;
	if (r->stopping || d->hop == HOP_NONE)
		quit(r, d);
}

/* One thing that can be done now; false: wait. */
static bool pump(struct relay *r, struct delivery *d)
{
	unsigned wants = smtp_client_wants(&d->client);

	if (wants & SMTP_WANT_CLOSE) {
		session_over(r, d);
		return false;
	}
	if (wants & SMTP_WANT_TLS) {
		start_handshake(r, d);
		return false;
	}
	if ((wants & SMTP_WANT_TXN) && d->state == DELIVERY_SESSION &&
	    !d->quitting) {
		transaction_over(r, d);
		return d->state == DELIVERY_SESSION;
	}
	if ((wants & SMTP_WANT_BODY) && pump_body(r, d))
		return true;
	if ((wants & SMTP_WANT_WRITE) && pump_write(d))
		return true;
	return (wants & SMTP_WANT_READ) && pump_read(d);
}

static void flush_stream(struct delivery *d)
{
	int err = stream_flush(&d->stream);

	if (err < 0 && err != -EAGAIN)
		smtp_client_lost(&d->client, slice_str(d->stream.why));
}

static void step_session(struct relay *r, struct delivery *d)
{
	bool moved = false;

	for (unsigned i = 0; i < ROUNDS; i++) {
		if (!pump(r, d))
			break;
		moved = true;
		r->again |= i + 1 == ROUNDS;
	}
	if (d->state != DELIVERY_SESSION && d->state != DELIVERY_LINGER)
		return;
	flush_stream(d);
	if (moved && d->state == DELIVERY_SESSION) {
		touch(r, d);
		return;
	}
	if (r->now_ms < d->deadline_ms)
		return;
	if (d->state == DELIVERY_LINGER)
		quit(r, d);
	else
		smtp_client_expire(&d->client);
	r->again = true;
}

void delivery_run(struct relay *r, struct delivery *d)
{
	switch (d->state) {
	case DELIVERY_RESOLVE:
		if (resolve_step(d->resolve) == 0)
			connect_next(r, d);
		break;
	case DELIVERY_CONNECT:
		step_connect(r, d);
		break;
	case DELIVERY_HANDSHAKE:
		step_handshake(r, d);
		break;
	case DELIVERY_SESSION:
	case DELIVERY_LINGER:
		step_session(r, d);
		break;
	case DELIVERY_FREE:
	case DELIVERY_CLAIMED:
		break;
	}
}

size_t delivery_wants(struct relay *r, struct delivery *d, struct net_wait *set,
		      int64_t *until_ms)
{
	bool reading = true, writing = false, now = false;

	if (d->state == DELIVERY_FREE || d->state == DELIVERY_CLAIMED)
		return 0;
	if (d->state == DELIVERY_RESOLVE)
		return resolve_wants(d->resolve, set, until_ms);
	if (d->state == DELIVERY_SESSION || d->state == DELIVERY_LINGER) {
		unsigned w = smtp_client_wants(&d->client);

		reading = (w & SMTP_WANT_READ) || d->state == DELIVERY_LINGER;
		writing = (w & SMTP_WANT_WRITE) != 0;
	}
	set->fd = d->stream.fd;
	set->want = stream_wants(&d->stream, reading, writing, &now);
	if (now)
		*until_ms = r->now_ms;
	if (d->deadline_ms < *until_ms)
		*until_ms = d->deadline_ms;
	return set->want ? 1 : 0;
}
