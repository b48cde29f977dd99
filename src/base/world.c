/* SPDX-License-Identifier: ISC */
/* base/world.c - see base/world.h. */
#include "base/world.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* Draws before a fair number is given up for a nearly fair one. */
#define MAX_DRAWS 64

static struct timespec read_clock(clockid_t clock)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(clock, &ts);
	return ts;
}

int64_t world_real_boot_ms(void)
{
	struct timespec ts = read_clock(CLOCK_BOOTTIME);

	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t real_boot_ms(void *ctx)
{
	(void)ctx;
	return world_real_boot_ms();
}

static int64_t real_wall_s(void *ctx)
{
	(void)ctx;
	return (int64_t)read_clock(CLOCK_REALTIME).tv_sec;
}

static int real_zone_min(void *ctx, int64_t t)
{
	(void)ctx;
	(void)t;
	return 0;
}

/*
 * Blocks until the kernel's generator is ready (STANDARDS.md S-26).  Without
 * randomness identifiers would repeat: there is no way to go on.
 */
static void real_random(void *ctx, void *p, size_t n)
{
	uint8_t *at = p;

	(void)ctx;
	while (n > 0) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			__builtin_trap();
		at += got;
		n -= (size_t)got;
	}
}

const struct world world_real = {
	.ctx = NULL,
	.boot_ms = real_boot_ms,
	.wall_s = real_wall_s,
	.zone_min = real_zone_min,
	.random = real_random,
};

int64_t world_boot_ms(const struct world *w)
{
	return w->boot_ms(w->ctx);
}

int64_t world_wall_s(const struct world *w)
{
	return w->wall_s(w->ctx);
}

uint64_t world_random_u64(const struct world *w)
{
	uint8_t raw[8];

	w->random(w->ctx, raw, sizeof(raw));
	return get_u64le(raw);
}

uint64_t world_random_below(const struct world *w, uint64_t n)
{
	uint64_t v = 0;

	if (n == 0)
		return 0;
	/*
	 * The last, incomplete run of n numbers would favour the small ones:
	 * draw again.  The bound only matters to a simulated world that
	 * always draws the same.
	 */
	uint64_t over = (UINT64_MAX - n + 1) % n;
	for (int i = 0; i < MAX_DRAWS; i++) {
		v = world_random_u64(w);
		if (v <= UINT64_MAX - over)
			break;
	}
	return v % n;
}
