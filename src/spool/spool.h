/* SPDX-License-Identifier: ISC */
/*
 * spool/spool.h - messages that survive a power cut, for the fewest writes.
 *
 * A circular log of 4 KiB frames on a medium; SPOOL.md has every bit and why.
 * One owner, one thread, no allocation: RAM is one word a frame, the lazy
 * marks and three frame buffers, whatever is queued.
 *
 * The spool knows identifiers, sizes, recipient numbers and states.  What an
 * envelope or a message means it does not know: both are bytes.
 *
 * Every function that returns int gives 0 (or a count) or a negative errno:
 * -ENOSPC no room now, -EIO/-errno the medium failed, -EBADMSG what is stored
 * is damaged, -ENOENT no such message.
 */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

#include "base/buf.h"
#include "base/world.h"
#include "spool/medium.h"

/* Bytes of a frame: the unit of every write. */
#define SPOOL_FRAME 4096

/* Frames of the largest and the smallest ring. */
#define SPOOL_MAX_FRAMES (CONFIG_SPOOL_MAX_KB / 4)
#define SPOOL_MIN_FRAMES 8

/* Lazy marks kept before they are written on their own. */
#define SPOOL_MAX_LAZY 64

/* Age of the oldest lazy mark that forces a write, milliseconds. */
#define SPOOL_LAZY_MS (10 * 60 * 1000)

/* Queued time that passes at most between two frames, milliseconds. */
#define SPOOL_AGE_MS (24 * 60 * 60 * 1000)

/* Bytes of a refusal's text that are stored. */
#define SPOOL_MAX_TEXT 120

/* Recipients of a message that the format can hold. */
#define SPOOL_MAX_RCPT 1024

/* Items of one commit. */
#define SPOOL_MAX_ITEMS (CONFIG_RCPT_MAX + 32)

/* What has become of one recipient. */
enum spool_rcpt_state {
	SPOOL_WAITING,   /* to be delivered */
	SPOOL_SENT,      /* the next hop has it */
	SPOOL_REFUSED,   /* refused for good: to be returned */
	SPOOL_UNCERTAIN, /* waiting; may have arrived already */
	SPOOL_DROPPED,   /* given up without notice */
	SPOOL_RELAYED    /* as sent; a notice of that is owed */
};

/* Message flags as stored. */
enum {
	SPOOL_HELD = 1,      /* not touched until released */
	SPOOL_RETURNING = 2, /* a notice of some is, or was, owed */
	SPOOL_8BIT = 4,      /* the content has 8-bit bytes */
	SPOOL_WALL_SANE = 8, /* wall_s was a sane time */
	SPOOL_USER = 16      /* the owner's own flag bits: 16, 32, 64 */
};

/* Where bytes come from while a commit is written. */
struct spool_source {
	void *ctx; /* given back to read() */
	/* n bytes from offset off; 0 or -errno.  Called in ascending order. */
	int (*read)(void *ctx, uint32_t off, void *p, uint32_t n);
};

/* A message to be stored: envelope first, then content, from one source. */
struct spool_add {
	uint64_t id;           /* base/id.h */
	uint32_t flags;        /* SPOOL_ bits */
	int64_t wall_s;        /* when it came, wall clock */
	int64_t age_s;         /* seconds it has waited already (normally 0) */
	uint16_t env_len;      /* bytes of envelope */
	uint16_t nrcpt;        /* recipients, <= SPOOL_MAX_RCPT */
	const uint8_t *states; /* nrcpt states; NULL: all waiting */
	uint32_t size;         /* bytes of content */
	struct spool_source source; /* env_len + size bytes; big: env_len */
	bool big; /* the content was written with spool_big_write() */
};

/* What a mark says. */
enum spool_mark_kind {
	SPOOL_MARK_RCPT,  /* recipient rcpt is now in state state */
	SPOOL_MARK_FLAGS, /* the message's flags are now flags */
	SPOOL_MARK_GONE   /* the message is forgotten (done, removed) */
};

/* A change of a stored message. */
struct spool_mark {
	/* Which message, and what is new about it. */
	uint64_t id;
	enum spool_mark_kind kind;
	uint16_t rcpt;      /* of SPOOL_MARK_RCPT, from 0 */
	uint8_t state;      /* of SPOOL_MARK_RCPT */
	uint32_t flags;     /* of SPOOL_MARK_FLAGS */
	uint16_t code, dsn; /* why, for REFUSED; else 0 */
	struct slice text; /* why, in the peer's words; cut to SPOOL_MAX_TEXT */
};

/* One thing of a commit: exactly one pointer is set. */
struct spool_item {
	/* The other one is NULL. */
	const struct spool_add *add;
	const struct spool_mark *mark;
};

/* A stored message as spool_next() and spool_find() show it. */
struct spool_msg {
	/* As it was added, and as marks have changed it since. */
	uint64_t id;
	uint32_t frame; /* where it starts: ring position ... */
	uint8_t slot;   /* ... and number in that frame */
	uint32_t flags;
	uint32_t size; /* bytes of content */
	uint16_t env_len;
	uint16_t nrcpt;
	int64_t wall_s;
	int64_t age_s;     /* queued seconds up to now */
	uint64_t where[4]; /* the spool's own: how to read it */
};

/* A walk over the live messages, oldest first. */
struct spool_cursor {
	/* The next message starts there or behind. */
	uint64_t seq; /* 0: from the beginning */
	uint8_t slot;
};

/* What recovery found; counted once, logged by the owner. */
struct spool_found {
	uint32_t messages; /* live */
	uint32_t torn;     /* frames of commits that never counted */
	uint32_t damaged;  /* bad frames of commits that did count */
	uint32_t lost;     /* listed messages that are damaged */
	uint32_t foreign;  /* good frames of another ring or version */
	uint32_t frames;   /* of the ring, as its frames say */
	bool fresh;        /* the medium held nothing: it is new */
};

/* Counters since start. */
struct spool_stats {
	uint64_t bytes_written; /* given to the medium, failed or not */
	uint32_t writes;        /* frames */
	uint32_t copied;        /* frames of these that only moved mail */
	uint32_t commits;       /* that count */
	uint32_t syncs;         /* of the medium */
	uint32_t lost;          /* messages dropped: unreadable at the tail */
	uint32_t faults;        /* calls of the medium that failed */
	int error;              /* errno of the last one */
};

/* The spool: static storage of the owner; fields are its own. */
struct spool;

/* Bytes of a struct spool, for the static state. */
size_t spool_sizeof(void);

/* The one spool of the process (a static object inside spool/). */
struct spool *spool_static(void);

/*
 * Take a medium into use: one sequential scan, any bytes whatever.
 * marks: a small second medium on tmpfs for the lazy marks, or NULL.
 * m, marks and w must live as long as the spool.
 * Nothing is written; the medium is synced once.
 * Returns: 0, *found filled;  -EINVAL the medium is too small, or smaller than
 *          the ring on it (found->frames), or that is too large for this build;
 *          -EPROTO a newer format version;  -EMEDIUMTYPE it holds no spool and
 *          is not empty;  -errno.  Nothing was changed then.
 */
must_check int spool_open(struct spool *s, const struct medium *m,
			  const struct medium *marks, const struct world *w,
			  struct spool_found *found);

/*
 * Store all items with one sync, or none.  After 0 they survive a power cut.
 * After an error nothing of it counts, and room and state are as before.
 * Lazy marks waiting ride along.  A message whose last recipient is sent or
 * dropped by a mark is gone with it.  A mark may follow the add of its message
 * (why a recipient was refused), but what ends a recipient or the message is
 * said in the add itself, or not added.
 * Returns: 0;  -ENOSPC;  -ENOENT a mark for an unknown message;
 *          -EINVAL no such recipient, a big message that is not complete, or
 *          a mark that is not for a message just added;
 *          -EMSGSIZE more than SPOOL_MAX_ITEMS or SPOOL_MAX_RCPT;
 *          -errno of the medium or of a source
 */
must_check int spool_commit(struct spool *s, const struct spool_item *items,
			    size_t n);

/*
 * Note a change that may be lost by a power cut (recipient sent, message
 * done).  It counts at once for everything the spool answers, is kept in the
 * marks medium, and reaches flash with the next commit, after SPOOL_MAX_LAZY
 * of them or SPOOL_LAZY_MS.  Flags, and a refusal, are committed at once.
 * Returns: 0;  -ENOENT;  -EINVAL no such recipient;  -errno when it had to
 *          write and could not: the mark counts in RAM all the same, until
 *          2 * SPOOL_MAX_LAZY wait (then -ENOBUFS: it does not count)
 */
must_check int spool_mark_lazy(struct spool *s, const struct spool_mark *mark);

/*
 * Another size: gather what waits until it fits a ring of so many frames, by
 * commits that only move it; then copy all that counts to a blank medium of
 * that size, which is the spool once this one is closed.  No big message may
 * be under way.
 * Returns: 0, what was copied is synced;  -EBUSY it does not fit;  -errno
 */
must_check int spool_gather(struct spool *s, uint32_t frames);
must_check int spool_copy(struct spool *s, const struct medium *to);

/* Write waiting lazy marks now (clean stop).  0 also when there are none. */
must_check int spool_sync_marks(struct spool *s);

/*
 * Do what is due by time: old lazy marks, the daily age frame.
 * Returns: 0 or -errno;  *next_ms: CLOCK_BOOTTIME of the next need,
 *          INT64_MAX when nothing waits
 */
must_check int spool_tick(struct spool *s, int64_t *next_ms);

/*
 * A message larger than the stage: its content is written as it arrives, one
 * such message at a time, and means nothing until a commit adds it (big set).
 * begin reserves room for size bytes (0: unknown; room is then taken as it
 * comes).  write fails for good once the medium has failed: abort.  A commit
 * that adds it ends it, except with -ENOSPC, which may be tried again.
 * Returns as above; -EBUSY another one is under way;  -EINVAL none is
 */
must_check int spool_big_begin(struct spool *s, uint32_t size);
must_check int spool_big_write(struct spool *s, const void *p, size_t n);
void spool_big_abort(struct spool *s);

/* Bytes of content that a new message may have now: what SIZE is told. */
uint32_t spool_room(const struct spool *s);

/* Bytes and messages that fit an empty spool; the same bytes in use. */
uint64_t spool_capacity(const struct spool *s);
uint32_t spool_capacity_messages(const struct spool *s);
uint64_t spool_used(const struct spool *s);

/* Live messages. */
uint32_t spool_count(const struct spool *s);

/*
 * Next live message at or behind the cursor, which moves behind it; oldest
 * first, but a message that was copied forward has become the youngest.
 * Messages copied forward meanwhile may show twice in one walk.
 * Returns: 1 and *msg;  0 no more;  -EIO/-EBADMSG a damaged one was passed:
 *          msg->id (0 unknown), frame and slot say which; the walk can go on
 */
must_check int spool_next(struct spool *s, struct spool_cursor *c,
			  struct spool_msg *msg);

/*
 * The message with this identifier.
 * Returns: 0 and *msg;  -ENOENT;  -EBADMSG it is damaged, *msg set all the
 *          same;  -errno
 */
must_check int spool_find(struct spool *s, uint64_t id, struct spool_msg *msg);

/* Read the packed envelope (env_len bytes).  0;  -errno. */
must_check int spool_read_envelope(struct spool *s, const struct spool_msg *msg,
				   void *p);

/* Read n bytes of content at off.  0;  -errno. */
must_check int spool_read(struct spool *s, const struct spool_msg *msg,
			  uint32_t off, void *p, uint32_t n);

/* States of all recipients, lazy marks included.  0;  -errno. */
must_check int spool_states(struct spool *s, const struct spool_msg *msg,
			    uint8_t *states);

/*
 * Why recipient rcpt was refused, as its mark said; text is appended.
 * Returns: 0;  -ENOENT nothing is stored;  -errno
 */
must_check int spool_reason(struct spool *s, const struct spool_msg *msg,
			    uint16_t rcpt, uint16_t *code, uint16_t *dsn,
			    struct buf *text);

/* The sane wall time of the newest commit, or as set since; 0: none. */
int64_t spool_last_wall(const struct spool *s);

/* The wall clock is sane and shows now: commits carry it from here on. */
void spool_set_wall(struct spool *s, int64_t wall_s);

/* Counters. */
struct spool_stats spool_stats(const struct spool *s);

#endif
