/* SPDX-License-Identifier: ISC */
/*
 * relay/deliver.c - the session with a next hop: the client engine for as many
 * messages as there are ("one connection for the whole queue").
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "relay/parts.h"

/* Rounds of work for one connection in one turn of the loop. */
#define ROUNDS 64

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

void delivery_touch(struct relay *r, struct delivery *d)
{
	unsigned s = smtp_client_timeout_s(&d->client);

	d->deadline_ms = s ? r->now_ms + s * 1000LL : INT64_MAX;
}

/* RFC 6152 3, RFC 6531 3.2: what a hop cannot be given, the engine refuses. */
static void set_eight_bit(struct relay *r, struct delivery *d)
{
	const struct submission *s = d->staged;
	unsigned ext = d->client.ehlo.ext;
	bool text = s ? s->eight_bit : (d->msg.flags & SPOOL_8BIT) != 0;
	bool header = s ? s->utf8_header : (d->msg.flags & RELAY_UTF8) != 0;
	bool fits = !text || (ext & EHLO_8BITMIME);
	bool as_it_came = header && (ext & EHLO_SMTPUTF8);

	if (ENABLE_MIME_DOWNGRADE && !fits && downgrade_begin(r, d, false))
		text = header = false;
	/* An address that has no other form leaves as it came, or not at all */
	if (ENABLE_MIME_DOWNGRADE && fits && text && !as_it_came &&
	    downgrade_begin(r, d, true))
		header = false;
	d->txn.eight_bit = text;
	d->txn.utf8 = ENABLE_SMTPUTF8 && header;
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
	d->downgrading = false;
	/* From the start again: an earlier attempt may have had a part. */
	if (ENABLE_BOUNCE && d->notice.on) {
		bounce_begin(r, d);
	} else {
		message_header(r, d);
		/* RFC 1870 6: an estimate, with what the header gains. */
		d->txn.size = d->size + d->fixup_job.trace.n + 200;
		set_eight_bit(r, d);
	}
	smtp_client_begin(&d->client, &d->txn);
	delivery_touch(r, d);
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

bool delivery_filter(struct delivery *d, struct buf *out)
{
	struct slice raw = slice_of(d->raw + d->raw_at, d->raw_len - d->raw_at);

	if (raw.n == 0)
		return d->off == d->size && fixup_end(&d->fixup, out);
	d->raw_at += fixup_feed(&d->fixup, raw, out);
	return false;
}

/* The same of a notice, behind its own words: the header, and its end. */
static bool filter_notice(struct delivery *d)
{
	char part[384];
	struct buf out = BUF_ON(part);
	struct dsn *gen = &d->notice.gen;
	bool full = ENABLE_DSN_PARAMS && d->notice.job.full;
	bool ended = delivery_filter(d, full ? &d->wire : &out);

	BUILD_ASSERT(sizeof(d->wire_space) >= DSN_ROOM + 64);
	/* At most three bytes, and a line's soft end, become of one. */
	BUILD_ASSERT(sizeof(part) * 7 / 2 < sizeof(d->wire_space) - 64);
	if (!full)
		dsn_header(gen, buf_slice(&out), &d->wire);
	if (!ended && !gen->over)
		return false;
	dsn_end(gen, &d->wire);
	return true;
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
	/* What it gives waits in wire until the engine takes it. */
	buf_reset(&d->wire);
	d->wire_at = 0;
	if (ENABLE_BOUNCE && d->notice.on && d->notice.words) {
		d->notice.words = dsn_put(&d->notice.gen, &d->wire);
		return true;
	}
	if (d->raw_at == d->raw_len && d->off < d->size && !refill(r, d))
		return true;
	if (ENABLE_BOUNCE && d->notice.on)
		d->body_ended = filter_notice(d);
	else if (ENABLE_MIME_DOWNGRADE && d->downgrading)
		d->body_ended = downgrade_more(d);
	else
		d->body_ended = delivery_filter(d, &d->wire);
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
	bool begun = d->open;

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
		if (d->busy && d->hop != HOP_NONE)
			hop_ok(r, d->hop);
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
		outcome_set_trouble(&fault, TROUBLE_LINK, 442,
				    SLICE("session ended early"));
	/* RFC 7504: one address says no to us; the host may have others. */
	if (!begun && fault.trouble == TROUBLE_LINK &&
	    delivery_next_address(r, d))
		return;
	attempt_hop_failed(r, d, &fault);
}

static void quit(struct relay *r, struct delivery *d)
{
	d->quitting = true;
	d->state = DELIVERY_SESSION;
	smtp_client_quit(&d->client);
	delivery_touch(r, d);
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
		delivery_handshake(r, d);
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
		delivery_touch(r, d);
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
			delivery_connect(r, d);
		break;
	case DELIVERY_CONNECT:
		delivery_step_connect(r, d);
		break;
	case DELIVERY_HANDSHAKE:
		delivery_step_handshake(r, d);
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
