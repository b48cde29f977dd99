/* SPDX-License-Identifier: ISC */
/* conf/spool.c - the keys of what is kept: the spool, and times. */
#include <errno.h>

#include "conf/reader.h"

/* A time within the row's range, in seconds. */
int spool_set_time(struct conf_reader *r, void *field, struct slice w)
{
	uint32_t *out = field;

	if (value_time(w, out) < 0 || *out < r->row->min || *out > r->row->max)
		return reader_expected(r, NULL, w);
	return 0;
}

/* One value for both ways in. */
int spool_set_commit(struct conf_reader *r, void *field, struct slice w)
{
	uint32_t *ms = field;
	int err = spool_set_time(r, ms, w);

	*ms *= 1000;
	r->c->commit_local_ms = *ms;
	return err;
}

int spool_set_retry(struct conf_reader *r, void *field, struct slice w)
{
	struct conf *c = r->c;
	int err = spool_set_time(r, field, w);

	if (err == 0)
		err = reader_need(r, &w);
	if (err == 0)
		err = spool_set_time(r, &c->retry_max_s, w);
	if (err == 0 && c->retry_min_s > c->retry_max_s)
		return reader_say(r, "MIN %us is longer than MAX %us",
				  (unsigned)c->retry_min_s,
				  (unsigned)c->retry_max_s);
	return err;
}

/* A file or a device, DESIGN.md 3.2. */
int spool_set(struct conf_reader *r, void *field, struct slice w)
{
	static const struct slice option = { "size=", 5 };
	uint64_t n = 0;

	if (w.p[0] != '/' || w.n > 240)
		return reader_expected(r, NULL, w);
	int err = reader_keep(r, w, field);
	if (err == 0)
		err = reader_word(r, &w);
	if (err <= 0)
		return err;
	if (!slice_starts(w, option) ||
	    value_bytes(slice_from(w, option.n), &n) < 0 ||
	    n < r->row->min * 1024u || n > r->row->max * (uint64_t)1024)
		return reader_expected(r, NULL, w);
	r->c->spool_size = n - n % 4096;
	r->c->spool_sized = true;
	return 0;
}
