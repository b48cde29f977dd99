/* SPDX-License-Identifier: ISC */
/*
 * smtp/client_auth.c - the client's login (RFC 4954).
 *
 * A login that fails is trouble of the route, never of the mail; no weaker
 * mechanism is tried after a refusal.
 */
#include "base/base64.h"
#include "base/secret.h"
#include "smtp/client_int.h"

/* Octets of a response before base64. */
#define MAX_RESPONSE 768

/* RFC 4954 4: octets of AUTH with an initial response, CRLF included. */
#define MAX_INITIAL 512

/* Base64 of so many octets of a response tells that it is one. */
#define MAX_ECHO 24

bool client_is_echo(const struct smtp_client *c)
{
	char space[MAX_RESPONSE], encoded[MAX_ECHO / 3 * 4];
	struct buf raw = BUF_ON(space), b64 = BUF_ON(encoded);
	const struct smtp_job *job = c->job;
	struct slice text = buf_slice(&c->reply.text);

	if (c->auth_step > 0 &&
	    c->mech->respond(job->user, job->password, c->auth_step - 1u,
			     (struct slice){ NULL, 0 }, &raw) == 0)
		base64_encode(&b64, slice_head(buf_slice(&raw), MAX_ECHO));
	bool echo = slice_has(text, buf_slice(&b64)) ||
		    slice_has(text, job->password);
	secret_wipe(space, sizeof(space));
	secret_wipe(encoded, sizeof(encoded));
	return echo;
}

/*
 * Append the next response, in base64, to out; false: there is none.  limit:
 * octets that it may have, more and nothing is appended.
 */
static bool put_response(struct smtp_client *c, size_t limit)
{
	char space[MAX_RESPONSE];
	struct buf raw = BUF_ON(space);
	const struct smtp_job *job = c->job;
	struct slice challenge = { NULL, 0 };

	if (c->state == ST_AUTH)
		challenge = buf_slice(&c->reply.text);

	int err = c->mech->respond(job->user, job->password, c->auth_step,
				   challenge, &raw);
	bool ok = err == 0 && !raw.overflow;
	if (ok && (raw.len + 2) / 3 * 4 <= limit) {
		c->secret = true;
		c->auth_step++;
		base64_encode(&c->out, buf_slice(&raw));
	}
	secret_wipe(space, sizeof(space));
	return ok;
}

/*
 * Send AUTH, with the initial response when the mechanism has one and it fits
 * (RFC 4954 4: too long for one command, it waits for the 334).  It is asked
 * for in any case, to see that it can be said at all; false: it cannot.
 */
static bool put_auth(struct smtp_client *c)
{
	char space[40];
	struct buf shown = BUF_ON(space);
	size_t start = client_begin_line(c);

	buf_put_str(&shown, "AUTH ");
	buf_put_slice(&shown, c->mech->name);
	buf_put_slice(&c->out, buf_slice(&shown));
	if (c->mech->initial) {
		size_t end = c->out.len;

		buf_put_char(&c->out, ' ');
		if (!put_response(c, MAX_INITIAL - (end - start + 3))) {
			c->out.len = start;
			return false;
		}
		if (c->auth_step > 0)
			buf_put_str(&shown, " ***");
		else
			c->out.len = end;
	}
	c->state = ST_AUTH;

	struct slice words = buf_slice(&shown);
	client_end_line(c, start, &words);
	return true;
}

void client_start_auth(struct smtp_client *c)
{
	const struct smtp_job *job = c->job;
	enum trouble trouble = TROUBLE_AUTH;
	const char *why = NULL;

	c->mech = auth_pick(c->ehlo.auth, job->mechanisms);
	c->auth_step = 0;
	/* RFC 4954 4: no password in the clear, unless that was ordered */
	if (!c->tls_up && !job->auth_clear) {
		trouble = job->tls == SMTP_TLS_OFF ? TROUBLE_CONF
						   : TROUBLE_LINK;
		why = "AUTH needs TLS, and STARTTLS is not offered";
	} else if (!(c->ehlo.ext & EHLO_AUTH)) {
		why = "AUTH is not offered";
	} else if (!c->mech) {
		why = "no AUTH mechanism in common";
	} else if (!put_auth(c)) {
		trouble = TROUBLE_CONF;
		why = "user or password cannot be sent";
	}
	if (why)
		client_leave_trouble(c, trouble, why);
}

static void respond(struct smtp_client *c)
{
	static const struct slice shown = { "***", 3 };
	size_t start = client_begin_line(c);

	if (put_response(c, CLIENT_LINE)) {
		client_end_line(c, start, &shown);
		return;
	}

	struct outcome o;
	outcome_set_trouble(&o, TROUBLE_AUTH, 470,
			    SLICE("unexpected AUTH challenge"));
	client_drop(c, &o);
}

void client_on_auth(struct smtp_client *c, const struct outcome *o)
{
	if (o->verdict != VERDICT_NONE) {
		client_leave(c, o);
	} else if (c->reply.code >= 300) {
		respond(c);
	} else {
		c->logged_in = true;
		c->state = ST_READY;
	}
}
