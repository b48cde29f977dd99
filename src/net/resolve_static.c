/* SPDX-License-Identifier: ISC */
/*
 * net/resolve_static.c - the resolver without DNS: literals and the hosts
 * file (see net/resolve.h).  Every lookup ends where it starts.
 */
#include <errno.h>

#include "net/resolve_local.h"

struct resolve {
	struct resolve_result result;
};

static struct resolve slots[RESOLVE_SLOTS];

struct resolve *resolve_slot(unsigned i)
{
	return &slots[i];
}

int resolve_start(struct resolve *r, const struct net *net,
		  const struct world *w, const struct resolve_paths *paths,
		  struct slice host, uint16_t port)
{
	struct buf why = buf_on(r->result.why, sizeof(r->result.why));

	(void)net;
	int err = resolve_local(&r->result, w, paths, &host, port);
	if (err != -ENOENT)
		return err;
	r->result.not_found = true;
	buf_put_str(&why, "not in the hosts file, and built without DNS");
	buf_cstr(&why);
	return 0;
}

int resolve_step(struct resolve *r)
{
	(void)r;
	return 0;
}

size_t resolve_wants(const struct resolve *r,
		     struct net_wait set[static RESOLVE_MAX_FDS],
		     int64_t *until_ms)
{
	(void)r;
	(void)set;
	*until_ms = INT64_MAX;
	return 0;
}

const struct resolve_result *resolve_result(const struct resolve *r)
{
	return &r->result;
}

void resolve_cancel(struct resolve *r)
{
	(void)r;
}
