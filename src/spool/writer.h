/* SPDX-License-Identifier: ISC */
/*
 * spool/writer.h - the run of records of one commit, laid out in frames.
 *
 * The same calls are made twice: dry, to learn how many frames it takes, and
 * then for good.  Both must lay out the same.  The first error is kept.
 */
#ifndef SPOOL_WRITER_H
#define SPOOL_WRITER_H

#include "spool/ring.h"

/* A commit being laid out. */
struct writer {
	struct spool *s; /* whose frames are written */
	bool dry;        /* count only */
	int err;         /* the first one */
	uint64_t first;  /* first frame of the commit, data copies too */
	uint64_t seq;    /* frame being filled */
	uint32_t count;  /* frames of the commit; dry: unknown */
	uint64_t tail;   /* the new tail */
	uint64_t id;     /* of the commit */
	uint32_t frames; /* COMMIT frames begun */
	uint16_t off;    /* bytes of the body filled */
	uint16_t start;  /* first record in it, WRITER_NO_START none */
	uint8_t starts;  /* messages that start in it */
	bool has_marks;  /* marks are in it */
	uint32_t lost;   /* copies left out: nothing could be read */
	bool salvage;    /* copy what can be read; else that is an error */
};

/* No record starts in this frame yet. */
#define WRITER_NO_START 0xffff

/* Begin the first COMMIT frame at w->seq. */
void writer_begin(struct writer *w);

/* Write the last frame. */
void writer_end(struct writer *w);

/* A new message; its bytes come from the source.  t->seq, slot: its place. */
void writer_add(struct writer *w, const struct spool_add *a, struct target *t);

/* A mark with its text. */
void writer_mark(struct writer *w, const struct record_mark *m);

/*
 * A live message moves: states and flags folded in, reasons behind it.
 * When some of it cannot be read that is w->err; but with salvage zeros stand
 * in for it, and one whose start cannot be read is left out and counted.
 */
void writer_copy(struct writer *w, uint64_t seq, uint8_t slot);

/*
 * A live data frame moves: it becomes frame w->seq, and w->seq the next one.
 * Never dry; before writer_begin().
 */
void writer_copy_data(struct writer *w, uint64_t seq);

#endif
