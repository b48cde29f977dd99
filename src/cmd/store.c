/* SPDX-License-Identifier: ISC */
/* cmd/store.c - see cmd/store.h. */
#include "cmd/store.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/log.h"
#include "spool/spool.h"

/* Bytes of a path that is handled here. */
#define PATH_CAP 256

/* Bytes of the marks file: SPOOL_MAX_LAZY entries and to spare. */
#define MARKS_SIZE (SPOOL_MIN_FRAMES * SPOOL_FRAME)

/* The spool's medium and the marks', as long as the process lives. */
static struct medium_file the_medium, the_marks;
static bool has_marks;
static char the_path[PATH_CAP];

static const char *path_of(struct slice path, const char *suffix,
			   char space[static PATH_CAP])
{
	struct buf b = buf_on(space, PATH_CAP);

	buf_put_slice(&b, path);
	buf_put_str(&b, suffix);
	buf_cstr(&b);
	if (b.overflow)
		space[0] = '\0';
	return space;
}

/* What may be wrong, in words. */
static const struct {
	int err;
	const char *text;
} reasons[] = {
	{ -EACCES, "not allowed (owner or mode)" },
	{ -EPERM, "wrong owner, or others may write it" },
	{ -EMLINK, "it has a second name" },
	{ -ENOSPC, "the file system is full" },
	{ -EFBIG, "a file size limit forbids it" },
	{ -EROFS, "it, or its file system, is read-only" },
	{ -ELOOP, "it is a symbolic link" },
	{ -ENODEV, "there is no such device" },
	{ -EMEDIUMTYPE, "it holds something else" },
	{ -EPROTO, "a newer version has written it" },
	{ -EBUSY, "the mail that waits does not fit" },
	{ -EINVAL, "no regular file or device, or too small" },
};

static int explain(struct store *s, int err)
{
	struct buf b = BUF_ON(s->why);
	const char *text = NULL;

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].err == err)
			text = reasons[i].text;
	buf_putf(&b, "spool %.*s: ", 100, s->path);
	if (text)
		buf_put_str(&b, text);
	else
		buf_putf(&b, "error %d", -err);
	buf_cstr(&b);
	return err;
}

/*
 * Lazy marks survive SIGKILL in a file on tmpfs, beside the sockets; where
 * that is no tmpfs there is none (DESIGN.md 3.2).
 */
static void open_marks(const struct conf *c, const struct privilege *p)
{
	char path[PATH_CAP];
	ptrdiff_t end = slice_rfind(c->socket, '/');
	struct slice folder = slice_head(c->socket, end > 0 ? (size_t)end : 0);

	if (has_marks)
		medium_file_close(&the_marks);
	has_marks = false;
	if (privilege_make_folder(p, c->socket) < 0 ||
	    path_of(folder, "", path)[0] == '\0' || !fdio_is_volatile(path))
		return;
	path_of(folder, "/marks", path);
	int err =
		medium_file_open(&the_marks, path, MARKS_SIZE, p->uid, p->gid);
	has_marks = err == 0;
	if (err < 0)
		log_warn("spool: no marks file beside the sockets: error %d",
			 -err);
}

static int open_medium(struct store *s)
{
	return medium_file_open(&the_medium, s->path, s->size, s->uid, s->gid);
}

int store_open(struct store *s, const struct conf *c, const struct privilege *p,
	       bool create)
{
	int err;

	*s = (struct store){ .path = path_of(c->spool, "", the_path),
			     .size = c->spool_size,
			     .is_sized = c->spool_sized,
			     .uid = p->uid,
			     .gid = p->gid };
	if (!create && access(s->path, F_OK) < 0 && errno == ENOENT)
		return -ENOENT;
	err = privilege_make_folder(p, c->spool);
	if (err == 0)
		err = open_medium(s);
	if (err < 0)
		return explain(s, err);
	open_marks(c, p);
	s->open = true;
	s->is_volatile = the_medium.medium.is_volatile;
	return 0;
}

static void report(const struct spool_found *f)
{
	if (f->fresh)
		log_info("spool: new");
	else if (f->messages > 0)
		log_info("spool: %u messages recovered", f->messages);
	if (f->torn > 0)
		log_info("spool: %u frames of unfinished commits", f->torn);
	if (f->damaged > 0 || f->foreign > 0 || f->lost > 0)
		log_err("spool: %u damaged and %u foreign frames, %u messages "
			"lost",
			f->damaged, f->foreign, f->lost);
}

static int recover(struct store *s, const struct medium *m,
		   const struct medium *marks, const struct world *w,
		   struct spool_found *found)
{
	int err = spool_open(spool_static(), m, has_marks ? marks : NULL, w,
			     found);

	if (err < 0)
		return explain(s, err);
	s->spool = spool_static();
	return 0;
}

/*
 * The lock of the file that lies there now: who held it may have replaced it,
 * and what is written to the old one would be lost.
 */
static int lock_medium(struct store *s)
{
	for (;;) {
		int err = medium_file_lock(&the_medium);

		if (err < 0 || medium_file_is_at(&the_medium, s->path))
			return err;
		medium_file_close(&the_medium);
		err = open_medium(s);
		if (err < 0) {
			s->open = false;
			return err;
		}
	}
}

/*
 * Give the ring the size that is configured, if it has another; once.
 * Returns: 0;  1 it has it now, and is to be opened again;  -errno
 */
static int resize(struct store *s, const struct spool_found *f)
{
	unsigned want = (unsigned)(s->size / SPOOL_FRAME);

	if (!s->is_sized || !the_medium.is_file || f->frames == want)
		return 0;
	s->is_sized = false;
	int err =
		medium_file_resize(s->spool, s->path, s->size, s->uid, s->gid);

	if (err == 0) {
		log_info("spool: now of %u frames, before of %u", want,
			 f->frames);
		return 1;
	}
	explain(s, err);
	if (!medium_file_is_at(&the_medium, s->path)) {
		medium_file_close(&the_medium);
		s->open = false;
		return err;
	}
	log_warn("%s: it keeps %u frames instead of %u", s->why, f->frames,
		 want);
	return 0;
}

/* The lock, what is stored, the size.  As resize(). */
static int take(struct store *s, const struct world *w,
		struct spool_found *found)
{
	int err = lock_medium(s);

	if (err == -EAGAIN)
		return err;
	if (err < 0)
		return explain(s, err);
	err = recover(s, &the_medium.medium, &the_marks.medium, w, found);
	if (err == 0) {
		err = resize(s, found);
	} else {
		medium_file_close(&the_medium);
		s->open = false;
	}
	if (err)
		s->spool = NULL;
	return err;
}

int store_take(struct store *s, const struct world *w)
{
	struct spool_found found = { 0 };
	int err;

	do
		err = take(s, w, &found);
	while (err > 0);
	if (err < 0)
		return err;
	s->locked = true;
	report(&found);
	return 0;
}

static int write_nothing(void *ctx, uint64_t off, const void *p, size_t n)
{
	(void)ctx;
	(void)off;
	(void)p;
	(void)n;
	return -EROFS;
}

static int sync_nothing(void *ctx)
{
	(void)ctx;
	return 0;
}

int store_view(struct store *s, const struct world *w)
{
	static struct medium_ops ops = { NULL, write_nothing, sync_nothing };
	static struct medium media[2];
	struct spool_found found = { 0 };

	ops.read = the_medium.medium.ops->read;
	media[0] = the_medium.medium;
	media[1] = the_marks.medium;
	media[0].ops = media[1].ops = &ops;
	return recover(s, &media[0], &media[1], w, &found);
}

void store_close(struct store *s)
{
	if (s->locked && spool_sync_marks(s->spool) < 0)
		log_err("spool: marks were not written at the end");
	s->spool = NULL;
	s->locked = false;
	if (s->open)
		medium_file_close(&the_medium);
	s->open = false;
}
