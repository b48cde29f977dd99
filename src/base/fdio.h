/* SPDX-License-Identifier: ISC */
/*
 * base/fdio.h - whole reads and writes on descriptors, EINTR retried.
 * Everything returns 0 (or a count) or a negative errno.
 */
#ifndef BASE_FDIO_H
#define BASE_FDIO_H

#include <sys/types.h>

#include "base/buf.h"

/* Write all n bytes to a blocking descriptor.  0, or -errno. */
must_check int fdio_write_all(int fd, const void *p, size_t n);

/* Read up to n bytes, retrying EINTR.  Bytes read, 0 at the end, -errno. */
must_check ssize_t fdio_read(int fd, void *p, size_t n);

/* pread/pwrite of exactly n bytes; -EIO when the file ends before. */
must_check int fdio_pread_all(int fd, void *p, size_t n, uint64_t off);
must_check int fdio_pwrite_all(int fd, const void *p, size_t n, uint64_t off);

/*
 * Append a whole regular file to out (or what a device such as /dev/null
 * says at once).
 * Returns: 0;  -EMSGSIZE larger than out's room;  -EINVAL a pipe, a block
 *          device;  -errno.  After an error out holds what it held before.
 */
must_check int fdio_read_file(const char *path, struct buf *out);

/*
 * Replace file name in folder dirfd by n bytes at p, atomically and durably:
 * name.new is created (mode 0600), written, synced, renamed; the folder is
 * synced.
 * Returns: 0;  -errno, with the old file untouched and name.new removed (but
 *          when only the sync of the folder failed: it is replaced then)
 */
must_check int fdio_replace(int dirfd, const char *name, const void *p,
			    size_t n);

/* Set O_NONBLOCK and FD_CLOEXEC.  0, or -errno. */
must_check int fdio_nonblock(int fd);

/*
 * Make the folder path and its parents, mode 0755, where they are missing.
 * Returns: 0;  -ENOTDIR path is something else;  -ENAMETOOLONG above 255
 *          bytes;  -errno
 */
must_check int fdio_make_dirs(const char *path);

/* Is path there, and on a tmpfs or ramfs (what a reboot forgets)? */
bool fdio_is_volatile(const char *path);

#endif
