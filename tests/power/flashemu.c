/* SPDX-License-Identifier: ISC */
/* power/flashemu.c - see flashemu.h. */
#include "flashemu.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static int write_emu(void *ctx, uint64_t off, const void *p, size_t n)
{
	struct flashemu *e = ctx;

	if (off % SPOOL_FRAME != 0 || n != SPOOL_FRAME ||
	    off > e->medium.size - n) {
		fprintf(stderr, "a write that is no frame\n");
		abort();
	}
	if (is_due(&e->fail_write))
		return -e->fail_errno;
	memcpy(e->view + off, p, n);
	if (e->is_noting) {
		struct emu_op *op = note(e, EMU_WRITE);
		op->frame = (uint32_t)(off / SPOOL_FRAME);
		op->bytes = copy(p, n);
	}
	return 0;
}

/*
 * Linux forgets pages whose write failed: those of a failed sync that have
 * not reached the medium never will, though reads still show them.
 */
static void fail_pending(struct flashemu *e)
{
	for (int i = e->nops - 1; i >= 0; i--) {
		if (e->op[i].kind == EMU_SYNC ||
		    e->op[i].kind == EMU_SYNC_FAILED)
			break;
		e->op[i].kept = emu_random(&e->seed) & 1;
	}
	note(e, EMU_SYNC_FAILED);
}

static int sync_emu(void *ctx)
{
	struct flashemu *e = ctx;
	bool fails = is_due(&e->fail_sync);

	if (e->lies)
		return 0;
	if (fails) {
		if (e->is_noting)
			fail_pending(e);
		return -e->fail_errno;
	}
	if (e->is_noting)
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
	e->fail_write = e->fail_sync = e->fail_read = 0;
	e->fail_errno = EIO;
	e->lies = false;
	e->is_noting = false;
	e->seed = seed;
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
