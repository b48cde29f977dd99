/* SPDX-License-Identifier: ISC */
/* A secret's file: what is taken, and the words for what is not. */
#include "lib/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "conf/password.h"

#define GROUP 4711

static char dir[] = "/tmp/test_password.XXXXXX";
static char path[64];
static char secret[PASSWORD_MAX];
static char words[400];
static struct buf out;
static struct buf why;

static void put(const char *text, size_t n, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int get(uint32_t uid, uint32_t gid)
{
	out = BUF_ON(secret);
	why = BUF_ON(words);
	return password_read(path, uid, gid, &out, &why);
}

/* Refused with err, in these words behind the file's name. */
static void refused(int err, const char *text)
{
	char want[200];

	snprintf(want, sizeof(want), "%s: %s", path, text);
	assert_int_equal(get(getuid(), GROUP), err);
	assert_string_equal(buf_cstr(&why), want);
	assert_int_equal(out.len, 0);
}

static void good(const char *text, size_t n, const char *want)
{
	put(text, n, 0600);
	assert_int_equal(get(getuid(), GROUP), 0);
	assert_slice(buf_slice(&out), slice_str(want));
	assert_int_equal(why.len, 0);
}

static void test_text(void **state)
{
	(void)state;
	good("s3cret\n", 7, "s3cret");
	good("s3cret", 6, "s3cret");
	good("s3cret\r\nmore\n", 13, "s3cret");
	good(" with blanks \n", 14, " with blanks ");
	good("\xc3\xa4\n", 3, "\xc3\xa4");
	put("\n", 1, 0600);
	refused(-EMSGSIZE, "is empty");
	put("", 0, 0600);
	refused(-EMSGSIZE, "is empty");
	put("a\0b\n", 4, 0600);
	refused(-EINVAL, "holds a NUL");
}

static void test_length(void **state)
{
	static char text[PASSWORD_MAX + 3];

	(void)state;
	memset(text, 'p', sizeof(text));
	for (size_t n = PASSWORD_MAX - 1; n <= PASSWORD_MAX; n++) {
		put(text, n, 0600);
		assert_int_equal(get(getuid(), GROUP), 0);
		assert_int_equal(out.len, n);
		memcpy(text + n, "\r\n", 2);
		put(text, n + 2, 0600);
		assert_int_equal(get(getuid(), GROUP), 0);
		assert_int_equal(out.len, n);
		memset(text, 'p', sizeof(text));
	}
	put(text, PASSWORD_MAX + 1, 0600);
	refused(-EMSGSIZE, "has a line that is too long");
	put(text, PASSWORD_MAX + 3, 0600);
	refused(-EMSGSIZE, "has a line that is too long");
	/* Room that is smaller than a password is respected. */
	char few[4];
	out = BUF_ON(few);
	why = BUF_ON(words);
	put("12345", 5, 0600);
	assert_int_equal(password_read(path, getuid(), GROUP, &out, &why),
			 -EMSGSIZE);
	assert_int_equal(out.len, 0);
}

static void test_modes(void **state)
{
	static const mode_t open_ones[] = { 0604, 0644, 0602, 0601,
					    0620, 0660, 0610, 0666 };
	char text[200];

	(void)state;
	put("x", 1, 0400);
	assert_int_equal(get(getuid(), GROUP), 0);
	put("x", 1, 0700);
	assert_int_equal(get(getuid(), GROUP), 0);
	snprintf(text, sizeof(text), "is open to others: chmod 600 %s", path);
	for (size_t i = 0; i < ARRAY_LEN(open_ones); i++) {
		put("x", 1, open_ones[i]);
		refused(-EACCES, text);
	}
	put("x", 1, 0640);
	refused(-EACCES, text);
	assert_int_equal(get(getuid(), getgid()), 0);
}

static void test_owner(void **state)
{
	char text[200];

	(void)state;
	put("x", 1, 0600);
	if (getuid() != 0) {
		/* Our own file, but the daemon is another user. */
		snprintf(text, sizeof(text),
			 "%s: belongs to user %u: chown root %s", path,
			 (unsigned)getuid(), path);
		assert_int_equal(get(getuid() + 1, GROUP), -EACCES);
		assert_string_equal(buf_cstr(&why), text);
		return;
	}
	/* Root's files are taken, whoever the daemon is. */
	assert_int_equal(get(12345, GROUP), 0);
	assert_int_equal(chown(path, 12345, 0), 0);
	assert_int_equal(get(12345, GROUP), 0);
	snprintf(text, sizeof(text), "%s: belongs to user 12345: chown root %s",
		 path, path);
	assert_int_equal(get(12346, GROUP), -EACCES);
	assert_string_equal(buf_cstr(&why), text);
	assert_int_equal(unlink(path), 0);
}

static void test_kinds(void **state)
{
	char other[80];

	(void)state;
	unlink(path);
	refused(-ENOENT, "cannot be opened");
	snprintf(other, sizeof(other), "%s.real", path);
	assert_int_equal(symlink(other, path), 0);
	refused(-EACCES, "is a symbolic link: name the file itself");
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	refused(-EACCES, "is no regular file");
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	refused(-EACCES, "is no regular file");
	rmdir(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),  cmocka_unit_test(test_length),
		cmocka_unit_test(test_modes), cmocka_unit_test(test_owner),
		cmocka_unit_test(test_kinds),
	};

	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/secret", dir);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	rmdir(dir);
	return failed;
}
