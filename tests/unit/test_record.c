/* SPDX-License-Identifier: ISC */
/* test_record.c - heads of frames and records, byte for byte. */
#include "check.h"

#include <errno.h>

#include "base/crc32c.h"
#include "spool/record.h"

static struct frame_head good_head(void)
{
	return (struct frame_head){ .kind = FRAME_COMMIT,
				    .used = 100,
				    .start = 40,
				    .ring = 16,
				    .seq = 0x1122334455,
				    .id = 0xdeadbeefcafef00d,
				    .index = 2,
				    .count = 5,
				    .back = 7,
				    .gap = 1,
				    .age = 0x01020304,
				    .flags = 1,
				    .wall = 1700000000 };
}

static void head_is_what_it_was(void **state)
{
	static uint8_t p[FRAME_SIZE];
	struct frame_head h = good_head(), got;

	(void)state;
	frame_seal(p, &h);
	assert_int_equal(frame_check(p), 0);
	assert_int_equal(frame_parse(p, &got), 0);
	assert_int_equal(got.kind, h.kind);
	assert_int_equal(got.used, h.used);
	assert_int_equal(got.start, h.start);
	assert_int_equal(got.ring, h.ring);
	assert_int_equal(got.seq, h.seq);
	assert_int_equal(got.id, h.id);
	assert_int_equal(got.index, h.index);
	assert_int_equal(got.count, h.count);
	assert_int_equal(got.back, h.back);
	assert_int_equal(got.gap, h.gap);
	assert_int_equal(got.age, h.age);
	assert_int_equal(got.flags, h.flags);
	assert_int_equal(got.wall, h.wall);
	assert_int_equal(frame_first(&got), h.seq - 2);
	assert_int_equal(frame_last(&got), h.seq + 2);
	assert_int_equal(frame_tail(&got), h.seq - 9);
	assert_int_equal(frame_prior(&got), h.seq - 3);
	assert_int_equal(frame_torn_seq(p), h.seq);
}

static void head_lies_where_the_document_says(void **state)
{
	static uint8_t p[FRAME_SIZE];
	struct frame_head h = good_head();

	(void)state;
	frame_seal(p, &h);
	assert_memory_equal(p, "mote\x01\x01\x64\x00", 8);
	assert_memory_equal(p + 12, "\x10\0\0\0\x55\x44\x33\x22\x11\0\0\0", 12);
	assert_memory_equal(p + 24, "\x0d\xf0\xfe\xca\xef\xbe\xad\xde", 8);
	assert_memory_equal(p + 32, "\2\0\0\0\5\0\0\0\7\0\0\0\1\0\0\0", 16);
	assert_memory_equal(p + 48, "\4\3\2\1\x28\0\1\0", 8);
	assert_memory_equal(p + 56, "\0\xf1\x53\x65\0\0\0\0", 8);
}

static void each_flipped_byte_is_noticed(void **state)
{
	static uint8_t p[FRAME_SIZE];
	struct frame_head h = good_head();

	(void)state;
	frame_seal(p, &h);
	for (size_t i = 0; i < FRAME_SIZE; i++) {
		p[i] ^= 0x10;
		assert_int_equal(frame_check(p), i < 4 ? -ENOENT : -EBADMSG);
		p[i] ^= 0x10;
	}
	assert_int_equal(frame_check(p), 0);
	p[0] = 'M';
	assert_int_equal(frame_torn_seq(p), 0);
}

/* A frame of another version, with the CRC that belongs to it. */
static void versions_are_told_apart(void **state)
{
	static uint8_t p[FRAME_SIZE];
	struct frame_head h = good_head();
	static const uint8_t zero[4];

	(void)state;
	for (int version = 0; version < 256; version++) {
		frame_seal(p, &h);
		p[4] = (uint8_t)version;
		uint32_t crc = crc32c(crc32c(0, p, 8), zero, 4);
		put_u32le(p + 8, crc32c(crc, p + 12, FRAME_SIZE - 12));
		int want = version == 1 ? 0 : version ? -EPROTO : -ENOTSUP;
		assert_int_equal(frame_check(p), want);
	}
}

/* Numbers at their limits: one inside, one outside. */
static void heads_that_cannot_be_are_refused(void **state)
{
	static uint8_t p[FRAME_SIZE];
	struct frame_head got;
	const struct {
		struct frame_head h;
		int want;
	} row[] = {
		{ { 1, FRAME_BODY, 0, 8, 9, 1, 0, 1, 0, 1, 0, 0, 0 }, 0 },
		{ { 1, FRAME_BODY + 1, 0, 8, 9, 1, 0, 1, 0, 1, 0, 0, 0 }, 1 },
		{ { 1, 9, 9, 8, 9, 1, 0, 1, 0, 1, 0, 0, 0 }, 0 },
		{ { 1, 9, 10, 8, 9, 1, 0, 1, 0, 1, 0, 0, 0 }, 1 },
		{ { 1, 9, 9, 7, 9, 1, 0, 1, 0, 1, 0, 0, 0 }, 1 },
		{ { 1, 9, 9, 8, 0, 1, 0, 1, 0, 1, 0, 0, 0 }, 1 },
		{ { 1, 9, 9, 8, FRAME_MAX_SEQ, 1, 0, 1, 0, 1, 0, 0, 0 }, 0 },
		{ { 1, 9, 9, 8, FRAME_MAX_SEQ + 1, 1, 0, 1, 0, 1, 0, 0, 0 },
		  1 },
		{ { 1, 9, 9, 8, 9, 0, 0, 1, 0, 1, 0, 0, 0 }, 1 },
		{ { 1, 9, 9, 8, 9, 1, 1, 1, 0, 1, 0, 0, 0 }, 1 },
		{ { 1, 9, 9, 8, 9, 1, 0, 0, 0, 1, 0, 0, 0 }, 1 },
		{ { 1, 9, 9, 8, 9, 1, 0, 8, 0, 1, 0, 0, 0 }, 0 },
		{ { 1, 9, 9, 8, 9, 1, 0, 9, 0, 1, 0, 0, 0 }, 1 },
		{ { 1, 9, 9, 8, 3, 1, 3, 4, 0, 1, 0, 0, 0 }, 1 },
		{ { 1, 9, 9, 8, 9, 1, 0, 1, 8, 1, 0, 0, 0 }, 0 },
		{ { 1, 9, 9, 8, 9, 1, 0, 1, 9, 1, 0, 0, 0 }, 1 },
		{ { 1, 9, 9, 8, 9, 1, 0, 1, 0, 0, 0, 0, 0 }, 1 },
		{ { 1, 9, 9, 8, 9, 1, 0, 1, 0, 9, 0, 0, 0 }, 1 },
		{ { 2, 12, 12, 8, 9, 0, 0, 0, 0, 0, 0, 0, 0 }, 0 },
		{ { 2, 11, 11, 8, 9, 0, 0, 0, 0, 0, 0, 0, 0 }, 1 },
		{ { 2, 12, 12, 8, 9, 0, 0, 1, 0, 1, 0, 0, 0 }, 1 },
		{ { 3, 12, 12, 8, 9, 1, 0, 1, 0, 1, 0, 0, 0 }, 1 },
		{ { 0, 12, 12, 8, 9, 1, 0, 1, 0, 1, 0, 0, 0 }, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		frame_seal(p, &row[i].h);
		int want = row[i].want ? -EBADMSG : 0;
		if (frame_parse(p, &got) != want)
			fail_msg("row %zu", i);
	}
}

static struct record_msg good_msg(bool big)
{
	return (struct record_msg){ .is_big = big,
				    .flags = 0x4d,
				    .nrcpt = 3,
				    .env_len = 5,
				    .size = 4021,
				    .crc = 0x01020304,
				    .id = 0x1122334455667788,
				    .wall_s = -2,
				    .arrived = -3,
				    .stream = big ? 0x8899aabbccddeeff : 0,
				    .frames = big ? 2 : 0 };
}

/* Same fields: written again, they give the same bytes. */
static void assert_same(const struct record_msg *a, const struct record_msg *b)
{
	uint8_t x[RECORD_BIG], y[RECORD_BIG];

	assert_int_equal(a->is_big, b->is_big);
	record_put_msg(x, a);
	record_put_msg(y, b);
	assert_memory_equal(x, y, record_fixed(a));
}

static void records_are_what_they_were(void **state)
{
	static uint8_t body[FRAME_BODY];
	struct frame_head h = good_head();
	struct record_msg big = good_msg(true), small = good_msg(false);
	struct record_mark mark = { .what = 1,
				    .slot = 7,
				    .state = 4,
				    .rcpt = 999,
				    .code = 550,
				    .dsn = 511,
				    .seq = 77,
				    .id = 88,
				    .flags = 0xabcd,
				    .text = SLICE("no such user") };
	struct record r;

	(void)state;
	record_put_msg(body, &big);
	size_t at = record_len(&big);
	assert_int_equal(at, 56 + 3 + 5);
	record_put_mark(body + at, &mark);
	memcpy(body + at + RECORD_MARK, mark.text.p, mark.text.n);
	at += RECORD_MARK + mark.text.n;
	record_put_msg(body + at, &small);
	h.start = 0;
	h.used = FRAME_BODY;

	struct record_walk w = record_walk(&h, body);
	assert_int_equal(record_next(&w, &r), 1);
	assert_int_equal(r.kind, RECORD_IS_BIG);
	assert_int_equal(r.slot, 0);
	assert_same(&r.msg, &big);
	assert_int_equal(record_next(&w, &r), 1);
	assert_int_equal(r.kind, RECORD_IS_MARK);
	assert_int_equal(r.mark.what, 1);
	assert_int_equal(r.mark.slot, 7);
	assert_int_equal(r.mark.state, 4);
	assert_int_equal(r.mark.rcpt, 999);
	assert_int_equal(r.mark.code, 550);
	assert_int_equal(r.mark.dsn, 511);
	assert_int_equal(r.mark.seq, 77);
	assert_int_equal(r.mark.id, 88);
	assert_int_equal(r.mark.flags, 0xabcd);
	assert_text(r.mark.text, "no such user");
	assert_int_equal(record_next(&w, &r), 1);
	assert_int_equal(r.kind, RECORD_IS_MSG);
	assert_int_equal(r.slot, 1);
	assert_int_equal(r.off, at);
	assert_same(&r.msg, &small);
	assert_int_equal(record_len(&small), 40 + 3 + 5 + 4021);
	/* It runs on into the next frame: nothing else begins here. */
	assert_int_equal(record_next(&w, &r), 0);
}

/* One record of this kind with so many bytes of it in use. */
static int walk_one(const uint8_t *body, uint16_t used, uint32_t index)
{
	struct frame_head h = good_head();
	struct record r;

	h.start = 0;
	h.used = used;
	h.index = index;
	struct record_walk w = record_walk(&h, body);
	return record_next(&w, &r);
}

static void no_length_is_believed(void **state)
{
	static uint8_t body[FRAME_BODY];
	struct record_msg m = good_msg(false);
	struct record_mark mark = { .text = SLICE("abc") };

	(void)state;
	assert_int_equal(walk_one(body, FRAME_BODY, 0), 0); /* padding */
	record_put_msg(body, &m);
	assert_int_equal(walk_one(body, RECORD_MSG, 0), 1);
	assert_int_equal(walk_one(body, RECORD_MSG - 1, 0), -EBADMSG);
	/* 4069 bytes need two frames: index 3 of 5 has them, 4 has not. */
	assert_int_equal(walk_one(body, FRAME_BODY, 3), 1);
	assert_int_equal(walk_one(body, FRAME_BODY, 4), -EBADMSG);
	m.size = UINT32_MAX;
	record_put_msg(body, &m);
	assert_int_equal(walk_one(body, FRAME_BODY, 0), -EBADMSG);
	m.size = 1;
	m.nrcpt = SPOOL_MAX_RCPT;
	record_put_msg(body, &m);
	assert_int_equal(walk_one(body, FRAME_BODY, 0), 1);
	m.nrcpt = SPOOL_MAX_RCPT + 1;
	record_put_msg(body, &m);
	assert_int_equal(walk_one(body, FRAME_BODY, 0), -EBADMSG);

	struct record_msg big = good_msg(true);
	record_put_msg(body, &big);
	assert_int_equal(walk_one(body, RECORD_BIG, 0), 1);
	assert_int_equal(walk_one(body, RECORD_BIG - 1, 0), -EBADMSG);
	for (uint32_t n = 0; n < 5; n++) {
		big.frames = n;
		record_put_msg(body, &big);
		assert_int_equal(walk_one(body, FRAME_BODY, 0),
				 n == 2 ? 1 : -EBADMSG);
	}
	record_put_mark(body, &mark);
	assert_int_equal(walk_one(body, RECORD_MARK + 3, 0), 1);
	assert_int_equal(walk_one(body, RECORD_MARK + 2, 0), -EBADMSG);
	assert_int_equal(walk_one(body, RECORD_MARK - 1, 0), -EBADMSG);
	mark.text.n = SPOOL_MAX_TEXT;
	record_put_mark(body, &mark);
	assert_int_equal(walk_one(body, FRAME_BODY, 0), 1);
	mark.text.n = SPOOL_MAX_TEXT + 1;
	record_put_mark(body, &mark);
	assert_int_equal(walk_one(body, FRAME_BODY, 0), -EBADMSG);
	for (int kind = 4; kind < 256; kind++) {
		body[0] = (uint8_t)kind;
		assert_int_equal(walk_one(body, FRAME_BODY, 0), -EBADMSG);
	}
}

static void nine_starts_are_too_many(void **state)
{
	static uint8_t body[FRAME_BODY];
	struct frame_head h = good_head();
	struct record_msg m = { .nrcpt = 1 };
	struct record r;

	(void)state;
	for (int i = 0; i < 9; i++)
		record_put_msg(body + (size_t)i * 41, &m);
	h.start = 0;
	h.used = 9 * 41;
	struct record_walk w = record_walk(&h, body);
	for (int i = 0; i < RECORD_MAX_STARTS; i++) {
		assert_int_equal(record_next(&w, &r), 1);
		assert_int_equal(r.slot, i);
	}
	assert_int_equal(record_next(&w, &r), -EBADMSG);
	assert_int_equal(record_next(&w, &r), 0);
}

static void weight_covers_reasons_and_an_eighth(void **state)
{
	struct record_msg m = { .nrcpt = 1, .size = 10 };

	(void)state;
	assert_int_equal(record_weight(&m), 485);
	m.size = 485 - 40 - 1 - 152;
	assert_int_equal(record_weight(&m), 485);
	m.size++;
	assert_int_equal(record_weight(&m), 486);
	m.size = UINT32_MAX;
	assert_int_equal(record_weight(&m), UINT32_MAX);
	m.is_big = true;
	assert_int_equal(record_weight(&m), 485);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_is_what_it_was),
		cmocka_unit_test(head_lies_where_the_document_says),
		cmocka_unit_test(each_flipped_byte_is_noticed),
		cmocka_unit_test(versions_are_told_apart),
		cmocka_unit_test(heads_that_cannot_be_are_refused),
		cmocka_unit_test(records_are_what_they_were),
		cmocka_unit_test(no_length_is_believed),
		cmocka_unit_test(nine_starts_are_too_many),
		cmocka_unit_test(weight_covers_reasons_and_an_eighth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
