/* SPDX-License-Identifier: ISC */
/* power/script.c - see script.h. */
#include "script.h"

#include <errno.h>
#include <string.h>

/* Bytes of content: eight a frame; one a frame; the same when packed. */
#define SMALL 100
#define FRAMEFUL 3600
#define UNPACKED 3800

/* A message that was not there before. */
static struct model_msg new_msg(struct workload *w, uint32_t size,
				uint16_t nrcpt)
{
	struct model_msg g = { .id = workload_chance(w, UINT64_MAX) | 1,
			       .size = size,
			       .env_len = (uint16_t)(20 * nrcpt),
			       .nrcpt = nrcpt };

	model_finish(&g);
	return g;
}

/* Store so many messages in one commit; *last: id of the last one. */
static int put_n(struct workload *w, int n, uint32_t size, uint64_t *last)
{
	struct batch b;

	batch_begin(w, &b);
	for (int i = 0; i < n; i++) {
		struct model_msg g = new_msg(w, size, 1);
		*last = g.id;
		if (!batch_add(&b, &g))
			return -ENOSPC;
	}
	return batch_commit(w, &b);
}

static uint64_t put_rcpt(struct workload *w, uint32_t size, uint16_t nrcpt)
{
	struct model_msg g = new_msg(w, size, nrcpt);
	struct batch b;

	batch_begin(w, &b);
	if (!batch_add(&b, &g) || batch_commit(w, &b))
		return 0;
	return g.id;
}

/* Store a message; its id, 0 when that failed. */
static uint64_t put(struct workload *w, uint32_t size)
{
	return put_rcpt(w, size, 1);
}

/* The same, with the Nth write or sync failing. */
static void put_failing(struct workload *w, uint32_t size, int nth_write,
			int nth_sync)
{
	w->emu.fail_write = nth_write;
	w->emu.fail_sync = nth_sync;
	(void)put(w, size);
	w->emu.fail_write = w->emu.fail_sync = 0;
}

/* A recipient sent, or in another state, perhaps lost by a cut. */
static void note(struct workload *w, uint64_t id, uint16_t rcpt, uint8_t state)
{
	struct spool_mark k = { .id = id, .rcpt = rcpt, .state = state };

	if (id && model_find(&w->soft, id))
		(void)call_lazy(w, &k);
}

static void sent(struct workload *w, uint64_t id)
{
	note(w, id, 0, SPOOL_SENT);
}

/* The message that has waited longest, other than this one; 0 none. */
static uint64_t oldest(const struct workload *w, uint64_t other)
{
	const struct model_msg *best = NULL;

	for (int i = 0; i < MODEL_MAX; i++) {
		const struct model_msg *g = &w->soft.msg[i];
		if (g->id != 0 && g->id != other &&
		    (!best || g->place < best->place))
			best = g;
	}
	return best ? best->id : 0;
}

static void flags(struct workload *w, uint64_t id, uint32_t to)
{
	struct spool_mark k = { .id = id,
				.kind = SPOOL_MARK_FLAGS,
				.flags = to };
	struct batch b;

	batch_begin(w, &b);
	if (id && model_find(&b.after, id))
		batch_mark(&b, &k);
	(void)batch_commit(w, &b);
}

static void remove_msg(struct workload *w, uint64_t id)
{
	struct spool_mark k = { .id = id, .kind = SPOOL_MARK_GONE };
	struct batch b;

	batch_begin(w, &b);
	if (id && model_find(&b.after, id))
		batch_mark(&b, &k);
	(void)batch_commit(w, &b);
}

/* What is to be told, and why; with returning, the turn to that beside it. */
static void tell(struct workload *w, uint64_t id, uint16_t rcpt, uint8_t state,
		 bool is_returning)
{
	struct spool_mark k = { .id = id,
				.rcpt = rcpt,
				.state = state,
				.code = (uint16_t)(550 + rcpt) };
	struct spool_mark r = { .id = id,
				.kind = SPOOL_MARK_FLAGS,
				.flags = SPOOL_RETURNING };
	struct batch b;

	k.text = model_text(k.code, 40);
	batch_begin(w, &b);
	if (id && model_find(&b.after, id)) {
		batch_mark(&b, &k);
		if (is_returning)
			batch_mark(&b, &r);
	}
	(void)batch_commit(w, &b);
}

static void refuse(struct workload *w, uint64_t id, uint16_t rcpt,
		   bool is_returning)
{
	tell(w, id, rcpt, SPOOL_REFUSED, is_returning);
}

/* A big message begun and written up to its end; false: no room. */
static bool begin_big(struct workload *w, uint32_t size, bool is_told)
{
	struct model_msg g = new_msg(w, size, 1);

	g.is_big = true;
	return call_big_begin(w, &g, is_told) == 0;
}

/* ... of n bytes more, in pieces of a whole frame or less. */
static bool write_big(struct workload *w, uint32_t n)
{
	while (n > 0 && w->big_open) {
		uint32_t part = n < 4000 ? n : 4000;
		if (call_big_write(w, part))
			return false;
		n -= part;
	}
	return w->big_open;
}

/* A whole one; its id, 0: it could not be. */
static uint64_t put_big(struct workload *w, uint32_t size)
{
	uint64_t id;

	if (!begin_big(w, size, true) || !write_big(w, size))
		return 0;
	id = w->big.id;
	return call_big_commit(w) ? 0 : id;
}

/* Traffic: messages that come and go, until so many frames are written. */
static void lap(struct workload *w, uint32_t frames, uint32_t size,
		uint64_t stuck)
{
	uint32_t end = spool_stats(w->spool).writes + frames;

	while (spool_stats(w->spool).writes < end && !w->error) {
		uint64_t id = put(w, size);
		if (id)
			sent(w, id);
		else if (oldest(w, stuck))
			sent(w, oldest(w, stuck));
		else
			break;
	}
}

static uint32_t ring_of(const struct workload *w)
{
	return (uint32_t)(w->emu.medium.size / SPOOL_FRAME);
}

static void accepts(struct workload *w)
{
	for (int i = 0; i < 12; i++)
		(void)put(w, (uint32_t)i * 250);
	for (int i = 0; i < 6; i++) {
		sent(w, oldest(w, 0));
		(void)put(w, SMALL);
	}
}

static void groups(struct workload *w)
{
	uint64_t last;

	for (int n = 2; n <= 8; n += 3) {
		(void)put_n(w, n, SMALL, &last);
		while (oldest(w, 0))
			sent(w, oldest(w, 0));
	}
	for (int n = 2; n <= 3; n++) {
		(void)put_n(w, n, FRAMEFUL, &last);
		while (oldest(w, 0))
			remove_msg(w, oldest(w, 0));
	}
	(void)put(w, 12000);
	(void)put(w, 7000);
}

static void deliver(struct workload *w)
{
	for (int i = 0; i < 4; i++) {
		uint64_t id = put_rcpt(w, SMALL, 3);
		(void)put(w, SMALL);
		note(w, id, 0, SPOOL_SENT);
		note(w, id, 1, SPOOL_UNCERTAIN);
		note(w, id, 2, SPOOL_SENT);
		if (i % 2)
			(void)call_sync(w);
		note(w, id, 1, SPOOL_SENT);
		sent(w, oldest(w, 0));
	}
	(void)call_sync(w);
	(void)call_sync(w);
}

static void outcomes(struct workload *w)
{
	uint64_t a = put_rcpt(w, SMALL, 5);
	uint64_t b = put_rcpt(w, SMALL, 4);

	for (uint16_t i = 0; i < 5; i++) {
		refuse(w, a, i, false);
		note(w, b, i % 4, i == 3 ? SPOOL_DROPPED : SPOOL_SENT);
		(void)put(w, SMALL);
		sent(w, oldest(w, 0));
	}
	refuse(w, a, 2, false); /* with another state behind it */
	note(w, a, 2, SPOOL_SENT);
	for (uint16_t i = 0; i < 5; i++)
		note(w, a, i, SPOOL_DROPPED);
	(void)call_sync(w);
}

static void orders(struct workload *w)
{
	uint64_t a = put(w, SMALL), b = put(w, 900), c = put(w, SMALL);

	flags(w, a, SPOOL_HELD);
	flags(w, b, SPOOL_HELD | SPOOL_USER);
	sent(w, c);
	flags(w, a, 0);
	remove_msg(w, b);
	c = put(w, SMALL);
	flags(w, c, SPOOL_HELD);
	flags(w, c, 0);
	flags(w, c, SPOOL_HELD);
	remove_msg(w, c);
	remove_msg(w, a);
}

static void returns(struct workload *w)
{
	uint64_t a = put_rcpt(w, 900, 3);

	sent(w, a);
	refuse(w, a, 1, false);
	refuse(w, a, 2, true);
	lap(w, ring_of(w), SMALL, a);
	note(w, a, 2, SPOOL_DROPPED);
	note(w, a, 1, SPOOL_DROPPED); /* the notice is out */
	(void)put(w, SMALL);
	a = put_rcpt(w, SMALL, 1);
	refuse(w, a, 0, true);
	remove_msg(w, a);
	/* All have an outcome, and of one that it has arrived is told. */
	a = put_rcpt(w, SMALL, 3);
	note(w, a, 0, SPOOL_SENT);
	tell(w, a, 1, SPOOL_RELAYED, true);
	refuse(w, a, 2, false);
	lap(w, ring_of(w), SMALL, a);
	note(w, a, 2, SPOOL_DROPPED);
	note(w, a, 1, SPOOL_SENT);
	(void)put(w, SMALL);
}

static void laps(struct workload *w)
{
	uint64_t a, b = 0;
	uint32_t end = 5 * ring_of(w) / 2;

	while (spool_stats(w->spool).writes < end && !w->error) {
		a = put(w, FRAMEFUL / 2);
		if (!a)
			break;
		if (b)
			sent(w, b);
		b = a;
	}
}

static void full(struct workload *w)
{
	static const uint32_t sizes[] = { FRAMEFUL, SMALL, 6000 };

	for (int i = 0; i < 3; i++) {
		while (put(w, sizes[i]) && !w->error)
			;
		for (int k = 0; k < 2; k++) {
			sent(w, oldest(w, 0));
			(void)put(w, SMALL);
		}
		while (oldest(w, 0))
			sent(w, oldest(w, 0));
		(void)call_sync(w);
	}
}

static void stuck(struct workload *w)
{
	uint64_t a = put_rcpt(w, 1500, 2);

	flags(w, a, SPOOL_HELD);
	refuse(w, a, 1, false);
	lap(w, 5 * ring_of(w) / 2, FRAMEFUL, a);
	flags(w, a, 0);
	sent(w, a);
}

static void stuckbig(struct workload *w)
{
	uint64_t a = put_big(w, 5000);

	lap(w, 3 * ring_of(w), 1000, a);
	sent(w, a);
	(void)call_sync(w);
}

static void lazy(struct workload *w)
{
	uint64_t a = put_rcpt(w, SMALL, 5);

	for (uint16_t i = 0; i < SPOOL_MAX_LAZY; i++)
		note(w, a, i % 4, SPOOL_UNCERTAIN);
	if (model_digest(&w->soft) != model_digest(&w->hard))
		workload_fail(w, "more lazy marks wait than may", 0);
	note(w, a, 4, SPOOL_SENT);
	(void)call_tick(w, SPOOL_LAZY_MS / 2);
	(void)call_tick(w, SPOOL_LAZY_MS);
	(void)call_tick(w, SPOOL_AGE_MS);
	for (uint16_t i = 0; i < 4; i++)
		note(w, a, i, SPOOL_SENT);
	(void)call_tick(w, SPOOL_LAZY_MS);
}

static void between(struct workload *w)
{
	for (int i = 0; i < 2; i++) {
		uint64_t a;
		if (!begin_big(w, 5000, i == 0))
			continue;
		(void)write_big(w, 4100);
		a = put(w, SMALL);
		(void)write_big(w, 900);
		sent(w, a);
		(void)put(w, SMALL);
		a = w->big.id;
		if (w->big_open)
			(void)call_big_commit(w);
		sent(w, oldest(w, a));
		sent(w, a);
	}
	if (begin_big(w, 5000, true) && write_big(w, 4500))
		call_big_abort(w);
	(void)put_big(w, 8000);
	while (oldest(w, 0))
		sent(w, oldest(w, 0));
	lap(w, ring_of(w), SMALL, 0);
}

static void faults(struct workload *w)
{
	(void)put(w, SMALL);
	put_failing(w, SMALL, 1, 0);
	put_failing(w, SMALL, 0, 1);
	(void)put(w, SMALL);
	put_failing(w, 6000, 2, 0);
	put_failing(w, 3000, 0, 1);
	sent(w, oldest(w, 0));
	w->emu.fail_sync = 1;
	(void)call_sync(w);
	w->emu.fail_sync = 0;
	call_restart(w);
	(void)call_sync(w);
	put_failing(w, SMALL, 0, 1);
	w->emu.fail_sync = 1;
	flags(w, oldest(w, 0), SPOOL_HELD);
	w->emu.fail_sync = 0;
	flags(w, oldest(w, 0), SPOOL_HELD);
	call_restart(w);
	(void)put(w, SMALL);
}

/* A big message whose frames a failed sync has covered. */
static void bigfault(struct workload *w)
{
	for (int i = 0; i < 4; i++) {
		(void)put(w, SMALL);
		if (begin_big(w, 5000, i % 2) && write_big(w, 4500)) {
			put_failing(w, SMALL, 0, 1);
			(void)write_big(w, 500);
			if (w->big_open)
				(void)call_big_commit(w);
		}
		while (oldest(w, 0) && !w->error)
			sent(w, oldest(w, 0));
	}
	if (begin_big(w, 5000, false) && write_big(w, 5000)) {
		w->emu.fail_sync = 1;
		(void)call_big_commit(w);
		w->emu.fail_sync = 0;
	}
	(void)put(w, SMALL);
	(void)put_big(w, 5000);
	call_restart(w);
	sent(w, oldest(w, 0));
	(void)call_sync(w);
}

/* A medium that fails for hours: no room but that of burnt frames is left. */
static void scrub(struct workload *w)
{
	(void)put(w, SMALL);
	for (int nth = 1; nth <= 4; nth++) {
		for (uint32_t i = 0; i < ring_of(w) + 2; i++)
			put_failing(w, SMALL, 0, 1);
		put_failing(w, SMALL, nth == 4, nth);
		if (nth % 2)
			(void)put(w, SMALL);
		sent(w, oldest(w, 0));
	}
	(void)put(w, SMALL);
	call_restart(w);
	(void)put(w, SMALL);
}

/* Nothing has counted yet. */
static void fresh(struct workload *w)
{
	for (uint32_t i = 0; i < ring_of(w); i++)
		put_failing(w, SMALL, 0, 1 + (int)i % 2);
	(void)begin_big(w, 5000, true);
	if (w->big_open)
		call_big_abort(w);
	(void)put(w, SMALL);
	call_restart(w);
	(void)put(w, SMALL);
}

static void restarts(struct workload *w)
{
	for (int i = 0; i < 4; i++) {
		uint64_t a = put_rcpt(w, SMALL, 2);
		sent(w, a);
		call_restart(w);
		(void)put(w, SMALL);
		note(w, a, 1, SPOOL_SENT);
		call_restart(w);
		sent(w, oldest(w, a));
		call_restart(w);
	}
}

/* So many marks of one message that no copy fits behind them. */
static void many_marks(struct workload *w, uint64_t id)
{
	struct spool_mark k = { .id = id, .state = SPOOL_REFUSED, .code = 550 };
	struct batch b;

	k.text = model_text(k.code, SPOOL_MAX_TEXT);
	batch_begin(w, &b);
	for (int i = 0; i < BATCH_MAX; i++)
		batch_mark(&b, &k);
	(void)batch_commit(w, &b);
}

/* More live frames at the tail than one commit can move. */
static void clean(struct workload *w)
{
	w->emu.is_noting = false;
	while (put(w, UNPACKED) && !w->error)
		;
	for (uint32_t i = 0; i < 2 * ring_of(w) && !w->error; i++) {
		uint32_t was = spool_stats(w->spool).commits;
		/* The diary begins with the first copies. */
		if (!w->emu.is_noting && spool_stats(w->spool).copied > 9)
			emu_start(&w->emu);
		many_marks(w, oldest(w, 0));
		if (spool_stats(w->spool).commits > was + 1)
			break;
	}
	(void)put(w, SMALL);
	sent(w, oldest(w, 0));
	(void)put(w, SMALL);
}

const struct script scripts[] = {
	{ "accepts", accepts, 0, false },   { "faults", faults, 0, true },
	{ "scrub", scrub, 0, true },        { "lazy", lazy, 0, false },
	{ "restarts", restarts, 0, false }, { "deliver", deliver, 0, false },
	{ "outcomes", outcomes, 0, false }, { "orders", orders, 0, false },
	{ "fresh", fresh, 0, true },        { "groups", groups, 0, false },
	{ "bigfault", bigfault, 14, true }, { "between", between, 12, false },
	{ "returns", returns, 0, false },   { "full", full, 0, false },
	{ "stuck", stuck, 0, false },       { "stuckbig", stuckbig, 12, false },
	{ "clean", clean, 60, false },      { "laps", laps, 0, false },
	{ NULL, NULL, 0, false },
};

const struct script *script_find(const char *name)
{
	for (const struct script *s = scripts; s->name; s++)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}
