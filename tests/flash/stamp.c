/* SPDX-License-Identifier: ISC */
/*
 * flash/stamp.c - one lone frame, written in many ways, to see what each makes
 * the file system write later (SPOOL.md 5).
 *
 *   stamp new FILE                 1 MiB of zeros
 *   stamp WAY FILE [FRAME]         overwrite one frame, durably
 *
 * WAY: fdatasync fsync dsync rwf direct mmap-msync mmap-fdatasync range (no
 * flush: not durable) utime (mtime put back before the sync) two (two frames,
 * 2 s apart, each synced) none (no sync at all).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FRAME 4096
#define FRAMES 256

static char frame[FRAME] __attribute__((aligned(FRAME)));

static void check(int bad, const char *what)
{
	if (!bad)
		return;
	fprintf(stderr, "stamp: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static void put(int fd, off_t at)
{
	check(pwrite(fd, frame, FRAME, at) != FRAME, "pwrite");
}

static void by_map(int fd, off_t at, int use_msync)
{
	char *p = mmap(NULL, FRAME, PROT_READ | PROT_WRITE, MAP_SHARED, fd, at);

	check(p == MAP_FAILED, "mmap");
	memcpy(p, frame, FRAME);
	check(use_msync ? msync(p, FRAME, MS_SYNC) : fdatasync(fd), "sync");
}

static void by_flags(int fd, off_t at)
{
	struct iovec v = { frame, FRAME };

	check(pwritev2(fd, &v, 1, at, RWF_DSYNC) != FRAME, "pwritev2");
}

/* The time stamps are as before when the sync comes. */
static void put_back(int fd, off_t at)
{
	struct stat st;

	check(fstat(fd, &st), "fstat");
	put(fd, at);
	struct timespec t[2] = { st.st_atim, st.st_mtim };
	check(futimens(fd, t), "futimens");
	check(fdatasync(fd), "fdatasync");
}

static void write_one(const char *way, int fd, off_t at)
{
	if (is(way, "mmap-msync") || is(way, "mmap-fdatasync")) {
		by_map(fd, at, is(way, "mmap-msync"));
	} else if (is(way, "rwf")) {
		by_flags(fd, at);
	} else if (is(way, "utime")) {
		put_back(fd, at);
	} else {
		put(fd, at);
	}
	if (is(way, "fdatasync") || is(way, "direct") || is(way, "two"))
		check(fdatasync(fd), "fdatasync");
	if (is(way, "fsync"))
		check(fsync(fd), "fsync");
	if (is(way, "range"))
		check(sync_file_range(fd, at, FRAME,
				      SYNC_FILE_RANGE_WAIT_BEFORE |
					      SYNC_FILE_RANGE_WRITE |
					      SYNC_FILE_RANGE_WAIT_AFTER),
		      "sync_file_range");
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 64;
	const char *way = argv[1];
	int n = argc > 3 ? atoi(argv[3]) : 0;
	int flags = O_RDWR | O_CREAT | (is(way, "dsync") ? O_DSYNC : 0) |
		    (is(way, "direct") ? O_DIRECT : 0);
	int fd = open(argv[2], flags, 0600);

	check(fd < 0, argv[2]);
	if (is(way, "new")) {
		for (int i = 0; i < FRAMES; i++)
			put(fd, (off_t)i * FRAME);
		check(fsync(fd), "fsync");
		return 0;
	}
	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (char)(n + 1);
	write_one(way, fd, (off_t)(n % FRAMES) * FRAME);
	if (is(way, "two")) {
		sleep(2);
		write_one(way, fd, (off_t)((n + 1) % FRAMES) * FRAME);
	}
	return 0;
}
