/* SPDX-License-Identifier: ISC */
/*
 * test_spool_table.c - the bit tables of SPOOL.md against the code: each field
 * is encoded with a value of its own and looked for where the document says.
 */
#include "check.h"
#include "spool/frame.h"
#include "spool/record.h"

#define DOCUMENT "src/spool/SPOOL.md"

/* A row of a table: where a field lies. */
struct row {
	unsigned at, n;
	char name[24];
};

/* What a field must hold. */
struct want {
	const char *name;
	uint64_t value;
};

/* The first table behind the line that begins so; how many rows it has. */
static size_t read_table(const char *heading, struct row rows[static 32])
{
	FILE *f = fopen(DOCUMENT, "r");
	char line[1024];
	bool inside = false;
	size_t n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, heading, strlen(heading)) == 0)
			inside = true;
		if (!inside)
			continue;
		if (n > 0 && line[0] != '|')
			break;
		struct row r = { 0 };
		if (sscanf(line, "| %u | %u | %23s", &r.at, &r.n, r.name) != 3)
			continue;
		assert_true(n < 32);
		rows[n++] = r;
	}
	fclose(f);
	return n;
}

static uint64_t get(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

/* Each row is wanted, each want has a row, and no byte is without one. */
static void check_table(const char *heading, const uint8_t *p, unsigned len,
			const struct want *want, size_t nwant)
{
	struct row rows[32];
	size_t n = read_table(heading, rows), found = 0;
	unsigned at = 0;

	for (size_t i = 0; i < n && rows[i].at < len; i++) {
		assert_int_equal(rows[i].at, at);
		at += rows[i].n;
		size_t k = 0;
		while (k < nwant && strcmp(want[k].name, rows[i].name) != 0)
			k++;
		if (k == nwant)
			fail_msg("%s: row %s is not known", heading,
				 rows[i].name);
		found++;
		uint64_t got = get(p + rows[i].at, rows[i].n);
		if (got != want[k].value)
			fail_msg("%s: %s at %u is %llx, not %llx", heading,
				 rows[i].name, rows[i].at,
				 (unsigned long long)got,
				 (unsigned long long)want[k].value);
	}
	assert_int_equal(at, len);
	assert_int_equal(found, nwant);
}

static void frame(void **state)
{
	static uint8_t p[FRAME_SIZE];
	const struct frame_head h = { .kind = FRAME_DATA,
				      .used = 0x0c21,
				      .start = 0x0b31,
				      .ring = 0x41424344,
				      .seq = 0x3152535455565758,
				      .id = 0x6162636465666768,
				      .index = 0x11121314,
				      .count = 0x21222324,
				      .back = 0x35363738,
				      .gap = 0x45464748,
				      .age = 0x75767778,
				      .flags = 0x8182,
				      .wall = 0x9192939495969798 };

	(void)state;
	frame_seal(p, &h);
	assert_int_equal(frame_check(p), 0);
	const struct want want[] = {
		{ "magic", 0x65746f6d },
		{ "version", 1 },
		{ "kind", 2 },
		{ "used", h.used },
		{ "crc", get(p + 8, 4) },
		{ "ring", h.ring },
		{ "seq", h.seq },
		{ "id", h.id },
		{ "index", h.index },
		{ "count", h.count },
		{ "back", h.back },
		{ "gap", h.gap },
		{ "age", h.age },
		{ "start", h.start },
		{ "flags", h.flags },
		{ "wall", h.wall },
	};
	check_table("### 1.1", p, FRAME_HEAD, want, ARRAY_LEN(want));

	struct row rows[32];
	size_t n = read_table("### 1.1", rows);
	assert_string_equal(rows[n - 1].name, "body");
	assert_int_equal(rows[n - 1].at, FRAME_HEAD);
	assert_int_equal(rows[n - 1].n, FRAME_BODY);
}

static void message(void **state)
{
	uint8_t p[RECORD_BIG];
	const struct record_msg m = { .is_big = true,
				      .is_damaged = true,
				      .flags = 0x1112,
				      .nrcpt = 0x0322,
				      .env_len = 0x3132,
				      .size = 0x41424344,
				      .crc = 0x51525354,
				      .id = 0x6162636465666768,
				      .wall_s = 0x7172737475767778,
				      .arrived = -2,
				      .stream = 0x8182838485868788,
				      .frames = 0x91929394 };
	const struct want want[] = {
		{ "kind", 2 },
		{ "damaged", 1 },
		{ "flags", m.flags },
		{ "nrcpt", m.nrcpt },
		{ "env_len", m.env_len },
		{ "size", m.size },
		{ "crc", m.crc },
		{ "id", m.id },
		{ "wall", (uint64_t)m.wall_s },
		{ "arrived", UINT64_MAX - 1 },
		{ "stream", m.stream },
		{ "frames", m.frames },
		{ "-", 0 },
	};
	struct record_msg small = m;

	(void)state;
	record_put_msg(p, &m);
	check_table("MESSAGE (kind 1", p, RECORD_BIG, want, ARRAY_LEN(want));
	small.is_big = false;
	uint8_t q[RECORD_MSG];
	record_put_msg(q, &small);
	assert_int_equal(q[0], 1);
	assert_memory_equal(q + 1, p + 1, RECORD_MSG - 1);
}

static void mark(void **state)
{
	uint8_t p[RECORD_MARK] = { 0 };
	const struct record_mark m = { .what = SPOOL_MARK_GONE,
				       .slot = 5,
				       .state = SPOOL_DROPPED,
				       .rcpt = 0x0122,
				       .code = 0x3132,
				       .dsn = 0x4142,
				       .seq = 0x5152535455565758,
				       .id = 0x6162636465666768,
				       .flags = 0x71727374,
				       .text = SLICE("seven b") };
	const struct want want[] = {
		{ "kind", 3 },    { "what", 2 },        { "slot", 5 },
		{ "state", 4 },   { "rcpt", m.rcpt },   { "text_len", 7 },
		{ "seq", m.seq }, { "id", m.id },       { "code", m.code },
		{ "dsn", m.dsn }, { "flags", m.flags },
	};

	(void)state;
	record_put_mark(p, &m);
	check_table("MARK (kind 3", p, RECORD_MARK, want, ARRAY_LEN(want));
}

/* The numbers that are not fields. */
static void numbers(void **state)
{
	struct row rows[32];

	(void)state;
	assert_int_equal(read_table("### 1.4", rows), 2);
	assert_string_equal(rows[0].name, "stream");
	assert_string_equal(rows[1].name, "number");
	assert_int_equal(rows[0].at, 0);
	assert_int_equal(rows[0].n, 8);
	assert_int_equal(rows[1].at, 8);
	assert_int_equal(rows[1].at + rows[1].n, FRAME_DATA_HEAD);
	assert_int_equal(SPOOL_WAITING, 0);
	assert_int_equal(SPOOL_SENT, 1);
	assert_int_equal(SPOOL_REFUSED, 2);
	assert_int_equal(SPOOL_UNCERTAIN, 3);
	assert_int_equal(SPOOL_MARK_RCPT, 0);
	assert_int_equal(SPOOL_MARK_FLAGS, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frame),
		cmocka_unit_test(message),
		cmocka_unit_test(mark),
		cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
