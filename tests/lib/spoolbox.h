/* SPDX-License-Identifier: ISC */
/*
 * spoolbox.h - a spool on memory, with a clock and a random source that the
 * test owns, for the unit tests of spool/.
 */
#ifndef TESTS_LIB_SPOOLBOX_H
#define TESTS_LIB_SPOOLBOX_H

#include <errno.h>
#include <stdlib.h>

#include "check.h"
#include "spool/spool.h"

/* Frames of the largest box, bytes of its marks medium. */
#define BOX_FRAMES 512
#define BOX_MARKS 4096

/* A medium that is memory; the Nth call of a kind can be made to fail. */
struct box_medium {
	struct medium medium;
	uint8_t *bytes;
	int fail_read, fail_write, fail_sync; /* 0: never */
	int fail_errno;
	uint64_t bad; /* bits of places, 64 at most, that give -EIO */
	long reads, writes, syncs;
};

/* A spool and its world. */
struct box {
	struct box_medium ring, marks;
	struct world world;
	int64_t now_ms;
	uint64_t next_random;
	struct spool *spool;
	struct spool_found found;
};

static inline bool box_is_bad(const struct box_medium *m, uint64_t off)
{
	return off / SPOOL_FRAME < 64 && m->bad >> off / SPOOL_FRAME & 1;
}

static inline int box_read(void *ctx, uint64_t off, void *p, size_t n)
{
	struct box_medium *m = ctx;

	m->reads++;
	if (m->fail_read > 0 && --m->fail_read == 0)
		return -m->fail_errno;
	if (box_is_bad(m, off))
		return -EIO;
	assert_true(off + n <= m->medium.size);
	memcpy(p, m->bytes + off, n);
	return 0;
}

static inline int box_write(void *ctx, uint64_t off, const void *p, size_t n)
{
	struct box_medium *m = ctx;

	m->writes++;
	if (m->fail_write > 0 && --m->fail_write == 0)
		return -m->fail_errno;
	if (box_is_bad(m, off))
		return -EIO;
	assert_true(off + n <= m->medium.size);
	memcpy(m->bytes + off, p, n);
	return 0;
}

static inline int box_sync(void *ctx)
{
	struct box_medium *m = ctx;

	m->syncs++;
	if (m->fail_sync > 0 && --m->fail_sync == 0)
		return -m->fail_errno;
	return 0;
}

static inline int64_t box_boot_ms(void *ctx)
{
	return ((struct box *)ctx)->now_ms;
}

/* Numbers that are easy to find in a dump: each is the one before plus 1. */
static inline void box_random(void *ctx, void *p, size_t n)
{
	struct box *b = ctx;
	uint8_t eight[8];

	put_u64le(eight, b->next_random++);
	memset(p, 0, n);
	memcpy(p, eight, n < 8 ? n : 8);
}

static inline void box_set_medium(struct box_medium *m, size_t size)
{
	static const struct medium_ops ops = { box_read, box_write, box_sync };

	m->medium = (struct medium){ .ops = &ops, .ctx = m, .size = size };
	m->bytes = calloc(1, size);
	assert_non_null(m->bytes);
	m->fail_errno = EIO;
}

/* Open, or open again, with the marks medium or without. */
static inline int box_open(struct box *b, bool marks)
{
	return spool_open(b->spool, &b->ring.medium,
			  marks ? &b->marks.medium : NULL, &b->world,
			  &b->found);
}

/* A new spool of so many frames, open. */
static inline struct box *box_new(uint32_t frames)
{
	struct box *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	box_set_medium(&b->ring, (size_t)frames * SPOOL_FRAME);
	box_set_medium(&b->marks, BOX_MARKS);
	b->world = (struct world){ b, box_boot_ms, NULL, NULL, box_random };
	b->next_random = 1000;
	b->spool = calloc(1, spool_sizeof());
	assert_non_null(b->spool);
	assert_int_equal(box_open(b, false), 0);
	return b;
}

static inline void box_free(struct box *b)
{
	free(b->spool);
	free(b->ring.bytes);
	free(b->marks.bytes);
	free(b);
}

/* Byte off of message id: envelope first, then content. */
static inline uint8_t box_byte(uint64_t id, uint32_t off)
{
	return (uint8_t)(id * 31 + off / 251 * 7 + off);
}

/* A source of these bytes; ctx is the id as a pointer. */
static inline int box_source(void *ctx, uint32_t off, void *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		((uint8_t *)p)[i] = box_byte((uint64_t)(uintptr_t)ctx, off + i);
	return 0;
}

/* A message of box_byte()s. */
static inline struct spool_add box_message(uint64_t id, uint16_t nrcpt,
					   uint16_t env_len, uint32_t size)
{
	return (struct spool_add){ .id = id,
				   .env_len = env_len,
				   .nrcpt = nrcpt,
				   .size = size,
				   .source = { (void *)(uintptr_t)id,
					       box_source } };
}

/* Commit one message, one mark. */
static inline int box_add(struct box *b, uint64_t id, uint16_t nrcpt,
			  uint16_t env_len, uint32_t size)
{
	struct spool_add add = box_message(id, nrcpt, env_len, size);
	struct spool_item item = { .add = &add };

	return spool_commit(b->spool, &item, 1);
}

static inline int box_mark(struct box *b, const struct spool_mark *mark)
{
	struct spool_item item = { .mark = mark };

	return spool_commit(b->spool, &item, 1);
}

static inline int box_gone(struct box *b, uint64_t id)
{
	struct spool_mark mark = { .id = id, .kind = SPOOL_MARK_GONE };

	return box_mark(b, &mark);
}

/* A big message, written in pieces of 1000; not yet added. */
static inline int box_big(struct box *b, uint64_t id, uint16_t env_len,
			  uint32_t size)
{
	uint8_t part[1000];
	int err = spool_big_begin(b->spool, size);

	for (uint32_t off = 0; off < size && err == 0; off += sizeof(part)) {
		uint32_t n = size - off < sizeof(part) ? size - off
						       : sizeof(part);
		box_source((void *)(uintptr_t)id, env_len + off, part, n);
		err = spool_big_write(b->spool, part, n);
	}
	return err;
}

static inline int box_add_big(struct box *b, uint64_t id, uint32_t size)
{
	struct spool_add add = box_message(id, 1, 20, size);
	struct spool_item item = { .add = &add };

	add.big = true;
	return spool_commit(b->spool, &item, 1);
}

/* Is message id there, all bytes as they should be? */
static inline bool box_has(struct box *b, uint64_t id)
{
	struct spool_msg msg;
	uint8_t env[65536], part[777];

	if (spool_find(b->spool, id, &msg) ||
	    spool_read_envelope(b->spool, &msg, env))
		return false;
	for (uint32_t i = 0; i < msg.env_len; i++)
		if (env[i] != box_byte(id, i))
			return false;
	for (uint32_t off = 0; off < msg.size; off += sizeof(part)) {
		uint32_t n = msg.size - off < sizeof(part) ? msg.size - off
							   : sizeof(part);
		if (spool_read(b->spool, &msg, off, part, n))
			return false;
		for (uint32_t i = 0; i < n; i++)
			if (part[i] != box_byte(id, msg.env_len + off + i))
				return false;
	}
	return true;
}

#endif
