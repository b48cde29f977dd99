/* SPDX-License-Identifier: ISC */
/* The message on standard input: where its header ends, reading it again. */
#include "lib/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/input.h"

static struct input in;
static const struct fixup_job job = { .from = { "f@x.org", 7 },
				      .drop_bcc = true };

/* A file with n bytes, at its start. */
static int file_of(const char *text, size_t n)
{
	int fd = memfd_create("input", MFD_CLOEXEC);

	assert_true(fd >= 0);
	while (n > 0) {
		ssize_t done = write(fd, text, n);

		assert_true(done > 0);
		text += done;
		n -= (size_t)done;
	}
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* A pipe with n bytes, filled by a child in pieces. */
static int pipe_of(const char *text, size_t n, size_t piece)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	if (fork() == 0) {
		close(ends[0]);
		while (n > 0) {
			size_t part = n < piece ? n : piece;

			if (write(ends[1], text, part) != (ssize_t)part)
				break;
			text += part;
			n -= part;
		}
		_exit(0);
	}
	close(ends[1]);
	return ends[0];
}

static int open_input(int fd, bool dots)
{
	memset(&in, 0, sizeof(in));
	return input_open(&in, fd, dots);
}

/* All that can be read in pieces of n bytes; most bytes at most. */
static struct slice drain(char *space, size_t most, size_t n)
{
	size_t len = 0;

	while (len < most) {
		size_t piece = n < most - len ? n : most - len;
		ssize_t got = input_read(&in, space + len, piece);

		assert_true(got >= 0);
		if (got == 0)
			break;
		len += (size_t)got;
	}
	return slice_of(space, len);
}

static void end(int fd)
{
	close(fd);
	if (in.memory_fd >= 0)
		close(in.memory_fd);
	while (wait(NULL) > 0)
		continue;
}

static void header(const char *text, bool dots, const char *want)
{
	int fd = file_of(text, strlen(text));

	assert_int_equal(open_input(fd, dots), 0);
	assert_slice(input_header(&in), slice_str(want));
	assert_true(in.all);
	end(fd);
}

static void test_header(void **state)
{
	(void)state;
	header("", false, "");
	header("\n", false, "");
	header("A: b", false, "A: b\r\n");
	header("A: b\n\nC: d\n", false, "A: b\r\n");
	header("A: b\r\n folded\nB: c\n\nC: d\n", false,
	       "A: b\r\n folded\r\nB: c\r\n");
	header("text\nA: b\n", false, "");
	header(" A: b\n", false, "");
	header("A: b\nnot a field\nC: d\n", false, "A: b\r\n");
	header("From x\nA: b\n\n", false, "A: b\r\n");
	header("A: b\n.\nC: d\n", true, "A: b\r\n");
	header("A: b\n.\nC: d\n", false, "A: b\r\n");
	header(".\n", true, "");
}

static void test_header_limit(void **state)
{
	static char text[2 * CONFIG_HEADER_MAX];
	int fd;

	(void)state;
	for (int over = -1; over <= 1; over++) {
		size_t n = (size_t)(CONFIG_HEADER_MAX + over);

		memset(text, 'x', sizeof(text));
		memcpy(text, "A: ", 3);
		memcpy(text + n - 2, "\r\n\r\nbody\r\n", 10);
		fd = file_of(text, n + 8);
		assert_int_equal(open_input(fd, true),
				 over > 0 ? -EMSGSIZE : 0);
		if (over <= 0)
			assert_int_equal(input_header(&in).n, n);
		end(fd);
	}
	/* One line that is no header may be as long as it likes. */
	memset(text, 'x', sizeof(text));
	fd = file_of(text, sizeof(text));
	assert_int_equal(open_input(fd, true), 0);
	assert_int_equal(input_header(&in).n, 0);
	end(fd);
	/* A field without an end may not. */
	text[1] = ':';
	fd = file_of(text, sizeof(text));
	assert_int_equal(open_input(fd, true), -EMSGSIZE);
	end(fd);
	assert_int_equal(open_input(-1, true), -EBADF);
}

/* A pipe that stays open: the lone dot is enough. */
static void test_dot_ends(void **state)
{
	static const char text[] = "A: b\n\none\n.\n";
	char space[100];
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], text, sizeof(text) - 1),
			 sizeof(text) - 1);
	assert_int_equal(open_input(ends[0], true), 0);
	assert_true(in.all);
	input_start(&in, &job);
	assert_slice(drain(space, sizeof(space), 100),
		     SLICE("A: b\r\nFrom: f@x.org\r\n\r\none\r\n"));
	close(ends[1]);
	end(ends[0]);
}

#define LINES 20000

static char text[LINES * 8];
static char first[LINES * 9 + 100];
static char second[LINES * 9 + 100];

static size_t large_text(void)
{
	size_t n = (size_t)snprintf(text, sizeof(text), "A: b\nBcc: c@d\n\n");

	for (int i = 0; i < LINES - 10; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%06d\n", i);
	return n;
}

/* Read all, in odd pieces, then again, then a part and again. */
static void read_again(int fd, bool keep)
{
	assert_int_equal(open_input(fd, false), 0);
	if (keep)
		input_keep(&in);
	input_start(&in, &job);
	struct slice a = drain(first, sizeof(first), 37);
	assert_true(a.n > sizeof(text) / 2);
	assert_true(slice_starts(a, SLICE("A: b\r\nFrom: f@x.org\r\n\r\n"
					  "000000\r\n")));
	assert_int_equal(input_rewind(&in), 0);
	assert_slice(drain(second, sizeof(second), 4096), a);
	assert_int_equal(input_rewind(&in), 0);
	assert_int_equal(drain(second, 70000, 4096).n, 70000);
	assert_int_equal(input_rewind(&in), 0);
	assert_slice(drain(second, sizeof(second), 10000), a);
	end(fd);
}

static void test_again(void **state)
{
	size_t n = large_text();

	(void)state;
	read_again(file_of(text, n), false);
	read_again(file_of(text, n), true);
	read_again(pipe_of(text, n, 4096), true);
	read_again(pipe_of(text, n, 1009), true);
}

/* A part first: what was not read yet comes from the pipe. */
static void test_again_early(void **state)
{
	size_t n = large_text();
	int fd = pipe_of(text, n, 5000);

	(void)state;
	assert_int_equal(open_input(fd, false), 0);
	input_keep(&in);
	input_start(&in, &job);
	assert_int_equal(drain(first, 60000, 512).n, 60000);
	assert_int_equal(input_rewind(&in), 0);
	struct slice a = drain(first, sizeof(first), 512);
	assert_int_equal(input_rewind(&in), 0);
	assert_slice(drain(second, sizeof(second), 999), a);
	assert_true(slice_iends(a, SLICE("019989\r\n")));
	end(fd);
}

static void test_not_kept(void **state)
{
	size_t n = large_text();
	int fd = pipe_of(text, n, 4096);

	(void)state;
	assert_int_equal(open_input(fd, false), 0);
	input_start(&in, &job);
	/* What is in memory can be read again, and what is not cannot. */
	assert_int_equal(drain(first, 1000, 100).n, 1000);
	assert_int_equal(input_rewind(&in), 0);
	drain(first, sizeof(first), 4096);
	assert_int_equal(input_rewind(&in), -ESPIPE);
	end(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_header_limit),
		cmocka_unit_test(test_dot_ends),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_again_early),
		cmocka_unit_test(test_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
