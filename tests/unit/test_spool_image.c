/* SPDX-License-Identifier: ISC */
/* test_spool_image.c - recovery of images that no spool has written so. */
#include "spoolbox.h"

#include "base/crc32c.h"

/* Bytes of the small ring used here. */
#define FRAMES 16
#define BYTES (FRAMES * SPOOL_FRAME)

/* A ring with messages 1..6 in single commits, 7 gone, 8 big, 9 + 10. */
static struct box *sample(void)
{
	struct box *b = box_new(FRAMES);
	struct spool_add add[2] = { box_message(9, 1, 30, 100),
				    box_message(10, 1, 30, 100) };
	struct spool_item items[2] = { { .add = &add[0] }, { .add = &add[1] } };

	for (uint64_t id = 1; id <= 3; id++)
		assert_int_equal(box_add(b, id, 1, 30, 100), 0);
	assert_int_equal(box_add(b, 7, 1, 30, 100), 0);
	assert_int_equal(box_gone(b, 7), 0);
	assert_int_equal(box_big(b, 8, 20, 5000), 0);
	assert_int_equal(box_add_big(b, 8, 5000), 0);
	assert_int_equal(spool_commit(b->spool, items, 2), 0);
	return b;
}

static void check_sample(struct box *b)
{
	static const uint64_t ids[] = { 1, 2, 3, 8, 9, 10 };

	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		assert_true(box_has(b, ids[i]));
	assert_int_equal(spool_count(b->spool), ARRAY_LEN(ids));
}

/* Read all there is: nothing may crash, nothing may go on for ever. */
static uint32_t walk(struct box *b)
{
	struct spool_cursor c = { 0, 0 };
	struct spool_msg msg;
	uint32_t n = 0;

	while (spool_next(b->spool, &c, &msg) != 0)
		n++;
	assert_int_equal(n, spool_count(b->spool));
	return n;
}

/* A bad byte costs what is in its frame; the queue works on. */
static void each_bad_byte(void **state)
{
	static uint8_t kept[BYTES];
	struct box *b = sample();

	(void)state;
	memcpy(kept, b->ring.bytes, BYTES);
	for (size_t at = 0; at < BYTES; at += at % 4096 < 112 ? 1 : 97) {
		memcpy(b->ring.bytes, kept, BYTES);
		b->ring.bytes[at] ^= 0x55;
		assert_int_equal(box_open(b, false), 0);
		uint32_t n = walk(b);
		assert_in_range(n, 4, 7);

		/* Frame 8 is dead, the newest may never have been written. */
		assert_in_range(b->found.damaged + b->found.torn +
					b->found.lost,
				at / 4096 >= 9 ? 1 : 0, 3);
		assert_int_equal(box_add(b, 50, 1, 10, 10), 0);
		assert_int_equal(box_open(b, false), 0);
		assert_true(box_has(b, 50));
	}
	memcpy(b->ring.bytes, kept, BYTES);
	assert_int_equal(box_open(b, false), 0);
	check_sample(b);
	box_free(b);
}

/* A frame that can no longer be read at all costs the same. */
static void each_frame_lost(void **state)
{
	static uint8_t kept[BYTES];
	struct box *b = sample();

	(void)state;
	memcpy(kept, b->ring.bytes, BYTES);
	for (size_t at = 0; at < FRAMES; at++) {
		memcpy(b->ring.bytes, kept, BYTES);
		memset(b->ring.bytes + at * SPOOL_FRAME, 0xff, SPOOL_FRAME);
		assert_int_equal(box_open(b, false), 0);
		walk(b);
		assert_int_equal(box_gone(b, 99), -ENOENT);
	}
	box_free(b);
}

/* A damaged big message is listed, cannot be read, and can be removed. */
static void a_damaged_big_message(void **state)
{
	struct box *b = sample();
	struct spool_msg msg;
	uint8_t byte;

	(void)state;
	/* Frames from 8 on: 1, 2, 3, 7, its mark, then the data. */
	b->ring.bytes[14 * SPOOL_FRAME + 500] ^= 1;
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(b->found.lost, 1);
	assert_int_equal(spool_find(b->spool, 8, &msg), -EBADMSG);
	assert_int_equal(msg.id, 8);
	assert_int_equal(msg.frame, 15);
	assert_int_equal(spool_read(b->spool, &msg, 4500, &byte, 1), -EBADMSG);
	assert_int_equal(spool_read(b->spool, &msg, 100, &byte, 1), 0);
	assert_true(box_has(b, 1) && box_has(b, 9) && box_has(b, 10));
	assert_int_equal(box_gone(b, 8), 0);
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(b->found.lost, 0);
	assert_int_equal(spool_find(b->spool, 8, &msg), -ENOENT);
	box_free(b);
}

/* Rot in the middle of a long commit: the others of that commit stay. */
static void rot_in_a_long_commit(void **state)
{
	struct box *b = box_new(64);
	struct spool_add add[12];
	struct spool_item items[12] = { { NULL, NULL } };

	(void)state;
	for (uint64_t i = 0; i < 12; i++) {
		add[i] = box_message(i + 1, 1, 30, 1500);
		items[i].add = &add[i];
	}
	assert_int_equal(spool_commit(b->spool, items, 12), 0);
	assert_int_equal(box_add(b, 100, 1, 30, 10), 0);
	b->ring.bytes[34 * SPOOL_FRAME + 1000] ^= 4; /* the third of five */
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(b->found.damaged, 1);
	int good = 0;
	for (uint64_t id = 1; id <= 12; id++)
		good += box_has(b, id);
	assert_in_range(good, 8, 9);
	assert_true(box_has(b, 1) && box_has(b, 12) && box_has(b, 100));
	/* Laps later the rest is still there, the bad one still bad. */
	for (uint64_t id = 200; id < 400; id++) {
		assert_int_equal(box_add(b, id, 1, 30, 1500), 0);
		assert_int_equal(box_gone(b, id), 0);
	}
	int still = 0;
	for (uint64_t id = 1; id <= 12; id++)
		still += box_has(b, id);
	assert_int_equal(still, good);
	box_free(b);
}

/* Rot after the start, at the tail: it must not stop the ring. */
static void rot_at_the_tail(void **state)
{
	struct box *b = box_new(32);
	struct spool_msg msg;

	(void)state;
	assert_int_equal(box_add(b, 1, 1, 30, 6000), 0);
	assert_int_equal(box_add(b, 2, 1, 30, 1000), 0);
	assert_int_equal(box_big(b, 3, 20, 5000), 0);
	assert_int_equal(box_add_big(b, 3, 5000), 0);
	b->ring.bytes[17 * SPOOL_FRAME + 1000] ^= 4; /* second frame of 1 */
	b->ring.bytes[18 * SPOOL_FRAME + 1000] ^= 4; /* the start of 2 */
	b->ring.bytes[19 * SPOOL_FRAME + 1000] ^= 4; /* data of 3 */
	for (uint64_t id = 200; id < 300; id++) {
		assert_int_equal(box_add(b, id, 1, 30, 1500), 0);
		assert_int_equal(box_gone(b, id), 0);
	}
	assert_int_equal(spool_stats(b->spool).lost, 1);
	assert_int_equal(spool_find(b->spool, 1, &msg), -EBADMSG);
	assert_int_equal(spool_find(b->spool, 2, &msg), -ENOENT);
	assert_int_equal(spool_find(b->spool, 3, &msg), -EBADMSG);
	assert_int_equal(spool_count(b->spool), 2);
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(b->found.lost, 2);
	box_free(b);
}

static void foreign_files_are_not_touched(void **state)
{
	struct box *b = box_new(64);
	uint8_t *p = b->ring.bytes;

	(void)state;
	/* A file system's magic, in the first 64 KiB and behind it. */
	p[1080] = 0x53;
	assert_int_equal(box_open(b, false), -EMEDIUMTYPE);
	p[1080] = 0;
	p[17 * 4096 - 1] = 1;
	assert_int_equal(box_open(b, false), -EMEDIUMTYPE);
	p[17 * 4096 - 1] = 0;
	p[40 * 4096] = 1;
	assert_int_equal(box_open(b, false), 0);
	assert_true(b->found.fresh);
	memset(p, 0xff, 64 * 4096);
	assert_int_equal(box_open(b, false), -EMEDIUMTYPE);
	assert_int_equal(b->ring.writes, 0);
	box_free(b);
}

/* Give frame at the CRC that it should have. */
static void seal(uint8_t *p)
{
	static const uint8_t zero[4];
	uint32_t crc = crc32c(crc32c(0, p, 8), zero, 4);

	put_u32le(p + 8, crc32c(crc, p + 12, SPOOL_FRAME - 12));
}

static void other_versions(void **state)
{
	struct box *b = sample();
	uint8_t *p = b->ring.bytes + 12 * SPOOL_FRAME;

	(void)state;
	p[4] = 2; /* damage, not a version */
	assert_int_equal(box_open(b, false), 0);
	seal(p);
	assert_int_equal(box_open(b, false), -EPROTO);
	p[4] = 0;
	seal(p);
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(b->found.foreign, 1);
	box_free(b);
}

static void rings_of_other_sizes(void **state)
{
	struct box *b = sample();
	uint64_t full = b->ring.medium.size;

	(void)state;
	/* Cut short: refused, and whole again when it is given back. */
	for (uint64_t size = 0; size < full; size += 1000) {
		b->ring.medium.size = size;
		int err = box_open(b, false);
		if (size >= 9 * SPOOL_FRAME) {
			assert_int_equal(err, -EINVAL);
			assert_int_equal(b->found.frames, FRAMES);
		} else if (size < 8 * SPOOL_FRAME) {
			assert_int_equal(err, -EINVAL);
		}
	}
	b->ring.medium.size = full;
	assert_int_equal(box_open(b, false), 0);
	check_sample(b);
	/* Twice as long, with another ring glued behind: the first counts. */
	struct box *big = box_new(2 * FRAMES + 1);
	memcpy(big->ring.bytes, b->ring.bytes, BYTES);
	memcpy(big->ring.bytes + BYTES, b->ring.bytes, BYTES);
	assert_int_equal(box_open(big, false), 0);
	assert_int_equal(big->found.frames, FRAMES);
	check_sample(big);
	assert_int_equal(box_add(big, 77, 1, 10, 10), 0);
	assert_int_equal(box_open(big, false), 0);
	assert_true(box_has(big, 77));
	box_free(big);
	box_free(b);
}

/* Frames at places where they do not belong mean nothing. */
static void shifted_rings(void **state)
{
	struct box *b = sample();

	(void)state;
	memmove(b->ring.bytes + SPOOL_FRAME, b->ring.bytes,
		BYTES - SPOOL_FRAME);
	memcpy(b->ring.bytes, b->ring.bytes + 15 * SPOOL_FRAME, SPOOL_FRAME);
	assert_int_equal(box_open(b, false), -EMEDIUMTYPE);
	memset(b->ring.bytes, 0, 2 * SPOOL_FRAME);
	assert_int_equal(box_open(b, false), -EMEDIUMTYPE);
	box_free(b);
}

/* Whole frames in any order, twice, or missing: no mail is invented. */
static void shuffled_frames(void **state)
{
	static uint8_t kept[BYTES];
	struct box *b = sample();
	uint32_t seed = 1;

	(void)state;
	memcpy(kept, b->ring.bytes, BYTES);
	for (int round = 0; round < 500; round++) {
		for (size_t at = 0; at < FRAMES; at++) {
			seed = seed * 1664525u + 1013904223u;
			size_t from = seed >> 20 & 1 ? at : seed >> 24 & 15;
			memcpy(b->ring.bytes + at * SPOOL_FRAME,
			       kept + from * SPOOL_FRAME, SPOOL_FRAME);
		}
		int err = box_open(b, false);
		if (err)
			continue;
		struct spool_cursor c = { 0, 0 };
		struct spool_msg msg;
		int more;
		while ((more = spool_next(b->spool, &c, &msg)) != 0)
			assert_true(more < 0 || box_has(b, msg.id));
	}
	box_free(b);
}

/* Numbers as large as they go, in frames with a good CRC. */
static void wild_numbers(void **state)
{
	static uint8_t kept[BYTES];
	struct box *b = sample();
	uint32_t seed = 7;

	(void)state;
	memcpy(kept, b->ring.bytes, BYTES);
	for (int round = 0; round < 2000; round++) {
		memcpy(b->ring.bytes, kept, BYTES);
		for (int i = 0; i < 3; i++) {
			seed = seed * 1664525u + 1013904223u;
			uint8_t *p = b->ring.bytes +
				     (8 + (seed >> 29)) * SPOOL_FRAME;
			p[5 + (seed >> 8) % 130] = (uint8_t)(seed >> 21);
			seal(p);
		}
		if (box_open(b, false))
			continue;
		walk(b);
		(void)!box_add(b, 70, 1, 10, 2000);
		(void)!box_gone(b, 2);
		walk(b);
	}
	box_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bad_byte),
		cmocka_unit_test(each_frame_lost),
		cmocka_unit_test(a_damaged_big_message),
		cmocka_unit_test(rot_in_a_long_commit),
		cmocka_unit_test(rot_at_the_tail),
		cmocka_unit_test(foreign_files_are_not_touched),
		cmocka_unit_test(other_versions),
		cmocka_unit_test(rings_of_other_sizes),
		cmocka_unit_test(shifted_rings),
		cmocka_unit_test(shuffled_frames),
		cmocka_unit_test(wild_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
