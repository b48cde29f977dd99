/* SPDX-License-Identifier: ISC */
/*
 * fault.c - preloaded into the program: the Nth call of one kind on the files
 * named in FAULT_NAMES fails, or comes up short.  The test arms it, and reads
 * what was called, through the shared page FAULT_PAGE (see fault.py).
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Kinds of calls, as in fault.py. */
enum call { NONE, READ, WRITE, SYNC, OPEN, RENAME, CALLS };

/* Shared with the test. */
struct page {
	uint32_t call;         /* the kind that is to fail */
	int32_t left;          /* the Nth one of them; 0: none any more */
	int32_t error;         /* its errno; 0: half is done; -1: SIGKILL */
	uint32_t sticky;       /* all that follow fail, too */
	uint32_t fired;        /* so many have failed */
	uint32_t ncalls;       /* calls of all kinds, in order */
	char calls[64 * 1024]; /* one letter each: rwsom, failed: RWSOM */
};

static struct page *page;
static const char *names;
static uint8_t watched[1024]; /* by descriptor */

__attribute__((constructor)) static void map_page(void)
{
	const char *path = getenv("FAULT_PAGE");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

	names = getenv("FAULT_NAMES");
	if (fd < 0 || !names)
		return;
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    0);
	close(fd);
	if (page == MAP_FAILED)
		page = NULL;
}

/* The next definition behind ours. */
static void *next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

/* Is the last part of the path one of the words of FAULT_NAMES? */
static int is_watched(const char *path)
{
	const char *last = strrchr(path, '/');
	const char *at = names;
	size_t n;

	path = last ? last + 1 : path;
	n = strlen(path);
	while (at && (at = strstr(at, path)) != NULL) {
		if ((at == names || at[-1] == ':') &&
		    (at[n] == ':' || at[n] == '\0'))
			return 1;
		at += n;
	}
	return 0;
}

static int is_ours(int fd)
{
	return fd >= 0 && fd < (int)sizeof(watched) && watched[fd];
}

/* 1: this call has to fail; -1: to do half of it. */
static int strike(enum call call)
{
	int hit = 0;

	if (!page)
		return 0;
	if (page->call == call && page->left > 0 && --page->left == 0) {
		page->left = page->sticky;
		page->fired++;
		hit = page->error ? 1 : -1;
		if (page->error < 0)
			kill(getpid(), SIGKILL);
	}
	if (page->ncalls < sizeof(page->calls))
		page->calls[page->ncalls++] = (hit ? " RWSOM" : " rwsom")[call];
	if (hit > 0)
		errno = page->error;
	return hit;
}

int open(const char *path, int flags, ...)
{
	static int (*real)(const char *, int, ...);
	va_list more;
	mode_t mode;

	va_start(more, flags);
	mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
	va_end(more);
	if (!real)
		real = (int (*)(const char *, int, ...))next("open");
	int ours = page && is_watched(path);
	if (ours && strike(OPEN) > 0)
		return -1;
	int fd = real(path, flags, mode);
	if (fd >= 0 && fd < (int)sizeof(watched))
		watched[fd] = (uint8_t)ours;
	return fd;
}

int close(int fd)
{
	static int (*real)(int);

	if (!real)
		real = (int (*)(int))next("close");
	if (fd >= 0 && fd < (int)sizeof(watched))
		watched[fd] = 0;
	return real(fd);
}

ssize_t pread(int fd, void *p, size_t n, off_t off)
{
	static ssize_t (*real)(int, void *, size_t, off_t);
	int hit = is_ours(fd) ? strike(READ) : 0;

	if (!real)
		real = (ssize_t(*)(int, void *, size_t, off_t))next("pread");
	return hit > 0 ? -1 : real(fd, p, hit < 0 ? (n + 1) / 2 : n, off);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t off)
{
	static ssize_t (*real)(int, const void *, size_t, off_t);
	int hit = is_ours(fd) ? strike(WRITE) : 0;

	if (!real)
		real = (ssize_t(*)(int, const void *, size_t, off_t))next(
			"pwrite");
	return hit > 0 ? -1 : real(fd, p, hit < 0 ? (n + 1) / 2 : n, off);
}

ssize_t write(int fd, const void *p, size_t n)
{
	static ssize_t (*real)(int, const void *, size_t);
	int hit = is_ours(fd) ? strike(WRITE) : 0;

	if (!real)
		real = (ssize_t(*)(int, const void *, size_t))next("write");
	return hit > 0 ? -1 : real(fd, p, hit < 0 ? (n + 1) / 2 : n);
}

int fdatasync(int fd)
{
	static int (*real)(int);

	if (!real)
		real = (int (*)(int))next("fdatasync");
	return is_ours(fd) && strike(SYNC) > 0 ? -1 : real(fd);
}

int fsync(int fd)
{
	static int (*real)(int);

	if (!real)
		real = (int (*)(int))next("fsync");
	return is_ours(fd) && strike(SYNC) > 0 ? -1 : real(fd);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	static int (*real)(int, const char *, int, const char *);

	if (!real)
		real = (int (*)(int, const char *, int, const char *))next(
			"renameat");
	if (page && is_watched(to) && strike(RENAME) > 0)
		return -1;
	return real(from_dir, from, to_dir, to);
}
