/* SPDX-License-Identifier: ISC */
/* cmd/live.c - see cmd/live.h: from a hop's line to a session with it. */
#include "cmd/live.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cmd/cmd.h"
#include "cmd/privilege.h"
#include "conf/password.h"
#include "relay/hop.h"

/* Milliseconds for a connection or a handshake, seconds for a reply. */
#define STEP_MS 30000
#define REPLY_S 30

/* Milliseconds for a handshake nobody asked for. */
#define PROBE_MS 5000

/* The password of a hop, or why there is none. */
struct live_secret {
	uint16_t len;            /* 0: none */
	char text[PASSWORD_MAX]; /* secret */
	char why[200];           /* in words */
};

static MEMORY_LARGE struct live_secret secrets[CONFIG_HOPS];

int live_prepare(struct live *l, const struct conf *c,
		 const struct identity *id)
{
	struct privilege who;
	int code = privilege_find(c, &who);

	l->conf = c;
	l->id = id;
	l->sender = BUF_ON(l->sender_space);
	if (code)
		return code;
	if (identity_sender(id, c, SLICE("root"), &l->sender) < 0)
		buf_reset(&l->sender);
	for (unsigned i = 0; i < c->nhops; i++) {
		struct live_secret *s = &secrets[i];
		struct buf text = BUF_ON(s->text);
		struct buf why = buf_on(s->why, sizeof(s->why) - 1);

		if (!hop_has_login(&c->hops[i]) ||
		    password_read(c->hops[i].password_file.p, who.uid, who.gid,
				  &text, &why) == 0) {
			s->len = (uint16_t)text.len;
			continue;
		}
		if (!who.root && geteuid() != 0)
			buf_put_str(&why, " (only root can tell)");
		s->why[why.len] = '\0';
	}
	return privilege_drop(&who);
}

void live_head(const struct live *l, unsigned hop)
{
	const struct conf_hop *h = &l->conf->hops[hop];
	const struct conf_route *r = &l->conf->routes[h->route];

	cmd_out("route %s%s: %s\n", r->from ? "from:" : "", r->pattern.p,
		h->text.p);
}

/* Append what of a peer's text can be shown. */
static void put_plain(struct buf *b, struct slice text)
{
	text = slice_head(text, buf_room(b));

	bool utf8 = ENABLE_SMTPUTF8 && slice_is_utf8(text);
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		bool wide = utf8 && (uint8_t)c > 0x7f;

		buf_put_char(b, wide || char_is_print(c) ? c : '?');
	}
}

/* Remember what was asked for, and what the offer is. */
static void watch(void *ctx, bool out, struct slice line)
{
	struct live *l = ctx;
	static const char *const steps[] = { "EHLO", "HELO", "STARTTLS", "AUTH",
					     "MAIL", "RCPT", "DATA" };
	struct buf b = buf_on(l->reply, sizeof(l->reply) - 1);

	while (line.n > 0 && char_is_space(line.p[line.n - 1]))
		line.n--;
	for (unsigned i = 0; out && i < ARRAY_LEN(steps); i++) {
		if (slice_starts(line, slice_str(steps[i])))
			l->step = steps[i];
	}
	put_plain(&b, line);
	l->reply[b.len] = '\0';
	if (l->show)
		cmd_out("%s %s\n", out ? "C:" : "S:", l->reply);
	if (strcmp(l->step, "EHLO") != 0)
		return;
	if (out && slice_starts(line, SLICE("EHLO")))
		buf_reset(&l->offer);
	else if (!out && slice_starts(line, SLICE("250")) &&
		 buf_room(&l->offer) > line.n && line.n > 4)
		buf_putf(&l->offer, "%s%s", l->offer.len ? ", " : "",
			 l->reply + 4);
}

void live_say_hello(const struct live *l)
{
	live_say("EHLO", "ok   ", "%.*s", (int)l->offer.len, l->offer.data);
}

/* Wait until the stream is up, in its connection or its handshake. */
static int wait_up(struct live *l, int64_t ms, const char *late)
{
	struct stream *s = &l->talk.stream;
	int64_t until = world_boot_ms(&world_real) + ms;
	int err;

	while ((err = stream_step(s)) == -EAGAIN) {
		struct net_wait set = { .fd = s->fd };
		struct buf why = buf_on(s->why, sizeof(s->why));
		bool now;

		set.want = stream_wants(s, true, false, &now);
		if (world_boot_ms(&world_real) < until) {
			(void)net_real.ops->wait(net_real.ctx, &set, 1,
						 now ? 0 : until);
			continue;
		}
		buf_put_str(&why, late);
		buf_cstr(&why);
		return -ETIMEDOUT;
	}
	return err;
}

/* The rules for the certificate.  0, or said what is wrong. */
static int load_trust(struct live *l)
{
	int64_t now_s = world_wall_s(&world_real);
	char space[OUTCOME_MAX_TEXT];
	struct buf why = BUF_ON(space);

	l->trust = (struct trust){ .bundle_fd = -1, .now_s = now_s };
	hop_set_trust(l->hop, &l->trust);
	l->trust.name = l->hop->literal ? NULL : l->hop->host.p;
	if (now_s < CONFIG_RELEASE_EPOCH) {
		l->trust.now_s = CONFIG_RELEASE_EPOCH;
		l->trust.floor = true;
	}
	if (l->trust.mode != TRUST_VERIFY)
		return 0;
	if (l->trust.floor && l->conf->clock == CONF_CLOCK_WAIT) {
		live_fault(l, "TLS",
			   "the clock is not set, no certificate can be judged",
			   NULL);
		return -1;
	}
	l->bundle_fd = hop_open_bundle(l->conf, l->hop, &why);
	l->trust.bundle_fd = l->bundle_fd;
	if (l->bundle_fd < 0)
		live_fault(l, "TLS", buf_cstr(&why), NULL);
	return l->bundle_fd < 0 ? -1 : 0;
}

static void say_tls(struct live *l)
{
	struct stream *s = &l->talk.stream;
	const struct trust_peer *p = stream_peer(s);

	if (stream_security(s) != STREAM_VERIFIED)
		live_say("TLS", "note ",
			 "%s, but nobody knows with whom: the certificate is "
			 "not verified (tls=)",
			 stream_tls_version(s));
	else if (p && l->trust.mode == TRUST_PIN)
		live_say("TLS", "ok   ", "%s, the pin fits",
			 stream_tls_version(s));
	else if (p)
		live_say("TLS", "ok   ",
			 "%s, certificate for %.*s by %s is good for %d days",
			 stream_tls_version(s), (int)l->hop->host.n,
			 l->hop->host.p, p->issuer, p->days_left);
}

/* Opportunistic TLS that fails is left out, as the relay does. */
static bool forgive_tls(struct live *l)
{
	if (l->job.tls != SMTP_TLS_TRY || l->job.auth)
		return false;
	live_say("TLS", "note ", "%s: mail goes in the clear (tls=try)",
		 l->talk.stream.why);
	l->no_tls = true;
	return true;
}

/* The handshake, on a stream that is connected.  0, or said why not. */
static int start_tls(struct live *l)
{
	struct stream *s = &l->talk.stream;
	int err = load_trust(l);

	if (err < 0)
		return err;
	err = stream_start_tls(s, &l->trust, NULL, &world_real);
	if (err == 0)
		err = wait_up(l, STEP_MS, "the TLS handshake timed out");
	if (l->bundle_fd >= 0)
		close(l->bundle_fd);
	l->bundle_fd = -1;
	if (err == 0) {
		say_tls(l);
		return 0;
	}
	const struct trust_peer *p = stream_peer(s);
	const char *why = s->why;

	if (forgive_tls(l))
		return err;
	if (p && p->self_signed &&
	    slice_has(slice_str(why), SLICE("no trust anchor")))
		why = "certificate is self-signed";
	live_fault(l, "TLS", why, p);
	return err;
}

/* STARTTLS was agreed on. */
static void handshake(struct talk *t)
{
	struct live *l = (struct live *)t;
	struct outcome o;

	if (start_tls(l) == 0) {
		smtp_client_tls_up(&t->client);
		return;
	}
	outcome_set_trouble(&o, TROUBLE_LINK, 475, SLICE("no TLS"));
	smtp_client_fail(&t->client, &o);
}

/* One address.  0, or l->talk.stream.why. */
static int connect_to(struct live *l, const struct net_addr *to)
{
	struct stream *s = &l->talk.stream;
	uint32_t timeout_s = l->hop->timeout_s;

	stream_init(s, &net_real);
	int err = stream_connect(s, to);
	if (err == 0)
		err = wait_up(l, timeout_s ? timeout_s * 1000LL : STEP_MS,
			      "connection timed out");
	if (err < 0)
		stream_close(s);
	return err;
}

/* Every address, in order.  0, or said why not. */
static int connect_any(struct live *l, const struct resolve_result *found)
{
	char space[STREAM_MAX_WHY + NET_ADDR_TEXT + 16];

	for (unsigned i = 0; i < found->n; i++) {
		struct buf b = BUF_ON(space);

		net_addr_put(&b, &found->addr[i]);
		buf_putf(&b, " port %u", found->addr[i].port);
		l->addr = &found->addr[i];
		int err = connect_to(l, l->addr);
		if (err == 0) {
			live_say("connect", "ok   ", "%s", buf_cstr(&b));
			return 0;
		}
		buf_putf(&b, ": %s", l->talk.stream.why);
		if (i + 1 < found->n)
			live_say("connect", "note ", "%s", buf_cstr(&b));
		else
			live_fault(l, "connect", buf_cstr(&b), NULL);
	}
	return -1;
}

/* Silence where a greeting is due: is it TLS that the port waits for? */
static bool speaks_tls(struct live *l)
{
	static const struct trust anybody = { .bundle_fd = -1 };
	struct stream *s = &l->talk.stream;

	if (connect_to(l, l->addr) < 0)
		return false;
	int err = stream_start_tls(s, &anybody, NULL, &world_real);
	if (err == 0)
		err = wait_up(l, PROBE_MS, "no TLS either");
	stream_close(s);
	return err == 0;
}

/* The fault of the session, unless it was said; what is printed is true. */
static void say_fault(struct live *l)
{
	const struct outcome *o = &l->talk.client.fault;
	char space[OUTCOME_MAX_TEXT + 50];
	struct buf b = BUF_ON(space);

	if (o->verdict == VERDICT_NONE || l->failed)
		return;
	/* What is missing in the offer is not the fault of EHLO. */
	if (o->code == 0 && slice_has(slice_str(o->text), SLICE("STARTTLS")))
		l->step = "TLS";
	else if (o->code == 0 && o->trouble == TROUBLE_AUTH)
		l->step = "AUTH";
	if (strcmp(l->step, "AUTH") == 0 && !l->show)
		live_say_hello(l);
	if (o->code)
		buf_putf(&b, "%u ", o->code);
	if (o->code && o->dsn) {
		outcome_put_dsn(&b, o->dsn);
		buf_put_char(&b, ' ');
	}
	buf_put_str(&b, o->text);
	if (slice_has(buf_slice(&b), SLICE("waiting for the greeting")) &&
	    speaks_tls(l))
		buf_put_str(&b, ", but TLS is spoken there");
	live_fault(l, l->step, buf_cstr(&b), NULL);
}

/* The addresses; NULL, said why not. */
static const struct resolve_result *find(struct live *l)
{
	struct resolve *r = resolve_slot(0);
	const struct resolve_result *found = resolve_result(r);
	struct net_wait set[RESOLVE_MAX_FDS];
	char space[200];
	struct buf b = BUF_ON(space);
	int64_t until;
	int err = resolve_start(r, &net_real, &world_real, NULL, l->hop->host,
				l->hop->port);

	while (err == -EINPROGRESS) {
		size_t n = resolve_wants(r, set, &until);

		(void)net_real.ops->wait(net_real.ctx, set, n, until);
		err = resolve_step(r);
	}
	if (err < 0 || found->n == 0) {
		live_fault(l, "resolve",
			   err < 0 ? "not a host name" : found->why, NULL);
		return NULL;
	}
	for (unsigned i = 0; i < found->n; i++) {
		buf_put_char(&b, i ? ',' : ' ');
		net_addr_put(&b, &found->addr[i]);
	}
	live_say("resolve", "ok   ", "%.*s is%s", (int)l->hop->host.n,
		 l->hop->host.p, buf_cstr(&b));
	return found;
}

/* Who we are for this session. */
static void fill_job(struct live *l)
{
	const struct conf_hop *h = l->hop;
	const struct live_secret *s = &secrets[h - l->conf->hops];
	struct buf helo = BUF_ON(l->helo);
	struct net_addr own;

	l->job = (struct smtp_job){ .watch = watch, .watch_ctx = l };
	l->job.tls = hop_tls(h, l->no_tls);
	if (s->len > 0)
		hop_set_login(h, h->user, slice_of(s->text, s->len), &l->job);
	if (l->id->hostname[0])
		buf_put_str(&helo, l->id->hostname);
	else if (net_real.ops->local_addr(net_real.ctx, l->talk.stream.fd,
					  &own) == 0)
		net_addr_put_literal(&helo, &own);
	l->job.helo = buf_slice(&helo);
}

static void talk(struct live *l)
{
	struct talk *t = &l->talk;
	bool first = !l->no_tls;

	l->step = "greeting";
	l->offer = BUF_ON(l->offer_space);
	fill_job(l);
	if (l->job.tls == SMTP_TLS_IMPLICIT && start_tls(l) < 0) {
		stream_close(&t->stream);
		return;
	}
	t->handshake = handshake;
	t->limit_s = REPLY_S;
	if (l->hop->timeout_s > 0 && l->hop->timeout_s < REPLY_S)
		t->limit_s = l->hop->timeout_s;
	smtp_client_init(&t->client, &l->job);
	talk_run(t);
	if (!first || !l->no_tls)
		say_fault(l);
}

/* Is it no host?  Then it is said what becomes of mail. */
static bool is_virtual(struct live *l)
{
	if (l->hop->scheme == HOP_DISCARD)
		live_say("mail", "note ", "is thrown away, as configured");
	else if (l->hop->scheme == HOP_ERROR)
		live_say("mail", "note ", "is refused, as configured");
	else
		return false;
	return true;
}

void live_walk(struct live *l, const struct conf_hop *hop)
{
	const struct live_secret *s = &secrets[hop - l->conf->hops];

	l->hop = hop;
	l->failed = l->no_tls = false;
	l->bundle_fd = -1;
	if (is_virtual(l))
		return;
	if (s->why[0])
		live_fault(l, "secret", s->why, NULL);
	/* Without its login a hop gets no mail; the way there can be tried. */
	if (s->why[0] && l->show)
		return;
	if (s->len > 0)
		live_say("secret", "ok   ", "%s", hop->password_file.p);

	const struct resolve_result *found = find(l);
	if (!found || connect_any(l, found) < 0)
		return;
	talk(l);
	if (l->no_tls && connect_any(l, found) == 0)
		talk(l);
}
