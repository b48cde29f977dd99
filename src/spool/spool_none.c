/* SPDX-License-Identifier: ISC */
/*
 * spool/spool_none.c - the spool of a build without one (see spool/spool.h):
 * nothing can be opened, so whatever is asked after that is not supported.
 */
#include <errno.h>
#include <stddef.h>

#include "spool/spool.h"

struct spool *spool_static(void)
{
	return NULL;
}

int spool_open(struct spool *s, const struct medium *m,
	       const struct medium *marks, const struct world *w,
	       struct spool_found *found)
{
	(void)s, (void)m, (void)marks, (void)w, (void)found;
	return -ENOTSUP;
}

int spool_commit(struct spool *s, const struct spool_item *items, size_t n)
{
	(void)s, (void)items, (void)n;
	return -ENOTSUP;
}

int spool_mark_lazy(struct spool *s, const struct spool_mark *mark)
{
	(void)s, (void)mark;
	return -ENOTSUP;
}

int spool_sync_marks(struct spool *s)
{
	(void)s;
	return 0;
}

int spool_tick(struct spool *s, int64_t *next_ms)
{
	(void)s;
	*next_ms = INT64_MAX;
	return 0;
}

int spool_big_begin(struct spool *s, uint32_t size)
{
	(void)s, (void)size;
	return -ENOTSUP;
}

int spool_big_write(struct spool *s, const void *p, size_t n)
{
	(void)s, (void)p, (void)n;
	return -ENOTSUP;
}

void spool_big_abort(struct spool *s)
{
	(void)s;
}

uint32_t spool_room(const struct spool *s)
{
	(void)s;
	return 0;
}

uint64_t spool_capacity(const struct spool *s)
{
	(void)s;
	return 0;
}

uint32_t spool_capacity_messages(const struct spool *s)
{
	(void)s;
	return 0;
}

uint64_t spool_used(const struct spool *s)
{
	(void)s;
	return 0;
}

uint32_t spool_count(const struct spool *s)
{
	(void)s;
	return 0;
}

int spool_next(struct spool *s, struct spool_cursor *c, struct spool_msg *msg)
{
	(void)s, (void)c, (void)msg;
	return 0;
}

int spool_find(struct spool *s, uint64_t id, struct spool_msg *msg)
{
	(void)s, (void)id, (void)msg;
	return -ENOENT;
}

int spool_read_envelope(struct spool *s, const struct spool_msg *msg, void *p)
{
	(void)s, (void)msg, (void)p;
	return -ENOTSUP;
}

int spool_read(struct spool *s, const struct spool_msg *msg, uint32_t off,
	       void *p, uint32_t n)
{
	(void)s, (void)msg, (void)off, (void)p, (void)n;
	return -ENOTSUP;
}

int spool_states(struct spool *s, const struct spool_msg *msg, uint8_t *states)
{
	(void)s, (void)msg, (void)states;
	return -ENOTSUP;
}

int spool_reason(struct spool *s, const struct spool_msg *msg, uint16_t rcpt,
		 uint16_t *code, uint16_t *dsn, struct buf *text)
{
	(void)s, (void)msg, (void)rcpt, (void)code, (void)dsn, (void)text;
	return -ENOENT;
}

int64_t spool_last_wall(const struct spool *s)
{
	(void)s;
	return 0;
}

void spool_set_wall(struct spool *s, int64_t wall_s)
{
	(void)s, (void)wall_s;
}

struct spool_stats spool_stats(const struct spool *s)
{
	(void)s;
	return (struct spool_stats){ 0 };
}

int medium_file_open(struct medium_file *m, const char *path, uint64_t size,
		     uint32_t uid, uint32_t gid)
{
	(void)m, (void)path, (void)size, (void)uid, (void)gid;
	return -ENOTSUP;
}

int medium_file_lock(struct medium_file *m)
{
	(void)m;
	return -ENOTSUP;
}

void medium_file_close(struct medium_file *m)
{
	(void)m;
}

bool medium_file_is_at(const struct medium_file *m, const char *path)
{
	(void)m, (void)path;
	return true;
}

int medium_file_resize(struct spool *s, const char *path, uint64_t size,
		       uint32_t uid, uint32_t gid)
{
	(void)s, (void)path, (void)size, (void)uid, (void)gid;
	return -ENOTSUP;
}
