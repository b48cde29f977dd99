/* SPDX-License-Identifier: ISC */
/*
 * relay/refuse.c - recipients that will never be reached: refused by the next
 * hop, or waiting for too long.  That is stored before anything is done about
 * it: the message is *returning* (DESIGN.md 3.1, 3.2).  Then the sender is told
 * (bounce.c), or it is logged that nobody is.
 */
#include <string.h>

#include "relay/parts.h"

bool refuse_is_owed(struct relay *r, struct slice from, uint32_t flags)
{
	return ENABLE_BOUNCE && bounce_targets(r, from, flags, NULL) > 0;
}

void refuse_dropped(struct relay *r, const struct spool_msg *msg,
		    struct slice from, unsigned nrcpt)
{
	const char *why = "nobody is told";

	if (from.n == 0)
		why = "nobody is told: the sender is <>";
	else if (ENABLE_BOUNCE && !refuse_is_owed(r, from, msg->flags))
		why = "nobody is told: the sender is local, without alias";
	r->count.dropped++;
	event_message(r, "dropped", msg->id, from, msg->size, nrcpt, why);
}

void refuse_told(struct relay *r, uint64_t id)
{
	struct spool_mark m = { .id = id, .kind = SPOOL_MARK_GONE };
	uint8_t states[RELAY_RCPTS];
	struct spool_msg msg;
	int err = 0;

	defer_forget(r, ~id);
	if (spool_find(r->spool, id, &msg) < 0 || msg.nrcpt > RELAY_RCPTS ||
	    spool_states(r->spool, &msg, states) < 0)
		return;
	if (memchr(states, SPOOL_WAITING, msg.nrcpt) != NULL ||
	    memchr(states, SPOOL_UNCERTAIN, msg.nrcpt) != NULL)
		m.kind = SPOOL_MARK_RCPT;
	for (; m.rcpt < msg.nrcpt && err == 0; m.rcpt++) {
		m.state = SPOOL_DROPPED;
		if (ENABLE_DSN_PARAMS && states[m.rcpt] == SPOOL_RELAYED)
			m.state = SPOOL_SENT;
		else if (states[m.rcpt] != SPOOL_REFUSED)
			continue;
		err = spool_mark_lazy(r->spool, &m);
		if (m.kind == SPOOL_MARK_GONE)
			break;
	}
	if (err < 0) {
		struct outcome why;

		/* Not at once again: it may not count. */
		outcome_set(&why, VERDICT_RETRY_MESSAGE, 0, 430, SLICE(""));
		log_warn("spool: a mark waits in memory: error %d", -err);
		defer_add(r, ~id, 0, &why);
	}
}

void refuse_drop(struct relay *r, const struct delivery *d)
{
	uint8_t states[RELAY_RCPTS];
	struct envelope env;
	unsigned n = 0;

	if (!(d->msg.flags & SPOOL_RETURNING) || d->msg.nrcpt > RELAY_RCPTS ||
	    spool_states(r->spool, &d->msg, states) < 0 ||
	    envelope_parse(slice_of(d->env, d->env_len), &env) < 0)
		return;
	for (unsigned i = 0; i < d->msg.nrcpt; i++)
		n += states[i] == SPOOL_REFUSED;
	if (n == 0 && (!ENABLE_DSN_PARAMS ||
		       memchr(states, SPOOL_RELAYED, d->msg.nrcpt) == NULL))
		return;
	if (n > 0)
		refuse_dropped(r, &d->msg, env.from, n);
	refuse_told(r, d->msg.id);
}

/* Marks of one message on their way to the spool. */
struct marks {
	struct relay *r;
	const struct spool_msg *msg;
	unsigned n; /* recipients */
	int err;    /* the first one */
};

static void start_marks(struct marks *m, struct relay *r,
			const struct spool_msg *msg)
{
	*m = (struct marks){ .r = r, .msg = msg };
	r->batch.nitems = r->batch.nmarks = 0;
}

static void commit_marks(struct marks *m)
{
	struct batch *b = &m->r->batch;

	if (b->nitems > 0 && m->err == 0)
		m->err = spool_commit(m->r->spool, b->item, b->nitems);
	b->nitems = b->nmarks = 0;
}

static void add_mark(struct marks *m, struct spool_mark mark)
{
	struct batch *b = &m->r->batch;

	if (b->nmarks == ARRAY_LEN(b->mark))
		commit_marks(m);
	struct buf text = BUF_ON(b->text[b->nmarks]);

	buf_put_slice(&text, mark.text);
	mark.text = buf_slice(&text);
	mark.id = m->msg->id;
	b->mark[b->nmarks] = mark;
	b->item[b->nitems++] =
		(struct spool_item){ .mark = &b->mark[b->nmarks++] };
}

/* What happened to it is to be told. */
static void add_told(struct marks *m, unsigned rcpt, const struct outcome *o)
{
	if (m->n++ == 0 && !(m->msg->flags & SPOOL_RETURNING))
		add_mark(m, (struct spool_mark){ .kind = SPOOL_MARK_FLAGS,
						 .flags = m->msg->flags |
							  SPOOL_RETURNING });
	add_mark(m, (struct spool_mark){ .kind = SPOOL_MARK_RCPT,
					 .rcpt = (uint16_t)rcpt,
					 .state = o->relayed ? SPOOL_RELAYED
							     : SPOOL_REFUSED,
					 .code = o->code,
					 .dsn = o->dsn,
					 .text = slice_str(o->text) });
}

/* 0;  -errno not all is stored: what is not is found again. */
static int end_marks(struct marks *m)
{
	struct relay *r = m->r;

	if (m->n == 0)
		return 0;
	commit_marks(m);
	if (m->err < 0) {
		log_err("spool: a refusal was not stored: error %d", -m->err);
		return m->err;
	}
	r->again = true;
	return 0;
}

static bool is_told(const struct outcome *o)
{
	return o->relayed || (o->verdict == VERDICT_REFUSED && !o->more);
}

void refuse_queued(struct relay *r, struct delivery *d)
{
	struct spool_msg msg;
	struct marks m;
	unsigned k = 0;

	while (k < d->txn.nrcpt && !is_told(&d->outcomes[k]))
		k++;
	/* Looked up again: an operator may have held it meanwhile. */
	if (k == d->txn.nrcpt || spool_find(r->spool, d->id, &msg) < 0)
		return;
	start_marks(&m, r, &msg);
	for (unsigned i = k; i < d->txn.nrcpt; i++)
		if (is_told(&d->outcomes[i]))
			add_told(&m, d->of[i], &d->outcomes[i]);
	bool stored = end_marks(&m) == 0;
	for (unsigned i = k; i < d->txn.nrcpt; i++) {
		const struct outcome *o = &d->outcomes[i];

		if (!stored && o->relayed)
			attempt_mark(r, d, d->of[i], SPOOL_SENT);
		else if (!stored && is_told(o))
			defer_add(r, d->id, d->of[i], o);
		else if (is_told(o))
			defer_end(r, d->id, d->of[i]);
	}
	if (stored)
		work_rewind_all(r);
}

/* What the recipient has waited for, as far as that is known. */
static void say_why(struct relay *r, const struct defer *later, uint8_t state,
		    struct slice from, struct slice rcpt, struct outcome *o)
{
	int route = conf_route_of(r->conf, from, rcpt);
	char text[OUTCOME_MAX_TEXT];
	struct buf b = BUF_ON(text);
	const char *why = "no route for this recipient";

	if (state == SPOOL_UNCERTAIN)
		why = "it may have arrived";
	else if (later != NULL && later->text[0])
		why = later->text;
	else if (route >= 0)
		why = work_reason(r, (unsigned)route);
	buf_putf(&b, "not delivered in time: %s", why);
	/* RFC 3463 3.5: 4.4.7 is what has expired, whatever was said last. */
	outcome_set(o, VERDICT_REFUSED, later ? later->code : 0, 447,
		    buf_slice(&b));
}

/*
 * Recipients that still wait are refused.
 * Returns: their number;  -errno that could not be stored (age.c asks again)
 */
static int expire(struct relay *r, struct delivery *d,
		  const struct envelope *env, const uint8_t *states)
{
	struct slice rcpts = env->rcpts, rcpt;
	struct marks m;

	start_marks(&m, r, &d->msg);
	for (unsigned i = 0; envelope_next_rcpt(&rcpts, &rcpt); i++) {
		struct outcome o;

		if (i >= d->msg.nrcpt || (states[i] != SPOOL_WAITING &&
					  states[i] != SPOOL_UNCERTAIN))
			continue;
		say_why(r, defer_find(r, d->msg.id, i), states[i], env->from,
			rcpt, &o);
		add_told(&m, i, &o);
	}
	int err = end_marks(&m);

	if (err < 0 || m.n == 0)
		return err;
	defer_forget(r, d->msg.id);
	r->count.expired += m.n;
	event_message(r, "expired", d->msg.id, env->from, d->msg.size, m.n,
		      "too old to be delivered");
	return (int)m.n;
}

bool refuse_expired(struct relay *r, struct delivery *d)
{
	uint8_t states[RELAY_RCPTS];
	uint64_t id = d->msg.id;
	struct envelope env;

	if (d->msg.age_s < r->conf->lifetime_s || d->msg.nrcpt > RELAY_RCPTS ||
	    spool_states(r->spool, &d->msg, states) < 0 ||
	    envelope_parse(slice_of(d->env, d->env_len), &env) < 0)
		return false;
	int n = expire(r, d, &env, states);

	if (n > 0) {
		/* Other routes: this one goes on with its notice, or passes. */
		for (unsigned i = 0; i < r->conf->nroutes; i++)
			if (i != d->route)
				work_rewind(r, i);
		return spool_find(r->spool, id, &d->msg) < 0;
	}
	/* The walk over the ages gives it up: until then it may be tried. */
	if (n < 0 || d->route != ROUTE_NONE ||
	    d->msg.age_s < 2LL * r->conf->lifetime_s)
		return false;
	refuse_drop(r, d);
	return true;
}
