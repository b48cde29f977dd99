/* SPDX-License-Identifier: ISC */
/* base/id.c - see base/id.h. */
#include "base/id.h"

#include <errno.h>

/* Bits of one character. */
#define BITS 5

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

uint64_t id_new(const struct world *w)
{
	uint64_t id = world_random_u64(w) >> (64 - ID_LEN * BITS);

	return id > 0 ? id : 1;
}

void id_format(char out[static ID_LEN + 1], uint64_t id)
{
	for (int i = ID_LEN - 1; i >= 0; i--) {
		out[i] = alphabet[id & ((1 << BITS) - 1)];
		id >>= BITS;
	}
	out[ID_LEN] = '\0';
}

int id_parse(struct slice in, uint64_t *id)
{
	const struct slice set = SLICE(alphabet);
	uint64_t v = 0;

	if (in.n != ID_LEN)
		return -EINVAL;
	for (size_t i = 0; i < ID_LEN; i++) {
		ptrdiff_t digit = slice_find(set, in.p[i]);

		if (digit < 0)
			return -EINVAL;
		v = v << BITS | (uint64_t)digit;
	}
	if (v == 0)
		return -EINVAL;
	*id = v;
	return 0;
}
