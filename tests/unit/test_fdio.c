/* SPDX-License-Identifier: ISC */
/* base/fdio: whole reads and writes, through interruptions and faults. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/secret.h"
#include "lib/check.h"

static char folder[] = "/tmp/test_fdio.XXXXXX";
static int dirfd = -1;

/* Calls of these that fail first, with what; they stand before libc's. */
static int fail_fsync, fail_pread, fail_pwrite;

static bool fails(int *what)
{
	errno = *what;
	*what = 0;
	return errno != 0;
}

int fsync(int fd)
{
	return fails(&fail_fsync) ? -1 : (int)syscall(SYS_fsync, fd);
}

ssize_t pread(int fd, void *p, size_t n, off_t off)
{
	if (fails(&fail_pread))
		return -1;
	/* never more than 3 bytes at once */
	return lseek(fd, off, SEEK_SET) < 0 ? -1 : read(fd, p, n < 3 ? n : 3);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t off)
{
	if (fail_pwrite < 0)
		return 0;
	if (fails(&fail_pwrite))
		return -1;
	return lseek(fd, off, SEEK_SET) < 0 ? -1 : write(fd, p, n < 3 ? n : 3);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(folder) || chdir(folder) < 0)
		return -1;
	dirfd = open(".", O_RDONLY | O_DIRECTORY);
	return dirfd < 0;
}

static int tear_down(void **state)
{
	static const char *const left[] = { "a",     "b",   "ro", "fifo",
					    "p/q/r", "p/q", "p",  "d" };

	(void)state;
	close(dirfd);
	for (size_t i = 0; i < ARRAY_LEN(left); i++)
		(void)remove(left[i]);
	return chdir("/") < 0 || rmdir(folder) < 0;
}

static void make_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fdio_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static void check_file(const char *name, const char *text)
{
	char space[64];
	struct buf b = BUF_ON(space);

	assert_int_equal(fdio_read_file(name, &b), 0);
	assert_slice(buf_slice(&b), slice_str(text));
}

/* A timer knocks every millisecond; at the third time the pipe is served. */
static int pipes[2];
static volatile sig_atomic_t knocks;
static char drain[1 << 17];

static void feed_pipe(int sig)
{
	(void)sig;
	if (++knocks == 3)
		(void)!write(pipes[1], "x", 1);
}

static void drain_pipe(int sig)
{
	(void)sig;
	if (++knocks >= 3)
		(void)!read(pipes[0], drain, 60000);
}

static void knock(void (*handler)(int), int every_us)
{
	struct sigaction sa = { .sa_handler = handler };
	struct itimerval timer = { { 0, every_us }, { 0, every_us } };

	if (every_us > 0)
		knocks = 0;
	assert_int_equal(sigaction(SIGALRM, &sa, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static void reads_through_signals(void **state)
{
	char c = 0;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	knock(feed_pipe, 1000);
	assert_int_equal(fdio_read(pipes[0], &c, 1), 1);
	knock(feed_pipe, 0);
	assert_int_equal(c, 'x');
	close(pipes[1]);
	while (fdio_read(pipes[0], &c, 1) > 0)
		assert_int_equal(c, 'x');
	assert_int_equal(fdio_read(pipes[0], &c, 1), 0);
	close(pipes[0]);
	assert_int_equal(fdio_read(pipes[0], &c, 1), -EBADF);
}

static void writes_through_signals(void **state)
{
	static char text[200000];

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	knock(drain_pipe, 1000);
	assert_int_equal(fdio_write_all(pipes[1], text, sizeof(text)), 0);
	knock(drain_pipe, 0);
	assert_true(knocks >= 3);
	close(pipes[0]);
	close(pipes[1]);
	assert_int_equal(fdio_write_all(pipes[1], text, 1), -EBADF);
	assert_int_equal(fdio_write_all(pipes[1], text, 0), 0);
}

static void reads_and_writes_at_offsets(void **state)
{
	char back[8] = { 0 };

	(void)state;
	make_file("a", "0123456789");
	int fd = open("a", O_RDWR);
	assert_int_equal(fdio_pwrite_all(fd, "abcd", 4, 8), 0);
	assert_int_equal(fdio_pread_all(fd, back, 4, 6), 0);
	assert_string_equal(back, "67ab");
	assert_int_equal(fdio_pread_all(fd, back, 4, 8), 0);
	assert_int_equal(fdio_pread_all(fd, back, 4, 9), -EIO);
	assert_int_equal(fdio_pread_all(fd, back, 1, 12), -EIO);
	assert_int_equal(fdio_pread_all(fd, back, 0, 99), 0);
	assert_int_equal(fdio_pwrite_all(fd, back, 0, 99), 0);
	/* an interruption is nothing, a fault and no progress are */
	fail_pread = EINTR;
	assert_int_equal(fdio_pread_all(fd, back, 4, 6), 0);
	fail_pread = ENOSPC;
	assert_int_equal(fdio_pread_all(fd, back, 4, 6), -ENOSPC);
	fail_pwrite = EINTR;
	assert_int_equal(fdio_pwrite_all(fd, "abcd", 4, 8), 0);
	fail_pwrite = ENOSPC;
	assert_int_equal(fdio_pwrite_all(fd, "xxxx", 4, 8), -ENOSPC);
	fail_pwrite = -1;
	assert_int_equal(fdio_pwrite_all(fd, "xxxx", 4, 8), -EIO);
	fail_pwrite = 0;
	close(fd);
	assert_int_equal(fdio_pread_all(fd, back, 1, 0), -EBADF);
	assert_int_equal(fdio_pwrite_all(fd, back, 1, 0), -EBADF);
	check_file("a", "01234567abcd");
}

static void reads_files(void **state)
{
	char space[8];

	(void)state;
	make_file("a", "12345");
	for (size_t cap = 0; cap <= 8; cap++) {
		struct buf b = buf_on(space, cap);

		buf_put_str(&b, cap >= 2 ? "ab" : "");
		size_t mark = b.len;
		int want = cap < mark + 5 ? -EMSGSIZE : 0;
		assert_int_equal(fdio_read_file("a", &b), want);
		assert_int_equal(b.len, want ? mark : mark + 5);
		assert_false(b.overflow);
	}

	struct buf b = BUF_ON(space);
	assert_int_equal(fdio_read_file("none", &b), -ENOENT);
	assert_int_equal(fdio_read_file(".", &b), -EINVAL);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(fdio_read_file("fifo", &b), -EINVAL);
	assert_int_equal(fdio_read_file("/dev/null", &b), 0);
	assert_int_equal(b.len, 0);
	assert_int_equal(fdio_read_file("/dev/zero", &b), -EMSGSIZE);
	assert_int_equal(b.len, 0);
	make_file("b", "");
	assert_int_equal(fdio_read_file("b", &b), 0);
	assert_int_equal(b.len, 0);
	assert_int_equal(fdio_read_file("/proc/self/cmdline", &b), -EMSGSIZE);
}

static void replaces_files(void **state)
{
	struct stat st;

	(void)state;
	(void)unlink("a");
	assert_int_equal(fdio_replace(dirfd, "a", "one", 3), 0);
	check_file("a", "one");
	assert_int_equal(stat("a", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(fdio_replace(dirfd, "a", "two", 3), 0);
	check_file("a", "two");
	assert_int_equal(fdio_replace(dirfd, "a", "", 0), 0);
	check_file("a", "");
	assert_int_equal(access("a.new", F_OK), -1);
}

/* What a crash, or somebody else, left in the way. */
static void replaces_over_leftovers(void **state)
{
	(void)state;
	make_file("a", "old");
	make_file("a.new", "a crash");
	assert_int_equal(fdio_replace(dirfd, "a", "new", 3), 0);
	check_file("a", "new");

	make_file("b", "somebody's");
	assert_int_equal(symlink("b", "a.new"), 0);
	assert_int_equal(fdio_replace(dirfd, "a", "more", 4), 0);
	check_file("a", "more");
	check_file("b", "somebody's");
}

static void keeps_the_old_file(void **state)
{
	static const char text[8192];
	struct rlimit all, few = { 4096, 4096 };

	(void)state;
	make_file("a", "old");
	/* a full disk, as a limit: the write stops half-way */
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
	few.rlim_max = all.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
	int err = fdio_replace(dirfd, "a", text, sizeof(text));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	assert_int_equal(err, -EFBIG);
	check_file("a", "old");
	assert_int_equal(access("a.new", F_OK), -1);

	/* the disk has no room for what the kernel took */
	fail_fsync = EIO;
	assert_int_equal(fdio_replace(dirfd, "a", "new", 3), -EIO);
	check_file("a", "old");
	assert_int_equal(access("a.new", F_OK), -1);

	/* the name is taken by a folder */
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(fdio_replace(dirfd, "d", "x", 1), -EISDIR);
	assert_int_equal(access("d.new", F_OK), -1);
	assert_int_equal(fdio_replace(-1, "a", "x", 1), -EBADF);
}

static void replaces_by_short_names_only(void **state)
{
	char name[260];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[252] = '\0';
	assert_int_equal(fdio_replace(dirfd, name, "x", 1), -ENAMETOOLONG);
	name[251] = '\0';
	assert_int_equal(fdio_replace(dirfd, name, "x", 1), 0);
	assert_int_equal(unlink(name), 0);
	name[250] = '\0';
	assert_int_equal(fdio_replace(dirfd, name, "x", 1), 0);
	assert_int_equal(unlink(name), 0);
}

/* A folder that cannot be synced: the caller hears of it. */
static void tells_when_the_folder_is_not_synced(void **state)
{
	int fd = open(".", O_PATH | O_DIRECTORY);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fdio_replace(fd, "a", "seen", 4), -EBADF);
	check_file("a", "seen");
	close(fd);
}

static void sets_flags(void **state)
{
	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(fdio_nonblock(pipes[0]), 0);
	assert_true(fcntl(pipes[0], F_GETFL) & O_NONBLOCK);
	assert_int_equal(fcntl(pipes[0], F_GETFD), FD_CLOEXEC);

	char c;
	assert_int_equal(fdio_read(pipes[0], &c, 1), -EAGAIN);
	close(pipes[0]);
	close(pipes[1]);
	assert_int_equal(fdio_nonblock(pipes[0]), -EBADF);
}

static void makes_folders(void **state)
{
	struct stat st;
	char path[300];

	(void)state;
	/* Whatever the umask: that of the program is 077. */
	(void)umask(077);
	assert_int_equal(fdio_make_dirs("p/q/r"), 0);
	assert_int_equal(umask(022), 077);
	assert_int_equal(stat("p/q/r", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(stat("p", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(fdio_make_dirs("p/q/r"), 0);
	assert_int_equal(fdio_make_dirs("p/q/r/"), 0);
	assert_int_equal(fdio_make_dirs(folder), 0);
	assert_int_equal(fdio_make_dirs("/"), 0);
	make_file("a", "x");
	assert_int_equal(fdio_make_dirs("a"), -ENOTDIR);
	assert_int_equal(fdio_make_dirs("a/b"), -ENOTDIR);
	assert_int_equal(fdio_make_dirs(""), -ENOENT);
	(void)unlink("b");
	assert_int_equal(symlink("nowhere", "b"), 0);
	assert_int_equal(fdio_make_dirs("b"), -ENOENT);

	memset(path, 'p', sizeof(path));
	path[256] = '\0';
	assert_int_equal(fdio_make_dirs(path), -ENAMETOOLONG);
	path[255] = '\0';
	assert_int_equal(fdio_make_dirs(path), 0);
	assert_int_equal(rmdir(path), 0);
}

static void knows_what_a_reboot_forgets(void **state)
{
	struct statfs fs;

	(void)state;
	assert_false(fdio_is_volatile("/proc"));
	assert_false(fdio_is_volatile("none"));
	if (statfs("/dev/shm", &fs) < 0 || fs.f_type != 0x01021994)
		skip();
	assert_true(fdio_is_volatile("/dev/shm"));
}

static void wipes(void **state)
{
	char text[8] = "abcdefg";

	(void)state;
	secret_wipe(text + 1, 3);
	assert_memory_equal(text, "a\0\0\0efg", 8);
	secret_wipe(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_through_signals),
		cmocka_unit_test(writes_through_signals),
		cmocka_unit_test(reads_and_writes_at_offsets),
		cmocka_unit_test(reads_files),
		cmocka_unit_test(replaces_files),
		cmocka_unit_test(replaces_over_leftovers),
		cmocka_unit_test(keeps_the_old_file),
		cmocka_unit_test(replaces_by_short_names_only),
		cmocka_unit_test(tells_when_the_folder_is_not_synced),
		cmocka_unit_test(sets_flags),
		cmocka_unit_test(makes_folders),
		cmocka_unit_test(knows_what_a_reboot_forgets),
		cmocka_unit_test(wipes),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
