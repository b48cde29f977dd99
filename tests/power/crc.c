/* SPDX-License-Identifier: ISC */
/*
 * power/crc.c - CRC-32C by the processor's own instruction, where it has one:
 * a run looks at millions of frames.  Linked instead of base/crc32c.c into the
 * program that is built for speed on x86_64; all others use the real thing.
 */
#include "base/crc32c.h"

#include <string.h>

static uint32_t slow(uint32_t crc, const uint8_t *b, size_t n)
{
	while (n-- > 0) {
		crc ^= *b++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return crc;
}

__attribute__((target("sse4.2"))) static uint32_t fast(uint32_t crc,
						       const uint8_t *b,
						       size_t n)
{
	uint64_t wide = crc;

	for (; n >= 8; n -= 8, b += 8) {
		uint64_t word;
		memcpy(&word, b, sizeof(word));
		wide = __builtin_ia32_crc32di(wide, word);
	}
	crc = (uint32_t)wide;
	while (n-- > 0)
		crc = __builtin_ia32_crc32qi(crc, *b++);
	return crc;
}

uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
	bool has_it = __builtin_cpu_supports("sse4.2");

	return ~(has_it ? fast(~crc, p, n) : slow(~crc, p, n));
}
