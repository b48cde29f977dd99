/* SPDX-License-Identifier: ISC */
/*
 * spool/medium_file.c - a file or block device as a medium; see medium.h.
 *
 * No O_DIRECT (UBIFS and JFFS2 refuse it), no O_SYNC: one fdatasync a commit.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
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

/* Is this something that may be a spool, and ours?  *size: its bytes. */
static int check_kind(int fd, uint32_t uid, uint64_t *size)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISBLK(st.st_mode)) {
		off_t end = lseek(fd, 0, SEEK_END);
		*size = end > 0 ? (uint64_t)end : 0;
		return end < 0 ? -errno : 0;
	}
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	/* Another owner, or a second name, could be a trap. */
	if (st.st_uid != uid && st.st_uid != geteuid() && st.st_uid != 0)
		return -EPERM;
	if (st.st_nlink != 1)
		return -EPERM;
	*size = (uint64_t)st.st_size;
	return 0;
}

static int open_file(struct medium_file *m, const char *path, uint32_t uid)
{
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	int fd = open(path, flags);

	if (fd < 0)
		return errno == EISDIR ? -EINVAL : -errno;
	uint64_t size = 0;
	int err = check_kind(fd, uid, &size);
	if (err == 0 && size / SPOOL_FRAME < SPOOL_MIN_FRAMES)
		err = -EINVAL;
	if (err) {
		close(fd);
		return err;
	}
	m->fd = fd;
	m->medium = (struct medium){ .ops = &file_ops,
				     .ctx = m,
				     .size = size,
				     .is_volatile = fdio_is_volatile(path) };
	return 0;
}

int medium_file_open(struct medium_file *m, const char *path, uint64_t size,
		     uint32_t uid, uint32_t gid)
{
	*m = (struct medium_file){ .fd = -1 };

	int err = open_file(m, path, uid);
	if (err != -ENOENT)
		return err;
	if (size / SPOOL_FRAME < SPOOL_MIN_FRAMES)
		return -EINVAL;
	err = medium_create(path, size - size % SPOOL_FRAME, uid, gid);
	return err ? err : open_file(m, path, uid);
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
