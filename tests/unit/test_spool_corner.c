/* SPDX-License-Identifier: ISC */
/*
 * test_spool_corner.c - what seldom meets: numbers that chance gives twice,
 * marks files of a forger, big messages and failed commits at one time.
 */
#include "base/crc32c.h"
#include "spool/frame.h"
#include "spoolbox.h"

/* Bytes of an entry of the marks medium (SPOOL.md 1.5). */
#define ENTRY 32

/* What an entry says that all is burnt. */
#define BURNT 3

/* Id and first sequence of the newest commit on the medium. */
static uint64_t newest(struct box *b, uint64_t *id)
{
	struct frame_head h;
	uint64_t top = 0;

	for (uint64_t at = 0; at < b->ring.medium.size; at += SPOOL_FRAME) {
		const uint8_t *p = b->ring.bytes + at;
		if (frame_check(p) || frame_parse(p, &h) || h.seq < top ||
		    h.count == 0)
			continue;
		top = h.seq;
		*id = h.id;
	}
	return top;
}

/* Entry number n, for the newest commit; its own number is said to be so. */
static void put_entry(struct box *b, uint16_t n, uint16_t said, uint64_t seq,
		      uint8_t slot, uint8_t what, uint8_t state)
{
	uint8_t *e = b->marks.bytes + (size_t)n * ENTRY;
	uint64_t id = 0;

	(void)newest(b, &id);
	memset(e, 0, ENTRY);
	put_u64le(e, id);
	put_u64le(e + 8, seq);
	put_u16le(e + 22, said);
	e[24] = slot;
	e[25] = what;
	e[26] = state;
	put_u32le(e + 28, crc32c(0, e, 28));
}

static uint8_t state_of(struct box *b, uint64_t id)
{
	struct spool_msg msg;
	uint8_t states[4] = { 0 };

	assert_int_equal(spool_find(b->spool, id, &msg), 0);
	assert_int_equal(spool_states(b->spool, &msg, states), 0);
	return states[0];
}

/* The format has no commit and no stream 0, and no tag that is in use. */
static void chance_says_zero_and_repeats(void **state)
{
	struct box *b = box_new(64);

	(void)state;
	b->next_random = 0;
	assert_int_equal(box_add(b, 1, 1, 20, 100), 0);
	for (uint64_t id = 2; id <= 4; id++) {
		b->next_random = 0;
		assert_int_equal(box_big(b, id, 20, 5000 * (uint32_t)id), 0);
		assert_int_equal(box_add_big(b, id, 5000 * (uint32_t)id), 0);
	}
	for (int i = 0; i < 2; i++) {
		for (uint64_t id = 1; id <= 4; id++)
			assert_true(box_has(b, id));
		assert_int_equal(box_open(b, false), 0);
		assert_int_equal(b->found.lost + b->found.torn, 0);
	}
	box_free(b);
}

/* Streams whose ids differ only above the tag that the index keeps. */
static void streams_of_one_tag(void **state)
{
	struct box *b = box_new(64);

	(void)state;
	b->next_random = 7;
	assert_int_equal(box_big(b, 1, 20, 9000), 0);
	assert_int_equal(box_add_big(b, 1, 9000), 0);
	b->next_random = 7 + (UINT64_C(1) << 29);
	assert_int_equal(box_big(b, 2, 20, 9000), 0);
	assert_int_equal(box_add_big(b, 2, 9000), 0);
	assert_true(box_has(b, 1) && box_has(b, 2));
	assert_int_equal(box_gone(b, 1), 0);
	assert_true(box_has(b, 2));
	assert_int_equal(box_open(b, false), 0);
	assert_true(box_has(b, 2) && !box_has(b, 1));
	box_free(b);
}

/* One big message at a time, in one item of one commit. */
static void big_messages_that_cannot_be(void **state)
{
	struct box *b = box_new(64);
	struct spool_add add[2] = { box_message(1, 1, 20, 5000),
				    box_message(1, 1, 20, 5000) };
	struct spool_item items[2] = { { .add = &add[0] }, { .add = &add[1] } };

	(void)state;
	add[0].big = add[1].big = true;
	assert_int_equal(spool_big_write(b->spool, "x", 1), -EINVAL);
	assert_int_equal(box_big(b, 1, 20, 5000), 0);
	assert_int_equal(spool_big_write(b->spool, "x", UINT32_MAX), -EMSGSIZE);
	assert_int_equal(spool_commit(b->spool, items, 2), -EINVAL);
	assert_int_equal(spool_count(b->spool), 0);
	assert_int_equal(spool_commit(b->spool, items, 1), 0);
	assert_true(box_has(b, 1));
	box_free(b);
}

/* Entries that no spool writes: those that make no sense are nothing. */
static void forged_entries(void **state)
{
	struct box *b = box_new(32);
	uint64_t id = 0;

	(void)state;
	assert_int_equal(box_add(b, 1, 2, 20, 100), 0);
	assert_int_equal(box_add(b, 2, 2, 20, 100), 0);
	uint64_t seq = newest(b, &id);
	/* Places where nothing lives: above, below, no such slot. */
	put_entry(b, 0, 0, seq + 1, 0, SPOOL_MARK_GONE, 0);
	put_entry(b, 1, 1, seq - 20, 0, SPOOL_MARK_GONE, 0);
	put_entry(b, 2, 2, seq, 3, SPOOL_MARK_GONE, 0);
	put_entry(b, 3, 3, seq, 200, SPOOL_MARK_GONE, 0);
	/* What is burnt ends far beyond the ring. */
	put_entry(b, 4, 4, seq + 1000, 0, BURNT, 0);
	put_entry(b, 5, 5, seq, 0, SPOOL_MARK_RCPT, SPOOL_SENT);
	/* An entry at another's place ends the list. */
	put_entry(b, 6, 5, seq, 0, SPOOL_MARK_GONE, 0);
	put_entry(b, 7, 7, seq, 0, SPOOL_MARK_GONE, 0);
	assert_int_equal(box_open(b, true), 0);
	assert_int_equal(spool_count(b->spool), 2);
	assert_int_equal(state_of(b, 2), SPOOL_SENT);
	assert_int_equal(state_of(b, 1), SPOOL_WAITING);
	assert_int_equal(box_add(b, 3, 1, 9, 9), 0);
	assert_int_equal(newest(b, &id), seq + 1);
	assert_int_equal(box_open(b, true), 0);
	assert_true(box_has(b, 1) && box_has(b, 2) && box_has(b, 3));
	box_free(b);
}

/* More entries than the list has room for: the rest is lost, no more. */
static void more_entries_than_the_list(void **state)
{
	struct box *b = box_new(32);
	uint64_t id = 0;

	(void)state;
	free(b->marks.bytes);
	box_set_medium(&b->marks, 300 * ENTRY);
	assert_int_equal(box_add(b, 1, 2, 20, 100), 0);
	assert_int_equal(box_add(b, 2, 2, 20, 100), 0);
	uint64_t seq = newest(b, &id);
	for (uint16_t n = 0; n < 290; n++)
		put_entry(b, n, n, seq, 0, SPOOL_MARK_RCPT, SPOOL_UNCERTAIN);
	put_entry(b, 290, 290, seq - 1, 0, SPOOL_MARK_GONE, 0);
	assert_int_equal(box_open(b, true), 0);
	assert_int_equal(state_of(b, 2), SPOOL_UNCERTAIN);
	assert_true(box_has(b, 1));
	assert_int_equal(spool_sync_marks(b->spool), 0);
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(state_of(b, 2), SPOOL_UNCERTAIN);
	box_free(b);
}

/* A mark for a message whose start cannot be read now waits for it. */
static void an_entry_for_what_cannot_be_read(void **state)
{
	struct box *b = box_new(32);
	uint64_t id = 0;

	(void)state;
	assert_int_equal(box_add(b, 1, 2, 20, 100), 0);
	assert_int_equal(box_add(b, 2, 2, 20, 100), 0);
	uint64_t seq = newest(b, &id);
	put_entry(b, 0, 0, seq - 1, 0, SPOOL_MARK_GONE, 0);
	b->ring.fail_read = 0;
	for (int nth = 1; nth < 200; nth++) {
		b->ring.fail_read = nth;
		int err = box_open(b, true);
		b->ring.fail_read = 0;
		/* What could be read and cannot any more: not opened. */
		assert_true(err == 0 || err == -EIO);
		if (err == 0)
			assert_in_range(spool_count(b->spool), 0, 2);
	}
	assert_int_equal(box_open(b, true), 0);
	assert_false(box_has(b, 1));
	assert_true(box_has(b, 2));
	box_free(b);
}

/* A marks medium too small for any entry: as if there were none. */
static void no_room_for_marks(void **state)
{
	struct box *b = box_new(16);
	struct spool_mark sent = { .id = 1,
				   .kind = SPOOL_MARK_RCPT,
				   .state = SPOOL_SENT };

	(void)state;
	b->marks.medium.size = ENTRY / 2;
	assert_int_equal(box_open(b, true), 0);
	/* Nothing has counted yet: nothing to bind an entry to. */
	b->ring.fail_sync = 1;
	assert_int_equal(box_add(b, 9, 1, 20, 100), -EIO);
	assert_int_equal(box_add(b, 1, 2, 20, 100), 0);
	b->ring.fail_sync = 1;
	assert_int_equal(box_add(b, 9, 1, 20, 100), -EIO);
	assert_int_equal(spool_mark_lazy(b->spool, &sent), 0);
	assert_int_equal(b->marks.writes, 0);
	assert_int_equal(box_open(b, true), 0);
	assert_int_equal(state_of(b, 1), SPOOL_SENT);
	assert_false(box_has(b, 9));
	box_free(b);
}

/* A commit of nothing takes the lazy marks along; the day's frame too. */
static void commits_of_lazy_marks(void **state)
{
	struct box *b = box_new(16);
	struct spool_mark sent = { .id = 1,
				   .kind = SPOOL_MARK_RCPT,
				   .state = SPOOL_SENT };
	int64_t next_ms;

	(void)state;
	assert_int_equal(box_add(b, 1, 3, 20, 100), 0);
	assert_int_equal(spool_commit(b->spool, NULL, 0), 0);
	assert_int_equal(b->ring.syncs, 1);
	assert_int_equal(spool_mark_lazy(b->spool, &sent), 0);
	assert_int_equal(spool_commit(b->spool, NULL, 0), 0);
	assert_int_equal(b->ring.syncs, 2);
	/* The frame of the day is due before the mark would be. */
	b->now_ms += SPOOL_AGE_MS - SPOOL_LAZY_MS / 2;
	sent.rcpt = 1;
	assert_int_equal(spool_mark_lazy(b->spool, &sent), 0);
	assert_int_equal(spool_tick(b->spool, &next_ms), 0);
	assert_int_equal(next_ms, b->now_ms + SPOOL_LAZY_MS / 2);
	b->now_ms = next_ms;
	assert_int_equal(spool_tick(b->spool, &next_ms), 0);
	assert_int_equal(b->ring.syncs, 3);
	assert_int_equal(next_ms, b->now_ms + SPOOL_AGE_MS);
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(state_of(b, 1), SPOOL_SENT);
	box_free(b);
}

/* A big message was torn, and so is the commit behind it: still torn. */
static void torn_behind_a_torn_big_message(void **state)
{
	static uint8_t kept[32 * SPOOL_FRAME];
	struct box *b = box_new(32);
	uint64_t id = 0;

	(void)state;
	assert_int_equal(box_add(b, 1, 1, 20, 100), 0);
	assert_int_equal(box_big(b, 2, 20, 9000), 0);
	assert_int_equal(box_add_big(b, 2, 9000), 0);
	uint64_t seq = newest(b, &id);
	memset(b->ring.bytes + (seq - 2) % 32 * SPOOL_FRAME, 0, SPOOL_FRAME);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(box_open(b, false), 0);
		assert_true(b->found.torn > 0);
		assert_int_equal(b->found.lost, 0);
		assert_int_equal(spool_count(b->spool), 1);
		memcpy(kept, b->ring.bytes, sizeof(kept));
		assert_int_equal(box_add(b, 3, 1, 20, 6000), 0);
		/* Of its two frames only the second one came. */
		uint64_t top = newest(b, &id) - 1;
		memcpy(b->ring.bytes + top % 32 * SPOOL_FRAME,
		       kept + top % 32 * SPOOL_FRAME, SPOOL_FRAME);
	}
	assert_int_equal(box_open(b, false), 0);
	assert_true(box_has(b, 1));
	assert_int_equal(box_add(b, 4, 1, 20, 100), 0);
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(b->found.lost, 0);
	assert_true(box_has(b, 1) && box_has(b, 4));
	assert_int_equal(spool_count(b->spool), 2);
	box_free(b);
}

/* Burnt frames are in the way of a big message: they are given back. */
static void burnt_and_big(void **state)
{
	(void)state;
	bool hit = true;
	int nth = 1;
	for (; hit; nth++) {
		struct box *b = box_new(32);
		assert_int_equal(box_add(b, 1, 1, 20, 100), 0);
		for (int i = 0; i < 24; i++) {
			b->ring.fail_sync = 1;
			assert_int_equal(box_add(b, 2, 1, 20, 100), -EIO);
		}
		b->ring.fail_sync = nth;
		int err = box_big(b, 3, 20, 30000);
		hit = b->ring.fail_sync == 0;
		b->ring.fail_sync = 0;
		assert_int_equal(err, hit ? -EIO : 0);
		if (err == 0)
			assert_int_equal(box_add_big(b, 3, 30000), 0);
		assert_int_equal(box_add(b, 4, 1, 20, 100), 0);
		assert_int_equal(box_open(b, false), 0);
		assert_true(box_has(b, 1) && box_has(b, 4));
		assert_int_equal(box_has(b, 3), err == 0);
		box_free(b);
	}
	assert_in_range(nth, 3, 5);
}

/* What is under way is not scrubbed, full as the ring may be. */
static void fill_while_big(uint32_t passing, uint32_t parts, uint32_t size)
{
	static const uint8_t part[4020];
	struct box *b = box_new(24);

	assert_int_equal(box_add(b, 1, 1, 20, 100), 0);
	for (uint64_t id = 10; id < 10 + passing; id++)
		assert_int_equal(box_add(b, id, 1, 20, 3000), 0);
	assert_int_equal(spool_big_begin(b->spool, 0), 0);
	for (uint32_t i = 0; i < parts; i++)
		if (spool_big_write(b->spool, part, sizeof(part)) != 0)
			break;
	bool is_in = box_add(b, 2, 1, 20, size) == 0;
	for (uint64_t id = 10; id < 10 + passing; id++)
		assert_int_equal(box_gone(b, id), 0);
	spool_big_abort(b->spool);
	assert_int_equal(box_open(b, false), 0);
	assert_true(box_has(b, 1));
	assert_int_equal(box_has(b, 2), is_in);
	box_free(b);
}

static void full_while_big_is_under_way(void **state)
{
	(void)state;
	for (uint32_t passing = 0; passing < 6; passing++)
		for (uint32_t parts = 1; parts < 8; parts++)
			for (uint32_t size = 100; size < 20000; size += 3900)
				fill_while_big(passing, parts, size);
}

/* A medium larger than the largest ring: that much of it is used. */
static void a_medium_that_is_too_large(void **state)
{
	struct box *b = box_new(8);

	(void)state;
	free(b->ring.bytes);
	box_set_medium(&b->ring, (SPOOL_MAX_FRAMES + 1) * (size_t)SPOOL_FRAME);
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(b->found.frames, SPOOL_MAX_FRAMES);
	assert_int_equal(box_add(b, 1, 1, 20, 100), 0);
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(b->found.frames, SPOOL_MAX_FRAMES);
	assert_true(box_has(b, 1));
	box_free(b);
}

/* Reasons of which only a part was given move along, the last ones. */
static void half_a_reason(void **state)
{
	static const struct spool_mark why[] = {
		{ .id = 1, .rcpt = 0, .state = SPOOL_WAITING, .code = 450 },
		{ .id = 1,
		  .rcpt = 1,
		  .state = SPOOL_WAITING,
		  .text = LIT("full") },
		{ .id = 1, .rcpt = 0, .state = SPOOL_REFUSED, .code = 550 },
		{ .id = 1, .rcpt = 1, .state = SPOOL_REFUSED, .dsn = 511 },
		{ .id = 1,
		  .rcpt = 2,
		  .state = SPOOL_REFUSED,
		  .text = LIT("why not") },
	};
	struct box *b = box_new(16);
	struct spool_msg msg;
	char space[40];

	(void)state;
	assert_int_equal(box_add(b, 1, 4, 20, 100), 0);
	for (size_t i = 0; i < ARRAY_LEN(why); i++)
		assert_int_equal(box_mark(b, &why[i]), 0);
	for (uint64_t id = 10; id < 40; id++) {
		assert_int_equal(box_add(b, id, 1, 20, 900), 0);
		assert_int_equal(box_gone(b, id), 0);
	}
	assert_int_equal(spool_find(b->spool, 1, &msg), 0);
	for (uint16_t i = 0; i < 4; i++) {
		struct buf text = BUF_ON(space);
		uint16_t code = 0, dsn = 0;
		int err = spool_reason(b->spool, &msg, i, &code, &dsn, &text);
		assert_int_equal(err, i < 3 ? 0 : -ENOENT);
		assert_int_equal(code, i == 0 ? 550 : 0);
		assert_int_equal(dsn, i == 1 ? 511 : 0);
		assert_int_equal(text.len, i == 2 ? 7 : 0);
	}
	box_free(b);
}

/* It has gone since it was found: nothing of it can be asked. */
static void asked_when_gone(void **state)
{
	struct box *b = box_new(16);
	struct spool_msg msg;
	uint8_t bytes[64];
	char space[40];
	struct buf text = BUF_ON(space);
	uint16_t code, dsn;

	(void)state;
	assert_int_equal(box_add(b, 1, 1, 20, 10), 0);
	assert_int_equal(spool_find(b->spool, 1, &msg), 0);
	assert_int_equal(box_gone(b, 1), 0);
	assert_int_equal(spool_states(b->spool, &msg, bytes), -ENOENT);
	assert_int_equal(spool_read_envelope(b->spool, &msg, bytes), -ENOENT);
	assert_int_equal(spool_read(b->spool, &msg, 0, bytes, 10), -ENOENT);
	assert_int_equal(spool_reason(b->spool, &msg, 0, &code, &dsn, &text),
			 -ENOENT);
	box_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chance_says_zero_and_repeats),
		cmocka_unit_test(streams_of_one_tag),
		cmocka_unit_test(big_messages_that_cannot_be),
		cmocka_unit_test(forged_entries),
		cmocka_unit_test(more_entries_than_the_list),
		cmocka_unit_test(an_entry_for_what_cannot_be_read),
		cmocka_unit_test(no_room_for_marks),
		cmocka_unit_test(commits_of_lazy_marks),
		cmocka_unit_test(torn_behind_a_torn_big_message),
		cmocka_unit_test(burnt_and_big),
		cmocka_unit_test(full_while_big_is_under_way),
		cmocka_unit_test(a_medium_that_is_too_large),
		cmocka_unit_test(half_a_reason),
		cmocka_unit_test(asked_when_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
