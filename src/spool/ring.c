/* SPDX-License-Identifier: ISC */
/*
 * spool/ring.c - frames and index words; see ring.h, SPOOL.md 1.1 and 2.4.
 *
 * Every frame that is looked at after recovery is checked again: flash rots.
 */
#include "spool/ring.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"

BUILD_ASSERT(SPOOL_FRAME == FRAME_SIZE);
BUILD_ASSERT(SPOOL_MIN_FRAMES == FRAME_MIN_RING);
BUILD_ASSERT(CONFIG_RCPT_MAX <= SPOOL_MAX_RCPT);
BUILD_ASSERT(SPOOL_MAX_FRAMES >= FRAME_MIN_RING);

static MEMORY_LARGE struct spool the_spool;

size_t spool_sizeof(void)
{
	return sizeof(struct spool);
}

struct spool *spool_static(void)
{
	return &the_spool;
}

bool ring_is_live(struct spool *s, uint64_t seq, uint8_t slot)
{
	if (seq < s->tail || seq >= s->next || slot >= RECORD_MAX_STARTS)
		return false;
	return ring_live(s, seq) >> slot & 1;
}

void ring_set_live(struct spool *s, uint64_t seq, uint8_t slot, bool live)
{
	uint32_t bit = 1u << (WORD_LIVE + slot);

	if (live)
		*ring_word(s, seq) |= bit;
	else
		*ring_word(s, seq) &= ~bit;
}

int ring_load(struct spool *s, uint64_t seq)
{
	if (seq != 0 && s->read_seq == seq)
		return 0;
	s->read_seq = 0;

	uint64_t off = seq % s->ring * FRAME_SIZE;
	int err = s->m->ops->read(s->m->ctx, off, s->read, FRAME_SIZE);
	if (err)
		return err;
	if (frame_check(s->read) || frame_parse(s->read, &s->head))
		return -EBADMSG;
	if (s->head.seq != seq || s->head.ring != s->ring)
		return -EBADMSG;
	s->read_seq = seq;
	return 0;
}

int ring_write(struct spool *s, const struct frame_head *h)
{
	uint64_t at = h->seq % s->ring;

	if (s->read_seq % s->ring == at)
		s->read_seq = 0;
	frame_seal(s->write, h);
	s->stats.writes++;
	s->stats.bytes_written += FRAME_SIZE;
	return s->m->ops->write(s->m->ctx, at * FRAME_SIZE, s->write,
				FRAME_SIZE);
}

int ring_sync(struct spool *s)
{
	s->stats.syncs++;
	return s->m->ops->sync(s->m->ctx);
}

uint32_t ring_age(const struct spool *s)
{
	int64_t ran_ms = world_boot_ms(s->w) - s->boot_ms;

	return s->age_s + (uint32_t)(ran_ms / 1000);
}

uint32_t ring_slack(const struct spool *s, uint32_t largest)
{
	uint64_t frames = ring_frames(largest, 0);

	if (frames == 0)
		frames = 1;
	frames += 2u + s->root;
	return frames < s->ring ? (uint32_t)frames : s->ring;
}

uint32_t ring_capacity(const struct spool *s, uint32_t largest)
{
	return (s->ring - ring_slack(s, largest)) / 2;
}

uint64_t ring_frames(uint64_t weight, uint64_t data)
{
	uint32_t body = FRAME_BODY - RECORD_REASON;

	return (weight + body - 1) / body + data;
}

uint64_t ring_used(const struct spool *s)
{
	return ring_frames(s->weight, (uint64_t)s->data + s->stream.reserved);
}

uint64_t ring_free(const struct spool *s)
{
	/* What counted last is the witness that this is a spool. */
	uint64_t low = s->tail < s->last ? s->tail : s->last;

	return low + s->ring - s->next;
}

uint64_t ring_room(const struct spool *s)
{
	if (s->next > FRAME_MAX_SEQ - s->ring)
		return 0; /* a frame with more would not be believed */
	if (s->last_id == 0 && s->next <= s->ring)
		return s->ring - s->next;
	return ring_free(s);
}

uint32_t ring_root(uint32_t n)
{
	uint32_t root = 1;

	while ((root + 1) * (root + 1) <= n)
		root++;
	return root;
}
