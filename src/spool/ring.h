/* SPDX-License-Identifier: ISC */
/*
 * spool/ring.h - the spool's inside: state, index and frames.
 *
 * Only the files of this folder include it.  A frame is named by its
 * sequence; its place is the sequence modulo the ring.
 */
#ifndef SPOOL_RING_H
#define SPOOL_RING_H

#include "spool/record.h"

/* Index words (SPOOL.md 2.6). */
#define WORD_KIND 3u          /* mask of the kind */
#define WORD_EMPTY 0u         /* nothing that counts */
#define WORD_COMMIT 1u        /* records */
#define WORD_DATA 2u          /* content of a big message */
#define WORD_SEEN 3u          /* recovery: good, not yet judged */
#define WORD_LIVE 2           /* shift: live starts, 8 bits */
#define WORD_MARKED 10        /* shift: starts that may have marks, 8 bits */
#define WORD_MARKS (1u << 18) /* the frame holds marks */
#define WORD_TAG 2            /* shift: tag of a stream, 29 bits */
#define WORD_NAMED (1u << 31) /* recovery: a live record names it */

/* Bits of a stream's id that are its tag. */
#define RING_TAG_MASK 0x1fffffffu

/* Places remembered by identifier. */
#define RING_HINTS 8

/* A lazy mark: on tmpfs perhaps, not on the medium. */
struct lazy {
	uint64_t seq;              /* where its message starts */
	uint64_t id;               /* of the message */
	uint16_t rcpt, code, dsn;  /* as in struct record_mark */
	uint8_t slot, what, state; /* the same */
};

/* Where a message starts; it is checked before it is believed. */
struct hint {
	uint64_t id, seq; /* the message, and the frame where it starts */
	uint8_t slot;     /* and its number there */
};

/* An item's message while its commit is made. */
struct target {
	uint64_t seq;    /* frame; of an add: once it is written */
	uint64_t stream; /* of a big message, else 0 */
	uint32_t weight; /* of the message */
	uint8_t slot;    /* start */
	uint16_t add;    /* number of the item that adds it, and one; else 0 */
	bool is_end;     /* the message is dead with this item */
};

/* The big message under way. */
struct stream {
	uint64_t id;       /* 0: none */
	uint32_t size;     /* bytes so far */
	uint32_t frames;   /* written */
	uint32_t reserved; /* frames kept free for the rest */
	uint32_t crc;      /* of the bytes so far */
	uint16_t used;     /* bytes of content that wait in data[] */
	bool is_broken;    /* the medium failed: never to be added */
};

/* See spool.h.  Sequences: tail <= what may be live < next. */
struct spool {
	const struct medium *m;     /* the ring */
	const struct medium *marks; /* tmpfs, or NULL */
	const struct world *w;      /* time and chance */
	uint32_t ring;              /* frames */
	uint64_t tail;              /* as of the last synced commit */
	uint64_t next;              /* sequence of the next frame */
	uint64_t last;              /* last frame of the last commit */
	uint64_t last_id;           /* its id: binds the marks medium */
	bool has_torn_big;          /* it named data that is not there */
	uint16_t scrubs;            /* since then, modulo the mask */
	uint64_t weight;            /* of live messages */
	uint32_t largest;           /* at least that of each of them */
	uint32_t root;              /* of the ring's frames, rounded down */
	uint32_t data;              /* live data frames, the stream's too */
	uint32_t count;             /* live messages */
	struct stream stream;       /* the big message under way */

	uint32_t age_s;           /* queued-time counter at boot_ms */
	int64_t boot_ms;          /* when the spool was opened */
	int64_t frame_ms;         /* when the last commit was made */
	int64_t wall_s;           /* sane wall time; 0 none */
	int64_t wall_ms;          /* boot time of it when it runs */
	bool is_wall_running;     /* it was set since the spool was opened */
	struct spool_stats stats; /* since it was opened */

	uint32_t nlazy;  /* of lazy[] */
	uint32_t nkept;  /* entries used on the marks medium */
	uint32_t nburnt; /* one of them and one: what is burnt; 0 none */
	int64_t lazy_ms; /* when the oldest one came */
	bool is_open;    /* no commit counts behind one that failed */
	int64_t open_ms; /* since when */

	const struct spool_item *items; /* of the commit being made */
	size_t nitems;                  /* of them */

	struct hint hint[RING_HINTS]; /* where messages were found lately */
	uint8_t next_hint;            /* the one to be replaced */
	uint64_t near;                /* data frame read last */
	uint64_t read_seq;            /* frame in read[]; 0 none */
	struct frame_head head;       /* of read[] */

	/* Large; what an idle spool has touched comes first. */
	uint8_t read[FRAME_SIZE];         /* frame looked at */
	uint32_t index[SPOOL_MAX_FRAMES]; /* touched as far as used */
	uint8_t write[FRAME_SIZE];        /* frame being built */
	uint8_t part[FRAME_DATA_MAX];     /* the stream's last, partial frame */
	struct target target[SPOOL_MAX_ITEMS]; /* one for each item */
	uint8_t states[SPOOL_MAX_RCPT];       /* of one message, while copied */
	uint16_t newest[SPOOL_MAX_RCPT];      /* mark that gave the state */
	struct lazy lazy[2 * SPOOL_MAX_LAZY]; /* oldest first */
};

/* A message as it lies in the ring. */
struct place {
	uint64_t seq;          /* frame where it starts */
	uint64_t commit;       /* id of its commit */
	uint16_t off;          /* in the body */
	uint8_t slot;          /* start number */
	struct record_msg rec; /* its head */
};

/* A walk over the marks of one message, oldest first. */
struct mark_walk {
	uint64_t seq;  /* frame to look at */
	uint16_t off;  /* in its body; 0: its first record */
	uint32_t lazy; /* next lazy mark */
	size_t item;   /* next item of the commit */
	int err;       /* a frame could not be read: marks may be missing */
};

/* The index word of a frame. */
static inline uint32_t *ring_word(struct spool *s, uint64_t seq)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): never NULL */
	return &s->index[seq % s->ring];
}

/* Starts of a COMMIT frame that are live, as bits. */
static inline uint32_t ring_live(struct spool *s, uint64_t seq)
{
	uint32_t w = *ring_word(s, seq);

	return (w & WORD_KIND) == WORD_COMMIT ? w >> WORD_LIVE & 0xff : 0;
}

/* Is the message that starts there live? */
bool ring_is_live(struct spool *s, uint64_t seq, uint8_t slot);

/* Make it live, or not. */
void ring_set_live(struct spool *s, uint64_t seq, uint8_t slot, bool live);

/*
 * Have a frame in s->read and its head in s->head.
 * Returns: 0;  -EBADMSG it is not there;  -errno
 */
must_check int ring_load(struct spool *s, uint64_t seq);

/*
 * Seal s->write with head h and write it; what was read from there before is
 * forgotten.  0 or -errno.
 */
must_check int ring_write(struct spool *s, const struct frame_head *h);

/* Sync the medium.  0 or -errno. */
must_check int ring_sync(struct spool *s);

/* The queued-time counter now, in seconds. */
uint32_t ring_age(const struct spool *s);

/*
 * Frames that stay free for reclaiming, when the largest live message weighs
 * so much; live frames that there may be then; live frames now.
 */
uint32_t ring_slack(const struct spool *s, uint32_t largest);
uint32_t ring_capacity(const struct spool *s, uint32_t largest);
uint64_t ring_frames(uint64_t weight, uint64_t data);
uint64_t ring_used(const struct spool *s);

/* Frames that may be written before the tail has to move. */
uint64_t ring_free(const struct spool *s);

/*
 * Frames that may be written now: the same, but while nothing has counted yet
 * the first half of the medium stays blank (SPOOL.md 1.1).
 */
uint64_t ring_room(const struct spool *s);

/*
 * The message that starts there, live or not.
 * Returns: 0 and *pl;  -EBADMSG the frame or record is not there;  -errno
 */
must_check int ring_place(struct spool *s, uint64_t seq, uint8_t slot,
			  struct place *pl);

/* The live message with this identifier.  0, -ENOENT, or -errno. */
must_check int ring_find(struct spool *s, uint64_t id, struct place *pl);

/* Remember where a message starts. */
void ring_hint(struct spool *s, uint64_t id, uint64_t seq, uint8_t slot);

/*
 * Read n bytes at offset off of a record, which may run on through frames.
 * Returns: 0;  -EBADMSG a frame is not there or not of that commit;  -errno
 */
must_check int ring_read(struct spool *s, const struct place *pl, uint64_t off,
			 void *p, uint32_t n);

/* Is each frame of the record, or of its data, in the index? */
bool ring_is_whole(struct spool *s, const struct place *pl);

/* Is each frame of the record in the index? */
bool ring_has_frames(struct spool *s, const struct place *pl);

/* Start a walk over the marks of a message. */
struct mark_walk ring_marks(struct spool *s, const struct place *pl);

/*
 * Its next mark: from the ring, then lazy ones, then those of the commit
 * being made.  A frame that cannot be read is passed over, and w->err set.
 * Returns: true and *m, its text valid until the next frame is read
 */
bool ring_next_mark(struct spool *s, const struct place *pl,
		    struct mark_walk *w, struct record_mark *m);

/*
 * Resolve flags and, unless states is NULL, recipients' states.
 * Returns: 0;  -EBADMSG or -errno some of it could not be read
 */
must_check int ring_resolve(struct spool *s, const struct place *pl,
			    uint16_t *flags, uint8_t *states);

/* Are all recipients sent or dropped? */
bool ring_is_done(const uint8_t *states, size_t n);

/* Forget a message that is dead: sums, and data frames (stream 0: none). */
void ring_forget(struct spool *s, uint32_t weight, uint64_t stream);

/* Sum up count and weight of the live messages again, and data frames. */
void ring_recount(struct spool *s);

/* Write a commit of no items, or of lazy marks only.  0 or -errno. */
must_check int ring_commit_marks(struct spool *s);

/* Are the last recipients gone, with this mark?  Reads all states. */
bool ring_is_last(struct spool *s, const struct place *pl,
		  const struct spool_mark *mark);

/* The stream's data: write what waits, end it (its frames are dead). */
must_check int big_flush(struct spool *s);
void big_end(struct spool *s);

/* Data frame number n of a stream: load it.  near: a guess, updated. */
must_check int big_load(struct spool *s, uint64_t stream, uint32_t n,
			uint64_t *near);

/*
 * Give the places of burnt frames back: SPOOL.md 2.5.
 * Returns: 0 some room was won;  -ENOSPC there are none;  -errno
 */
must_check int ring_scrub(struct spool *s);

/*
 * A commit that only copies and moves the tail.
 * Returns: 0;  1 there is no room for it;  -errno
 */
must_check int ring_clean(struct spool *s);

/* The square root of a ring's frames, rounded down. */
uint32_t ring_root(uint32_t n);

/* Make room for n frames more by moving the tail.  0 or -ENOSPC, -errno. */
must_check int ring_make_room(struct spool *s, uint32_t n);

/* Take lazy marks from the marks medium, if they are of this state. */
void lazy_load(struct spool *s);

/* Put a lazy mark on the list.  0, or -ENOBUFS. */
must_check int lazy_add(struct spool *s, const struct lazy *l);

/*
 * Note on the marks medium that all between the last commit and the next
 * sequence is burnt; when that fails there is nothing more to be done.
 */
void lazy_burn(struct spool *s);

/* Does the marks medium, bound to commit id, say that frame h is burnt? */
bool lazy_is_burnt(struct spool *s, uint64_t id, const struct frame_head *h);

/* The list has been written: forget it. */
void lazy_clear(struct spool *s);

/* The mark that a lazy one stands for. */
struct record_mark lazy_mark(const struct lazy *l);

#endif
