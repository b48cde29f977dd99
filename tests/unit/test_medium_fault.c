/* SPDX-License-Identifier: ISC */
/*
 * test_medium_fault.c - the Nth open, write, sync, rename... of making and
 * opening a spool's file fails, N = 1, 2, ... until a run passes without: an
 * error is told, no half-made file stays, no descriptor is left open.
 *
 * The calls of libc are replaced by those below.
 */
#include "spoolbox.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int renameat(int from_dir, const char *from, int to_dir, const char *to);

#define SIZE (16 * SPOOL_FRAME)

/* Calls that can be made to fail. */
enum call {
	OPEN,
	CLOSE,
	FSTAT,
	LSEEK,
	WRITE,
	FSYNC,
	FDATASYNC,
	RENAME,
	UNLINK,
	CHOWN,
	FCHOWN,
	FLOCK,
	CALLS
};

/* Which one, which of them, and how; 0: none. */
static enum call fail_call;
static int fail_nth, fail_errno;

/* What the system says of whoever asks, and of files. */
static uid_t fake_euid;
static bool is_device;
static uid_t fake_owner;

static char folder[64], path[128], tmp[136];

static bool fails(enum call call)
{
	if (call != fail_call || fail_nth == 0 || --fail_nth > 0)
		return false;
	errno = fail_errno;
	return true;
}

int open(const char *name, int flags, ...)
{
	va_list args;

	va_start(args, flags);
	int mode = flags & O_CREAT ? va_arg(args, int) : 0;
	va_end(args);
	return fails(OPEN) ? -1 : openat(AT_FDCWD, name, flags, mode);
}

int close(int fd)
{
	int err = (int)syscall(SYS_close, fd);

	return fails(CLOSE) ? -1 : err;
}

int fstat(int fd, struct stat *st)
{
	int err = fstatat(fd, "", st, AT_EMPTY_PATH);

	if (is_device)
		st->st_mode = S_IFBLK | 0660;
	if (fake_owner != 0)
		st->st_uid = fake_owner;
	return fails(FSTAT) ? -1 : err;
}

off_t lseek(int fd, off_t off, int whence)
{
	return fails(LSEEK) ? -1 : (off_t)syscall(SYS_lseek, fd, off, whence);
}

ssize_t write(int fd, const void *p, size_t n)
{
	if (!fails(WRITE))
		return syscall(SYS_write, fd, p, n);
	/* EINTR: it comes up short, so that the rest is written. */
	return fail_errno == EINTR ? syscall(SYS_write, fd, p, n / 2) : -1;
}

int fsync(int fd)
{
	return fails(FSYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return fails(FDATASYNC) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	if (fails(RENAME))
		return -1;
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

int unlink(const char *name)
{
	return fails(UNLINK) ? -1 : unlinkat(AT_FDCWD, name, 0);
}

int chown(const char *name, uid_t uid, gid_t gid)
{
	(void)name;
	(void)uid;
	(void)gid;
	return fails(CHOWN) ? -1 : 0;
}

int fchown(int fd, uid_t uid, gid_t gid)
{
	(void)fd;
	(void)uid;
	(void)gid;
	return fails(FCHOWN) ? -1 : 0;
}

int flock(int fd, int operation)
{
	return fails(FLOCK) ? -1 : (int)syscall(SYS_flock, fd, operation);
}

uid_t geteuid(void)
{
	return fake_euid;
}

static int set_up(void **state)
{
	(void)state;
	fail_nth = 0;
	fake_euid = 0;
	fake_owner = 0;
	is_device = false;
	strcpy(folder, "/tmp/mediumXXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/sub/spool", folder);
	snprintf(tmp, sizeof(tmp), "%s.new", path);
	return 0;
}

static int tear_down(void **state)
{
	char command[160];

	(void)state;
	fail_nth = 0;
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

static int count_open(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int open_it(struct medium_file *m)
{
	return medium_file_open(m, path, SIZE, getuid(), getgid());
}

/* There is no file yet, or it is whole; nothing lies beside it. */
static void check_whole(bool may_have_tmp)
{
	struct stat st;

	if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		assert_int_equal(st.st_size, SIZE);
	if (!may_have_tmp)
		assert_int_equal(access(tmp, F_OK), -1);
}

/* One fault while the file is made; is there one so late? */
static bool make_with(enum call call, int nth, int how)
{
	struct medium_file m;
	int before = count_open();

	assert_int_equal(set_up(NULL), 0);
	fail_call = call;
	fail_nth = nth;
	fail_errno = how;
	int err = open_it(&m);
	bool hit = fail_nth == 0;
	fail_nth = 0;
	if (!hit || (call == WRITE && how == EINTR))
		assert_int_equal(err, 0);
	else if (call != CLOSE || err != 0)
		assert_int_equal(err, -how);
	if (err == 0)
		medium_file_close(&m);
	assert_int_equal(count_open(), before);
	check_whole(call == UNLINK);
	/* Tried again it works, whatever was left. */
	assert_int_equal(open_it(&m), 0);
	assert_int_equal(m.medium.size, SIZE);
	medium_file_close(&m);
	check_whole(false);
	assert_int_equal(tear_down(NULL), 0);
	return hit;
}

static void each_call_fails(void **state)
{
	static const int how[] = { EIO, ENOSPC, EROFS, EINTR };

	(void)state;
	for (int call = 0; call < CALLS; call++) {
		for (size_t i = 0; i < ARRAY_LEN(how); i++) {
			int nth = 1;
			while (make_with((enum call)call, nth, how[i]))
				nth++;
			bool is_used = call != FDATASYNC && call != LSEEK;
			assert_int_equal(nth > 1, is_used);
		}
	}
}

/* Has the file at the path the message, and how many frames? */
static uint32_t frames_with_message(struct box *b)
{
	struct medium_file m;

	assert_int_equal(open_it(&m), 0);
	assert_int_equal(
		spool_open(b->spool, &m.medium, NULL, &b->world, &b->found), 0);
	assert_true(box_has(b, 1));
	medium_file_close(&m);
	return (uint32_t)(m.medium.size / SPOOL_FRAME);
}

/* One fault while the file is made anew with another size. */
static bool resize_with(struct box *b, enum call call, int nth)
{
	struct medium_file m;
	int before = count_open();

	assert_int_equal(set_up(NULL), 0);
	assert_int_equal(open_it(&m), 0);
	assert_int_equal(
		spool_open(b->spool, &m.medium, NULL, &b->world, &b->found), 0);
	assert_int_equal(box_add(b, 1, 1, 20, 5000), 0);
	fail_call = call;
	fail_nth = nth;
	fail_errno = EIO;
	int err = medium_file_resize(b->spool, path, 2 * SIZE, 0, 0);
	bool hit = fail_nth == 0;
	fail_nth = 0;
	/* A sync that fails behind the rename: told, and the name has moved. */
	bool is_old = medium_file_is_at(&m, path);
	assert_false(is_old ? err == 0 : err != 0 && call != FSYNC);
	if (!hit)
		assert_int_equal(err, 0);
	medium_file_close(&m);
	assert_int_equal(count_open(), before);
	assert_int_equal(frames_with_message(b), is_old ? 16 : 32);
	assert_int_equal(tear_down(NULL), 0);
	return hit;
}

/* The old file stays as it was, until the new one has its name. */
static void each_call_fails_at_a_new_size(void **state)
{
	struct box *b = box_new(16);
	int hits = 0;

	(void)state;
	for (int call = 0; call < CALLS; call++)
		for (int nth = 1; resize_with(b, (enum call)call, nth); nth++)
			hits++;
	assert_true(hits > 10);
	box_free(b);
}

/* Another file may have taken the name of the one that is open. */
static void the_name_of_another(void **state)
{
	struct medium_file m;

	(void)state;
	assert_int_equal(open_it(&m), 0);
	assert_true(medium_file_is_at(&m, path));
	fail_call = FSTAT;
	fail_nth = 1;
	fail_errno = EIO;
	assert_true(medium_file_is_at(&m, path));
	assert_int_equal(rename(path, tmp), 0);
	assert_false(medium_file_is_at(&m, path));
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_false(medium_file_is_at(&m, path));
	medium_file_close(&m);
}

/* Who is not root gives nothing away, and takes what is his. */
static void not_as_root(void **state)
{
	struct medium_file m;

	(void)state;
	fake_euid = 1234;
	fail_nth = 1;
	fail_errno = EPERM;
	for (fail_call = CHOWN; fail_call <= FCHOWN; fail_call++) {
		assert_int_equal(open_it(&m), 0);
		medium_file_close(&m);
		assert_int_equal(fail_nth, 1);
		assert_int_equal(unlinkat(AT_FDCWD, path, 0), 0);
	}
	fail_nth = 0;
	fake_owner = 1234;
	assert_int_equal(medium_file_open(&m, path, SIZE, 77, 77), 0);
	medium_file_close(&m);
	fake_owner = 1235;
	assert_int_equal(medium_file_open(&m, path, SIZE, 77, 77), -EPERM);
	assert_int_equal(m.fd, -1);
}

/* The size of a device is where its end is; any owner, no tmpfs. */
static void a_device(void **state)
{
	struct medium_file m;

	(void)state;
	assert_int_equal(open_it(&m), 0);
	medium_file_close(&m);
	is_device = true;
	fake_owner = 99;
	assert_int_equal(open_it(&m), 0);
	assert_int_equal(m.medium.size, SIZE);
	assert_false(m.medium.is_volatile);
	medium_file_close(&m);
	fail_call = LSEEK;
	fail_nth = 1;
	fail_errno = ENXIO;
	assert_int_equal(open_it(&m), -ENXIO);
	assert_int_equal(m.fd, -1);
	is_device = false;
}

/* A failed sync is told once, and counted; it is not made good. */
static void a_sync_that_fails(void **state)
{
	struct medium_file m;

	(void)state;
	assert_int_equal(open_it(&m), 0);
	fail_call = FDATASYNC;
	fail_nth = 1;
	fail_errno = EIO;
	assert_int_equal(m.medium.ops->sync(&m), -EIO);
	assert_int_equal(m.medium.faults, 1);
	assert_int_equal(m.medium.error, EIO);
	assert_int_equal(m.medium.ops->sync(&m), 0);
	assert_int_equal(m.medium.faults, 1);
	fail_call = FLOCK;
	fail_nth = 1;
	fail_errno = ENOLCK;
	assert_int_equal(medium_file_lock(&m), -ENOLCK);
	assert_int_equal(medium_file_lock(&m), 0);
	medium_file_close(&m);
}

/* Names without a folder, in the root, on the tmpfs below /dev. */
static void names_of_all_kinds(void **state)
{
	struct medium_file m;
	char name[64];

	(void)state;
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(medium_file_open(&m, "here", SIZE + 1, getuid(), 0),
			 0);
	assert_int_equal(m.medium.size, SIZE);
	medium_file_close(&m);
	fail_call = OPEN;
	fail_nth = 2; /* the folder's, so that nothing is made there */
	fail_errno = EACCES;
	assert_int_equal(medium_file_open(&m, "/no-such-spool", SIZE, 0, 0),
			 -EACCES);
	snprintf(name, sizeof(name), "/dev/shm/mailmote-%d", (int)getpid());
	if (access("/dev/shm", W_OK) != 0)
		return;
	assert_int_equal(medium_file_open(&m, name, SIZE, getuid(), 0), 0);
	assert_true(m.medium.is_volatile);
	medium_file_close(&m);
	assert_int_equal(unlinkat(AT_FDCWD, name, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_fails),
		cmocka_unit_test(each_call_fails_at_a_new_size),
		cmocka_unit_test_setup_teardown(the_name_of_another, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(not_as_root, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_device, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_sync_that_fails, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(names_of_all_kinds, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
