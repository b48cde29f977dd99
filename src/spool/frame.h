/* SPDX-License-Identifier: ISC */
/*
 * spool/frame.h - the 64 bytes in front of every frame (SPOOL.md 1.1).
 *
 * Pure: bytes in, bytes out.
 */
#ifndef SPOOL_FRAME_H
#define SPOOL_FRAME_H

#include "base/slice.h"

/* Bytes of a whole frame, of its head, of its body. */
#define FRAME_SIZE 4096
#define FRAME_HEAD 64
#define FRAME_BODY (FRAME_SIZE - FRAME_HEAD)

/* The format's version. */
#define FRAME_VERSION 1

/* Fewest frames of a ring. */
#define FRAME_MIN_RING 8

/* The largest sequence that is believed. */
#define FRAME_MAX_SEQ (UINT64_C(1) << 62)

/* Bytes in front of the content in a DATA body (SPOOL.md 1.4). */
#define FRAME_DATA_HEAD 12

/* Bytes of content that a DATA frame takes. */
#define FRAME_DATA_MAX (FRAME_BODY - FRAME_DATA_HEAD)

/* Flag: big messages of the prior commit whose data is not whole were torn. */
#define FRAME_TORN_BIG 1

/*
 * The other flags, from this bit on: how often sequences behind the prior
 * commit have been given back (SPOOL.md 2.5), modulo this mask and one.
 */
#define FRAME_SCRUBS 4
#define FRAME_SCRUBS_MASK 0xfffu

/* What a frame is. */
enum frame_kind { FRAME_COMMIT = 1, FRAME_DATA = 2 };

/* A head, decoded; fields as in SPOOL.md 1.1. */
struct frame_head {
	uint8_t kind;   /* enum frame_kind */
	uint16_t used;  /* bytes of the body in use */
	uint16_t start; /* first record in the body */
	uint32_t ring;  /* frames of the ring */
	uint64_t seq;   /* its sequence */
	uint64_t id;    /* of the commit; 0 loose */
	uint32_t index; /* in the commit */
	uint32_t count; /* frames of the commit; 0 loose */
	uint32_t back;  /* first - tail */
	uint32_t gap;   /* first - prior */
	uint32_t age;   /* queued-time counter */
	uint16_t flags; /* FRAME_ bits */
	uint64_t wall;  /* last sane wall clock */
};

/* Sequence of the first frame of its commit. */
static inline uint64_t frame_first(const struct frame_head *h)
{
	return h->seq - h->index;
}

/* And of the last one. */
static inline uint64_t frame_last(const struct frame_head *h)
{
	return frame_first(h) + h->count - 1;
}

/* All below this is dead as of its commit. */
static inline uint64_t frame_tail(const struct frame_head *h)
{
	return frame_first(h) - h->back;
}

/* Last frame of the commit that counted before. */
static inline uint64_t frame_prior(const struct frame_head *h)
{
	return frame_first(h) - h->gap;
}

/*
 * Is this a frame?  Looks at magic, version and CRC of the whole frame.
 * Returns: 0;  -ENOENT no magic;  -EBADMSG the CRC is wrong;
 *          -EPROTO a good frame of a newer version;  -ENOTSUP of an older one
 */
must_check int frame_check(const uint8_t p[static FRAME_SIZE]);

/* Has nothing ever been written there? */
bool frame_is_zero(const uint8_t p[static FRAME_SIZE]);

/* The sequence that a head without a good CRC claims; 0: it is no head. */
uint64_t frame_torn_seq(const uint8_t p[static FRAME_HEAD]);

/*
 * Decode a head; its CRC is not looked at.
 * Returns: 0 and *h set;  -EBADMSG numbers that cannot be
 */
must_check int frame_parse(const uint8_t p[static FRAME_HEAD],
			   struct frame_head *h);

/* Write the head in front of the body that is there, and the CRC. */
void frame_seal(uint8_t p[static FRAME_SIZE], const struct frame_head *h);

#endif
