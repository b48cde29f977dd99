/* SPDX-License-Identifier: ISC */
/* test_medium.c - a file as a medium: made whole, or refused. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spool/medium.h"
#include "spool/spool.h"

#define SIZE (16 * SPOOL_FRAME)

static char folder[64];
static char path[128];

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/mediumXXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/sub/spool", folder);
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

static void is_made_with_its_folder(void **state)
{
	struct medium_file m;
	struct stat st;
	uint8_t frame[SPOOL_FRAME], got[SPOOL_FRAME];

	(void)state;
	assert_int_equal(open_it(&m), 0);
	assert_int_equal(m.medium.size, SIZE);
	assert_int_equal(fstat(m.fd, &st), 0);
	assert_int_equal(st.st_size, SIZE);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_blocks * 512, SIZE); /* real zeros */
	memset(frame, 7, sizeof(frame));
	const struct medium_ops *ops = m.medium.ops;
	assert_int_equal(ops->write(&m, SIZE - SPOOL_FRAME, frame, SPOOL_FRAME),
			 0);
	assert_int_equal(ops->sync(&m), 0);
	assert_int_equal(ops->read(&m, SIZE - SPOOL_FRAME, got, SPOOL_FRAME),
			 0);
	assert_memory_equal(frame, got, SPOOL_FRAME);
	assert_int_equal(ops->read(&m, SIZE - 10, got, SPOOL_FRAME), -EIO);
	medium_file_close(&m);
	assert_int_equal(m.fd, -1);
	/* What is there keeps its size, and nothing else was left. */
	assert_int_equal(medium_file_open(&m, path, 4 * SIZE, 0, 0), 0);
	assert_int_equal(m.medium.size, SIZE);
	medium_file_close(&m);
	strcat(path, ".new");
	assert_int_equal(access(path, F_OK), -1);
}

static void a_left_over_is_made_anew(void **state)
{
	struct medium_file m;
	char left[160];

	(void)state;
	assert_int_equal(open_it(&m), 0);
	medium_file_close(&m);
	snprintf(left, sizeof(left), "%s.new", path);
	assert_int_equal(rename(path, left), 0);
	assert_int_equal(truncate(left, 100), 0);
	assert_int_equal(open_it(&m), 0);
	assert_int_equal(m.medium.size, SIZE);
	medium_file_close(&m);
	assert_int_equal(access(left, F_OK), -1);
}

static void what_is_no_file_is_refused(void **state)
{
	struct medium_file m;
	char other[160];

	(void)state;
	assert_int_equal(open_it(&m), 0);
	medium_file_close(&m);
	snprintf(other, sizeof(other), "%s/other", folder);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(open_it(&m), -ELOOP);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(link(other, path), 0);
	assert_int_equal(open_it(&m), -EMLINK);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(open_it(&m), -EINVAL);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(open_it(&m), -EINVAL);
	assert_int_equal(rmdir(path), 0);
	snprintf(path, sizeof(path), "/dev/null");
	assert_int_equal(open_it(&m), -EINVAL);
	assert_int_equal(m.fd, -1);
	medium_file_close(&m);
}

/* JFFS2 can lose power in the middle of a rename, and show both names. */
static void both_names_of_a_rename(void **state)
{
	struct medium_file m;
	char left[160];

	(void)state;
	assert_int_equal(open_it(&m), 0);
	medium_file_close(&m);
	snprintf(left, sizeof(left), "%s.new", path);
	assert_int_equal(link(path, left), 0);
	assert_int_equal(open_it(&m), 0);
	medium_file_close(&m);
	assert_int_equal(access(left, F_OK), -1);
}

/* Who else could write it could take mail away, or invent some. */
static void written_by_others(void **state)
{
	static const mode_t good[] = { 0600, 0640, 0644, 0604 };
	static const mode_t bad[] = { 0620, 0602, 0660, 0666, 0622 };
	struct medium_file m;

	(void)state;
	assert_int_equal(open_it(&m), 0);
	medium_file_close(&m);
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(chmod(path, good[i]), 0);
		assert_int_equal(open_it(&m), 0);
		medium_file_close(&m);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(chmod(path, bad[i]), 0);
		assert_int_equal(open_it(&m), -EPERM);
	}
}

/* A device that is not there (yet) is not replaced by a file in memory. */
static void no_file_below_dev(void **state)
{
	struct medium_file m;

	(void)state;
	assert_int_equal(
		medium_file_open(&m, "/dev/no-such-device", SIZE, 0, 0),
		-ENODEV);
	assert_int_equal(access("/dev/no-such-device", F_OK), -1);
}

static void sizes_at_the_limit(void **state)
{
	struct medium_file m;

	(void)state;
	for (int d = -1; d <= 1; d++) {
		uint64_t size = SPOOL_MIN_FRAMES * SPOOL_FRAME;
		size = (uint64_t)((int64_t)size + d);
		int err =
			medium_file_open(&m, path, size, geteuid(), getegid());
		assert_int_equal(err, d < 0 ? -EINVAL : 0);
		assert_int_equal(m.medium.size,
				 d < 0 ? 0 : SPOOL_MIN_FRAMES * SPOOL_FRAME);
		medium_file_close(&m);
		unlink(path);
	}
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, SPOOL_MIN_FRAMES * SPOOL_FRAME - 1), 0);
	close(fd);
	assert_int_equal(open_it(&m), -EINVAL);
}

static void another_owner_is_refused(void **state)
{
	struct medium_file m;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(medium_file_open(&m, path, SIZE, 1234, 1235), 0);
	struct stat st;
	assert_int_equal(fstat(m.fd, &st), 0);
	assert_int_equal(st.st_uid, 1234);
	assert_int_equal(st.st_gid, 1235);
	medium_file_close(&m);
	assert_int_equal(medium_file_open(&m, path, SIZE, 77, 77), -EPERM);
	assert_int_equal(medium_file_open(&m, path, SIZE, 1234, 0), 0);
	medium_file_close(&m);
}

static void one_lock_for_all(void **state)
{
	struct medium_file a, b;

	(void)state;
	assert_int_equal(open_it(&a), 0);
	assert_int_equal(open_it(&b), 0);
	assert_int_equal(medium_file_lock(&a), 0);
	assert_int_equal(medium_file_lock(&b), -EAGAIN);
	medium_file_close(&a);
	assert_int_equal(medium_file_lock(&b), 0);
	assert_true(b.locked);
	medium_file_close(&b);
}

/* Several processes find nothing and make it at the same time. */
static void made_once_in_a_race(void **state)
{
	struct medium_file m;
	pid_t pids[6];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(open_it(&m) != 0 || m.medium.size != SIZE);
	}
	for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
		int status = -1;
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
}

static void names_that_are_too_long(void **state)
{
	struct medium_file m;
	char name[600] = "/tmp/";

	(void)state;
	memset(name + 5, 'x', 500);
	name[4 + 200] = '/';
	assert_int_equal(medium_file_open(&m, name, SIZE, 0, 0), -ENAMETOOLONG);
}

static void spool_lives_in_it(void **state)
{
	struct medium_file m;
	struct spool_found found;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(open_it(&m), 0);
		assert_int_equal(spool_open(spool_static(), &m.medium, NULL,
					    &world_real, &found),
				 0);
		assert_int_equal(found.frames, 16);
		assert_int_equal(found.fresh, true);
		medium_file_close(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(is_made_with_its_folder, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_left_over_is_made_anew,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_file_is_refused,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(both_names_of_a_rename, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(written_by_others, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(no_file_below_dev, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(sizes_at_the_limit, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(another_owner_is_refused,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_lock_for_all, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(made_once_in_a_race, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(names_that_are_too_long, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(spool_lives_in_it, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
