/* SPDX-License-Identifier: ISC */
/*
 * spool/scrub.c - give the places of burnt frames back; SPOOL.md 2.5.
 *
 * The topmost good frame says that all commits below it failed, whole as they
 * may be.  So it goes last, when the others are certain to be gone; and as no
 * sync has made it certain itself, it is written once more before them: a torn
 * write of the bytes that are there does no harm.
 */
#include <errno.h>

#include "spool/ring.h"

/* Write a frame as it is. */
static int put_frame(struct spool *s, uint64_t seq, const uint8_t *p)
{
	s->stats.writes++;
	s->stats.bytes_written += FRAME_SIZE;
	return s->m->ops->write(s->m->ctx, seq % s->ring * FRAME_SIZE, p,
				FRAME_SIZE);
}

/*
 * Noise instead of zeros: a torn write of zeros could be just what a torn
 * frame lacks to be whole.  The first byte is never that of the magic.
 */
static int wipe_frame(struct spool *s, uint64_t seq)
{
	uint64_t noise = world_random_u64(s->w) & ~UINT64_C(0xff);

	for (uint32_t at = 0; at < FRAME_SIZE; at += 8)
		put_u64le(s->write + at, noise);
	s->read_seq = 0;
	return put_frame(s, seq, s->write);
}

/* The topmost burnt commit frame that is good, loaded; 0 there is none. */
static uint64_t find_witness(struct spool *s)
{
	for (uint64_t seq = s->next - 1; seq > s->last; seq--)
		if (ring_load(s, seq) == 0 && s->head.count > 0)
			return seq;
	return 0;
}

int ring_scrub(struct spool *s)
{
	bool has_stream = s->stream.id != 0 && !s->stream.is_broken;
	int err = 0;

	if (s->last + 1 >= s->next || has_stream)
		return -ENOSPC;
	uint64_t witness = find_witness(s);
	if (witness != 0)
		err = put_frame(s, witness, s->read);
	if (err == 0 && witness != 0)
		err = ring_sync(s);
	for (uint64_t seq = s->last + 1; seq < s->next && err == 0; seq++) {
		uint32_t *word = ring_word(s, seq);
		s->data -= (*word & WORD_KIND) == WORD_DATA;
		*word = WORD_EMPTY;
		if (seq != witness)
			err = wipe_frame(s, seq);
	}
	if (err == 0)
		err = ring_sync(s);
	if (err == 0 && witness != 0)
		err = wipe_frame(s, witness);
	if (err == 0 && witness != 0)
		err = ring_sync(s);
	if (err)
		return err;
	s->next = s->last + 1;
	s->scrubs = (s->scrubs + 1) & FRAME_SCRUBS_MASK;
	return 0;
}
