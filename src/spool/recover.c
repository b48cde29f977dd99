/* SPDX-License-Identifier: ISC */
/*
 * spool/recover.c - take any bytes whatever for a spool; SPOOL.md 2.2, 2.6.
 *
 * Three passes, each a loop over at most R frames: which frames are good,
 * which of them count, what is in them.  Nothing is written.
 */
#include <errno.h>
#include <string.h>

#include "spool/ring.h"

/* Frames that must be zero on a medium that may be taken as new. */
#define BLANK_FRAMES 17

/* What the passes learn. */
struct recovery {
	struct spool *s;           /* being filled */
	struct spool_found *found; /* the same */
	uint64_t top;              /* largest sequence of a good frame */
	uint64_t floor;            /* lowest one that can still be there */
	bool has_top;              /* some commit frame was judged */
	bool has_link;             /* link is known */
	uint64_t link;             /* last frame of a commit that counted */
	struct frame_head commit;  /* commit that is walked down; count 0 */
	bool has_newest;           /* newest is set */
	struct frame_head newest;  /* of the newest commit that counts */
	uint64_t proven;           /* commits up to here were synced whole */
	bool skip_proof;           /* the next one was not */
	int err;                   /* some frame could not be read */
	uint32_t unread;           /* so many of them */
	int late;                  /* one that could be read cannot any more */
	bool is_newer;             /* a frame of a newer version was seen */
	bool is_dirty;             /* the first frames are not zero */
};

/* What was empty and stays so is not written: memory that is not touched. */
static void set_word(uint32_t *word, uint32_t value)
{
	if (*word != value)
		*word = value;
}

/* A good frame at this place of a ring whose size is now known. */
static void see_frame(struct recovery *r, uint32_t at)
{
	struct spool *s = r->s;
	struct frame_head h;

	if (frame_parse(s->read, &h) || h.seq % h.ring != at) {
		r->found->foreign++;
		return;
	}
	if (r->found->frames == 0)
		r->found->frames = h.ring; /* the first one says it */
	if (h.ring != r->found->frames) {
		r->found->foreign++;
		return;
	}
	s->index[at] = WORD_SEEN;
	if (h.seq > r->top)
		r->top = h.seq;
}

/* Pass 1: every frame of the medium, in the order of places. */
static int scan(struct recovery *r, uint32_t frames)
{
	struct spool *s = r->s;
	uint32_t blank = frames / 2 < BLANK_FRAMES ? frames / 2 : BLANK_FRAMES;

	for (uint32_t at = 0; at < frames; at++) {
		set_word(&s->index[at], WORD_EMPTY);
		/* What cannot be read is no frame; what is on it is lost. */
		uint64_t off = (uint64_t)at * FRAME_SIZE;
		int err = s->m->ops->read(s->m->ctx, off, s->read, FRAME_SIZE);
		if (err) {
			r->err = err;
			r->unread++;
			continue;
		}
		err = frame_check(s->read);
		if (err == 0)
			see_frame(r, at);
		else if (err == -EPROTO)
			r->is_newer = true;
		else if (err == -ENOTSUP)
			r->found->foreign++;
		if (at < blank && !frame_is_zero(s->read))
			r->is_dirty = true;
	}
	if (r->is_newer)
		return -EPROTO;
	/* Bad blocks are lived with; a medium that fails is not judged. */
	return r->unread > frames / 8 ? r->err : 0;
}

/* A part of a frame that could be read; false: it cannot any more. */
static bool read_again(struct recovery *r, uint64_t seq, uint32_t off, void *p,
		       size_t n)
{
	const struct medium *m = r->s->m;

	off += (uint32_t)(seq % r->s->ring) * FRAME_SIZE;
	int err = m->ops->read(m->ctx, off, p, n);
	r->late = err ? err : r->late;
	return err == 0;
}

/* The head of a good frame; false: another sequence lies there. */
static bool get_head(struct recovery *r, uint64_t seq, struct frame_head *h)
{
	uint8_t p[FRAME_HEAD];

	if ((*ring_word(r->s, seq) & WORD_KIND) == WORD_EMPTY ||
	    !read_again(r, seq, 0, p, sizeof(p)))
		return false;
	return frame_parse(p, h) == 0 && h->seq == seq;
}

/* Is h a frame of the same commit as c? */
static bool is_same(const struct frame_head *h, const struct frame_head *c)
{
	return h->id == c->id && h->count == c->count &&
	       frame_first(h) == frame_first(c) && h->back == c->back &&
	       h->gap == c->gap;
}

/* Does the marks medium, bound to the commit before it, say it failed? */
static bool is_burnt(struct recovery *r, const struct frame_head *h)
{
	struct frame_head prior;

	return h->gap <= r->s->ring && get_head(r, frame_prior(h), &prior) &&
	       prior.count > 0 && lazy_is_burnt(r->s, prior.id, h);
}

/* Are all frames of the commit there?  h is the topmost one that is. */
static bool is_complete(struct recovery *r, const struct frame_head *h)
{
	struct frame_head other;

	if (h->index != h->count - 1 || h->count > h->seq - r->floor + 1 ||
	    h->kind != FRAME_COMMIT)
		return false;
	for (uint64_t seq = frame_first(h); seq < h->seq; seq++)
		if (!get_head(r, seq, &other) || !is_same(&other, h))
			return false;
	return true;
}

/* A commit frame above all that were judged so far: does it count? */
static bool judge_new(struct recovery *r, const struct frame_head *h)
{
	if (r->has_link && h->seq > r->link)
		return false;
	if (!r->has_top) {
		r->has_top = true;
		if (!is_complete(r, h) || is_burnt(r, h)) {
			/* Void; but it says who counted before it. */
			r->link = frame_prior(h);
			r->has_link = true;
			r->skip_proof = h->flags & FRAME_TORN_BIG;
			return false;
		}
	} else if (r->skip_proof) {
		r->skip_proof = false;
	} else if (r->proven == 0) {
		r->proven = h->seq;
	}
	r->commit = *h;
	if (!r->has_newest) {
		r->has_newest = true;
		r->newest = *h;
	}
	return true;
}

/* The walk has left the commit it was in. */
static void leave_commit(struct recovery *r, uint64_t seq)
{
	if (r->commit.count == 0 || seq >= frame_first(&r->commit))
		return;
	r->link = frame_prior(&r->commit);
	r->has_link = true;
	r->commit.count = 0;
}

/* The kind that frame seq has from now on. */
static uint32_t judge(struct recovery *r, uint64_t seq)
{
	struct frame_head h;
	bool was_good = (*ring_word(r->s, seq) & WORD_KIND) != WORD_EMPTY;

	leave_commit(r, seq);
	if (!get_head(r, seq, &h)) {
		if (r->commit.count > 0 || (r->has_link && seq == r->link))
			r->found->damaged++;
		else
			r->found->torn += was_good;
		return WORD_EMPTY;
	}
	/* Above the newest commit no record can name it. */
	if (h.count == 0)
		return r->has_newest ? WORD_DATA : WORD_EMPTY;
	if (r->commit.count > 0 ? !is_same(&h, &r->commit)
				: !judge_new(r, &h)) {
		r->found->torn++;
		return WORD_EMPTY;
	}
	return h.kind == FRAME_COMMIT ? WORD_COMMIT : WORD_DATA;
}

/* Data frames are known by the tag of their stream. */
static uint32_t tag_of(struct recovery *r, uint64_t seq)
{
	uint8_t p[8];

	if (!read_again(r, seq, FRAME_HEAD, p, sizeof(p)))
		return WORD_EMPTY;
	return (uint32_t)(get_u64le(p) & RING_TAG_MASK) << WORD_TAG | WORD_DATA;
}

/* Pass 2: from the top down, which frames count. */
static void walk_down(struct recovery *r)
{
	struct spool *s = r->s;

	r->floor = r->top >= s->ring ? r->top - s->ring + 1 : 1;
	for (uint64_t seq = r->top; seq >= r->floor; seq--) {
		uint32_t *word = ring_word(s, seq);
		if (r->has_newest && seq < frame_tail(&r->newest)) {
			set_word(word, WORD_EMPTY);
			continue;
		}
		set_word(word, judge(r, seq));
		if (*word == WORD_DATA)
			*word = tag_of(r, seq);
	}
}

/* What follows from the newest commit. */
static void settle(struct recovery *r)
{
	struct spool *s = r->s;

	s->next = r->top + 1;
	s->last = r->top;
	if (r->has_newest) {
		s->tail = frame_tail(&r->newest);
		s->last = frame_last(&r->newest);
		s->last_id = r->newest.id;
		s->age_s = r->newest.age;
		s->wall_s = (int64_t)r->newest.wall;
	}
	/* Nothing counts yet: all there is can be given back. */
	if (!r->has_newest && r->has_link)
		s->last = r->link;
	else if (!r->has_newest && r->top >= s->ring / 2 && r->top < s->ring)
		s->last = s->ring / 2 - 1;
	if (s->last >= s->next || s->next - s->last > s->ring)
		s->last = r->top;
	if (!r->has_newest)
		s->tail = s->last + 1;
	if (s->tail < r->floor)
		s->tail = r->floor;
}

/*
 * Where a torn frame has its head already, its sequence is used up: were it
 * used again, and that write torn too, the two could make the first one whole.
 */
static void skip_torn(struct recovery *r)
{
	struct spool *s = r->s;
	uint8_t p[FRAME_HEAD];

	for (uint64_t seq = s->next; seq < s->tail + s->ring; seq++) {
		uint64_t off = seq % s->ring * FRAME_SIZE;
		if (s->m->ops->read(s->m->ctx, off, p, sizeof(p)) ||
		    frame_torn_seq(p) != seq)
			continue;
		s->next = seq + 1;
		r->found->torn++;
	}
}

static void take_mark(struct spool *s, uint64_t seq,
		      const struct record_mark *m)
{
	*ring_word(s, seq) |= WORD_MARKS;
	if (m->seq < s->tail || m->seq > seq || m->slot >= RECORD_MAX_STARTS)
		return;
	uint32_t *word = ring_word(s, m->seq);
	if ((*word & WORD_KIND) != WORD_COMMIT)
		return;
	if (m->what == SPOOL_MARK_GONE)
		ring_set_live(s, m->seq, m->slot, false);
	else
		*word |= 1u << (WORD_MARKED + m->slot);
}

/* Pass 3: from the tail up, records and marks. */
static void walk_up(struct recovery *r)
{
	struct spool *s = r->s;
	struct record rec;

	for (uint64_t seq = s->tail; seq < s->next; seq++) {
		if ((*ring_word(s, seq) & WORD_KIND) != WORD_COMMIT)
			continue;
		int err = ring_load(s, seq);
		if (err) {
			if (err != -EBADMSG)
				r->late = err;
			*ring_word(s, seq) = WORD_EMPTY;
			r->found->damaged++;
			continue;
		}
		struct record_walk w =
			record_walk(&s->head, s->read + FRAME_HEAD);
		while (record_next(&w, &rec) > 0) {
			if (rec.kind == RECORD_IS_MARK)
				take_mark(s, seq, &rec.mark);
			else
				ring_set_live(s, seq, rec.slot, true);
		}
	}
}

/*
 * Give the data frames of a big message to it; says whether they are all
 * there: as many as there should be, and the sum of their numbers right.
 */
static bool name_data(struct recovery *r, const struct record_msg *m)
{
	struct spool *s = r->s;
	uint32_t word = (uint32_t)(m->stream & RING_TAG_MASK) << WORD_TAG |
			WORD_DATA;
	uint64_t sum = 0;
	uint32_t n = 0;
	uint8_t p[FRAME_DATA_HEAD];

	for (uint32_t at = 0; at < s->ring; at++) {
		if (s->index[at] != word)
			continue;
		if (!read_again(r, at, FRAME_HEAD, p, sizeof(p)) ||
		    get_u64le(p) != m->stream)
			continue;
		s->index[at] |= WORD_NAMED;
		sum += get_u32le(p + 8);
		n++;
	}
	return n == m->frames && sum == (uint64_t)n * (n > 0 ? n - 1 : 0) / 2;
}

/* A big message of the newest commit that was torn: it was never there. */
static void drop_torn(struct recovery *r, const struct place *pl)
{
	struct lazy l = { .seq = pl->seq,
			  .id = pl->rec.id,
			  .slot = pl->slot,
			  .what = SPOOL_MARK_GONE };

	uint32_t word = (uint32_t)(pl->rec.stream & RING_TAG_MASK) << WORD_TAG |
			WORD_DATA | WORD_NAMED;

	ring_set_live(r->s, pl->seq, pl->slot, false);
	for (uint32_t at = 0; at < r->s->ring; at++)
		if (r->s->index[at] == word)
			r->s->index[at] = WORD_EMPTY;
	r->s->has_torn_big = true;
	r->found->torn++;
	if (lazy_add(r->s, &l))
		r->found->lost++; /* it will be listed as damaged */
}

/* Look after one live message: is it whole? */
static void check_message(struct recovery *r, uint64_t seq, uint8_t slot)
{
	struct place pl;

	if (ring_place(r->s, seq, slot, &pl))
		return;
	bool whole = !pl.rec.is_damaged && ring_has_frames(r->s, &pl);
	bool named = !pl.rec.is_big || name_data(r, &pl.rec);
	if (!named && seq > r->proven) {
		drop_torn(r, &pl);
		return;
	}
	r->found->lost += !whole || !named;
}

/* Pass 4: live messages and the data frames that belong to one. */
static void check_messages(struct recovery *r)
{
	struct spool *s = r->s;

	for (uint64_t seq = s->tail; seq < s->next; seq++) {
		uint32_t live = ring_live(s, seq);
		for (uint8_t i = 0; i < RECORD_MAX_STARTS; i++)
			if (live >> i & 1)
				check_message(r, seq, i);
	}
	for (uint32_t at = 0; at < s->ring; at++) {
		uint32_t *word = &s->index[at];
		if ((*word & WORD_KIND) != WORD_DATA)
			continue;
		*word = *word & WORD_NAMED ? *word & ~WORD_NAMED : WORD_EMPTY;
	}
}

static void start_fresh(struct spool *s, struct spool_found *found)
{
	found->fresh = true;
	found->frames = s->ring;
	s->next = s->ring / 2;
	s->tail = s->next;
	s->last = s->next - 1;
}

static int recover(struct recovery *r, uint32_t frames)
{
	struct spool *s = r->s;
	int err = scan(r, frames);

	if (err)
		return err;
	s->ring = frames;
	s->root = ring_root(frames);
	if (r->found->frames == 0) {
		if (r->err)
			return r->err;
		if (r->is_dirty || r->found->foreign > 0)
			return -EMEDIUMTYPE;
		start_fresh(s, r->found);
		skip_torn(r);
		return 0;
	}
	if (r->found->frames > frames)
		return -EINVAL;
	s->ring = r->found->frames;
	s->root = ring_root(s->ring);
	walk_down(r);
	settle(r);
	skip_torn(r);
	walk_up(r);
	check_messages(r);
	ring_recount(s);
	return r->late;
}

/* The state of a spool that knows nothing, the index left alone. */
static void reset(struct spool *s, const struct medium *m,
		  const struct medium *marks, const struct world *w)
{
	/* The large arrays are left alone: memory that is not touched yet. */
	memset(s, 0, offsetof(struct spool, read));
	s->m = m;
	s->marks = marks;
	s->w = w;
	s->boot_ms = world_boot_ms(w);
	s->frame_ms = s->boot_ms;
}

int spool_open(struct spool *s, const struct medium *m,
	       const struct medium *marks, const struct world *w,
	       struct spool_found *found)
{
	uint64_t frames = m->size / FRAME_SIZE;
	struct recovery r = { .s = s, .found = found };

	*found = (struct spool_found){ 0 };
	if (frames < FRAME_MIN_RING)
		return -EINVAL;
	if (frames > SPOOL_MAX_FRAMES)
		frames = SPOOL_MAX_FRAMES;
	reset(s, m, marks, w);
	int err = recover(&r, (uint32_t)frames);
	if (err)
		return err;
	/*
	 * A killed process may have left frames in the page cache only: they
	 * must be on the medium before their tail is believed.
	 */
	if (!found->fresh)
		err = ring_sync(s);
	if (err)
		return err;
	lazy_load(s);
	found->messages = s->count;
	return 0;
}
