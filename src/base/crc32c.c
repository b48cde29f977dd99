/* SPDX-License-Identifier: ISC */
/*
 * base/crc32c.c - see base/crc32c.h.
 *
 * Two tables of 16 instead of one of 256: the checksum is linear, so that the
 * entry of a byte is the sum of those of its halves.  128 bytes instead of
 * 1024, and both look-ups of a byte run side by side.
 */
#include "base/crc32c.h"

static const uint32_t low[16] = {
	0x00000000, 0xf26b8303, 0xe13b70f7, 0x1350f3f4, 0xc79a971f, 0x35f1141c,
	0x26a1e7e8, 0xd4ca64eb, 0x8ad958cf, 0x78b2dbcc, 0x6be22838, 0x9989ab3b,
	0x4d43cfd0, 0xbf284cd3, 0xac78bf27, 0x5e133c24,
};

static const uint32_t high[16] = {
	0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
	0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
	0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
	const uint8_t *b = p;

	crc = ~crc;
	for (size_t i = 0; i < n; i++) {
		uint8_t at = (uint8_t)(crc ^ b[i]);

		crc = crc >> 8 ^ low[at & 15] ^ high[at >> 4];
	}
	return ~crc;
}
