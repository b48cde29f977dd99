/* SPDX-License-Identifier: ISC */
/* spool/record.c - see record.h; offsets are those of SPOOL.md 1.3. */
#include "spool/record.h"

#include <errno.h>
#include <string.h>

uint64_t record_len(const struct record_msg *m)
{
	uint64_t n = (uint64_t)record_fixed(m) + m->nrcpt + m->env_len;

	return m->is_big ? n : n + m->size;
}

uint32_t record_weight(const struct record_msg *m)
{
	uint64_t n = record_len(m) + (uint64_t)m->nrcpt * RECORD_REASON;
	uint64_t least = (FRAME_BODY - RECORD_REASON) / RECORD_MAX_STARTS;

	if (n < least)
		n = least;
	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

struct record_walk record_walk(const struct frame_head *h, const uint8_t *body)
{
	struct record_walk w = { body, h->start, h->used, 0, 0 };

	w.run = (uint64_t)(h->count - h->index) * FRAME_BODY;
	return w;
}

static void get_msg(const uint8_t *p, struct record_msg *m)
{
	*m = (struct record_msg){ .is_big = p[0] == RECORD_IS_BIG };
	m->is_damaged = p[1] != 0;
	m->flags = get_u16le(p + 2);
	m->nrcpt = get_u16le(p + 4);
	m->env_len = get_u16le(p + 6);
	m->size = get_u32le(p + 8);
	m->crc = get_u32le(p + 12);
	m->id = get_u64le(p + 16);
	m->wall_s = (int64_t)get_u64le(p + 24);
	m->arrived = (int64_t)get_u64le(p + 32);
	if (!m->is_big)
		return;
	m->stream = get_u64le(p + 40);
	m->frames = get_u32le(p + 48);
}

/* Is there as much data as the size says, in as many frames? */
static bool is_msg_sane(const struct record_msg *m)
{
	if (m->nrcpt > SPOOL_MAX_RCPT)
		return false;
	if (!m->is_big)
		return true;
	return m->frames ==
	       ((uint64_t)m->size + FRAME_DATA_MAX - 1) / FRAME_DATA_MAX;
}

static int next_msg(struct record_walk *w, struct record *r)
{
	uint32_t fixed = w->body[w->off] == RECORD_IS_BIG ? RECORD_BIG
							  : RECORD_MSG;

	if (w->off + fixed > w->used || w->slot >= RECORD_MAX_STARTS)
		return -EBADMSG;
	get_msg(w->body + w->off, &r->msg);
	uint64_t end = w->off + record_len(&r->msg);
	if (end > w->run || !is_msg_sane(&r->msg))
		return -EBADMSG;
	r->slot = w->slot++;
	w->off = end < w->used ? (uint16_t)end : w->used;
	return 1;
}

static int next_mark(struct record_walk *w, struct record *r)
{
	const uint8_t *p = w->body + w->off;

	if (w->off + RECORD_MARK > w->used)
		return -EBADMSG;
	uint16_t len = get_u16le(p + 6);
	if (len > SPOOL_MAX_TEXT || w->off + RECORD_MARK + len > w->used)
		return -EBADMSG;
	r->mark = (struct record_mark){
		.what = p[1],
		.slot = p[2],
		.state = p[3],
		.rcpt = get_u16le(p + 4),
		.seq = get_u64le(p + 8),
		.id = get_u64le(p + 16),
		.code = get_u16le(p + 24),
		.dsn = get_u16le(p + 26),
		.flags = get_u32le(p + 28),
		.text = slice_of(p + RECORD_MARK, len),
	};
	w->off = (uint16_t)(w->off + RECORD_MARK + len);
	return 1;
}

int record_next(struct record_walk *w, struct record *r)
{
	if (w->off >= w->used || w->body[w->off] == RECORD_PAD)
		return 0;
	r->kind = w->body[w->off];
	r->off = w->off;
	r->slot = 0;

	int err = -EBADMSG;
	if (r->kind == RECORD_IS_MARK)
		err = next_mark(w, r);
	else if (r->kind == RECORD_IS_MSG || r->kind == RECORD_IS_BIG)
		err = next_msg(w, r);
	if (err < 0)
		w->off = w->used;
	return err;
}

void record_put_msg(uint8_t *p, const struct record_msg *m)
{
	memset(p, 0, record_fixed(m));
	p[0] = m->is_big ? RECORD_IS_BIG : RECORD_IS_MSG;
	p[1] = m->is_damaged;
	put_u16le(p + 2, m->flags);
	put_u16le(p + 4, m->nrcpt);
	put_u16le(p + 6, m->env_len);
	put_u32le(p + 8, m->size);
	put_u32le(p + 12, m->crc);
	put_u64le(p + 16, m->id);
	put_u64le(p + 24, (uint64_t)m->wall_s);
	put_u64le(p + 32, (uint64_t)m->arrived);
	if (!m->is_big)
		return;
	put_u64le(p + 40, m->stream);
	put_u32le(p + 48, m->frames);
}

void record_put_mark(uint8_t *p, const struct record_mark *m)
{
	p[0] = RECORD_IS_MARK;
	p[1] = m->what;
	p[2] = m->slot;
	p[3] = m->state;
	put_u16le(p + 4, m->rcpt);
	put_u16le(p + 6, (uint16_t)m->text.n);
	put_u64le(p + 8, m->seq);
	put_u64le(p + 16, m->id);
	put_u16le(p + 24, m->code);
	put_u16le(p + 26, m->dsn);
	put_u32le(p + 28, m->flags);
}
