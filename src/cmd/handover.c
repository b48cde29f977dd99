/* SPDX-License-Identifier: ISC */
/*
 * cmd/handover.c - a message to the daemon: LHLO on the submission socket, one
 * reply a recipient (RFC 2033).
 */
#include "cmd/handover.h"

#include <errno.h>
#include <fcntl.h>

#include "base/memory.h"
#include "cmd/cmd.h"
#include "cmd/local.h"
#include "cmd/mailback.h"
#include "cmd/talk.h"
#include "mail/envelope.h"
#include "relay/submit.h"

/* A run of transactions with one daemon. */
struct run {
	struct talk talk;  /* first: next_txn() finds the rest by it */
	struct slice rest; /* recipients of later transactions */
	struct buf again;  /* packed: what the daemon left for the next */
	char again_space[2 * CONFIG_ENVELOPE_MAX];
};

static MEMORY_LARGE struct run the_run;

/*
 * Before the message was sent it is the daemon itself that refuses; behind it
 * the next hop does, but for what grew over our own limits on its way.
 */
static bool is_own(const struct outcome *o, bool body_sent)
{
	return !body_sent ||
	       slice_eq(slice_str(o->text), SLICE(SUBMIT_LARGE_MESSAGE)) ||
	       slice_eq(slice_str(o->text), SLICE(SUBMIT_LARGE_HEADER));
}

static void settle(struct run *r)
{
	struct talk *t = &r->talk;
	struct slice rcpts = t->txn.rcpts;
	struct slice rcpt;
	bool some = false;

	t->open = false;
	/* First: where none is taken, what is left over is not for later. */
	for (unsigned i = 0; i < t->txn.nrcpt; i++)
		some |= t->outcomes[i].verdict == VERDICT_SENT;
	for (unsigned i = 0; envelope_next_rcpt(&rcpts, &rcpt); i++) {
		const struct outcome *o = &t->outcomes[i];

		if (o->more && some) {
			envelope_put_rcpt(&r->again, rcpt);
			continue;
		}
		tally_add(&t->count, t->h->verbose, rcpt, o,
			  is_own(o, t->client.body_sent));
		t->count.whole |= !some && o->verdict == VERDICT_REFUSED;
		/* Of a mix the daemon itself sends a notice. */
		if (ENABLE_MAILBACK && !some && o->verdict == VERDICT_REFUSED)
			mailback_note(rcpt, o);
	}
}

/* The recipients of the next transaction; false: none left. */
static bool pick(struct run *r)
{
	struct slice *from = &r->rest;
	struct slice again = buf_slice(&r->again);

	if (again.n > 0)
		from = &again;
	talk_clear(&r->talk);
	for (struct slice left = *from, rcpt;
	     envelope_next_rcpt(&left, &rcpt) && talk_add(&r->talk, rcpt);)
		*from = left;
	if (from == &again)
		buf_drop(&r->again, r->again.len - again.n);
	return r->talk.txn.nrcpt > 0;
}

/* The transaction at hand is not tried. */
static void settle_as(struct run *r, const struct outcome *why)
{
	for (unsigned i = 0; i < r->talk.txn.nrcpt; i++)
		r->talk.outcomes[i] = *why;
	settle(r);
}

/* Nor are all others. */
static void give_up(struct run *r, const struct outcome *why)
{
	if (r->talk.open)
		settle(r);
	while (pick(r))
		settle_as(r, why);
}

/* The session is at rest: begin the next transaction, or say good-bye. */
static void next_txn(struct talk *t)
{
	struct run *r = (struct run *)t;
	struct outcome why;

	if (t->open)
		settle(r);
	if (pick(r)) {
		/* An older daemon takes a header as it always did. */
		t->txn.utf8 = ENABLE_SMTPUTF8 && t->h->utf8 &&
			      (t->client.ehlo.ext & EHLO_SMTPUTF8);
		if (talk_begin(t) == 0)
			return;
		outcome_set_trouble(&why, TROUBLE_LINK, 430,
				    SLICE("the message cannot be read again"));
		settle_as(r, &why);
		give_up(r, &why);
	}
	smtp_client_quit(&t->client);
}

int handover_daemon(const struct conf *c, const struct handover *h)
{
	static const struct smtp_job job = {
		.helo = { "localhost", 9 },
		.lmtp = true,
		.tls = SMTP_TLS_OFF,
	};
	struct run *r = &the_run;
	struct talk *t = &r->talk;
	int fd = local_connect(c->socket);

	if (fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return EXIT_SYSTEM;
	if (fd == -ENOENT)
		return -ENOENT;
	if (fd < 0) {
		cmd_err("%s: %s", c->socket.p,
			fd == -EACCES ? "not allowed"
				      : "the daemon cannot be reached");
		return fd == -EACCES ? EXIT_DENIED : EXIT_AGAIN;
	}
	t->h = h;
	t->max = UINT64_MAX;
	t->next = next_txn;
	t->gone = "the daemon went away";
	t->txn.from = h->from;
	t->txn.params = h->params;
	t->txn.size = h->size;
	t->txn.eight_bit = h->eight_bit;
	t->txn.queue = h->mode == HANDOVER_QUEUE;
	t->lost = false;
	r->rest = h->rcpts;
	r->again = BUF_ON(r->again_space);
	stream_init(&t->stream, &net_real);
	stream_adopt(&t->stream, fd);
	smtp_client_init(&t->client, &job);
	talk_run(t);
	/* It ended while we knocked; one that is full has said so. */
	if (t->lost && t->client.fault.code == 0 && r->rest.n == h->rcpts.n)
		return -ENOENT;
	give_up(r, &t->client.fault);
	return talk_result(t);
}
