/* SPDX-License-Identifier: ISC */
/* base/fdio.c - see base/fdio.h. */
#include "base/fdio.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* File systems that live in memory (statfs(2)). */
#define TMPFS_TYPE 0x01021994u
#define RAMFS_TYPE 0x858458f6u

/* Bytes of a path whose folders are made. */
#define MAX_PATH 256

/* As POSIX has it; stdio.h, where it stands, is not for us. */
int renameat(int from_dir, const char *from, int to_dir, const char *to);

int fdio_write_all(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n > 0) {
		ssize_t done = write(fd, at, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		at += done;
		n -= (size_t)done;
	}
	return 0;
}

ssize_t fdio_read(int fd, void *p, size_t n)
{
	ssize_t got;

	do {
		got = read(fd, p, n);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

/* Both ways; a file cannot be read, or written, past an end that is fixed. */
static int move_all(int fd, char *at, size_t n, uint64_t off, bool out)
{
	while (n > 0) {
		ssize_t done = out ? pwrite(fd, at, n, (off_t)off)
				   : pread(fd, at, n, (off_t)off);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		at += done;
		off += (uint64_t)done;
		n -= (size_t)done;
	}
	return 0;
}

int fdio_pread_all(int fd, void *p, size_t n, uint64_t off)
{
	return move_all(fd, p, n, off, false);
}

int fdio_pwrite_all(int fd, const void *p, size_t n, uint64_t off)
{
	return move_all(fd, (char *)(uintptr_t)p, n, off, true);
}

/* Append what fd still has to say. */
static int read_rest(int fd, struct buf *out)
{
	for (;;) {
		char extra;
		size_t room = buf_room(out);
		ssize_t got =
			room > 0 ? fdio_read(fd, out->data + out->len, room)
				 : fdio_read(fd, &extra, 1);

		if (got <= 0)
			return (int)got;
		if (room == 0)
			return -EMSGSIZE;
		out->len += (size_t)got;
	}
}

int fdio_read_file(const char *path, struct buf *out)
{
	size_t mark = out->len;
	struct stat st;

	/* Never wait for the other end of what turns out to be a pipe. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;

	int err = fstat(fd, &st) < 0 ? -errno : 0;
	if (err == 0 && !S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		err = -EINVAL;
	if (err == 0)
		err = read_rest(fd, out);
	if (err < 0)
		out->len = mark;
	close(fd);
	return err;
}

/* Make the file name in dirfd from nothing, whole and synced. */
static int write_new(int dirfd, const char *name, const void *p, size_t n)
{
	int fd = openat(dirfd, name,
			O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			0600);
	if (fd < 0)
		return -errno;

	int err = fdio_write_all(fd, p, n);
	if (err == 0 && fsync(fd) < 0)
		err = -errno;
	if (close(fd) < 0 && err == 0)
		err = -errno;
	return err;
}

int fdio_replace(int dirfd, const char *name, const void *p, size_t n)
{
	char space[NAME_MAX + 1];
	struct buf text = BUF_ON(space);

	buf_putf(&text, "%s.new", name);
	const char *fresh = buf_cstr(&text);
	if (text.overflow)
		return -ENAMETOOLONG;

	/* What a crash left behind; links there are not followed. */
	(void)unlinkat(dirfd, fresh, 0);
	int err = write_new(dirfd, fresh, p, n);
	if (err == 0 && renameat(dirfd, fresh, dirfd, name) < 0)
		err = -errno;
	if (err < 0) {
		(void)unlinkat(dirfd, fresh, 0);
		return err;
	}
	return fsync(dirfd) < 0 ? -errno : 0;
}

int fdio_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return 0;
}

int fdio_make_dirs(const char *path)
{
	char space[MAX_PATH];
	struct buf text = BUF_ON(space);
	struct stat st;

	buf_put_str(&text, path);
	(void)buf_cstr(&text);
	if (text.overflow)
		return -ENAMETOOLONG;

	/*
	 * Parents first.  What fails there (a folder that exists, or may not
	 * be written) shows at the last one, if it matters.  Others pass
	 * through them, too: to our sockets, to what they keep there.
	 */
	mode_t old = umask(022);

	for (size_t i = 1; i < text.len; i++) {
		if (space[i] != '/')
			continue;
		space[i] = '\0';
		(void)mkdir(space, 0755);
		space[i] = '/';
	}
	int err = mkdir(path, 0755) < 0 ? -errno : 0;

	umask(old);
	if (err != -EEXIST)
		return err;
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

bool fdio_is_volatile(const char *path)
{
	struct statfs fs;

	if (statfs(path, &fs) < 0)
		return false;
	/* f_type is signed, or short of 64 bits, on some machines. */
	uint32_t type = (uint32_t)fs.f_type;
	return type == TMPFS_TYPE || type == RAMFS_TYPE;
}
