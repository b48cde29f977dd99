/* SPDX-License-Identifier: ISC */
/* spool/room.c - what fits, what is used, wall clock, counters; spool.h. */
#include <string.h>

#include "spool/ring.h"

/* Bytes of live frames that records can be sure of. */
#define BODY_SURE (FRAME_BODY - RECORD_REASON)

/* Left of that for head, envelope and recipients of one message. */
#define MESSAGE_EXTRA 1024

/* Bytes that fit so many frames, less what a message has beside them. */
static uint64_t bytes_in(int64_t frames)
{
	return frames > 0 ? (uint64_t)frames * BODY_SURE - MESSAGE_EXTRA : 0;
}

/* Room as one record: it may have to be copied in one go, too. */
static uint64_t small_room(const struct spool *s)
{
	int64_t used = (int64_t)ring_used(s);
	int64_t ring = s->ring;
	int64_t other = (int64_t)ring_frames(s->largest, 0);
	/* n frames: used + n <= (ring - 2 - root - max(n, other)) / 2 */
	int64_t n = (ring - 2 - s->root - 2 * used) / 3;

	if (n < other)
		n = (ring - 2 - s->root - other) / 2 - used;
	return bytes_in(n);
}

/* Room as data frames, and a frame for the record. */
static uint64_t big_room(const struct spool *s)
{
	uint32_t most = ring_capacity(s, s->largest);

	return bytes_in((int64_t)most - (int64_t)ring_used(s) - 1);
}

uint32_t spool_room(const struct spool *s)
{
	uint64_t room = small_room(s), stage = CONFIG_STAGE_KB * 1024u;

	/* Only what is larger than the stage comes as a big message. */
	if (room >= stage && big_room(s) > room)
		room = big_room(s);
	return room > UINT32_MAX ? UINT32_MAX : (uint32_t)room;
}

uint64_t spool_capacity(const struct spool *s)
{
	return (uint64_t)ring_capacity(s, 0) * BODY_SURE;
}

uint32_t spool_capacity_messages(const struct spool *s)
{
	return ring_capacity(s, 0) * RECORD_MAX_STARTS;
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
	struct spool_stats stats = s->stats;

	stats.faults = s->m->faults;
	stats.error = s->m->error;
	return stats;
}
