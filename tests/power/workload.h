/* SPDX-License-Identifier: ISC */
/*
 * power/workload.h - a spool on an emulated medium, used by chance, and the
 * model of what must be in it.
 */
#ifndef POWER_WORKLOAD_H
#define POWER_WORKLOAD_H

#include "flashemu.h"
#include "model.h"

/* Snapshots of the model that a run may keep. */
#define WORKLOAD_MAX_SNAPS 4096

/* Messages and marks of one commit. */
#define BATCH_MAX 26

/* A run. */
struct workload {
	struct flashemu emu; /* the ring */
	struct medium marks; /* tmpfs */
	uint8_t marks_bytes[EMU_MARKS];
	bool has_marks;     /* it is used */
	struct world world; /* its clock and chance */
	int64_t now_ms;
	uint64_t seed;
	struct spool *spool;
	struct model hard, soft;   /* see model.h */
	struct emu_allowed ghosts; /* of failed commits */
	struct model *snap[WORKLOAD_MAX_SNAPS];
	int nsnaps;
	int64_t lazy_ms;      /* the oldest lazy mark came */
	bool big_open;        /* a big message is under way */
	struct model_msg big; /* it */
	uint32_t big_done;    /* bytes of it written */
	bool faults;          /* the medium may fail */
	bool counted;         /* some commit has counted */
	int first_counted;    /* diary entries when the first one had */
	bool was_full;        /* the last message was refused */
	const char *error;    /* what went wrong; NULL nothing */
	int err;              /* its errno */
};

/* A commit being put together. */
struct batch {
	struct spool_item items[BATCH_MAX];
	struct spool_add adds[BATCH_MAX];
	struct spool_mark marks[BATCH_MAX];
	struct model after; /* soft, when it has counted */
	size_t n;
	int nadds;
};

/* A new run on an empty ring; with a marks medium or not. */
void workload_init(struct workload *w, uint32_t frames, uint64_t seed,
		   bool marks);

/*
 * The run goes on with this content; hard and soft are *m.  With op, an entry
 * at rest of a run with marks, so does tmpfs: hard and ghosts are op's.
 */
void workload_resume(struct workload *w, const uint8_t *bytes, uint32_t frames,
		     uint64_t seed, const struct model *m,
		     const struct emu_op *op);

/* Free snapshots and diary. */
void workload_free(struct workload *w);

/* A number below n, of the run's seed. */
uint64_t workload_chance(struct workload *w, uint64_t n);

/* Say what went wrong, once. */
void workload_fail(struct workload *w, const char *what, int err);

/* For calls.c.  What may be found now that no call is under way. */
void workload_settle(struct workload *w);

/* What may be found while a call that commits makes *after of soft. */
void workload_expect(struct workload *w, const struct model *after);

/* The call is over; *was are the counters before.  True: it has committed. */
bool workload_finish(struct workload *w, const struct model *after, int err,
		     const struct spool_stats *was);

/* Open the spool (again); what it holds must be soft. */
void workload_open(struct workload *w);

/* Does a killed process leave word of its commits that failed? */
bool workload_says_burnt(const struct workload *w);

/*
 * Calls of the spool.  Each says what a cut may leave meanwhile, checks what
 * the spool answers afterwards, and sets w->error.  They return what the spool
 * did; that may be -ENOSPC for what is new, or any error with w->faults.
 */

/* A commit: begin, what is in it, make it.  Adding is false: no more room. */
void batch_begin(const struct workload *w, struct batch *b);
bool batch_add(struct batch *b, const struct model_msg *g);
void batch_mark(struct batch *b, const struct spool_mark *k);
int batch_commit(struct workload *w, struct batch *b);

/* A lazy mark; all of them to flash; time passes, and what is due then. */
int call_lazy(struct workload *w, const struct spool_mark *k);
int call_sync(struct workload *w);
int call_tick(struct workload *w, int64_t ms);

/* The big message w->big: begin, a piece of n bytes or less, add, give up. */
int call_big_begin(struct workload *w, const struct model_msg *g, bool is_told);
int call_big_write(struct workload *w, uint32_t n);
int call_big_commit(struct workload *w);
void call_big_abort(struct workload *w);

/* SIGKILL at rest, and a new process. */
void call_restart(struct workload *w);

/* chance.c: one call, whichever. */
void chance_step(struct workload *w);

#endif
