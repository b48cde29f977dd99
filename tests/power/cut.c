/* SPDX-License-Identifier: ISC */
/* power/cut.c - see cut.h. */
#include "cut.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"
#include "cover.h"
#include "drain.h"
#include "script.h"

/* Writes without a sync that all subsets are made of. */
#define MAX_SUBSET 4

/* Steps of a run by chance, and of a run after a first cut. */
#define STEPS 120
#define STEPS_AGAIN 4

/* States that are tried: where not all are; at rest; of a second cut. */
#define SAMPLE 96
#define SAMPLE_REST 16
#define SAMPLE_AGAIN 2

/* One state of so many is worked on with. */
#define AGAIN_OF 40
#define DRAIN_OF 10

/* Entries that a replay shows. */
#define SAY_ENTRIES 30

/* The state number that means SIGKILL instead of a power cut. */
#define KILL_STATE UINT64_MAX

/* A run and the medium as it was at its last sync. */
struct run {
	struct workload w;
	struct run_name name;
	uint32_t frames;
	bool is_all;                                /* all states of it */
	uint8_t base[EMU_MAX_FRAMES * SPOOL_FRAME]; /* certain */
	uint8_t seen[EMU_MAX_FRAMES * SPOOL_FRAME]; /* by reads */
	const struct emu_op *pending[EMU_MAX_OPS];
	int npending;
	uint64_t time; /* of the newest commit's frame that was in base */
};

/* One moment and one state of it. */
struct cut {
	int op;
	uint64_t state;
};

struct cut_total cut_total;
long cut_max_states, cut_max_failures = 20;
uint64_t cut_cap = 48;
bool cut_is_sample;
const char *cut_program = "power";

static struct run first, second;
static struct cut here[2];
static uint8_t image[EMU_MAX_FRAMES * SPOOL_FRAME];
static uint64_t image_time; /* the same for it */
static struct workload looker;
static bool is_replay;

bool cut_is_over(void)
{
	return cut_total.states >= cut_max_states ||
	       cut_total.lost + cut_total.extra >= cut_max_failures;
}

static size_t size_of(const struct run *r)
{
	return (size_t)r->frames * SPOOL_FRAME;
}

static uint8_t *at(uint8_t *medium, const struct emu_op *op)
{
	return medium + (size_t)op->frame * SPOOL_FRAME;
}

static void apply(uint8_t *medium, const struct emu_op *op)
{
	memcpy(at(medium, op), op->bytes, SPOOL_FRAME);
}

/* Has this write reached the medium, be it torn where nothing is new? */
static void see_time(uint64_t *time, uint8_t *medium, const struct emu_op *op)
{
	if (op->time > *time &&
	    memcmp(at(medium, op), op->bytes, SPOOL_FRAME) == 0)
		*time = op->time;
}

/* Number of states behind n writes; in all the last one is, torn perhaps. */
static uint64_t count_states(int n)
{
	if (n == 0)
		return 1;
	if (n > MAX_SUBSET)
		return UINT64_C(1) << 60; /* to be sampled */
	uint64_t half = UINT64_C(1) << (n - 1);
	return half + half * EMU_TEARS +
	       (uint64_t)(n - 1) * (half / 2) * EMU_TEARS;
}

/* Which of n writes have reached the medium, and which is torn. */
struct subset {
	uint64_t mask; /* bits */
	int torn;      /* -1 none */
	int tear;      /* where */
};

/* Number k of the states that count_states() has counted. */
static struct subset get_subset(int n, uint64_t k)
{
	uint64_t half = UINT64_C(1) << (n - 1);
	struct subset u = { k | half, -1, 0 };

	if (k < half)
		return u;
	k -= half;
	u.tear = (int)(k % EMU_TEARS);
	k /= EMU_TEARS;
	if (k < half)
		return (struct subset){ k | half, n - 1, u.tear };
	k -= half;
	u.torn = (int)(k / (half / 2));
	k %= half / 2;
	/* Bits of the others, the last one is there. */
	uint64_t low = k & ((UINT64_C(1) << u.torn) - 1);
	u.mask = low | (k - low) << 1 | half;
	return u;
}

/* One of the states of many writes. */
static struct subset get_sample(int n, uint64_t seed)
{
	uint64_t how = emu_random(&seed), mask = emu_random(&seed);
	uint64_t one = UINT64_C(1) << mask % (unsigned)n;
	struct subset u = { mask, -1, (int)(how / 16 % EMU_TEARS) };

	if (how % 4 == 1)
		u.mask = one - 1; /* the first ones */
	else if (how % 4 == 2)
		u.mask = ~one; /* all but one */
	else if (how % 4 == 3)
		u.mask = UINT64_MAX;
	if (how / 4 % 2)
		u.torn = (int)(emu_random(&seed) % (unsigned)n);
	return u;
}

/* Build state number k in image. */
static void make_state(const struct run *r, uint64_t k)
{
	int n = r->npending;
	struct subset u;

	memcpy(image, r->base, size_of(r));
	image_time = r->time;
	if (n == 0) {
		cover(COVER_CUT);
		return;
	}
	u = n <= MAX_SUBSET ? get_subset(n, k) : get_sample(n, k);
	if (u.torn >= 0)
		cover(COVER_TORN);
	for (int i = 0; i < n; i++) {
		const struct emu_op *op = r->pending[i];
		if (i == u.torn)
			emu_tear(at(image, op), op->bytes, u.tear);
		else if (u.mask >> (i % 64) & 1)
			apply(image, op);
		see_time(&image_time, image, op);
	}
}

static void say_replay(bool again)
{
	const struct run_name *n = &first.name;

	printf("  replay: %s --replay ", cut_program);
	if (n->script)
		printf("%s.%u.%d", n->script, (unsigned)n->frames, n->marks);
	else
		printf("%llu", (unsigned long long)n->seed);
	printf(":%d:%llu", here[0].op, (unsigned long long)here[0].state);
	if (again)
		printf(":%d:%llu", here[1].op,
		       (unsigned long long)here[1].state);
	printf("\n");
}

/* In a replay: what was done up to entry i. */
static void say_diary(const struct run *r, int i)
{
	static const char *const kinds[] = { "write", "sync", "sync failed",
					     "at rest" };
	int from = i > SAY_ENTRIES ? i - SAY_ENTRIES : 0;

	for (int k = from; k <= i && is_replay; k++) {
		const struct emu_op *op = &r->w.emu.op[k];
		printf("  %d: %s", k, kinds[op->kind]);
		if (op->bytes)
			printf(" place %u seq %llu id %016llx %u of %u kept %d",
			       (unsigned)op->frame,
			       (unsigned long long)get_u64le(op->bytes + 16),
			       (unsigned long long)get_u64le(op->bytes + 24),
			       get_u32le(op->bytes + 32),
			       get_u32le(op->bytes + 36), op->kept);
		printf("\n");
	}
}

/* A state that no new process may find. */
static void say_bad(const struct run *r, const struct emu_allowed *a, int err,
		    bool again)
{
	struct model want = *(const struct model *)a->state[0].model;
	int lost = 0, extra = 0;

	printf("state not allowed (%d), %u frames\n", err, (unsigned)r->frames);
	if (err == 0 || err == -ERANGE)
		model_compare(&want, looker.spool, &lost, &extra);
	cut_total.lost += lost + (lost + extra == 0);
	cut_total.extra += extra;
	if (again)
		say_diary(&first, here[0].op);
	say_diary(r, here[again].op);
	say_replay(again);
}

/* What the state that was found says of the documented cases. */
static void see_state(const struct run *r, const struct emu_op *op,
		      const struct emu_state *found, bool is_kill)
{
	const struct emu_allowed *a = is_kill ? &op->kill : &op->cut;

	if (is_kill) {
		cover(COVER_KILL);
		if (op->marks && op->cut.n > 0 &&
		    op->cut.state[0].digest != found->digest)
			cover(COVER_KILL_LAZY);
	} else if (op->kind == EMU_POINT && op->kill.n > 0 &&
		   found->digest == a->state[0].digest &&
		   op->kill.state[0].digest != found->digest) {
		cover(COVER_WINDOW);
	}
	if (op->kind == EMU_POINT && r->w.faults &&
	    found->digest != a->state[0].digest)
		cover(COVER_GHOST);
}

/* Open a spool on image; what it holds.  0 or -errno. */
static int open_looker(const struct run *r, const struct emu_op *op,
		       bool is_kill, uint64_t *digest)
{
	struct spool_found found;

	looker.has_marks = is_kill && op->marks != NULL;
	if (looker.has_marks)
		memcpy(looker.marks_bytes, op->marks, EMU_MARKS);
	memcpy(looker.emu.view, image, size_of(r));
	looker.emu.medium.size = size_of(r);
	looker.now_ms = r->w.now_ms;
	int err = spool_open(looker.spool, &looker.emu.medium,
			     looker.has_marks ? &looker.marks : NULL,
			     &looker.world, &found);
	return err ? err : model_digest_spool(looker.spool, digest);
}

/* Has a new process that finds image one of the allowed states? */
static const struct model *look(const struct run *r, const struct emu_op *op,
				bool is_kill, bool again)
{
	const struct emu_allowed *a = is_kill ? &op->kill : &op->cut;
	const struct model *found = NULL;
	uint64_t digest = 0;
	int err = open_looker(r, op, is_kill, &digest);

	cut_total.states++;
	for (int i = 0; i < a->n && err == 0 && !found; i++) {
		if (a->state[i].digest != digest ||
		    (a->state[i].time != 0 && a->state[i].time < image_time))
			continue;
		found = a->state[i].model;
		see_state(r, op, &a->state[i], is_kill);
	}
	if (!found) {
		say_bad(r, a, err, again);
		return NULL;
	}
	if (cut_total.states % DRAIN_OF == 0) {
		const char *what = drain(looker.spool, &looker.world,
					 &looker.emu.medium, found);
		if (what) {
			printf("%s\n", what);
			cut_total.lost++;
			say_replay(again);
		}
	}
	return found;
}

/* Bring base, seen and pending behind entry i. */
static void advance(struct run *r, int i)
{
	const struct emu_op *op = &r->w.emu.op[i];

	if (op->kind == EMU_POINT)
		return;
	if (op->kind == EMU_WRITE) {
		apply(r->seen, op);
		r->pending[r->npending++] = op;
		return;
	}
	for (int k = 0; k < r->npending; k++) {
		const struct emu_op *p = r->pending[k];
		if (op->kind == EMU_SYNC || p->kept == EMU_KEPT)
			apply(r->base, p);
		else if (p->kept >= EMU_TORN)
			emu_tear(at(r->base, p), p->bytes, p->kept - EMU_TORN);
		see_time(&r->time, r->base, p);
	}
	r->npending = 0;
}

static void fail_run(struct run *r, bool again)
{
	printf("%s (%d)\n", r->w.error, r->w.err);
	cut_total.lost++;
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

	cover(COVER_AGAIN);
	r->time = is_kill ? first.time : image_time;
	r->frames = first.frames;
	memcpy(r->base, is_kill ? first.base : image, size_of(r));
	memcpy(r->seen, image, size_of(r));
	r->npending = is_kill ? first.npending : 0;
	for (int i = 0; i < r->npending; i++)
		r->pending[i] = first.pending[i];
	workload_resume(&r->w, image, r->frames, seed, m, op);
	r->w.emu.time = first.w.emu.time;
	for (int i = 0; i < STEPS_AGAIN && !r->w.error; i++)
		chance_step(&r->w);
	here[1] = (struct cut){ -1, 0 };
	if (r->w.error) {
		fail_run(r, true);
		return;
	}
	for (int i = 0; i < r->w.emu.nops; i++) {
		advance(r, i);
		if (i == 0 && is_kill)
			continue; /* not open yet */
		uint64_t n = count_states(r->npending);
		for (int k = 0; k < SAMPLE_AGAIN; k++) {
			here[1] = (struct cut){ i, emu_random(&seed) % n };
			make_state(r, here[1].state);
			cover(COVER_AGAIN_CUT);
			(void)look(r, &r->w.emu.op[i], false, true);
			if (n == 1)
				break;
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
		memcpy(image, r->seen, size_of(r));
		image_time = 0; /* a failed commit may come back in any case */
		const struct model *left = look(r, op, true, false);
		if (left && can_go_on(r, i))
			cut_again(left, r->name.seed + (uint64_t)i, true,
				  op->marks ? op : NULL);
		return;
	}
	make_state(r, state);
	const struct model *m = look(r, op, false, false);
	uint64_t seed = state ^ (uint64_t)i << 44 ^ r->name.seed;
	if (m && emu_random(&seed) % AGAIN_OF == 0)
		cut_again(m, seed, false, NULL);
}

/* Writes behind entry i that no sync has made certain, and those to come. */
static int count_burst(const struct run *r, int i)
{
	const struct flashemu *e = &r->w.emu;
	int n = r->npending;

	for (i++; i < e->nops; i++) {
		if (e->op[i].kind == EMU_SYNC ||
		    e->op[i].kind == EMU_SYNC_FAILED)
			break;
		n += e->op[i].kind == EMU_WRITE;
	}
	return n;
}

/* All states, or some of them, behind entry i. */
static void try_entry(struct run *r, int i)
{
	uint64_t n = count_states(r->npending);
	uint64_t seed = r->name.seed + (uint64_t)i;
	uint64_t max = r->is_all ? SAMPLE : cut_cap;

	if (r->w.emu.op[i].kind != EMU_SYNC)
		try_state(r, i, KILL_STATE);
	if (r->is_all && r->w.emu.op[i].kind == EMU_POINT)
		max = SAMPLE_REST;
	else if (r->is_all && count_burst(r, i) <= MAX_SUBSET)
		max = n;
	for (uint64_t k = 0; k < n && k < max && !cut_is_over(); k++) {
		cover(n <= max ? COVER_SUBSET : COVER_SAMPLE);
		try_state(r, i, n <= max ? k : emu_random(&seed) % n);
	}
}

/* A spool that only looks. */
static void init_looker(void)
{
	if (looker.spool)
		return;
	workload_init(&looker, EMU_MAX_FRAMES, 1, false);
	looker.emu.is_noting = false;
	looker.emu.marks = NULL;
}

/* By chance: the ring, tmpfs, whether the medium fails, and all calls. */
static void run_by_chance(struct run *r)
{
	uint64_t s = r->name.seed;

	r->frames = (uint32_t)(8 + emu_random(&s) % 9);
	if (emu_random(&s) % 8 == 0)
		r->frames = (uint32_t)(16 + emu_random(&s) % 33);
	workload_init(&r->w, r->frames, r->name.seed, emu_random(&s) % 2);
	r->w.faults = emu_random(&s) % 3 == 0;
	for (int i = 0; i < STEPS && !r->w.error; i++)
		chance_step(&r->w);
}

static void run_script(struct run *r)
{
	const struct script *s = script_find(r->name.script);

	r->frames = r->name.frames;
	workload_init(&r->w, r->frames, r->name.seed, r->name.marks);
	r->w.faults = s->faults;
	s->run(&r->w);
}

static void make_run(struct run *r, const struct run_name *name)
{
	init_looker();
	r->name = *name;
	r->is_all = name->script != NULL && !cut_is_sample;
	if (name->script)
		run_script(r);
	else
		run_by_chance(r);
	memcpy(r->base, r->w.emu.start, sizeof(r->base));
	memcpy(r->seen, r->w.emu.start, sizeof(r->seen));
	r->npending = 0;
	r->time = 0;
	cut_total.runs++;
	here[0] = (struct cut){ -1, 0 };
	if (r->w.error)
		fail_run(r, false);
}

void cut_run(const struct run_name *name)
{
	make_run(&first, name);
	for (int i = 0; i < first.w.emu.nops && !cut_is_over(); i++) {
		advance(&first, i);
		try_entry(&first, i);
	}
}

/* The run that a replay names: SCRIPT.FRAMES.MARKS, or a seed. */
static bool parse_name(const char *word, char script[static 32],
		       struct run_name *name)
{
	unsigned long long seed;
	unsigned frames;
	int marks;

	*name = (struct run_name){ 0 };
	if (sscanf(word, "%31[a-z].%u.%d", script, &frames, &marks) == 3) {
		name->script = script;
		name->frames = frames;
		name->marks = marks;
		name->seed = frames;
		return script_find(script) && frames >= SPOOL_MIN_FRAMES &&
		       frames <= EMU_MAX_FRAMES;
	}
	if (sscanf(word, "%llu", &seed) != 1)
		return false;
	name->seed = seed;
	return true;
}

int cut_run_named(const char *word)
{
	char script[32];
	struct run_name name;

	if (!parse_name(word, script, &name))
		return -1;
	cut_run(&name);
	return 0;
}

int cut_replay(const char *arg)
{
	char word[64], script[32];
	struct run_name name;
	unsigned long long state;
	int op;

	if (sscanf(arg, "%63[^:]:%d:%llu", word, &op, &state) != 3 ||
	    !parse_name(word, script, &name))
		return -1;
	is_replay = true;
	make_run(&first, &name);
	for (int i = 0; i <= op && i < first.w.emu.nops; i++)
		advance(&first, i);
	if (op >= 0 && op < first.w.emu.nops)
		try_state(&first, op, state);
	return 0;
}

void cut_end(void)
{
	struct workload *all[] = { &first.w, &second.w, &looker };

	for (int i = 0; i < 3; i++) {
		workload_free(all[i]);
		free(all[i]->spool);
		all[i]->spool = NULL;
	}
}
