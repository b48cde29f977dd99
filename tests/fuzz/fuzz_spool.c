/* SPDX-License-Identifier: ISC */
/*
 * fuzz_spool.c - any image: open, walk, read all, work on, open again.
 * Frames whose CRC is zero get the one they should have.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/crc32c.h"
#include "spool/spool.h"

#define BYTES (24 * SPOOL_FRAME)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t ring[BYTES];
static uint64_t number;

static int get(void *ctx, uint64_t off, void *p, size_t n)
{
	(void)ctx;
	memcpy(p, ring + off, n);
	return 0;
}

static int put(void *ctx, uint64_t off, const void *p, size_t n)
{
	(void)ctx;
	memcpy(ring + off, p, n);
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
	(void)ctx;
	(void)off;
	memset(p, 'x', n);
	return 0;
}

static const struct medium_ops ops = { get, put, sync_ring };
static const struct world world = { NULL, boot_ms, NULL, NULL, get_random };

static void seal(uint8_t *p)
{
	static const uint8_t zero[4];

	if (memcmp(p, "mote", 4) != 0 || get_u32le(p + 8) != 0)
		return;
	uint32_t crc = crc32c(crc32c(0, p, 8), zero, 4);
	put_u32le(p + 8, crc32c(crc, p + 12, SPOOL_FRAME - 12));
}

static void read_all(struct spool *s)
{
	struct spool_cursor c = { 0, 0 };
	struct spool_msg msg;
	static uint8_t bytes[65536], states[SPOOL_MAX_RCPT];
	uint32_t n = 0;
	int more;

	while ((more = spool_next(s, &c, &msg)) != 0) {
		assert(++n <= 8 * 24);
		if (spool_read_envelope(s, &msg, bytes) == 0 && more > 0)
			(void)!spool_states(s, &msg, states);
		uint32_t len = msg.size < 9000 ? msg.size : 9000;
		(void)!spool_read(s, &msg, 0, bytes, len);
	}
	assert(n == spool_count(s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct medium m = { &ops, NULL, BYTES, false };
	struct spool *s = spool_static();
	struct spool_found found;
	struct spool_add add = {
		.id = 77, .nrcpt = 1, .size = 3000, .source = { NULL, source }
	};
	struct spool_mark mark = { .id = 77, .kind = SPOOL_MARK_GONE };
	struct spool_item in = { .add = &add }, out = { .mark = &mark };

	number = 0;
	memset(ring, 0, BYTES);
	memcpy(ring, data, size < BYTES ? size : BYTES);
	for (size_t at = 0; at < BYTES; at += SPOOL_FRAME)
		seal(ring + at);
	if (spool_open(s, &m, NULL, &world, &found))
		return 0;
	read_all(s);
	for (int i = 0; i < 30; i++) {
		if (spool_commit(s, &in, 1) == 0)
			assert(spool_commit(s, &out, 1) == 0);
	}
	read_all(s);
	assert(spool_open(s, &m, NULL, &world, &found) == 0);
	read_all(s);
	return 0;
}
