/* SPDX-License-Identifier: ISC */
/*
 * spool/commit.c - one commit: plan, write, sync, and only then believe it.
 *
 * The plan decides how far the tail moves and what is copied for it; the
 * rules and why they suffice are in SPOOL.md 2.4.
 */
#include <errno.h>
#include <string.h>

#include "spool/writer.h"

/* There is room, but the tail is in the way. */
#define NO_ROOM 1

/* What a commit is for. */
enum mode {
	NORMAL,  /* what was asked for, leaving room to reclaim */
	CLEAN,   /* copy all there is room for */
	SALVAGE, /* the same, without what cannot be read */
	FORCE    /* as NORMAL, but take the last frame */
};

/* A commit before it is written. */
struct plan {
	struct writer dry; /* the run of records, counted */
	enum mode mode;
	uint64_t first;    /* its first frame */
	uint64_t tail;     /* the new tail */
	uint64_t weight;   /* of live messages afterwards */
	uint64_t live;     /* live frames afterwards */
	uint32_t largest;  /* weight of the largest one */
	uint32_t reserved; /* frames kept for the stream afterwards */
	uint32_t fresh;    /* frames without copies */
	uint32_t data;     /* data frames to be copied */
	uint32_t lost;     /* data frames that could not be read */
	uint32_t adds;     /* messages to be added */
	bool has_big;      /* one of them is the stream */
};

static uint32_t total(const struct plan *p)
{
	return p->dry.frames + p->data;
}

/* The head that writer_add() will write, as far as its weight goes. */
static uint32_t weigh(const struct spool_add *a)
{
	struct record_msg m = { .is_big = a->big,
				.nrcpt = a->nrcpt,
				.env_len = a->env_len,
				.size = a->size };

	return record_weight(&m);
}

static int check_add(struct spool *s, struct plan *p, const struct spool_add *a)
{
	if (a->nrcpt > SPOOL_MAX_RCPT)
		return -EMSGSIZE;
	uint32_t weight = weigh(a);
	p->adds++;
	p->weight += weight;
	if (weight > p->largest)
		p->largest = weight;
	if (!a->big)
		return 0;
	if (p->has_big || s->stream.id == 0 || s->stream.size != a->size)
		return -EINVAL;
	p->has_big = true;
	return s->stream.is_broken ? -EIO : 0;
}

/* Its state is that of the add; beside it a mark can say why. */
static int check_new_mark(const struct spool_mark *k, const struct spool_add *a)
{
	if (k->kind == SPOOL_MARK_GONE ||
	    (k->kind == SPOOL_MARK_RCPT &&
	     (k->rcpt >= a->nrcpt || k->state == SPOOL_SENT ||
	      k->state == SPOOL_DROPPED)))
		return -EINVAL;
	return 0;
}

/* Find what mark item i speaks of: a message stored, or added before it. */
static int check_mark(struct spool *s, size_t i)
{
	const struct spool_mark *k = s->items[i].mark;
	struct target *t = &s->target[i];
	struct place pl;

	for (size_t j = i; j > 0; j--) {
		const struct spool_add *a = s->items[j - 1].add;
		if (!a || a->id != k->id)
			continue;
		t->add = (uint16_t)j;
		return check_new_mark(k, a);
	}
	int err = ring_find(s, k->id, &pl);
	if (err)
		return err;
	if (k->kind == SPOOL_MARK_RCPT && k->rcpt >= pl.rec.nrcpt)
		return -EINVAL;
	t->seq = pl.seq;
	t->stream = pl.rec.stream;
	t->weight = record_weight(&pl.rec);
	t->slot = pl.slot;
	return 0;
}

/* For this commit only: messages that end with it are dead already. */
static void end_messages(struct spool *s, struct plan *p)
{
	struct place pl;

	for (size_t i = 0; i < s->nitems; i++) {
		const struct spool_mark *k = s->items[i].mark;
		struct target *t = &s->target[i];
		if (!k || t->add || !ring_is_live(s, t->seq, t->slot) ||
		    ring_place(s, t->seq, t->slot, &pl) ||
		    !ring_is_last(s, &pl, k))
			continue;
		t->is_end = true;
		p->weight -= t->weight;
		ring_set_live(s, t->seq, t->slot, false);
	}
}

static void unend_messages(struct spool *s)
{
	for (size_t i = 0; i < s->nitems; i++)
		if (s->target[i].is_end)
			ring_set_live(s, s->target[i].seq, s->target[i].slot,
				      true);
}

static int prepare(struct spool *s, struct plan *p)
{
	int err = 0;

	p->weight = s->weight;
	p->largest = s->largest;
	for (size_t i = 0; i < s->nitems && err == 0; i++) {
		s->target[i] = (struct target){ 0 };
		if (s->items[i].mark)
			err = check_mark(s, i);
		else
			err = check_add(s, p, s->items[i].add);
	}
	if (err)
		return err;
	end_messages(s, p);
	p->reserved = p->has_big ? 0 : s->stream.reserved;
	p->live = ring_frames(p->weight, (uint64_t)s->data + p->reserved);
	if (p->adds == 0 || p->live <= ring_capacity(s, p->largest))
		return 0;
	unend_messages(s);
	return -ENOSPC;
}

/* Mark item i, and that its message is gone when it is. */
static void put_mark(struct writer *w, size_t i)
{
	struct spool *s = w->s;
	struct target *t = &s->target[i];
	struct record_mark m;

	if (t->add) {
		t->seq = s->target[t->add - 1].seq;
		t->slot = s->target[t->add - 1].slot;
	}
	struct place pl = { .seq = t->seq, .slot = t->slot };
	struct mark_walk walk = { .seq = s->next, .lazy = s->nlazy, .item = i };
	if (ring_next_mark(s, &pl, &walk, &m))
		writer_mark(w, &m);
	if (!t->is_end || m.what == SPOOL_MARK_GONE)
		return;
	m.what = SPOOL_MARK_GONE;
	m.text = (struct slice){ NULL, 0 };
	writer_mark(w, &m);
}

/* The records of the commit but the copies: lazy marks are older. */
static void put_items(struct writer *w)
{
	struct spool *s = w->s;
	struct record_mark m;

	for (uint32_t i = 0; i < s->nlazy; i++) {
		m = lazy_mark(&s->lazy[i]);
		writer_mark(w, &m);
	}
	for (size_t i = 0; i < s->nitems; i++) {
		if (s->items[i].add)
			writer_add(w, s->items[i].add, &s->target[i]);
		else
			put_mark(w, i);
	}
}

/* Copies of the live messages that start in a frame. */
static void put_copies(struct writer *w, uint64_t seq)
{
	uint32_t live = ring_live(w->s, seq);

	for (uint8_t i = 0; i < RECORD_MAX_STARTS; i++)
		if (live >> i & 1)
			writer_copy(w, seq, i);
}

static bool is_data(struct spool *s, uint64_t seq)
{
	return (*ring_word(s, seq) & WORD_KIND) == WORD_DATA;
}

/* Frames that are free after the commit, if the tail is moved to tail. */
static int64_t free_after(const struct spool *s, const struct plan *p,
			  uint64_t tail)
{
	int64_t used = (int64_t)(p->first + total(p) - tail);

	return (int64_t)s->ring - used - p->reserved;
}

static bool is_cleaning(const struct plan *p)
{
	return p->mode == CLEAN || p->mode == SALVAGE;
}

/* Has the live frame at the tail to be copied now?  SPOOL.md 2.4. */
static bool has_to_copy(const struct spool *s, const struct plan *p)
{
	int64_t left = free_after(s, p, p->tail);
	int64_t slack = ring_slack(s, p->largest);

	if (is_cleaning(p) || left < slack)
		return true;
	return left < slack + (int64_t)p->live / 2 && total(p) < 2 * p->fresh;
}

/*
 * Count the copies of the frame at the tail; false: no room for them, or they
 * cannot be read now.  Only SALVAGE goes on without what cannot be read.
 */
static bool plan_copy(struct spool *s, struct plan *p, uint64_t room)
{
	struct writer before = p->dry;

	if (is_data(s, p->tail)) {
		bool is_good = ring_load(s, p->tail) == 0;
		if (total(p) + 1 > room || (!is_good && p->mode != SALVAGE))
			return false;
		p->data += is_good;
		p->lost += !is_good;
		return true;
	}
	put_copies(&p->dry, p->tail);
	if (total(p) <= room && p->dry.err == 0)
		return true;
	p->dry = before;
	return false;
}

/* 0, or NO_ROOM: moving the tail first may help. */
static int make_plan(struct spool *s, struct plan *p)
{
	uint64_t room = ring_room(s);

	room = room > p->reserved ? room - p->reserved : 0;
	p->first = s->next;
	p->tail = s->tail;
	p->dry = (struct writer){ .s = s,
				  .dry = true,
				  .first = s->next,
				  .seq = s->next,
				  .salvage = p->mode == SALVAGE };
	writer_begin(&p->dry);
	put_items(&p->dry);
	p->fresh = total(p);
	while (p->tail < p->first) {
		if (is_data(s, p->tail) || ring_live(s, p->tail) != 0) {
			if (!has_to_copy(s, p) || !plan_copy(s, p, room))
				break;
		}
		p->tail++;
	}
	if (total(p) > room || (is_cleaning(p) && p->tail == s->tail))
		return NO_ROOM;
	if (p->mode != NORMAL)
		return 0;
	int64_t slack = ring_slack(s, p->largest);
	return free_after(s, p, p->tail) < slack ? NO_ROOM : 0;
}

/* Write all frames as planned, and sync. */
static int write_plan(struct spool *s, const struct plan *p, uint64_t id)
{
	struct writer w = { .s = s,
			    .first = p->first,
			    .seq = p->first,
			    .count = total(p),
			    .tail = p->tail,
			    .id = id,
			    .salvage = p->mode == SALVAGE };

	for (uint64_t seq = s->tail; seq < p->tail; seq++)
		if (is_data(s, seq) && ring_load(s, seq) == 0)
			writer_copy_data(&w, seq);
	writer_begin(&w);
	put_items(&w);
	for (uint64_t seq = s->tail; seq < p->tail; seq++)
		put_copies(&w, seq);
	writer_end(&w);
	if (w.err == 0 && w.seq - w.first != w.count)
		w.err = -EIO; /* what was read changed meanwhile */
	return w.err ? w.err : ring_sync(s);
}

/* Nothing of it counts: its sequences and its id are burnt. */
static void burn(struct spool *s, const struct plan *p)
{
	for (uint32_t i = 0; i < total(p); i++)
		*ring_word(s, p->first + i) = WORD_EMPTY;
	s->next = p->first + total(p);
	s->stream.is_broken = s->stream.id != 0;
	if (p->has_big)
		big_end(s);
	lazy_burn(s);
}

/* The commit counts: what it said is so. */
static void believe(struct spool *s, const struct plan *p, uint64_t id)
{
	for (uint64_t seq = s->tail; seq < p->tail; seq++)
		*ring_word(s, seq) = WORD_EMPTY;
	s->stats.commits++;
	s->stats.copied += total(p) - p->fresh;
	s->tail = p->tail;
	s->next = p->first + total(p);
	s->last = s->next - 1;
	s->last_id = id;
	s->has_torn_big = s->is_open = false;
	s->scrubs = 0;
	s->frame_ms = world_boot_ms(s->w);
	if (p->has_big)
		s->stream = (struct stream){ 0 };
	for (size_t i = 0; i < s->nitems; i++) {
		const struct target *t = &s->target[i];
		if (t->is_end)
			ring_forget(s, t->weight, t->stream);
		else if (s->items[i].add)
			s->weight += weigh(s->items[i].add);
	}
	s->count += p->adds;
	s->largest = s->count > 0 ? p->largest : 0;
	lazy_clear(s);
	s->stats.lost += p->dry.lost;
	if (p->dry.lost > 0 || p->lost > 0)
		ring_recount(s); /* of these no weight is known */
}

static uint64_t new_id(struct spool *s)
{
	uint64_t id = world_random_u64(s->w);

	return id ? id : 1; /* 0 says loose */
}

static int write_and_believe(struct spool *s, const struct plan *p)
{
	uint64_t id = new_id(s);
	int err = write_plan(s, p, id);

	if (err)
		burn(s, p);
	else
		believe(s, p, id);
	return err;
}

/* One commit, or none.  0, NO_ROOM or -errno. */
static int commit_once(struct spool *s, const struct spool_item *items,
		       size_t n, enum mode mode)
{
	struct plan p = { .mode = mode };

	s->items = items;
	s->nitems = n;
	int err = prepare(s, &p);
	if (err == 0) {
		err = make_plan(s, &p);
		if (err == 0)
			err = write_and_believe(s, &p);
		if (err)
			unend_messages(s);
	}
	s->items = NULL;
	s->nitems = 0;
	return err;
}

int ring_clean(struct spool *s)
{
	return commit_once(s, NULL, 0, CLEAN);
}

/* At last without what cannot be read. */
static int clean(struct spool *s)
{
	int err = ring_clean(s);
	return err == NO_ROOM ? commit_once(s, NULL, 0, SALVAGE) : err;
}

/*
 * All there is to be had: sums that are exact, burnt frames, and then one lap
 * of copying, in as few commits as the free frames allow.
 */
static int commit_hard(struct spool *s, const struct spool_item *items,
		       size_t n)
{
	uint64_t end = s->next;
	int err = ring_scrub(s);

	if (err != 0 && err != -ENOSPC)
		return err;
	ring_recount(s);
	err = commit_once(s, items, n, NORMAL);
	while (err == NO_ROOM && s->tail < end) {
		err = clean(s);
		if (err)
			break;
		err = commit_once(s, items, n, NORMAL);
	}
	return err;
}

static int commit(struct spool *s, const struct spool_item *items, size_t n)
{
	bool has_add = false;
	int err = commit_once(s, items, n, NORMAL);

	for (size_t i = 0; i < n; i++)
		has_add |= items[i].add != NULL;
	if (err == NO_ROOM)
		err = commit_hard(s, items, n);
	if (err == NO_ROOM && !has_add)
		err = commit_once(s, items, n, FORCE);
	return err == NO_ROOM ? -ENOSPC : err;
}

/* What waits of a big message is written before its commit begins. */
static int flush_big(struct spool *s, const struct spool_item *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (items[i].add && items[i].add->big && s->stream.id != 0)
			return big_flush(s);
	return 0;
}

int spool_commit(struct spool *s, const struct spool_item *items, size_t n)
{
	if (n > SPOOL_MAX_ITEMS)
		return -EMSGSIZE;
	if (n == 0 && s->nlazy == 0)
		return 0;
	int err = flush_big(s, items, n);
	return err ? err : commit(s, items, n);
}

int ring_commit_marks(struct spool *s)
{
	return commit(s, NULL, 0);
}

/* Is there room for n frames more of the stream, and one for its record? */
static bool has_room(const struct spool *s, uint32_t n)
{
	uint64_t kept = (uint64_t)s->stream.reserved + n + 1;

	return ring_free(s) >= ring_slack(s, s->largest) + kept &&
	       ring_room(s) >= kept;
}

int ring_make_room(struct spool *s, uint32_t n)
{
	if (ring_used(s) + n + 1 > ring_capacity(s, s->largest))
		return -ENOSPC;
	if (has_room(s, n))
		return 0;
	int err = ring_scrub(s);
	if (err == -ENOSPC)
		err = 0;
	ring_recount(s);
	uint64_t end = s->next;
	while (err == 0 && !has_room(s, n) && s->tail < end)
		err = clean(s);
	if (err < 0)
		return err;
	return has_room(s, n) ? 0 : -ENOSPC;
}
