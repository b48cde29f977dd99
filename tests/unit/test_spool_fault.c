/* SPDX-License-Identifier: ISC */
/*
 * test_spool_fault.c - the Nth read, write or sync fails, N = 1, 2, ... until
 * a run passes without: nothing committed is harmed, nothing refused appears.
 */
#include "spoolbox.h"

/* Messages of the run. */
#define MESSAGES 30

/* What the run knows. */
static bool is_in[MESSAGES + 2], may_be_in[MESSAGES + 2];

static void note(uint64_t id, int err)
{
	is_in[id] = err == 0;
	may_be_in[id] = err == 0;
}

/* Messages come and go, big ones too; some calls may fail. */
static void run(struct box *b)
{
	memset(is_in, 0, sizeof(is_in));
	memset(may_be_in, 0, sizeof(may_be_in));
	for (uint64_t id = 1; id <= MESSAGES; id++) {
		if (id % 7 == 0) {
			int err = box_big(b, id, 20, 12000);
			if (err == 0)
				err = box_add_big(b, id, 12000);
			if (err)
				spool_big_abort(b->spool);
			note(id, err);
		} else {
			note(id, box_add(b, id, 2, 50, (uint32_t)id * 190));
		}
		if (id > 3 && is_in[id - 3] && box_gone(b, id - 3) == 0)
			note(id - 3, -ENOENT);
	}
}

static void check_all(struct box *b)
{
	uint32_t n = 0;

	for (uint64_t id = 1; id <= MESSAGES + 1; id++) {
		struct spool_msg msg;
		int err = spool_find(b->spool, id, &msg);
		if (is_in[id])
			assert_true(box_has(b, id));
		else if (!may_be_in[id])
			assert_int_equal(err, -ENOENT);
		n += err == 0;
	}
	assert_int_equal(spool_count(b->spool), n);
}

/* The run with one fault in it; is there one so late? */
static bool run_with(int kind, int n, int fail_errno)
{
	struct box *b = box_new(32);
	int *fail = kind == 0   ? &b->ring.fail_read
		    : kind == 1 ? &b->ring.fail_write
				: &b->ring.fail_sync;

	b->ring.fail_errno = fail_errno;
	*fail = n;
	run(b);
	bool hit = *fail == 0;
	*fail = 0;
	check_all(b);
	/* Another message always goes in, and seals what failed. */
	note(MESSAGES + 1, box_add(b, MESSAGES + 1, 1, 9, 9));
	assert_true(is_in[MESSAGES + 1]);
	check_all(b);
	assert_int_equal(box_open(b, false), 0);
	check_all(b);
	box_free(b);
	return hit;
}

static void nth_read_fails(void **state)
{
	int n = 1;

	(void)state;
	while (run_with(0, n, EIO))
		n += n < 100 ? 1 : 13;
	assert_true(n > 20);
}

static void nth_write_fails(void **state)
{
	int n = 1;

	(void)state;
	while (run_with(1, n, n % 2 ? EIO : ENOSPC))
		n++;
	assert_true(n > 60);
}

static void nth_sync_fails(void **state)
{
	int n = 1;

	(void)state;
	while (run_with(2, n, n % 2 ? EIO : EROFS))
		n++;
	assert_true(n > 50);
}

/* For hours nothing can be written; then all goes on, restart or not. */
static void a_long_outage(void **state)
{
	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		struct box *b = box_new(16);
		assert_int_equal(box_add(b, 1, 1, 20, 500), 0);
		for (int i = 0; i < 100; i++) {
			if (kind % 2)
				b->ring.fail_write = 1;
			else
				b->ring.fail_sync = 1;
			assert_int_equal(box_add(b, 2, 1, 20, 500), -EIO);
			if (kind >= 2 && i % 9 == 0) {
				b->ring.fail_sync = b->ring.fail_write = 0;
				assert_int_equal(box_open(b, false), 0);
			}
			assert_true(box_has(b, 1));
		}
		b->ring.fail_sync = b->ring.fail_write = 0;
		assert_int_equal(box_add(b, 3, 1, 20, 500), 0);
		assert_int_equal(box_open(b, false), 0);
		assert_true(box_has(b, 1) && box_has(b, 3));
		box_free(b);
	}
}

/* Of each frame from there on only the last part reached the medium. */
static void tear_frames(struct box *b, const uint8_t *synced)
{
	for (size_t at = 0; at < b->ring.medium.size; at += SPOOL_FRAME)
		if (memcmp(b->ring.bytes + at, synced + at, SPOOL_FRAME) != 0)
			memcpy(b->ring.bytes + at, synced + at, 64);
}

/* No sync has ever worked, then the power is cut: it is still a spool. */
static void an_outage_from_the_start(void **state)
{
	static uint8_t synced[64 * SPOOL_FRAME];

	(void)state;
	for (uint32_t frames = 8; frames < 64; frames += 5) {
		struct box *b = box_new(frames);
		for (int i = 0; i < 100; i++) {
			b->ring.fail_sync = 1;
			int err = i % 3 ? box_add(b, 1, 1, 20, 500)
					: box_big(b, 2, 20, 5000);
			assert_true(err == 0 || err == -EIO || err == -ENOSPC);
			spool_big_abort(b->spool);
		}
		for (size_t i = 0; i < frames / 2 * SPOOL_FRAME; i++)
			assert_int_equal(b->ring.bytes[i], 0);
		b->ring.fail_sync = 0;
		tear_frames(b, synced);
		assert_int_equal(box_open(b, false), 0);
		assert_int_equal(spool_count(b->spool), 0);
		assert_int_equal(box_add(b, 3, 1, 20, 500), 0);
		assert_int_equal(box_open(b, false), 0);
		assert_true(box_has(b, 3));
		box_free(b);
	}
}

/* One commit counts, then none for long, then the power is cut. */
static void an_outage_after_one_commit(void **state)
{
	static uint8_t synced[16 * SPOOL_FRAME];

	(void)state;
	for (int gone = 0; gone < 2; gone++) {
		struct box *b = box_new(16);
		assert_int_equal(box_add(b, 1, 1, 20, 500), 0);
		if (gone)
			assert_int_equal(box_gone(b, 1), 0);
		memcpy(synced, b->ring.bytes, sizeof(synced));
		for (int i = 0; i < 100; i++) {
			b->ring.fail_sync = 1;
			assert_int_equal(box_add(b, 2, 1, 20, 500), -EIO);
		}
		b->ring.fail_sync = 0;
		tear_frames(b, synced);
		assert_int_equal(box_open(b, false), 0);
		assert_int_equal(spool_count(b->spool), 1 - gone);
		assert_int_equal(box_has(b, 1), 1 - gone);
		box_free(b);
	}
}

/* Half of a first commit is all there is; an outage; then all goes on. */
static void a_first_commit_torn(void **state)
{
	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		struct box *b = box_new(16);
		b->ring.fail_sync = 1;
		assert_int_equal(box_add(b, 1, 1, 20, 5000), -EIO);
		memset(b->ring.bytes + 8 * SPOOL_FRAME, 0, SPOOL_FRAME);
		assert_int_equal(box_open(b, false), 0);
		assert_int_equal(spool_count(b->spool), 0);
		for (int i = 0; i < 50; i++) {
			*(kind ? &b->ring.fail_sync : &b->ring.fail_write) = 1;
			assert_int_equal(box_add(b, 2, 1, 20, 500), -EIO);
		}
		assert_int_equal(box_add(b, 3, 1, 20, 500), 0);
		assert_int_equal(box_open(b, false), 0);
		assert_true(box_has(b, 3));
		assert_int_equal(spool_count(b->spool), 1);
		box_free(b);
	}
}

/* A failed sync was a big message's too. */
static void a_sync_breaks_the_stream(void **state)
{
	struct box *b = box_new(64);

	(void)state;
	assert_int_equal(box_big(b, 1, 20, 20000), 0);
	b->ring.fail_sync = 1;
	assert_int_equal(box_add(b, 2, 1, 20, 500), -EIO);
	assert_int_equal(spool_big_write(b->spool, "x", 1), -EIO);
	assert_int_equal(box_add_big(b, 1, 20000), -EIO);
	spool_big_abort(b->spool);
	assert_int_equal(spool_used(b->spool), 0);
	assert_int_equal(box_big(b, 1, 20, 20000), 0);
	assert_int_equal(box_add_big(b, 1, 20000), 0);
	assert_true(box_has(b, 1));
	box_free(b);
}

static void opening_can_fail(void **state)
{
	struct box *b = box_new(16);

	(void)state;
	assert_int_equal(box_add(b, 1, 1, 20, 500), 0);
	b->ring.fail_sync = 1;
	assert_int_equal(box_open(b, false), -EIO);
	for (int n = 1; n < 40; n++) {
		b->ring.fail_read = n;
		int err = box_open(b, false);
		assert_true(err == 0 || err == -EIO);
	}
	b->ring.fail_read = 0;
	assert_int_equal(box_open(b, false), 0);
	assert_true(box_has(b, 1));
	box_free(b);
	b = box_new(16);
	b->ring.fail_read = 3;
	assert_int_equal(box_open(b, false), -EIO);
	box_free(b);
}

/* Frames that cannot be read, a bit each; reads of others until then. */
static uint64_t bad_frames;
static int good_reads;

static int read_bad(void *ctx, uint64_t off, void *p, size_t n)
{
	const struct box_medium *m = ctx;

	if (bad_frames >> off / SPOOL_FRAME & 1 && good_reads-- <= 0)
		return -EIO;
	return m->medium.ops->read(ctx, off, p, n);
}

/* Opened with these frames bad, which can be read so often before. */
static int open_bad(struct box *b, uint64_t frames, int reads)
{
	static struct medium_ops ops;
	static struct medium m;

	m = b->ring.medium;
	ops = *m.ops;
	ops.read = read_bad;
	m.ops = &ops;
	bad_frames = frames;
	good_reads = reads;
	return spool_open(b->spool, &m, NULL, &b->world, &b->found);
}

/* A few bad blocks cost what is in them; a medium that fails is not judged. */
static void bad_blocks(void **state)
{
	struct box *b = box_new(32);

	(void)state;
	for (uint64_t id = 1; id <= 6; id++)
		assert_int_equal(box_add(b, id, 1, 20, 3000), 0);
	/* They begin in the middle: frames 16 to 21. */
	for (int bad = 1; bad <= 6; bad++) {
		uint64_t frames = ((UINT64_C(1) << bad) - 1) << 16;
		int err = open_bad(b, frames, 0);

		assert_int_equal(err, bad > 4 ? -EIO : 0);
		for (uint64_t id = 1; err == 0 && id <= 6; id++)
			assert_int_equal(box_has(b, id), id > (uint64_t)bad);
		/* One that was read by the scan is not missing for good. */
		if (bad == 1)
			assert_int_equal(open_bad(b, frames, 1), -EIO);
	}
	assert_int_equal(box_open(b, false), 0);
	for (uint64_t id = 1; id <= 6; id++)
		assert_true(box_has(b, id));
	box_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nth_read_fails),
		cmocka_unit_test(nth_write_fails),
		cmocka_unit_test(nth_sync_fails),
		cmocka_unit_test(a_long_outage),
		cmocka_unit_test(an_outage_from_the_start),
		cmocka_unit_test(an_outage_after_one_commit),
		cmocka_unit_test(a_first_commit_torn),
		cmocka_unit_test(a_sync_breaks_the_stream),
		cmocka_unit_test(opening_can_fail),
		cmocka_unit_test(bad_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
