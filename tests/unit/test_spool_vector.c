/* SPDX-License-Identifier: ISC */
/*
 * test_spool_vector.c - the bytes that SPOOL.md 1.6 promises, as it shows
 * them: written by the spool they are the same, and read they mean the same.
 */
#include "spoolbox.h"

#define DOCUMENT "src/spool/SPOOL.md"

/* Bytes of frame number n of the document, zeros where it shows none. */
static void read_vector(int n, uint8_t p[static SPOOL_FRAME])
{
	FILE *f = fopen(DOCUMENT, "r");
	char line[4096], want[32];
	bool inside = false;
	int shown = 0;

	assert_non_null(f);
	memset(p, 0, SPOOL_FRAME);
	snprintf(want, sizeof(want), "    frame %d:", n);
	while (fgets(line, sizeof(line), f)) {
		unsigned at, byte;
		int used = 0;
		if (strncmp(line, "    frame ", 10) == 0)
			inside = strncmp(line, want, strlen(want)) == 0;
		else if (line[0] != ' ')
			inside = false;
		if (!inside || sscanf(line, " %4x: %n", &at, &used) != 1 ||
		    used == 0)
			continue;
		const char *s = line + used;
		for (; sscanf(s, "%2x %n", &byte, &used) == 1; s += used) {
			p[at++] = (uint8_t)byte;
			shown++;
		}
	}
	fclose(f);
	assert_in_range(shown, 64, SPOOL_FRAME);
}

static int read_text(void *ctx, uint32_t off, void *p, uint32_t n)
{
	memcpy(p, (const char *)ctx + off, n);
	return 0;
}

static void written_as_the_document_says(void **state)
{
	struct box *b = box_new(16);
	struct spool_add add = { .id = 0x0123456789abcdef,
				 .flags = SPOOL_WALL_SANE,
				 .wall_s = 1700000000,
				 .env_len = 2,
				 .nrcpt = 1,
				 .size = 4,
				 .source = { "abHi\r\n", read_text } };
	struct spool_item item = { .add = &add };
	uint8_t want[SPOOL_FRAME];

	(void)state;
	b->now_ms += 5000;
	b->next_random = 0x1122334455667788;
	assert_int_equal(spool_commit(b->spool, &item, 1), 0);
	b->now_ms += 2000;
	b->next_random = 0x99aabbccddeeff00;
	assert_int_equal(box_gone(b, add.id), 0);
	for (int n = 8; n <= 9; n++) {
		read_vector(n, want);
		const uint8_t *got = b->ring.bytes + n * SPOOL_FRAME;
		for (int i = 0; i < SPOOL_FRAME; i++)
			if (got[i] != want[i])
				fail_msg("frame %d, byte %d: %02x, not %02x", n,
					 i, got[i], want[i]);
	}
	box_free(b);
}

static void read_as_the_document_says(void **state)
{
	struct box *b = box_new(16);
	struct spool_msg msg;
	char text[4];

	(void)state;
	read_vector(8, b->ring.bytes + 8 * SPOOL_FRAME);
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(spool_count(b->spool), 1);
	assert_int_equal(spool_find(b->spool, 0x0123456789abcdef, &msg), 0);
	assert_int_equal(msg.wall_s, 1700000000);
	assert_int_equal(msg.flags, SPOOL_WALL_SANE);
	assert_int_equal(msg.age_s, 0);
	assert_int_equal(spool_read_envelope(b->spool, &msg, text), 0);
	assert_memory_equal(text, "ab", 2);
	assert_int_equal(spool_read(b->spool, &msg, 0, text, 4), 0);
	assert_memory_equal(text, "Hi\r\n", 4);
	read_vector(9, b->ring.bytes + 9 * SPOOL_FRAME);
	assert_int_equal(box_open(b, false), 0);
	assert_int_equal(spool_count(b->spool), 0);
	box_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_as_the_document_says),
		cmocka_unit_test(read_as_the_document_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
