/* SPDX-License-Identifier: ISC */
/*
 * relay/content.c - the content of a message on its way in: to the stage, or,
 * when it finds no room there, to the spool as it arrives, one at a time
 * (DESIGN.md 2.4, 3.1).
 */
#include <errno.h>

#include "relay/parts.h"

static int refuse(struct outcome *why, uint16_t code, uint16_t dsn,
		  const char *text)
{
	outcome_set(why, code < 500 ? VERDICT_RETRY_MESSAGE : VERDICT_REFUSED,
		    code, dsn, slice_str(text));
	return -1;
}

static int refuse_no_spool(struct relay *r, struct outcome *why)
{
	struct buf b = BUF_ON(r->scratch);

	buf_putf(&b, "too large without a spool (%s)",
		 r->no_spool[0] ? r->no_spool : "none is built in");
	return refuse(why, 452, 431, buf_cstr(&b));
}

int submission_check_size(struct relay *r, uint64_t size, struct outcome *why)
{
	if (size > r->conf->max_message)
		return refuse(why, 552, 534, SUBMIT_LARGE_MESSAGE);
	if (size <= (uint64_t)STAGE_BLOCKS * STAGE_BLOCK)
		return 0;
	if (!relay_has_spool(r))
		return refuse_no_spool(r, why);
	if (!ENABLE_SPOOL || r->spool == NULL || size <= spool_room(r->spool))
		return 0;
	/* An empty spool will never have more room. */
	if (spool_used(r->spool) == 0)
		return refuse(why, 552, 534,
			      "message is larger than the spool");
	return refuse(why, 452, 431, "spool is full");
}

static int refuse_unwritten(int err, struct outcome *why)
{
	log_err("spool: a large message cannot be written: error %d", -err);
	if (err == -ENOSPC)
		return refuse(why, 452, 431, "spool is full");
	return refuse(why, 451, 430, "spool cannot be written");
}

/* The content goes to the spool's data frames from here on. */
static int begin_big(struct relay *r, struct submission *s, uint32_t size,
		     struct outcome *why)
{
	if (!ENABLE_SPOOL || !relay_has_spool(r))
		return refuse_no_spool(r, why);
	r->spool_wanted = r->spool == NULL;
	if (r->spool_wanted || r->big != NULL)
		return -EAGAIN;
	int err = spool_big_begin(r->spool, size);

	if (err == -EBUSY)
		return -EAGAIN;
	if (err < 0)
		return refuse_unwritten(err, why);
	r->big = s;
	s->big = true;
	return 0;
}

static int write_big(struct relay *r, struct slice in, struct outcome *why)
{
	int err = ENABLE_SPOOL ? spool_big_write(r->spool, in.p, in.n) : -EIO;

	return err < 0 ? refuse_unwritten(err, why) : 0;
}

/* What the stage holds of the content moves to the spool. */
static int spill(struct relay *r, struct submission *s, struct outcome *why)
{
	char part[STAGE_BLOCK];
	int err = begin_big(r, s, 0, why);

	if (err < 0)
		return err;
	for (uint32_t off = 0; off < s->body.len;) {
		uint32_t n = s->body.len - off;

		if (n > sizeof(part))
			n = sizeof(part);
		chain_read(&r->stage, &s->body, off, part, n);
		if (write_big(r, slice_of(part, n), why) < 0)
			return -1;
		off += n;
	}
	chain_free(&r->stage, &s->body);
	return 0;
}

void submission_make_room(struct relay *r)
{
	struct outcome why;

	r->short_ms = r->now_ms + RELAY_STALL_MS;
	if (!relay_has_spool(r))
		return;
	for (size_t i = 0; i < ARRAY_LEN(r->submissions); i++) {
		struct submission *s = &r->submissions[i];

		if (s->state != SUBMISSION_OPEN || s->body.len == 0 ||
		    r->now_ms - s->moved_ms < RELAY_STALL_MS)
			continue;
		if (spill(r, s, &why) < 0)
			log_debug("no room: %s", why.text);
		return;
	}
}

int submit_data(struct relay *r, struct submission *s, struct outcome *why)
{
	if (s->big || s->announced <= stage_room(&r->stage))
		return 0;
	if (!relay_has_spool(r) &&
	    s->announced <= (uint64_t)STAGE_BLOCKS * STAGE_BLOCK)
		return refuse(why, 452, 431, "no memory for this message now");
	int err = begin_big(r, s, (uint32_t)s->announced, why);

	if (err == -EAGAIN && s->stall_ms == 0)
		s->stall_ms = r->now_ms;
	if (err == 0)
		s->stall_ms = 0;
	return err;
}

/* Count header octets and Received fields (RFC 5321 6.3). */
static int scan_header(struct submission *s, struct slice in,
		       struct outcome *why)
{
	char thrown_away[512];

	while (in.n > 0 && !(s->scan.seen & FIXUP_SAW_BODY)) {
		struct buf out = BUF_ON(thrown_away);
		uint32_t before = s->scan.header_len;
		size_t used = fixup_feed(&s->scan, in, &out);

		if (s->utf8 && s->scan.header_len > before)
			s->utf8_header |= slice_has_8bit(
				slice_head(in, s->scan.header_len - before));
		in = slice_from(in, used);
	}
	if (s->scan.received > CONFIG_RECEIVED_MAX)
		return refuse(why, 554, 546, "too many hops");
	if (s->scan.header_len > CONFIG_HEADER_MAX)
		return refuse(why, 552, 534, SUBMIT_LARGE_HEADER);
	return 0;
}

static int store(struct relay *r, struct submission *s, struct slice in,
		 struct outcome *why)
{
	int err;

	if (!s->big && chain_append(&r->stage, &s->body, in) == 0)
		return 0;
	if (!s->big && (err = spill(r, s, why)) < 0)
		return err;
	return write_big(r, in, why);
}

int submit_body(struct relay *r, struct submission *s, struct slice in,
		struct outcome *why)
{
	if (s->size + (uint64_t)in.n > r->conf->max_message)
		return refuse(why, 552, 534, SUBMIT_LARGE_MESSAGE);
	int err = store(r, s, in, why);

	if (err == -EAGAIN && s->stall_ms == 0)
		s->stall_ms = r->now_ms;
	if (err < 0)
		return err;
	s->stall_ms = 0;
	s->moved_ms = r->now_ms;
	s->size += (uint32_t)in.n;
	if (!s->eight_bit)
		s->eight_bit = slice_has_8bit(in);
	return scan_header(s, in, why);
}
