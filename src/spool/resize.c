/* SPDX-License-Identifier: ISC */
/*
 * spool/resize.c - what counts, written to a medium of another size; SPOOL.md
 * 2.7.  Sequences stay as they are: only the place of each frame, and the ring
 * that its head names, are others.
 */
#include <errno.h>
#include <string.h>

#include "spool/ring.h"

/*
 * Would a ring of so many frames be as it has to be after a commit?
 * Returns: 0;  1 what lies there has to be drawn together;  -EBUSY never
 */
static int judge(struct spool *s, uint32_t frames)
{
	uint32_t ring = s->ring, root = s->root;

	s->ring = frames;
	s->root = ring_root(frames);
	uint32_t slack = ring_slack(s, s->largest);
	bool fits = ring_used(s) <= ring_capacity(s, s->largest);
	s->ring = ring;
	s->root = root;
	if (!fits || slack >= frames)
		return -EBUSY;
	return s->last + 1 - s->tail > frames - slack;
}

int spool_gather(struct spool *s, uint32_t frames)
{
	uint64_t end = s->next;
	int err = judge(s, frames);

	/* Moving the tail over what is dead may do. */
	if (err > 0)
		err = ring_commit_marks(s);
	while (err == 0 && (err = judge(s, frames)) > 0)
		err = s->tail < end ? ring_clean(s) : -EBUSY;
	return err > 0 ? -EBUSY : err;
}

static int copy_frame(struct spool *s, const struct medium *to, uint32_t frames,
		      uint64_t seq)
{
	int err = ring_load(s, seq);

	/* What has gone bad is missing there as it is here. */
	if (err)
		return err == -EBADMSG ? 0 : err;
	struct frame_head h = s->head;
	if (h.count > frames)
		return -EBUSY;
	h.ring = frames;
	memcpy(s->write, s->read, FRAME_SIZE);
	frame_seal(s->write, &h);
	return to->ops->write(to->ctx, seq % frames * FRAME_SIZE, s->write,
			      FRAME_SIZE);
}

int spool_copy(struct spool *s, const struct medium *to)
{
	uint32_t frames = (uint32_t)(to->size / FRAME_SIZE);
	int err = 0;

	/* Nothing has ever counted: a new ring is as good. */
	if (s->last_id == 0)
		return 0;
	/* Dead ones too: a commit counts when it is whole. */
	for (uint64_t seq = s->tail; seq <= s->last && err == 0; seq++)
		err = copy_frame(s, to, frames, seq);
	return err ? err : to->ops->sync(to->ctx);
}
