/* SPDX-License-Identifier: ISC */
/*
 * spool/medium_file.c - a file or block device as a medium; see medium.h.
 *
 * No O_DIRECT (UBIFS and JFFS2 refuse it), no O_SYNC: one fdatasync a commit.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "spool/medium.h"
#include "spool/medium_create.h"
#include "spool/spool.h"

/* Count what failed, for the status. */
static int note(struct medium_file *m, int err)
{
	if (err) {
		m->medium.faults++;
		m->medium.error = -err;
	}
	return err;
}

/* What recovery cannot read may be lost: one failure is not believed. */
static int read_file(void *ctx, uint64_t off, void *p, size_t n)
{
	struct medium_file *m = ctx;
	int err = note(m, fdio_pread_all(m->fd, p, n, off));

	return err ? note(m, fdio_pread_all(m->fd, p, n, off)) : 0;
}

static int write_file(void *ctx, uint64_t off, const void *p, size_t n)
{
	struct medium_file *m = ctx;

	return note(m, fdio_pwrite_all(m->fd, p, n, off));
}

/* An error here is final for what it covered: never tried again. */
static int sync_file(void *ctx)
{
	struct medium_file *m = ctx;

	return note(m, fdatasync(m->fd) ? -errno : 0);
}

static const struct medium_ops file_ops = { read_file, write_file, sync_file };

/* Is this something that may be a spool, and ours? */
static int check_kind(struct medium_file *m, uint32_t uid)
{
	struct stat st;

	if (fstat(m->fd, &st))
		return -errno;
	off_t size = st.st_size;
	m->is_file = S_ISREG(st.st_mode);
	if (S_ISBLK(st.st_mode)) {
		int is_fixed = 0;

		/* It can be opened, but not be written. */
		if (ioctl(m->fd, BLKROGET, &is_fixed) == 0 && is_fixed)
			return -EROFS;
		size = lseek(m->fd, 0, SEEK_END);
	} else if (!m->is_file) {
		return -EINVAL;
	}
	if (size < 0)
		return -errno;
	m->medium.size = (uint64_t)size;
	if (m->medium.size / SPOOL_FRAME < SPOOL_MIN_FRAMES)
		return -EINVAL;
	/* Another owner, who else may write, a second name could be traps. */
	if (!m->is_file)
		return 0;
	if (st.st_uid != uid && st.st_uid != geteuid() && st.st_uid != 0)
		return -EPERM;
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return -EPERM;
	return st.st_nlink == 1 ? 0 : -EMLINK;
}

static int open_file(struct medium_file *m, const char *path, uint32_t uid)
{
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

	*m = (struct medium_file){ .fd = open(path, flags) };
	if (m->fd < 0)
		return errno == EISDIR || errno == ENXIO ? -EINVAL : -errno;
	m->medium.ops = &file_ops;
	m->medium.ctx = m;
	int err = check_kind(m, uid);
	/* The node of a device lies in memory, what it stands for does not. */
	m->medium.is_volatile = m->is_file && fdio_is_volatile(path);
	if (err)
		medium_file_close(m);
	return err;
}

/* Where a device is looked for that is not there (yet) no file is made. */
static bool is_of_device(const char *path)
{
	struct slice s = slice_str(path);

	return slice_starts(s, SLICE("/dev/")) &&
	       !slice_starts(s, SLICE("/dev/shm/"));
}

int medium_file_open(struct medium_file *m, const char *path, uint64_t size,
		     uint32_t uid, uint32_t gid)
{
	int err = open_file(m, path, uid);

	if (err != -ENOENT && err != -EMLINK)
		return err;
	if (err == -ENOENT && is_of_device(path))
		return -ENODEV;
	if (size / SPOOL_FRAME < SPOOL_MIN_FRAMES)
		return -EINVAL;
	struct medium_new n = { .path = path,
				.size = size - size % SPOOL_FRAME,
				.uid = uid,
				.gid = gid };
	err = medium_create(&n);
	return err ? err : open_file(m, path, uid);
}

bool medium_file_is_at(const struct medium_file *m, const char *path)
{
	struct stat ours, other;

	/* Who may not look, as root could that opened it, has to believe. */
	if (stat(path, &other) || fstat(m->fd, &ours))
		return errno != ENOENT;
	return ours.st_ino == other.st_ino && ours.st_dev == other.st_dev;
}

static int fill(void *ctx, int fd, uint64_t size)
{
	struct medium_file m = { .fd = fd };

	m.medium.ops = &file_ops;
	m.medium.ctx = &m;
	m.medium.size = size;
	return spool_copy(ctx, &m.medium);
}

int medium_file_resize(struct spool *s, const char *path, uint64_t size,
		       uint32_t uid, uint32_t gid)
{
	struct medium_new n = { path, size, uid, gid, fill, s };
	int err = spool_gather(s, (uint32_t)(size / SPOOL_FRAME));

	return err ? err : medium_create(&n);
}

int medium_file_lock(struct medium_file *m)
{
	if (flock(m->fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	m->locked = true;
	return 0;
}

void medium_file_close(struct medium_file *m)
{
	if (m->fd >= 0)
		close(m->fd); /* the lock goes with it */
	m->fd = -1;
	m->locked = false;
}
