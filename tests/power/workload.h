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
	bool big_open;        /* a big message is under way */
	struct model_msg big; /* it */
	uint32_t big_done;    /* bytes of it written */
	bool faults;          /* let the medium fail at times */
	bool counted;         /* some commit has counted */
	int first_counted;    /* diary entries when the first one had */
	const char *error;    /* what went wrong; NULL nothing */
	int err;              /* its errno */
	long calls;           /* made */
	long full;            /* of them refused for want of room */
};

/* A new run on an empty ring. */
void workload_init(struct workload *w, uint32_t frames, uint64_t seed);

/*
 * The run goes on with this content; hard and soft are *m.  With op, an entry
 * at rest of a run with marks, so does tmpfs: hard and ghosts are op's.
 */
void workload_resume(struct workload *w, const uint8_t *bytes, uint32_t frames,
		     uint64_t seed, const struct model *m,
		     const struct emu_op *op);

/* Open the spool (again); what it holds must be soft. */
void workload_open(struct workload *w);

/* One call of the spool, by chance; sets w->error. */
void workload_step(struct workload *w);

/* Free snapshots and diary. */
void workload_free(struct workload *w);

#endif
