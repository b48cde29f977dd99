/* SPDX-License-Identifier: ISC */
/*
 * test_spool_burnt.c - a commit failed, and its frames can be read all the
 * same: a process that is started again knows of it from the marks medium.
 */
#include "spoolbox.h"

/* Frames of the ring used here. */
#define FRAMES 16

static int sent(struct box *b, uint64_t id, uint16_t rcpt)
{
	struct spool_mark mark = { .id = id,
				   .rcpt = rcpt,
				   .state = SPOOL_SENT };

	return spool_mark_lazy(b->spool, &mark);
}

/* A box that keeps marks, with messages 1 and 2. */
static struct box *filled(void)
{
	struct box *b = box_new(FRAMES);

	assert_int_equal(box_open(b, true), 0);
	assert_int_equal(box_add(b, 1, 2, 20, 500), 0);
	assert_int_equal(box_add(b, 2, 2, 20, 500), 0);
	return b;
}

static int fail_to_add(struct box *b, uint64_t id)
{
	b->ring.fail_sync = 1;
	int err = box_add(b, id, 1, 20, 500);
	b->ring.fail_sync = 0;
	return err;
}

/* Marks that came behind it are not stale, and it is not believed. */
static void marks_behind_a_failed_commit(void **state)
{
	(void)state;
	for (int burnt = 1; burnt < 6; burnt++) {
		struct box *b = filled();
		assert_int_equal(sent(b, 1, 0), 0);
		for (int i = 0; i < burnt; i++)
			assert_int_equal(fail_to_add(b, 3), -EIO);
		assert_int_equal(sent(b, 1, 1), 0);
		assert_int_equal(box_open(b, true), 0);
		assert_false(box_has(b, 1) || box_has(b, 3));
		assert_true(box_has(b, 2));
		assert_int_equal(spool_count(b->spool), 1);
		assert_int_equal(box_open(b, true), 0);
		assert_int_equal(spool_count(b->spool), 1);
		box_free(b);
	}
}

/* What comes behind it counts, and so does what comes behind a restart. */
static void commits_behind_a_failed_one(void **state)
{
	(void)state;
	for (int opens = 0; opens < 3; opens++) {
		struct box *b = filled();
		assert_int_equal(fail_to_add(b, 3), -EIO);
		for (int i = 0; i < opens; i++)
			assert_int_equal(box_open(b, true), 0);
		assert_int_equal(box_add(b, 4, 1, 20, 500), 0);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(box_open(b, i == 0), 0);
			assert_true(box_has(b, 1) && box_has(b, 2));
			assert_true(box_has(b, 4));
			assert_false(box_has(b, 3));
		}
		box_free(b);
	}
}

/*
 * Ten minutes after a commit that failed an empty one follows: from then on it
 * cannot come back, tmpfs or not.  There is one, and no more.
 */
static void an_empty_commit_behind_a_failed_one(void **state)
{
	(void)state;
	for (int opens = 0; opens < 2; opens++) {
		struct box *b = filled();
		int64_t next;
		assert_int_equal(fail_to_add(b, 3), -EIO);
		if (opens)
			assert_int_equal(box_open(b, true), 0);
		assert_int_equal(spool_tick(b->spool, &next), 0);
		assert_int_equal(next, b->now_ms + SPOOL_LAZY_MS);
		b->now_ms = next;
		b->ring.fail_sync = 1;
		assert_int_equal(spool_tick(b->spool, &next), -EIO);
		assert_int_equal(next, b->now_ms + SPOOL_LAZY_MS);
		b->now_ms = next;
		b->ring.fail_sync = 0;
		long writes = b->ring.writes;
		assert_int_equal(spool_tick(b->spool, &next), 0);
		assert_int_equal(b->ring.writes, writes + 1);
		assert_int_equal(next, b->now_ms + SPOOL_AGE_MS);
		assert_int_equal(box_open(b, false), 0);
		assert_false(box_has(b, 3));
		assert_int_equal(spool_count(b->spool), 2);
		box_free(b);
	}
}

/* Its frames were never on the medium: what it had moved is not lost. */
static void a_cut_after_the_restart(void **state)
{
	static uint8_t synced[FRAMES * SPOOL_FRAME];
	struct box *b = filled();

	(void)state;
	memcpy(synced, b->ring.bytes, sizeof(synced));
	for (uint64_t id = 10; id < 30; id++) {
		uint64_t gone = id % 2 ? id - 1 : 0;
		assert_int_equal(fail_to_add(b, id), -EIO);
		assert_int_equal(box_open(b, true), 0);
		/* What was written since, and synced, is there. */
		memcpy(synced, b->ring.bytes, sizeof(synced));
		assert_int_equal(fail_to_add(b, id), -EIO);
		if (gone)
			assert_int_equal(box_gone(b, gone), -ENOENT);
		assert_int_equal(box_open(b, true), 0);
		memcpy(b->ring.bytes, synced, sizeof(synced));
		assert_int_equal(box_open(b, true), 0);
		assert_true(box_has(b, 1) && box_has(b, 2));
		assert_int_equal(spool_count(b->spool), 2);
	}
	box_free(b);
}

/* Its frames leave the page cache: their sequences stay burnt. */
static void frames_that_vanish(void **state)
{
	static uint8_t synced[FRAMES * SPOOL_FRAME];
	struct box *b = filled();

	(void)state;
	memcpy(synced, b->ring.bytes, sizeof(synced));
	assert_int_equal(fail_to_add(b, 3), -EIO);
	assert_int_equal(fail_to_add(b, 3), -EIO);
	memcpy(b->ring.bytes, synced, sizeof(synced));
	assert_int_equal(box_open(b, true), 0);
	assert_int_equal(box_add(b, 4, 1, 20, 500), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(box_open(b, i == 0), 0);
		assert_true(box_has(b, 1) && box_has(b, 2) && box_has(b, 4));
		assert_int_equal(spool_count(b->spool), 3);
	}
	box_free(b);
}

/* Sequences that were given back are used again: no old word is believed. */
static void a_scrub_makes_it_stale(void **state)
{
	static uint8_t old[BOX_MARKS];
	struct box *b = filled();

	(void)state;
	for (int i = 0; i < FRAMES; i++)
		assert_int_equal(fail_to_add(b, 3), -EIO);
	memcpy(old, b->marks.bytes, sizeof(old));
	b->ring.fail_sync = 2; /* the scrub's own, behind its witness's */
	assert_int_equal(box_add(b, 3, 1, 20, 500), -EIO);
	assert_int_not_equal(b->ring.bytes[10 * SPOOL_FRAME], 'm');
	assert_int_equal(box_add(b, 4, 1, 20, 500), 0);
	assert_int_equal(b->ring.bytes[10 * SPOOL_FRAME], 'm');
	for (int i = 0; i < 2; i++) {
		assert_int_equal(box_open(b, true), 0);
		assert_true(box_has(b, 1) && box_has(b, 2) && box_has(b, 4));
		memcpy(b->marks.bytes, old, sizeof(old));
	}
	box_free(b);
}

/* Room for that word is kept, however many marks there are. */
static void a_full_marks_medium(void **state)
{
	struct box *b = filled();

	(void)state;
	b->marks.medium.size = 3 * 32;
	assert_int_equal(sent(b, 1, 0), 0);
	assert_int_equal(sent(b, 2, 0), 0);
	b->ring.fail_sync = 1; /* the third has to be written */
	assert_int_equal(sent(b, 2, 1), -EIO);
	assert_int_equal(box_open(b, true), 0);
	assert_true(box_has(b, 1) && box_has(b, 2));
	assert_int_equal(box_open(b, false), 0);
	box_free(b);
}

/* A marks medium that fails: the failed commit may be believed, no more. */
static void no_word_of_it(void **state)
{
	struct box *b = filled();

	(void)state;
	b->marks.fail_write = 1;
	assert_int_equal(fail_to_add(b, 3), -EIO);
	assert_int_equal(box_open(b, true), 0);
	assert_true(box_has(b, 1) && box_has(b, 2) && box_has(b, 3));
	assert_int_equal(box_add(b, 4, 1, 20, 500), 0);
	assert_int_equal(box_open(b, true), 0);
	assert_int_equal(spool_count(b->spool), 4);
	box_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(marks_behind_a_failed_commit),
		cmocka_unit_test(commits_behind_a_failed_one),
		cmocka_unit_test(an_empty_commit_behind_a_failed_one),
		cmocka_unit_test(a_cut_after_the_restart),
		cmocka_unit_test(frames_that_vanish),
		cmocka_unit_test(a_scrub_makes_it_stale),
		cmocka_unit_test(a_full_marks_medium),
		cmocka_unit_test(no_word_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
