/* SPDX-License-Identifier: ISC */
/* sim/disk.c - see sim/disk.h. */
#include "sim/disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int op_read(void *ctx, uint64_t off, void *p, size_t n)
{
	struct sim_disk *d = ctx;

	if (off > d->medium.size || n > d->medium.size - off)
		sim_broken("a read beyond the end");
	if (d->read_error)
		return d->read_error;
	if (d->bad_off && off <= d->bad_off && d->bad_off < off + n)
		return -EIO;
	memcpy(p, d->view + off, n);
	return 0;
}

static int op_write(void *ctx, uint64_t off, const void *p, size_t n)
{
	struct sim_disk *d = ctx;

	if (off > d->medium.size || n > d->medium.size - off)
		sim_broken("a write beyond the end");
	d->writes++;
	d->bytes += n;
	if (d->write_error)
		return d->write_error;
	memcpy(d->view + off, p, n);
	return 0;
}

static int op_sync(void *ctx)
{
	struct sim_disk *d = ctx;

	d->syncs++;
	if (d->sync_error)
		return d->sync_error;
	memcpy(d->stored, d->view, d->medium.size);
	return 0;
}

static const struct medium_ops sim_ops = { op_read, op_write, op_sync };

void sim_disk_init(struct sim_disk *d, struct sim *s, uint64_t size,
		   bool is_volatile)
{
	*d = (struct sim_disk){ .sim = s };
	d->medium = (struct medium){ .ops = &sim_ops,
				     .ctx = d,
				     .size = size,
				     .is_volatile = is_volatile };
	d->view = calloc(1, size);
	d->stored = calloc(1, size);
	if (!d->view || !d->stored)
		sim_broken("no memory");
}

void sim_disk_clear(struct sim_disk *d)
{
	free(d->view);
	free(d->stored);
	d->view = d->stored = NULL;
}

void sim_disk_cut(struct sim_disk *d)
{
	for (uint64_t at = 0; at < d->medium.size; at += SIM_SECTOR) {
		if (memcmp(d->view + at, d->stored + at, SIM_SECTOR) == 0)
			continue;
		if (sim_below(d->sim, 2))
			memcpy(d->stored + at, d->view + at, SIM_SECTOR);
	}
	memcpy(d->view, d->stored, d->medium.size);
	if (d->medium.is_volatile) {
		memset(d->view, 0, d->medium.size);
		memset(d->stored, 0, d->medium.size);
	}
}
