/* SPDX-License-Identifier: ISC */
/*
 * fuzz_spool.c - any image: open, walk, read all, work on, open again.
 *
 * An input that begins with ! is a list of steps of eight bytes, which change
 * an image that the spool has written and make CRCs right again: so what is
 * behind the CRC is reached, too.  Any other input is the image itself; its
 * frames whose CRC is zero get the one they should have.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/crc32c.h"
#include "spool/frame.h"
#include "spool/spool.h"

/* The ring, and reads of it that a start may take. */
#define FRAMES 24
#define BYTES (FRAMES * SPOOL_FRAME)
#define MAX_READS (10 * FRAMES)

/* The marks medium, and its entries (SPOOL.md 1.5). */
#define MARKS 1024
#define ENTRY 32

/* Message number n is of letters n; this one comes last of all. */
#define LAST_ID 77

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t ring[BYTES], base[BYTES], marks_bytes[MARKS];
static uint64_t number;
static long reads;

static int get(void *ctx, uint64_t off, void *p, size_t n)
{
	reads++;
	memcpy(p, (uint8_t *)ctx + off, n);
	return 0;
}

static int put(void *ctx, uint64_t off, const void *p, size_t n)
{
	memcpy((uint8_t *)ctx + off, p, n);
	return 0;
}

static int sync_ring(void *ctx)
{
	(void)ctx;
	return 0;
}

static int64_t boot_ms(void *ctx)
{
	(void)ctx;
	return 1000;
}

static void get_random(void *ctx, void *p, size_t n)
{
	(void)ctx;
	number++;
	memcpy(p, &number, n < 8 ? n : 8);
}

static int source(void *ctx, uint32_t off, void *p, uint32_t n)
{
	(void)off;
	memset(p, *(const char *)ctx, n);
	return 0;
}

static const struct medium_ops ops = { get, put, sync_ring };
static const struct world world = { NULL, boot_ms, NULL, NULL, get_random };
static struct medium medium = { .ops = &ops, .ctx = ring, .size = BYTES };
static const struct medium marks = { .ops = &ops,
				     .ctx = marks_bytes,
				     .size = MARKS };

static int open_again(struct spool *s)
{
	struct spool_found found;

	reads = 0;
	int err = spool_open(s, &medium, &marks, &world, &found);
	assert(reads <= MAX_READS);
	return err;
}

static int add(struct spool *s, uint8_t id, uint16_t nrcpt, uint32_t size,
	       bool big)
{
	const struct spool_add a = { .id = id,
				     .nrcpt = nrcpt,
				     .env_len = 20,
				     .size = size,
				     .big = big,
				     .source = { &id, source } };
	const struct spool_item item = { .add = &a };

	return spool_commit(s, &item, 1);
}

static int mark(struct spool *s, uint8_t id, enum spool_mark_kind kind,
		uint8_t state, uint32_t flags)
{
	const struct spool_mark m = { .id = id,
				      .kind = kind,
				      .state = state,
				      .flags = flags,
				      .text = SLICE("why") };
	const struct spool_item item = { .mark = &m };

	return spool_commit(s, &item, 1);
}

static int gone(struct spool *s, uint8_t id)
{
	return mark(s, id, SPOOL_MARK_GONE, 0, 0);
}

static int add_big(struct spool *s, uint8_t id, uint32_t size)
{
	static uint8_t bytes[9000];
	int err = spool_big_begin(s, size);

	memset(bytes, id, sizeof(bytes));
	if (err == 0)
		err = spool_big_write(s, bytes, size);
	if (err == 0)
		err = add(s, id, 1, size, true);
	if (err)
		spool_big_abort(s);
	return err;
}

/* An image with laps behind it and some of each kind of record. */
static void make_base(struct spool *s)
{
	int bad = open_again(s);

	bad |= add(s, 1, 2, 100, false);
	bad |= mark(s, 1, SPOOL_MARK_FLAGS, 0, SPOOL_HELD);
	bad |= add(s, 2, 3, 4500, false);
	bad |= mark(s, 2, SPOOL_MARK_RCPT, SPOOL_REFUSED, 0);
	for (int i = 0; i < 30; i++) {
		bad |= add(s, 3, 1, 900, false);
		bad |= gone(s, 3);
	}
	bad |= add_big(s, 4, 5000);
	bad |= add(s, 5, 1, 300, false);
	bad |= mark(s, 5, SPOOL_MARK_FLAGS, 0, SPOOL_RETURNING);
	bad |= add(s, 6, 1, 4500, false);
	assert(bad == 0);
	memcpy(base, ring, BYTES);
}

static void seal(uint8_t *p)
{
	static const uint8_t zero[4];
	uint32_t crc = crc32c(crc32c(0, p, 8), zero, 4);

	put_u32le(p + 8, crc32c(crc, p + 12, SPOOL_FRAME - 12));
}

/* Where the fields of a head are, and those of most records. */
static const uint8_t fields[] = { 4,  5,  6,  12, 16, 24, 32,  36,
				  40, 44, 48, 52, 54, 56, 64,  66,
				  68, 70, 72, 80, 88, 96, 104, 112 };

/* n bytes of a frame: set, or counted up or down. */
static void change(uint8_t *p, size_t at, uint8_t n, uint32_t value, bool by)
{
	uint64_t v = 0;

	for (uint8_t i = n; i-- > 0;)
		v = v << 8 | p[at + i];
	v = by ? v + (uint64_t)(int8_t)value : value * UINT64_C(0x100000001);
	for (uint8_t i = 0; i < n; i++, v >>= 8)
		p[at + i] = (uint8_t)v;
}

/* An entry of the marks medium; often it is bound to the newest commit. */
static void change_marks(const uint8_t *b)
{
	uint8_t *e = marks_bytes + (size_t)b[1] % (MARKS / ENTRY) * ENTRY;
	const uint8_t *frame = ring + (size_t)b[2] % FRAMES * SPOOL_FRAME;

	if (b[3] & 1)
		memcpy(e, frame + 24, 8);
	if (b[3] & 2)
		put_u64le(e + 8, get_u64le(frame + 16) + b[7]);
	if (b[3] & 4)
		put_u16le(e + 22, (uint16_t)((e - marks_bytes) / ENTRY));
	e[16 + b[4] % 12] = b[5];
	if (b[3] & 8)
		e[25] = b[6] & 3;
	put_u32le(e + 28, crc32c(0, e, 28));
}

/* The spool itself goes on in between. */
static void work(struct spool *s, const uint8_t *b)
{
	if (open_again(s))
		return;
	uint32_t size = get_u16le(b + 2) % 8000;
	switch (b[1] % 5) {
	case 0:
		(void)!add(s, 8, 1 + b[4] % 4, size, false);
		break;
	case 1:
		(void)!gone(s, b[4] % 9);
		break;
	case 2:
		(void)!add_big(s, 9, size);
		break;
	case 3:
		(void)!mark(s, b[4] % 9, SPOOL_MARK_RCPT, b[5] % 5, 0);
		break;
	default:
		(void)!mark(s, b[4] % 9, SPOOL_MARK_FLAGS, 0, b[5]);
	}
}

/* One step of eight bytes. */
static void step(struct spool *s, const uint8_t *b)
{
	static uint8_t kept[SPOOL_FRAME];
	uint8_t *p = ring + (size_t)b[1] % FRAMES * SPOOL_FRAME;
	uint8_t *q = ring + (size_t)b[2] % FRAMES * SPOOL_FRAME;
	uint8_t n = (uint8_t)(1u << (b[2] >> 3 & 3));
	uint32_t at = get_u16le(b + 2) % (SPOOL_FRAME - 8);

	switch (b[0] % 8) {
	case 0: /* rot */
		p[at] ^= b[4] | 1;
		return;
	case 1: /* a field of the head or of a record */
		change(p, fields[b[3] % sizeof(fields)], n, get_u32le(b + 4),
		       b[2] & 1);
		break;
	case 2: /* the same anywhere */
		change(p, at, n, get_u32le(b + 4), b[4] & 1);
		break;
	case 3: /* a frame at two places */
		memcpy(kept, p, SPOOL_FRAME);
		memcpy(p, q, SPOOL_FRAME);
		if (b[3] & 1)
			memcpy(q, kept, SPOOL_FRAME);
		return;
	case 4: /* a torn or missing one */
		memset(p + at, b[4] & 1 ? 0 : 0xff, SPOOL_FRAME - at);
		return;
	case 5: /* at home at its place, whatever it says */
		put_u64le(p + 16, get_u64le(q + 16) + b[3] % 4);
		break;
	case 6:
		change_marks(b);
		return;
	default:
		work(s, b);
		return;
	}
	seal(p);
}

static void read_all(struct spool *s)
{
	struct spool_cursor c = { 0, 0 };
	struct spool_msg msg;
	static uint8_t bytes[65536], states[SPOOL_MAX_RCPT];
	uint32_t n = 0;
	int more;

	while ((more = spool_next(s, &c, &msg)) != 0) {
		assert(++n <= 8 * FRAMES);
		if (spool_read_envelope(s, &msg, bytes) == 0 && more > 0)
			(void)!spool_states(s, &msg, states);
		uint32_t len = msg.size < 9000 ? msg.size : 9000;
		(void)!spool_read(s, &msg, 0, bytes, len);
	}
	assert(n == spool_count(s));
}

static void check_last(struct spool *s)
{
	struct spool_msg msg;
	uint8_t bytes[64];

	assert(spool_find(s, LAST_ID, &msg) == 0);
	assert(spool_read(s, &msg, 2900, bytes, sizeof(bytes)) == 0);
	for (size_t i = 0; i < sizeof(bytes); i++)
		assert(bytes[i] == LAST_ID);
}

/* What is said to be stored is there after a restart. */
static void work_on(struct spool *s)
{
	read_all(s);
	while (gone(s, LAST_ID) == 0)
		; /* a forger may have used this identifier */
	for (int i = 0; i < 8; i++)
		if (add(s, LAST_ID, 1, 3000, false) == 0)
			assert(gone(s, LAST_ID) == 0);
	bool is_in = add(s, LAST_ID, 1, 3000, false) == 0;
	for (int i = 0; i < 2; i++) {
		assert(open_again(s) == 0);
		if (is_in)
			check_last(s);
		read_all(s);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spool *s = spool_static();

	number = 0;
	medium.size = BYTES;
	memset(marks_bytes, 0, MARKS);
	memset(ring, 0, BYTES);
	if (get_u32le(base + 12) == 0)
		make_base(s);
	number = 1000;
	memset(marks_bytes, 0, MARKS);
	if (size > 0 && data[0] == '!') {
		memcpy(ring, base, BYTES);
		for (size_t at = 1; at + 8 <= size && at < 400; at += 8)
			step(s, data + at);
	} else {
		memset(ring, 0, BYTES);
		if (size > 0)
			memcpy(ring, data, size < BYTES ? size : BYTES);
		for (uint8_t *p = ring; p < ring + BYTES; p += SPOOL_FRAME)
			if (memcmp(p, "mote", 4) == 0 && get_u32le(p + 8) == 0)
				seal(p);
	}
	if (open_again(s) == 0)
		work_on(s);
	return 0;
}
