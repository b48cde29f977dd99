/* SPDX-License-Identifier: ISC */
/*
 * spool/lazy.c - marks that may be lost by a power cut; SPOOL.md 1.5 and 3.
 *
 * The list counts at once.  Each commit takes all of it along, so it never
 * has to follow a message that moves.
 */
#include <errno.h>
#include <string.h>

#include "base/crc32c.h"
#include "spool/ring.h"

/* Bytes of an entry on the marks medium. */
#define ENTRY 32

/* Beside enum spool_mark_kind: all below seq and above the commit is burnt. */
#define WHAT_BURNT 3

struct record_mark lazy_mark(const struct lazy *l)
{
	return (struct record_mark){
		.what = l->what,
		.slot = l->slot,
		.state = l->state,
		.rcpt = l->rcpt,
		.code = l->code,
		.dsn = l->dsn,
		.seq = l->seq,
		.id = l->id,
	};
}

/* What is said of a message that is gone need not be kept. */
static void drop_others(struct spool *s, const struct lazy *l)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->nlazy; i++)
		if (s->lazy[i].seq != l->seq || s->lazy[i].slot != l->slot)
			s->lazy[n++] = s->lazy[i];
	s->nlazy = n;
}

int lazy_add(struct spool *s, const struct lazy *l)
{
	if (s->nlazy == 0)
		s->lazy_ms = world_boot_ms(s->w);
	if (l->what == SPOOL_MARK_GONE)
		drop_others(s, l);
	if (s->nlazy == ARRAY_LEN(s->lazy))
		return -ENOBUFS;
	s->lazy[s->nlazy++] = *l;
	return 0;
}

void lazy_clear(struct spool *s)
{
	s->nlazy = 0;
	s->nkept = 0;
	s->nburnt = 0;
}

/* Write entry number n of the marks medium.  0 or -errno. */
static int put_entry(struct spool *s, uint32_t n, const struct lazy *l)
{
	uint8_t e[ENTRY] = { 0 };

	put_u64le(e, s->last_id);
	put_u64le(e + 8, l->seq);
	put_u16le(e + 16, l->rcpt);
	put_u16le(e + 18, l->code);
	put_u16le(e + 20, l->dsn);
	put_u16le(e + 22, (uint16_t)n);
	e[24] = l->slot;
	e[25] = l->what;
	e[26] = l->state;
	put_u32le(e + 28, crc32c(0, e, 28));

	return s->marks->ops->write(s->marks->ctx, (uint64_t)n * ENTRY, e,
				    ENTRY);
}

/* Keep it on tmpfs too.  0 or -errno; -ENOSPC the medium is used up. */
static int keep(struct spool *s, const struct lazy *l)
{
	if (!s->marks)
		return 0;
	/* One entry is left for what is burnt. */
	uint64_t after = (uint64_t)s->nkept + 1 + (s->nburnt == 0);
	if (after * ENTRY > s->marks->size)
		return -ENOSPC;
	int err = put_entry(s, s->nkept, l);
	if (err == 0)
		s->nkept++;
	return err;
}

void lazy_burn(struct spool *s)
{
	struct lazy l = { .seq = s->next,
			  .rcpt = s->scrubs,
			  .what = WHAT_BURNT };
	uint32_t at = s->nburnt > 0 ? s->nburnt - 1 : s->nkept;

	s->is_open = true;
	s->open_ms = world_boot_ms(s->w);
	if (!s->marks || s->last_id == 0 ||
	    (uint64_t)(at + 1) * ENTRY > s->marks->size)
		return;
	if (put_entry(s, at, &l) == 0 && s->nburnt == 0)
		s->nburnt = ++s->nkept;
}

/* Entry number n of the marks medium, if it is bound to commit id. */
static bool get_kept(struct spool *s, uint64_t id, uint32_t n, struct lazy *l)
{
	uint8_t e[ENTRY];
	uint64_t off = (uint64_t)n * ENTRY;

	if (off + ENTRY > s->marks->size || n > UINT16_MAX)
		return false;
	if (s->marks->ops->read(s->marks->ctx, off, e, ENTRY))
		return false;
	if (get_u32le(e + 28) != crc32c(0, e, 28) || get_u64le(e) != id ||
	    get_u16le(e + 22) != n)
		return false;
	*l = (struct lazy){
		.seq = get_u64le(e + 8),
		.rcpt = get_u16le(e + 16),
		.code = get_u16le(e + 18),
		.dsn = get_u16le(e + 20),
		.slot = e[24],
		.what = e[25],
		.state = e[26],
	};
	return true;
}

bool lazy_is_burnt(struct spool *s, uint64_t id, const struct frame_head *h)
{
	struct lazy l;

	if (!s->marks)
		return false;
	for (uint32_t n = 0; get_kept(s, id, n, &l); n++)
		if (l.what == WHAT_BURNT)
			return h->seq < l.seq &&
			       h->flags >> FRAME_SCRUBS == l.rcpt;
	return false;
}

/* Sequences that are burnt are not used again, be they readable or not. */
static void take_burnt(struct spool *s, const struct lazy *l)
{
	s->nburnt = s->nkept + 1;
	s->is_open = true;
	s->open_ms = s->boot_ms;
	s->scrubs = l->rcpt & FRAME_SCRUBS_MASK;
	if (l->seq <= s->next)
		return;
	if (l->seq - s->next <= ring_free(s))
		s->next = l->seq;
	else
		lazy_burn(s); /* of a larger ring: it would speak of new ones */
}

void lazy_load(struct spool *s)
{
	struct lazy l;
	struct place pl;

	if (!s->marks || s->last_id == 0)
		return;
	for (; get_kept(s, s->last_id, s->nkept, &l); s->nkept++) {
		if (l.what == WHAT_BURNT) {
			take_burnt(s, &l);
			continue;
		}
		if (!ring_is_live(s, l.seq, l.slot) ||
		    ring_place(s, l.seq, l.slot, &pl))
			continue;
		l.id = pl.rec.id;
		if (lazy_add(s, &l) == 0 && l.what == SPOOL_MARK_GONE) {
			ring_set_live(s, l.seq, l.slot, false);
			ring_forget(s, record_weight(&pl.rec), pl.rec.stream);
		}
	}
	/* Their age is not known: they are due, or the window would grow. */
	s->lazy_ms = s->boot_ms - SPOOL_LAZY_MS;
}

static int add_and_keep(struct spool *s, const struct lazy *l)
{
	int err = lazy_add(s, l);

	return err ? err : keep(s, l);
}

/* Take the mark in; *write: the list has to be written now. */
static int note(struct spool *s, const struct spool_mark *mark, bool *write)
{
	struct place pl;
	int err = ring_find(s, mark->id, &pl);

	if (err)
		return err;
	if (mark->kind == SPOOL_MARK_RCPT && mark->rcpt >= pl.rec.nrcpt)
		return -EINVAL;

	struct lazy l = { .seq = pl.seq,
			  .id = mark->id,
			  .rcpt = mark->rcpt,
			  .code = mark->code,
			  .dsn = mark->dsn,
			  .slot = pl.slot,
			  .what = (uint8_t)mark->kind,
			  .state = mark->state };
	err = add_and_keep(s, &l);
	if (err == -ENOBUFS)
		return err;
	if (ring_is_last(s, &pl, mark)) {
		if (l.what != SPOOL_MARK_GONE) {
			l.what = SPOOL_MARK_GONE;
			err = add_and_keep(s, &l);
		}
		ring_set_live(s, pl.seq, pl.slot, false);
		ring_forget(s, record_weight(&pl.rec), pl.rec.stream);
	}
	*write = err != 0 || s->nlazy >= SPOOL_MAX_LAZY;
	return 0;
}

int spool_mark_lazy(struct spool *s, const struct spool_mark *mark)
{
	bool write = false;

	if (mark->kind == SPOOL_MARK_FLAGS || mark->text.n > 0) {
		struct spool_item item = { .mark = mark };
		return spool_commit(s, &item, 1);
	}
	int err = note(s, mark, &write);
	if (err || !write)
		return err;
	return ring_commit_marks(s);
}

int spool_sync_marks(struct spool *s)
{
	return s->nlazy == 0 ? 0 : ring_commit_marks(s);
}

/* Is a frame due that nothing but time asks for? */
static bool is_due(const struct spool *s, int64_t now)
{
	return (s->nlazy > 0 && now >= s->lazy_ms + SPOOL_LAZY_MS) ||
	       (s->is_open && now >= s->open_ms + SPOOL_LAZY_MS) ||
	       (s->count > 0 && now >= s->frame_ms + SPOOL_AGE_MS);
}

int spool_tick(struct spool *s, int64_t *next_ms)
{
	int64_t now = world_boot_ms(s->w);
	int err = 0;

	if (is_due(s, now)) {
		err = ring_commit_marks(s);
		if (err) { /* not at once again */
			s->lazy_ms = now - SPOOL_LAZY_MS * 9 / 10;
			s->frame_ms = now - SPOOL_AGE_MS + SPOOL_LAZY_MS;
			s->open_ms = now;
		}
	}
	*next_ms = INT64_MAX;
	if (s->count > 0)
		*next_ms = s->frame_ms + SPOOL_AGE_MS;
	if (s->nlazy > 0 && s->lazy_ms + SPOOL_LAZY_MS < *next_ms)
		*next_ms = s->lazy_ms + SPOOL_LAZY_MS;
	if (s->is_open && s->open_ms + SPOOL_LAZY_MS < *next_ms)
		*next_ms = s->open_ms + SPOOL_LAZY_MS;
	return err;
}
