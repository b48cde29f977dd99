/* SPDX-License-Identifier: ISC */
/* test_spool.c - what the spool keeps, answers and refuses. */
#include "spoolbox.h"

static struct spool_msg find(struct box *b, uint64_t id)
{
	struct spool_msg msg;

	assert_int_equal(spool_find(b->spool, id, &msg), 0);
	return msg;
}

static void check_states(struct box *b, uint64_t id, const char *want)
{
	uint8_t states[SPOOL_MAX_RCPT];
	struct spool_msg msg = find(b, id);

	assert_int_equal(spool_states(b->spool, &msg, states), 0);
	assert_int_equal(msg.nrcpt, strlen(want));
	for (size_t i = 0; i < strlen(want); i++)
		assert_int_equal(states[i], want[i] - '0');
}

static void message_is_what_was_given(void **state)
{
	struct box *b = box_new(16);
	static const uint8_t states[] = { 0, 2, 1 };
	struct spool_add add = box_message(7, 3, 90, 1000);
	struct spool_item item = { .add = &add };
	uint8_t byte;

	(void)state;
	assert_true(b->found.fresh);
	assert_int_equal(b->found.frames, 16);
	b->now_ms += 50000;
	add.flags = SPOOL_8BIT | SPOOL_WALL_SANE | 64;
	add.wall_s = 1795305600;
	add.age_s = 20;
	add.states = states;
	assert_int_equal(spool_commit(b->spool, &item, 1), 0);
	for (int again = 0; again < 2; again++) {
		struct spool_msg msg = find(b, 7);
		assert_int_equal(msg.flags, add.flags);
		assert_int_equal(msg.size, 1000);
		assert_int_equal(msg.env_len, 90);
		assert_int_equal(msg.wall_s, 1795305600);
		assert_int_equal(msg.age_s, 20);
		assert_true(box_has(b, 7));
		check_states(b, 7, "021");
		assert_int_equal(spool_read(b->spool, &msg, 1000, &byte, 0), 0);
		assert_int_equal(spool_read(b->spool, &msg, 1000, &byte, 1),
				 -EINVAL);
		assert_int_equal(spool_read(b->spool, &msg, 1001, &byte, 0),
				 -EINVAL);
		assert_int_equal(spool_count(b->spool), 1);
		assert_int_equal(box_open(b, false), 0);
	}
	assert_int_equal(b->found.messages, 1);
	assert_false(b->found.fresh);
	box_free(b);
}

static void one_sync_for_all(void **state)
{
	struct box *b = box_new(32);
	struct spool_add add[9];
	struct spool_item items[9] = { { NULL, NULL } };

	(void)state;
	for (uint64_t i = 0; i < 9; i++) {
		add[i] = box_message(i + 1, 1, 30, 100);
		items[i].add = &add[i];
	}
	struct spool_stats was = spool_stats(b->spool);
	assert_int_equal(spool_commit(b->spool, items, 9), 0);
	struct spool_stats is = spool_stats(b->spool);
	assert_int_equal(is.syncs - was.syncs, 1);
	assert_int_equal(is.writes - was.writes, 2); /* 8 start in one */
	assert_int_equal(is.bytes_written - was.bytes_written, 8192);
	assert_int_equal(is.commits - was.commits, 1);
	assert_int_equal(b->ring.syncs, is.syncs);
	struct spool_cursor c = { 0, 0 };
	struct spool_msg msg;
	for (uint64_t i = 1; i <= 9; i++) {
		assert_int_equal(spool_next(b->spool, &c, &msg), 1);
		assert_int_equal(msg.id, i);
		assert_true(box_has(b, i));
	}
	assert_int_equal(spool_next(b->spool, &c, &msg), 0);
	assert_int_equal(spool_commit(b->spool, NULL, 0), 0);
	assert_int_equal(spool_stats(b->spool).writes, is.writes);
	box_free(b);
}

static void sizes_around_a_frame(void **state)
{
	struct box *b = box_new(64);
	uint64_t id = 1;

	(void)state;
	/* Head, one state and 10 bytes of envelope are 51. */
	for (uint32_t size = 0; size < 9000; size += size < 3960 ? 1320 : 1) {
		assert_int_equal(box_add(b, id, 1, 10, size), 0);
		assert_true(box_has(b, id));
		assert_int_equal(box_gone(b, id), 0);
		id++;
		if (size == 4100)
			size = 8000;
		if (size == 8100)
			break;
	}
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(spool_count(b->spool), 0);
	box_free(b);
}

static void marks_change_messages(void **state)
{
	struct box *b = box_new(16);
	struct spool_mark k = { .id = 5, .kind = SPOOL_MARK_RCPT };
	char space[SPOOL_MAX_TEXT + 20];
	struct buf text = BUF_ON(space);
	uint16_t code, dsn;

	(void)state;
	assert_int_equal(box_add(b, 5, 3, 30, 100), 0);
	struct spool_msg msg = find(b, 5);
	assert_int_equal(spool_reason(b->spool, &msg, 1, &code, &dsn, &text),
			 -ENOENT);
	k.rcpt = 1;
	k.state = SPOOL_REFUSED;
	k.code = 550;
	k.dsn = 511;
	k.text = SLICE("no such user");
	assert_int_equal(box_mark(b, &k), 0);
	k.rcpt = 3;
	assert_int_equal(box_mark(b, &k), -EINVAL);
	k.id = 6;
	assert_int_equal(box_mark(b, &k), -ENOENT);
	struct spool_mark flags = { .id = 5, .kind = SPOOL_MARK_FLAGS };
	flags.flags = SPOOL_HELD | SPOOL_RETURNING;
	assert_int_equal(box_mark(b, &flags), 0);
	for (int again = 0; again < 2; again++) {
		check_states(b, 5, "020");
		msg = find(b, 5);
		assert_int_equal(msg.flags, SPOOL_HELD | SPOOL_RETURNING);
		buf_reset(&text);
		buf_put_str(&text, "why: ");
		assert_int_equal(
			spool_reason(b->spool, &msg, 1, &code, &dsn, &text), 0);
		assert_built(&text, "why: no such user");
		assert_int_equal(code, 550);
		assert_int_equal(dsn, 511);
		assert_int_equal(box_open(b, false), 0);
	}
	box_free(b);
}

static void last_recipient_ends_it(void **state)
{
	struct box *b = box_new(16);
	struct spool_mark k[2] = { { .id = 5, .state = SPOOL_SENT },
				   { .id = 5, .state = SPOOL_DROPPED } };
	struct spool_item items[2] = { { .mark = &k[0] }, { .mark = &k[1] } };

	(void)state;
	k[1].rcpt = 1;
	assert_int_equal(box_add(b, 5, 2, 30, 100), 0);
	assert_int_equal(box_add(b, 6, 2, 30, 100), 0);
	assert_int_equal(spool_commit(b->spool, items, 2), 0);
	assert_int_equal(spool_count(b->spool), 1);
	assert_int_equal(box_mark(b, &k[0]), -ENOENT);
	k[0].id = 6;
	assert_int_equal(box_mark(b, &k[0]), 0);
	assert_int_equal(spool_count(b->spool), 1);
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(spool_count(b->spool), 1);
	check_states(b, 6, "10");
	k[1].id = 6;
	assert_int_equal(spool_mark_lazy(b->spool, &k[1]), 0);
	assert_int_equal(spool_count(b->spool), 0);
	assert_int_equal(spool_used(b->spool), 0);
	box_free(b);
}

static void a_mark_and_its_opposite(void **state)
{
	struct box *b = box_new(16);
	struct spool_mark k = { .id = 5, .state = SPOOL_UNCERTAIN };

	(void)state;
	assert_int_equal(box_add(b, 5, 2, 30, 100), 0);
	assert_int_equal(spool_mark_lazy(b->spool, &k), 0);
	check_states(b, 5, "30");
	k.state = SPOOL_REFUSED;
	k.code = 554;
	assert_int_equal(box_mark(b, &k), 0); /* takes the lazy one along */
	check_states(b, 5, "20");
	assert_int_equal(box_open(b, false), 0);
	check_states(b, 5, "20");
	box_free(b);
}

static void limits_of_a_commit(void **state)
{
	struct box *b = box_new(256);
	static struct spool_item items[SPOOL_MAX_ITEMS + 1];
	struct spool_mark k = { .id = 1, .kind = SPOOL_MARK_FLAGS };

	(void)state;
	assert_int_equal(box_add(b, 1, SPOOL_MAX_RCPT - 1, 9, 9), 0);
	assert_int_equal(box_add(b, 2, SPOOL_MAX_RCPT, 9, 9), 0);
	assert_int_equal(box_add(b, 3, SPOOL_MAX_RCPT + 1, 9, 9), -EMSGSIZE);
	assert_true(box_has(b, 1) && box_has(b, 2));
	for (size_t i = 0; i <= SPOOL_MAX_ITEMS; i++)
		items[i].mark = &k;
	for (int d = -1; d <= 1; d++)
		assert_int_equal(spool_commit(b->spool, items,
					      (size_t)(SPOOL_MAX_ITEMS + d)),
				 d > 0 ? -EMSGSIZE : 0);
	box_free(b);
}

static int fail_source(void *ctx, uint32_t off, void *p, uint32_t n)
{
	(void)ctx;
	memset(p, 'x', n);
	return off + n > 5000 ? -ESTALE : 0;
}

static void a_source_that_fails(void **state)
{
	struct box *b = box_new(16);
	struct spool_add add = box_message(9, 1, 10, 7000);
	struct spool_item item = { .add = &add };

	(void)state;
	assert_int_equal(box_add(b, 1, 1, 10, 500), 0);
	add.source.read = fail_source;
	assert_int_equal(spool_commit(b->spool, &item, 1), -ESTALE);
	assert_int_equal(spool_count(b->spool), 1);
	assert_int_equal(box_add(b, 2, 1, 10, 500), 0);
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(spool_count(b->spool), 2);
	assert_true(box_has(b, 1) && box_has(b, 2));
	box_free(b);
}

static void big_messages(void **state)
{
	struct box *b = box_new(64);
	struct spool_stats was = spool_stats(b->spool);

	(void)state;
	assert_int_equal(spool_big_write(b->spool, "x", 1), -EINVAL);
	assert_int_equal(box_add_big(b, 1, 0), -EINVAL);
	assert_int_equal(box_big(b, 1, 20, 40000), 0);
	assert_int_equal(spool_big_begin(b->spool, 1), -EBUSY);
	assert_int_equal(spool_stats(b->spool).syncs, was.syncs);
	assert_int_equal(box_add_big(b, 1, 39999), -EINVAL);
	assert_int_equal(box_add_big(b, 1, 40000), 0);
	assert_int_equal(spool_stats(b->spool).syncs, was.syncs + 1);
	assert_int_equal(spool_stats(b->spool).writes, was.writes + 11);
	assert_true(box_has(b, 1));
	/* Another one, with a commit in the middle, and one given up. */
	assert_int_equal(box_big(b, 2, 20, 20000), 0);
	assert_int_equal(box_add(b, 3, 1, 10, 100), 0);
	assert_int_equal(box_add_big(b, 2, 20000), 0);
	assert_int_equal(box_big(b, 4, 20, 20000), 0);
	spool_big_abort(b->spool);
	uint64_t used = spool_used(b->spool);
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(b->found.lost, 0);
	assert_int_equal(spool_used(b->spool), used);
	assert_true(box_has(b, 1) && box_has(b, 2) && box_has(b, 3));
	assert_int_equal(spool_count(b->spool), 3);
	assert_int_equal(box_gone(b, 1), 0);
	assert_int_equal(box_gone(b, 2), 0);
	assert_int_equal(box_gone(b, 3), 0);
	assert_int_equal(spool_used(b->spool), 0);
	box_free(b);
}

/* Sizes about a data frame, the size told at begin or not. */
static void big_sizes(void **state)
{
	struct box *b = box_new(64);
	static const uint32_t sizes[] = { 0,    1,    4019, 4020,
					  4021, 8039, 8040, 8041 };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(sizes); i++) {
		uint64_t id = i + 1;
		uint32_t size = sizes[i / 2];
		uint8_t part[8041];
		box_source((void *)(uintptr_t)id, 20, part, size);
		assert_int_equal(spool_big_begin(b->spool, i % 2 ? size : 0),
				 0);
		assert_int_equal(spool_big_write(b->spool, part, size), 0);
		assert_int_equal(box_add_big(b, id, size), 0);
		assert_true(box_has(b, id));
		assert_int_equal(box_open(b, false), 0);
		assert_true(box_has(b, id));
		assert_int_equal(box_gone(b, id), 0);
		assert_int_equal(spool_used(b->spool), 0);
	}
	box_free(b);
}

/* Room for it is kept: what was promised at begin can be written. */
static void big_room_is_reserved(void **state)
{
	struct box *b = box_new(64);
	uint32_t room = spool_room(b->spool);
	uint8_t part[1000];
	uint64_t id = 10;

	(void)state;
	assert_int_equal(spool_big_begin(b->spool, room + 2 * 4096), -ENOSPC);
	assert_int_equal(spool_big_begin(b->spool, room / 2), 0);
	while (box_add(b, id, 1, 10, 3000) == 0)
		id++;
	assert_in_range(id, 13, 60);
	for (uint32_t off = 0; off < room / 2; off += sizeof(part)) {
		uint32_t n = room / 2 - off;
		n = n < sizeof(part) ? n : sizeof(part);
		box_source((void *)1, 20 + off, part, n);
		assert_int_equal(spool_big_write(b->spool, part, n), 0);
	}
	assert_int_equal(box_gone(b, 10), 0);
	assert_int_equal(box_add_big(b, 1, room / 2), 0);
	assert_true(box_has(b, 1));
	box_free(b);
}

/* What SIZE is told can be had, small or big, until there is none. */
static void room_is_true(void **state)
{
	(void)state;
	for (uint32_t frames = 8; frames <= 256; frames *= 2) {
		struct box *b = box_new(frames);
		uint64_t id = 1;
		uint32_t room;
		while ((room = spool_room(b->spool)) > 0) {
			uint32_t size = room > 30000 ? 30000 : room;
			if (id % 2 && room > 8000) {
				assert_int_equal(box_big(b, id, 20, room / 2),
						 0);
				assert_int_equal(box_add_big(b, id, room / 2),
						 0);
			} else {
				assert_int_equal(box_add(b, id, 1, 100, size),
						 0);
			}
			assert_true(box_has(b, id));
			id++;
		}
		assert_true(spool_used(b->spool) <= spool_capacity(b->spool));
		assert_int_equal(box_add(b, id, 1, 100, 12000), -ENOSPC);
		while (--id > 0)
			assert_int_equal(box_gone(b, id), 0);
		assert_true(spool_room(b->spool) > 2000);
		box_free(b);
	}
}

/* The figures of SPOOL.md 4. */
static void capacity_is_as_documented(void **state)
{
	struct box *b = box_new(256);

	(void)state;
	assert_int_equal(spool_capacity(b->spool), 457840);
	assert_int_equal(spool_capacity_messages(b->spool), 944);
	box_free(b);
}

static void capacity_in_messages(void **state)
{
	struct box *b = box_new(64);
	uint32_t most = spool_capacity_messages(b->spool);

	(void)state;
	for (uint64_t id = 1; id <= most; id++)
		assert_int_equal(box_add(b, id, 1, 20, 100), 0);
	assert_int_equal(box_add(b, most + 1, 1, 20, 100), -ENOSPC);
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(spool_count(b->spool), most);
	for (uint64_t id = 1; id <= most; id++)
		assert_true(box_has(b, id));
	box_free(b);
}

static void age_is_queued_time(void **state)
{
	struct box *b = box_new(16);
	int64_t next;

	(void)state;
	b->now_ms += 3600 * 1000;
	assert_int_equal(box_add(b, 1, 1, 10, 10), 0);
	b->now_ms += 60 * 1000;
	assert_int_equal(find(b, 1).age_s, 60);
	assert_int_equal(box_add(b, 2, 1, 10, 10), 0);
	/* Off for a while, with a boot clock that begins anew. */
	b->now_ms = 0;
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(find(b, 1).age_s, 60);
	b->now_ms = SPOOL_AGE_MS - 1;
	assert_int_equal(spool_tick(b->spool, &next), 0);
	assert_int_equal(next, SPOOL_AGE_MS);
	assert_int_equal(spool_stats(b->spool).writes, 0);
	b->now_ms = SPOOL_AGE_MS;
	assert_int_equal(spool_tick(b->spool, &next), 0);
	assert_int_equal(spool_stats(b->spool).writes, 1);
	assert_int_equal(next, 2 * (int64_t)SPOOL_AGE_MS);
	b->now_ms = 5;
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(find(b, 1).age_s, 60 + 86400);
	assert_int_equal(find(b, 2).age_s, 86400);
	box_free(b);
}

static void nothing_queued_nothing_due(void **state)
{
	struct box *b = box_new(16);
	int64_t next;

	(void)state;
	b->now_ms = 10 * (int64_t)SPOOL_AGE_MS;
	assert_int_equal(spool_tick(b->spool, &next), 0);
	assert_true(next == INT64_MAX);
	assert_int_equal(spool_stats(b->spool).writes, 0);
	box_free(b);
}

static void wall_clock_rides_along(void **state)
{
	struct box *b = box_new(16);

	(void)state;
	assert_int_equal(spool_last_wall(b->spool), 0);
	assert_int_equal(box_add(b, 1, 1, 10, 10), 0);
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(spool_last_wall(b->spool), 0);
	spool_set_wall(b->spool, 1800000000);
	b->now_ms += 9000;
	assert_int_equal(spool_last_wall(b->spool), 1800000009);
	assert_int_equal(box_add(b, 2, 1, 10, 10), 0);
	b->now_ms += 9000;
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(spool_last_wall(b->spool), 1800000009);
	spool_set_wall(b->spool, 1700000000); /* backwards too */
	assert_int_equal(box_add(b, 3, 1, 10, 10), 0);
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(spool_last_wall(b->spool), 1700000000);
	box_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_is_what_was_given),
		cmocka_unit_test(one_sync_for_all),
		cmocka_unit_test(sizes_around_a_frame),
		cmocka_unit_test(marks_change_messages),
		cmocka_unit_test(last_recipient_ends_it),
		cmocka_unit_test(a_mark_and_its_opposite),
		cmocka_unit_test(limits_of_a_commit),
		cmocka_unit_test(a_source_that_fails),
		cmocka_unit_test(big_messages),
		cmocka_unit_test(big_sizes),
		cmocka_unit_test(big_room_is_reserved),
		cmocka_unit_test(room_is_true),
		cmocka_unit_test(capacity_is_as_documented),
		cmocka_unit_test(capacity_in_messages),
		cmocka_unit_test(age_is_queued_time),
		cmocka_unit_test(nothing_queued_nothing_due),
		cmocka_unit_test(wall_clock_rides_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
