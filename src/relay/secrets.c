/* SPDX-License-Identifier: ISC */
/* relay/secrets.c - see relay/secrets.h. */
#include "relay/secrets.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/secret.h"

struct slice secrets_of(const struct secrets *s, unsigned hop)
{
	return slice_of(s->pool + s->at[hop], s->len[hop]);
}

static void keep_old(struct secrets *s, unsigned hop, struct slice path,
		     const struct secrets *old, const struct conf *old_conf)
{
	struct buf pool = { s->pool, s->used, sizeof(s->pool), false };

	for (unsigned i = 0; old != NULL && i < old_conf->nhops; i++) {
		struct slice was = secrets_of(old, i);

		if (was.n == 0 ||
		    !slice_eq(old_conf->hops[i].password_file, path))
			continue;
		buf_put_slice(&pool, was);
		if (pool.overflow)
			return;
		s->len[hop] = (uint16_t)was.n;
		s->stale[hop] = true;
		s->used = (uint16_t)pool.len;
		return;
	}
}

/* 0, or -EACCES. */
static int load_one(struct secrets *s, unsigned hop, const struct conf_hop *h,
		    uint32_t uid, uint32_t gid, struct buf *why)
{
	struct buf pool = { s->pool, s->used, sizeof(s->pool), false };
	int err = password_read(h->password_file.p, uid, gid, &pool, why);

	s->at[hop] = s->used;
	if (err < 0)
		return err;
	s->len[hop] = (uint16_t)(pool.len - s->used);
	s->used = (uint16_t)pool.len;
	return 0;
}

int secrets_load(struct secrets *s, const struct conf *c, uint32_t uid,
		 uint32_t gid, const struct secrets *old,
		 const struct conf *old_conf, struct buf *why)
{
	secret_wipe(s, sizeof(*s));
	for (unsigned i = 0; i < c->nhops; i++) {
		const struct conf_hop *h = &c->hops[i];

		if (h->password_file.n == 0)
			continue;
		int err = load_one(s, i, h, uid, gid, why);

		if (err == 0)
			continue;
		if (err == -EACCES || old == NULL)
			return -EACCES;
		log_warn("%.*s", (int)why->len, why->data);
		buf_reset(why);
		keep_old(s, i, h->password_file, old, old_conf);
	}
	return 0;
}
