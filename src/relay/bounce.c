/* SPDX-License-Identifier: ISC */
/*
 * relay/bounce.c - notices to the sender (RFC 3464).  A notice is never
 * stored: a message that is *returning* has refused recipients, and its notice
 * is made from it while it is sent, from <> to where the reverse-path leads.
 *
 * One notice names all recipients refused so far, and goes as soon as there
 * are some; with the 250 they are dropped.  Those that still wait go on, and
 * get a notice of their own when they are refused.  A notice that is refused,
 * or that waits for two lifetimes, is dropped: nobody is told of that but the
 * log.
 */
#include <string.h>

#include "mail/header.h"
#include "mail/params.h"
#include "relay/parts.h"

/* So many notices may leave in that time (CONFIG_BOUNCE_RATE). */
#define RATE_MS (3600 * 1000)

/* What a notice adds to a message that it returns, and the header gains. */
#define FULL_EXTRA 8192

/* Whom a notice goes to: mailboxes that are no local names of ours. */
struct targets {
	const struct relay *r;
	struct slice from; /* the sender: routes are chosen as for its mail */
	bool bare;         /* it was a bare name, that is no target itself */
	struct buf *out;   /* packed; NULL: they are only counted */
	int route;         /* of the first; others are left out */
	unsigned n;
};

/* RFC 3461 6.2: of a notice nobody wants to hear. */
static void put_target(struct buf *out, struct slice mailbox)
{
	envelope_put_rcpt(out, mailbox);
	if (ENABLE_DSN_PARAMS)
		envelope_put_params(out, SLICE("NOTIFY=NEVER"));
}

static int collect(void *ctx, struct slice mailbox)
{
	struct targets *t = ctx;
	const struct conf *c = t->r->conf;
	int route = conf_route_of(c, t->from, mailbox);

	if ((t->bare && slice_eq(mailbox, t->from)) ||
	    conf_is_local(c, slice_str(t->r->id->hostname), mailbox) ||
	    conf_is_local(c, slice_str(t->r->id->node), mailbox))
		return 0;
	if (t->n > 0 && (route != t->route || t->n == RELAY_RCPTS))
		return 0;
	t->route = route;
	t->n++;
	if (t->out != NULL)
		put_target(t->out, mailbox);
	return 0;
}

unsigned bounce_targets(struct relay *r, struct slice from, uint32_t flags,
			struct buf *out)
{
	struct targets t = { .r = r, .from = from, .out = out };
	ptrdiff_t at = slice_rfind(from, '@');
	struct slice path = from;

	if (from.n == 0)
		return 0;
	/* It came as a bare name: its alias counts, not what completed it. */
	if ((flags & RELAY_BARE) && at > 0) {
		t.bare = true;
		path = slice_head(from, (size_t)at);
	}
	if (identity_expand(r->id, r->conf, path, collect, &t) < 0)
		return 0;
	return out != NULL && out->overflow ? 0 : t.n;
}

/* At most so many in an hour; what is too much waits. */
static bool may_send(struct relay *r)
{
	if (r->now_ms - r->notices_ms >= RATE_MS) {
		r->notices_ms = r->now_ms;
		r->notices = 0;
	}
	if (r->notices < CONFIG_BOUNCE_RATE)
		return true;
	r->notices_wait = true;
	return false;
}

int64_t bounce_next_ms(const struct relay *r)
{
	return r->notices_wait ? r->notices_ms + RATE_MS : INT64_MAX;
}

/* Which recipients it has to name: their numbers into d->of. */
static void find_told(struct relay *r, struct delivery *d, struct slice rcpts)
{
	uint8_t states[RELAY_RCPTS];
	struct notice *n = &d->notice;
	struct slice rcpt, params;

	n->n = n->relayed = 0;
	if (d->msg.nrcpt > RELAY_RCPTS ||
	    spool_states(r->spool, &d->msg, states) < 0)
		return;
	for (unsigned i = 0;
	     i < d->msg.nrcpt && envelope_next(&rcpts, &rcpt, &params); i++) {
		bool relayed = ENABLE_DSN_PARAMS && states[i] == SPOOL_RELAYED;

		if (!relayed &&
		    (states[i] != SPOOL_REFUSED ||
		     (ENABLE_DSN_PARAMS && !params_want_failure(params))))
			continue;
		n->relayed += relayed;
		d->of[n->n++] = (uint16_t)i;
	}
}

bool bounce_pick(struct relay *r, struct delivery *d)
{
	struct buf out = BUF_ON(d->pick);
	struct slice rcpts, first = SLICE("");
	struct envelope env;

	if (!(d->msg.flags & SPOOL_RETURNING) ||
	    defer_waits(r, ~d->msg.id, 0) ||
	    envelope_parse(slice_of(d->env, d->env_len), &env) < 0)
		return false;
	find_told(r, d, env.rcpts);
	if (ENABLE_DSN_PARAMS && d->notice.n == 0)
		refuse_drop(r, d);
	if (d->notice.n == 0)
		return false;
	d->txn = (struct smtp_txn){ .from = SLICE("") };
	d->txn.nrcpt =
		(uint16_t)bounce_targets(r, env.from, d->msg.flags, &out);
	d->txn.rcpts = rcpts = buf_slice(&out);
	d->txn.outcomes = d->outcomes;
	if (d->txn.nrcpt == 0) {
		refuse_drop(r, d);
		return false;
	}
	envelope_next_rcpt(&rcpts, &first);
	d->notice.on = conf_route_of(r->conf, env.from, first) == d->route &&
		       may_send(r);
	return d->notice.on;
}

/* The hop that has refused it, when its route has just one host. */
static const struct conf_hop *hop_of(struct relay *r, struct slice from,
				     struct slice rcpt)
{
	int route = conf_route_of(r->conf, from, rcpt);
	const struct conf_hop *one = NULL;

	for (unsigned i = 0; i < r->conf->nhops; i++) {
		const struct conf_hop *h = &r->conf->hops[i];

		if (h->route != route)
			continue;
		if (one != NULL || h->scheme == HOP_ERROR)
			return NULL;
		one = h;
	}
	return one;
}

static bool is_relayed(const struct delivery *d, unsigned rcpt)
{
	uint8_t states[RELAY_RCPTS];

	return d->notice.relayed > 0 &&
	       spool_states(d->notice.r->spool, &d->msg, states) == 0 &&
	       states[rcpt] == SPOOL_RELAYED;
}

static bool next_rcpt(void *ctx, unsigned n, struct dsn_rcpt *out)
{
	struct delivery *d = ctx;
	struct relay *r = d->notice.r;
	struct buf text = BUF_ON(r->scratch);
	const struct conf_hop *hop;
	struct envelope env;
	struct slice params = SLICE("");

	if (n >= d->notice.n ||
	    envelope_parse(slice_of(d->env, d->env_len), &env) < 0)
		return false;
	for (unsigned i = 0; i <= d->of[n]; i++)
		if (!envelope_next(&env.rcpts, &out->address, &params))
			return false;
	if (ENABLE_DSN_PARAMS) {
		envelope_param(params, SLICE("ORCPT"), &out->orcpt);
		out->relayed = is_relayed(d, d->of[n]);
	}
	hop = hop_of(r, env.from, out->address);
	if (hop != NULL) {
		out->mta = hop->host;
		out->literal = hop->literal;
	}
	out->dsn = 500;
	if (spool_reason(r->spool, &d->msg, d->of[n], &out->code, &out->dsn,
			 &text) < 0)
		buf_put_str(&text, out->relayed ? "taken by the next hop"
						: "refused by the next hop");
	out->text = buf_slice(&text);
	return true;
}

/* The Message-ID that the message has, or had when it left. */
static struct slice find_msgid(struct relay *r, struct delivery *d)
{
	uint32_t n = d->size < sizeof(r->scratch) ? d->size
						  : sizeof(r->scratch);
	struct slice rest = slice_of(r->scratch, n);
	struct buf ref = BUF_ON(d->notice.ref);
	struct header_field f;
	int got = message_read(r, d, 0, r->scratch, n);

	if (got < 0)
		return SLICE("");
	while ((got = header_next(&rest, &f)) == 1) {
		if (!slice_ieq(f.name, SLICE("Message-ID")))
			continue;
		buf_put_slice(&ref, slice_trim(f.body));
		return buf_slice(&ref);
	}
	return got == 0 ? d->fixup_job.msgid : SLICE("");
}

/*
 * Octets of a notice that returns all, at most: each recipient is named in two
 * parts.
 */
static uint64_t full_size(const struct delivery *d)
{
	return FULL_EXTRA + (uint64_t)d->size + 2u * DSN_ROOM * d->notice.n;
}

/*
 * RFC 3461 4.3: is all of the message returned?  Only with a failure, and only
 * where the hop takes it: else the header, which always goes.
 */
static bool returns_all(const struct delivery *d, const struct envelope *env)
{
	const struct ehlo *e = &d->client.ehlo;
	struct slice ret;

	return ENABLE_DSN_PARAMS && d->notice.relayed < d->notice.n &&
	       envelope_param(env->params, SLICE("RET"), &ret) &&
	       slice_eq(ret, SLICE("FULL")) &&
	       (e->size == 0 || full_size(d) <= e->size) &&
	       (!(d->msg.flags & SPOOL_8BIT) || (e->ext & EHLO_8BITMIME)) &&
	       (!(d->msg.flags & RELAY_UTF8) || d->notice.job.utf8);
}

/* RFC 6533: is there more than ASCII to be said, and does the hop take it? */
static bool may_be_utf8(const struct delivery *d)
{
	const unsigned both = EHLO_SMTPUTF8 | EHLO_8BITMIME;

	return ENABLE_SMTPUTF8 && (d->client.ehlo.ext & both) == both &&
	       ((d->msg.flags & RELAY_UTF8) ||
		slice_has_8bit(slice_of(d->env, d->env_len)));
}

/* What the sender has said about notices (RFC 3461). */
static void heed_wishes(struct delivery *d, const struct envelope *env)
{
	struct notice *n = &d->notice;

	envelope_param(env->params, SLICE("ENVID"), &n->job.envid);
	n->job.relayed = n->relayed > 0;
	n->job.failed = n->relayed < n->n;
	n->job.full = returns_all(d, env);
	if (n->job.full) {
		d->txn.size = full_size(d);
		d->txn.eight_bit |= n->job.eight_bit;
	}
}

void bounce_begin(struct relay *r, struct delivery *d)
{
	struct notice *n = &d->notice;
	struct buf id = BUF_ON(n->id);
	struct envelope env = { 0 };
	uint16_t nrcpt = d->txn.nrcpt;
	bool sane = clock_is_sane(r), known;
	char text[ID_LEN + 1];

	if (envelope_parse(slice_of(d->env, d->env_len), &env) < 0)
		env.from = SLICE("");
	/* The header that is returned is the one that it left with. */
	d->txn.from = env.from;
	d->txn.nrcpt = 0;
	message_header(r, d);
	d->txn.from = SLICE("");
	d->txn.nrcpt = nrcpt;
	d->txn.size = 0;
	d->txn.eight_bit = d->txn.utf8 = may_be_utf8(d);
	/* The same for every attempt, another one for another notice. */
	id_format(text, d->id);
	buf_putf(&id, "%s.%u", text, d->of[0]);
	n->r = r;
	n->job = (struct dsn_job){
		.host = slice_str(message_domain(r)),
		.to = env.from,
		.id = buf_cstr(&id),
		.msgid = find_msgid(r, d),
		.date_s = sane ? world_wall_s(r->w) : clock_floor(r),
		.eight_bit = (d->msg.flags & SPOOL_8BIT) != 0,
		.utf8 = d->txn.utf8,
		.ctx = d,
		.rcpt = next_rcpt,
	};
	if (ENABLE_DSN_PARAMS)
		heed_wishes(d, &env);
	n->job.zone_min = r->w->zone_min(r->w->ctx, n->job.date_s);
	n->job.arrival_s = message_arrival(r, d, &known);
	if (!known)
		n->job.arrival_s = 0;
	dsn_start(&n->gen, &n->job);
	n->words = true;
}

static const char *name_of(const struct outcome *o)
{
	if (o->uncertain)
		return "uncertain";
	if (o->verdict == VERDICT_SENT)
		return "returned";
	return o->verdict == VERDICT_REFUSED ? "refused" : "deferred";
}

void bounce_record(struct relay *r, struct delivery *d)
{
	struct slice rcpts = d->txn.rcpts, rcpt;
	const struct outcome *later = NULL;
	bool sent = false, open = false;

	for (unsigned k = 0; envelope_next_rcpt(&rcpts, &rcpt); k++) {
		const struct outcome *o = &d->outcomes[k];

		if (o->more ||
		    (!o->uncertain && o->verdict == VERDICT_RETRY_ROUTE)) {
			open = true;
			continue;
		}
		event_rcpt(r, name_of(o), d, rcpt, o);
		sent |= o->verdict == VERDICT_SENT;
		if (o->uncertain || o->verdict == VERDICT_RETRY_MESSAGE)
			later = o;
	}
	if (!sent && later != NULL)
		defer_add(r, ~d->id, 0, later);
	if (!sent && (later != NULL || open))
		return;
	if (sent)
		r->notices++;
	else
		refuse_drop(r, d);
	/* One of the sender's mailboxes has it: the others are not asked. */
	for (unsigned k = 0; k < d->txn.nrcpt; k++)
		d->outcomes[k] = (struct outcome){ .verdict = VERDICT_SENT };
	refuse_told(r, d->id);
	work_rewind(r, d->route);
}
