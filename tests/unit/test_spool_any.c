/* SPDX-License-Identifier: ISC */
/*
 * test_spool_any.c - an image spoiled in every way that needs no forger:
 * nothing is invented, good messages beside bad frames stay as they were, what
 * was lost is told, and the work of a start is bounded.
 *
 * A sample of bytes is tried, but with MAILMOTE_EVERY=I/N in the environment
 * each byte whose offset is I modulo N, and each pair of frames.
 */
#include "spoolimage.h"

/* Reads of the medium at a start, for each frame of the ring. */
#define READS 10

static struct image *im;

/* Offsets to try: from, from + step, ...; step 0: a sample. */
static unsigned from, step;

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

/* What is known of a message that is listed; NULL: it was never added. */
static const struct image_msg *known(uint64_t id)
{
	static struct image_msg passing;

	for (size_t i = 0; i < im->n; i++)
		if (im->msg[i].id == id)
			return &im->msg[i];
	if (id < IMAGE_PASSING_ID || id >= IMAGE_PASSING_ID + IMAGE_PASSING)
		return NULL;
	passing = (struct image_msg){
		.id = id, .nrcpt = 1, .env_len = 30, .size = 1500
	};
	return &passing;
}

/* Are these places, of commits below end, all as they were? */
static bool is_kept(uint64_t places, uint64_t bad, uint64_t end)
{
	for (uint64_t at = 0; at < IMAGE_FRAMES; at++)
		if (places >> at & 1 && im->first[at] >= end)
			return false;
	return !(places & bad);
}

/* Whatever is listed as whole was added once, with just these bytes. */
static void check_listed(const struct spool_msg *msg)
{
	const struct image_msg *m = known(msg->id);

	assert_non_null(m);
	assert_int_equal(msg->nrcpt, m->nrcpt);
	assert_int_equal(msg->env_len, m->env_len);
	assert_int_equal(msg->size, m->size);
	assert_true(box_has(im->box, msg->id));
}

static void check_all_listed(void)
{
	struct spool_cursor c = { 0, 0 };
	struct spool_msg msg;
	uint32_t n = 0;
	int more;

	while ((more = spool_next(im->box->spool, &c, &msg)) != 0) {
		n++;
		if (more > 0)
			check_listed(&msg);
	}
	assert_int_equal(n, spool_count(im->box->spool));
}

static bool is_void(uint64_t seq, uint64_t end)
{
	return im->first[seq % IMAGE_FRAMES] >= end;
}

/* A message that nothing has touched is as it was. */
static void check_kept(const struct image_msg *m, uint64_t bad, uint64_t end)
{
	struct spool_msg msg;
	uint8_t states[IMAGE_RCPTS] = { 0 };

	/* What the newest commit brought is there whole, or never was. */
	if (m->id >= IMAGE_NEWEST_ID && is_void(m->start, end))
		assert_int_equal(spool_find(im->box->spool, m->id, &msg),
				 -ENOENT);
	if (!m->is_live || !is_kept(m->frames, bad, end))
		return;
	assert_int_equal(spool_find(im->box->spool, m->id, &msg), 0);
	assert_int_equal(spool_states(im->box->spool, &msg, states), 0);
	if (!is_kept(m->marks, bad, end))
		return;
	assert_int_equal(msg.flags, m->flags);
	assert_memory_equal(states, m->states, m->nrcpt);
}

/* Is there something bad that a start has to tell? */
static bool is_telling(uint64_t bad, uint64_t end)
{
	for (uint64_t seq = im->tail; seq < end && seq <= im->top; seq++)
		if (bad & image_bit(seq) && im->first[seq % IMAGE_FRAMES])
			return true;
	return false;
}

/* Messages that start in a good frame, but of which another one is bad. */
static uint32_t count_broken(uint64_t bad, uint64_t end)
{
	uint32_t n = 0;

	for (size_t i = 0; i < im->n; i++) {
		const struct image_msg *m = &im->msg[i];
		uint64_t start = image_bit(m->start);
		n += m->is_live && m->frames & bad && is_kept(start, bad, end);
	}
	return n;
}

static void check_found(uint64_t bad, uint64_t end)
{
	const struct spool_found *f = &im->box->found;
	uint64_t live = 0;

	for (uint64_t seq = im->tail; seq <= im->top; seq++)
		live |= image_bit(seq);
	assert_false(f->fresh);
	if (is_telling(bad, end))
		assert_true(f->damaged + f->torn + f->lost > 0);
	/* Of the newest commit a big one is torn, and never was. */
	assert_true(f->lost + f->torn >= count_broken(bad, end));
	if (!(bad & live))
		assert_int_equal(f->damaged + f->torn + f->lost, 0);
}

/* The queue goes on: a message comes, lasts and goes. */
static void check_work(void)
{
	assert_int_equal(box_add(im->box, 50, 1, 10, 500), 0);
	assert_int_equal(box_open(im->box, false), 0);
	assert_true(box_has(im->box, 50));
	assert_int_equal(box_gone(im->box, 50), 0);
	assert_int_equal(box_open(im->box, false), 0);
	assert_false(box_has(im->box, 50));
	check_all_listed();
}

/* How closely to look. */
enum look { COUNTS, CONTENT, WORK };

/* Open what the medium holds now and compare it with what is known. */
static void check_image(enum look look)
{
	struct box *b = im->box;
	uint64_t bad = image_spoiled(im), end = image_void(im, bad);

	b->ring.reads = 0;
	b->ring.writes = 0;
	assert_int_equal(box_open(b, false), 0);
	assert_in_range(b->ring.reads, IMAGE_FRAMES, READS * IMAGE_FRAMES);
	assert_int_equal(b->ring.writes, 0);
	check_found(bad, end);
	if (look == COUNTS)
		return;
	check_all_listed();
	for (size_t i = 0; i < im->n; i++)
		check_kept(&im->msg[i], bad, end);
	if (look == WORK)
		check_work();
}

static uint8_t *place(uint64_t at)
{
	return im->box->ring.bytes + at * SPOOL_FRAME;
}

static void nothing_spoiled(void **state)
{
	uint32_t live = 0;

	(void)state;
	image_reset(im);
	check_image(CONTENT);
	for (size_t i = 0; i < im->n; i++)
		live += im->msg[i].is_live;
	assert_int_equal(live, 13);
	assert_int_equal(spool_count(im->box->spool), live);
	assert_true(im->tail > 3 * IMAGE_FRAMES);
	check_image(WORK);
}

/* Each byte flipped, alone. */
static void each_byte(void **state)
{
	unsigned n = 0;

	(void)state;
	for (uint64_t at = from; at < IMAGE_BYTES; n++) {
		image_reset(im);
		im->box->ring.bytes[at] ^= (uint8_t)(1u << n % 8);
		check_image(n % 128 == 0         ? WORK
			    : step && n % 8 != 0 ? COUNTS
						 : CONTENT);
		at += step ? step : at % SPOOL_FRAME < FRAME_HEAD ? 7 : 1009;
	}
}

/* All behind an offset is gone: the length too, or only the bytes. */
static void cut_at(uint64_t at, bool look)
{
	struct box *b = im->box;

	image_reset(im);
	b->ring.medium.size = at;
	long writes = b->ring.writes;
	assert_int_equal(box_open(b, false), -EINVAL);
	assert_int_equal(b->ring.writes, writes);
	b->ring.medium.size = IMAGE_BYTES;
	if (at >= FRAME_MIN_RING * SPOOL_FRAME)
		assert_int_equal(b->found.frames, IMAGE_FRAMES);
	memset(b->ring.bytes + at, 0, IMAGE_BYTES - at);
	if (look && at >= SPOOL_FRAME)
		check_image(CONTENT);
}

static void each_truncation(void **state)
{
	(void)state;
	for (uint64_t at = from; at < IMAGE_BYTES; at += step ? step : 64)
		cut_at(at, at % (step ? 64 : 1024) == 0);
	for (uint64_t at = SPOOL_FRAME; at < IMAGE_BYTES; at += SPOOL_FRAME) {
		cut_at(at - 1, true);
		cut_at(at + 1, true);
		cut_at(at + FRAME_HEAD, true);
	}
}

/* Noise that is the same each time. */
static void put_noise(uint8_t *p, size_t n, uint64_t seed)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963;
		p[i] = (uint8_t)(seed >> 56);
	}
}

/* Each frame all zeros, all ones, noise, noise behind its head, or torn. */
static void each_frame(void **state)
{
	(void)state;
	for (uint64_t at = 0; at < IMAGE_FRAMES; at++) {
		for (int way = 0; way < 5; way++) {
			image_reset(im);
			if (way < 2)
				memset(place(at), way ? 0xff : 0, SPOOL_FRAME);
			else if (way < 4)
				put_noise(place(at) + (way - 2) * FRAME_HEAD,
					  SPOOL_FRAME - (way - 2) * FRAME_HEAD,
					  at);
			else
				memcpy(place(at), im->older + at * SPOOL_FRAME,
				       SPOOL_FRAME / 2);
			check_image(WORK);
		}
	}
}

/* Each frame copied over each other one, and exchanged with it. */
static void each_pair(void **state)
{
	static uint8_t kept[SPOOL_FRAME];
	uint64_t skip = step ? 1 : 11;

	(void)state;
	for (uint64_t i = 0; i < IMAGE_FRAMES; i++) {
		for (uint64_t j = i % skip; j < IMAGE_FRAMES; j += skip) {
			if (i == j)
				continue;
			image_reset(im);
			memcpy(kept, place(j), SPOOL_FRAME);
			memcpy(place(j), place(i), SPOOL_FRAME);
			check_image(CONTENT);
			memcpy(place(i), kept, SPOOL_FRAME);
			check_image(CONTENT);
			memset(place(i), 0, SPOOL_FRAME);
			check_image(j == i + 1 ? WORK : CONTENT);
		}
	}
}

/* Frames of an older state of the same ring, from i on, up to j. */
static void each_stale_run(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < IMAGE_FRAMES; i++) {
		uint64_t j = i + 1;
		for (; j <= IMAGE_FRAMES; j += step ? 1 : 5) {
			image_reset(im);
			memcpy(place(i), im->older + i * SPOOL_FRAME,
			       (j - i) * SPOOL_FRAME);
			check_image(j == i + 6 ? WORK : CONTENT);
		}
	}
}

/* Another image glued behind: as long as it is no ring it means nothing. */
static void glued_behind(void **state)
{
	struct box *b = im->box;
	uint8_t *old = b->ring.bytes;
	uint64_t steps[] = { 0, 1, IMAGE_FRAMES / 2, IMAGE_FRAMES - 1 };

	(void)state;
	b->ring.bytes = calloc(3, IMAGE_BYTES);
	assert_non_null(b->ring.bytes);
	b->ring.medium.size = 3 * IMAGE_BYTES;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		uint8_t *p = b->ring.bytes + IMAGE_BYTES;
		image_reset(im);
		memcpy(p, im->older, IMAGE_BYTES);
		memcpy(p + steps[i] * SPOOL_FRAME, im->bytes, IMAGE_BYTES);
		b->ring.reads = 0;
		assert_int_equal(box_open(b, false), 0);
		assert_in_range(b->ring.reads, 1, READS * 3 * IMAGE_FRAMES);
		assert_int_equal(b->found.frames, IMAGE_FRAMES);
		assert_true(b->found.foreign > 0);
		check_all_listed();
		for (size_t k = 0; k < im->n; k++)
			check_kept(&im->msg[k], 0, im->top + 1);
	}
	free(b->ring.bytes);
	b->ring.bytes = old;
	b->ring.medium.size = IMAGE_BYTES;
}

/* Frames that cannot be read at all, one and two at a time. */
static void each_read_fails(void **state)
{
	struct box *b = im->box;

	(void)state;
	image_reset(im);
	for (int nth = 1; nth <= 4 * IMAGE_FRAMES; nth++) {
		b->ring.fail_read = nth;
		int err = box_open(b, false);
		b->ring.fail_read = 0;
		if (err == 0)
			check_all_listed();
	}
	check_image(WORK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_spoiled),
		cmocka_unit_test(each_byte),
		cmocka_unit_test(each_truncation),
		cmocka_unit_test(each_frame),
		cmocka_unit_test(each_pair),
		cmocka_unit_test(each_stale_run),
		cmocka_unit_test(glued_behind),
		cmocka_unit_test(each_read_fails),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
