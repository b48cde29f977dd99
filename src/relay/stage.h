/* SPDX-License-Identifier: ISC */
/*
 * relay/stage.h - the RAM stage: CONFIG_STAGE_KB in small blocks, shared by
 * all messages that are on their way through (DESIGN.md 2.4, 3.1).
 *
 * A chain is a growing run of bytes.  Nothing is allocated: a block is free
 * or belongs to one chain.  Blocks are numbered from 1, so that zeros are an
 * empty chain and a stage whose memory was never touched.
 */
#ifndef RELAY_STAGE_H
#define RELAY_STAGE_H

#include "base/slice.h"

/* Bytes of a block, and blocks of the stage. */
#define STAGE_BLOCK 256
#define STAGE_BLOCKS (CONFIG_STAGE_KB * 1024 / STAGE_BLOCK)

/* No block. */
#define STAGE_NONE 0

/* A run of bytes; CHAIN_EMPTY before its first byte. */
struct chain {
	uint16_t first, last; /* blocks, or STAGE_NONE */
	uint32_t len;         /* bytes */
};

/* An empty chain. */
#define CHAIN_EMPTY ((struct chain){ 0 })

/* The pool; zeros: all blocks are free. */
struct stage {
	uint16_t free;  /* first free block */
	uint16_t used;  /* blocks ever used: the memory that is touched */
	uint16_t taken; /* blocks in chains */
	/* The block behind each block, and the blocks themselves. */
	uint16_t next[STAGE_BLOCKS + 1];
	uint8_t block[STAGE_BLOCKS][STAGE_BLOCK];
};

/* Bytes that free blocks hold. */
size_t stage_room(const struct stage *s);

/*
 * Append in.  All or nothing.
 * Returns: 0;  -ENOSPC the stage has no room for it: the chain is as before
 */
must_check int chain_append(struct stage *s, struct chain *c, struct slice in);

/* Copy n bytes from off; n + off may not exceed c->len. */
void chain_read(const struct stage *s, const struct chain *c, uint32_t off,
		void *p, size_t n);

/* Give its blocks back; it is empty then. */
void chain_free(struct stage *s, struct chain *c);

#endif
