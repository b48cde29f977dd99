/* SPDX-License-Identifier: ISC */
/* power/flashemu.c - see flashemu.h. */
#include "flashemu.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"
#include "cover.h"

uint64_t emu_random(uint64_t *seed)
{
	*seed += UINT64_C(0x9e3779b97f4a7c15);
	uint64_t z = *seed;
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint8_t *copy(const void *p, size_t n)
{
	uint8_t *to = malloc(n);

	if (!to)
		abort();
	memcpy(to, p, n);
	return to;
}

static struct emu_op *note(struct flashemu *e, enum emu_op_kind kind)
{
	if (e->nops == EMU_MAX_OPS) {
		fprintf(stderr, "the diary is full\n");
		abort();
	}
	struct emu_op *op = &e->op[e->nops++];
	*op = (struct emu_op){ .kind = kind, .cut = e->cut, .kill = e->kill };
	if (e->marks)
		op->marks = copy(e->marks, EMU_MARKS);
	return op;
}

/* Is this the one that fails? */
static bool is_due(int *n)
{
	return *n > 0 && --*n == 0;
}

static int read_emu(void *ctx, uint64_t off, void *p, size_t n)
{
	struct flashemu *e = ctx;

	if (off > e->medium.size || n > e->medium.size - off)
		return -EIO;
	if (is_due(&e->fail_read))
		return -e->fail_errno;
	memcpy(p, e->view + off, n);
	return 0;
}

void emu_tear(uint8_t *frame, const uint8_t *bytes, int tear)
{
	size_t line = ((size_t)tear / 2 + 1) * EMU_LINE;

	if (tear % 2)
		memcpy(frame + line, bytes + line, SPOOL_FRAME - line);
	else
		memcpy(frame, bytes, line);
}

/* What a write tells about the spool. */
static void see_write(const struct flashemu *e, const uint8_t *p)
{
	bool is_frame = memcmp(p, "mote", 4) == 0;
	uint64_t seq = get_u64le(p + 16);
	uint32_t frames = (uint32_t)(e->medium.size / SPOOL_FRAME);

	if (!is_frame)
		cover(COVER_SCRUB);
	else if (seq > frames && seq % frames == frames / 2)
		cover(COVER_LAP);
}

/* When a frame of a commit is written; what is there already stays as old. */
static uint64_t time_of(struct flashemu *e, uint32_t frame, const uint8_t *p)
{
	bool is_commit = memcmp(p, "mote", 4) == 0 && get_u32le(p + 36) > 0;

	if (!is_commit)
		e->written[frame] = 0;
	else if (memcmp(e->view + (size_t)frame * SPOOL_FRAME, p, SPOOL_FRAME))
		e->written[frame] = ++e->time;
	return e->written[frame];
}

static int write_emu(void *ctx, uint64_t off, const void *p, size_t n)
{
	struct flashemu *e = ctx;

	if (off % SPOOL_FRAME != 0 || n != SPOOL_FRAME ||
	    off > e->medium.size - n) {
		fprintf(stderr, "a write that is no frame\n");
		abort();
	}
	if (!e->is_noting) {
		memcpy(e->view + off, p, n);
		return 0;
	}
	bool fails = is_due(&e->fail_write);
	uint64_t how = fails ? emu_random(&e->seed) : 1;
	if (fails)
		cover(COVER_FAIL_WRITE);
	if (how % 2 == 0)
		return -e->fail_errno; /* nothing of it was done */

	uint64_t time = time_of(e, (uint32_t)(off / SPOOL_FRAME), p);
	if (fails) /* a part */
		emu_tear(e->view + off, p, (int)(how / 2 % EMU_TEARS));
	else
		memcpy(e->view + off, p, n);
	see_write(e, p);
	struct emu_op *op = note(e, EMU_WRITE);
	op->frame = (uint32_t)(off / SPOOL_FRAME);
	op->bytes = copy(e->view + off, n);
	op->time = fails ? 0 : time;
	return fails ? -e->fail_errno : 0;
}

/*
 * Linux forgets pages whose write failed: those of a failed sync that have
 * not reached the medium, or only in part, never will, though reads still show
 * them.
 */
static void fail_pending(struct flashemu *e)
{
	for (int i = e->nops - 1; i >= 0; i--) {
		struct emu_op *op = &e->op[i];
		if (op->kind == EMU_SYNC || op->kind == EMU_SYNC_FAILED)
			break;
		uint64_t how = emu_random(&e->seed);
		op->kept = how % 5 < 2 ? EMU_LOST : EMU_KEPT;
		if (how % 5 == 4)
			op->kept = EMU_TORN + (int)(how / 5 % EMU_TEARS);
	}
	note(e, EMU_SYNC_FAILED);
}

static int sync_emu(void *ctx)
{
	struct flashemu *e = ctx;

	if (!e->is_noting)
		return 0;
	if (is_due(&e->fail_sync)) {
		cover(COVER_FAIL_SYNC);
		fail_pending(e);
		return -e->fail_errno;
	}
	note(e, EMU_SYNC);
	return 0;
}

static const struct medium_ops emu_ops = { read_emu, write_emu, sync_emu };

void emu_init(struct flashemu *e, uint32_t frames, uint64_t seed)
{
	emu_clear(e);
	e->medium = (struct medium){ .ops = &emu_ops,
				     .ctx = e,
				     .size = (uint64_t)frames * SPOOL_FRAME };
	memset(e->view, 0, sizeof(e->view));
	e->cut.n = e->kill.n = 0;
	e->marks = NULL;
	e->time = 0;
	memset(e->written, 0, sizeof(e->written));
	e->fail_write = e->fail_sync = e->fail_read = 0;
	e->fail_errno = EIO;
	e->is_noting = false;
	e->seed = seed;
}

void emu_start(struct flashemu *e)
{
	emu_clear(e);
	memcpy(e->start, e->view, (size_t)e->medium.size);
	e->is_noting = true;
}

void emu_clear(struct flashemu *e)
{
	for (int i = 0; i < e->nops; i++) {
		free(e->op[i].bytes);
		free(e->op[i].marks);
	}
	e->nops = 0;
}

void emu_point(struct flashemu *e)
{
	if (e->is_noting)
		note(e, EMU_POINT);
}
