/* SPDX-License-Identifier: ISC */
/*
 * power/power.c - cut the power at every moment, start again, look.
 *
 * A run of a workload leaves a diary of writes and syncs.  For each entry,
 * each subset of the writes not yet synced may have reached the medium, one of
 * them torn at a 64-byte line, its first or its last part new.  Each such
 * state is given to a new spool; what it answers must be one of the states
 * that are allowed at that moment.  A sample of them works on, and is cut
 * again.
 *
 *   power [--states N] [--seed S] [--cap N]    N states; cap: of one entry
 *   power --replay SEED:ENTRY:STATE[:ENTRY:STATE]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workload.h"

/* Writes without a sync that all subsets are made of. */
#define MAX_SUBSET 5

/* Lines at which a frame can be torn, in two halves. */
#define TEARS (2 * (SPOOL_FRAME / EMU_LINE - 1))

/* Steps of a run, and of a run after a first cut. */
#define STEPS 120
#define STEPS_AGAIN 4

/* The state number that means SIGKILL instead of a power cut. */
#define KILL_STATE UINT64_MAX

/* A run and the medium as it was at its last sync. */
struct run {
	struct workload w;
	uint64_t seed;
	uint32_t frames;
	uint8_t base[EMU_MAX_FRAMES * SPOOL_FRAME]; /* certain */
	uint8_t seen[EMU_MAX_FRAMES * SPOOL_FRAME]; /* by reads */
	const struct emu_op *pending[EMU_MAX_OPS];
	int npending;
};

/* One moment and one state of it. */
struct cut {
	int op;
	uint64_t state;
};

/* What was counted. */
static struct {
	long states, lost, extra, again;
} total;

static struct run first, second;
static struct cut here[2];
static uint8_t image[EMU_MAX_FRAMES * SPOOL_FRAME];
static struct workload looker;
static const char *program = "power";
static long max_states = 20000;
static uint64_t cap = 48;

static void apply(uint8_t *to, const struct emu_op *op)
{
	memcpy(to + (size_t)op->frame * SPOOL_FRAME, op->bytes, SPOOL_FRAME);
}

/* Part of a write: its first lines (half 0) or its last (half 1). */
static void apply_torn(uint8_t *to, const struct emu_op *op, uint64_t tear)
{
	size_t line = (tear / 2 + 1) * EMU_LINE;
	size_t from = tear % 2 ? line : 0;
	size_t n = tear % 2 ? SPOOL_FRAME - line : line;

	memcpy(to + (size_t)op->frame * SPOOL_FRAME + from, op->bytes + from,
	       n);
}

/* Number of states behind the run's current entry; all contain the last. */
static uint64_t count_states(const struct run *r)
{
	int n = r->npending;

	if (n == 0)
		return 1;
	if (n > MAX_SUBSET)
		return UINT64_C(1) << 40; /* to be sampled */
	return (UINT64_C(1) << (n - 1)) * (1 + (uint64_t)n * TEARS);
}

/* Build state number k in image. */
static void make_state(const struct run *r, uint64_t k)
{
	int n = r->npending;

	memcpy(image, r->base, sizeof(image));
	if (n == 0)
		return;
	uint64_t subsets = UINT64_C(1) << (n > 30 ? 30 : n - 1);
	uint64_t mask = n > MAX_SUBSET ? k * UINT64_C(0x9e3779b97f4a7c15) >> 34
				       : k % subsets;
	uint64_t torn = k / subsets % (1 + (uint64_t)n * TEARS);
	int victim = torn ? (int)((torn - 1) / TEARS) : -1;

	if (n > MAX_SUBSET && k % 4 != 0)
		mask = UINT64_MAX; /* mostly all but the torn one */
	for (int i = 0; i < n; i++) {
		if (i == victim)
			apply_torn(image, r->pending[i], (torn - 1) % TEARS);
		else if (i == n - 1 || mask >> (i % 30) & 1)
			apply(image, r->pending[i]);
	}
}

static void say_replay(bool again)
{
	printf("  replay: %s --replay %llu:%d:%llu", program,
	       (unsigned long long)first.seed, here[0].op,
	       (unsigned long long)here[0].state);
	if (again)
		printf(":%d:%llu", here[1].op,
		       (unsigned long long)here[1].state);
	printf("\n");
}

/* Has a new process that finds image one of the allowed states? */
static const struct model *look(const struct run *r, const struct emu_op *op,
				bool is_kill, bool again)
{
	const struct emu_allowed *a = is_kill ? &op->kill : &op->cut;
	struct spool_found found;
	uint64_t digest = 0;

	total.states++;
	looker.has_marks = is_kill && op->marks != NULL;
	if (looker.has_marks)
		memcpy(looker.marks_bytes, op->marks, EMU_MARKS);
	memcpy(looker.emu.view, image, sizeof(image));
	looker.emu.medium.size = (uint64_t)r->frames * SPOOL_FRAME;
	int err = spool_open(looker.spool, &looker.emu.medium,
			     looker.has_marks ? &looker.marks : NULL,
			     &looker.world, &found);
	if (err == 0)
		err = model_digest_spool(looker.spool, &digest);
	for (int i = 0; i < a->n && err == 0; i++)
		if (a->state[i].digest == digest)
			return a->state[i].model;
	int lost = 0, extra = 0;
	printf("state not allowed (%d), %d frames\n", err, (int)r->frames);
	struct model want = *(const struct model *)a->state[0].model;
	model_compare(&want, looker.spool, &lost, &extra);
	total.lost += lost + (lost + extra == 0);
	total.extra += extra;
	say_replay(again);
	return NULL;
}

/* Bring base, seen and pending behind entry i. */
static void advance(struct run *r, int i)
{
	const struct emu_op *op = &r->w.emu.op[i];

	switch (op->kind) {
	case EMU_WRITE:
		apply(r->seen, op);
		r->pending[r->npending++] = op;
		break;
	case EMU_SYNC:
		for (int k = 0; k < r->npending; k++)
			apply(r->base, r->pending[k]);
		r->npending = 0;
		break;
	case EMU_SYNC_FAILED:
		for (int k = 0; k < r->npending; k++)
			if (r->pending[k]->kept)
				apply(r->base, r->pending[k]);
		r->npending = 0;
		break;
	case EMU_POINT:
		break;
	}
}

static void fail_run(struct run *r, bool again)
{
	printf("%s (%d)\n", r->w.error, r->w.err);
	total.lost++;
	say_replay(again);
}

/*
 * Work on from image for some steps, and cut again.  After SIGKILL image is
 * what reads show; what of it is on the medium, the first sync makes certain.
 */
static void cut_again(const struct model *m, uint64_t seed, bool is_kill,
		      const struct emu_op *op)
{
	struct run *r = &second;
	bool is_synced = !is_kill;

	total.again++;
	r->frames = first.frames;
	memcpy(r->base, is_kill ? first.base : image, sizeof(image));
	memcpy(r->seen, image, sizeof(image));
	r->npending = is_kill ? first.npending : 0;
	memcpy(r->pending, first.pending, sizeof(first.pending));
	memset(r->w.emu.view, 0, sizeof(r->w.emu.view));
	workload_resume(&r->w, image, r->frames, seed, m, op);
	for (int i = 0; i < STEPS_AGAIN && !r->w.error; i++)
		workload_step(&r->w);
	if (r->w.error) {
		fail_run(r, true);
		return;
	}
	for (int i = 0; i < r->w.emu.nops; i++) {
		advance(r, i);
		is_synced |= r->w.emu.op[i].kind == EMU_SYNC;
		uint64_t n = count_states(r);
		for (int k = 0; k < 2 && is_synced; k++) {
			here[1] = (struct cut){ i, emu_random(&seed) % n };
			make_state(r, here[1].state);
			look(r, &r->w.emu.op[i], false, true);
		}
	}
}

/*
 * After SIGKILL behind entry i: can a run go on, and be judged?  Without marks
 * or before the first commit nobody knows which failed commit is not there.
 */
static bool can_go_on(const struct run *r, int i)
{
	const struct emu_op *op = &r->w.emu.op[i];

	if (!op->marks)
		return !r->w.faults && i % 4 == 0;
	return op->kind == EMU_POINT && i >= r->w.first_counted;
}

static void try_state(struct run *r, int i, uint64_t state)
{
	const struct emu_op *op = &r->w.emu.op[i];

	here[0] = (struct cut){ i, state };
	if (state == KILL_STATE) {
		memcpy(image, r->seen, sizeof(image));
		const struct model *left = look(r, op, true, false);
		if (left && can_go_on(r, i))
			cut_again(left, r->seed + (uint64_t)i, true,
				  op->marks ? op : NULL);
		return;
	}
	make_state(r, state);
	const struct model *m = look(r, op, false, false);
	uint64_t seed = state ^ (uint64_t)i << 44 ^ r->seed;
	if (m && emu_random(&seed) % 24 == 0)
		cut_again(m, seed, false, NULL);
}

/* All states, or so many of them, behind entry i. */
static void try_entry(struct run *r, int i)
{
	uint64_t n = count_states(r);
	uint64_t seed = r->seed + (uint64_t)i;

	if (r->w.emu.op[i].kind != EMU_SYNC)
		try_state(r, i, KILL_STATE);
	if (cap == 0 ? n <= 100000 : n <= cap) {
		for (uint64_t k = 0; k < n; k++)
			try_state(r, i, k);
		return;
	}
	for (uint64_t k = 0; k < (cap ? cap : 4096); k++)
		try_state(r, i, emu_random(&seed) % n);
}

static void make_run(struct run *r, uint64_t seed)
{
	uint64_t s = seed;

	r->seed = seed;
	r->frames = (uint32_t)(8 + emu_random(&s) % 9);
	if (emu_random(&s) % 8 == 0)
		r->frames = (uint32_t)(16 + emu_random(&s) % 33);
	workload_init(&r->w, r->frames, seed);
	memset(r->base, 0, sizeof(r->base));
	memset(r->seen, 0, sizeof(r->seen));
	r->npending = 0;
	for (int i = 0; i < STEPS && !r->w.error; i++)
		workload_step(&r->w);
}

static void cut_run(uint64_t seed)
{
	make_run(&first, seed);
	here[0] = (struct cut){ -1, 0 };
	if (first.w.error)
		fail_run(&first, false);
	for (int i = 0; i < first.w.emu.nops; i++) {
		advance(&first, i);
		try_entry(&first, i);
		if (total.states >= max_states || total.lost > 20)
			return;
	}
}

static int replay(const char *arg)
{
	unsigned long long seed = 0, state = 0, rest = 0;
	int op = 0, op2 = 0;

	if (sscanf(arg, "%llu:%d:%llu:%d:%llu", &seed, &op, &state, &op2,
		   &rest) < 3)
		return 2;
	make_run(&first, seed);
	if (first.w.error)
		fail_run(&first, false);
	for (int i = 0; i <= op && i < first.w.emu.nops; i++)
		advance(&first, i);
	if (op >= 0)
		try_state(&first, op, state);
	return 0;
}

/* A spool that only looks. */
static void init_looker(void)
{
	workload_init(&looker, EMU_MAX_FRAMES, 1);
	looker.emu.is_noting = false;
	looker.emu.marks = NULL;
}

int main(int argc, char **argv)
{
	uint64_t seed = 1;
	const char *which = NULL;

	program = argv[0];

	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--states") == 0)
			max_states = strtol(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--seed") == 0)
			seed = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--cap") == 0)
			cap = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--replay") == 0)
			which = argv[i + 1];
	}
	init_looker();
	if (which && replay(which) != 0)
		return 2;
	long runs = 0;
	while (!which && total.states < max_states && total.lost <= 20) {
		cut_run(seed++);
		runs++;
	}
	workload_free(&first.w);
	workload_free(&second.w);
	printf("%ld runs, %ld cut a second time\n", runs, total.again);
	printf("%ld states, %ld lost, %ld duplicates outside the window\n",
	       total.states, total.lost, total.extra);
	return total.lost + total.extra > 0;
}
