/* SPDX-License-Identifier: ISC */
/*
 * relay/status.c - what operators see: the queue and the state of the routes,
 * as text in 80 columns and as JSON (DESIGN.md 2.3).  In pieces, so that
 * no buffer has to hold a whole report.
 */
#include <string.h>

#include "relay/parts.h"

/* Queue totals, from one walk. */
struct totals {
	unsigned messages;
	uint64_t bytes;
	int64_t oldest_s;  /* -1: none */
	int64_t waiting_s; /* the same without what an operator holds */
};

static struct totals add_up(struct relay *r)
{
	struct totals t = { 0, 0, -1, -1 };
	struct spool_cursor c = { 0 };
	struct spool_msg msg;
	int got;

	for (size_t i = 0; i < ARRAY_LEN(r->submissions); i++) {
		const struct submission *s = &r->submissions[i];

		if (s->state != SUBMISSION_READY)
			continue;
		t.messages++;
		t.bytes += s->size;
		if ((r->now_ms - s->dot_ms) / 1000 > t.oldest_s)
			t.oldest_s = (r->now_ms - s->dot_ms) / 1000;
		t.waiting_s = t.oldest_s;
	}
	if (!ENABLE_SPOOL || r->spool == NULL)
		return t;
	while ((got = spool_next(r->spool, &c, &msg)) != 0) {
		t.messages++;
		if (got < 0)
			continue;
		t.bytes += msg.size;
		if (msg.age_s > t.oldest_s)
			t.oldest_s = msg.age_s;
		if (!(msg.flags & SPOOL_HELD) && msg.age_s > t.waiting_s)
			t.waiting_s = msg.age_s;
	}
	return t;
}

int status_code(struct relay *r)
{
	for (unsigned i = 0; i < r->conf->nhops; i++)
		if (r->hops[i].state == HOP_HELD)
			return 1;
	return add_up(r).waiting_s > (int64_t)r->conf->alarm_s ? 1 : 0;
}

static void put_number(struct buf *b, const char *key, int64_t v, bool known)
{
	buf_putf(b, "\"%s\":", key);
	if (known)
		buf_put_i64(b, v);
	else
		buf_put_str(b, "null");
}

static int64_t seconds_until(const struct relay *r, int64_t ms)
{
	return ms > r->now_ms ? (ms - r->now_ms + 999) / 1000 : 0;
}

/* Seconds until a hop that is down is tried; -1: that is not known. */
static int64_t next_s(const struct relay *r, unsigned hop)
{
	const struct hop *h = &r->hops[hop];
	int64_t after_ms = route_after_ms(r, r->conf->hops[hop].route);

	if ((h->state != HOP_DOWN && h->state != HOP_HELD) ||
	    h->next_ms == INT64_MAX)
		return -1;
	return seconds_until(r, h->next_ms > after_ms ? h->next_ms : after_ms);
}

static void json_queue(struct relay *r, struct buf *b)
{
	struct totals t = add_up(r);
	bool spool = ENABLE_SPOOL && r->spool != NULL;

	buf_putf(b, "\"queue\":{\"messages\":%u,\"bytes\":%llu,", t.messages,
		 (unsigned long long)t.bytes);
	put_number(b, "capacity_bytes",
		   spool ? (int64_t)spool_capacity(r->spool) : 0, spool);
	buf_put_char(b, ',');
	put_number(b, "capacity_messages",
		   spool ? (int64_t)spool_capacity_messages(r->spool) : 0,
		   spool);
	buf_put_char(b, ',');
	put_number(b, "oldest_s", t.oldest_s, t.oldest_s >= 0);
	buf_put_str(b, "},");
}

static void json_spool(struct relay *r, struct buf *b)
{
	struct spool_stats st = { 0 };

	buf_put_str(b, "\"spool\":{\"path\":");
	if (!ENABLE_SPOOL || r->spool == NULL) {
		buf_put_str(b, "null,\"reason\":");
		buf_put_json(b, r->no_spool[0] ? slice_str(r->no_spool)
					       : SLICE("no spool"));
		buf_put_str(b, ",\"volatile\":null,");
	} else {
		st = spool_stats(r->spool);
		buf_put_json(b, r->conf->spool);
		buf_putf(b, ",\"volatile\":%s,",
			 r->spool_volatile ? "true" : "false");
	}
	buf_putf(b, "\"bytes_written\":%llu,\"writes\":%u,\"syncs\":%u",
		 (unsigned long long)st.bytes_written, st.writes, st.syncs);
	/* Only when there is something to say. */
	if (st.faults > 0)
		buf_putf(b, ",\"faults\":%u,\"last_error\":%u", st.faults,
			 (unsigned)st.error);
	buf_put_str(b, "},");
}

static void json_counters(struct relay *r, struct buf *b)
{
	const struct relay_counters *n = &r->count;

	buf_putf(b,
		 "\"counters\":{\"accepted\":%llu,\"sent\":%llu,"
		 "\"deferred\":%llu,\"refused\":%llu,\"expired\":%llu,"
		 "\"uncertain\":%llu,\"dropped\":%llu},\"routes\":[",
		 (unsigned long long)n->accepted, (unsigned long long)n->sent,
		 (unsigned long long)n->deferred,
		 (unsigned long long)n->refused, (unsigned long long)n->expired,
		 (unsigned long long)n->uncertain,
		 (unsigned long long)n->dropped);
}

/* Append why a hop is as it is; nothing when there is nothing to say. */
static void put_reason(struct relay *r, struct buf *b, unsigned i)
{
	const struct secrets *s = &r->secrets[r->secrets_at];

	buf_put_str(b, r->hops[i].reason);
	if (b->len == 0 && s->stale[i]) {
		buf_put_slice(b, r->conf->hops[i].password_file);
		buf_put_str(b, " cannot be read again: restart to change it");
	}
}

static void json_hop(struct relay *r, struct buf *b, unsigned i)
{
	const struct hop *h = &r->hops[i];
	const struct conf_hop *c = &r->conf->hops[i];
	char pattern[300], words[300];
	struct buf p = BUF_ON(pattern), why = BUF_ON(words);

	route_put(r, &p, c->route);
	buf_putf(b, "%s{\"pattern\":", i ? "," : "");
	buf_put_json(b, buf_slice(&p));
	buf_put_str(b, ",\"nexthop\":");
	buf_put_json(b, c->text);
	buf_putf(b, ",\"state\":\"%s\",\"reason\":", hop_state_name(h->state));
	put_reason(r, &why, i);
	if (why.len > 0)
		buf_put_json(b, buf_slice(&why));
	else
		buf_put_str(b, "null");
	buf_put_char(b, ',');
	put_number(b, "next_attempt_s", next_s(r, i), next_s(r, i) >= 0);
	buf_put_char(b, ',');
	put_number(b, "last_success_s", (r->now_ms - h->success_ms) / 1000,
		   h->success_ms != 0);
	buf_put_char(b, '}');
}

static bool json_piece(struct relay *r, struct control *c)
{
	struct buf *b = &c->out;
	unsigned step = c->step++;

	if (step == 0) {
		buf_putf(b, "{\"version\":\"%s\",\"uptime_s\":%lld,",
			 CONFIG_VERSION,
			 (long long)((r->now_ms - r->start_ms) / 1000));
		buf_putf(b, "\"clock\":\"%s\",",
			 clock_is_sane(r) ? "sane" : "not set");
		json_queue(r, b);
		json_spool(r, b);
		json_counters(r, b);
		return true;
	}
	if (step <= r->conf->nhops) {
		json_hop(r, b, step - 1);
		return true;
	}
	buf_put_str(b, "]}\n");
	c->code = status_code(r);
	return false;
}

void put_age(struct buf *b, int64_t s)
{
	if (s >= 2 * 86400)
		buf_putf(b, "%lldd", (long long)(s / 86400));
	else if (s >= 2 * 3600)
		buf_putf(b, "%lldh", (long long)(s / 3600));
	else if (s >= 120)
		buf_putf(b, "%lldm", (long long)(s / 60));
	else
		buf_putf(b, "%llds", (long long)s);
}

/* Columns before the text of a line. */
#define LABEL 9
#define NO_LABEL "         "

static void text_spool(struct relay *r, struct buf *b)
{
	struct spool_stats st = { 0 };
	struct buf line = BUF_ON(r->scratch);

	buf_put_str(b, "spool    ");
	if (!ENABLE_SPOOL || r->spool == NULL) {
		buf_putf(&line, "no spool: %s",
			 r->no_spool[0] ? r->no_spool : "none is built in");
		put_folded(b, buf_slice(&line), LABEL);
		return;
	}
	st = spool_stats(r->spool);
	buf_putf(&line, "%.*s%s", (int)r->conf->spool.n, r->conf->spool.p,
		 r->spool_volatile ? " (volatile)" : "");
	put_folded(b, buf_slice(&line), LABEL);
	line = BUF_ON(r->scratch);
	buf_putf(&line,
		 "%llu of %llu bytes taken, %llu bytes written in %u syncs",
		 (unsigned long long)spool_used(r->spool),
		 (unsigned long long)spool_capacity(r->spool),
		 (unsigned long long)st.bytes_written, st.syncs);
	if (st.faults > 0)
		buf_putf(&line,
			 ", %u faults of its medium, the last one: error %d",
			 st.faults, st.error);
	buf_put_str(b, NO_LABEL);
	put_folded(b, buf_slice(&line), LABEL);
}

static void text_head(struct relay *r, struct buf *b)
{
	struct totals t = add_up(r);

	buf_putf(b, "mailmote %s, up ", CONFIG_VERSION);
	put_age(b, (r->now_ms - r->start_ms) / 1000);
	buf_putf(b, ", clock %s\n", clock_is_sane(r) ? "sane" : "not set");
	buf_putf(b, "queue    %u messages, %llu bytes", t.messages,
		 (unsigned long long)t.bytes);
	if (t.oldest_s >= 0) {
		buf_put_str(b, ", oldest ");
		put_age(b, t.oldest_s);
	}
	buf_put_char(b, '\n');
	text_spool(r, b);
	buf_putf(b,
		 "mail     %llu accepted, %llu sent, %llu deferred, "
		 "%llu refused,\n" NO_LABEL
		 "%llu expired, %llu uncertain, %llu dropped, since start\n",
		 (unsigned long long)r->count.accepted,
		 (unsigned long long)r->count.sent,
		 (unsigned long long)r->count.deferred,
		 (unsigned long long)r->count.refused,
		 (unsigned long long)r->count.expired,
		 (unsigned long long)r->count.uncertain,
		 (unsigned long long)r->count.dropped);
}

static void text_hop(struct relay *r, struct buf *b, unsigned i)
{
	const struct hop *h = &r->hops[i];
	struct buf line = BUF_ON(r->scratch);

	route_put(r, &line, r->conf->hops[i].route);
	buf_put_str(&line, " to ");
	buf_put_slice(&line, r->conf->hops[i].text);
	buf_putf(&line, ": %s", hop_state_name(h->state));
	if (next_s(r, i) >= 0) {
		buf_put_str(&line, ", next attempt in ");
		put_age(&line, next_s(r, i));
	}
	if (h->success_ms != 0) {
		buf_put_str(&line, ", last success ");
		put_age(&line, (r->now_ms - h->success_ms) / 1000);
		buf_put_str(&line, " ago");
	}
	buf_put_str(b, "route    ");
	put_folded(b, buf_slice(&line), LABEL);
	line = BUF_ON(r->scratch);
	put_reason(r, &line, i);
	if (line.len > 0)
		buf_put_str(b, NO_LABEL);
	put_folded(b, buf_slice(&line), LABEL);
}

bool status_piece(struct relay *r, struct control *c)
{
	unsigned step = c->step;

	if (c->json)
		return json_piece(r, c);
	c->step++;
	if (step == 0) {
		text_head(r, &c->out);
		if (r->conf->nhops == 0)
			buf_put_str(&c->out, "route    none: mail waits; set "
					     "\"smarthost\"\n");
		return true;
	}
	if (step <= r->conf->nhops) {
		text_hop(r, &c->out, step - 1);
		return true;
	}
	c->code = status_code(r);
	return false;
}
