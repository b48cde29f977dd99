/* SPDX-License-Identifier: ISC */
/* power/calls.c - calls of the spool, each with its cuts; see workload.h. */
#include <errno.h>
#include <string.h>

#include "cover.h"
#include "workload.h"

/* Are there lazy marks that a power cut would undo? */
static bool has_lazy(const struct workload *w)
{
	return model_digest(&w->soft) != model_digest(&w->hard);
}

void batch_begin(const struct workload *w, struct batch *b)
{
	memset(b->items, 0, sizeof(b->items));
	b->after = w->soft;
	b->n = 0;
	b->nadds = 0;
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

bool batch_add(struct batch *b, const struct model_msg *g)
{
	struct model_msg *at = model_find(&b->after, 0);

	if (!at || b->n == BATCH_MAX)
		return false;
	*at = *g;
	b->adds[b->n] = make_add(at);
	b->items[b->n].add = &b->adds[b->n];
	b->n++;
	b->nadds++;
	return true;
}

static void see_mark(const struct model *m, const struct spool_mark *k)
{
	const struct model_msg *g = model_find((struct model *)m, k->id);
	uint32_t turned = g ? g->flags ^ k->flags : 0;

	if (k->kind == SPOOL_MARK_GONE)
		cover(COVER_REMOVE);
	else if (k->kind == SPOOL_MARK_RCPT && g && g->nrcpt > 1)
		cover(COVER_OUTCOME);
	else if (k->kind == SPOOL_MARK_FLAGS && turned & SPOOL_RETURNING)
		cover(COVER_RETURN);
	else if (k->kind == SPOOL_MARK_FLAGS && turned & SPOOL_HELD)
		cover(k->flags & SPOOL_HELD ? COVER_HOLD : COVER_RELEASE);
}

void batch_mark(struct batch *b, const struct spool_mark *k)
{
	if (b->n == BATCH_MAX)
		return;
	see_mark(&b->after, k);
	b->marks[b->n] = *k;
	b->items[b->n].mark = &b->marks[b->n];
	b->n++;
	model_mark(&b->after, k);
}

/* What has become of something new. */
static void see_room(struct workload *w, int err)
{
	if (err == -ENOSPC)
		cover(COVER_FULL);
	else if (err == 0 && w->was_full)
		cover(COVER_ROOM);
	w->was_full = err == -ENOSPC || (err && w->was_full);
}

int batch_commit(struct workload *w, struct batch *b)
{
	struct spool_stats was = spool_stats(w->spool);

	if (b->n == 0)
		return 0;
	workload_expect(w, &b->after);
	int err = spool_commit(w->spool, b->items, b->n);
	bool took = workload_finish(w, &b->after, err, &was);
	if (b->nadds > 0)
		see_room(w, err);
	for (int i = 0; i < b->nadds && err == 0; i++)
		cover(COVER_ACCEPT);
	if (b->nadds > 1 && err == 0)
		cover(COVER_GROUP);
	if (w->big_open && w->big_done > SPOOL_FRAME && err == 0)
		cover(COVER_BETWEEN);
	if (err == 0 && !took)
		workload_fail(w, "a commit wrote nothing", 0);
	if (err && (b->nadds == 0 || err != -ENOSPC) && !w->faults)
		workload_fail(w, "a commit failed", err);
	return err;
}

int call_lazy(struct workload *w, const struct spool_mark *k)
{
	struct spool_stats was = spool_stats(w->spool);
	struct model after = w->soft;

	if (!has_lazy(w))
		w->lazy_ms = w->now_ms;
	model_mark(&after, k);
	workload_expect(w, &after);
	int err = spool_mark_lazy(w->spool, k);
	if (err && err != -ENOBUFS) {
		/* It counts in RAM all the same. */
		if (!w->faults)
			workload_fail(w, "a lazy mark failed", err);
		struct model before = w->soft;
		w->soft = after;
		workload_finish(w, &before, err, &was);
		return err;
	}
	cover(COVER_DELIVER);
	if (workload_finish(w, &after, err, &was) && k->text.n == 0)
		cover(COVER_MANY_LAZY);
	return err;
}

int call_sync(struct workload *w)
{
	struct spool_stats was = spool_stats(w->spool);
	struct model after = w->soft;

	workload_expect(w, &after);
	int err = spool_sync_marks(w->spool);
	workload_finish(w, &after, err, &was);
	if (err && !w->faults)
		workload_fail(w, "marks could not be synced", err);
	if (err == 0 && has_lazy(w))
		workload_fail(w, "marks were not synced", 0);
	return err;
}

int call_tick(struct workload *w, int64_t ms)
{
	struct spool_stats was = spool_stats(w->spool);
	struct model after = w->soft;
	bool was_lazy = has_lazy(w);
	int64_t lazy_ms = w->lazy_ms, next;

	w->now_ms += ms;
	workload_expect(w, &after);
	int err = spool_tick(w->spool, &next);
	if (workload_finish(w, &after, err, &was))
		cover(was_lazy ? COVER_OLD_LAZY : COVER_AGE);
	if (err && !w->faults)
		workload_fail(w, "what was due could not be done", err);
	if (err == 0 && next <= w->now_ms)
		workload_fail(w, "tick is due at once again", 0);
	if (err == 0 && has_lazy(w) && w->now_ms >= lazy_ms + SPOOL_LAZY_MS)
		workload_fail(w, "a lazy mark waits too long", 0);
	return err;
}

int call_big_begin(struct workload *w, const struct model_msg *g, bool is_told)
{
	struct spool_stats was = spool_stats(w->spool);
	struct model after = w->soft;

	workload_expect(w, &after);
	int err = spool_big_begin(w->spool, is_told ? g->size : 0);
	workload_finish(w, &after, err, &was);
	see_room(w, err == -ENOSPC ? err : -EIO);
	w->big_open = err == 0;
	w->big_done = 0;
	w->big = *g;
	if (err && err != -ENOSPC && !w->faults)
		workload_fail(w, "a big message could not begin", err);
	return err;
}

int call_big_commit(struct workload *w)
{
	struct batch b;

	batch_begin(w, &b);
	int err = batch_add(&b, &w->big) ? 0 : -ENOSPC;
	w->big_open = false;
	if (err == 0)
		err = batch_commit(w, &b);
	if (err)
		spool_big_abort(w->spool);
	else
		cover(COVER_BIG);
	return err;
}

void call_big_abort(struct workload *w)
{
	cover(COVER_ABORT);
	spool_big_abort(w->spool);
	w->big_open = false;
}

int call_big_write(struct workload *w, uint32_t n)
{
	uint8_t part[8192];
	struct spool_stats was = spool_stats(w->spool);
	struct model after = w->soft;

	if (n > w->big.size - w->big_done)
		n = w->big.size - w->big_done;
	if (n > sizeof(part))
		n = sizeof(part);
	(void)model_read(&w->big, w->big.env_len + w->big_done, part, n);
	workload_expect(w, &after);
	int err = spool_big_write(w->spool, part, n);
	workload_finish(w, &after, err, &was);
	w->big_done += n;
	if (err == 0)
		return 0;
	call_big_abort(w);
	if (err != -ENOSPC && !w->faults)
		workload_fail(w, "a big message could not be written", err);
	return err;
}

void call_restart(struct workload *w)
{
	if (w->ghosts.n > 0 && !workload_says_burnt(w))
		return; /* which of them is found is for the cuts to see */
	if (!w->has_marks)
		w->soft = w->hard;
	w->emu.fail_write = w->emu.fail_sync = 0;
	cover(COVER_RESTART);
	workload_open(w);
	workload_settle(w);
}
