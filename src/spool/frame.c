/* SPDX-License-Identifier: ISC */
/* spool/frame.c - see frame.h; offsets are those of SPOOL.md 1.1. */
#include "spool/frame.h"

#include <errno.h>
#include <string.h>

#include "base/crc32c.h"

static const uint8_t magic[4] = { 'm', 'o', 't', 'e' };

/* CRC of the frame with the four bytes at 8 as zero. */
static uint32_t sum_frame(const uint8_t *p)
{
	static const uint8_t zero[4];
	uint32_t crc = crc32c(0, p, 8);

	crc = crc32c(crc, zero, sizeof(zero));
	return crc32c(crc, p + 12, FRAME_SIZE - 12);
}

int frame_check(const uint8_t p[static FRAME_SIZE])
{
	if (memcmp(p, magic, sizeof(magic)) != 0)
		return -ENOENT;
	if (get_u32le(p + 8) != sum_frame(p))
		return -EBADMSG;
	if (p[4] == FRAME_VERSION)
		return 0;
	return p[4] > FRAME_VERSION ? -EPROTO : -ENOTSUP;
}

bool frame_is_zero(const uint8_t p[static FRAME_SIZE])
{
	for (size_t i = 0; i < FRAME_SIZE; i++)
		if (p[i] != 0)
			return false;
	return true;
}

uint64_t frame_torn_seq(const uint8_t p[static FRAME_HEAD])
{
	return memcmp(p, magic, sizeof(magic)) == 0 ? get_u64le(p + 16) : 0;
}

/* Do the numbers of a commit's frame agree with each other? */
static bool is_member_sane(const struct frame_head *h)
{
	if (h->id == 0 || h->index >= h->count || h->count > h->ring)
		return false;
	if (h->seq <= h->index)
		return false;
	return h->gap > 0 && h->gap < frame_first(h) &&
	       h->back < frame_first(h);
}

static bool is_sane(const struct frame_head *h)
{
	if (h->ring < FRAME_MIN_RING || h->seq == 0 || h->seq > FRAME_MAX_SEQ)
		return false;
	if (h->used > FRAME_BODY || h->start > h->used)
		return false;
	if (h->kind == FRAME_COMMIT)
		return is_member_sane(h);
	if (h->kind != FRAME_DATA || h->used < FRAME_DATA_HEAD)
		return false;
	return h->count == 0 || is_member_sane(h);
}

int frame_parse(const uint8_t p[static FRAME_HEAD], struct frame_head *h)
{
	h->kind = p[5];
	h->used = get_u16le(p + 6);
	h->ring = get_u32le(p + 12);
	h->seq = get_u64le(p + 16);
	h->id = get_u64le(p + 24);
	h->index = get_u32le(p + 32);
	h->count = get_u32le(p + 36);
	h->back = get_u32le(p + 40);
	h->gap = get_u32le(p + 44);
	h->age = get_u32le(p + 48);
	h->start = get_u16le(p + 52);
	h->flags = get_u16le(p + 54);
	h->wall = get_u64le(p + 56);
	return is_sane(h) ? 0 : -EBADMSG;
}

void frame_seal(uint8_t p[static FRAME_SIZE], const struct frame_head *h)
{
	memset(p, 0, FRAME_HEAD);
	memcpy(p, magic, sizeof(magic));
	p[4] = FRAME_VERSION;
	p[5] = h->kind;
	put_u16le(p + 6, h->used);
	put_u32le(p + 12, h->ring);
	put_u64le(p + 16, h->seq);
	put_u64le(p + 24, h->id);
	put_u32le(p + 32, h->index);
	put_u32le(p + 36, h->count);
	put_u32le(p + 40, h->back);
	put_u32le(p + 44, h->gap);
	put_u32le(p + 48, h->age);
	put_u16le(p + 52, h->start);
	put_u16le(p + 54, h->flags);
	put_u64le(p + 56, h->wall);
	put_u32le(p + 8, sum_frame(p));
}
