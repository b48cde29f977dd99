/* SPDX-License-Identifier: ISC */
/* The RAM stage: chains, room to the byte, blocks that come back. */
#include "lib/check.h"

#include <errno.h>

#include "relay/stage.h"

#define ALL ((size_t)STAGE_BLOCKS * STAGE_BLOCK)

static struct stage s;

static int set_up(void **state)
{
	(void)state;
	memset(&s, 0, sizeof(s));
	return 0;
}

/* n bytes that tell where they belong. */
static struct slice bytes(size_t n, unsigned seed)
{
	static char text[2 * 32768 + 2];

	assert_true(n <= sizeof(text));
	for (size_t i = 0; i < n; i++)
		text[i] = (char)(i * 7 + i / 256 + seed);
	return slice_of(text, n);
}

static void check_chain(const struct chain *c, size_t n, unsigned seed)
{
	static char got[2 * 32768];

	assert_int_equal(c->len, n);
	chain_read(&s, c, 0, got, n);
	assert_memory_equal(got, bytes(n, seed).p, n);
}

static void empty(void **state)
{
	struct chain c = CHAIN_EMPTY;

	(void)state;
	assert_int_equal(stage_room(&s), ALL);
	assert_int_equal(chain_append(&s, &c, SLICE("")), 0);
	assert_int_equal(c.len, 0);
	assert_int_equal(stage_room(&s), ALL);
	chain_free(&s, &c);
	assert_int_equal(stage_room(&s), ALL);
}

/* Around the end of a block: what is taken, and what is read. */
static void block_borders(void **state)
{
	(void)state;
	for (size_t n = STAGE_BLOCK - 1; n <= STAGE_BLOCK + 1; n++) {
		struct chain c = CHAIN_EMPTY;
		size_t blocks = (n + STAGE_BLOCK - 1) / STAGE_BLOCK;

		assert_int_equal(chain_append(&s, &c, bytes(n, 1)), 0);
		assert_int_equal(stage_room(&s), ALL - blocks * STAGE_BLOCK);
		check_chain(&c, n, 1);
		chain_free(&s, &c);
		assert_int_equal(c.len, 0);
		assert_int_equal(c.first, STAGE_NONE);
	}
}

static void byte_by_byte(void **state)
{
	struct chain c = CHAIN_EMPTY;
	struct slice in = bytes(3 * STAGE_BLOCK + 5, 2);

	(void)state;
	for (size_t i = 0; i < in.n; i++)
		assert_int_equal(chain_append(&s, &c, slice_of(in.p + i, 1)),
				 0);
	check_chain(&c, in.n, 2);
}

static void read_anywhere(void **state)
{
	struct chain c = CHAIN_EMPTY;
	struct slice in = bytes(4 * STAGE_BLOCK, 3);

	(void)state;
	assert_int_equal(chain_append(&s, &c, in), 0);
	for (uint32_t off = 0; off < in.n; off += 61) {
		for (size_t n = 1; off + n <= in.n; n += 97) {
			char got[4 * STAGE_BLOCK];

			chain_read(&s, &c, off, got, n);
			assert_memory_equal(got, bytes(in.n, 3).p + off, n);
		}
	}
}

static void all_or_nothing(void **state)
{
	struct chain a = CHAIN_EMPTY, b = CHAIN_EMPTY;

	(void)state;
	/* limit+1, limit-1, limit */
	assert_int_equal(chain_append(&s, &a, bytes(ALL + 1, 4)), -ENOSPC);
	assert_int_equal(a.len, 0);
	assert_int_equal(stage_room(&s), ALL);
	assert_int_equal(chain_append(&s, &a, bytes(ALL - 1, 4)), 0);
	assert_int_equal(stage_room(&s), 0);
	/* The last block has a byte left for its own chain alone. */
	assert_int_equal(chain_append(&s, &b, SLICE("x")), -ENOSPC);
	assert_int_equal(chain_append(&s, &a, SLICE("xy")), -ENOSPC);
	check_chain(&a, ALL - 1, 4);
	assert_int_equal(
		chain_append(&s, &a, slice_of(bytes(ALL, 4).p + ALL - 1, 1)),
		0);
	check_chain(&a, ALL, 4);
	assert_int_equal(chain_append(&s, &a, SLICE("x")), -ENOSPC);
	chain_free(&s, &a);
	assert_int_equal(stage_room(&s), ALL);
	assert_int_equal(chain_append(&s, &b, bytes(ALL, 5)), 0);
	check_chain(&b, ALL, 5);
}

/* Many chains grow and go in turns: none sees another's bytes. */
static void side_by_side(void **state)
{
	struct chain c[8];
	size_t len[8] = { 0 };

	(void)state;
	for (size_t i = 0; i < 8; i++)
		c[i] = CHAIN_EMPTY;
	for (unsigned round = 0; round < 400; round++) {
		unsigned i = round * 5 % 8;
		size_t n = 1 + round * 37 % 300;
		struct slice in = bytes(len[i] + n, i);

		in = slice_from(in, len[i]);
		if (chain_append(&s, &c[i], in) == 0) {
			len[i] += n;
			continue;
		}
		check_chain(&c[i], len[i], i);
		chain_free(&s, &c[i]);
		len[i] = 0;
	}
	for (unsigned i = 0; i < 8; i++) {
		check_chain(&c[i], len[i], i);
		chain_free(&s, &c[i]);
	}
	assert_int_equal(stage_room(&s), ALL);
	assert_int_equal(s.taken, 0);
}

/* Memory that was never needed is never touched. */
static void idle_memory_is_not_touched(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		struct chain c = CHAIN_EMPTY;

		assert_int_equal(chain_append(&s, &c, bytes(700, i)), 0);
		chain_free(&s, &c);
	}
	for (size_t i = 3; i < STAGE_BLOCKS; i++)
		for (size_t k = 0; k < STAGE_BLOCK; k++)
			assert_int_equal(s.block[i][k], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(empty, set_up),
		cmocka_unit_test_setup(block_borders, set_up),
		cmocka_unit_test_setup(byte_by_byte, set_up),
		cmocka_unit_test_setup(read_anywhere, set_up),
		cmocka_unit_test_setup(all_or_nothing, set_up),
		cmocka_unit_test_setup(side_by_side, set_up),
		cmocka_unit_test_setup(idle_memory_is_not_touched, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
