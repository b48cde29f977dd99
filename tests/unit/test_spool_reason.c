/* SPDX-License-Identifier: ISC */
/* test_spool_reason.c - why recipients were refused rides with the message. */
#include "spoolbox.h"

/* The marks and their texts live as long as the test. */
static struct spool_mark refusal(uint64_t id, uint16_t rcpt, const char *text)
{
	return (struct spool_mark){ .id = id,
				    .rcpt = rcpt,
				    .state = SPOOL_REFUSED,
				    .code = (uint16_t)(550 + rcpt),
				    .dsn = 511,
				    .text = slice_str(text) };
}

static void check_reason(struct box *b, uint64_t id, uint16_t rcpt,
			 const char *want)
{
	char space[SPOOL_MAX_TEXT];
	struct buf text = BUF_ON(space);
	struct spool_msg msg;
	uint16_t code = 0, dsn = 0;

	assert_int_equal(spool_find(b->spool, id, &msg), 0);
	int err = spool_reason(b->spool, &msg, rcpt, &code, &dsn, &text);
	assert_int_equal(err, want ? 0 : -ENOENT);
	if (!want)
		return;
	assert_int_equal(code, 550 + rcpt);
	assert_int_equal(dsn, 511);
	assert_int_equal(text.len, strlen(want));
	assert_memory_equal(space, want, text.len);
}

/* Two messages and the reasons of both: one commit, one sync. */
static void reasons_ride_along(void **state)
{
	static const uint8_t states[3] = { SPOOL_SENT, SPOOL_REFUSED,
					   SPOOL_REFUSED };
	struct box *b = box_new(64);
	struct spool_add one = box_message(1, 3, 20, 6000);
	struct spool_add two = box_message(2, 3, 20, 100);
	struct spool_mark marks[] = {
		refusal(1, 1, "no such user"),
		refusal(1, 2, ""),
		refusal(2, 0, "never"),
		{ .id = 2, .kind = SPOOL_MARK_FLAGS, .flags = SPOOL_HELD }
	};
	struct spool_item items[] = {
		{ .add = &one },       { .mark = &marks[0] },
		{ .add = &two },       { .mark = &marks[1] },
		{ .mark = &marks[2] }, { .mark = &marks[3] }
	};
	struct spool_msg msg;
	uint8_t got[3];

	(void)state;
	one.states = states;
	assert_int_equal(spool_commit(b->spool, items, ARRAY_LEN(items)), 0);
	assert_int_equal(spool_stats(b->spool).syncs, 1);
	assert_int_equal(spool_stats(b->spool).writes, 2);
	for (int again = 0; again < 3; again++) {
		assert_true(box_has(b, 1) && box_has(b, 2));
		check_reason(b, 1, 0, NULL);
		check_reason(b, 1, 1, "no such user");
		check_reason(b, 1, 2, "");
		check_reason(b, 2, 0, "never");
		check_reason(b, 2, 1, NULL);
		assert_int_equal(spool_find(b->spool, 1, &msg), 0);
		assert_int_equal(spool_states(b->spool, &msg, got), 0);
		assert_memory_equal(got, states, 3);
		assert_int_equal(spool_find(b->spool, 2, &msg), 0);
		assert_int_equal(msg.flags, SPOOL_HELD);
		assert_int_equal(spool_states(b->spool, &msg, got), 0);
		assert_memory_equal(got, "\2\0\0", 3);
		for (uint64_t id = 10; again == 1 && id < 200; id++) {
			assert_int_equal(box_add(b, id, 1, 20, 900), 0);
			assert_int_equal(box_gone(b, id), 0);
		}
		assert_int_equal(box_open(b, false), 0);
	}
	box_free(b);
}

/* As many as one commit takes, each with the longest text. */
static void as_many_as_there_are(void **state)
{
	enum { N = CONFIG_RCPT_MAX };
	struct box *b = box_new(64);
	struct spool_add add = box_message(1, N, 20, 100);
	static struct spool_mark marks[N];
	static struct spool_item items[N + 1];
	char text[SPOOL_MAX_TEXT + 1];

	(void)state;
	memset(text, 'x', SPOOL_MAX_TEXT);
	text[SPOOL_MAX_TEXT] = '\0';
	items[0].add = &add;
	for (uint16_t i = 0; i < N; i++) {
		marks[i] = refusal(1, i, text);
		items[i + 1].mark = &marks[i];
	}
	assert_int_equal(spool_commit(b->spool, items, N + 1), 0);
	assert_int_equal(box_open(b, false), 0);
	for (uint16_t i = 0; i < N; i++)
		check_reason(b, 1, i, text);
	box_free(b);
}

/* What ends a recipient or the message is not for a new one; nor is more. */
static void what_is_refused(void **state)
{
	struct box *b = box_new(16);
	struct spool_add add = box_message(1, 2, 20, 100);
	struct spool_mark mark = refusal(1, 2, "no such recipient");
	struct spool_item items[] = { { .add = &add }, { .mark = &mark } };
	struct spool_item turned[] = { items[1], items[0] };

	(void)state;
	assert_int_equal(spool_commit(b->spool, items, 2), -EINVAL);
	mark.rcpt = 1;
	assert_int_equal(spool_commit(b->spool, turned, 2), -ENOENT);
	mark.state = SPOOL_SENT;
	assert_int_equal(spool_commit(b->spool, items, 2), -EINVAL);
	mark.state = SPOOL_DROPPED;
	assert_int_equal(spool_commit(b->spool, items, 2), -EINVAL);
	mark.kind = SPOOL_MARK_GONE;
	assert_int_equal(spool_commit(b->spool, items, 2), -EINVAL);
	assert_int_equal(spool_count(b->spool), 0);
	assert_int_equal(spool_stats(b->spool).writes, 0);
	/* A commit that fails leaves neither behind. */
	mark = refusal(1, 1, "gone");
	b->ring.fail_write = 1;
	assert_int_equal(spool_commit(b->spool, items, 2), -EIO);
	assert_int_equal(spool_count(b->spool), 0);
	assert_int_equal(spool_commit(b->spool, items, 2), 0);
	check_reason(b, 1, 1, "gone");
	box_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reasons_ride_along),
		cmocka_unit_test(as_many_as_there_are),
		cmocka_unit_test(what_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
