/* SPDX-License-Identifier: ISC */
/* spool/place.c - where a message lies and what its bytes are; see ring.h. */
#include <errno.h>
#include <string.h>

#include "spool/ring.h"

int ring_place(struct spool *s, uint64_t seq, uint8_t slot, struct place *pl)
{
	int err = ring_load(s, seq);
	if (err)
		return err;
	if (s->head.kind != FRAME_COMMIT)
		return -EBADMSG;

	struct record_walk w = record_walk(&s->head, s->read + FRAME_HEAD);
	struct record r;
	while (record_next(&w, &r) > 0) {
		if (r.kind == RECORD_IS_MARK || r.slot != slot)
			continue;
		*pl = (struct place){ seq, s->head.id, r.off, slot, r.msg };
		return 0;
	}
	return -EBADMSG;
}

/* A live message with this identifier that starts in this frame. */
static int find_in_frame(struct spool *s, uint64_t seq, uint64_t id,
			 struct place *pl)
{
	uint32_t live = ring_live(s, seq);

	if (live == 0)
		return -ENOENT;
	int err = ring_load(s, seq);
	if (err)
		return err;

	struct record_walk w = record_walk(&s->head, s->read + FRAME_HEAD);
	struct record r;
	while (record_next(&w, &r) > 0) {
		if (r.kind == RECORD_IS_MARK || !(live >> r.slot & 1))
			continue;
		if (r.msg.id != id)
			continue;
		*pl = (struct place){ seq, s->head.id, r.off, r.slot, r.msg };
		return 0;
	}
	return -ENOENT;
}

void ring_hint(struct spool *s, uint64_t id, uint64_t seq, uint8_t slot)
{
	s->hint[s->next_hint] = (struct hint){ id, seq, slot };
	s->next_hint = (uint8_t)((s->next_hint + 1) % RING_HINTS);
}

int ring_find(struct spool *s, uint64_t id, struct place *pl)
{
	int bad = -ENOENT;

	for (int i = 0; i < RING_HINTS; i++) {
		const struct hint *h = &s->hint[i];
		if (h->id != id || !ring_is_live(s, h->seq, h->slot))
			continue;
		if (ring_place(s, h->seq, h->slot, pl) == 0 && pl->rec.id == id)
			return 0;
	}
	for (uint64_t seq = s->tail; seq < s->next; seq++) {
		int err = find_in_frame(s, seq, id, pl);
		if (err == 0) {
			ring_hint(s, id, seq, pl->slot);
			return 0;
		}
		if (err != -ENOENT)
			bad = err; /* it may have been in there */
	}
	return bad;
}

int ring_read(struct spool *s, const struct place *pl, uint64_t off, void *p,
	      uint32_t n)
{
	uint8_t *out = p;

	off += pl->off;
	while (n > 0) {
		uint32_t at = (uint32_t)(off % FRAME_BODY);
		uint32_t len = FRAME_BODY - at;
		if (len > n)
			len = n;
		int err = ring_load(s, pl->seq + off / FRAME_BODY);
		if (err)
			return err;
		if (s->head.id != pl->commit || at + len > s->head.used)
			return -EBADMSG;
		memcpy(out, s->read + FRAME_HEAD + at, len);
		out += len;
		off += len;
		n -= len;
	}
	return 0;
}

/* Data frames in the index that carry this stream's tag. */
static uint32_t count_data(struct spool *s, uint64_t stream)
{
	uint32_t tag = (uint32_t)(stream & RING_TAG_MASK) << WORD_TAG;
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->ring; i++)
		n += (s->index[i] & ~WORD_NAMED) == (tag | WORD_DATA);
	return n;
}

bool ring_has_frames(struct spool *s, const struct place *pl)
{
	uint64_t end = pl->off + record_len(&pl->rec);
	uint64_t frames = (end + FRAME_BODY - 1) / FRAME_BODY;

	for (uint64_t i = 1; i < frames; i++)
		if ((*ring_word(s, pl->seq + i) & WORD_KIND) != WORD_COMMIT)
			return false;
	return true;
}

bool ring_is_whole(struct spool *s, const struct place *pl)
{
	if (pl->rec.is_damaged || !ring_has_frames(s, pl))
		return false;
	return !pl->rec.is_big ||
	       count_data(s, pl->rec.stream) == pl->rec.frames;
}

void ring_forget(struct spool *s, uint32_t weight, uint64_t stream)
{
	uint32_t tag = (uint32_t)(stream & RING_TAG_MASK) << WORD_TAG;

	s->weight -= weight;
	s->count--;
	for (uint32_t i = 0; stream != 0 && i < s->ring; i++) {
		if (s->index[i] != (tag | WORD_DATA))
			continue;
		s->index[i] = WORD_EMPTY;
		s->data--;
	}
}

void ring_recount(struct spool *s)
{
	struct place pl;

	s->weight = 0;
	s->count = 0;
	s->data = 0;
	s->largest = 0;
	for (uint64_t seq = s->tail; seq < s->next; seq++) {
		uint32_t live = ring_live(s, seq);
		s->data += (*ring_word(s, seq) & WORD_KIND) == WORD_DATA;
		for (uint8_t i = 0; i < RECORD_MAX_STARTS; i++) {
			if (!(live >> i & 1))
				continue;
			s->count++;
			if (ring_place(s, seq, i, &pl))
				continue;
			uint32_t weight = record_weight(&pl.rec);
			s->weight += weight;
			if (weight > s->largest)
				s->largest = weight;
		}
	}
}
