/* SPDX-License-Identifier: ISC */
/*
 * cmd/direct.c - a message straight to the next hop while the caller waits,
 * where neither daemon, spool, TLS nor AUTH is built in (DESIGN.md 2.1, 3.1).
 *
 * What cannot be delivered now is given back.  The message is read anew for
 * each transaction and never held: it may have any size.
 */
#include <errno.h>

#include "base/id.h"
#include "cmd/cmd.h"
#include "cmd/privilege.h"
#include "cmd/sendmail.h"
#include "cmd/talk.h"
#include "mail/address.h"
#include "mail/date.h"
#include "mail/envelope.h"
#include "mail/trace.h"
#include "net/resolve.h"

/* Milliseconds for a TCP connection. */
#define CONNECT_MS 30000

/* Room for the recipient in the trace field, and for its other words. */
#define TRACE_MAX 512

/* Recipients at most: the shortest, a@b, has four bytes with its NUL. */
#define RCPTS_MAX (SENDMAIL_RCPTS / 4)

/* One message's way. */
struct direct {
	struct talk talk; /* first: next_txn() finds the rest by it */
	const struct conf *c;
	const struct identity *id;
	struct buf rcpts;     /* packed, aliases applied */
	unsigned nrcpt;       /* how many they are */
	uint8_t route;        /* whose turn it is */
	bool hop_failed;      /* the hop is in trouble: the next one */
	struct outcome fault; /* of the last hop that failed */
	struct smtp_job job;
	struct mailboxes boxes;
	char id_text[ID_LEN + 1];
	char date[64];
	char helo[NET_ADDR_TEXT + 8];
	char sender[ADDRESS_MAX_PATH];
	char msgid[sizeof(((struct identity *)NULL)->hostname) + ID_LEN + 4];
	char trace[TRACE_MAX];
	uint16_t of[CONFIG_RCPT_MAX]; /* numbers of those of a transaction */
	bool done[RCPTS_MAX];         /* by number: settled */
	char space[SENDMAIL_RCPTS];   /* of rcpts */
};

static struct direct the_direct;

static void fail_hop(struct direct *d, uint16_t dsn, const char *why)
{
	d->hop_failed = true;
	outcome_set_trouble(&d->fault, TROUBLE_LINK, dsn, slice_str(why));
}

/* Is this the failure of the hop: of all, and before the final dot? */
static bool is_all_trouble(const struct talk *t)
{
	for (unsigned i = 0; i < t->txn.nrcpt; i++)
		if (t->outcomes[i].verdict != VERDICT_RETRY_ROUTE ||
		    t->outcomes[i].uncertain)
			return false;
	return true;
}

/*
 * The transaction is over.  Those that were not tried for want of room stay
 * when others were; unless it is final all stay when the hop has failed.
 */
static void settle(struct direct *d, bool final)
{
	struct talk *t = &d->talk;
	struct slice rcpts = t->txn.rcpts, rcpt;
	bool tried = false;

	t->open = false;
	if (!final && is_all_trouble(t)) {
		d->hop_failed = true;
		d->fault = t->outcomes[0];
		return;
	}
	for (unsigned i = 0; i < t->txn.nrcpt; i++)
		tried |= !t->outcomes[i].more;
	for (unsigned i = 0; envelope_next_rcpt(&rcpts, &rcpt); i++) {
		const struct outcome *o = &t->outcomes[i];

		if (!final && o->more && tried)
			continue;
		d->done[d->of[i]] = true;
		tally_add(&t->count, t->h->verbose, rcpt, o, false);
	}
}

/* The route's next recipients into the transaction; false: none is left. */
static bool pick(struct direct *d)
{
	struct talk *t = &d->talk;
	struct slice rcpts = buf_slice(&d->rcpts), rcpt;

	talk_clear(t);
	for (unsigned i = 0; envelope_next_rcpt(&rcpts, &rcpt); i++) {
		if (d->done[i] ||
		    (uint8_t)conf_route_of(d->c, t->txn.from, rcpt) != d->route)
			continue;
		if (!talk_add(t, rcpt))
			break;
		d->of[t->txn.nrcpt - 1] = (uint16_t)i;
	}
	return t->txn.nrcpt > 0;
}

/* All that are left of the route get this outcome. */
static void settle_rest(struct direct *d, const struct outcome *o)
{
	while (pick(d)) {
		for (unsigned i = 0; i < d->talk.txn.nrcpt; i++)
			d->talk.outcomes[i] = *o;
		settle(d, true);
	}
}

/* RFC 5321 4.4: it differs with the recipients. */
static void put_trace(struct direct *d)
{
	struct talk *t = &d->talk;
	struct trace trace = {
		.who = SLICE("from localhost (sendmail)"),
		.id = d->id_text,
		.rcpts = t->txn.rcpts,
		.nrcpt = t->txn.nrcpt,
		.date = d->date,
		.clock_set = world_wall_s(&world_real) >= CONFIG_RELEASE_EPOCH,
	};
	struct buf b = BUF_ON(d->trace);

	trace_put(&b, &trace);
	t->h->header->trace = buf_slice(&b);
	/* RFC 1870 6: an estimate, with what the header gains. */
	t->txn.size = t->h->size > 0 ? t->h->size + b.len + 200 : 0;
}

static void next_txn(struct talk *t)
{
	struct direct *d = (struct direct *)t;
	struct outcome why;

	if (t->open)
		settle(d, false);
	if (!d->hop_failed && pick(d)) {
		put_trace(d);
		if (talk_begin(t) == 0)
			return;
		outcome_set(&why, VERDICT_RETRY_MESSAGE, 0, 430,
			    SLICE("the message cannot be read again"));
		settle_rest(d, &why);
	}
	smtp_client_quit(&t->client);
}

/* Our name in EHLO: RFC 5321 4.1.4, a literal when there is no FQDN. */
static void name_ourselves(struct direct *d)
{
	struct buf b = BUF_ON(d->helo);
	struct net_addr own;

	d->job.helo = slice_str(d->id->hostname);
	if (d->job.helo.n > 0)
		return;
	if (net_real.ops->local_addr(net_real.ctx, d->talk.stream.fd, &own) ==
	    0)
		net_addr_put_literal(&b, &own);
	else
		buf_put_str(&b, "[127.0.0.1]");
	d->job.helo = buf_slice(&b);
}

/* One address; false: it cannot be reached, the reason is kept. */
static bool connect_to(struct direct *d, const struct conf_hop *hop,
		       const struct net_addr *to)
{
	struct stream *s = &d->talk.stream;
	int64_t ms = hop->timeout_s ? hop->timeout_s * 1000LL : CONNECT_MS;
	int64_t until = world_boot_ms(&world_real) + ms;
	const char *why = s->why;

	stream_init(s, &net_real);
	int err = stream_connect(s, to);
	while (err == 0 && (err = stream_step(s)) == -EAGAIN) {
		struct net_wait set = { .fd = s->fd, .want = NET_OUT };

		err = 0;
		if (net_real.ops->wait(net_real.ctx, &set, 1, until) == 0) {
			why = "connection timed out";
			err = -ETIMEDOUT;
		}
	}
	if (err == 0)
		return true;
	stream_close(s);
	fail_hop(d, 441, why);
	return false;
}

/* RFC 5321 5.1: every address is tried, in order, before the hop failed. */
static bool connect_hop(struct direct *d, const struct conf_hop *hop)
{
	struct resolve *r = resolve_slot(0);
	const struct resolve_result *found;
	struct net_wait set[RESOLVE_MAX_FDS];
	int64_t until = INT64_MAX;
	int err = resolve_start(r, &net_real, &world_real, NULL, hop->host,
				hop->port);

	while (err == -EINPROGRESS) {
		size_t n = resolve_wants(r, set, &until);

		(void)net_real.ops->wait(net_real.ctx, set, n, until);
		err = resolve_step(r);
	}
	found = resolve_result(r);
	fail_hop(d, 443, err < 0 ? "not a host name" : found->why);
	for (unsigned i = 0; d->hop_failed && i < found->n; i++)
		d->hop_failed = !connect_to(d, hop, &found->addr[i]);
	return !d->hop_failed;
}

/* Sessions with one hop, for as long as each of them settles somebody. */
static void run_hop(struct direct *d, const struct conf_hop *hop)
{
	struct talk *t = &d->talk;
	const struct tally *n = &t->count;
	unsigned before;

	do {
		before = n->sent + n->refused + n->later;
		if (!connect_hop(d, hop))
			return;
		name_ourselves(d);
		d->job.timeout_s = hop->timeout_s;
		smtp_client_init(&t->client, &d->job);
		talk_run(t);
		if (t->open)
			settle(d, false);
		if (t->client.fault.verdict != VERDICT_NONE)
			d->fault = t->client.fault;
	} while (pick(d) && n->sent + n->refused + n->later > before);
}

/* Hops that are no host: everything is taken, or everything refused. */
static void run_virtual(struct direct *d, const struct conf_hop *hop)
{
	struct outcome o;

	if (hop->scheme == HOP_ERROR)
		outcome_set(&o, VERDICT_REFUSED, 550, 571, hop->host);
	else
		outcome_set(&o, VERDICT_SENT, 250, 200, SLICE("discarded"));
	settle_rest(d, &o);
}

/* The hops of a route in their order, while somebody is left. */
static void run_route(struct direct *d, unsigned route)
{
	/* What is wrong with the message is so for all routes. */
	if (d->talk.error == 0)
		outcome_set_trouble(&d->fault, TROUBLE_CONF, 444,
				    SLICE("no route for this recipient"));
	d->route = (uint8_t)route;
	for (unsigned i = 0; i < d->c->nhops; i++) {
		const struct conf_hop *hop = &d->c->hops[i];

		if (hop->route != d->route || d->talk.error < 0 || !pick(d))
			continue;
		if (hop->scheme == HOP_SMTP)
			run_hop(d, hop);
		else
			run_virtual(d, hop);
	}
	settle_rest(d, &d->fault);
}

static int take_rcpt(void *ctx, struct slice mailbox)
{
	struct direct *d = ctx;
	struct slice rest = buf_slice(&d->rcpts), rcpt;
	struct address a, b;

	if (address_parse(mailbox, &a) < 0)
		return -EINVAL;
	/* Aliases may name a mailbox twice: it gets one copy. */
	while (envelope_next_rcpt(&rest, &rcpt))
		if (address_parse(rcpt, &b) == 0 && address_eq(&a, &b))
			return 0;
	envelope_put_rcpt(&d->rcpts, mailbox);
	if (d->rcpts.overflow || d->nrcpt++ == RCPTS_MAX)
		return -EMSGSIZE;
	return 0;
}

/* Envelope addresses are completed, aliases applied.  0, or an exit code. */
static int take_envelope(struct direct *d, const struct handover *h)
{
	struct slice rest = h->rcpts, rcpt;
	struct buf from = BUF_ON(d->sender);

	d->rcpts = BUF_ON(d->space);
	if (identity_sender(d->id, d->c, h->from, &from) < 0 || from.overflow) {
		cmd_err("sender has no domain");
		return EXIT_DATA;
	}
	d->talk.txn.from = buf_slice(&from);
	while (envelope_next_rcpt(&rest, &rcpt)) {
		int err = identity_expand(d->id, d->c, rcpt, take_rcpt, d);

		if (err < 0) {
			cmd_err("%.*s: %s, nothing was sent", (int)rcpt.n,
				rcpt.p,
				err == -EDESTADDRREQ ? "recipient has no domain"
						     : "too many recipients");
			return err == -EMSGSIZE ? EXIT_AGAIN : EXIT_DATA;
		}
	}
	return 0;
}

/* Who we are in the message: Date, Message-ID (RFC 6409 8). */
static void put_header(struct direct *d, struct fixup_job *header)
{
	int64_t now = world_wall_s(&world_real);
	struct buf date = BUF_ON(d->date), msgid = BUF_ON(d->msgid);
	const char *own = d->id->hostname[0] ? d->id->hostname : d->id->domain;

	id_format(d->id_text, id_new(&world_real));
	if (now < CONFIG_RELEASE_EPOCH)
		now = CONFIG_RELEASE_EPOCH;
	date_put(&date, now, 0);
	header->date = slice_str(buf_cstr(&date));
	buf_putf(&msgid, "<%s@%s>", d->id_text,
		 own[0] ? own : "mailmote.invalid");
	header->msgid = buf_slice(&msgid);
	d->boxes.home = identity_home(d->id);
	d->boxes.sender = d->talk.txn.from;
	if (ENABLE_REWRITE && d->talk.txn.from.n > 0)
		d->boxes.force = d->c->from;
	header->boxes = &d->boxes;
}

/* Root is given up; where there is no user to be, it cannot. */
static int drop_root(const struct conf *c)
{
	struct privilege who;
	int code = privilege_find(c, &who);

	return code ? code : privilege_drop(&who);
}

int handover_alone(const struct conf *c, const struct identity *id,
		   const struct handover *h)
{
	struct direct *d = &the_direct;
	struct talk *t = &d->talk;
	int code = drop_root(c);

	d->c = c;
	d->id = id;
	t->h = h;
	t->max = c->max_message;
	t->next = next_txn;
	t->txn.eight_bit = h->eight_bit;
	if (code == 0)
		code = take_envelope(d, h);
	if (code)
		return code;
	if (h->size > t->max) {
		cmd_err("message is too large, nothing was sent");
		return EXIT_DATA;
	}
	put_header(d, h->header);
	for (unsigned i = 0; i < c->nroutes; i++)
		run_route(d, i);
	/* What no pattern takes has the number that no route has. */
	run_route(d, UINT8_MAX);
	if (t->count.later > 0 && t->count.sent > 0)
		cmd_err("sent to %u, not to %u: sending it again makes "
			"possible duplicates",
			t->count.sent, t->count.later);
	return talk_result(t);
}
