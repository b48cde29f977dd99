/* SPDX-License-Identifier: ISC */
/* cmd/talk.c - see cmd/talk.h. */
#include "cmd/talk.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "cmd/cmd.h"
#include "mail/envelope.h"

void talk_clear(struct talk *t)
{
	t->rcpts = BUF_ON(t->rcpt_space);
	t->txn.nrcpt = 0;
	t->txn.outcomes = t->outcomes;
}

bool talk_add(struct talk *t, struct slice rcpt)
{
	/* Aliases and the trace need room in the envelope, too. */
	if (t->txn.nrcpt == CONFIG_RCPT_MAX ||
	    t->rcpts.len + rcpt.n + t->h->notify.n > sizeof(t->rcpt_space) / 2)
		return false;
	envelope_put_rcpt(&t->rcpts, rcpt);
	envelope_put_params(&t->rcpts, t->h->notify);
	t->txn.rcpts = buf_slice(&t->rcpts);
	t->txn.nrcpt++;
	return true;
}

int talk_begin(struct talk *t)
{
	if (t->started && t->h->rewind(t->h->ctx) < 0)
		return -ESPIPE;
	t->started = false;
	t->octets = 0;
	t->have.n = 0;
	t->open = true;
	smtp_client_begin(&t->client, &t->txn);
	return 0;
}

/* The message ends here: drop the connection without a final dot. */
static void fail_body(struct talk *t, int err)
{
	struct outcome why;

	t->error = err;
	if (err == -ELOOP)
		outcome_set(&why, VERDICT_REFUSED, 554, 546,
			    SLICE("too many hops"));
	else if (err == -EFBIG)
		outcome_set(&why, VERDICT_REFUSED, 552, 534,
			    SLICE("message is too large"));
	else
		outcome_set(&why, VERDICT_RETRY_MESSAGE, 0, 430,
			    SLICE("the message cannot be read"));
	smtp_client_body_fail(&t->client, &why);
}

/* Give the engine message bytes; false: it has no room. */
static bool pump_body(struct talk *t)
{
	static MEMORY_LARGE char space[2048];

	if (t->have.n == 0) {
		ssize_t n = t->h->read(t->h->ctx, space, sizeof(space));

		t->started = true;
		if (n == 0)
			return smtp_client_body_end(&t->client);
		t->octets += n > 0 ? (size_t)n : 0;
		if (n < 0 || t->octets > t->max) {
			fail_body(t, n < 0 ? (int)n : -EFBIG);
			return true;
		}
		t->have = slice_of(space, (size_t)n);
	}
	size_t used = smtp_client_body(&t->client, t->have);
	t->have = slice_from(t->have, used);
	return used > 0;
}

/* What a read or a write has come to; false: not now. */
static bool moved(struct talk *t, ssize_t n)
{
	const char *why = n == 0 ? "connection closed" : t->stream.why;

	bool over = n <= 0 && n != -EAGAIN;

	t->lost |= over;
	if (over)
		smtp_client_lost(&t->client,
				 slice_str(t->gone ? t->gone : why));
	return n != -EAGAIN;
}

static bool pump_write(struct talk *t)
{
	struct slice out = smtp_client_out(&t->client);
	ssize_t n = stream_write(&t->stream, out.p, out.n);

	if (n > 0)
		smtp_client_sent(&t->client, (size_t)n);
	return moved(t, n);
}

static bool pump_read(struct talk *t)
{
	char space[512];
	ssize_t n = stream_read(&t->stream, space, sizeof(space));

	for (size_t at = 0; n > 0 && at < (size_t)n;) {
		size_t used = 0;

		smtp_client_feed(&t->client,
				 slice_of(space + at, (size_t)n - at), &used);
		if (used == 0)
			break;
		at += used;
	}
	return moved(t, n);
}

/* Nothing can be done: wait, up to the state's limit (RFC 5321 4.5.3.2). */
static void wait(struct talk *t, unsigned wants)
{
	struct net_wait set = { .fd = t->stream.fd };
	unsigned timeout_s = smtp_client_timeout_s(&t->client);
	int64_t until = INT64_MAX;
	bool now = false;

	if (t->limit_s > 0 && t->limit_s < timeout_s)
		timeout_s = t->limit_s;
	if (timeout_s > 0)
		until = world_boot_ms(&world_real) + timeout_s * 1000LL;
	set.want = (uint8_t)((wants & SMTP_WANT_READ ? NET_IN : 0) |
			     (wants & SMTP_WANT_WRITE ? NET_OUT : 0));
	/* What is encrypted goes out, and in, in its own time. */
	if (ENABLE_CHECK_LIVE) {
		int err = stream_flush(&t->stream);

		if (err < 0 && err != -EAGAIN)
			(void)moved(t, err);
		set.want = stream_wants(&t->stream, wants & SMTP_WANT_READ,
					wants & SMTP_WANT_WRITE, &now);
	}
	if (now || set.want == 0)
		return;
	if (net_real.ops->wait(net_real.ctx, &set, 1, until) == 0)
		smtp_client_expire(&t->client);
}

void talk_run(struct talk *t)
{
	for (;;) {
		unsigned wants = smtp_client_wants(&t->client);

		if (wants & SMTP_WANT_CLOSE)
			break;
		if (wants & SMTP_WANT_TXN)
			t->next(t);
		else if (ENABLE_CHECK_LIVE && (wants & SMTP_WANT_TLS))
			t->handshake(t);
		else if (!((wants & SMTP_WANT_BODY) && pump_body(t)) &&
			 !((wants & SMTP_WANT_WRITE) && pump_write(t)) &&
			 !((wants & SMTP_WANT_READ) && pump_read(t)))
			wait(t, wants);
	}
	stream_close(&t->stream);
}

static void say(struct slice rcpt, const char *words, const struct outcome *o)
{
	char space[40];
	struct buf codes = BUF_ON(space);

	if (o->code > 0)
		buf_putf(&codes, "%u ", (unsigned)o->code);
	outcome_put_dsn(&codes, o->dsn);
	cmd_err("%.*s: %s: %s %s", (int)rcpt.n, rcpt.p, words, buf_cstr(&codes),
		o->text);
}

/*
 * DESIGN.md 2.1: EXIT_REFUSED is a next hop's word.  What we ourselves refuse
 * is a bad address or sender, or more than we take.
 */
static int refused_code(const struct outcome *o, bool own)
{
	unsigned subject = o->dsn / 10 % 10;

	if (own && (subject == 1 || o->dsn == 534))
		return EXIT_DATA;
	return own && subject == 7 ? EXIT_DENIED : EXIT_REFUSED;
}

void tally_add(struct tally *t, bool verbose, struct slice rcpt,
	       const struct outcome *o, bool own)
{
	if (o->verdict == VERDICT_SENT) {
		t->sent++;
		if (verbose)
			say(rcpt, "accepted", o);
		return;
	}
	if (o->verdict == VERDICT_REFUSED) {
		t->refused++;
		t->refused_code = refused_code(o, own);
		say(rcpt, "refused", o);
		return;
	}
	/* One line is enough where all recipients share the reason. */
	if (verbose || t->later == 0 || strcmp(t->why, o->text) != 0)
		say(rcpt, "try again later", o);
	if (t->later++ == 0)
		memcpy(t->why, o->text, sizeof(t->why));
}

int tally_result(const struct tally *t)
{
	if (t->later > 0)
		return EXIT_AGAIN;
	/*
	 * Of a mix those that were refused get a notice (DESIGN.md 3.1); but
	 * for a whole transaction only mailback.c sends one.
	 */
	if (t->refused > 0 && (t->sent == 0 || (!ENABLE_MAILBACK && t->whole)))
		return t->refused_code;
	return EXIT_DONE;
}

int talk_result(const struct talk *t)
{
	if (t->error == -EFBIG)
		return EXIT_DATA;
	if (t->error < 0 && t->error != -ELOOP)
		return EXIT_IO;
	return tally_result(&t->count);
}
