/* SPDX-License-Identifier: ISC */
/*
 * spool/medium.h - the only door to storage: a fixed run of bytes that can be
 * read, written in whole frames and synced.
 *
 * A write that was not synced may be lost, torn or reordered by a power cut.
 * A failed sync means that nothing since the last good one is certain.
 */
#ifndef SPOOL_MEDIUM_H
#define SPOOL_MEDIUM_H

#include "base/slice.h"

/* What a medium can do; each returns 0 or a negative errno. */
struct medium_ops {
	/* n bytes at offset off: all of them, or an error. */
	int (*read)(void *ctx, uint64_t off, void *p, size_t n);
	int (*write)(void *ctx, uint64_t off, const void *p, size_t n);
	int (*sync)(void *ctx);
};

/*
 * A medium.  A spool's is read at any offset, and written in whole frames; the
 * one for lazy marks is written in smaller pieces and never synced.
 */
struct medium {
	const struct medium_ops *ops; /* what it can do */
	void *ctx;                    /* given back to each function */
	uint64_t size;    /* bytes, a whole number of frames are used */
	bool is_volatile; /* a reboot forgets it (tmpfs): say so */
	uint32_t faults;  /* calls that failed since it was opened */
	int error;        /* the last one's errno */
};

/* A regular file or a block device as a medium. */
struct medium_file {
	struct medium medium; /* what the spool is given */
	int fd;               /* -1: closed */
	bool is_file;         /* else a block device */
	bool locked;          /* flock held */
};

/*
 * Open path; when it does not exist, create it mode 0600 with its folder,
 * owned by uid:gid (if started as root), and write size bytes of zeros and
 * sync: the file never changes its size again.  An existing file or device
 * keeps the size it has.  The whole is written as name.new and renamed, so that
 * a cut during creation leaves no short file behind.
 * Returns: 0;  -ELOOP a symbolic link;  -EINVAL neither regular file nor block
 *          device, or too small;  -EPERM of another owner than uid, ourselves
 *          or root, or others may write it;  -EMLINK it has a second name;
 *          -ENODEV below /dev, and missing;  -EROFS read-only;
 *          -ENAMETOOLONG;  -errno
 */
must_check int medium_file_open(struct medium_file *m, const char *path,
				uint64_t size, uint32_t uid, uint32_t gid);

/*
 * Take the one lock of the spool (flock), without waiting.
 * Returns: 0;  -EAGAIN somebody else has it;  -errno
 */
must_check int medium_file_lock(struct medium_file *m);

/* Is it still what lies at path?  If not, it is to be opened again. */
bool medium_file_is_at(const struct medium_file *m, const char *path);

/*
 * Replace the file at path, which s is in and locked, by one of size bytes
 * with all that counts.  Nobody sees it half done, be there a cut or not.
 * Returns: 0: close both, and open path;  -EBUSY what waits does not fit;
 *          -errno.  All is as before unless the file is no longer what lies
 *          at path: then nothing is certain until the next start
 */
struct spool;
must_check int medium_file_resize(struct spool *s, const char *path,
				  uint64_t size, uint32_t uid, uint32_t gid);

/* Give lock and descriptor back. */
void medium_file_close(struct medium_file *m);

#endif
