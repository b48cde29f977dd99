/* SPDX-License-Identifier: ISC */
/* test_ring.c - many laps: what is stuck stays, room comes back, wear. */
#include "spoolbox.h"

/* The seed of all random choices here. */
#define SEED 20261122u

static uint32_t seed;

static uint32_t chance(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % n;
}

static void a_stuck_message_moves_once_a_lap(void **state)
{
	struct box *b = box_new(32);
	struct spool_mark held = { .id = 1,
				   .kind = SPOOL_MARK_FLAGS,
				   .flags = SPOOL_HELD };
	struct spool_mark why = { .id = 1,
				  .state = SPOOL_REFUSED,
				  .rcpt = 1,
				  .code = 550,
				  .dsn = 571,
				  .text = SLICE("never") };
	char space[200];
	struct buf text = BUF_ON(space);
	uint16_t code = 0, dsn = 0;
	uint8_t states[3];
	struct spool_msg msg;

	(void)state;
	assert_int_equal(box_add(b, 1, 3, 50, 1000), 0);
	assert_int_equal(box_mark(b, &held), 0);
	assert_int_equal(box_mark(b, &why), 0);
	for (uint64_t id = 2; id < 322; id++) {
		assert_int_equal(box_add(b, id, 1, 50, 1000), 0);
		assert_int_equal(box_gone(b, id), 0);
	}
	struct spool_stats st = spool_stats(b->spool);
	assert_in_range(st.writes, 643, 670);
	assert_in_range(st.copied, 0, 5); /* it shares frames */
	for (int again = 0; again < 2; again++) {
		assert_true(box_has(b, 1));
		assert_int_equal(spool_find(b->spool, 1, &msg), 0);
		assert_int_equal(msg.flags, SPOOL_HELD);
		assert_int_equal(spool_states(b->spool, &msg, states), 0);
		assert_memory_equal(states, "\0\2\0", 3);
		buf_reset(&text);
		assert_int_equal(
			spool_reason(b->spool, &msg, 1, &code, &dsn, &text), 0);
		assert_built(&text, "never");
		assert_int_equal(code, 550);
		assert_int_equal(dsn, 571);
		assert_int_equal(box_open(b, false), 0);
	}
	box_free(b);
}

static void a_big_stuck_message_moves_too(void **state)
{
	struct box *b = box_new(64);

	(void)state;
	assert_int_equal(box_big(b, 1, 20, 30000), 0);
	assert_int_equal(box_add_big(b, 1, 30000), 0);
	for (uint64_t id = 2; id < 400; id++) {
		assert_int_equal(box_add(b, id, 1, 50, 3000), 0);
		assert_int_equal(box_gone(b, id), 0);
		if (id % 50 == 0)
			assert_true(box_has(b, 1));
	}
	assert_int_equal(box_open(b, false), 0);
	assert_true(box_has(b, 1));
	assert_int_equal(b->found.lost, 0);
	box_free(b);
}

/* A big message that takes laps to arrive: its first frames are moved. */
static void a_slow_big_message(void **state)
{
	struct box *b = box_new(32);
	uint8_t part[1000];
	uint64_t id = 2;

	(void)state;
	assert_int_equal(spool_big_begin(b->spool, 20000), 0);
	for (uint32_t off = 0; off < 20000; off += sizeof(part)) {
		box_source((void *)1, 20 + off, part, sizeof(part));
		assert_int_equal(spool_big_write(b->spool, part, sizeof(part)),
				 0);
		for (int i = 0; i < 10; i++, id++) {
			assert_int_equal(box_add(b, id, 1, 50, 900), 0);
			assert_int_equal(box_gone(b, id), 0);
		}
	}
	assert_int_equal(box_add_big(b, 1, 20000), 0);
	assert_true(box_has(b, 1));
	assert_int_equal(box_open(b, false), 0);
	assert_true(box_has(b, 1));
	box_free(b);
}

/* The ring full to the last: marks always fit, and room returns. */
static void marks_fit_a_full_ring(void **state)
{
	(void)state;
	for (uint32_t frames = 8; frames < 60; frames += 17) {
		struct box *b = box_new(frames);
		uint64_t n = 0;
		while (box_add(b, n + 1, 2, 20, 700) == 0)
			n++;
		assert_true(n > 0);
		struct spool_mark mark = { .id = 1, .kind = SPOOL_MARK_FLAGS };
		for (uint32_t i = 0; i < 3 * frames; i++) {
			mark.flags = i % 2 ? SPOOL_HELD : 0;
			mark.id = 1 + i % n;
			assert_int_equal(box_mark(b, &mark), 0);
		}
		assert_int_equal(spool_count(b->spool), n);
		for (uint64_t id = 1; id <= n; id++)
			assert_true(box_has(b, id));
		for (uint64_t id = n; id > 0; id--)
			assert_int_equal(box_gone(b, id), 0);
		assert_int_equal(spool_used(b->spool), 0);
		uint64_t again = 0;
		while (box_add(b, again + 1, 2, 20, 700) == 0)
			again++;
		assert_int_equal(again, n);
		box_free(b);
	}
}

/* One message in, any one out. */
static void churn(struct box *b, uint64_t *live, uint32_t most, long rounds)
{
	static uint64_t next = 1;
	uint32_t n = 0;

	for (long i = 0; i < rounds; i++) {
		if (n < most && chance(3) > 0) {
			uint32_t size = chance(5) ? chance(2000) : chance(9000);
			int err = box_add(b, next, 1, 40, size);
			assert_true(err == 0 || err == -ENOSPC);
			if (err == 0)
				live[n++] = next;
			next++;
		} else if (n > 0) {
			uint32_t at = chance(n);
			assert_int_equal(box_gone(b, live[at]), 0);
			live[at] = live[--n];
		}
		assert_int_equal(spool_count(b->spool), n);
	}
	for (uint32_t i = 0; i < n; i++)
		assert_true(box_has(b, live[i]));
}

/* At most one frame is copied for each new frame, in the long run. */
static void copying_is_bounded(void **state)
{
	static uint64_t live[500];

	(void)state;
	seed = SEED;
	for (uint32_t frames = 16; frames <= 128; frames *= 2) {
		for (uint32_t most = 2; most < 130; most *= 4) {
			struct box *b = box_new(frames);
			churn(b, live, most, 1000);
			struct spool_stats st = spool_stats(b->spool);
			assert_true(2 * st.copied <= st.writes);
			uint64_t used = spool_used(b->spool);
			assert_int_equal(box_open(b, false), 0);
			assert_int_equal(spool_used(b->spool), used);
			box_free(b);
		}
	}
}

/* A spool_msg stays good while its message is moved. */
static void reading_survives_a_move(void **state)
{
	struct box *b = box_new(16);
	struct spool_msg msg;
	uint8_t byte;
	uint64_t id = 100;

	(void)state;
	assert_int_equal(box_add(b, 1, 1, 30, 3000), 0);
	assert_int_equal(spool_find(b->spool, 1, &msg), 0);
	for (uint32_t off = 0; off < 3000; off += 30, id++) {
		assert_int_equal(spool_read(b->spool, &msg, off, &byte, 1), 0);
		assert_int_equal(byte, box_byte(1, 30 + off));
		assert_int_equal(box_add(b, id, 1, 30, 300), 0);
		assert_int_equal(box_gone(b, id), 0);
	}
	assert_int_equal(box_gone(b, 1), 0);
	assert_int_equal(spool_read(b->spool, &msg, 0, &byte, 1), -ENOENT);
	box_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stuck_message_moves_once_a_lap),
		cmocka_unit_test(a_big_stuck_message_moves_too),
		cmocka_unit_test(a_slow_big_message),
		cmocka_unit_test(marks_fit_a_full_ring),
		cmocka_unit_test(copying_is_bounded),
		cmocka_unit_test(reading_survives_a_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
