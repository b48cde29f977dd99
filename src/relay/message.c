/* SPDX-License-Identifier: ISC */
/*
 * relay/message.c - a message's bytes, staged or queued, and the header it
 * gets when it leaves: the trace field (RFC 5321 4.4) and what is missing
 * (RFC 6409 8).  Dates are stamped here, so that a clock that was set
 * meanwhile counts (STANDARDS.md section 3).
 */
#include <errno.h>

#include "mail/date.h"
#include "mail/idna.h"
#include "mail/trace.h"
#include "relay/parts.h"

int message_read(struct relay *r, const struct delivery *d, uint32_t off,
		 void *p, uint32_t n)
{
	if (d->staged != NULL) {
		if (d->staged->big)
			return -EIO;
		chain_read(&r->stage, &d->staged->body, off, p, n);
		return 0;
	}
	if (ENABLE_SPOOL)
		return spool_read(r->spool, &d->msg, off, p, n);
	return -EIO;
}

int64_t message_arrival(struct relay *r, const struct delivery *d, bool *known)
{
	*known = true;
	if (d->wall_sane)
		return d->wall_s;
	if (clock_is_sane(r))
		return world_wall_s(r->w) - d->age_s;
	*known = false;
	return clock_floor(r);
}

static void put_trace(struct delivery *d, struct slice who, const char *date,
		      bool known)
{
	struct buf b = BUF_ON(d->trace);
	char id[ID_LEN + 1];
	struct trace t = { who, id, d->txn.rcpts, d->txn.nrcpt, date, known };

	id_format(id, d->id);
	trace_put(&b, &t);
	d->fixup_job.trace = b.overflow ? SLICE("") : buf_slice(&b);
}

const char *message_domain(const struct relay *r)
{
	if (r->id->hostname[0])
		return r->id->hostname;
	return r->id->domain[0] ? r->id->domain : "mailmote.invalid";
}

static void put_missing(struct relay *r, struct delivery *d)
{
	struct buf from = BUF_ON(d->from), msgid = BUF_ON(d->msgid);
	char id[ID_LEN + 1];

	if (d->txn.from.n == 0)
		buf_putf(&from, "MAILER-DAEMON@%s", message_domain(r));
	else if (!ENABLE_SMTPUTF8 || !idna_put_mailbox(&from, d->txn.from))
		buf_put_slice(&from, d->txn.from);
	d->fixup_job.from = buf_slice(&from);
	/* The same for every attempt: it comes from the identifier alone. */
	id_format(id, d->id);
	buf_putf(&msgid, "<%s@%s>", id, message_domain(r));
	d->fixup_job.msgid = buf_slice(&msgid);
}

/* Addresses in the header: completed, and From as the key from has it. */
static void set_boxes(struct relay *r, struct delivery *d)
{
	struct mailboxes *m = &d->boxes;

	m->home = identity_home(r->id);
	m->sender = d->fixup_job.from;
	m->force = SLICE("");
	if (ENABLE_REWRITE && d->txn.from.n > 0)
		m->force = r->conf->from;
	d->fixup_job.boxes = m;
}

void message_reload(struct relay *r, struct delivery *d)
{
	set_boxes(r, d);
	if (ENABLE_BOUNCE)
		d->notice.job.host = slice_str(message_domain(r));
}

void message_header(struct relay *r, struct delivery *d)
{
	struct envelope env;
	struct buf date = BUF_ON(d->date);
	bool known;
	int64_t t = message_arrival(r, d, &known);
	struct slice trace = SLICE("from localhost");

	date_put(&date, t, r->w->zone_min(r->w->ctx, t));
	const char *text = buf_cstr(&date);

	if (envelope_parse(slice_of(d->env, d->env_len), &env) == 0)
		trace = env.trace;
	d->fixup_job = (struct fixup_job){ 0 };
	d->fixup_job.drop_bcc = true;
	d->fixup_job.drop_path = true;
	put_trace(d, trace, text, known);
	put_missing(r, d);
	set_boxes(r, d);
	d->fixup_job.date = slice_str(text);
	fixup_start(&d->fixup, &d->fixup_job);
}
