/* SPDX-License-Identifier: ISC */
/* power/workload.c - see workload.h. */
#include "workload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cover.h"

uint64_t workload_chance(struct workload *w, uint64_t n)
{
	return emu_random(&w->seed) % n;
}

static int64_t get_boot_ms(void *ctx)
{
	return ((struct workload *)ctx)->now_ms;
}

static int64_t get_wall_s(void *ctx)
{
	(void)ctx;
	return 0;
}

static void get_random(void *ctx, void *p, size_t n)
{
	struct workload *w = ctx;
	uint8_t *out = p;

	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)workload_chance(w, 256);
}

static int read_marks(void *ctx, uint64_t off, void *p, size_t n)
{
	memcpy(p, ((struct workload *)ctx)->marks_bytes + off, n);
	return 0;
}

static int write_marks(void *ctx, uint64_t off, const void *p, size_t n)
{
	memcpy(((struct workload *)ctx)->marks_bytes + off, p, n);
	return 0;
}

static const struct medium_ops marks_ops = { read_marks, write_marks, NULL };

void workload_fail(struct workload *w, const char *what, int err)
{
	if (w->error)
		return;
	w->error = what;
	w->err = err;
}

/* A copy of the model that stays. */
static struct emu_state snap(struct workload *w, const struct model *m)
{
	if (w->nsnaps == WORKLOAD_MAX_SNAPS)
		abort();
	struct model *copy = malloc(sizeof(*copy));
	if (!copy)
		abort();
	*copy = *m;
	w->snap[w->nsnaps++] = copy;
	return (struct emu_state){ model_digest(m), copy, 0 };
}

static void allow(struct emu_allowed *a, struct emu_state st)
{
	for (int i = 0; i < a->n; i++) {
		if (a->state[i].digest != st.digest)
			continue;
		if (st.time == 0)
			a->state[i].time = 0;
		return;
	}
	if (a->n == EMU_MAX_ALLOWED)
		abort();
	a->state[a->n++] = st;
}

/* What a commit that failed would make; the newest one of the same counts. */
static void allow_ghost(struct workload *w, const struct model *m,
			uint64_t time)
{
	struct emu_state st = snap(w, m);

	st.time = time;
	for (int i = 0; i < w->ghosts.n; i++) {
		if (w->ghosts.state[i].digest == st.digest) {
			w->ghosts.state[i].time = time;
			return;
		}
	}
	allow(&w->ghosts, st);
}

static void allow_all(struct emu_allowed *a, const struct emu_allowed *more)
{
	for (int i = 0; i < more->n; i++)
		allow(a, more->state[i]);
}

bool workload_says_burnt(const struct workload *w)
{
	return w->has_marks && w->counted;
}

void workload_settle(struct workload *w)
{
	struct flashemu *e = &w->emu;
	struct emu_state soft = snap(w, &w->soft);
	struct emu_state hard = snap(w, &w->hard);

	e->cut.n = e->kill.n = 0;
	allow(&e->cut, hard);
	allow(&e->kill, w->has_marks ? soft : hard);
	allow_all(&e->cut, &w->ghosts);
	if (!workload_says_burnt(w))
		allow_all(&e->kill, &w->ghosts);
	emu_point(e);
}

void workload_expect(struct workload *w, const struct model *after)
{
	struct flashemu *e = &w->emu;
	struct emu_state st = snap(w, after);

	allow(&e->cut, snap(w, &w->soft));
	allow(&e->kill, snap(w, &w->soft));
	allow(&e->cut, st);
	allow(&e->kill, st);
}

/* Messages that have moved since the last look. */
static void see_moves(struct workload *w)
{
	struct spool_cursor c = { 0, 0 };
	struct spool_msg msg;

	while (spool_next(w->spool, &c, &msg) > 0) {
		struct model_msg *g = model_find(&w->soft, msg.id);
		if (!g || g->place == msg.where[0])
			continue;
		g->moves += g->place != 0;
		g->place = msg.where[0];
		if (g->moves >= 2)
			cover(g->is_big ? COVER_STUCK_BIG : COVER_STUCK);
	}
}

static void check_soft(struct workload *w)
{
	uint64_t digest;
	int err = model_digest_spool(w->spool, &digest);

	if (err || digest != model_digest(&w->soft)) {
		int lost = 0, extra = 0;
		model_compare(&w->soft, w->spool, &lost, &extra);
		workload_fail(w, "the spool answers something else", err);
	}
	see_moves(w);
}

static void see_commits(const struct spool_stats *is,
			const struct spool_stats *was, int err)
{
	uint32_t commits = is->commits - was->commits;

	for (uint32_t i = was->copied; i < is->copied; i++)
		cover(COVER_COPY);
	for (uint32_t i = err == 0; i < commits; i++)
		cover(COVER_CLEAN);
	if (err && err != -ENOSPC && err != -ENOBUFS)
		cover(COVER_BURNT);
}

bool workload_finish(struct workload *w, const struct model *after, int err,
		     const struct spool_stats *was)
{
	struct spool_stats is = spool_stats(w->spool);
	bool took = is.commits != was->commits;

	see_commits(&is, was, err);
	if (took) {
		if (!w->counted)
			w->first_counted = w->emu.nops;
		w->counted = true;
		/* With an error it was one that only made room. */
		w->hard = err ? w->soft : *after;
		w->ghosts.n = 0;
		w->lazy_ms = w->now_ms;
	}
	if (err == 0) {
		w->soft = *after;
	} else {
		/* It may be whole on the medium although it failed. */
		allow_ghost(w, &w->soft, w->emu.time);
		allow_ghost(w, after, w->emu.time);
	}
	workload_settle(w);
	check_soft(w);
	return took;
}

void workload_open(struct workload *w)
{
	struct spool_found found;

	w->big_open = false;
	int err = spool_open(w->spool, &w->emu.medium,
			     w->has_marks ? &w->marks : NULL, &w->world,
			     &found);
	if (err) {
		workload_fail(w, "the spool could not be opened", err);
		return;
	}
	w->lazy_ms = w->now_ms;
	check_soft(w);
}

static void init(struct workload *w, uint32_t frames, uint64_t seed, bool marks)
{
	struct spool *spool = w->spool;

	workload_free(w);
	struct flashemu *e = &w->emu;
	emu_init(e, frames, seed);
	w->seed = seed;
	w->now_ms = 1000;
	w->has_marks = marks;
	w->faults = false;
	w->marks = (struct medium){ .ops = &marks_ops,
				    .ctx = w,
				    .size = EMU_MARKS };
	w->world =
		(struct world){ w, get_boot_ms, get_wall_s, NULL, get_random };
	memset(w->marks_bytes, 0, sizeof(w->marks_bytes));
	e->marks = w->has_marks ? w->marks_bytes : NULL;
	w->ghosts.n = 0;
	w->counted = false;
	w->first_counted = EMU_MAX_OPS;
	w->big_open = false;
	w->error = NULL;
	w->was_full = false;
	w->spool = spool ? spool : calloc(1, spool_sizeof());
	if (!w->spool)
		abort();
}

void workload_init(struct workload *w, uint32_t frames, uint64_t seed,
		   bool marks)
{
	init(w, frames, seed, marks);
	memset(&w->soft, 0, sizeof(w->soft));
	w->hard = w->soft;
	workload_open(w);
	emu_start(&w->emu);
	workload_settle(w);
}

void workload_resume(struct workload *w, const uint8_t *bytes, uint32_t frames,
		     uint64_t seed, const struct model *m,
		     const struct emu_op *op)
{
	init(w, frames, seed, seed & 1);
	w->faults = workload_chance(w, 3) == 0;
	memcpy(w->emu.view, bytes, (size_t)frames * SPOOL_FRAME);
	w->soft = *m;
	w->hard = *m;
	if (op) {
		w->has_marks = true;
		w->counted = true;
		memcpy(w->marks_bytes, op->marks, EMU_MARKS);
		w->emu.marks = w->marks_bytes;
		w->hard = *(const struct model *)op->cut.state[0].model;
		for (int i = 1; i < op->cut.n; i++)
			allow_ghost(w, op->cut.state[i].model,
				    op->cut.state[i].time);
	}
	emu_start(&w->emu);
	workload_settle(w);
	workload_open(w);
	workload_settle(w);
}

void workload_free(struct workload *w)
{
	emu_clear(&w->emu);
	for (int i = 0; i < w->nsnaps; i++)
		free(w->snap[i]);
	w->nsnaps = 0;
}
