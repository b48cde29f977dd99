/* SPDX-License-Identifier: ISC */
/* power/drain.c - see drain.h. */
#include "drain.h"

#include <errno.h>

#include "cover.h"

/* Bytes of the new messages. */
#define SIZE 700

/* 0 or -errno of storing it. */
static int store(struct spool *s, struct model_msg *g)
{
	struct spool_add add = { .id = g->id,
				 .env_len = g->env_len,
				 .nrcpt = g->nrcpt,
				 .size = g->size,
				 .source = { g, model_read } };
	struct spool_item item = { .add = &add };

	return spool_commit(s, &item, 1);
}

/* Deliver every message.  0 or -errno. */
static int deliver(struct spool *s)
{
	struct spool_cursor c = { 0, 0 };
	struct spool_msg msg;
	int more, err;

	while ((more = spool_next(s, &c, &msg)) > 0) {
		for (uint16_t i = 0; i < msg.nrcpt; i++) {
			struct spool_mark k = { .id = msg.id,
						.rcpt = i,
						.state = SPOOL_SENT };
			err = spool_mark_lazy(s, &k);
			if (err && err != -ENOENT) /* all were sent before */
				return err;
		}
	}
	return more < 0 ? more : spool_sync_marks(s);
}

const char *drain(struct spool *s, const struct world *w,
		  const struct medium *medium, const struct model *m)
{
	struct model want = {
		.msg = { { .id = 77, .size = SIZE, .nrcpt = 1 } }
	};
	struct model_msg one = { .id = 76, .size = SIZE, .nrcpt = 2 };
	struct spool_found found;
	uint64_t digest;

	cover(COVER_DRAIN);
	int err = store(s, &one);
	if (err && (err != -ENOSPC || model_count(m) == 0))
		return "a new message could not be stored";
	if (deliver(s) || spool_count(s) != 0)
		return "what is queued could not be delivered";
	model_finish(&want.msg[0]);
	if (store(s, &want.msg[0]))
		return "nothing could be stored after the last delivery";
	if (spool_open(s, medium, NULL, w, &found) ||
	    model_digest_spool(s, &digest) || digest != model_digest(&want))
		return "the next start has not found what was stored";
	return NULL;
}
