/* SPDX-License-Identifier: ISC */
/*
 * relay/stage.c - see relay/stage.h.  Free blocks form a list; blocks that
 * were never used are taken last, so that idle memory is never touched.
 */
#include "relay/stage.h"

#include <errno.h>
#include <string.h>

BUILD_ASSERT(STAGE_BLOCKS < UINT16_MAX);

size_t stage_room(const struct stage *s)
{
	return (size_t)(STAGE_BLOCKS - s->taken) * STAGE_BLOCK;
}

static uint16_t take_block(struct stage *s)
{
	uint16_t b = s->free;

	if (b != STAGE_NONE)
		s->free = s->next[b];
	else
		b = ++s->used;
	s->next[b] = STAGE_NONE;
	s->taken++;
	return b;
}

static void link_block(struct stage *s, struct chain *c)
{
	uint16_t b = take_block(s);

	if (c->first == STAGE_NONE)
		c->first = b;
	else
		s->next[c->last] = b;
	c->last = b;
}

int chain_append(struct stage *s, struct chain *c, struct slice in)
{
	size_t at = c->len % STAGE_BLOCK;
	size_t left = c->len > 0 && at == 0 ? 0 : STAGE_BLOCK - at;

	if (c->len == 0)
		left = 0;
	if (in.n > left && in.n - left > stage_room(s))
		return -ENOSPC;
	while (in.n > 0) {
		at = c->len % STAGE_BLOCK;
		if (at == 0)
			link_block(s, c);
		struct slice part = slice_head(in, STAGE_BLOCK - at);

		memcpy(s->block[c->last - 1] + at, part.p, part.n);
		c->len += (uint32_t)part.n;
		in = slice_from(in, part.n);
	}
	return 0;
}

void chain_read(const struct stage *s, const struct chain *c, uint32_t off,
		void *p, size_t n)
{
	uint8_t *to = p;
	uint16_t b = c->first;

	for (; off >= STAGE_BLOCK; off -= STAGE_BLOCK)
		b = s->next[b];
	while (n > 0) {
		size_t part = STAGE_BLOCK - off < n ? STAGE_BLOCK - off : n;

		memcpy(to, s->block[b - 1] + off, part);
		to += part;
		n -= part;
		off = 0;
		b = s->next[b];
	}
}

void chain_free(struct stage *s, struct chain *c)
{
	uint16_t b = c->first;

	while (b != STAGE_NONE) {
		uint16_t next = s->next[b];

		s->next[b] = s->free;
		s->free = b;
		s->taken--;
		b = next;
	}
	*c = CHAIN_EMPTY;
}
