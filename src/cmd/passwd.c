/* SPDX-License-Identifier: ISC */
/* cmd/passwd.c - see cmd/passwd.h. */
#include "cmd/passwd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fdio.h"

/* Copy with a NUL; false: it does not fit. */
static bool copy(char *to, size_t cap, struct slice from)
{
	struct buf b = buf_on(to, cap);

	buf_put_slice(&b, from);
	buf_put_char(&b, '\0');
	return !b.overflow;
}

/* name:password:uid:gid:gecos:... */
static int take_line(struct slice line, const char *name, uint32_t uid,
		     struct passwd_entry *out)
{
	struct slice login = slice_cut(&line, ':');
	uint32_t is_uid;
	uint32_t is_gid;

	slice_cut(&line, ':');
	if (slice_to_u32(slice_cut(&line, ':'), UINT32_MAX, &is_uid) < 0 ||
	    slice_to_u32(slice_cut(&line, ':'), UINT32_MAX, &is_gid) < 0)
		return -ENOENT;
	if (name ? !slice_eq(login, slice_str(name)) : is_uid != uid)
		return -ENOENT;
	out->uid = is_uid;
	out->gid = is_gid;
	struct slice gecos = slice_cut(&line, ':');
	if (!copy(out->gecos, sizeof(out->gecos), slice_cut(&gecos, ',')))
		out->gecos[0] = '\0';
	return copy(out->name, sizeof(out->name), login) ? 0 : -ENOENT;
}

/* Look at the whole lines in b and drop them. */
static int take_lines(struct buf *b, const char *name, uint32_t uid,
		      struct passwd_entry *out)
{
	for (;;) {
		struct slice in = buf_slice(b);
		ptrdiff_t end = slice_find(in, '\n');

		if (end < 0)
			break;
		struct slice line = slice_head(in, (size_t)end);
		if (take_line(line, name, uid, out) == 0)
			return 0;
		buf_drop(b, line.n + 1);
	}
	/* A line that fills the space says nothing of use. */
	if (buf_room(b) == 0)
		buf_reset(b);
	return -ENOENT;
}

int passwd_find(const char *name, uint32_t uid, struct passwd_entry *out)
{
	char space[PASSWD_MAX_LINE];
	struct buf b = BUF_ON(space);
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	int err = -ENOENT;
	while (err == -ENOENT) {
		ssize_t n = fdio_read(fd, b.data + b.len, buf_room(&b));

		/* The last line may lack its end. */
		if (n == 0)
			buf_put_char(&b, '\n');
		b.len += n > 0 ? (size_t)n : 0;
		err = n < 0 ? (int)n : take_lines(&b, name, uid, out);
		if (n == 0)
			break;
	}
	close(fd);
	return err;
}
