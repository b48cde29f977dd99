/* SPDX-License-Identifier: ISC */
/*
 * relay/connect.c - from a hop of the configuration to a session with it:
 * secrets and trust, name look-up, TCP to each address, TLS.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "relay/hop.h"
#include "relay/parts.h"

/* Milliseconds for a TCP connection and for a TLS handshake. */
#define CONNECT_MS 30000
#define HANDSHAKE_MS 60000

static void trouble(struct outcome *o, enum trouble kind, uint16_t dsn,
		    const char *text)
{
	outcome_set_trouble(o, kind, dsn, slice_str(text));
}

static size_t slot_of(const struct relay *r, const struct delivery *d)
{
	return (size_t)(d - r->deliveries);
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
	d->job = (struct smtp_job){ .timeout_s = h->timeout_s };
	if (!hop_has_login(h))
		return 0;
	if (!load_password(r, d, o))
		return -1;
	hop_set_login(h, slice_str(d->user), d->job.password, &d->job);
	return 0;
}

static int open_bundle(struct relay *r, struct delivery *d, struct outcome *o)
{
	char why[OUTCOME_MAX_TEXT];
	struct buf b = BUF_ON(why);

	d->bundle_fd = hop_open_bundle(r->conf, hop_of(r, d), &b);
	if (d->bundle_fd > 0)
		return 0;
	d->bundle_fd = 0;
	trouble(o, TROUBLE_CONF, 475, buf_cstr(&b));
	return -1;
}

/* Rules for the peer's certificate; time as DESIGN.md 3.4 says. */
static int load_trust(struct relay *r, struct delivery *d, struct outcome *o)
{
	const struct conf_hop *h = hop_of(r, d);
	bool sane = clock_is_sane(r);

	d->trust = (struct trust){ .bundle_fd = -1 };
	hop_set_trust(h, &d->trust);
	d->trust.name = h->literal ? NULL : d->host;
	d->trust.now_s = sane ? world_wall_s(r->w) : clock_floor(r);
	d->trust.floor = !sane;
	if (d->trust.mode != TRUST_VERIFY)
		return 0;
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
	d->job.tls = hop_tls(hop_of(r, d), false);
	d->resolve = resolve_slot((unsigned)slot_of(r, d));
	got = resolve_start(d->resolve, r->net, r->w, NULL, hop_of(r, d)->host,
			    hop_of(r, d)->port);
	d->state = DELIVERY_RESOLVE;
	if (got == 0) {
		delivery_connect(r, d);
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
void delivery_connect(struct relay *r, struct delivery *d)
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

bool delivery_next_address(struct relay *r, struct delivery *d)
{
	if (d->hop == HOP_NONE || d->tried >= resolve_result(d->resolve)->n)
		return false;
	stream_close(&d->stream);
	d->in_len = d->in_at = 0;
	delivery_connect(r, d);
	return true;
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

static void start_session(struct relay *r, struct delivery *d)
{
	name_ourselves(r, d);
	smtp_client_init(&d->client, &d->job);
	d->state = DELIVERY_SESSION;
	d->ready = true;
	delivery_touch(r, d);
}

void delivery_handshake(struct relay *r, struct delivery *d)
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

void delivery_step_connect(struct relay *r, struct delivery *d)
{
	int err = stream_step(&d->stream);
	struct outcome o;

	if (err == -EAGAIN && r->now_ms < d->deadline_ms)
		return;
	if (err == 0 && d->job.tls == SMTP_TLS_IMPLICIT) {
		delivery_handshake(r, d);
		return;
	}
	if (err == 0) {
		start_session(r, d);
		return;
	}
	if (err == -EAGAIN)
		copy_text(d->stream.why, sizeof(d->stream.why),
			  SLICE("connection timed out"));
	if (delivery_next_address(r, d))
		return;
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
	delivery_connect(r, d);
	return true;
}

static void handshake_failed(struct relay *r, struct delivery *d)
{
	char text[OUTCOME_MAX_TEXT];
	struct buf b = BUF_ON(text);
	struct outcome o;

	if (retry_without_tls(r, d) || delivery_next_address(r, d))
		return;
	buf_putf(&b, "TLS: %.*s", (int)strnlen(d->stream.why, 100),
		 d->stream.why);
	trouble(&o, TROUBLE_LINK, 475, buf_cstr(&b));
	attempt_hop_failed(r, d, &o);
}

void delivery_step_handshake(struct relay *r, struct delivery *d)
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
	delivery_touch(r, d);
}
