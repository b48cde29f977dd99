/* SPDX-License-Identifier: ISC */
/*
 * relay/session.c - clients of the listener and of the submission socket:
 * between the server engine's questions and relay/submit.h.
 */
#include <errno.h>
#include <string.h>

#include "relay/parts.h"

/* RFC 5321 4.5.3.2.7: a server waits at least 5 minutes. */
#define IDLE_MS (5 * 60 * 1000)

/* How long a submitter waits for room before it gets 452. */
#define ROOM_MS 10000

/* Rounds of work for one session in one turn of the loop. */
#define ROUNDS 64

/* Bytes of replies that may wait before another answer is given. */
#define OUT_ENOUGH 1024

static void forget_submission(struct relay *r, struct session *s)
{
	struct submission *m = s->submission;

	s->submission = NULL;
	if (m == NULL)
		return;
	if (m->state == SUBMISSION_READY)
		submit_orphan(m);
	else
		submit_done(r, m);
}

void session_end(struct relay *r, struct session *s)
{
	forget_submission(r, s);
	stream_close(&s->stream);
	memory_give_back(s, sizeof(*s));
	r->again = true;
}

static void write_out(struct relay *r, struct session *s)
{
	struct slice out = smtp_server_out(&s->server);

	while (out.n > 0) {
		ssize_t n = stream_write(&s->stream, out.p, out.n);

		if (n == -EAGAIN)
			return;
		if (n < 0) {
			session_end(r, s);
			return;
		}
		smtp_server_sent(&s->server, (size_t)n);
		out = smtp_server_out(&s->server);
	}
	if (smtp_server_is_over(&s->server))
		session_end(r, s);
}

/* The oldest session without a transaction makes room (DESIGN.md 2.4). */
static struct session *evict(struct relay *r, bool local)
{
	struct session *old = NULL;

	for (size_t i = 0; i < ARRAY_LEN(r->sessions); i++) {
		struct session *s = &r->sessions[i];

		if (!s->used || s->submission != NULL || (!local && s->local))
			continue;
		if (old == NULL || s->serial < old->serial)
			old = s;
	}
	if (old == NULL)
		return NULL;
	smtp_server_close(&old->server, 432, SLICE("too many sessions"));
	write_out(r, old);
	if (old->used)
		session_end(r, old);
	return old;
}

static struct session *take_session(struct relay *r, bool local)
{
	struct session *spare = NULL;
	size_t tcp = 0;

	for (size_t i = 0; i < ARRAY_LEN(r->sessions); i++) {
		struct session *s = &r->sessions[i];

		if (!s->used)
			spare = s;
		else if (!s->local)
			tcp++;
	}
	if (!local && tcp >= CONFIG_SESSIONS - CONFIG_SESSIONS_LOCAL)
		return evict(r, false);
	return spare ? spare : evict(r, local);
}

static void refuse_peer(struct relay *r, int fd, const char *text)
{
	/* It may not take it: then it just sees the connection closed. */
	if (r->net->ops->write(r->net->ctx, fd, text, strlen(text)) < 0)
		log_debug("a peer was refused and is gone");
	r->net->ops->close(r->net->ctx, fd);
}

static void fill_job(struct relay *r, struct session *s)
{
	const char *name = r->id->hostname;

	s->job = (struct smtp_server_job){ 0 };
	s->job.hostname = name[0] ? slice_str(name) : SLICE("localhost");
	s->job.max_message = r->conf->max_message;
	s->job.max_rcpt = CONFIG_RCPT_MAX;
	s->job.lmtp_ok = s->local;
	/* No stranger can make a web browser speak to a unix socket. */
	s->job.batch = s->local;
}

/*
 * Is it one of our own connections to a next hop?  Then the configuration
 * sends mail round in a circle (RFC 5321 6.3).
 */
static bool is_own(struct relay *r, const struct net_peer *peer)
{
	struct net_addr own;

	for (size_t i = 0; i < ARRAY_LEN(r->deliveries); i++) {
		const struct delivery *d = &r->deliveries[i];

		if (d->state >= DELIVERY_CONNECT && d->stream.fd >= 0 &&
		    r->net->ops->local_addr(r->net->ctx, d->stream.fd, &own) ==
			    0 &&
		    own.port == peer->addr.port &&
		    memcmp(own.ip, peer->addr.ip, sizeof(own.ip)) == 0)
			return true;
	}
	return false;
}

static void start(struct relay *r, int fd, const struct net_peer *peer)
{
	struct session *s;

	if (!peer->local && is_own(r, peer)) {
		refuse_peer(r, fd, "554 5.4.6 the next hop is this relay\r\n");
		return;
	}
	if (!peer->local && !conf_allows(r->conf, peer->addr.ip)) {
		refuse_peer(r, fd, "554 5.7.1 not allowed from here\r\n");
		return;
	}
	s = take_session(r, peer->local);
	if (s == NULL) {
		refuse_peer(r, fd, "421 4.3.2 too many sessions\r\n");
		return;
	}
	r->used_memory = true;
	s->used = true;
	s->local = peer->local;
	s->peer = *peer;
	s->submission = NULL;
	s->serial = r->sessions_begun++;
	s->active_ms = r->now_ms;
	s->in_len = s->in_at = 0;
	s->ready = true;
	stream_init(&s->stream, r->net);
	stream_adopt(&s->stream, fd);
	fill_job(r, s);
	smtp_server_init(&s->server, &s->job);
}

void relay_add_session(struct relay *r, int fd, uint32_t uid)
{
	const struct net_peer peer = { .local = true, .uid = uid };

	start(r, fd, &peer);
}

void session_accept(struct relay *r, struct listener *l)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct net_peer peer;
		int fd = r->net->ops->accept(r->net->ctx, l->fd, &peer);

		if (fd == -EAGAIN || fd == -EINTR)
			return;
		if (fd < 0) {
			/* Out of descriptors: rest, do not spin. */
			log_warn("a connection cannot be accepted: error %d",
				 -fd);
			l->rest_ms = r->now_ms + 1000;
			return;
		}
		start(r, fd, &peer);
	}
}

static void answer(struct session *s, const struct outcome *o)
{
	smtp_server_answer(&s->server, o->code, o->dsn, slice_str(o->text));
}

static void put_trace(struct relay *r, struct session *s, struct buf *b)
{
	const char *name = r->id->hostname;
	const char *with = s->server.esmtp && !s->server.utf8 ? "ESMTP"
							      : "SMTP";

	/* RFC 5321 4.4: the client's word, and what we know of it. */
	buf_putf(b, "from %s (",
		 s->server.helo[0] ? s->server.helo : "localhost");
	if (s->peer.local)
		buf_putf(b, "uid %u", s->peer.uid);
	else
		net_addr_put_literal(b, &s->peer.addr);
	buf_putf(b, ")\r\n\tby %s (mailmote) with %s%s",
		 name[0] ? name : "localhost", s->server.utf8 ? "UTF8" : "",
		 s->server.lmtp ? "LMTP" : with);
}

static void ask_mail(struct relay *r, struct session *s)
{
	char trace[512];
	struct buf b = BUF_ON(trace);
	struct outcome why;
	struct submit_job job = { 0 };

	put_trace(r, s, &b);
	job.from = s->server.path;
	job.trace = b.overflow ? SLICE("from localhost") : buf_slice(&b);
	job.params = s->server.extra;
	job.size = s->server.size;
	job.local = s->local;
	job.queue = s->server.queue;
	job.utf8 = s->server.utf8;
	s->submission = submit_begin(r, &job, &why);
	if (s->submission != NULL)
		outcome_set(&why, VERDICT_SENT, 250, 210, SLICE("sender ok"));
	answer(s, &why);
}

static void ask_rcpt(struct relay *r, struct session *s)
{
	struct outcome why;

	if (submit_rcpt(r, s->submission, s->server.path, s->server.extra,
			&why) == 0)
		outcome_set(&why, VERDICT_SENT, 250, 215,
			    SLICE("recipient ok"));
	answer(s, &why);
}

/* Has it waited too long for room? */
static bool stalled(const struct relay *r, const struct session *s)
{
	int64_t since = s->submission->stall_ms;

	return since && r->now_ms - since >= ROOM_MS;
}

static const struct outcome no_room = { .verdict = VERDICT_RETRY_MESSAGE,
					.code = 452,
					.dsn = 431,
					.text = "no room for this message now" };

static bool ask_data(struct relay *r, struct session *s)
{
	struct outcome why;
	int err = submit_data(r, s->submission, &why);

	if (err == -EAGAIN && !stalled(r, s))
		return false;
	if (err == 0)
		smtp_server_answer(&s->server, 354, 0,
				   SLICE("end with a lone dot"));
	else
		answer(s, err == -EAGAIN ? &no_room : &why);
	return true;
}

static bool ask_body(struct relay *r, struct session *s)
{
	struct outcome why;
	int err = submit_body(r, s->submission, smtp_server_body(&s->server),
			      &why);

	if (err == -EAGAIN && !stalled(r, s))
		return false;
	if (err == 0) {
		smtp_server_answer(&s->server, 0, 0, SLICE(""));
		return true;
	}
	forget_submission(r, s);
	answer(s, err == -EAGAIN ? &no_room : &why);
	return true;
}

static void log_received(struct session *s)
{
	const struct submission *m = s->submission;
	char id[ID_LEN + 1], who[NET_ADDR_TEXT + 16];
	struct buf b = BUF_ON(who);

	id_format(id, m->id);
	if (s->peer.local)
		buf_putf(&b, "uid=%u", s->peer.uid);
	else
		buf_put_str(&b, "client=");
	if (!s->peer.local)
		net_addr_put(&b, &s->peer.addr);
	log_info("received id=%s %s size=%u rcpts=%u", id, buf_cstr(&b),
		 m->size, m->nrcpt);
}

/* The answer is known: one reply, or in LMTP one a recipient. */
static bool give_answers(struct relay *r, struct session *s)
{
	while (smtp_server_ask(&s->server) == SMTP_ASK_END) {
		struct outcome o = *submit_answer(s->submission);

		if (smtp_server_out(&s->server).n > OUT_ENOUGH)
			return true;
		if (s->server.lmtp)
			submit_answer_rcpt(r, s->submission, s->reply++, &o);
		answer(s, &o);
	}
	submit_done(r, s->submission);
	s->submission = NULL;
	return true;
}

static bool ask_end(struct relay *r, struct session *s)
{
	if (s->submission->state == SUBMISSION_OPEN) {
		log_received(s);
		s->reply = 0;
		submit_end(r, s->submission);
		return false;
	}
	if (!submit_answered(s->submission))
		return false;
	return give_answers(r, s);
}

/* Answer the engine's question; false: not yet. */
static bool answer_ask(struct relay *r, struct session *s)
{
	switch (smtp_server_ask(&s->server)) {
	case SMTP_ASK_MAIL:
		ask_mail(r, s);
		return true;
	case SMTP_ASK_RCPT:
		ask_rcpt(r, s);
		return true;
	case SMTP_ASK_DATA:
		return ask_data(r, s);
	case SMTP_ASK_BODY:
		return ask_body(r, s);
	case SMTP_ASK_END:
		return ask_end(r, s);
	case SMTP_ASK_RESET:
		forget_submission(r, s);
		smtp_server_answer(&s->server, 0, 0, SLICE(""));
		return true;
	case SMTP_ASK_NONE:
		break;
	}
	return false;
}

static bool read_in(struct relay *r, struct session *s)
{
	ssize_t n;

	if (!s->ready || smtp_server_is_over(&s->server))
		return false;
	n = stream_read(&s->stream, s->in, sizeof(s->in));
	if (n == -EAGAIN) {
		s->ready = false;
		return false;
	}
	if (n <= 0) {
		/* A client that has said all may still want its replies. */
		write_out(r, s);
		if (s->used)
			session_end(r, s);
		return false;
	}
	s->in_len = (size_t)n;
	s->in_at = 0;
	s->active_ms = r->now_ms;
	return true;
}

static bool feed(struct relay *r, struct session *s)
{
	size_t used;

	if (s->in_at == s->in_len && !read_in(r, s))
		return false;
	used = smtp_server_feed(
		&s->server, slice_of(s->in + s->in_at, s->in_len - s->in_at));
	s->in_at += used;
	return used > 0 || smtp_server_ask(&s->server) != SMTP_ASK_NONE;
}

static bool step(struct relay *r, struct session *s)
{
	if (smtp_server_ask(&s->server) != SMTP_ASK_NONE)
		return answer_ask(r, s);
	return feed(r, s);
}

static void check_idle(struct relay *r, struct session *s)
{
	bool waits = s->submission != NULL &&
		     s->submission->state != SUBMISSION_OPEN;

	if (waits || smtp_server_is_over(&s->server))
		return;
	if (r->stopping)
		smtp_server_close(&s->server, 432, SLICE("shutting down"));
	else if (r->now_ms - s->active_ms >= IDLE_MS)
		smtp_server_close(&s->server, 442, SLICE("idle for too long"));
	else
		return;
	forget_submission(r, s);
}

/* Replies go out together, when nothing more can be answered now. */
static bool blocked(struct relay *r, struct session *s)
{
	size_t before = smtp_server_out(&s->server).n;

	write_out(r, s);
	if (!s->used)
		return true;
	return before == 0 || smtp_server_out(&s->server).n > 0;
}

void session_run(struct relay *r, struct session *s)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		bool moved = step(r, s);

		if (!s->used)
			return;
		r->again |= i + 1 == ROUNDS;
		if (moved && smtp_server_out(&s->server).n <= OUT_ENOUGH)
			continue;
		if (blocked(r, s))
			break;
	}
	if (!s->used)
		return;
	check_idle(r, s);
	write_out(r, s);
	if (s->used && s->in_at < s->in_len &&
	    smtp_server_ask(&s->server) == SMTP_ASK_NONE &&
	    smtp_server_out(&s->server).n == 0)
		r->again = true;
}

size_t session_wants(struct relay *r, struct session *s, struct net_wait *set,
		     int64_t *until_ms)
{
	bool ask = smtp_server_ask(&s->server) != SMTP_ASK_NONE;
	bool now = false;
	int64_t idle = s->active_ms + IDLE_MS;

	set->fd = s->stream.fd;
	set->want = stream_wants(&s->stream, !ask,
				 smtp_server_out(&s->server).n > 0, &now);
	if (now)
		*until_ms = r->now_ms;
	if (!ask && idle < *until_ms)
		*until_ms = idle;
	return set->want ? 1 : 0;
}

void session_reload_all(struct relay *r)
{
	for (size_t i = 0; i < ARRAY_LEN(r->sessions); i++)
		if (r->sessions[i].used)
			fill_job(r, &r->sessions[i]);
}

void session_stop_all(struct relay *r)
{
	for (size_t i = 0; i < ARRAY_LEN(r->sessions); i++)
		if (r->sessions[i].used)
			r->sessions[i].ready = true;
}
