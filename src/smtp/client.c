/* SPDX-License-Identifier: ISC */
/*
 * smtp/client.c - the engine's doors, its states and the way a session ends;
 * see smtp/client.h and SMTP.md.
 */
#include "smtp/client.h"

#include <errno.h>
#include <string.h>

#include "base/secret.h"
#include "smtp/client_int.h"

/* One state: what is waited for, and what a reply does. */
struct state {
	const char *name;   /* what is waited for, in words */
	uint16_t timeout_s; /* RFC 5321 4.5.3.2 */
	uint16_t step;      /* enum smtp_step of a reply; 0: none matters */
	uint8_t wants;      /* SMTP_WANT_ bits, but WRITE and BODY */
	bool early; /* a reply may come while there is more to be sent */
	void (*reply)(struct smtp_client *c, const struct outcome *o);
};

static void on_quit(struct smtp_client *c, const struct outcome *o);

#define READ SMTP_WANT_READ

static const struct state states[] = {
	[ST_GREETING] = { "the greeting", 300, STEP_GREETING, READ, false,
			  client_on_greeting },
	[ST_EHLO] = { "EHLO", 300, STEP_HELLO, READ, false, client_on_ehlo },
	[ST_HELO] = { "HELO", 300, STEP_HELLO, READ, false, client_on_helo },
	[ST_STARTTLS] = { "STARTTLS", 300, STEP_TLS, READ, false,
			  client_on_starttls },
	[ST_HANDSHAKE] = { "the TLS handshake", 120, 0, SMTP_WANT_TLS, false,
			   NULL },
	[ST_AUTH] = { "AUTH", 300, STEP_AUTH, READ, false,
		      ENABLE_AUTH ? client_on_auth : NULL },
	[ST_READY] = { "nothing", 0, STEP_IDLE, READ | SMTP_WANT_TXN, true,
		       NULL },
	[ST_RSET] = { "RSET", 300, STEP_RSET, READ, false, client_on_rset },
	[ST_MAIL] = { "MAIL", 300, STEP_MAIL, READ, false, client_on_mail },
	[ST_RCPT] = { "RCPT", 300, STEP_RCPT, READ, false, client_on_rcpt },
	[ST_DATA] = { "DATA", 120, STEP_DATA, READ, false, client_on_data },
	[ST_BODY] = { "room for the message", 180, STEP_BODY, READ, true,
		      client_on_body },
	[ST_DOT] = { "the final dot", 600, STEP_DOT, READ, true,
		     client_on_dot },
	[ST_QUIT] = { "QUIT", 10, 0, READ, true, on_quit },
	[ST_CLOSED] = { "nothing", 0, 0, SMTP_WANT_CLOSE, false, NULL },
};

void smtp_client_init(struct smtp_client *c, const struct smtp_job *job)
{
	/* A literal of this size would be made on the stack first. */
	memset(c, 0, sizeof(*c));
	c->job = job;
	c->state = ST_GREETING;
	c->tls_up = job->tls == SMTP_TLS_IMPLICIT;
	c->said = buf_on(c->said_space, sizeof(c->said_space) - 1);
	c->out = buf_on(c->out_space, sizeof(c->out_space));
	reply_start(&c->reply);
}

bool client_all_sent(const struct smtp_client *c)
{
	return c->out_at == c->out.len;
}

size_t client_room(const struct smtp_client *c)
{
	return c->out.cap - (c->out.len - c->out_at);
}

unsigned smtp_client_wants(const struct smtp_client *c)
{
	unsigned wants = states[c->state].wants;

	if (!client_all_sent(c))
		wants |= SMTP_WANT_WRITE;
	if (c->state == ST_BODY && client_room(c) >= CLIENT_LINE)
		wants |= SMTP_WANT_BODY;
	return wants;
}

unsigned smtp_client_timeout_s(const struct smtp_client *c)
{
	unsigned s = states[c->state].timeout_s;
	bool dot = c->state == ST_DOT;

	/* RFC 5321 4.5.3.2.5: until the dot is sent it is one more block */
	if (dot && !client_all_sent(c)) {
		s = states[ST_BODY].timeout_s;
		dot = false;
	}
	/* Who does not wait for the last answer sends the message twice. */
	if (s > 0 && c->job->timeout_s > (dot ? s : 0))
		s = c->job->timeout_s;
	return s;
}

struct slice smtp_client_out(struct smtp_client *c)
{
	return slice_from(buf_slice(&c->out), c->out_at);
}

/* What was a secret is gone as soon as it is sent. */
static void forget_out(struct smtp_client *c)
{
	if (c->secret)
		secret_wipe(c->out_space, sizeof(c->out_space));
	c->secret = false;
	buf_reset(&c->out);
	c->out_at = 0;
}

void smtp_client_sent(struct smtp_client *c, size_t n)
{
	c->out_at += n;
	if (client_all_sent(c))
		forget_out(c);
	if (c->state >= ST_RSET && c->state <= ST_RCPT)
		client_pump(c);
}

size_t client_begin_line(struct smtp_client *c)
{
	buf_drop(&c->out, c->out_at);
	c->out_at = 0;
	return c->out.len;
}

void client_end_line(struct smtp_client *c, size_t start,
		     const struct slice *shown)
{
	struct slice line = slice_from(buf_slice(&c->out), start);
	struct outcome o;

	buf_put_str(&c->out, "\r\n");
	if (c->out.overflow) {
		outcome_set_trouble(&o, TROUBLE_CONF, 450,
				    SLICE("a command is too long"));
		client_drop(c, &o);
		return;
	}
	if (c->job->watch)
		c->job->watch(c->job->watch_ctx, true, shown ? *shown : line);
}

void client_put_line(struct smtp_client *c, const char *line)
{
	size_t start = client_begin_line(c);

	buf_put_str(&c->out, line);
	client_end_line(c, start, NULL);
}

void client_hang_up(struct smtp_client *c)
{
	forget_out(c);
	c->txn = NULL;
	c->state = ST_CLOSED;
}

/* RFC 5321 4.1.1.10: whatever is said to QUIT, the mail was delivered. */
static void on_quit(struct smtp_client *c, const struct outcome *o)
{
	(void)o;
	client_hang_up(c);
}

static void set_fault(struct smtp_client *c, const struct outcome *fault)
{
	if (c->fault.verdict == VERDICT_NONE)
		c->fault = *fault;
}

void client_drop(struct smtp_client *c, const struct outcome *fault)
{
	struct outcome o = *fault;

	if (c->state < ST_QUIT) {
		/* The peer may have taken what it got whole and not refused. */
		o.uncertain = c->state == ST_DOT && !c->dummy &&
			      client_all_sent(c) && fault->code < 400;
		set_fault(c, fault);
		client_settle(c, &o, false);
		client_settle(c, fault, true);
	}
	client_hang_up(c);
}

void client_drop_broken(struct smtp_client *c, const char *why)
{
	struct outcome o;

	outcome_set_trouble(&o, TROUBLE_LINK, 450, slice_str(why));
	client_drop(c, &o);
}

void client_leave(struct smtp_client *c, const struct outcome *fault)
{
	if (fault) {
		set_fault(c, fault);
		client_settle(c, fault, true);
	}
	c->txn = NULL;
	c->state = ST_QUIT;
	client_put_line(c, "QUIT");
}

void client_leave_trouble(struct smtp_client *c, enum trouble trouble,
			  const char *why)
{
	struct outcome o;

	outcome_set_trouble(&o, trouble, 470, slice_str(why));
	client_leave(c, &o);
}

void smtp_client_quit(struct smtp_client *c)
{
	if (c->state == ST_READY)
		client_leave(c, NULL);
}

void smtp_client_fail(struct smtp_client *c, const struct outcome *fault)
{
	client_drop(c, fault);
}

void smtp_client_body_fail(struct smtp_client *c, const struct outcome *fault)
{
	/* RFC 5321 4.1.1.4: without its dot the message was never sent */
	client_drop(c, fault);
}

/* The link failed: "WHAT waiting for STATE: WHY". */
static void drop_link(struct smtp_client *c, const char *what, struct slice why)
{
	char space[OUTCOME_MAX_TEXT];
	struct buf text = BUF_ON(space);
	struct outcome o;

	buf_putf(&text, "%s waiting for %s", what, states[c->state].name);
	if (why.n > 0)
		buf_put_str(&text, ": ");
	buf_put_slice(&text, slice_head(why, buf_room(&text)));
	outcome_set_trouble(&o, TROUBLE_LINK, 442, buf_slice(&text));
	client_drop(c, &o);
}

void smtp_client_lost(struct smtp_client *c, struct slice why)
{
	drop_link(c, "connection lost", why);
}

void smtp_client_expire(struct smtp_client *c)
{
	drop_link(c, "timeout", SLICE(""));
}

/* Tell those who watch about the line that came in. */
static void show_reply(struct smtp_client *c)
{
	char space[REPLY_MAX_TEXT + 32];
	struct buf line = BUF_ON(space);
	const struct reply *r = &c->reply;

	if (!c->job->watch)
		return;
	buf_putf(&line, "%u%c", r->code, r->final ? ' ' : '-');
	if (r->dsn) {
		outcome_put_dsn(&line, r->dsn);
		buf_put_char(&line, ' ');
	}
	if (c->state == ST_AUTH && r->code < 400 && r->code >= 300)
		buf_put_str(&line, "***");
	else
		buf_put_slice(&line, buf_slice(&r->text));
	c->job->watch(c->job->watch_ctx, false, buf_slice(&line));
}

/* Lines of a reply are joined: the reason may stand in any of them. */
static void keep_text(struct smtp_client *c)
{
	if (c->reply.lines == 1)
		buf_reset(&c->said);
	else if (buf_room(&c->said) > 0)
		buf_put_char(&c->said, ' ');
	buf_put_slice(&c->said, slice_head(buf_slice(&c->reply.text),
					   buf_room(&c->said)));
}

/* A reply is complete: the one place where states move on. */
static void step(struct smtp_client *c)
{
	struct outcome o;
	struct reply *r = &c->reply;

	/* Before the dot is out it is no answer to the dot. */
	if (c->state == ST_DOT && !client_all_sent(c))
		c->state = ST_BODY;

	const struct state *st = &states[c->state];
	const struct smtp_rule *rule =
		smtp_rule_find((enum smtp_step)st->step, r->code, r->dsn);
	outcome_set(&o, (enum verdict)rule->verdict, r->code, r->dsn,
		    buf_slice(&c->said));
	o.trouble = (enum trouble)rule->trouble;
	if (c->pending > 0)
		c->pending--;
	if (rule->after == AFTER_DROP)
		client_drop(c, &o);
	else
		st->reply(c, &o);
}

static void take_line(struct smtp_client *c)
{
	if (ENABLE_AUTH && c->state == ST_AUTH && client_is_echo(c)) {
		buf_reset(&c->reply.text);
		buf_put_str(&c->reply.text, "***");
	}
	show_reply(c);
	keep_text(c);
	if (c->state == ST_EHLO && c->reply.lines > 1)
		ehlo_take_line(&c->ehlo, buf_slice(&c->reply.text));
	if (!c->reply.final)
		return;
	step(c);
	reply_start(&c->reply);
}

/*
 * Nothing may come before it was asked for, but where commands are sent in
 * groups: it would be taken for the answer to what comes next.
 */
static bool may_hear(const struct smtp_client *c)
{
	if (c->state == ST_HANDSHAKE)
		return false; /* RFC 3207 4.2, STANDARDS.md S-2 */
	if (client_all_sent(c) || states[c->state].early)
		return true;
	return c->txn && (c->ehlo.ext & EHLO_PIPELINING);
}

void smtp_client_feed(struct smtp_client *c, struct slice in, size_t *used)
{
	*used = in.n;
	while (in.n > 0 && c->state != ST_CLOSED) {
		size_t n;

		if (!may_hear(c)) {
			client_drop_broken(c, "reply before its command");
			return;
		}
		int got = reply_feed(&c->reply, in, &n);
		in = slice_from(in, n);
		if (got > 0)
			take_line(c);
		else if (got == -EMSGSIZE)
			client_drop_broken(c, "reply is too long");
		else if (got < 0)
			client_drop_broken(c, "malformed reply");
	}
}
