/* SPDX-License-Identifier: ISC */
/*
 * spool/big.c - messages larger than the stage, as loose DATA frames.
 *
 * They are written as they come and mean nothing; the sync of the commit
 * that names them is theirs too (SPOOL.md 1.4, 2.1).
 */
#include <errno.h>
#include <string.h>

#include "base/crc32c.h"
#include "spool/ring.h"

/* The index word of a data frame of this stream. */
static uint32_t word_of(uint64_t stream)
{
	return (uint32_t)(stream & RING_TAG_MASK) << WORD_TAG | WORD_DATA;
}

static bool is_tag_used(struct spool *s, uint64_t stream)
{
	for (uint32_t i = 0; i < s->ring; i++)
		if (s->index[i] == word_of(stream))
			return true;
	return false;
}

/* A fresh stream id whose tag no data frame in the index has. */
static uint64_t new_stream(struct spool *s)
{
	uint64_t id = world_random_u64(s->w);

	while (id == 0 || is_tag_used(s, id))
		id++; /* at most one step more than there are frames */
	return id;
}

/* Reserve n frames more, or refuse. */
static int reserve(struct spool *s, uint32_t n)
{
	int err = ring_make_room(s, n);

	if (err == 0)
		s->stream.reserved += n;
	return err;
}

int spool_big_begin(struct spool *s, uint32_t size)
{
	if (s->stream.id != 0)
		return -EBUSY;
	s->stream = (struct stream){ 0 };
	/* Until something counts there is room for one, from the middle on. */
	if (s->last_id == 0 && s->next > s->last + 1) {
		int bad = ring_scrub(s);
		if (bad)
			return bad;
	}

	uint64_t n = ((uint64_t)size + FRAME_DATA_MAX - 1) / FRAME_DATA_MAX;
	int err = reserve(s, (uint32_t)n);
	if (err == 0)
		s->stream.id = new_stream(s);
	return err;
}

/* Write the content that waits as one loose frame. */
static int write_part(struct spool *s)
{
	struct stream *st = &s->stream;
	uint8_t *body = s->write + FRAME_HEAD;
	struct frame_head h = {
		.kind = FRAME_DATA,
		.used = (uint16_t)(FRAME_DATA_HEAD + st->used),
		.start = (uint16_t)(FRAME_DATA_HEAD + st->used),
		.ring = s->ring,
		.seq = s->next,
		.age = ring_age(s),
	};

	if (st->reserved == 0) {
		int err = reserve(s, 1);
		if (err)
			return err;
		h.seq = s->next; /* the tail may have been moved */
	}
	memset(body, 0, FRAME_BODY);
	put_u64le(body, st->id);
	put_u32le(body + 8, st->frames);
	memcpy(body + FRAME_DATA_HEAD, s->part, st->used);
	s->next++;
	int err = ring_write(s, &h);
	if (err) {
		st->is_broken = true;
		return err;
	}
	*ring_word(s, h.seq) = word_of(st->id);
	s->data++;
	st->reserved--;
	st->frames++;
	st->used = 0;
	return 0;
}

int spool_big_write(struct spool *s, const void *p, size_t n)
{
	struct stream *st = &s->stream;
	const uint8_t *in = p;

	if (st->id == 0)
		return -EINVAL;
	if (st->is_broken)
		return -EIO;
	if (n > UINT32_MAX - st->size)
		return -EMSGSIZE;
	while (n > 0) {
		if (st->used == FRAME_DATA_MAX) {
			int err = write_part(s);
			if (err)
				return err;
		}
		size_t len = (size_t)FRAME_DATA_MAX - st->used;
		if (len > n)
			len = n;
		memcpy(s->part + st->used, in, len);
		st->crc = crc32c(st->crc, in, len);
		st->used = (uint16_t)(st->used + len);
		st->size += (uint32_t)len;
		in += len;
		n -= len;
	}
	return 0;
}

int big_flush(struct spool *s)
{
	if (s->stream.is_broken)
		return -EIO;
	return s->stream.used > 0 ? write_part(s) : 0;
}

void big_end(struct spool *s)
{
	uint32_t word = word_of(s->stream.id);

	for (uint32_t i = 0; s->stream.frames > 0 && i < s->ring; i++) {
		if (s->index[i] != word)
			continue;
		s->index[i] = WORD_EMPTY;
		s->data--;
	}
	s->stream = (struct stream){ 0 };
}

void spool_big_abort(struct spool *s)
{
	big_end(s);
}

/* Is frame seq number n of the stream?  Then it is loaded. */
static bool is_number(struct spool *s, uint64_t seq, uint64_t stream,
		      uint32_t n)
{
	if (*ring_word(s, seq) != word_of(stream))
		return false;
	if (ring_load(s, seq) || s->head.kind != FRAME_DATA)
		return false;
	return get_u64le(s->read + FRAME_HEAD) == stream &&
	       get_u32le(s->read + FRAME_HEAD + 8) == n;
}

int big_load(struct spool *s, uint64_t stream, uint32_t n, uint64_t *near)
{
	uint64_t from = *near;

	if (from < s->tail || from >= s->next)
		from = s->tail;
	/* Nearly always it is the frame read last, or the next one. */
	for (uint64_t seq = from; seq < s->next; seq++) {
		if (!is_number(s, seq, stream, n))
			continue;
		*near = seq;
		return 0;
	}
	for (uint64_t seq = s->tail; seq < from; seq++) {
		if (!is_number(s, seq, stream, n))
			continue;
		*near = seq;
		return 0;
	}
	return -EBADMSG;
}
