/* SPDX-License-Identifier: ISC */
/*
 * smtp/client_txn.c - one transaction: MAIL, RCPTs, DATA, the message.
 *
 * Commands go out in groups where the hop offers PIPELINING (RFC 2920), one by
 * one where it does not; replies are counted either way.  While an outcome's
 * verdict is NONE its recipient is undecided, with a code: accepted.
 */
#include "mail/address.h"
#include "mail/envelope.h"
#include "mail/idna.h"
#include "smtp/client_int.h"

/* Replies that may be owed in one group; more would only fill buffers. */
#define MAX_PENDING 100

/* SIZE, ENVID and RET are less than NOTIFY and ORCPT (RFC 3461 4). */
BUILD_ASSERT(CLIENT_LINE >= ADDRESS_MAX_PATH + 64 + 536);
BUILD_ASSERT(SMTP_CLIENT_OUT >= 2 * CLIENT_LINE);

void client_settle(struct smtp_client *c, const struct outcome *o, bool more)
{
	for (unsigned i = 0; c->txn && i < c->txn->nrcpt; i++) {
		struct outcome *at = &c->txn->outcomes[i];

		if (at->verdict == VERDICT_NONE || (more && at->more))
			*at = *o;
	}
}

/* Refuse all that are undecided, in our own words; false, for check_txn(). */
static bool refuse_all(struct smtp_client *c, uint16_t dsn, const char *why)
{
	struct outcome o;

	outcome_set(&o, VERDICT_REFUSED, 0, dsn, slice_str(why));
	client_settle(c, &o, false);
	return false;
}

/* RFC 6531 3.2, 3.6: can the hop be told this address? */
static bool can_say(const struct smtp_client *c, struct slice mailbox)
{
	char space[ADDRESS_MAX_PATH];
	struct buf b = BUF_ON(space);

	if (!ENABLE_SMTPUTF8 || (c->ehlo.ext & EHLO_SMTPUTF8))
		return true;
	return idna_put_mailbox(&b, mailbox);
}

static const char no_utf8[] = "the next hop has no SMTPUTF8";

/* Clear all outcomes, refuse what is no address; is there one left? */
static bool check_rcpts(const struct smtp_client *c, const struct smtp_txn *txn)
{
	struct slice rest = txn->rcpts;
	bool any = txn->mail_only;

	for (unsigned i = 0; i < txn->nrcpt; i++) {
		struct outcome *o = &txn->outcomes[i];
		struct slice rcpt;
		struct address a;

		*o = (struct outcome){ .verdict = VERDICT_NONE };
		if (!envelope_next_rcpt(&rest, &rcpt) ||
		    address_parse_utf8(rcpt, &a) < 0)
			outcome_set(o, VERDICT_REFUSED, 0, 513,
				    SLICE("not a mailbox"));
		else if (!can_say(c, rcpt))
			outcome_set(o, VERDICT_REFUSED, 0, 567,
				    slice_str(no_utf8));
		else
			any = true;
	}
	return any;
}

/* May the transaction be tried?  No: all outcomes are set. */
static bool check_txn(struct smtp_client *c)
{
	const struct smtp_txn *txn = c->txn;
	struct address a;

	if (!check_rcpts(c, txn))
		return false;
	if (txn->from.n > 0 && address_parse_utf8(txn->from, &a) < 0)
		return refuse_all(c, 517, "the sender is not a mailbox");
	if (txn->from.n > 0 && !can_say(c, txn->from))
		return refuse_all(c, 567, no_utf8);
	c->utf8 = ENABLE_SMTPUTF8 && (txn->utf8 || slice_has_8bit(txn->from) ||
				      slice_has_8bit(txn->rcpts));
	if (!(c->ehlo.ext & EHLO_SMTPUTF8))
		c->utf8 = false;
	if (txn->utf8 && !c->utf8)
		return refuse_all(c, 569, no_utf8);
	/* RFC 1870 6.1: it would be refused after all bytes were sent */
	if (c->ehlo.size > 0 && txn->size > c->ehlo.size)
		return refuse_all(c, 534, "larger than the next hop takes");
	/* RFC 6152 3: never strip the eighth bit */
	if (txn->eight_bit && !(c->ehlo.ext & EHLO_8BITMIME))
		return refuse_all(c, 563, "next hop cannot take 8-bit mail");
	return true;
}

void smtp_client_begin(struct smtp_client *c, const struct smtp_txn *txn)
{
	if (c->state != ST_READY)
		return;
	c->txn = txn;
	c->rest = txn->rcpts;
	c->domain = (struct slice){ NULL, 0 };
	c->domains = 0;
	c->next_rcpt = c->reply_rcpt = 0;
	c->asked = c->answered = c->accepted = 0;
	c->body_sent = c->dummy = c->mail_ok = false;
	if (!check_txn(c)) {
		c->txn = NULL;
		return;
	}
	c->mails++;
	/* RFC 5321 4.1.1.5: after a transaction without an end */
	c->stage = c->need_reset ? STAGE_RSET : STAGE_MAIL;
	c->state = c->need_reset ? ST_RSET : ST_MAIL;
	c->need_reset = false;
	client_pump(c);
}

/* Begin a line with verb, path and ">"; returns where it begins. */
static size_t put_path(struct smtp_client *c, const char *verb,
		       struct slice path)
{
	size_t start = client_begin_line(c);

	buf_put_str(&c->out, verb);
	/* What can not be said so was refused before. */
	if (c->utf8 || !ENABLE_SMTPUTF8 || !idna_put_mailbox(&c->out, path))
		buf_put_slice(&c->out, path);
	buf_put_char(&c->out, '>');
	return start;
}

/* RFC 3461 5.2: as they came, or not at all. */
static void put_params(struct smtp_client *c, struct slice params)
{
	if (!ENABLE_DSN_PARAMS || !(c->ehlo.ext & EHLO_DSN) || params.n == 0)
		return;
	buf_put_char(&c->out, ' ');
	buf_put_slice(&c->out, params);
}

static void put_mail(struct smtp_client *c)
{
	size_t start = put_path(c, "MAIL FROM:<", c->txn->from);

	/* RFC 1870 5, RFC 6152 2 */
	if ((c->ehlo.ext & EHLO_SIZE) && c->txn->size > 0) {
		buf_put_str(&c->out, " SIZE=");
		buf_put_u64(&c->out, c->txn->size);
	}
	if (c->txn->eight_bit)
		buf_put_str(&c->out, " BODY=8BITMIME");
	if (c->utf8)
		buf_put_str(&c->out, " SMTPUTF8");
	if (c->txn->queue && (c->ehlo.ext & EHLO_XQUEUE))
		buf_put_str(&c->out, " XQUEUE");
	put_params(c, c->txn->params);
	client_end_line(c, start, NULL);
}

/* RFC 9422: would this recipient be one too many? */
static bool is_over_limit(struct smtp_client *c, struct slice rcpt)
{
	ptrdiff_t at = slice_rfind(rcpt, '@');
	struct slice domain = slice_from(rcpt, (size_t)(at + 1));

	if (c->ehlo.rcpt_max > 0 && c->asked >= c->ehlo.rcpt_max)
		return true;
	/* Changes are counted, not domains: never too few. */
	if (c->domains == 0 || !slice_ieq(domain, c->domain))
		c->domains++;
	c->domain = domain;
	return c->ehlo.domain_max > 0 && c->domains > c->ehlo.domain_max;
}

/* What was not said yet waits for another transaction. */
static void leave_rest(struct smtp_client *c)
{
	for (; c->next_rcpt < c->txn->nrcpt; c->next_rcpt++) {
		struct outcome *o = &c->txn->outcomes[c->next_rcpt];

		if (o->verdict != VERDICT_NONE)
			continue;
		outcome_set(o, VERDICT_RETRY_MESSAGE, 0, 453,
			    SLICE("left for the next transaction"));
		o->more = true;
	}
}

/* Send RCPT for the next recipient; false: there is none. */
static bool put_rcpt(struct smtp_client *c)
{
	struct slice rcpt, params;
	const struct outcome *at;
	size_t start;

	do {
		if (c->next_rcpt == c->txn->nrcpt ||
		    !envelope_next(&c->rest, &rcpt, &params))
			return false;
		at = &c->txn->outcomes[c->next_rcpt];
		c->next_rcpt++;
	} while (at->verdict != VERDICT_NONE);
	if (is_over_limit(c, rcpt)) {
		c->next_rcpt--;
		leave_rest(c);
		return false;
	}
	c->asked++;
	start = put_path(c, "RCPT TO:<", rcpt);
	put_params(c, params);
	client_end_line(c, start, NULL);
	return true;
}

/* Send DATA if somebody was or may still be accepted. */
static bool put_data(struct smtp_client *c)
{
	if (c->accepted == 0 && c->answered == c->asked) {
		c->stage = STAGE_NONE;
		return false;
	}
	c->stage = STAGE_SENT;
	client_put_line(c, "DATA");
	return true;
}

/* Send the next command; false: there is none, or not yet. */
static bool put_next(struct smtp_client *c)
{
	switch (c->stage) {
	case STAGE_RSET:
		c->stage = STAGE_MAIL;
		client_put_line(c, "RSET");
		return true;
	case STAGE_MAIL:
		c->stage = STAGE_RCPT;
		put_mail(c);
		return true;
	case STAGE_RCPT:
		return put_rcpt(c) || put_data(c);
	default:
		return false;
	}
}

void client_pump(struct smtp_client *c)
{
	unsigned most = c->ehlo.ext & EHLO_PIPELINING ? MAX_PENDING : 1;

	while (c->pending < most && client_room(c) >= CLIENT_LINE &&
	       put_next(c))
		c->pending++;
}

/* The transaction is over: another one may begin, or the session ends. */
static void end_txn(struct smtp_client *c)
{
	uint32_t most = c->ehlo.mail_max;

	c->txn = NULL;
	/* RFC 9422 4.1: no MAIL more than the hop takes in a session */
	if (c->fault.verdict != VERDICT_NONE || (most > 0 && c->mails >= most))
		client_leave(c, NULL);
	else
		c->state = ST_READY;
}

/* A reply to MAIL or RCPT was taken: what is next? */
static void advance(struct smtp_client *c)
{
	client_pump(c);
	if (c->answered < c->asked) {
		c->state = ST_RCPT;
	} else if (c->stage == STAGE_SENT) {
		c->state = ST_DATA;
	} else if (c->stage == STAGE_NONE) {
		c->need_reset = c->mail_ok;
		end_txn(c);
	} else {
		client_drop_broken(c, "reply before its command");
	}
}

/* Trouble of the route ends the session behind this transaction. */
static void note_fault(struct smtp_client *c, const struct outcome *o)
{
	if (o->verdict == VERDICT_RETRY_ROUTE &&
	    c->fault.verdict == VERDICT_NONE)
		c->fault = *o;
}

void client_on_rset(struct smtp_client *c, const struct outcome *o)
{
	(void)o;
	c->state = ST_MAIL;
	client_pump(c);
}

void client_on_mail(struct smtp_client *c, const struct outcome *o)
{
	c->mail_ok = o->verdict == VERDICT_NONE;
	if (c->mail_ok) {
		c->transactions = true;
	} else {
		note_fault(c, o);
		client_settle(c, o, true);
		if (c->stage != STAGE_SENT)
			c->stage = STAGE_NONE;
	}
	advance(c);
}

/* What the reply in c->reply means for the recipient it is about. */
static void judge_rcpt(struct smtp_client *c, const struct outcome *o)
{
	struct outcome *all = c->txn->outcomes;

	/* There is one: fewer were answered than asked about. */
	while (all[c->reply_rcpt].verdict != VERDICT_NONE)
		c->reply_rcpt++;

	struct outcome *at = &all[c->reply_rcpt++];
	*at = *o;
	if (o->verdict == VERDICT_NONE) {
		c->accepted++;
	} else if (c->accepted > 0 && (o->code == 452 || o->code == 552)) {
		/* RFC 5321 4.5.3.1.10: too many, the rest in another one */
		at->verdict = VERDICT_RETRY_MESSAGE;
		at->dsn = 453;
		at->more = true;
	} else {
		note_fault(c, o);
	}
}

void client_on_rcpt(struct smtp_client *c, const struct outcome *o)
{
	c->answered++;
	if (c->mail_ok)
		judge_rcpt(c, o);
	advance(c);
}

void client_on_data(struct smtp_client *c, const struct outcome *o)
{
	c->need_reset = c->mail_ok;
	if (o->verdict != VERDICT_NONE) {
		if (c->accepted > 0)
			note_fault(c, o);
		client_settle(c, o, false);
		end_txn(c);
	} else if (c->accepted > 0) {
		c->state = ST_BODY;
		dot_out_start(&c->dot);
		/* Our own daemon breaks them, or not, when they leave. */
		c->dot.whole = c->ehlo.ext & EHLO_XQUEUE;
	} else if (c->job->lmtp) {
		/* RFC 2033 4.2: it had to be 503, and a dot gets no reply */
		client_drop_broken(c, "354 without a recipient");
	} else {
		/* RFC 2920 3.1: an empty message for nobody */
		c->dummy = true;
		c->state = ST_DOT;
		client_put_line(c, ".");
	}
}

size_t smtp_client_body(struct smtp_client *c, struct slice in)
{
	if (c->state != ST_BODY)
		return 0;
	client_begin_line(c);
	return dot_out_feed(&c->dot, in, &c->out);
}

bool smtp_client_body_end(struct smtp_client *c)
{
	if (c->state != ST_BODY)
		return true;
	if (client_room(c) < CLIENT_LINE)
		return false;
	client_begin_line(c);
	dot_out_end(&c->dot, &c->out);
	c->body_sent = true;
	c->state = ST_DOT;
	return true;
}

/*
 * The hop answers before it has the whole message: that is its answer, but
 * the connection is good for nothing more.
 */
void client_on_body(struct smtp_client *c, const struct outcome *o)
{
	note_fault(c, o);
	client_settle(c, o, false);
	client_hang_up(c);
}

/* RFC 2033 4.2: the next of those that were accepted. */
static void judge_next(struct smtp_client *c, const struct outcome *o)
{
	unsigned i = 0;

	while (i + 1u < c->txn->nrcpt &&
	       c->txn->outcomes[i].verdict != VERDICT_NONE)
		i++;
	c->txn->outcomes[i] = *o;
	c->accepted--;
}

void client_on_dot(struct smtp_client *c, const struct outcome *o)
{
	if (!c->dummy) {
		note_fault(c, o);
		if (!c->job->lmtp)
			client_settle(c, o, false);
		else
			judge_next(c, o);
		if (c->job->lmtp && c->accepted > 0)
			return;
	}
	c->need_reset = false;
	end_txn(c);
}
