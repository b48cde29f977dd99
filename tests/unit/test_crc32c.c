/* SPDX-License-Identifier: ISC */
/* base/crc32c: published values, and a slow second opinion. */
#include "base/crc32c.h"
#include "lib/check.h"
#include "lib/feed.h"

/* Bit by bit, as the definition has it. */
static uint32_t slow(const uint8_t *p, size_t n)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

/* RFC 3720 B.4 */
static void gives_published_values(void **state)
{
	uint8_t raw[32];

	(void)state;
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(0, NULL, 0), 0);
	memset(raw, 0, sizeof(raw));
	assert_int_equal(crc32c(0, raw, 32), 0x8a9136aa);
	memset(raw, 0xff, sizeof(raw));
	assert_int_equal(crc32c(0, raw, 32), 0x62a8ab43);
	for (int i = 0; i < 32; i++)
		raw[i] = (uint8_t)i;
	assert_int_equal(crc32c(0, raw, 32), 0x46dd794e);
	for (int i = 0; i < 32; i++)
		raw[i] = (uint8_t)(31 - i);
	assert_int_equal(crc32c(0, raw, 32), 0x113fdb5c);
}

static void agrees_for_every_byte(void **state)
{
	(void)state;
	for (int i = 0; i < 256; i++) {
		uint8_t two[2] = { (uint8_t)i, (uint8_t)(255 - i) };

		assert_int_equal(crc32c(0, two, 1), slow(two, 1));
		assert_int_equal(crc32c(0, two, 2), slow(two, 2));
	}
}

static void is_the_same_in_pieces(void **state)
{
	uint8_t raw[300];
	uint32_t seed = FEED_SEED;

	(void)state;
	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (uint8_t)feed_random(&seed);

	uint32_t whole = crc32c(0, raw, sizeof(raw));
	assert_int_equal(whole, slow(raw, sizeof(raw)));
	for (size_t cut = 0; cut <= sizeof(raw); cut++) {
		uint32_t crc = crc32c(0, raw, cut);

		crc = crc32c(crc, raw + cut, sizeof(raw) - cut);
		assert_int_equal(crc, whole);
	}
}

static void notices_each_flipped_bit(void **state)
{
	uint8_t raw[64] = { 1, 2, 3 };
	uint32_t good = crc32c(0, raw, sizeof(raw));

	(void)state;
	for (size_t bit = 0; bit < 8 * sizeof(raw); bit++) {
		raw[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(crc32c(0, raw, sizeof(raw)), good);
		raw[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_published_values),
		cmocka_unit_test(agrees_for_every_byte),
		cmocka_unit_test(is_the_same_in_pieces),
		cmocka_unit_test(notices_each_flipped_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
