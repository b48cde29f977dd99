/* SPDX-License-Identifier: ISC */
/*
 * relay/listing.c - the queue as operators see it: first what is only in RAM,
 * then the spool, one recipient a piece (DESIGN.md 2.3).
 */
#include "relay/listing.h"

#include <string.h>

static bool is_active(const struct relay *r, uint64_t id)
{
	for (size_t i = 0; i < ARRAY_LEN(r->deliveries); i++)
		if (r->deliveries[i].busy && r->deliveries[i].id == id)
			return true;
	return false;
}

/* The hop that a recipient waits for: the first of its route. */
static const struct hop *hop_waited_for(struct relay *r, struct slice from,
					struct slice rcpt)
{
	int route = conf_route_of(r->conf, from, rcpt);

	for (unsigned i = 0; i < r->conf->nhops; i++)
		if (r->conf->hops[i].route == route &&
		    (r->hops[i].state == HOP_DOWN ||
		     r->hops[i].state == HOP_HELD))
			return &r->hops[i];
	return NULL;
}

/* Is a notice owed that was not sent yet? */
static bool is_returning(struct relay *r, const struct spool_msg *msg)
{
	uint8_t states[RELAY_RCPTS];

	if (!(msg->flags & SPOOL_RETURNING) || msg->nrcpt > RELAY_RCPTS ||
	    spool_states(r->spool, msg, states) < 0)
		return false;
	return memchr(states, SPOOL_REFUSED, msg->nrcpt) != NULL ||
	       (ENABLE_DSN_PARAMS &&
		memchr(states, SPOOL_RELAYED, msg->nrcpt) != NULL);
}

/* When mail from and to those two may go; INT64_MAX: that is not known. */
static int64_t due_ms(struct relay *r, struct slice from, struct slice to,
		      const struct defer *d)
{
	int route = conf_route_of(r->conf, from, to);
	int64_t at = route < 0 ? INT64_MAX : route_due_ms(r, (unsigned)route);

	return d != NULL && d->due_ms > at ? d->due_ms : at;
}

/* The first time that anything of it may be tried. */
static int64_t next_attempt_ms(struct relay *r, const struct spool_msg *msg,
			       const struct envelope *env)
{
	struct slice rcpts = env->rcpts, rcpt;
	uint8_t states[RELAY_RCPTS];
	int64_t next = INT64_MAX;

	if (msg->flags & SPOOL_HELD || msg->nrcpt > RELAY_RCPTS ||
	    spool_states(r->spool, msg, states) < 0)
		return INT64_MAX;
	if (is_returning(r, msg))
		next = due_ms(r, env->from, env->from,
			      defer_find(r, ~msg->id, 0));
	for (unsigned i = 0;
	     i < msg->nrcpt && envelope_next_rcpt(&rcpts, &rcpt); i++) {
		int64_t at = INT64_MAX;

		if (states[i] == SPOOL_WAITING || states[i] == SPOOL_UNCERTAIN)
			at = due_ms(r, env->from, rcpt,
				    defer_find(r, msg->id, i));
		if (at < next)
			next = at;
	}
	return next;
}

/* The sender and recipients of a message; what cannot be read is empty. */
static bool load_envelope(struct relay *r, const struct spool_msg *msg,
			  struct envelope *env)
{
	if (msg->id != 0 && msg->env_len <= sizeof(r->scratch) &&
	    spool_read_envelope(r->spool, msg, r->scratch) == 0 &&
	    envelope_parse(slice_of(r->scratch, msg->env_len), env) == 0)
		return true;
	*env = (struct envelope){ 0 };
	return false;
}

struct slice queued_sender(struct relay *r, const struct spool_msg *msg)
{
	struct envelope env;

	(void)load_envelope(r, msg, &env);
	return env.from;
}

static void load_queued(struct relay *r, const struct control *c,
			struct shown *s)
{
	const struct spool_msg *msg = &c->msg;
	bool read = load_envelope(r, msg, &s->env);

	s->id = msg->id;
	s->age_s = msg->age_s;
	s->wall_s = msg->wall_s;
	s->wall_known = (msg->flags & SPOOL_WALL_SANE) != 0;
	s->size = msg->size;
	s->damaged = c->damaged || !read;
	s->nrcpt = read && msg->nrcpt <= RELAY_RCPTS ? msg->nrcpt : 0;
	s->next_ms = INT64_MAX;
	s->state = "queued";
	if (msg->flags & SPOOL_HELD || s->damaged) {
		s->state = "held";
		return;
	}
	s->next_ms = next_attempt_ms(r, msg, &s->env);
	if (is_returning(r, msg))
		s->state = "returning";
	else if (is_active(r, msg->id))
		s->state = "active";
}

static void load_staged(struct relay *r, const struct submission *m,
			struct shown *s)
{
	size_t n = m->env.len;

	chain_read(&r->stage, &m->env, 0, r->scratch, n);
	if (envelope_parse(slice_of(r->scratch, n), &s->env) < 0)
		s->env = (struct envelope){ 0 };
	s->id = m->id;
	s->state = "active";
	s->age_s = (r->now_ms - m->dot_ms) / 1000;
	s->size = m->size;
	s->nrcpt = m->nrcpt;
	s->next_ms = INT64_MAX;
	s->wall_s = m->wall_s;
	s->wall_known = m->wall_sane;
	s->damaged = false;
}

static void state_of(struct relay *r, const struct spool_msg *msg, unsigned i,
		     uint8_t state, struct slice from, struct slice rcpt,
		     struct shown_rcpt *out)
{
	const struct defer *d = defer_find(r, msg->id, i);
	const struct hop *h = hop_waited_for(r, from, rcpt);

	if (state == SPOOL_RELAYED)
		state = SPOOL_SENT;
	if (state == SPOOL_SENT || state == SPOOL_REFUSED ||
	    state == SPOOL_DROPPED) {
		out->state = state == SPOOL_SENT ? "sent" : "refused";
		if (state != SPOOL_SENT &&
		    spool_reason(r->spool, msg, (uint16_t)i, &out->code,
				 &out->dsn, &out->text) < 0)
			buf_put_str(&out->text, "refused");
		return;
	}
	out->state = state == SPOOL_UNCERTAIN ? "uncertain" : "waiting";
	if (d == NULL && h == NULL) {
		if (conf_route_of(r->conf, from, rcpt) < 0)
			buf_put_str(&out->text, "no route for this recipient");
		return;
	}
	if (state != SPOOL_UNCERTAIN)
		out->state = "deferred";
	out->code = d != NULL ? d->code : h->code;
	out->dsn = d != NULL ? d->dsn : h->dsn;
	buf_put_str(&out->text, d != NULL ? d->text : h->reason);
}

static void json_head(struct relay *r, struct buf *b, const struct shown *s)
{
	char id[ID_LEN + 3] = "null";

	if (s->id != 0) {
		id_format(id + 1, s->id);
		id[0] = id[ID_LEN + 1] = '"';
		id[ID_LEN + 2] = '\0';
	}
	buf_putf(b,
		 "{\"id\":%s,\"state\":\"%s\",\"age_s\":%lld,"
		 "\"size\":%u,\"from\":",
		 id, s->state, (long long)s->age_s, s->size);
	if (s->env.rcpts.n > 0)
		buf_put_json(b, s->env.from);
	else
		buf_put_str(b, "null");
	buf_put_str(b, ",\"next_attempt_s\":");
	if (s->next_ms == INT64_MAX)
		buf_put_str(b, "null");
	else
		buf_put_i64(b, s->next_ms > r->now_ms
				       ? (s->next_ms - r->now_ms + 999) / 1000
				       : 0);
	buf_put_str(b, ",\"recipients\":[");
}

static void put_rcpt(struct control *c, unsigned i, struct slice rcpt,
		     const struct shown_rcpt *s)
{
	struct buf *b = &c->out;

	if (!c->json) {
		rows_rcpt(b, rcpt, s);
		return;
	}
	buf_putf(b, "%s{\"address\":", i ? "," : "");
	buf_put_json(b, rcpt);
	buf_putf(b, ",\"state\":\"%s\",\"code\":", s->state);
	if (s->code)
		buf_put_u64(b, s->code);
	else
		buf_put_str(b, "null");
	buf_put_str(b, ",\"dsn\":");
	if (s->dsn) {
		buf_put_char(b, '"');
		outcome_put_dsn(b, s->dsn);
		buf_put_char(b, '"');
	} else {
		buf_put_str(b, "null");
	}
	buf_put_str(b, ",\"text\":");
	if (s->text.len > 0)
		buf_put_json(b, buf_slice(&s->text));
	else
		buf_put_str(b, "null");
	buf_put_char(b, '}');
}

static void head(struct relay *r, struct control *c, const struct shown *s)
{
	if (c->json)
		json_head(r, &c->out, s);
	else
		rows_head(r, &c->out, s, c->shown == 0);
	c->shown++;
	c->bytes += s->size;
}

/* A staged message: piece 0 its head, then its recipients, then its end. */
static bool staged_piece(struct relay *r, struct control *c)
{
	static const char *const names[] = { "waiting",   "sent",    "refused",
					     "uncertain", "refused", "sent" };
	struct submission *m = &r->submissions[c->step - 1];
	struct shown s;
	struct shown_rcpt to = { 0 };

	if (m->state != SUBMISSION_READY || c->rcpt > m->nrcpt) {
		if (c->json && c->rcpt > 0)
			buf_put_str(&c->out, "]}\n");
		c->rcpt = 0;
		c->step++;
		return true;
	}
	load_staged(r, m, &s);
	if (c->rcpt == 0) {
		head(r, c, &s);
	} else {
		to.text = BUF_ON(to.space);
		to.state = names[m->rcpts[c->rcpt - 1].state];
		put_rcpt(c, c->rcpt - 1u,
			 envelope_rcpt_at(s.env.rcpts, c->rcpt - 1u), &to);
	}
	c->rcpt++;
	return true;
}

static bool next_queued(struct relay *r, struct control *c)
{
	/* One with bytes missing too: what is known of it is shown. */
	int got = spool_next(r->spool, &c->cursor, &c->msg);

	c->have_msg = got != 0;
	c->damaged = got < 0;
	c->rcpt = 0;
	return c->have_msg;
}

static bool queued_piece(struct relay *r, struct control *c)
{
	uint8_t states[RELAY_RCPTS];
	struct shown s;
	struct shown_rcpt to = { 0 };
	unsigned i = c->rcpt - 1u;

	if (!c->have_msg && !next_queued(r, c))
		return false;
	load_queued(r, c, &s);
	if (c->rcpt > s.nrcpt) {
		if (c->json)
			buf_put_str(&c->out, "]}\n");
		c->have_msg = false;
		return true;
	}
	if (c->rcpt++ == 0) {
		head(r, c, &s);
		return true;
	}
	if (spool_states(r->spool, &c->msg, states) < 0)
		states[i] = SPOOL_WAITING;
	to.text = BUF_ON(to.space);
	state_of(r, &c->msg, i, states[i], s.env.from,
		 envelope_rcpt_at(s.env.rcpts, i), &to);
	put_rcpt(c, i, envelope_rcpt_at(s.env.rcpts, i), &to);
	return true;
}

bool queue_piece(struct relay *r, struct control *c)
{
	if (c->step == 0) {
		c->step = 1;
		return true;
	}
	if (c->step <= RELAY_SUBMISSIONS)
		return staged_piece(r, c);
	if (ENABLE_SPOOL && r->spool != NULL && queued_piece(r, c))
		return true;
	if (!c->json && c->shown == 0)
		buf_put_str(&c->out, "Mail queue is empty\n");
	else if (!c->json)
		buf_putf(&c->out, "\n-- %llu Kbytes in %u Requests.\n",
			 (unsigned long long)((c->bytes + 1023) / 1024),
			 c->shown);
	return false;
}
