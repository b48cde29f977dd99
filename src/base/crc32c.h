/* SPDX-License-Identifier: ISC */
/* base/crc32c.h - CRC-32C (Castagnoli), reflected polynomial 0x82f63b78. */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include "base/slice.h"

/*
 * CRC of n bytes at p after crc, which is 0 for the first run: feeding in
 * pieces gives the same as feeding whole.  "123456789" gives 0xe3069283.
 */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);

#endif
