/* SPDX-License-Identifier: ISC */
/*
 * base/world.h - time and chance, as functions that can be exchanged.
 *
 * All code above base/ takes time and randomness from such a table, so that
 * a simulator can stand in for the world.  world_real is the machine's own.
 */
#ifndef BASE_WORLD_H
#define BASE_WORLD_H

#include "base/slice.h"

/* The table.  ctx is given back to each function. */
struct world {
	/* Whatever the functions need. */
	void *ctx;
	/* CLOCK_BOOTTIME in milliseconds: never set, never goes back. */
	int64_t (*boot_ms)(void *ctx);
	/* CLOCK_REALTIME in seconds since 1970: may be any lie. */
	int64_t (*wall_s)(void *ctx);
	/* Local zone's offset east of UTC at wall time t, in minutes. */
	int (*zone_min)(void *ctx, int64_t t);
	/*
	 * n bytes from the kernel's generator (getrandom(2)); where that
	 * fails the process ends by a trap.
	 */
	void (*random)(void *ctx, void *p, size_t n);
};

/* The machine's clocks and its kernel's generator; the zone is UTC's. */
extern const struct world world_real;

/* CLOCK_BOOTTIME of this machine in milliseconds, whatever the world. */
int64_t world_real_boot_ms(void);

/* Shorthands. */
int64_t world_boot_ms(const struct world *w);
int64_t world_wall_s(const struct world *w);
uint64_t world_random_u64(const struct world *w);

/* A fair number in [0, n); n 0 gives 0. */
uint64_t world_random_below(const struct world *w, uint64_t n);

#endif
