/* SPDX-License-Identifier: ISC */
/*
 * spool/query.c - what is queued and what it says; see spool.h.
 *
 * A struct spool_msg stays good while its message is copied forward: when
 * its old place is no longer live, the message is looked up again.
 */
#include <errno.h>
#include <string.h>

#include "spool/ring.h"

/* 0; -EBADMSG, -errno part of it cannot be read, *msg set all the same. */
static int show(struct spool *s, const struct place *pl, struct spool_msg *msg)
{
	uint16_t flags;
	bool whole = ring_is_whole(s, pl);
	int err = ring_resolve(s, pl, &flags, NULL);
	*msg = (struct spool_msg){
		.id = pl->rec.id,
		.frame = (uint32_t)(pl->seq % s->ring),
		.slot = pl->slot,
		.flags = flags,
		.size = pl->rec.size,
		.env_len = pl->rec.env_len,
		.nrcpt = pl->rec.nrcpt,
		.wall_s = pl->rec.wall_s,
		.age_s = (int64_t)ring_age(s) - pl->rec.arrived,
		.where = { pl->seq, pl->off, pl->commit, pl->rec.stream },
	};
	return whole ? err : -EBADMSG;
}

/* The place that msg names, looked up again when it has moved. */
static int refind(struct spool *s, const struct spool_msg *msg,
		  struct place *pl)
{
	if (!ring_is_live(s, msg->where[0], msg->slot))
		return ring_find(s, msg->id, pl);
	*pl = (struct place){
		.seq = msg->where[0],
		.off = (uint16_t)msg->where[1],
		.commit = msg->where[2],
		.slot = msg->slot,
		.rec = { .is_big = msg->where[3] != 0,
			 .nrcpt = msg->nrcpt,
			 .env_len = msg->env_len,
			 .size = msg->size,
			 .id = msg->id,
			 .stream = msg->where[3] },
	};
	return 0;
}

static int show_place(struct spool *s, uint64_t seq, uint8_t slot,
		      struct spool_msg *msg)
{
	struct place pl;
	int err = ring_place(s, seq, slot, &pl);

	if (err) {
		*msg = (struct spool_msg){ .slot = slot };
		msg->frame = (uint32_t)(seq % s->ring);
		return err;
	}
	ring_hint(s, pl.rec.id, seq, slot);
	return show(s, &pl, msg);
}

int spool_next(struct spool *s, struct spool_cursor *c, struct spool_msg *msg)
{
	if (c->seq < s->tail)
		*c = (struct spool_cursor){ s->tail, 0 };
	/* Not into what was burnt: after a scrub it is used again. */
	for (; c->seq <= s->last; c->seq++, c->slot = 0) {
		uint32_t live = ring_live(s, c->seq);
		while (c->slot < RECORD_MAX_STARTS) {
			uint8_t slot = c->slot++;
			if (!(live >> slot & 1))
				continue;
			int err = show_place(s, c->seq, slot, msg);
			return err ? err : 1;
		}
	}
	return 0;
}

int spool_find(struct spool *s, uint64_t id, struct spool_msg *msg)
{
	struct place pl;
	int err = ring_find(s, id, &pl);

	return err ? err : show(s, &pl, msg);
}

int spool_read_envelope(struct spool *s, const struct spool_msg *msg, void *p)
{
	struct place pl;
	int err = refind(s, msg, &pl);

	if (err)
		return err;
	uint32_t off = record_fixed(&pl.rec) + (uint32_t)pl.rec.nrcpt;
	return ring_read(s, &pl, off, p, msg->env_len);
}

/* Content of a big message: from its data frames. */
static int read_data(struct spool *s, uint64_t stream, uint32_t off, uint8_t *p,
		     uint32_t n)
{
	while (n > 0) {
		uint32_t at = off % FRAME_DATA_MAX;
		uint32_t len = FRAME_DATA_MAX - at;
		if (len > n)
			len = n;
		int err = big_load(s, stream, off / FRAME_DATA_MAX, &s->near);
		if (err)
			return err;
		if (FRAME_DATA_HEAD + at + len > s->head.used)
			return -EBADMSG;
		memcpy(p, s->read + FRAME_HEAD + FRAME_DATA_HEAD + at, len);
		p += len;
		off += len;
		n -= len;
	}
	return 0;
}

int spool_read(struct spool *s, const struct spool_msg *msg, uint32_t off,
	       void *p, uint32_t n)
{
	struct place pl;

	if (off > msg->size || n > msg->size - off)
		return -EINVAL;
	int err = refind(s, msg, &pl);
	if (err)
		return err;
	if (pl.rec.is_big)
		return read_data(s, pl.rec.stream, off, p, n);
	uint32_t head = RECORD_MSG + (uint32_t)pl.rec.nrcpt + pl.rec.env_len;
	return ring_read(s, &pl, (uint64_t)head + off, p, n);
}

int spool_states(struct spool *s, const struct spool_msg *msg, uint8_t *states)
{
	struct place pl;
	uint16_t flags;
	int err = refind(s, msg, &pl);

	return err ? err : ring_resolve(s, &pl, &flags, states);
}

int spool_reason(struct spool *s, const struct spool_msg *msg, uint16_t rcpt,
		 uint16_t *code, uint16_t *dsn, struct buf *text)
{
	struct place pl;
	struct record_mark m;
	size_t start = text->len;
	int err = refind(s, msg, &pl);

	if (err)
		return err;
	err = -ENOENT;
	struct mark_walk w = ring_marks(s, &pl);
	while (ring_next_mark(s, &pl, &w, &m)) {
		if (m.what != SPOOL_MARK_RCPT || m.rcpt != rcpt ||
		    (m.code == 0 && m.dsn == 0 && m.text.n == 0))
			continue;
		*code = m.code;
		*dsn = m.dsn;
		text->len = start; /* a later reason replaces it */
		buf_put_slice(text, m.text);
		err = 0;
	}
	return err && w.err ? w.err : err;
}
