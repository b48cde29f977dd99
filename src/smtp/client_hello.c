/* SPDX-License-Identifier: ISC */
/* smtp/client_hello.c - from the greeting to the first transaction. */
#include "smtp/client_int.h"

static void put_hello(struct smtp_client *c, uint8_t state, const char *verb)
{
	size_t start = client_begin_line(c);

	c->ehlo = (struct ehlo){ 0 };
	c->state = state;
	buf_put_str(&c->out, verb);
	buf_put_slice(&c->out, c->job->helo);
	client_end_line(c, start, NULL);
}

/* RFC 5321 4.1.1.1, RFC 2033 4.1 */
static void put_ehlo(struct smtp_client *c)
{
	put_hello(c, ST_EHLO, c->job->lmtp ? "LHLO " : "EHLO ");
}

void client_on_greeting(struct smtp_client *c, const struct outcome *o)
{
	/* RFC 5321 3.1: after a 554 QUIT is all that may be said */
	if (o->verdict != VERDICT_NONE)
		client_leave(c, o);
	else
		put_ehlo(c);
}

void client_start_login(struct smtp_client *c)
{
	if (!c->job->auth || c->logged_in)
		c->state = ST_READY;
	else if (ENABLE_AUTH)
		client_start_auth(c);
	else
		client_leave_trouble(c, TROUBLE_CONF, "built without AUTH");
}

/* Our name was taken: TLS, the login, transactions, as far as wanted. */
static void after_hello(struct smtp_client *c)
{
	bool wanted = !c->tls_up && c->job->tls != SMTP_TLS_OFF;

	if (wanted && ENABLE_TLS && (c->ehlo.ext & EHLO_STARTTLS)) {
		c->state = ST_STARTTLS;
		client_put_line(c, "STARTTLS");
	} else if (wanted && c->job->tls == SMTP_TLS_REQUIRED) {
		/* RFC 8314 5.2: nothing in the clear */
		client_leave_trouble(c, TROUBLE_LINK,
				     "STARTTLS is not offered");
	} else {
		client_start_login(c);
	}
}

/*
 * RFC 5321 3.2: HELO for those that do not know EHLO.  LMTP has none (RFC 2033
 * 4.1), and what EHLO alone can offer may be needed.
 */
static bool may_say_helo(const struct smtp_client *c)
{
	const struct smtp_job *job = c->job;

	return c->reply.code >= 500 && !job->lmtp && !job->auth &&
	       job->tls != SMTP_TLS_REQUIRED;
}

void client_on_ehlo(struct smtp_client *c, const struct outcome *o)
{
	if (o->verdict == VERDICT_NONE)
		after_hello(c);
	else if (may_say_helo(c))
		put_hello(c, ST_HELO, "HELO ");
	else
		client_leave(c, o);
}

void client_on_helo(struct smtp_client *c, const struct outcome *o)
{
	if (o->verdict == VERDICT_NONE)
		after_hello(c);
	else
		client_leave(c, o);
}

void client_on_starttls(struct smtp_client *c, const struct outcome *o)
{
	if (o->verdict == VERDICT_NONE)
		c->state = ST_HANDSHAKE;
	else if (c->job->tls == SMTP_TLS_REQUIRED)
		client_leave(c, o);
	else
		client_start_login(c);
}

void smtp_client_tls_up(struct smtp_client *c)
{
	if (c->state != ST_HANDSHAKE)
		return;
	c->tls_up = true;
	/* RFC 3207 4.2: what was said before is forgotten */
	put_ehlo(c);
}
