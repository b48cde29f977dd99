/* SPDX-License-Identifier: ISC */
/*
 * spool/marks.c - what marks have made of a message; see ring.h.
 *
 * Nothing about recipients is kept in RAM: the index says in which frames
 * marks are and which messages may have some, and they are read again.
 */
#include <errno.h>
#include <string.h>

#include "spool/ring.h"

struct mark_walk ring_marks(struct spool *s, const struct place *pl)
{
	struct mark_walk w = { .seq = pl->seq };
	uint32_t bit = 1u << (WORD_MARKED + pl->slot);

	if (!(*ring_word(s, pl->seq) & bit))
		w.seq = s->next; /* none on the medium */
	return w;
}

/* A mark for pl in the frame that w is at, from w->off on. */
static bool next_in_frame(struct spool *s, const struct place *pl,
			  struct mark_walk *w, struct record_mark *m)
{
	uint32_t word = *ring_word(s, w->seq);

	if ((word & WORD_KIND) != WORD_COMMIT || !(word & WORD_MARKS))
		return false;
	int err = ring_load(s, w->seq);
	if (err) {
		w->err = err;
		return false;
	}

	struct record_walk rw = record_walk(&s->head, s->read + FRAME_HEAD);
	struct record r;
	if (w->off > 0)
		rw.off = w->off;
	while (record_next(&rw, &r) > 0) {
		if (r.kind != RECORD_IS_MARK || r.mark.seq != pl->seq ||
		    r.mark.slot != pl->slot)
			continue;
		w->off = rw.off;
		*m = r.mark;
		return true;
	}
	return false;
}

static bool next_lazy(struct spool *s, const struct place *pl,
		      struct mark_walk *w, struct record_mark *m)
{
	while (w->lazy < s->nlazy) {
		const struct lazy *l = &s->lazy[w->lazy++];
		if (l->seq != pl->seq || l->slot != pl->slot)
			continue;
		*m = lazy_mark(l);
		return true;
	}
	return false;
}

/* The mark that an item of the commit being made stands for. */
static struct record_mark item_mark(const struct spool_mark *k,
				    const struct target *t)
{
	return (struct record_mark){
		.what = (uint8_t)k->kind,
		.slot = t->slot,
		.state = k->state,
		.rcpt = k->rcpt,
		.code = k->code,
		.dsn = k->dsn,
		.seq = t->seq,
		.id = k->id,
		.flags = k->flags,
		.text = slice_head(k->text, SPOOL_MAX_TEXT),
	};
}

static bool next_item(struct spool *s, const struct place *pl,
		      struct mark_walk *w, struct record_mark *m)
{
	while (w->item < s->nitems) {
		size_t i = w->item++;
		const struct target *t = &s->target[i];
		if (!s->items[i].mark || t->seq != pl->seq ||
		    t->slot != pl->slot)
			continue;
		*m = item_mark(s->items[i].mark, t);
		return true;
	}
	return false;
}

bool ring_next_mark(struct spool *s, const struct place *pl,
		    struct mark_walk *w, struct record_mark *m)
{
	for (; w->seq < s->next; w->seq++, w->off = 0)
		if (next_in_frame(s, pl, w, m))
			return true;
	return next_lazy(s, pl, w, m) || next_item(s, pl, w, m);
}

int ring_resolve(struct spool *s, const struct place *pl, uint16_t *flags,
		 uint8_t *states)
{
	struct mark_walk w = ring_marks(s, pl);
	struct record_mark m;

	*flags = pl->rec.flags;
	if (states) {
		int err = ring_read(s, pl, record_fixed(&pl->rec), states,
				    pl->rec.nrcpt);
		if (err)
			return err;
	}
	while (ring_next_mark(s, pl, &w, &m)) {
		if (m.what == SPOOL_MARK_FLAGS)
			*flags = (uint16_t)m.flags;
		else if (m.what == SPOOL_MARK_RCPT && states &&
			 m.rcpt < pl->rec.nrcpt)
			states[m.rcpt] = m.state;
	}
	return w.err;
}

bool ring_is_done(const uint8_t *states, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (states[i] != SPOOL_SENT && states[i] != SPOOL_DROPPED)
			return false;
	return true;
}

bool ring_is_last(struct spool *s, const struct place *pl,
		  const struct spool_mark *mark)
{
	uint16_t flags;

	if (mark->kind != SPOOL_MARK_RCPT)
		return mark->kind == SPOOL_MARK_GONE;
	if (mark->state != SPOOL_SENT && mark->state != SPOOL_DROPPED)
		return false;
	/* States that cannot be read leave the message where it is. */
	return ring_resolve(s, pl, &flags, s->states) == 0 &&
	       ring_is_done(s->states, pl->rec.nrcpt);
}
