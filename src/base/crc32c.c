/* SPDX-License-Identifier: ISC */
/*
 * base/crc32c.c - see base/crc32c.h.
 *
 * The checksum is linear: what four bytes do to it is the sum of what their
 * eight halves do.  Eight tables of 16 are 512 bytes, half of the usual table
 * for one byte, and more than twice as fast, since all look-ups of a word run
 * side by side: recovery reads the whole spool through here.  They are worked
 * out once, in microseconds: the binary need not carry them.
 */
#include "base/crc32c.h"

/* What half k of a word does to the checksum behind the word. */
static uint32_t steps[8][16];

static void fill_steps(void)
{
	for (unsigned i = 0; i < 8 * 16; i++) {
		uint32_t crc = (uint32_t)(i & 15) << (i >> 4) * 4;

		for (int bit = 0; bit < 32; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
		steps[i >> 4][i & 15] = crc;
	}
}

uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
	const uint8_t *b = p;

	if (steps[7][15] == 0)
		fill_steps();
	crc = ~crc;
	for (; n >= 4; n -= 4, b += 4) {
		uint32_t w = crc ^ get_u32le(b);

		crc = steps[0][w & 15] ^ steps[1][w >> 4 & 15] ^
		      steps[2][w >> 8 & 15] ^ steps[3][w >> 12 & 15] ^
		      steps[4][w >> 16 & 15] ^ steps[5][w >> 20 & 15] ^
		      steps[6][w >> 24 & 15] ^ steps[7][w >> 28];
	}
	for (size_t i = 0; i < n; i++) {
		uint8_t at = (uint8_t)(crc ^ b[i]);

		crc = crc >> 8 ^ steps[6][at & 15] ^ steps[7][at >> 4];
	}
	return ~crc;
}
