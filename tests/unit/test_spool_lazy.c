/* SPDX-License-Identifier: ISC */
/* test_spool_lazy.c - lazy marks: the window, tmpfs, and what ends it. */
#include "spoolbox.h"

static int sent(struct box *b, uint64_t id, uint16_t rcpt)
{
	struct spool_mark mark = { .id = id,
				   .kind = SPOOL_MARK_RCPT,
				   .rcpt = rcpt,
				   .state = SPOOL_SENT };

	return spool_mark_lazy(b->spool, &mark);
}

static uint8_t state_of(struct box *b, uint64_t id, uint16_t rcpt)
{
	uint8_t states[SPOOL_MAX_RCPT];
	struct spool_msg msg;

	assert_int_equal(spool_find(b->spool, id, &msg), 0);
	assert_int_equal(spool_states(b->spool, &msg, states), 0);
	return states[rcpt];
}

/* A new box with so many messages of two recipients. */
static struct box *filled(uint64_t n)
{
	struct box *b = box_new(64);

	for (uint64_t id = 1; id <= n; id++)
		assert_int_equal(box_add(b, id, 2, 20, 100), 0);
	return b;
}

static void counts_at_once_and_writes_nothing(void **state)
{
	struct box *b = filled(2);
	uint32_t writes = spool_stats(b->spool).writes;

	(void)state;
	assert_int_equal(sent(b, 1, 0), 0);
	assert_int_equal(state_of(b, 1, 0), SPOOL_SENT);
	assert_int_equal(state_of(b, 1, 1), SPOOL_WAITING);
	assert_int_equal(sent(b, 1, 1), 0);
	assert_int_equal(spool_count(b->spool), 1);
	assert_int_equal(sent(b, 1, 1), -ENOENT);
	assert_int_equal(sent(b, 2, 2), -EINVAL);
	assert_int_equal(spool_stats(b->spool).writes, writes);
	/* A power cut: the window. */
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(spool_count(b->spool), 2);
	assert_int_equal(state_of(b, 1, 0), SPOOL_WAITING);
	box_free(b);
}

static void tmpfs_keeps_them(void **state)
{
	struct box *b = filled(3);

	(void)state;
	assert_int_equal(box_open(b, true), 0);
	assert_int_equal(sent(b, 1, 0), 0);
	assert_int_equal(sent(b, 2, 0), 0);
	assert_int_equal(sent(b, 2, 1), 0);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(box_open(b, true), 0);
		assert_int_equal(spool_count(b->spool), 2);
		assert_int_equal(state_of(b, 1, 0), SPOOL_SENT);
		assert_int_equal(state_of(b, 3, 0), SPOOL_WAITING);
	}
	/* One more behind those that were read. */
	assert_int_equal(sent(b, 3, 1), 0);
	assert_int_equal(box_open(b, true), 0);
	assert_int_equal(state_of(b, 1, 0), SPOOL_SENT);
	assert_int_equal(state_of(b, 3, 1), SPOOL_SENT);
	/* A commit takes them along; what is on tmpfs is stale then. */
	assert_int_equal(box_add(b, 9, 1, 10, 10), 0);
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(spool_count(b->spool), 3);
	assert_int_equal(state_of(b, 1, 0), SPOOL_SENT);
	assert_int_equal(box_open(b, true), 0);
	assert_int_equal(spool_count(b->spool), 3);
	box_free(b);
}

static void stale_and_damaged_files_are_harmless(void **state)
{
	struct box *b = filled(3);
	uint8_t kept[BOX_MARKS];

	(void)state;
	assert_int_equal(box_open(b, true), 0);
	assert_int_equal(sent(b, 1, 0), 0);
	assert_int_equal(sent(b, 2, 0), 0);
	memcpy(kept, b->marks.bytes, BOX_MARKS);
	/* Each flipped byte costs the entry and those behind it. */
	for (size_t i = 0; i < 64; i++) {
		memcpy(b->marks.bytes, kept, BOX_MARKS);
		b->marks.bytes[i] ^= 1;
		assert_int_equal(box_open(b, true), 0);
		assert_int_equal(state_of(b, 1, 0),
				 i < 32 ? SPOOL_WAITING : SPOOL_SENT);
		assert_int_equal(state_of(b, 2, 0), SPOOL_WAITING);
	}
	/* That of an older state. */
	memcpy(b->marks.bytes, kept, BOX_MARKS);
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(box_add(b, 7, 1, 10, 10), 0);
	assert_int_equal(box_open(b, true), 0);
	assert_int_equal(state_of(b, 1, 0), SPOOL_WAITING);
	/* That of another spool. */
	struct box *other = box_new(64);
	other->next_random = 5000;
	for (uint64_t id = 1; id <= 3; id++)
		assert_int_equal(box_add(other, id, 2, 20, 100), 0);
	memcpy(other->marks.bytes, kept, BOX_MARKS);
	assert_int_equal(box_open(other, true), 0);
	assert_int_equal(state_of(other, 1, 0), SPOOL_WAITING);
	box_free(other);
	box_free(b);
}

static void sixty_four_are_written(void **state)
{
	struct box *b = filled(70);
	uint32_t writes = spool_stats(b->spool).writes;

	(void)state;
	for (uint64_t id = 1; id < SPOOL_MAX_LAZY; id++)
		assert_int_equal(sent(b, id, 0), 0);
	assert_int_equal(spool_stats(b->spool).writes, writes);
	assert_int_equal(sent(b, SPOOL_MAX_LAZY, 0), 0);
	assert_int_equal(spool_stats(b->spool).writes, writes + 1);
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(state_of(b, 1, 0), SPOOL_SENT);
	assert_int_equal(state_of(b, 64, 0), SPOOL_SENT);
	assert_int_equal(state_of(b, 65, 0), SPOOL_WAITING);
	box_free(b);
}

/* 64 recipients of one message collapse into one mark: it is gone. */
static void a_gone_message_needs_one(void **state)
{
	struct box *b = box_new(64);

	(void)state;
	for (uint64_t id = 1; id <= 4; id++)
		assert_int_equal(box_add(b, id, 60, 20, 100), 0);
	uint32_t writes = spool_stats(b->spool).writes;
	for (uint64_t id = 1; id <= 4; id++)
		for (uint16_t i = 0; i < 60; i++)
			assert_int_equal(sent(b, id, i), 0);
	assert_int_equal(spool_count(b->spool), 0);
	assert_int_equal(spool_stats(b->spool).writes, writes);
	box_free(b);
}

static void ten_minutes_are_enough(void **state)
{
	struct box *b = filled(2);
	int64_t next;

	(void)state;
	b->now_ms = 1000;
	assert_int_equal(sent(b, 1, 0), 0);
	b->now_ms = SPOOL_LAZY_MS;
	assert_int_equal(sent(b, 1, 1), 0);
	uint32_t writes = spool_stats(b->spool).writes;
	b->now_ms = 999 + SPOOL_LAZY_MS;
	assert_int_equal(spool_tick(b->spool, &next), 0);
	assert_int_equal(next, 1000 + SPOOL_LAZY_MS);
	assert_int_equal(spool_stats(b->spool).writes, writes);
	b->now_ms = next;
	assert_int_equal(spool_tick(b->spool, &next), 0);
	assert_int_equal(spool_stats(b->spool).writes, writes + 1);
	assert_int_equal(next, 1000 + SPOOL_LAZY_MS + (int64_t)SPOOL_AGE_MS);
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(spool_count(b->spool), 1);
	box_free(b);
}

static void clean_stop_writes_them(void **state)
{
	struct box *b = filled(2);

	(void)state;
	assert_int_equal(spool_sync_marks(b->spool), 0);
	uint32_t writes = spool_stats(b->spool).writes;
	assert_int_equal(sent(b, 1, 0), 0);
	assert_int_equal(spool_sync_marks(b->spool), 0);
	assert_int_equal(spool_stats(b->spool).writes, writes + 1);
	assert_int_equal(spool_sync_marks(b->spool), 0);
	assert_int_equal(spool_stats(b->spool).writes, writes + 1);
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(state_of(b, 1, 0), SPOOL_SENT);
	box_free(b);
}

/* The marks medium full or failing: they go to flash at once. */
static void tmpfs_that_fails(void **state)
{
	struct box *b = filled(10);

	(void)state;
	b->marks.medium.size = 4 * 32 + 31; /* one for what is burnt */
	assert_int_equal(box_open(b, true), 0);
	for (uint64_t id = 1; id <= 3; id++)
		assert_int_equal(sent(b, id, 0), 0);
	assert_int_equal(spool_stats(b->spool).writes, 0);
	assert_int_equal(sent(b, 4, 0), 0);
	assert_int_equal(spool_stats(b->spool).writes, 1);
	b->marks.fail_write = 1;
	assert_int_equal(sent(b, 5, 0), 0);
	assert_int_equal(spool_stats(b->spool).writes, 2);
	b->marks.fail_read = 1;
	assert_int_equal(box_open(b, true), 0);
	assert_int_equal(state_of(b, 5, 0), SPOOL_SENT);
	box_free(b);
}

/* A killed process has left marks, nobody knows when: they are due at once. */
static void marks_of_an_earlier_process(void **state)
{
	struct box *b = filled(3);
	int64_t next;

	(void)state;
	assert_int_equal(box_open(b, true), 0);
	assert_int_equal(spool_tick(b->spool, &next), 0);
	assert_int_equal(spool_stats(b->spool).writes, 0);
	assert_int_equal(sent(b, 1, 0), 0);
	b->now_ms += SPOOL_LAZY_MS - 1;
	assert_int_equal(box_open(b, true), 0);
	assert_int_equal(spool_stats(b->spool).writes, 0);
	assert_int_equal(spool_tick(b->spool, &next), 0);
	assert_int_equal(spool_stats(b->spool).writes, 1);
	/* Now tmpfs is no longer needed. */
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(state_of(b, 1, 0), SPOOL_SENT);
	box_free(b);
}

/* The ring fails: marks count in RAM, to twice their number. */
static void flash_that_fails(void **state)
{
	struct box *b = filled(200);
	int64_t next;

	(void)state;
	assert_int_equal(spool_count(b->spool), 200);
	for (uint64_t id = 1; id <= 2 * SPOOL_MAX_LAZY; id++) {
		b->ring.fail_sync = 1;
		int err = sent(b, id, 0);
		assert_int_equal(err, id < SPOOL_MAX_LAZY ? 0 : -EIO);
		assert_int_equal(state_of(b, id, 0), SPOOL_SENT);
	}
	b->ring.fail_sync = 1;
	assert_int_equal(sent(b, 130, 0), -ENOBUFS);
	assert_int_equal(state_of(b, 130, 0), SPOOL_WAITING);
	b->now_ms += SPOOL_LAZY_MS;
	b->ring.fail_sync = 1;
	assert_int_equal(spool_tick(b->spool, &next), -EIO);
	assert_true(next > b->now_ms);
	b->now_ms = next;
	b->ring.fail_sync = 0;
	assert_int_equal(spool_tick(b->spool, &next), 0);
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(spool_count(b->spool), 200);
	for (uint64_t id = 1; id <= 2 * SPOOL_MAX_LAZY; id++)
		assert_int_equal(state_of(b, id, 0), SPOOL_SENT);
	box_free(b);
}

/* Flags, and a mark with a reason, are no lazy matter. */
static void some_are_never_lazy(void **state)
{
	struct box *b = filled(1);
	struct spool_mark flags = { .id = 1,
				    .kind = SPOOL_MARK_FLAGS,
				    .flags = SPOOL_HELD };
	struct spool_mark why = { .id = 1,
				  .state = SPOOL_REFUSED,
				  .code = 550,
				  .text = SLICE("no") };
	struct spool_msg msg;

	(void)state;
	assert_int_equal(spool_mark_lazy(b->spool, &flags), 0);
	assert_int_equal(spool_mark_lazy(b->spool, &why), 0);
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(spool_find(b->spool, 1, &msg), 0);
	assert_int_equal(msg.flags, SPOOL_HELD);
	assert_int_equal(state_of(b, 1, 0), SPOOL_REFUSED);
	box_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_at_once_and_writes_nothing),
		cmocka_unit_test(tmpfs_keeps_them),
		cmocka_unit_test(stale_and_damaged_files_are_harmless),
		cmocka_unit_test(sixty_four_are_written),
		cmocka_unit_test(a_gone_message_needs_one),
		cmocka_unit_test(ten_minutes_are_enough),
		cmocka_unit_test(clean_stop_writes_them),
		cmocka_unit_test(tmpfs_that_fails),
		cmocka_unit_test(marks_of_an_earlier_process),
		cmocka_unit_test(flash_that_fails),
		cmocka_unit_test(some_are_never_lazy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
