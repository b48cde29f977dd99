/* SPDX-License-Identifier: ISC */
/*
 * spool/medium_create.c - see medium_create.h.
 *
 * Written zeros, not fallocate(): that is refused by UBIFS and JFFS2 and makes
 * the first lap dear on ext4.  The rename comes last, so that a cut leaves no
 * short file; the folder is locked, so that two makers do not meet.
 */
#include "spool/medium_create.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fdio.h"
#include "base/memory.h"

/* Of <stdio.h>, which is not used here for anything else. */
int renameat(int from_dir, const char *from, int to_dir, const char *to);

/* Bytes of a path and of its temporary name. */
#define MAX_PATH 320

/* Zeros written at once. */
#define CHUNK 4096

/* Its folder, made if need be, into dir; NUL-ended. */
static int make_folder(const struct medium_new *n, struct buf *dir)
{
	struct slice p = slice_str(n->path);
	ptrdiff_t at = slice_rfind(p, '/');

	buf_put_slice(dir, at > 0    ? slice_head(p, (size_t)at)
			   : at == 0 ? SLICE("/")
				     : SLICE("."));
	const char *name = buf_cstr(dir);
	if (dir->overflow)
		return -ENAMETOOLONG;
	if (access(name, F_OK) == 0)
		return 0;
	int err = fdio_make_dirs(name);
	if (err)
		return err;
	if (geteuid() == 0 && chown(name, n->uid, n->gid))
		return -errno;
	return 0;
}

static int write_zeros(int fd, uint64_t size)
{
	static MEMORY_LARGE uint8_t zeros[CHUNK]; /* not const: costs no file */

	for (uint64_t done = 0; done < size; done += CHUNK) {
		uint64_t left = size - done;
		size_t n = left < CHUNK ? (size_t)left : CHUNK;
		int err = fdio_write_all(fd, zeros, n);
		if (err)
			return err;
	}
	return fsync(fd) ? -errno : 0;
}

/* Write the file under its temporary name. */
static int write_new(const struct medium_new *n, const char *tmp)
{
	/* Never open what a cut has left: JFFS2 may show it under both names */
	if (unlink(tmp) && errno != ENOENT)
		return -errno;
	int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int err = 0;
	if (geteuid() == 0 && fchown(fd, n->uid, n->gid))
		err = -errno;
	if (err == 0)
		err = write_zeros(fd, n->size);
	if (err == 0 && n->fill)
		err = n->fill(n->ctx, fd, n->size);
	if (close(fd) && err == 0)
		err = -errno;
	return err;
}

/* In the locked folder: make tmp, and give it its name. */
static int create_locked(const struct medium_new *n, int dirfd, const char *tmp)
{
	struct stat st;

	if (!n->fill && lstat(n->path, &st) == 0) {
		/* Somebody was faster; or a cut in JFFS2 left both names. */
		if (st.st_nlink > 1)
			unlink(tmp);
		return 0;
	}
	const char *made = tmp;
	int err = write_new(n, tmp);
	if (err == 0 && renameat(AT_FDCWD, tmp, AT_FDCWD, n->path))
		err = -errno;
	if (err == 0 && fsync(dirfd)) {
		err = -errno;
		made = n->path;
	}
	/* What was replaced is gone, or will be: keep what stands for it. */
	if (err && (made == tmp || !n->fill))
		unlink(made);
	return err;
}

int medium_create(const struct medium_new *n)
{
	char dir_space[MAX_PATH], tmp_space[MAX_PATH];
	struct buf dir = BUF_ON(dir_space);
	struct buf tmp = BUF_ON(tmp_space);

	buf_put_str(&tmp, n->path);
	buf_put_str(&tmp, ".new");
	const char *name = buf_cstr(&tmp);
	if (tmp.overflow)
		return -ENAMETOOLONG;
	int err = make_folder(n, &dir);
	if (err)
		return err;
	int dirfd = open(dir_space, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return -errno;
	err = flock(dirfd, LOCK_EX) ? -errno : 0;
	if (err == 0)
		err = create_locked(n, dirfd, name);
	close(dirfd);
	return err;
}
