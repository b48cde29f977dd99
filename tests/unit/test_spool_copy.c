/* SPDX-License-Identifier: ISC */
/*
 * test_spool_copy.c - the bounds of SPOOL.md 2.4, measured: frames copied for
 * each new one, capacity, and room that comes back.
 */
#include "spoolbox.h"

/* Laps of a run, and messages that it knows at most. */
#define LAPS 6
#define MESSAGES 2048

/* The seed of all random choices here. */
#define SEED UINT64_C(20261123)

/* How messages leave. */
enum order { OLDEST, NEWEST, ANY, ORDERS };

/* A long run. */
struct run {
	struct box *b;
	uint64_t id[MESSAGES]; /* queued, in the order they came */
	uint32_t n;            /* of them */
	uint64_t next_id, seed;
	uint32_t size;            /* of a message at most */
	uint32_t fill;            /* hundredths of the capacity in use */
	enum order order;         /* of those that leave */
	struct spool_stats began; /* the window */
	uint32_t windows;         /* whole ones */
	uint32_t copied, fresh;   /* frames in the worst of them */
	uint64_t all_copied, all_fresh;
};

static uint32_t chance(struct run *r, uint32_t n)
{
	r->seed = r->seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(r->seed >> 33) % n;
}

/* Has a lap been written?  Then that window is judged. */
static void see_window(struct run *r)
{
	struct spool_stats now = spool_stats(r->b->spool);

	if (now.writes - r->began.writes < r->b->found.frames)
		return;
	uint32_t copied = now.copied - r->began.copied;
	uint32_t fresh = now.writes - r->began.writes - copied;
	if (r->windows == 0 ||
	    (uint64_t)copied * r->fresh > (uint64_t)r->copied * fresh) {
		r->copied = copied;
		r->fresh = fresh;
	}
	r->windows++;
	r->all_copied += copied;
	r->all_fresh += fresh;
	r->began = now;
}

/* One message leaves, by a mark that may wait or not. */
static void take(struct run *r)
{
	uint32_t i = r->order == OLDEST ? 0 : r->n - 1;
	struct spool_mark k = { .kind = SPOOL_MARK_GONE };

	if (r->order == ANY)
		i = chance(r, r->n);
	k.id = r->id[i];
	memmove(&r->id[i], &r->id[i + 1], (r->n - i - 1) * sizeof(r->id[0]));
	r->n--;
	if (chance(r, 2))
		assert_int_equal(spool_mark_lazy(r->b->spool, &k), 0);
	else
		assert_int_equal(box_mark(r->b, &k), 0);
	see_window(r);
}

/* One message comes; false: there is no room. */
static bool put(struct run *r)
{
	uint32_t size = r->size / 2 + chance(r, r->size / 2 + 1);
	uint64_t id = r->next_id++;
	int err = box_add(r->b, id, 1, 20, size);

	if (err == 0)
		r->id[r->n++] = id;
	else
		assert_int_equal(err, -ENOSPC);
	see_window(r);
	return err == 0;
}

/* Put and take around the fill, for some laps. */
static void work(struct run *r, uint32_t frames)
{
	struct spool *s = r->b->spool;
	uint64_t goal = spool_capacity(s) * r->fill / 100;

	if (r->size > spool_room(s))
		r->size = spool_room(s);
	r->began = spool_stats(s);
	while (spool_stats(s).writes < LAPS * frames) {
		bool has_room = spool_used(s) < goal && r->n < MESSAGES;
		if (!has_room || !put(r)) {
			assert_true(r->n > 0);
			take(r);
		}
	}
}

/*
 * Over long runs not more than one frame is copied for each new one.  In a lap
 * it can be more, by what does not pack when messages move one by one.
 */
static void copying_is_bounded(void **state)
{
	static const uint32_t rings[] = { 8, 9, 12, 16, 24, 48, 96 };
	static const uint32_t sizes[] = { 200, 1500, 3800, 9000 };
	static const uint32_t fills[] = { 25, 60, 100 };
	static struct run r;
	uint32_t windows = 0, copied = 0, fresh = 1;
	uint64_t all_copied = 0, all_fresh = 0;

	(void)state;
	for (uint32_t i = 0; i < 7u * 4 * 3 * ORDERS; i++) {
		uint32_t frames = rings[i % 7];
		r = (struct run){ .b = box_new(frames),
				  .next_id = 1,
				  .seed = SEED + i,
				  .size = sizes[i / 7 % 4],
				  .fill = fills[i / 28 % 3],
				  .order = (enum order)(i / 84) };
		work(&r, frames);
		windows += r.windows;
		all_copied += r.all_copied;
		all_fresh += r.all_fresh;
		if ((uint64_t)r.copied * fresh > (uint64_t)copied * r.fresh) {
			copied = r.copied;
			fresh = r.fresh;
		}
		assert_true(r.windows > 0);
		box_free(r.b);
	}
	print_message("%llu copied for %llu new frames; in the worst of %u "
		      "laps %u for %u\n",
		      (unsigned long long)all_copied,
		      (unsigned long long)all_fresh, windows, copied, fresh);
	assert_true(copied > 0);
	assert_true(all_copied <= all_fresh / 4);
	assert_true(2 * copied <= 3 * fresh);
}

/* As many as it says fit, and never one fewer, lap after lap. */
static void full_is_refused_and_room_comes_back(void **state)
{
	(void)state;
	for (uint32_t frames = 8; frames <= 64; frames += frames / 4) {
		struct box *b = box_new(frames);
		uint32_t most = spool_capacity_messages(b->spool);
		uint64_t first = 1, next = 1;

		for (uint32_t lap = 0; lap < 6; lap++) {
			while (next < first + most)
				assert_int_equal(box_add(b, next++, 1, 20, 200),
						 0);
			assert_int_equal(box_add(b, next, 1, 20, 200), -ENOSPC);
			assert_true(spool_used(b->spool) <=
				    spool_capacity(b->spool));
			for (uint32_t i = 0; i < most / 2 + lap % 2; i++)
				assert_int_equal(box_gone(b, first++), 0);
		}
		box_free(b);
	}
}

/* What SIZE is told fits. */
static void room_is_kept(void **state)
{
	(void)state;
	for (uint32_t frames = 8; frames <= 64; frames += frames / 4) {
		struct box *b = box_new(frames);
		uint32_t room, n = 0;

		while ((room = spool_room(b->spool)) > 0) {
			uint32_t size = n++ == 0 ? room / 2 + 1 : room;
			if (size > CONFIG_STAGE_KB * 1024u) {
				assert_int_equal(box_big(b, n, 20, size), 0);
				assert_int_equal(box_add_big(b, n, size), 0);
			} else {
				assert_int_equal(box_add(b, n, 1, 20, size), 0);
			}
		}
		assert_true(n > 0);
		while (n > 0)
			assert_int_equal(box_gone(b, n--), 0);
		assert_int_equal(spool_used(b->spool), 0);
		box_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copying_is_bounded),
		cmocka_unit_test(full_is_refused_and_room_comes_back),
		cmocka_unit_test(room_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
