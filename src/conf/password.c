/* SPDX-License-Identifier: ISC */
/*
 * conf/password.c - the one file of conf/ that looks at the file system:
 * who may read a secret is a matter of the open file, not of its name.
 */
#include "conf/password.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/secret.h"

/* Words and their fix; err is passed on. */
static int refuse(struct buf *why, const char *path, const char *words, int err)
{
	buf_putf(why, "%s: %s", path, words);
	return err;
}

/* STANDARDS.md S-17. */
static int check_file(int fd, const char *path, uint32_t uid, uint32_t gid,
		      struct buf *why)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return refuse(why, path, "cannot be read", -errno);
	if (!S_ISREG(st.st_mode))
		return refuse(why, path, "is no regular file", -EACCES);
	if (st.st_uid != 0 && st.st_uid != uid) {
		buf_putf(why, "%s: belongs to user %u: chown root %s", path,
			 (unsigned)st.st_uid, path);
		return -EACCES;
	}
	if ((st.st_mode & 077) == 0 ||
	    ((st.st_mode & 077) == 040 && st.st_gid == gid))
		return 0;
	buf_putf(why, "%s: is open to others: chmod 600 %s", path, path);
	return -EACCES;
}

/* The first line of in, without its end. */
static int put_line(struct slice in, struct buf *out, const char *path,
		    struct buf *why)
{
	struct slice line = slice_cut(&in, '\n');

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n == 0)
		return refuse(why, path, "is empty", -EMSGSIZE);
	if (line.n > PASSWORD_MAX || line.n > buf_room(out))
		return refuse(why, path, "has a line that is too long",
			      -EMSGSIZE);
	if (slice_find(line, '\0') >= 0)
		return refuse(why, path, "holds a NUL", -EINVAL);
	buf_put_slice(out, line);
	return 0;
}

int password_read(const char *path, uint32_t uid, uint32_t gid, struct buf *out,
		  struct buf *why)
{
	char space[PASSWORD_MAX + 3]; /* with CR LF, and one too many */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK |
				    O_NOCTTY);

	if (fd < 0 && errno == ELOOP)
		return refuse(why, path,
			      "is a symbolic link: name the file itself",
			      -EACCES);
	if (fd < 0 && errno == EACCES)
		return refuse(why, path, "may not be read by this user",
			      -EPERM);
	if (fd < 0)
		return refuse(why, path, "cannot be opened", -errno);
	int err = check_file(fd, path, uid, gid, why);
	if (err == 0) {
		ssize_t n = fdio_read(fd, space, sizeof(space));

		err = n < 0 ? refuse(why, path, "cannot be read", (int)n)
			    : put_line(slice_of(space, (size_t)n), out, path,
				       why);
		secret_wipe(space, sizeof(space));
	}
	close(fd);
	return err;
}
