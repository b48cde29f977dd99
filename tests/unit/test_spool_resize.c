/* SPDX-License-Identifier: ISC */
/*
 * test_spool_resize.c - what counts is written to a ring of another size:
 * every message is there, with its states, or the old ring is as it was.
 */
#include "spoolbox.h"

/* Messages of a run. */
#define MESSAGES 60

/* What is to be there: recipients' states; none: the message is gone. */
static uint8_t want[MESSAGES + 1][3];
static bool is_in[MESSAGES + 1];

/* A step of Knuth's generator; the upper bits. */
static uint32_t chance(uint32_t *seed, uint32_t n)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % n;
}

static void forget_all(void)
{
	memset(want, 0, sizeof(want));
	memset(is_in, 0, sizeof(is_in));
}

static void check_all(struct box *b)
{
	uint32_t n = 0;

	for (uint64_t id = 1; id <= MESSAGES; id++) {
		struct spool_msg msg;
		uint8_t states[3];
		int err = spool_find(b->spool, id, &msg);

		if (!is_in[id]) {
			assert_int_equal(err, -ENOENT);
			continue;
		}
		assert_true(box_has(b, id));
		assert_int_equal(spool_states(b->spool, &msg, states), 0);
		assert_memory_equal(states, want[id], msg.nrcpt);
		n++;
	}
	assert_int_equal(spool_count(b->spool), n);
}

/* A message of that size, or a big one, for three or for one. */
static void add(struct box *b, uint64_t id, uint32_t size)
{
	int err;

	if (id % 9 == 0) {
		err = box_big(b, id, 20, size + 5000);
		if (err == 0)
			err = box_add_big(b, id, size + 5000);
		if (err)
			spool_big_abort(b->spool);
	} else {
		err = box_add(b, id, 3, 20, size);
	}
	assert_true(err == 0 || err == -ENOSPC);
	is_in[id] = err == 0;
}

/* One recipient is done with, by a mark that waits or by one that is synced. */
static void mark(struct box *b, uint64_t id, uint32_t *seed)
{
	struct spool_mark m = { .id = id, .kind = SPOOL_MARK_RCPT };

	if (!is_in[id])
		return;
	m.rcpt = id % 9 == 0 ? 0 : (uint16_t)chance(seed, 3);
	m.state = chance(seed, 2) ? SPOOL_SENT : SPOOL_REFUSED;
	if (want[id][m.rcpt] != SPOOL_WAITING)
		return;
	int err = m.state == SPOOL_SENT ? spool_mark_lazy(b->spool, &m)
					: box_mark(b, &m);
	assert_int_equal(err, 0);
	want[id][m.rcpt] = m.state;
	is_in[id] = false;
	for (int i = 0; i < (id % 9 == 0 ? 1 : 3); i++)
		is_in[id] |= want[id][i] != SPOOL_SENT;
}

/* The other ring takes the place of this one. */
static int resize(struct box *b, uint32_t frames, bool marks)
{
	struct box_medium to = { .fail_errno = 0 };
	int err = spool_gather(b->spool, frames);

	if (err)
		return err;
	box_set_medium(&to, (size_t)frames * SPOOL_FRAME);
	err = spool_copy(b->spool, &to.medium);
	assert_int_equal(err, 0);
	free(b->ring.bytes);
	b->ring.bytes = to.bytes;
	b->ring.medium.size = to.medium.size;
	assert_int_equal(box_open(b, marks), 0);
	assert_int_equal(b->found.frames, frames);
	assert_int_equal(b->found.damaged, 0);
	assert_int_equal(b->found.foreign, 0);
	assert_int_equal(b->found.lost, 0);
	return 0;
}

/* Mail comes and goes, and the ring is now larger, now smaller. */
static void one_run(uint32_t seed, unsigned *done, unsigned *refused)
{
	struct box *b = box_new(8 + chance(&seed, 40));
	bool marks = chance(&seed, 2);

	forget_all();
	assert_int_equal(box_open(b, marks), 0);
	for (uint64_t id = 1; id <= MESSAGES; id++) {
		add(b, id, chance(&seed, 6000));
		for (int i = 0; i < 4; i++)
			mark(b, 1 + chance(&seed, (uint32_t)id), &seed);
		if (chance(&seed, 8) > 0)
			continue;
		/* What is only in memory is lost by the restart. */
		if (!marks)
			assert_int_equal(spool_sync_marks(b->spool), 0);
		int err = resize(b, 8 + chance(&seed, 56), marks);
		assert_true(err == 0 || err == -EBUSY);
		*done += err == 0;
		*refused += err != 0;
		check_all(b);
	}
	box_free(b);
}

static void mail_is_kept(void **state)
{
	unsigned done = 0, refused = 0;

	(void)state;
	for (uint32_t seed = 1; seed <= 25; seed++)
		one_run(seed, &done, &refused);
	assert_true(done > 80 && refused > 4);
}

static void an_empty_one_is_made_small(void **state)
{
	struct box *b = box_new(64);

	(void)state;
	forget_all();
	for (uint64_t id = 1; id <= 40; id++) {
		assert_int_equal(box_add(b, id, 1, 20, 3000), 0);
		assert_int_equal(box_gone(b, id), 0);
	}
	assert_int_equal(resize(b, 8, false), 0);
	check_all(b);
	assert_int_equal(box_add(b, 1, 3, 20, 2000), 0);
	is_in[1] = true;
	check_all(b);
	assert_int_equal(resize(b, 64, false), 0);
	check_all(b);
	box_free(b);
}

static void nothing_has_ever_been_in_it(void **state)
{
	struct box *b = box_new(16);

	(void)state;
	forget_all();
	struct box_medium to = { .fail_errno = 0 };
	box_set_medium(&to, 32 * SPOOL_FRAME);
	assert_int_equal(spool_gather(b->spool, 32), 0);
	assert_int_equal(spool_copy(b->spool, &to.medium), 0);
	for (size_t i = 0; i < to.medium.size; i++)
		assert_int_equal(to.bytes[i], 0);
	free(to.bytes);
	box_free(b);
}

/* The time and the age that were persisted go along. */
static void time_goes_along(void **state)
{
	struct box *b = box_new(16);
	struct spool_msg msg;

	(void)state;
	b->now_ms = 1000;
	assert_int_equal(box_open(b, false), 0);
	spool_set_wall(b->spool, 1700000000);
	assert_int_equal(box_add(b, 1, 1, 20, 100), 0);
	b->now_ms += 5000 * 1000;
	assert_int_equal(box_add(b, 2, 1, 20, 100), 0);
	assert_int_equal(resize(b, 20, false), 0);
	assert_int_equal(spool_last_wall(b->spool), 1700005000);
	assert_int_equal(spool_find(b->spool, 1, &msg), 0);
	assert_int_equal(msg.age_s, 5000);
	box_free(b);
}

/* More than half of the small one: refused, and nothing was written. */
static void too_much_waits(void **state)
{
	struct box *b = box_new(64);

	(void)state;
	forget_all();
	for (uint64_t id = 1; id <= 15; id++) {
		assert_int_equal(box_add(b, id, 3, 20, 3500), 0);
		is_in[id] = true;
	}
	uint32_t writes = spool_stats(b->spool).writes;
	assert_int_equal(spool_gather(b->spool, 24), -EBUSY);
	assert_int_equal(spool_gather(b->spool, 8), -EBUSY);
	assert_int_equal(spool_stats(b->spool).writes, writes);
	check_all(b);
	assert_int_equal(resize(b, 63, false), 0);
	check_all(b);
	box_free(b);
}

/* Each read, write and sync of it fails: the old ring is what it was. */
static void nth_call_fails(void **state)
{
	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		int hits = 0;
		for (int n = 1, hit = 1; hit; n++) {
			struct box *b = box_new(48);
			struct box_medium to = { .fail_errno = 0 };
			forget_all();
			for (uint64_t id = 1; id <= 20; id++)
				add(b, id, 2500 + 10 * (uint32_t)id);
			for (uint64_t id = 1; id <= 15; id++)
				if (is_in[id] && box_gone(b, id) == 0)
					is_in[id] = false;
			box_set_medium(&to, 24 * SPOOL_FRAME);
			int *fail = kind == 0   ? &b->ring.fail_read
				    : kind == 1 ? &to.fail_write
				    : kind == 2 ? &to.fail_sync
						: &b->ring.fail_sync;
			*fail = n;
			int err = spool_gather(b->spool, 24);
			if (err == 0)
				err = spool_copy(b->spool, &to.medium);
			hit = *fail == 0;
			*fail = 0;
			/* Some reads are made again, or are not needed. */
			assert_true(err == 0 || hit);
			assert_true(err < 0 || !hit || kind == 0);
			hits += hit;
			check_all(b);
			assert_int_equal(box_open(b, false), 0);
			check_all(b);
			if (err == 0) {
				memcpy(b->ring.bytes, to.bytes, to.medium.size);
				b->ring.medium.size = to.medium.size;
				assert_int_equal(box_open(b, false), 0);
				check_all(b);
			}
			free(to.bytes);
			box_free(b);
		}
		assert_true(hits > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mail_is_kept),
		cmocka_unit_test(an_empty_one_is_made_small),
		cmocka_unit_test(nothing_has_ever_been_in_it),
		cmocka_unit_test(time_goes_along),
		cmocka_unit_test(too_much_waits),
		cmocka_unit_test(nth_call_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
