/* SPDX-License-Identifier: ISC */
/*
 * test_spool_forged.c - frames whose numbers cannot be, with a good CRC.
 *
 * What a forger writes may be listed; but a start ends, its work is bounded,
 * the queue works on, and what is accepted then is there after a restart.
 * With MAILMOTE_EVERY=I/N each case that is I modulo N is tried, else a few.
 */
#include "spoolimage.h"

/* Reads at a start, and for all that is listed, for each frame. */
#define READS 10
#define READS_ALL (20 * IMAGE_FRAMES)

/* The message that is added afterwards. */
#define NEW_ID 77

/* A number in a frame: its offset and its bytes. */
struct field {
	uint16_t at;
	uint8_t n;
};

/* SPOOL.md 1.1; the CRC is made right, whatever else is wrong. */
static const struct field head[] = {
	{ 0, 1 },  { 4, 1 },  { 5, 1 },  { 6, 2 },  { 12, 4 },
	{ 16, 8 }, { 24, 8 }, { 32, 4 }, { 36, 4 }, { 40, 4 },
	{ 44, 4 }, { 48, 4 }, { 52, 2 }, { 54, 2 }, { 56, 8 },
};

/* SPOOL.md 1.3, 1.4: of messages, of marks and of data, from a record on. */
static const struct field record[] = {
	{ 0, 1 },  { 1, 1 },  { 2, 2 },  { 4, 2 },  { 6, 2 },
	{ 8, 4 },  { 8, 8 },  { 12, 4 }, { 16, 8 }, { 24, 8 },
	{ 32, 8 }, { 40, 8 }, { 48, 4 }, { 2, 1 },  { 3, 1 },
};

static struct image *im;
static unsigned from, step = 23;

static int set_up(void **state)
{
	const char *every = getenv("MAILMOTE_EVERY");

	(void)state;
	im = image_new();
	if (every)
		assert_int_equal(sscanf(every, "%u/%u", &from, &step), 2);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	image_free(im);
	return 0;
}

static uint64_t get(const uint8_t *p, uint8_t n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

static void put(uint8_t *p, uint8_t n, uint64_t v)
{
	for (uint8_t i = 0; i < n; i++, v >>= 8)
		p[i] = (uint8_t)v;
}

/* Number i of the values that a field is given; false: no more. */
static bool value_of(unsigned i, uint64_t was, uint8_t n, uint64_t *v)
{
	const uint64_t all = n == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * n) - 1;
	const uint64_t values[] = { 0,
				    1,
				    2,
				    3,
				    all,
				    all - 1,
				    all / 2,
				    all / 2 + 1,
				    was + 1,
				    was - 1,
				    was + IMAGE_FRAMES,
				    was - IMAGE_FRAMES,
				    IMAGE_FRAMES,
				    FRAME_BODY,
				    FRAME_BODY + 1,
				    FRAME_MAX_SEQ & all,
				    (FRAME_MAX_SEQ - 1) & all,
				    SPOOL_MAX_RCPT + 1 };

	if (i >= ARRAY_LEN(values))
		return false;
	*v = values[i] & all;
	return true;
}

/* Every message that is listed as whole can be read to its end. */
static uint32_t read_all(uint64_t ids[], size_t cap)
{
	struct spool_cursor c = { 0, 0 };
	static uint8_t bytes[1 << 16], states[SPOOL_MAX_RCPT];
	struct spool_msg msg;
	uint32_t n = 0, whole = 0;
	int more;

	while ((more = spool_next(im->box->spool, &c, &msg)) != 0) {
		n++;
		(void)!spool_read_envelope(im->box->spool, &msg, bytes);
		(void)!spool_states(im->box->spool, &msg, states);
		uint32_t len = msg.size < sizeof(bytes) ? msg.size
							: sizeof(bytes);
		int err = spool_read(im->box->spool, &msg, 0, bytes, len);
		if (more > 0 && err == 0 && whole < cap)
			ids[whole++] = msg.id;
	}
	assert_int_equal(n, spool_count(im->box->spool));
	return whole;
}

/* What is accepted by a spool that began so is there after a restart. */
static void work_on(void)
{
	struct box *b = im->box;
	uint64_t ids[8 * IMAGE_FRAMES];
	struct spool_msg msg;

	b->ring.reads = 0;
	uint32_t n = read_all(ids, ARRAY_LEN(ids));
	assert_in_range(b->ring.reads, 0, READS_ALL * IMAGE_FRAMES);
	if (box_add(b, NEW_ID, 1, 10, 3000) != 0)
		return;
	assert_true(box_has(b, NEW_ID));
	assert_int_equal(box_open(b, false), 0);
	assert_true(box_has(b, NEW_ID));
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(spool_find(b->spool, ids[i], &msg), 0);
	assert_int_equal(box_gone(b, NEW_ID), 0);
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(spool_find(b->spool, NEW_ID, &msg), -ENOENT);
	(void)read_all(ids, ARRAY_LEN(ids));
}

/* Open what was forged: taken, or refused and left alone. */
static void check_forged(void)
{
	struct box *b = im->box;

	b->ring.reads = 0;
	b->ring.writes = 0;
	int err = box_open(b, false);
	assert_in_range(b->ring.reads, 0, READS * IMAGE_FRAMES);
	assert_int_equal(b->ring.writes, 0);
	if (err == 0)
		work_on();
	else if (err != -EPROTO && err != -EINVAL)
		assert_int_equal(err, -EMEDIUMTYPE);
}

/* Each value of one field of the frame at a place. */
static void forge(uint64_t at, const struct field *f, uint16_t base)
{
	static unsigned number;
	uint64_t off = at * SPOOL_FRAME + base + f->at;
	uint64_t v;

	for (unsigned i = 0; value_of(i, get(im->bytes + off, f->n), f->n, &v);
	     i++) {
		if (number++ % step != from)
			continue;
		image_reset(im);
		put(im->box->ring.bytes + off, f->n, v);
		image_seal(im->box->ring.bytes + at * SPOOL_FRAME);
		check_forged();
	}
}

static void each_field_of_a_head(void **state)
{
	(void)state;
	for (uint64_t seq = im->tail - 2; seq <= im->top; seq++)
		for (size_t i = 0; i < ARRAY_LEN(head); i++)
			forge(seq % IMAGE_FRAMES, &head[i], 0);
}

static void each_field_of_a_record(void **state)
{
	struct frame_head h;
	struct record r;

	(void)state;
	for (uint64_t seq = im->tail; seq <= im->top; seq++) {
		uint64_t at = seq % IMAGE_FRAMES;
		const uint8_t *p = im->bytes + at * SPOOL_FRAME;
		assert_int_equal(frame_parse(p, &h), 0);
		h.start = h.kind == FRAME_DATA ? h.used : h.start;
		for (size_t i = 0; h.kind == FRAME_DATA && i < 2; i++)
			forge(at, &(struct field){ (uint16_t)(8 * i), 8 },
			      FRAME_HEAD);
		struct record_walk w = record_walk(&h, p + FRAME_HEAD);
		while (record_next(&w, &r) > 0)
			for (size_t i = 0; i < ARRAY_LEN(record); i++)
				forge(at, &record[i],
				      (uint16_t)(FRAME_HEAD + r.off));
	}
}

/* The same field of all frames of the ring: a whole ring that is wrong. */
static void each_field_everywhere(void **state)
{
	uint64_t v;

	(void)state;
	for (size_t f = 0; f < ARRAY_LEN(head); f++) {
		for (unsigned i = 0; value_of(i, 0, head[f].n, &v); i++) {
			image_reset(im);
			for (uint64_t at = 0; at < IMAGE_FRAMES; at++) {
				uint8_t *p =
					im->box->ring.bytes + at * SPOOL_FRAME;
				put(p + head[f].at, head[f].n, v);
				image_seal(p);
			}
			check_forged();
		}
	}
}

/* A number that changes behind the back of a spool that is in use. */
static void behind_its_back(uint64_t at, const struct field *f, uint16_t base)
{
	uint64_t ids[8 * IMAGE_FRAMES], v;
	uint64_t off = at * SPOOL_FRAME + base + f->at;

	image_reset(im);
	assert_int_equal(box_open(im->box, false), 0);
	for (unsigned i = 0; value_of(i, get(im->bytes + off, f->n), f->n, &v);
	     i += 4) {
		memcpy(im->box->ring.bytes + at * SPOOL_FRAME,
		       im->bytes + at * SPOOL_FRAME, SPOOL_FRAME);
		put(im->box->ring.bytes + off, f->n, v);
		image_seal(im->box->ring.bytes + at * SPOOL_FRAME);
		(void)read_all(ids, ARRAY_LEN(ids));
	}
	assert_int_equal(box_add(im->box, NEW_ID, 1, 10, 300), 0);
	assert_true(box_has(im->box, NEW_ID));
}

static void each_field_behind_its_back(void **state)
{
	static const struct field stream = { 0, 8 }, number = { 8, 4 };

	(void)state;
	for (uint64_t seq = im->tail; seq <= im->top; seq++) {
		uint64_t at = seq % IMAGE_FRAMES;
		for (size_t i = 0; i < ARRAY_LEN(head); i++)
			behind_its_back(at, &head[i], 0);
		behind_its_back(at, &stream, FRAME_HEAD);
		behind_its_back(at, &number, FRAME_HEAD);
	}
}

/* The newest commit is not whole, and what it says of the others is wrong. */
static void a_void_commit_that_lies(void **state)
{
	static const struct field lies[] = {
		{ 40, 4 }, { 44, 4 }, { 36, 4 }, { 54, 2 }
	};
	uint64_t v;

	(void)state;
	for (size_t f = 0; f < ARRAY_LEN(lies); f++) {
		for (unsigned i = 0; value_of(i, im->top, lies[f].n, &v); i++) {
			image_reset(im);
			uint8_t *p = im->box->ring.bytes +
				     im->top % IMAGE_FRAMES * SPOOL_FRAME;
			put(p + lies[f].at, lies[f].n, v);
			image_seal(p);
			p = im->box->ring.bytes +
			    (im->top - 1) % IMAGE_FRAMES * SPOOL_FRAME;
			memset(p, 0, SPOOL_FRAME);
			check_forged();
		}
	}
}

/* One frame alone, of any sequence: loose data, or a commit's. */
static void one_frame_alone(void **state)
{
	(void)state;
	for (uint64_t at = 0; at < IMAGE_FRAMES; at++) {
		for (uint64_t seq = 1; seq < 2 * IMAGE_FRAMES; seq += 3) {
			image_reset(im);
			memset(im->box->ring.bytes, 0, IMAGE_BYTES);
			uint8_t *p = im->box->ring.bytes +
				     seq % IMAGE_FRAMES * SPOOL_FRAME;
			memcpy(p, im->bytes + at * SPOOL_FRAME, SPOOL_FRAME);
			put_u64le(p + 16, seq);
			image_seal(p);
			check_forged();
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field_of_a_head),
		cmocka_unit_test(each_field_of_a_record),
		cmocka_unit_test(each_field_everywhere),
		cmocka_unit_test(each_field_behind_its_back),
		cmocka_unit_test(a_void_commit_that_lies),
		cmocka_unit_test(one_frame_alone),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
