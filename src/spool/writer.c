/* SPDX-License-Identifier: ISC */
/* spool/writer.c - see writer.h; the layout is that of SPOOL.md 1.2, 1.3. */
#include "spool/writer.h"

#include <errno.h>
#include <string.h>

/* The head that all frames of this commit share, for the frame at w->seq. */
static struct frame_head head_of(const struct writer *w)
{
	const struct spool *s = w->s;

	return (struct frame_head){
		.kind = FRAME_COMMIT,
		.ring = s->ring,
		.seq = w->seq,
		.id = w->id,
		.index = (uint32_t)(w->seq - w->first),
		.count = w->count,
		.back = (uint32_t)(w->first - w->tail),
		.gap = (uint32_t)(w->first - s->last),
		.age = ring_age(s),
		.flags = (uint16_t)(s->scrubs << FRAME_SCRUBS |
				    (s->has_torn_big ? FRAME_TORN_BIG : 0)),
		.wall = (uint64_t)spool_last_wall(s),
	};
}

static void begin_frame(struct writer *w)
{
	w->frames++;
	w->off = 0;
	w->start = WRITER_NO_START;
	w->starts = 0;
	w->has_marks = false;
	if (w->dry)
		return;
	/* commit.c sets s, which the analyser cannot follow. */
	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
	memset(w->s->write, 0, FRAME_SIZE);
	*ring_word(w->s, w->seq) = WORD_COMMIT;
}

static void end_frame(struct writer *w)
{
	struct frame_head h = head_of(w);

	h.used = w->off;
	h.start = w->start == WRITER_NO_START ? w->off : w->start;
	if (!w->dry && !w->err) {
		if (w->has_marks)
			*ring_word(w->s, w->seq) |= WORD_MARKS;
		w->err = ring_write(w->s, &h);
	}
	w->seq++;
}

void writer_begin(struct writer *w)
{
	begin_frame(w);
}

void writer_end(struct writer *w)
{
	end_frame(w);
}

static void next_frame(struct writer *w)
{
	end_frame(w);
	/* More than was planned: sources have changed their mind. */
	if (!w->dry && w->seq - w->first >= w->count)
		w->err = w->err ? w->err : -EIO;
	if (!w->err)
		begin_frame(w);
}

/* Room for a fixed part of n bytes, which must not be split. */
static void begin_record(struct writer *w, uint32_t n)
{
	if ((uint32_t)FRAME_BODY - w->off < n)
		next_frame(w);
	if (w->start == WRITER_NO_START)
		w->start = w->off;
}

/*
 * Room for up to *n bytes more; NULL when dry or after an error.
 * On return *n bytes of it count as filled.
 */
static uint8_t *take(struct writer *w, uint32_t *n)
{
	if (w->off == FRAME_BODY)
		next_frame(w);
	if (*n > (uint32_t)FRAME_BODY - w->off)
		*n = (uint32_t)FRAME_BODY - w->off;
	uint8_t *p = w->s->write + FRAME_HEAD + w->off;
	if (w->err)
		return NULL;
	w->off = (uint16_t)(w->off + *n);
	return w->dry ? NULL : p;
}

/* n bytes at p, or zeros when p is NULL. */
static void put_bytes(struct writer *w, const uint8_t *p, uint32_t n)
{
	while (n > 0 && !w->err) {
		uint32_t len = n;
		uint8_t *to = take(w, &len);
		if (to && p)
			memcpy(to, p, len);
		p = p ? p + len : NULL;
		n -= len;
	}
}

/* n bytes of a source, from offset 0. */
static void put_source(struct writer *w, const struct spool_source *src,
		       uint32_t n)
{
	uint32_t off = 0;

	while (off < n && !w->err) {
		uint32_t len = n - off;
		uint8_t *to = take(w, &len);
		if (to)
			w->err = src->read(src->ctx, off, to, len);
		off += len;
	}
}

/* The fixed part of a message; its slot. */
static uint8_t put_head(struct writer *w, const struct record_msg *m)
{
	uint8_t fixed[RECORD_BIG];

	if (w->starts == RECORD_MAX_STARTS)
		next_frame(w);
	begin_record(w, record_fixed(m));
	uint8_t slot = w->starts++;
	if (!w->dry && !w->err) {
		ring_set_live(w->s, w->seq, slot, true);
		ring_hint(w->s, m->id, w->seq, slot);
	}
	record_put_msg(fixed, m);
	put_bytes(w, fixed, record_fixed(m));
	return slot;
}

void writer_add(struct writer *w, const struct spool_add *a, struct target *t)
{
	const struct stream *st = &w->s->stream;
	struct record_msg m = {
		.is_big = a->big,
		.flags = (uint16_t)a->flags,
		.nrcpt = a->nrcpt,
		.env_len = a->env_len,
		.size = a->size,
		.id = a->id,
		.wall_s = a->wall_s,
		.arrived = (int64_t)ring_age(w->s) - a->age_s,
	};

	if (a->big) {
		m.crc = st->crc;
		m.stream = st->id;
		m.frames = st->frames;
	}
	t->slot = put_head(w, &m);
	t->seq = w->seq;
	put_bytes(w, a->states, a->nrcpt); /* NULL: zeros, SPOOL_WAITING */
	put_source(w, &a->source, a->env_len + (a->big ? 0 : a->size));
}

void writer_mark(struct writer *w, const struct record_mark *m)
{
	uint8_t fixed[RECORD_MARK];

	begin_record(w, RECORD_MARK + (uint32_t)m->text.n);
	if (!w->dry && !w->err) {
		*ring_word(w->s, m->seq) |= 1u << (WORD_MARKED + m->slot);
		w->has_marks = true;
	}
	record_put_mark(fixed, m);
	put_bytes(w, fixed, RECORD_MARK);
	put_bytes(w, (const uint8_t *)m->text.p, (uint32_t)m->text.n);
}

/* Is this a mark whose reason has to be kept? */
static bool has_reason(const struct place *pl, const struct record_mark *m)
{
	return m->what == SPOOL_MARK_RCPT && m->rcpt < pl->rec.nrcpt &&
	       (m->code != 0 || m->dsn != 0 || m->text.n > 0);
}

/*
 * The newest reason of each recipient, as marks for the message's new place:
 * at most one a recipient, so that its weight holds (SPOOL.md 2.4).
 */
static void copy_reasons(struct writer *w, const struct place *pl, uint64_t seq,
			 uint8_t slot)
{
	struct spool *s = w->s;
	struct record_mark m;
	uint16_t n = 0;

	struct mark_walk walk = ring_marks(s, pl);
	while (ring_next_mark(s, pl, &walk, &m))
		if (has_reason(pl, &m))
			s->newest[m.rcpt] = n++;
	n = 0;
	walk = ring_marks(s, pl);
	while (ring_next_mark(s, pl, &walk, &m) && !w->err) {
		if (!has_reason(pl, &m) || s->newest[m.rcpt] != n++)
			continue;
		m.state = s->states[m.rcpt];
		m.seq = seq;
		m.slot = slot;
		writer_mark(w, &m);
	}
}

/* What is behind the states; unreadable pieces become zeros. */
static void copy_rest(struct writer *w, const struct place *pl)
{
	uint64_t off = (uint64_t)record_fixed(&pl->rec) + pl->rec.nrcpt;
	uint64_t end = record_len(&pl->rec);

	while (off < end && !w->err) {
		uint32_t at = (uint32_t)((pl->off + off) % FRAME_BODY);
		uint32_t in = FRAME_BODY - at; /* up to the source's end */
		if (in > end - off)
			in = (uint32_t)(end - off);
		uint8_t *to = take(w, &in);
		int err = to ? ring_read(w->s, pl, off, to, in) : 0;
		if (err && !w->salvage)
			w->err = err;
		else if (err)
			memset(to, 0, in);
		off += in;
	}
}

/* Can each frame of the record be read?  0 or -errno. */
static int check_readable(struct spool *s, const struct place *pl)
{
	uint64_t last = record_len(&pl->rec) - 1;
	uint8_t byte;
	int err = 0;

	for (uint64_t off = 0; off < last && err == 0; off += FRAME_BODY)
		err = ring_read(s, pl, off, &byte, 1);
	return err ? err : ring_read(s, pl, last, &byte, 1);
}

/*
 * What has become of it: flags, and states in s->states.
 * Returns: 0;  -errno it could not all be read, zeros stand in
 */
static int fold(struct spool *s, struct place *pl)
{
	uint16_t flags = pl->rec.flags;
	int err = check_readable(s, pl);
	int bad = ring_resolve(s, pl, &flags, s->states);

	if (err) {
		memset(s->states, 0, pl->rec.nrcpt);
		pl->rec.is_damaged = true;
	}
	pl->rec.flags = flags;
	return err ? err : bad;
}

void writer_copy(struct writer *w, uint64_t seq, uint8_t slot)
{
	struct spool *s = w->s;
	struct place pl;

	if (w->err)
		return;
	int err = ring_place(s, seq, slot, &pl);
	bool is_found = err == 0;
	if (is_found)
		err = fold(s, &pl);
	if (err && !w->salvage) {
		w->err = err;
		return;
	}
	if (!is_found) {
		w->lost++; /* nothing is left that could be copied */
		return;
	}
	uint8_t at = put_head(w, &pl.rec);
	uint64_t new_seq = w->seq;
	put_bytes(w, s->states, pl.rec.nrcpt);
	copy_rest(w, &pl);
	copy_reasons(w, &pl, new_seq, at);
}

void writer_copy_data(struct writer *w, uint64_t seq)
{
	struct spool *s = w->s;

	if (!w->err)
		w->err = ring_load(s, seq);
	if (w->err)
		return;
	struct frame_head h = head_of(w);
	h.kind = FRAME_DATA;
	h.used = s->head.used;
	h.start = s->head.used;
	memcpy(s->write, s->read, FRAME_SIZE);
	*ring_word(s, w->seq) = *ring_word(s, seq);
	w->err = ring_write(s, &h);
	w->seq++;
}
