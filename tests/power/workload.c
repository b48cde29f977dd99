/* SPDX-License-Identifier: ISC */
/* power/workload.c - see workload.h. */
#include "workload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Messages and marks of one commit. */
#define MAX_ITEMS 6

static uint64_t chance(struct workload *w, uint64_t n)
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
		out[i] = (uint8_t)chance(w, 256);
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

static void set_error(struct workload *w, const char *what, int err)
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
	return (struct emu_state){ model_digest(m), copy };
}

static void allow(struct emu_allowed *a, struct emu_state st)
{
	for (int i = 0; i < a->n; i++)
		if (a->state[i].digest == st.digest)
			return;
	if (a->n == EMU_MAX_ALLOWED)
		abort();
	a->state[a->n++] = st;
}

static void allow_all(struct emu_allowed *a, const struct emu_allowed *more)
{
	for (int i = 0; i < more->n; i++)
		allow(a, more->state[i]);
}

/* Does a killed process leave word of its commits that failed? */
static bool says_burnt(const struct workload *w)
{
	return w->has_marks && w->counted;
}

/* What may be found now that no call is under way. */
static void settle(struct workload *w)
{
	struct flashemu *e = &w->emu;
	struct emu_state soft = snap(w, &w->soft);
	struct emu_state hard = snap(w, &w->hard);

	e->cut.n = e->kill.n = 0;
	allow(&e->cut, hard);
	allow(&e->kill, w->has_marks ? soft : hard);
	allow_all(&e->cut, &w->ghosts);
	if (!says_burnt(w))
		allow_all(&e->kill, &w->ghosts);
	emu_point(e);
}

/* What may be found while a call that commits makes *after of soft. */
static void expect(struct workload *w, const struct model *after)
{
	struct flashemu *e = &w->emu;
	struct emu_state st = snap(w, after);

	allow(&e->cut, snap(w, &w->soft));
	allow(&e->kill, snap(w, &w->soft));
	allow(&e->cut, st);
	allow(&e->kill, st);
}

/* The call is over; there were so many commits before it. */
static void finish(struct workload *w, const struct model *after, int err,
		   uint32_t commits)
{
	bool took = spool_stats(w->spool).commits != commits;

	w->calls++;
	if (took) {
		if (!w->counted)
			w->first_counted = w->emu.nops;
		w->counted = true;
		/* With an error it was one that only made room. */
		w->hard = err ? w->soft : *after;
		w->ghosts.n = 0;
	}
	if (err == 0) {
		w->soft = *after;
	} else {
		/* It may be whole on the medium although it failed. */
		w->ghosts.n = w->ghosts.n > 18 ? 18 : w->ghosts.n;
		allow(&w->ghosts, snap(w, &w->soft));
		allow(&w->ghosts, snap(w, after));
	}
	settle(w);
}

static void check_soft(struct workload *w)
{
	uint64_t digest;
	int err = model_digest_spool(w->spool, &digest);

	if (err || digest != model_digest(&w->soft)) {
		int lost = 0, extra = 0;
		model_compare(&w->soft, w->spool, &lost, &extra);
		set_error(w, "the spool answers something else", err);
	}
}

/* Commit, and see what came of it. */
static int commit(struct workload *w, const struct spool_item *items, size_t n,
		  const struct model *after)
{
	uint32_t commits = spool_stats(w->spool).commits;

	expect(w, after);
	int err = spool_commit(w->spool, items, n);
	finish(w, after, err, commits);
	return err;
}

static void fill_message(struct workload *w, struct model_msg *g, bool big)
{
	*g = (struct model_msg){ .id = chance(w, UINT64_MAX) | 1 };
	g->env_len = (uint16_t)chance(w, 200);
	if (chance(w, 20) == 0)
		g->env_len = (uint16_t)chance(w, 8000);
	g->nrcpt = (uint16_t)(1 + chance(w, MODEL_MAX_RCPT));
	g->size = (uint32_t)chance(w, chance(w, 3) ? 900 : 9000);
	if (big)
		g->size = (uint32_t)(4000 + chance(w, 12000));
	g->is_big = big;
	g->flags = chance(w, 4) ? 0 : SPOOL_HELD;
	model_finish(g);
}

static struct spool_add make_add(struct model_msg *g)
{
	return (struct spool_add){ .id = g->id,
				   .flags = g->flags,
				   .env_len = g->env_len,
				   .nrcpt = g->nrcpt,
				   .size = g->size,
				   .source = { g, model_read },
				   .big = g->is_big };
}

static struct model_msg *any_message(struct workload *w, struct model *m)
{
	int first = (int)chance(w, MODEL_MAX);

	for (int i = 0; i < MODEL_MAX; i++) {
		struct model_msg *g = &m->msg[(first + i) % MODEL_MAX];
		if (g->id != 0)
			return g;
	}
	return NULL;
}

/* A mark of a message that is there; false: there is none. */
static bool make_mark(struct workload *w, struct model *m, bool lazy,
		      struct spool_mark *k)
{
	struct model_msg *g = any_message(w, m);

	if (!g)
		return false;
	*k = (struct spool_mark){ .id = g->id };
	k->rcpt = (uint16_t)chance(w, g->nrcpt);
	uint64_t what = chance(w, 10);
	if (lazy && what < 3) {
		k->kind = SPOOL_MARK_GONE;
	} else if (lazy) {
		k->state = what < 8 ? SPOOL_SENT : SPOOL_UNCERTAIN;
	} else if (what < 3) {
		k->kind = SPOOL_MARK_GONE;
	} else if (what < 6) {
		k->kind = SPOOL_MARK_FLAGS;
		k->flags = g->flags ^ SPOOL_HELD;
	} else {
		k->state = what < 9 ? SPOOL_REFUSED : SPOOL_SENT;
		k->code = (uint16_t)(500 + chance(w, 60));
		k->text = model_text(k->code,
				     (uint8_t)chance(w, SPOOL_MAX_TEXT + 1));
	}
	return true;
}

/* A mark of a message that is added in the same commit. */
static void mark_new(struct workload *w, const struct model_msg *g,
		     struct spool_mark *k)
{
	*k = (struct spool_mark){ .id = g->id, .state = SPOOL_REFUSED };
	k->rcpt = (uint16_t)chance(w, g->nrcpt);
	k->code = (uint16_t)(500 + chance(w, 60));
	k->text = model_text(k->code, (uint8_t)chance(w, SPOOL_MAX_TEXT + 1));
	if (chance(w, 4) > 0)
		return;
	k->kind = SPOOL_MARK_FLAGS;
	k->flags = g->flags ^ SPOOL_HELD;
}

/* Messages and marks in one commit. */
static void step_commit(struct workload *w)
{
	struct spool_item items[MAX_ITEMS] = { { NULL, NULL } };
	struct spool_add adds[MAX_ITEMS];
	struct spool_mark marks[MAX_ITEMS];
	struct model after = w->soft;
	size_t n = 1 + chance(w, chance(w, 3) ? 2 : MAX_ITEMS);
	bool has_add = false;

	for (size_t i = 0; i < n; i++) {
		struct model_msg *g = model_find(&after, 0);
		struct model was = w->soft;
		if (chance(w, 3) && g) {
			fill_message(w, g, false);
			adds[i] = make_add(g);
			items[i].add = &adds[i];
			has_add = true;
			if (i + 1 == n || chance(w, 3) > 0)
				continue;
			i++;
			mark_new(w, g, &marks[i]);
			items[i].mark = &marks[i];
			model_mark(&after, &marks[i]);
		} else if (make_mark(w, &was, false, &marks[i]) &&
			   model_find(&after, marks[i].id)) {
			items[i].mark = &marks[i];
			model_mark(&after, &marks[i]);
		} else {
			n = i;
		}
	}
	if (n == 0)
		return;
	int err = commit(w, items, n, &after);
	w->full += err == -ENOSPC;
	if (err && (!has_add || err != -ENOSPC) && !w->faults)
		set_error(w, "a commit failed", err);
}

static void step_lazy(struct workload *w)
{
	struct spool_mark k;
	struct model after = w->soft;

	if (!make_mark(w, &w->soft, true, &k))
		return;
	model_mark(&after, &k);
	uint32_t commits = spool_stats(w->spool).commits;
	expect(w, &after);
	int err = spool_mark_lazy(w->spool, &k);
	if (err && err != -ENOBUFS) {
		/* It counts in RAM all the same. */
		if (!w->faults)
			set_error(w, "a lazy mark failed", err);
		struct model was = w->soft;
		w->soft = after;
		finish(w, &was, err, commits);
		return;
	}
	finish(w, &after, err, commits);
}

static void step_sync(struct workload *w)
{
	struct model after = w->soft;
	uint32_t commits = spool_stats(w->spool).commits;
	int64_t next;

	expect(w, &after);
	int err;
	if (chance(w, 2)) {
		err = spool_sync_marks(w->spool);
	} else {
		w->now_ms += (int64_t)chance(w, 2 * SPOOL_AGE_MS);
		err = spool_tick(w->spool, &next);
		if (err == 0 && next <= w->now_ms)
			set_error(w, "tick is due at once again", 0);
	}
	finish(w, &after, err, commits);
	if (err && !w->faults)
		set_error(w, "marks could not be synced", err);
}

static void step_big_begin(struct workload *w)
{
	struct model_msg g;

	fill_message(w, &g, true);
	uint32_t commits = spool_stats(w->spool).commits;
	struct model after = w->soft;
	expect(w, &after);
	int err = spool_big_begin(w->spool, chance(w, 2) ? g.size : 0);
	finish(w, &after, err, commits);
	w->big_open = err == 0;
	w->big_done = 0;
	w->big = g;
	w->full += err == -ENOSPC;
	if (err && err != -ENOSPC && !w->faults)
		set_error(w, "a big message could not begin", err);
}

static void step_big_commit(struct workload *w)
{
	struct model after = w->soft;
	struct model_msg *g = model_find(&after, 0);
	if (!g) {
		spool_big_abort(w->spool);
		w->big_open = false;
		return;
	}
	*g = w->big;
	struct spool_add add = make_add(g);
	struct spool_item item = { .add = &add };
	int err = commit(w, &item, 1, &after);
	if (err)
		spool_big_abort(w->spool);
	w->big_open = false;
	w->full += err == -ENOSPC;
	if (err && err != -ENOSPC && !w->faults)
		set_error(w, "a big message could not be added", err);
}

/* A piece of it, or its end. */
static void step_big(struct workload *w)
{
	uint8_t part[5000];
	uint32_t n = (uint32_t)chance(w, sizeof(part));

	if (chance(w, 12) == 0) {
		spool_big_abort(w->spool);
		w->big_open = false;
		return;
	}
	if (w->big_done == w->big.size) {
		step_big_commit(w);
		return;
	}
	if (n > w->big.size - w->big_done)
		n = w->big.size - w->big_done;
	(void)model_read(&w->big, w->big.env_len + w->big_done, part, n);
	struct model after = w->soft;
	uint32_t commits = spool_stats(w->spool).commits;
	expect(w, &after);
	int err = spool_big_write(w->spool, part, n);
	finish(w, &after, err, commits);
	w->big_done += n;
	if (err == 0)
		return;
	spool_big_abort(w->spool);
	w->big_open = false;
	w->full += err == -ENOSPC;
	if (err != -ENOSPC && !w->faults)
		set_error(w, "a big message could not be written", err);
}

/* SIGKILL at rest, and a new process. */
static void step_kill(struct workload *w)
{
	if (w->ghosts.n > 0 && !says_burnt(w))
		return; /* which of them is found is for the cuts to see */
	if (!w->has_marks)
		w->soft = w->hard;
	w->emu.fail_write = w->emu.fail_sync = 0;
	workload_open(w);
	settle(w);
}

void workload_open(struct workload *w)
{
	struct spool_found found;

	w->big_open = false;
	int err = spool_open(w->spool, &w->emu.medium,
			     w->has_marks ? &w->marks : NULL, &w->world,
			     &found);
	if (err) {
		set_error(w, "the spool could not be opened", err);
		return;
	}
	check_soft(w);
}

static void arm_faults(struct workload *w)
{
	struct flashemu *e = &w->emu;

	e->fail_write = e->fail_sync = 0;
	if (!w->faults || chance(w, 6))
		return;
	e->fail_errno = chance(w, 2) ? EIO : ENOSPC;
	if (chance(w, 2))
		e->fail_write = 1 + (int)chance(w, 3);
	else
		e->fail_sync = 1;
}

void workload_step(struct workload *w)
{
	uint64_t what = chance(w, 100);

	arm_faults(w);
	w->now_ms += (int64_t)chance(w, 20000);
	if (w->big_open && what < 35)
		step_big(w);
	else if (what < 55)
		step_commit(w);
	else if (what < 85)
		step_lazy(w);
	else if (what < 90)
		step_sync(w);
	else if (what < 97 && !w->big_open)
		step_big_begin(w);
	else if (what >= 97)
		step_kill(w);
	w->emu.fail_write = w->emu.fail_sync = 0;
	if (!w->error)
		check_soft(w);
}

static void init(struct workload *w, uint32_t frames, uint64_t seed)
{
	struct spool *spool = w->spool;

	workload_free(w);
	struct flashemu *e = &w->emu;
	emu_init(e, frames, seed);
	w->seed = seed;
	w->now_ms = 1000;
	w->has_marks = chance(w, 2);
	w->faults = chance(w, 3) == 0;
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
	w->calls = w->full = 0;
	w->spool = spool ? spool : calloc(1, spool_sizeof());
	if (!w->spool)
		abort();
}

void workload_init(struct workload *w, uint32_t frames, uint64_t seed)
{
	init(w, frames, seed);
	memset(&w->soft, 0, sizeof(w->soft));
	w->hard = w->soft;
	workload_open(w);
	settle(w);
	w->emu.is_noting = true;
	settle(w);
}

void workload_resume(struct workload *w, const uint8_t *bytes, uint32_t frames,
		     uint64_t seed, const struct model *m,
		     const struct emu_op *op)
{
	init(w, frames, seed);
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
			allow(&w->ghosts, snap(w, op->cut.state[i].model));
	}
	w->emu.is_noting = true;
	settle(w);
	workload_open(w);
	settle(w);
}

void workload_free(struct workload *w)
{
	emu_clear(&w->emu);
	for (int i = 0; i < w->nsnaps; i++)
		free(w->snap[i]);
	w->nsnaps = 0;
}
