/* SPDX-License-Identifier: ISC */
/*
 * test_spool_reads.c - a read that fails once, at each moment of each thing
 * the spool does, and places that cannot be read any more: nobody else's mail
 * is harmed, and what was said counts.
 */
#include "spoolimage.h"

static struct image *im;

static int set_up(void **state)
{
	(void)state;
	im = image_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	image_free(im);
	return 0;
}

static int mark(uint64_t id, enum spool_mark_kind kind, uint16_t rcpt,
		uint8_t state, bool lazy)
{
	struct spool_mark m = {
		.id = id, .kind = kind, .rcpt = rcpt, .state = state
	};

	return lazy ? spool_mark_lazy(im->box->spool, &m)
		    : box_mark(im->box, &m);
}

/* Mail comes and goes, a whole lap of it; how often that failed. */
static int churn(void)
{
	int failed = 0;

	for (uint64_t id = 200; id < 220; id++)
		failed += box_add(im->box, id, 1, 30, 1500) != 0 ||
			  box_gone(im->box, id) != 0;
	for (uint64_t id = 200; id < 220; id++)
		(void)!box_gone(im->box, id);
	return failed;
}

/* The last recipients of two messages, in one commit. */
static int end_two(void)
{
	struct spool_mark m[2] = {
		{ .id = 9, .kind = SPOOL_MARK_RCPT, .state = SPOOL_SENT },
		{ .id = 11, .kind = SPOOL_MARK_RCPT, .state = SPOOL_DROPPED },
	};
	struct spool_item items[2] = { { .mark = &m[0] }, { .mark = &m[1] } };

	return spool_commit(im->box->spool, items, 2);
}

static int end_lazily(void)
{
	int err = mark(9, SPOOL_MARK_RCPT, 0, SPOOL_SENT, true);
	int bad = mark(11, SPOOL_MARK_GONE, 0, 0, true);

	return err ? err : bad ? bad : spool_sync_marks(im->box->spool);
}

static int add_big(void)
{
	int err = box_big(im->box, 201, 20, 4000);

	if (err == 0)
		err = box_add_big(im->box, 201, 4000);
	if (err)
		spool_big_abort(im->box->spool);
	else
		err = box_gone(im->box, 201);
	return err;
}

/* All that can be asked; a wrong answer is worse than none. */
static int ask_all(void)
{
	struct spool *s = im->box->spool;
	struct spool_cursor c = { 0, 0 };
	struct spool_msg msg;
	uint8_t states[IMAGE_RCPTS], byte;
	char space[200];
	uint16_t code, dsn;
	int more, err = 0;

	while ((more = spool_next(s, &c, &msg)) != 0) {
		struct buf text = BUF_ON(space);
		int bad = more < 0 ? more : spool_states(s, &msg, states);
		err = bad ? bad : err;
		if (bad || msg.nrcpt != IMAGE_RCPTS)
			continue;
		bad = spool_reason(s, &msg, 1, &code, &dsn, &text);
		if (bad == 0)
			assert_built(&text, "no such user here");
		err = bad ? bad : err;
	}
	if (spool_find(s, 2, &msg) || spool_read(s, &msg, 4000, &byte, 1))
		return -EIO;
	return err;
}

static int (*const things[])(void) = { churn, end_two, end_lazily, add_big,
				       ask_all };

/* A message of the image that the things above leave alone. */
static bool is_bystander(const struct image_msg *m)
{
	return m->is_live && m->id != 9 && m->id != 11;
}

static void check_message(const struct image_msg *m)
{
	struct spool_msg msg;
	uint8_t states[IMAGE_RCPTS];

	assert_int_equal(spool_find(im->box->spool, m->id, &msg), 0);
	assert_true(box_has(im->box, m->id));
	assert_int_equal(msg.flags, m->flags);
	assert_int_equal(spool_states(im->box->spool, &msg, states), 0);
	assert_memory_equal(states, m->states, m->nrcpt);
}

/* A bit for each of the messages that are there, whole. */
static uint32_t check_bystanders(void)
{
	uint32_t others = 0;

	for (size_t i = 0; i < im->n; i++) {
		if (is_bystander(&im->msg[i]))
			check_message(&im->msg[i]);
		else if (box_has(im->box, im->msg[i].id))
			others |= 1u << i;
	}
	return others;
}

/* One read fails, once: then all is as it was said to be. */
static bool fail_once(size_t thing, int nth)
{
	struct box *b = im->box;

	image_reset(im);
	assert_int_equal(box_open(b, true), 0);
	b->ring.fail_read = nth;
	(void)things[thing]();
	bool hit = b->ring.fail_read == 0;
	b->ring.fail_read = 0;
	uint32_t left = check_bystanders();
	assert_int_equal(spool_stats(b->spool).lost, 0);
	assert_int_equal(box_open(b, true), 0);
	assert_int_equal(check_bystanders(), left);
	assert_int_equal(box_add(b, 300, 1, 9, 9), 0);
	assert_int_equal(box_open(b, true), 0);
	assert_int_equal(check_bystanders(), left);
	return hit;
}

static void each_read_fails_once(void **state)
{
	(void)state;
	for (size_t thing = 0; thing < ARRAY_LEN(things); thing++) {
		int nth = 1;
		while (fail_once(thing, nth))
			nth += nth < 60 ? 1 : 17;
		assert_true(nth > 3);
	}
}

/* Without a fault each of them can be done. */
static void nothing_fails(void **state)
{
	(void)state;
	for (size_t thing = 0; thing < ARRAY_LEN(things); thing++) {
		image_reset(im);
		assert_int_equal(box_open(im->box, true), 0);
		assert_int_equal(things[thing](), 0);
		uint32_t left = check_bystanders();
		assert_int_equal(left != 0, thing != 1 && thing != 2);
	}
}

/* Laps of a ring with a place that can be neither read nor written. */
static void go_round(uint64_t bad)
{
	struct box *b = im->box;

	b->ring.bad = bad;
	for (int i = 0; i < 4; i++)
		assert_in_range(churn(), 0, 8);
	for (size_t i = 0; i < im->n; i++) {
		const struct image_msg *m = &im->msg[i];
		/* In what cannot be read there may be marks for it. */
		if (m->is_live && m->marks == 0 && !(m->frames & bad))
			check_message(m);
	}
	assert_in_range(spool_stats(b->spool).lost, 0, 4);
	b->ring.bad = 0;
	assert_int_equal(churn(), 0);
}

/* It goes bad while the spool is in use, or before a start. */
static void each_place_is_bad(void **state)
{
	(void)state;
	for (uint64_t at = 0; at < IMAGE_FRAMES; at++) {
		for (int way = 0; way < 2; way++) {
			uint64_t bad = UINT64_C(1) << at;
			image_reset(im);
			im->box->ring.bad = way ? bad : 0;
			assert_int_equal(box_open(im->box, false), 0);
			if (way == 0 || image_void(im, bad) > im->top)
				go_round(bad);
			im->box->ring.bad = 0;
		}
	}
}

/* A write that was lost shows an older frame there: that is no mail. */
static void each_place_is_stale(void **state)
{
	struct box *b = im->box;

	(void)state;
	for (uint64_t at = 0; at < IMAGE_FRAMES; at++) {
		uint64_t bad = UINT64_C(1) << at;
		image_reset(im);
		assert_int_equal(box_open(b, false), 0);
		memcpy(b->ring.bytes + at * SPOOL_FRAME,
		       im->older + (at + 1) % IMAGE_FRAMES * SPOOL_FRAME,
		       SPOOL_FRAME);
		for (size_t i = 0; i < im->n; i++) {
			const struct image_msg *m = &im->msg[i];
			struct spool_msg msg;
			if (!m->is_live)
				continue;
			if (m->frames & bad)
				assert_false(box_has(b, m->id));
			else if (spool_find(b->spool, m->id, &msg) == 0)
				assert_true(box_has(b, m->id));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_fails),
		cmocka_unit_test(each_read_fails_once),
		cmocka_unit_test(each_place_is_bad),
		cmocka_unit_test(each_place_is_stale),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
