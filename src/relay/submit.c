/* SPDX-License-Identifier: ISC */
/*
 * relay/submit.c - see relay/submit.h.  The envelope goes to the stage; the
 * content is content.c's.
 */
#include "relay/submit.h"

#include <errno.h>
#include <string.h>

#include "mail/address.h"
#include "relay/parts.h"

static int refuse(struct outcome *why, uint16_t code, uint16_t dsn,
		  const char *text)
{
	outcome_set(why, code < 500 ? VERDICT_RETRY_MESSAGE : VERDICT_REFUSED,
		    code, dsn, slice_str(text));
	return -1;
}

static struct submission *take_free(struct relay *r)
{
	for (size_t i = 0; i < ARRAY_LEN(r->submissions); i++)
		if (r->submissions[i].state == SUBMISSION_FREE)
			return &r->submissions[i];
	return NULL;
}

static void fill_new(struct relay *r, struct submission *s,
		     const struct submit_job *job, struct slice sender)
{
	static const struct fixup_job nothing;

	memset(s, 0, sizeof(*s));
	s->state = SUBMISSION_OPEN;
	s->id = id_new(r->w);
	s->env = s->body = s->notes = CHAIN_EMPTY;
	s->announced = job->size;
	s->local = job->local;
	s->queue = job->queue;
	s->utf8 = job->utf8;
	s->moved_ms = r->now_ms;
	s->bare = r->conf->from.n == 0 && !slice_eq(sender, job->from);
	s->wall_s = world_wall_s(r->w);
	s->wall_sane = clock_is_sane(r);
	fixup_start(&s->scan, &nothing);
}

/* An envelope has its place in the stage, or the message is refused. */
static int append_env(struct relay *r, struct submission *s, struct slice in)
{
	int err = chain_append(&r->stage, &s->env, in);

	if (err == 0)
		return 0;
	submission_make_room(r);
	return chain_append(&r->stage, &s->env, in);
}

struct submission *submit_begin(struct relay *r, const struct submit_job *job,
				struct outcome *why)
{
	struct submission *s = take_free(r);
	struct buf sender = BUF_ON(r->scratch);

	if (r->spool_waits) {
		refuse(why, 451, 430, r->no_spool);
		return NULL;
	}
	if (r->stopping || s == NULL) {
		refuse(why, 452, 431, "too many messages at once");
		return NULL;
	}
	if (submission_check_size(r, job->size, why) < 0)
		return NULL;
	if (identity_sender(r->id, r->conf, job->from, &sender) < 0 ||
	    sender.overflow) {
		refuse(why, 553, 513, "sender has no domain");
		return NULL;
	}
	fill_new(r, s, job, buf_slice(&sender));
	buf_put_char(&sender, '\0');
	envelope_put_params(&sender, job->params);
	if (sender.overflow || append_env(r, s, buf_slice(&sender)) < 0 ||
	    append_env(r, s, job->trace) < 0 ||
	    append_env(r, s, SLICE("\0")) < 0) {
		submission_free(r, s);
		refuse(why, 452, 431, "no memory for this message now");
		return NULL;
	}
	return s;
}

/* What identity_expand() gives is collected here, packed. */
struct expansion {
	struct buf packed;
	unsigned n;
	struct slice params; /* each gets them */
};

static int collect(void *ctx, struct slice mailbox)
{
	struct expansion *e = ctx;

	envelope_put_rcpt(&e->packed, mailbox);
	envelope_put_params(&e->packed, e->params);
	e->n++;
	return e->packed.overflow ? -EMSGSIZE : 0;
}

struct slice submission_sender(struct relay *r, const struct submission *s,
			       char from[static ADDRESS_MAX_PATH + 2])
{
	struct slice head;

	size_t n = s->env.len < ADDRESS_MAX_PATH + 1 ? s->env.len
						     : ADDRESS_MAX_PATH + 1;

	chain_read(&r->stage, &s->env, 0, from, n);
	from[n] = '\0';
	head = slice_str(from);
	return slice_cut(&head, ENVELOPE_MARK);
}

/* Is this mailbox among packed recipients? */
static bool is_among(struct slice rcpts, struct slice mailbox)
{
	struct slice rcpt;
	struct address a, b;

	if (address_parse_utf8(mailbox, &a) < 0)
		return false;
	while (envelope_next_rcpt(&rcpts, &rcpt))
		if (address_parse_utf8(rcpt, &b) == 0 && address_eq(&a, &b))
			return true;
	return false;
}

/* Is it a recipient already? */
static bool is_known(struct relay *r, const struct submission *s,
		     struct slice mailbox)
{
	struct slice packed = slice_of(r->known, s->env.len);
	struct envelope env;

	chain_read(&r->stage, &s->env, 0, r->known, s->env.len);
	return envelope_parse(packed, &env) == 0 &&
	       is_among(env.rcpts, mailbox);
}

/* Aliases may name a mailbox twice: it gets one copy. */
static void drop_known(struct relay *r, const struct submission *s,
		       struct expansion *e)
{
	struct buf kept = BUF_ON(r->scratch);
	struct slice packed = buf_slice(&e->packed), rcpt, params;

	e->n = 0;
	while (envelope_next(&packed, &rcpt, &params)) {
		if (is_known(r, s, rcpt) || is_among(buf_slice(&kept), rcpt))
			continue;
		envelope_keep(&kept, rcpt, params);
		e->n++;
	}
	e->packed = kept;
}

static void add_rcpts(struct relay *r, struct submission *s,
		      struct slice packed)
{
	char from[ADDRESS_MAX_PATH + 2];
	struct slice sender = submission_sender(r, s, from);
	struct slice rcpt;

	while (envelope_next_rcpt(&packed, &rcpt)) {
		struct staged_rcpt *to = &s->rcpts[s->nrcpt++];
		int route = conf_route_of(r->conf, sender, rcpt);

		memset(to, 0, sizeof(*to));
		to->route = route < 0 ? ROUTE_NONE : (uint8_t)route;
		to->origin = (uint8_t)s->origins;
	}
	s->origins++;
}

int submit_rcpt(struct relay *r, struct submission *s, struct slice rcpt,
		struct slice params, struct outcome *why)
{
	struct expansion e = { BUF_ON(r->scratch), 0, params };
	int err = identity_expand(r->id, r->conf, rcpt, collect, &e);

	if (err == 0)
		drop_known(r, s, &e);
	if (err == -EDESTADDRREQ)
		return refuse(why, 553, 513, "recipient has no domain");
	if (err == -ELOOP)
		return refuse(why, 554, 546, "aliases go round in circles");
	if (err == -EMSGSIZE || s->nrcpt + e.n > RELAY_RCPTS ||
	    s->env.len + e.packed.len > CONFIG_ENVELOPE_MAX)
		return refuse(why, 452, 453, "too many recipients");
	if (err < 0)
		return refuse(why, 501, 513, "bad recipient address");
	if (append_env(r, s, buf_slice(&e.packed)) < 0)
		return refuse(why, 452, 431, "no memory for this message now");
	add_rcpts(r, s, buf_slice(&e.packed));
	return 0;
}

void submit_end(struct relay *r, struct submission *s)
{
	r->now_ms = world_boot_ms(r->w);
	s->state = SUBMISSION_READY;
	s->dot_ms = r->now_ms;
	s->commit_ms = r->now_ms + (s->local ? r->conf->commit_local_ms
					     : r->conf->commit_smtp_ms);
	if (s->queue)
		s->commit_ms = r->now_ms;
	if (s->commit_ms == r->now_ms && relay_has_spool(r))
		s->want_commit = true;
	r->again = true;
}

static void reroute(struct relay *r, struct submission *s)
{
	struct slice packed = slice_of(r->scratch, s->env.len), rcpt;
	struct envelope env;

	BUILD_ASSERT(sizeof(r->scratch) >= CONFIG_ENVELOPE_MAX);
	chain_read(&r->stage, &s->env, 0, r->scratch, s->env.len);
	if (envelope_parse(packed, &env) < 0)
		return;
	for (unsigned i = 0; envelope_next_rcpt(&env.rcpts, &rcpt); i++) {
		int route = conf_route_of(r->conf, env.from, rcpt);

		s->rcpts[i].route = route < 0 ? ROUTE_NONE : (uint8_t)route;
	}
}

void submission_reroute_all(struct relay *r)
{
	for (size_t i = 0; i < ARRAY_LEN(r->submissions); i++)
		if (r->submissions[i].state == SUBMISSION_OPEN ||
		    r->submissions[i].state == SUBMISSION_READY)
			reroute(r, &r->submissions[i]);
}

bool submit_answered(const struct submission *s)
{
	return s->state == SUBMISSION_ANSWERED;
}

const struct outcome *submit_answer(const struct submission *s)
{
	return &s->answer;
}

unsigned submit_rcpts(const struct submission *s)
{
	return s->origins;
}

uint64_t submit_id(const struct submission *s)
{
	return s->id;
}

/* Of the recipients one submit_rcpt() became: refused < waiting < sent. */
static unsigned rank(const struct staged_rcpt *t)
{
	if (t->state == SPOOL_REFUSED)
		return 1;
	return t->state == SPOOL_SENT ? 2 : 3;
}

void submit_answer_rcpt(struct relay *r, const struct submission *s, unsigned n,
			struct outcome *out)
{
	struct buf text = BUF_ON(r->scratch);
	const struct staged_rcpt *best = NULL;

	*out = s->answer;
	for (unsigned i = 0; i < s->nrcpt; i++) {
		const struct staged_rcpt *t = &s->rcpts[i];

		if (t->origin == n && (!best || rank(t) > rank(best)))
			best = t;
	}
	if (best == NULL || rank(best) == 3)
		return;
	submission_text(r, s, (unsigned)(best - s->rcpts), &text);
	outcome_set(out, rank(best) == 2 ? VERDICT_SENT : VERDICT_REFUSED,
		    best->code ? best->code : (rank(best) == 2 ? 250 : 554),
		    best->dsn, buf_slice(&text));
}

void submission_note(struct relay *r, struct submission *s, unsigned rcpt,
		     const char *text)
{
	uint8_t head[2] = { (uint8_t)rcpt, (uint8_t)strlen(text) };
	struct buf b = BUF_ON(r->scratch);

	buf_put(&b, head, sizeof(head));
	buf_put(&b, text, head[1]);
	/* No room: the answer then goes without the peer's words. */
	if (chain_append(&r->stage, &s->notes, buf_slice(&b)) < 0)
		log_debug("no room for a peer's words");
}

void submission_text(struct relay *r, const struct submission *s, unsigned rcpt,
		     struct buf *out)
{
	char text[OUTCOME_MAX_TEXT];
	uint8_t head[2];

	for (uint32_t off = 0; off + 2 <= s->notes.len; off += 2u + head[1]) {
		chain_read(&r->stage, &s->notes, off, head, 2);
		if (head[0] != rcpt || head[1] >= sizeof(text))
			continue;
		chain_read(&r->stage, &s->notes, off + 2, text, head[1]);
		out->len = 0;
		buf_put(out, text, head[1]);
	}
}

void submission_free(struct relay *r, struct submission *s)
{
	if (ENABLE_SPOOL && r->big == s) {
		spool_big_abort(r->spool);
		r->big = NULL;
		r->again = true;
	}
	chain_free(&r->stage, &s->env);
	chain_free(&r->stage, &s->body);
	chain_free(&r->stage, &s->notes);
	s->state = SUBMISSION_FREE;
}

void submit_done(struct relay *r, struct submission *s)
{
	submission_free(r, s);
}

void submit_abort(struct relay *r, struct submission *s)
{
	submission_free(r, s);
}

void submit_orphan(struct submission *s)
{
	s->orphan = true;
}
