/* SPDX-License-Identifier: ISC */
/*
 * test_medium_fault.c - each system call of medium_file.c and medium_create.c
 * fails, or comes up short: it is told, nothing is left behind, and what was
 * written before is there.
 */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spool/medium.h"
#include "spool/spool.h"

#define SIZE (8 * SPOOL_FRAME)

/* Not of <stdio.h>: as in medium_create.c. */
int renameat(int from_dir, const char *from, int to_dir, const char *to);

/* The call that is to fail, counted down; what it says; has it been? */
static int armed, fail_errno;
static bool hit;

/* 0: go on; 1: fail, errno is set; -1: do half of it. */
static int strike(void)
{
	if (armed == 0 || --armed > 0)
		return 0;
	hit = true;
	errno = fail_errno;
	return fail_errno ? 1 : -1;
}

/* A call that cannot be short. */
#define WHOLE(name, ...) \
	(strike() > 0 ? -1 : (int)syscall(SYS_##name, __VA_ARGS__))

/* These stand in front of the C library's. */
int open(const char *path, int flags, ...)
{
	va_list more;

	va_start(more, flags);
	unsigned mode = flags & O_CREAT ? va_arg(more, unsigned) : 0;
	va_end(more);
	return WHOLE(openat, AT_FDCWD, path, flags, mode);
}

int fsync(int fd)
{
	return WHOLE(fsync, fd);
}

int fdatasync(int fd)
{
	return WHOLE(fdatasync, fd);
}

int flock(int fd, int what)
{
	return WHOLE(flock, fd, what);
}

int fchown(int fd, uid_t uid, gid_t gid)
{
	return WHOLE(fchown, fd, uid, gid);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return WHOLE(renameat2, from_dir, from, to_dir, to, 0);
}

ssize_t write(int fd, const void *p, size_t n)
{
	int how = strike();

	return how > 0 ? -1 : syscall(SYS_write, fd, p, how < 0 ? n / 2 : n);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t off)
{
	int how = strike();

	return how > 0 ? -1
		       : syscall(SYS_pwrite64, fd, p, how < 0 ? n / 2 : n, off);
}

ssize_t pread(int fd, void *p, size_t n, off_t off)
{
	int how = strike();

	return how > 0 ? -1
		       : syscall(SYS_pread64, fd, p, how < 0 ? n / 2 : n, off);
}

static char folder[64], path[128], left[160];

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/mediumXXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/spool", folder);
	snprintf(left, sizeof(left), "%s.new", path);
	return 0;
}

static int tear_down(void **state)
{
	char command[160];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

static int open_it(struct medium_file *m)
{
	return medium_file_open(m, path, SIZE, geteuid(), getegid());
}

/* The calls that are made again when a signal has come. */
static bool is_again(int err)
{
	return err == EINTR;
}

static const int errors[] = { EIO, ENOSPC, EROFS, EINTR, 0 };

/* Is it there, whole, and does it work? */
static void check_good(struct medium_file *m)
{
	uint8_t frame[SPOOL_FRAME];
	const struct medium_ops *ops = m->medium.ops;

	assert_int_equal(m->medium.size, SIZE);
	for (uint64_t at = 0; at < SIZE; at += SPOOL_FRAME) {
		assert_int_equal(ops->read(m, at, frame, SPOOL_FRAME), 0);
		for (size_t i = 0; i < SPOOL_FRAME; i++)
			assert_int_equal(frame[i], 0);
	}
	assert_int_equal(medium_file_lock(m), 0);
	assert_int_equal(access(left, F_OK), -1);
}

/* Made with one fault in it; was there one so late? */
static bool make_with(int n, int error)
{
	struct medium_file m;

	hit = false;
	armed = n;
	fail_errno = error;
	int err = open_it(&m);
	armed = 0;
	if (err != 0) {
		assert_true(hit && error != 0);
		assert_int_equal(err, -error);
		assert_int_equal(m.fd, -1);
		assert_int_equal(access(left, F_OK), -1);
		/* The next one completes it, or makes it anew. */
		assert_int_equal(open_it(&m), 0);
	}
	check_good(&m);
	medium_file_close(&m);
	assert_int_equal(unlink(path), 0);
	return hit;
}

static void nth_call_of_making_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		int n = 1;
		while (make_with(n, errors[i]))
			n++;
		assert_true(n > SIZE / SPOOL_FRAME + 5);
	}
}

/* Frames are written, synced and read, with one fault in it. */
static bool use_with(struct medium_file *m, int n, int error)
{
	static uint8_t frame[SPOOL_FRAME], got[SPOOL_FRAME];
	const struct medium_ops *ops = m->medium.ops;
	uint32_t before = m->medium.faults;
	int err = 0, read_err;

	memset(frame, n, sizeof(frame));
	hit = false;
	armed = n;
	fail_errno = error;
	for (uint64_t at = 0; at < SIZE && err == 0; at += SPOOL_FRAME)
		err = ops->write(m, at, frame, SPOOL_FRAME);
	if (err == 0)
		err = ops->sync(m);
	bool before_reading = hit;
	read_err = ops->read(m, 0, got, SPOOL_FRAME);
	armed = 0;
	/* Reading is tried twice. */
	assert_int_equal(read_err, 0);
	if (err) {
		assert_true(before_reading);
		assert_int_equal(err, -error);
	} else {
		assert_memory_equal(got, frame, SPOOL_FRAME);
		/* A signal, or half of it, does not end a write; it does end
		 * a sync. */
		assert_true(!before_reading || error == 0 || is_again(error));
	}
	bool told = m->medium.faults > before;
	assert_int_equal(told, hit && (err || (error && !is_again(error))));
	if (told)
		assert_int_equal(m->medium.error, error);
	return hit;
}

static void nth_call_of_its_use(void **state)
{
	struct medium_file m;

	(void)state;
	assert_int_equal(open_it(&m), 0);
	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		int n = 1;
		while (use_with(&m, n, errors[i]))
			n++;
		assert_true(n > SIZE / SPOOL_FRAME + 2);
	}
	medium_file_close(&m);
}

/* A sync is asked for once: there is no second call behind the first. */
static void a_failed_sync_is_final(void **state)
{
	struct medium_file m;

	(void)state;
	assert_int_equal(open_it(&m), 0);
	for (int twice = 0; twice < 2; twice++) {
		armed = 1;
		fail_errno = twice ? EIO : EINTR;
		assert_int_equal(m.medium.ops->sync(&m), -fail_errno);
		assert_int_equal(armed, 0);
	}
	medium_file_close(&m);
}

static void the_lock_fails(void **state)
{
	struct medium_file m;

	(void)state;
	assert_int_equal(open_it(&m), 0);
	armed = 1;
	fail_errno = ENOLCK;
	assert_int_equal(medium_file_lock(&m), -ENOLCK);
	assert_false(m.locked);
	medium_file_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nth_call_of_making_it, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(nth_call_of_its_use, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_failed_sync_is_final, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_lock_fails, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
