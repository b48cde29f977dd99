/* SPDX-License-Identifier: ISC */
/*
 * spoolimage.h - an image of a spool with some of everything in it, and what
 * must be left of it when frames of it are spoiled.
 *
 * The image is made by the spool; what is in it is known to the test, and
 * where it lies is read from the frames.  The rule for what is left is
 * SPOOL.md 2.2 and 3, said once more: a bad frame costs what is in it, and the
 * newest commit of which anything is left counts only whole.
 */
#ifndef TESTS_LIB_SPOOLIMAGE_H
#define TESTS_LIB_SPOOLIMAGE_H

#include "base/crc32c.h"
#include "spool/frame.h"
#include "spool/record.h"
#include "spoolbox.h"

/* Frames of the image; a mask has a bit for each place. */
#define IMAGE_FRAMES 34
#define IMAGE_BYTES (IMAGE_FRAMES * SPOOL_FRAME)

/* Messages that come and go before the others lie as they do. */
#define IMAGE_PASSING 60
#define IMAGE_PASSING_ID 100

/* The messages that the newest commit brought have this identifier or more. */
#define IMAGE_NEWEST_ID 20

/* Recipients of the messages here. */
#define IMAGE_RCPTS 3

/* A message that was once added. */
struct image_msg {
	uint64_t id;
	uint16_t nrcpt, env_len;
	uint32_t size;
	bool is_big, is_live;
	/* Of a live one: what became of it, and the places it needs. */
	uint32_t flags;
	uint8_t states[IMAGE_RCPTS];
	uint64_t start, frames, marks;
};

/* The image and what is known of it. */
struct image {
	struct box *box;
	uint8_t bytes[IMAGE_BYTES]; /* as the spool wrote it */
	uint8_t older[IMAGE_BYTES]; /* as it was some commits earlier */
	struct image_msg msg[16];
	size_t n;
	uint64_t seq[IMAGE_FRAMES];   /* at each place, 0 none */
	uint64_t first[IMAGE_FRAMES]; /* of its commit; 0 loose data */
	uint64_t tail, top;
};

/* Give a frame the CRC that it should have. */
static inline void image_seal(uint8_t *p)
{
	static const uint8_t zero[4];
	uint32_t crc = crc32c(crc32c(0, p, 8), zero, 4);

	put_u32le(p + 8, crc32c(crc, p + 12, SPOOL_FRAME - 12));
}

static inline uint64_t image_bit(uint64_t seq)
{
	return UINT64_C(1) << seq % IMAGE_FRAMES;
}

static inline void image_note(struct image *im, uint64_t id, uint16_t nrcpt,
			      uint16_t env_len, uint32_t size)
{
	assert_true(im->n < ARRAY_LEN(im->msg));
	im->msg[im->n++] = (struct image_msg){
		.id = id, .nrcpt = nrcpt, .env_len = env_len, .size = size
	};
}

static inline void image_add(struct image *im, uint64_t id, uint16_t nrcpt,
			     uint16_t env_len, uint32_t size)
{
	image_note(im, id, nrcpt, env_len, size);
	assert_int_equal(box_add(im->box, id, nrcpt, env_len, size), 0);
}

static inline void image_rcpt(struct image *im, uint64_t id, uint16_t rcpt,
			      uint8_t state, const char *why)
{
	struct spool_mark mark = { .id = id,
				   .kind = SPOOL_MARK_RCPT,
				   .rcpt = rcpt,
				   .state = state,
				   .code = *why ? 550 : 0,
				   .dsn = *why ? 511 : 0,
				   .text = slice_str(why) };

	assert_int_equal(box_mark(im->box, &mark), 0);
}

static inline void image_flags(struct image *im, uint64_t id, uint32_t flags)
{
	struct spool_mark mark = { .id = id,
				   .kind = SPOOL_MARK_FLAGS,
				   .flags = flags };

	assert_int_equal(box_mark(im->box, &mark), 0);
}

/* Three in one frame; one that is returning, with its reason. */
static inline void image_fill_packed(struct image *im)
{
	static const uint8_t states[2] = { SPOOL_SENT, SPOOL_REFUSED };
	struct spool_add add[4] = { box_message(3, 1, 30, 100),
				    box_message(4, 2, 30, 900),
				    box_message(5, 1, 0, 0),
				    box_message(6, 2, 30, 300) };
	struct spool_mark why = { .id = 6,
				  .kind = SPOOL_MARK_RCPT,
				  .rcpt = 1,
				  .state = SPOOL_REFUSED,
				  .code = 550,
				  .text = SLICE("no such user") };
	struct spool_item three[3] = { { .add = &add[0] },
				       { .add = &add[1] },
				       { .add = &add[2] } };
	struct spool_item two[2] = { { .add = &add[3] }, { .mark = &why } };

	add[3].states = states;
	add[3].flags = SPOOL_RETURNING | SPOOL_8BIT;
	for (int i = 0; i < 4; i++)
		image_note(im, add[i].id, add[i].nrcpt, add[i].env_len,
			   add[i].size);
	assert_int_equal(spool_commit(im->box->spool, three, 3), 0);
	assert_int_equal(spool_commit(im->box->spool, two, 2), 0);
}

/* Two that are larger than the stage, one with a commit in its middle. */
static inline void image_fill_big(struct image *im)
{
	struct box *b = im->box;
	uint8_t part[6000];

	image_note(im, 7, 1, 20, 7000);
	im->msg[im->n - 1].is_big = true;
	assert_int_equal(box_big(b, 7, 20, 7000), 0);
	assert_int_equal(box_add_big(b, 7, 7000), 0);
	image_note(im, 8, 1, 20, 6000);
	im->msg[im->n - 1].is_big = true;
	(void)!box_source((void *)8, 20, part, sizeof(part));
	assert_int_equal(spool_big_begin(b->spool, 6000), 0);
	assert_int_equal(spool_big_write(b->spool, part, 5000), 0);
	image_add(im, 9, 1, 30, 200);
	assert_int_equal(spool_big_write(b->spool, part + 5000, 1000), 0);
	assert_int_equal(box_add_big(b, 8, 6000), 0);
}

/* Two messages in a commit of two frames; one begins in the second. */
static inline void image_fill_long(struct image *im, uint64_t id, uint32_t size)
{
	struct spool_add add[2] = { box_message(id, 2, 30, size),
				    box_message(id + 1, 1, 30, 300) };
	struct spool_item items[2] = { { .add = &add[0] }, { .add = &add[1] } };

	image_note(im, id, 2, 30, size);
	image_note(im, id + 1, 1, 30, 300);
	assert_int_equal(spool_commit(im->box->spool, items, 2), 0);
}

/* Which commit a frame is of, and where each message and mark lies. */
static inline void image_learn_frame(struct image *im, const uint8_t *p)
{
	struct frame_head h;
	struct record r;

	if (frame_check(p) || frame_parse(p, &h))
		return;
	im->seq[h.seq % IMAGE_FRAMES] = h.seq;
	im->first[h.seq % IMAGE_FRAMES] = h.count ? frame_first(&h) : 0;
	if (h.count > 0 && h.seq > im->top) {
		im->top = h.seq;
		im->tail = frame_tail(&h);
	}
	if (h.kind != FRAME_COMMIT)
		return;
	struct record_walk w = record_walk(&h, p + FRAME_HEAD);
	while (record_next(&w, &r) > 0)
		for (size_t i = 0; i < im->n; i++)
			if (r.kind == RECORD_IS_MARK &&
			    r.mark.id == im->msg[i].id)
				im->msg[i].marks |= image_bit(h.seq);
}

/* The places of a message, as the spool tells them. */
static inline void image_learn_msg(struct image *im, struct image_msg *m)
{
	struct spool_msg got;

	if (spool_find(im->box->spool, m->id, &got) != 0)
		return;
	m->is_live = true;
	m->flags = got.flags;
	m->start = got.where[0];
	assert_int_equal(spool_states(im->box->spool, &got, m->states), 0);
	uint64_t len = got.where[1] + (m->is_big ? RECORD_BIG : RECORD_MSG) +
		       m->nrcpt + m->env_len + (m->is_big ? 0 : m->size);
	for (uint64_t i = 0; i < (len + FRAME_BODY - 1) / FRAME_BODY; i++)
		m->frames |= image_bit(m->start + i);
	for (uint64_t at = 0; m->is_big && at < IMAGE_FRAMES; at++) {
		const uint8_t *p = im->bytes + at * SPOOL_FRAME;
		if (p[5] == FRAME_DATA &&
		    get_u64le(p + FRAME_HEAD) == got.where[3])
			m->frames |= UINT64_C(1) << at;
	}
}

static inline void image_learn(struct image *im)
{
	memcpy(im->bytes, im->box->ring.bytes, IMAGE_BYTES);
	assert_int_equal(box_open(im->box, false), 0);
	for (uint64_t at = 0; at < IMAGE_FRAMES; at++)
		image_learn_frame(im, im->bytes + at * SPOOL_FRAME);
	for (size_t i = 0; i < im->n; i++)
		image_learn_msg(im, &im->msg[i]);
}

/* The image: several laps, all kinds of records, all kinds of states. */
static inline struct image *image_new(void)
{
	struct image *im = calloc(1, sizeof(*im));

	assert_non_null(im);
	im->box = box_new(IMAGE_FRAMES);
	image_add(im, 1, 2, 30, 100);
	image_flags(im, 1, SPOOL_HELD);
	image_add(im, 2, 3, 200, 4500);
	image_rcpt(im, 2, 1, SPOOL_REFUSED, "no such user here");
	image_rcpt(im, 2, 0, SPOOL_SENT, "");
	for (uint64_t i = 0; i < IMAGE_PASSING; i++) {
		uint64_t id = IMAGE_PASSING_ID + i;
		assert_int_equal(box_add(im->box, id, 1, 30, 1500), 0);
		assert_int_equal(box_gone(im->box, id), 0);
	}
	image_fill_packed(im);
	image_fill_big(im);
	memcpy(im->older, im->box->ring.bytes, IMAGE_BYTES);
	image_fill_long(im, 10, 5000);
	image_flags(im, 10, SPOOL_HELD | SPOOL_USER);
	image_rcpt(im, 4, 0, SPOOL_UNCERTAIN, "");
	image_add(im, 13, 1, 30, 40);
	assert_int_equal(box_gone(im->box, 13), 0);
	image_fill_long(im, IMAGE_NEWEST_ID, 4100);
	image_learn(im);
	return im;
}

static inline void image_free(struct image *im)
{
	box_free(im->box);
	free(im);
}

/* Put the bytes back as the spool wrote them. */
static inline void image_reset(struct image *im)
{
	memcpy(im->box->ring.bytes, im->bytes, IMAGE_BYTES);
	memset(im->box->marks.bytes, 0, BOX_MARKS);
}

/* Places whose bytes are not what the spool wrote. */
static inline uint64_t image_spoiled(const struct image *im)
{
	uint64_t mask = 0;

	for (uint64_t at = 0; at < IMAGE_FRAMES; at++)
		if (memcmp(im->bytes + at * SPOOL_FRAME,
			   im->box->ring.bytes + at * SPOOL_FRAME,
			   SPOOL_FRAME) != 0)
			mask |= UINT64_C(1) << at;
	return mask;
}

/*
 * First sequence of the commits that do not count when these places are bad:
 * those above the newest of which a frame is left, and that one, if it is not
 * whole.
 */
static inline uint64_t image_void(const struct image *im, uint64_t bad)
{
	uint64_t left = 0, whole = 1, end = im->top + 1;

	for (uint64_t seq = im->top; seq >= im->tail && left == 0; seq--)
		if (im->first[seq % IMAGE_FRAMES] && !(bad & image_bit(seq)))
			left = im->first[seq % IMAGE_FRAMES];
	for (uint64_t seq = im->tail; seq <= im->top; seq++) {
		uint64_t first = im->first[seq % IMAGE_FRAMES];
		if (first > left && first < end)
			end = first;
		if (first == left && (bad & image_bit(seq)))
			whole = 0;
	}
	return whole ? end : left;
}

#endif
