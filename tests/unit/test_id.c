/* SPDX-License-Identifier: ISC */
/* base/id: the text of identifiers, there and back. */
#include <errno.h>

#include "base/id.h"
#include "lib/check.h"

#define MOST ((UINT64_C(1) << 60) - 1)

/* A world whose chance is the one given. */
static void give(void *ctx, void *p, size_t n)
{
	assert_int_equal(n, 8);
	put_u64le(p, *(const uint64_t *)ctx);
}

static uint64_t new_of(uint64_t chance)
{
	const struct world w = { .ctx = &chance, .random = give };

	return id_new(&w);
}

static void draws_sixty_bits(void **state)
{
	(void)state;
	assert_int_equal(new_of(UINT64_MAX), MOST);
	assert_int_equal(new_of(UINT64_C(0x123456789abcdef0)),
			 UINT64_C(0x123456789abcdef));
	/* 0 means "none" everywhere */
	assert_int_equal(new_of(0), 1);
	assert_int_equal(new_of(15), 1);
	assert_int_equal(new_of(16), 1);
	assert_int_equal(new_of(32), 2);
}

static void writes_text(void **state)
{
	char text[ID_LEN + 2];

	(void)state;
	memset(text, '#', sizeof(text));
	id_format(text, 0);
	assert_string_equal(text, "aaaaaaaaaaaa");
	assert_int_equal(text[ID_LEN + 1], '#');
	id_format(text, MOST);
	assert_string_equal(text, "777777777777");
	id_format(text, 1);
	assert_string_equal(text, "aaaaaaaaaaab");
	id_format(text, UINT64_C(1) << 55);
	assert_string_equal(text, "baaaaaaaaaaa");
	id_format(text, 26);
	assert_string_equal(text, "aaaaaaaaaaa2");
	/* what is above 60 bits does not show */
	id_format(text, MOST + 3);
	assert_string_equal(text, "aaaaaaaaaaac");
}

static void reads_text(void **state)
{
	uint64_t id = 5;
	char text[ID_LEN + 1];

	(void)state;
	for (int bit = 0; bit < 60; bit++) {
		id_format(text, UINT64_C(1) << bit);
		assert_int_equal(id_parse(slice_str(text), &id), 0);
		assert_int_equal(id, UINT64_C(1) << bit);
	}
	assert_int_equal(id_parse(SLICE("777777777777"), &id), 0);
	assert_int_equal(id, MOST);
}

static void refuses_other_text(void **state)
{
	static const char *const bad[] = {
		"",
		"aaaaaaaaaab",
		"aaaaaaaaaaaab",
		"AAAAAAAAAAAB",
		"aaaaaaaaaaa1",
		"aaaaaaaaaaa8",
		"aaaaaaaaaaaa",
		"aaaa aaaaaab",
		"-aaaaaaaaaab",
		"aaaaaaaaaaa\xff",
		"../../passwd",
	};
	uint64_t id = 5;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(id_parse(slice_str(bad[i]), &id), -EINVAL);
	assert_int_equal(id_parse(slice_of("aaaaaaaaaab\0", 12), &id), -EINVAL);
	assert_int_equal(id, 5);
}

static void repeats_nothing(void **state)
{
	uint64_t seen[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
		seen[i] = id_new(&world_real);
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(seen[i], seen[k]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(draws_sixty_bits),
		cmocka_unit_test(writes_text),
		cmocka_unit_test(reads_text),
		cmocka_unit_test(refuses_other_text),
		cmocka_unit_test(repeats_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
