/* SPDX-License-Identifier: ISC */
/*
 * power/flashemu.h - a medium with a volatile cache that keeps a diary.
 *
 * Everything that is written or synced is noted, and with it what may be
 * found after a power cut at that moment: digests of the states that are
 * allowed.  Afterwards every cut can be made from the diary alone.
 */
#ifndef POWER_FLASHEMU_H
#define POWER_FLASHEMU_H

#include "spool/spool.h"

/* Frames, diary entries and allowed digests that are kept. */
#define EMU_MAX_FRAMES 64
#define EMU_MAX_OPS 4096
#define EMU_MAX_ALLOWED 64

/* Bytes of the marks medium. */
#define EMU_MARKS 4096

/* Bytes that a torn write is torn at. */
#define EMU_LINE 64

/* What happened. */
enum emu_op_kind { EMU_WRITE, EMU_SYNC, EMU_SYNC_FAILED, EMU_POINT };

/* Lines at which a frame can be torn, in two halves: first or last part new. */
#define EMU_TEARS (2 * (SPOOL_FRAME / EMU_LINE - 1))

/* What a failed sync has left of a write; from EMU_TORN on: torn there. */
enum emu_kept { EMU_LOST, EMU_KEPT, EMU_TORN };

/* A state that may be found: its digest, and what the owner knows of it. */
struct emu_state {
	uint64_t digest;
	const void *model;
	uint64_t time; /* not 0: only if no later commit's frame got there */
};

/* States that may be found. */
struct emu_allowed {
	struct emu_state state[EMU_MAX_ALLOWED];
	int n;
};

/* An entry of the diary. */
struct emu_op {
	enum emu_op_kind kind;
	uint32_t frame; /* WRITE: where */
	int kept;       /* WRITE, then SYNC_FAILED: EMU_LOST and so on */
	uint8_t *bytes; /* WRITE: SPOOL_FRAME bytes, malloc()ed */
	uint64_t time;  /* WRITE: of a commit's frame: its number; else 0 */
	struct emu_allowed cut;  /* after a power cut behind it */
	struct emu_allowed kill; /* after SIGKILL behind it */
	uint8_t *marks;          /* copy of the marks medium, malloc()ed */
};

/* The medium; view is what reads see. */
struct flashemu {
	struct medium medium;
	uint8_t view[EMU_MAX_FRAMES * SPOOL_FRAME];
	uint8_t start[EMU_MAX_FRAMES * SPOOL_FRAME]; /* where the diary begins */
	struct emu_op op[EMU_MAX_OPS];
	int nops;
	bool is_noting;               /* keep a diary, fail when told */
	struct emu_allowed cut, kill; /* for the next operations */
	const uint8_t *marks; /* EMU_MARKS bytes to be copied, or NULL */
	uint64_t time;        /* frames of commits written */
	uint64_t written[EMU_MAX_FRAMES];     /* and when, each place */
	int fail_write, fail_sync, fail_read; /* the Nth from now; 0 never */
	int fail_errno;                       /* what it says */
	uint64_t seed; /* of what a failed sync has kept */
};

/* An empty medium of so many frames. */
void emu_init(struct flashemu *e, uint32_t frames, uint64_t seed);

/* Begin the diary: all so far is certain. */
void emu_start(struct flashemu *e);

/* Forget the diary. */
void emu_clear(struct flashemu *e);

/* Put the new bytes of a frame over the old ones, torn at one of EMU_TEARS. */
void emu_tear(uint8_t *frame, const uint8_t *bytes, int tear);

/* Note that from here on only e->cut and e->kill hold. */
void emu_point(struct flashemu *e);

/* Pseudo-random numbers. */
uint64_t emu_random(uint64_t *seed);

#endif
