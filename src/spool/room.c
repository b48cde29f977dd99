/* SPDX-License-Identifier: ISC */
/* spool/room.c - what fits, what is used, wall clock, counters; spool.h. */
#include <string.h>

#include "spool/ring.h"

/* Bytes of live frames that records can be sure of. */
#define BODY_SURE (FRAME_BODY - RECORD_REASON)

/* Left of that for head, envelope and recipients of one message. */
#define MESSAGE_EXTRA 1024

uint32_t spool_room(const struct spool *s)
{
	uint64_t used = ring_used(s);
	uint64_t least = BODY_SURE - MESSAGE_EXTRA;

	if (used >= ring_capacity(s))
		return 0;
	uint64_t room = (ring_capacity(s) - used - 1) * BODY_SURE;
	/* A big one needs a frame for its record beside its data. */
	room = room > MESSAGE_EXTRA ? room - MESSAGE_EXTRA : 0;
	if (room < least)
		room = least;
	return room > UINT32_MAX ? UINT32_MAX : (uint32_t)room;
}

uint64_t spool_capacity(const struct spool *s)
{
	return (uint64_t)ring_capacity(s) * BODY_SURE;
}

uint32_t spool_capacity_messages(const struct spool *s)
{
	return ring_capacity(s) * RECORD_MAX_STARTS;
}

uint64_t spool_used(const struct spool *s)
{
	return ring_used(s) * BODY_SURE;
}

uint32_t spool_count(const struct spool *s)
{
	return s->count;
}

int64_t spool_last_wall(const struct spool *s)
{
	if (!s->is_wall_running)
		return s->wall_s;
	return s->wall_s + (world_boot_ms(s->w) - s->wall_ms) / 1000;
}

void spool_set_wall(struct spool *s, int64_t wall_s)
{
	s->wall_s = wall_s;
	s->wall_ms = world_boot_ms(s->w);
	s->is_wall_running = true;
}

struct spool_stats spool_stats(const struct spool *s)
{
	return s->stats;
}
