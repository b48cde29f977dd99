/* SPDX-License-Identifier: ISC */
/* power/chance.c - a workload of calls by chance; see workload.h. */
#include <errno.h>
#include <string.h>

#include "workload.h"

static uint64_t chance(struct workload *w, uint64_t n)
{
	return workload_chance(w, n);
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
		k->flags = g->flags ^
			   (chance(w, 3) ? SPOOL_HELD : SPOOL_RETURNING);
	} else {
		k->state = what < 8    ? SPOOL_REFUSED
			   : what == 8 ? SPOOL_RELAYED
				       : SPOOL_SENT;
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
	size_t n = 1 + chance(w, chance(w, 3) ? 2 : 6);
	struct model was = w->soft;
	struct spool_mark k;
	struct batch b;

	batch_begin(w, &b);
	for (size_t i = 0; i < n; i++) {
		struct model_msg g;
		if (chance(w, 3) > 0) {
			fill_message(w, &g, false);
			if (!batch_add(&b, &g) || chance(w, 3) > 0)
				continue;
			mark_new(w, &g, &k);
			batch_mark(&b, &k);
		} else if (make_mark(w, &was, false, &k) &&
			   model_find(&b.after, k.id)) {
			batch_mark(&b, &k);
		}
	}
	(void)batch_commit(w, &b);
}

static void step_lazy(struct workload *w)
{
	struct spool_mark k;

	if (make_mark(w, &w->soft, true, &k))
		(void)call_lazy(w, &k);
}

static void step_sync(struct workload *w)
{
	if (chance(w, 2))
		(void)call_sync(w);
	else
		(void)call_tick(w, (int64_t)chance(w, 2 * SPOOL_AGE_MS));
}

static void step_big_begin(struct workload *w)
{
	struct model_msg g;

	fill_message(w, &g, true);
	(void)call_big_begin(w, &g, chance(w, 2));
}

/* A piece of it, or its end. */
static void step_big(struct workload *w)
{
	if (chance(w, 12) == 0)
		call_big_abort(w);
	else if (w->big_done == w->big.size)
		(void)call_big_commit(w);
	else
		(void)call_big_write(w, (uint32_t)chance(w, 5000));
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

void chance_step(struct workload *w)
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
		call_restart(w);
	w->emu.fail_write = w->emu.fail_sync = 0;
}
