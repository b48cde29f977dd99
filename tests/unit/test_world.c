/* SPDX-License-Identifier: ISC */
/* base/world: the machine's own world, and fair numbers from any. */
#include <errno.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/world.h"
#include "lib/check.h"

/* Chance that comes from a list, the last of it for ever. */
struct draws {
	const uint64_t *list;
	size_t len, used;
};

static void give(void *ctx, void *p, size_t n)
{
	struct draws *d = ctx;
	size_t at = d->used < d->len ? d->used : d->len - 1;

	assert_int_equal(n, 8);
	put_u64le(p, d->list[at]);
	d->used++;
}

/* Stands before libc's: fails first with fail_draw, gives little at once. */
static int fail_draw;

ssize_t getrandom(void *p, size_t n, unsigned flags)
{
	errno = fail_draw;
	fail_draw = fail_draw == EINTR ? 0 : fail_draw;
	if (errno)
		return -1;
	return syscall(SYS_getrandom, p, n < 100 ? n : 100, flags);
}

static void tells_the_time(void **state)
{
	struct timespec ts;
	int64_t wall = world_wall_s(&world_real);
	int64_t boot = world_boot_ms(&world_real);

	(void)state;
	assert_int_equal(clock_gettime(CLOCK_REALTIME, &ts), 0);
	assert_in_range(ts.tv_sec - wall, 0, 60);
	assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &ts), 0);
	assert_in_range(ts.tv_sec * 1000 + ts.tv_nsec / 1000000 - boot, 0,
			60000);
	assert_true(boot > 0);
	assert_int_equal(world_real.zone_min(world_real.ctx, wall), 0);
}

static void draws_from_the_kernel(void **state)
{
	uint8_t a[300] = { 0 }, b[300] = { 0 };
	unsigned zeros = 0;

	(void)state;
	world_real.random(world_real.ctx, a, sizeof(a));
	world_real.random(world_real.ctx, b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	for (size_t i = 0; i < sizeof(a); i++)
		zeros += a[i] == 0;
	assert_in_range(zeros, 0, 30);
	world_real.random(world_real.ctx, a, 0);
	fail_draw = EINTR;
	world_real.random(world_real.ctx, a, sizeof(a));
	assert_int_equal(fail_draw, 0);
	assert_true(world_random_u64(&world_real) !=
		    world_random_u64(&world_real));
}

/* Without chance the process ends: never an identifier twice. */
static void ends_without_chance(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		for (int sig = 1; sig < 32; sig++)
			(void)signal(sig, SIG_DFL);
		fail_draw = ENOSYS;
		(void)world_random_u64(&world_real);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static void stays_below(void **state)
{
	static const uint64_t limits[] = { 1, 2, 3, 7, 1000, UINT64_MAX };

	(void)state;
	assert_int_equal(world_random_below(&world_real, 0), 0);
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		for (int k = 0; k < 100; k++)
			assert_true(world_random_below(&world_real, limits[i]) <
				    limits[i]);
	}
}

/* 2^64 = 3 * k + 1: only the very last draw belongs to no whole run. */
static void draws_again_for_fairness(void **state)
{
	static const uint64_t list[] = { UINT64_MAX, UINT64_MAX,
					 UINT64_MAX - 1 };
	struct draws d = { list, 3, 0 };
	const struct world w = { .ctx = &d, .random = give };

	(void)state;
	assert_int_equal(world_random_below(&w, 3), 2);
	assert_int_equal(d.used, 3);
	/* a power of two divides evenly: no second draw */
	d.used = 0;
	assert_int_equal(world_random_below(&w, 16), 15);
	assert_int_equal(d.used, 1);
}

static void ends_in_a_stubborn_world(void **state)
{
	static const uint64_t list[] = { UINT64_MAX };
	struct draws d = { list, 1, 0 };
	const struct world w = { .ctx = &d, .random = give };

	(void)state;
	assert_int_equal(world_random_below(&w, 3), 0);
	assert_int_equal(d.used, 64);
}

static void reaches_every_number(void **state)
{
	unsigned seen[5] = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		seen[world_random_below(&world_real, 5)]++;
	/* 200 each; a run outside of these bounds is past 10 sigma */
	for (int i = 0; i < 5; i++)
		assert_in_range(seen[i], 70, 330);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_the_time),
		cmocka_unit_test(draws_from_the_kernel),
		cmocka_unit_test(ends_without_chance),
		cmocka_unit_test(stays_below),
		cmocka_unit_test(draws_again_for_fairness),
		cmocka_unit_test(ends_in_a_stubborn_world),
		cmocka_unit_test(reaches_every_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
