/* SPDX-License-Identifier: ISC */
/*
 * spool/record.h - what the bodies of COMMIT frames hold (SPOOL.md 1.3).
 *
 * Pure: bytes in, bytes out.  No length is believed before it is checked.
 */
#ifndef SPOOL_RECORD_H
#define SPOOL_RECORD_H

#include "spool/frame.h"
#include "spool/spool.h"

/* Bytes of the fixed parts. */
#define RECORD_MSG 40
#define RECORD_BIG 56
#define RECORD_MARK 32

/* Messages that start in one frame. */
#define RECORD_MAX_STARTS 8

/* Room that is kept for each recipient's reason. */
#define RECORD_REASON (RECORD_MARK + SPOOL_MAX_TEXT)

/* What a record is. */
enum record_kind { RECORD_PAD, RECORD_IS_MSG, RECORD_IS_BIG, RECORD_IS_MARK };

/* Head of a MESSAGE or BIG record. */
struct record_msg {
	bool is_big;      /* content lies in DATA frames */
	bool is_damaged;  /* was copied with unreadable bytes */
	uint16_t flags;   /* SPOOL_ bits when it was written */
	uint16_t nrcpt;   /* states behind the head */
	uint16_t env_len; /* bytes of envelope behind the states */
	uint32_t size;    /* bytes of content */
	uint32_t crc;     /* of the content, BIG only */
	uint64_t id;      /* of the message */
	int64_t wall_s;   /* wall clock when it came */
	int64_t arrived;  /* queued-time counter when it came */
	uint64_t stream;  /* BIG: id of the data frames */
	uint32_t frames;  /* BIG: how many */
};

/* A MARK record. */
struct record_mark {
	uint8_t what;      /* enum spool_mark_kind */
	uint8_t slot;      /* of the target */
	uint8_t state;     /* RCPT: enum spool_rcpt_state */
	uint16_t rcpt;     /* RCPT: number */
	uint16_t code;     /* reply code, 0 none */
	uint16_t dsn;      /* three digits, 0 none */
	uint64_t seq;      /* frame where the target starts */
	uint64_t id;       /* of the message */
	uint32_t flags;    /* FLAGS: new flags */
	struct slice text; /* points into the body; <= SPOOL_MAX_TEXT */
};

/* One record as record_next() shows it. */
struct record {
	enum record_kind kind;   /* never RECORD_PAD */
	uint8_t slot;            /* MSG, BIG: which start of this frame */
	uint16_t off;            /* where it begins in the body */
	struct record_msg msg;   /* MSG, BIG */
	struct record_mark mark; /* MARK */
};

/* A walk over the records that begin in one body. */
struct record_walk {
	const uint8_t *body; /* FRAME_BODY bytes */
	uint16_t off;        /* next record */
	uint16_t used;       /* end of records */
	uint8_t slot;        /* next start */
	uint64_t run;        /* bytes from body to the end of the commit */
};

/* Bytes of the fixed part, and of the whole record. */
static inline uint16_t record_fixed(const struct record_msg *m)
{
	return m->is_big ? RECORD_BIG : RECORD_MSG;
}

/* Bytes of the record, envelope and content counted. */
uint64_t record_len(const struct record_msg *m);

/* What the message counts in the sum of live bytes (SPOOL.md 2.4). */
uint32_t record_weight(const struct record_msg *m);

/* Start a walk over a frame whose head is h. */
struct record_walk record_walk(const struct frame_head *h, const uint8_t *body);

/*
 * The next record.
 * Returns: 1 and *r set, its text valid as long as the body;  0 no more;
 *          -EBADMSG the rest of this body makes no sense
 */
must_check int record_next(struct record_walk *w, struct record *r);

/* Write the fixed part: record_fixed() bytes. */
void record_put_msg(uint8_t *p, const struct record_msg *m);

/* Write the fixed part of a mark: RECORD_MARK bytes; its text follows it. */
void record_put_mark(uint8_t *p, const struct record_mark *m);

#endif
