/* SPDX-License-Identifier: ISC */
/*
 * fuzz_header.c - fixup in pieces, twice: as it is, with addresses completed,
 * with From replaced; and what it may not let through.
 */
#include <assert.h>

#include "mail/fixup.h"
#include "mail/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fixup_job job = {
	.trace = { "T: t\r\n", 6 },
	.date = { "D", 1 },
	.msgid = { "<m>", 3 },
	.drop_bcc = true,
	.drop_path = true,
};

static void fix(struct slice in, size_t most, struct buf *out)
{
	size_t used = 0;
	struct fixup f;

	fixup_start(&f, &job);
	for (struct slice rest = in; rest.n > 0; rest = slice_from(in, used))
		used += fixup_feed(&f, slice_head(rest, most), out);
	assert(fixup_end(&f, out) && !out->overflow);
}

static void check(struct slice in)
{
	/* Each address may gain a domain, each field two lines. */
	static char one[99999], two[99999];
	struct buf whole = BUF_ON(one), bytes = BUF_ON(two);
	struct header_field h;

	fix(in, in.n, &whole);
	fix(in, 1, &bytes);
	assert(slice_eq(buf_slice(&whole), buf_slice(&bytes)));

	struct slice rest = buf_slice(&whole);
	unsigned from = 0;

	while (header_next(&rest, &h) == 1) {
		assert(!slice_ieq(h.name, SLICE("Bcc")));
		from += slice_ieq(h.name, SLICE("From"));
		assert(!job.boxes || job.boxes->force.n == 0 ||
		       !slice_ieq(h.name, SLICE("From")) ||
		       slice_has(h.body, job.boxes->force));
	}
	assert(!job.boxes || job.boxes->force.n == 0 || from <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mailboxes boxes = {
		.home = { { "d.e", 3 }, { "h.d.e", 5 }, { "h", 1 } },
		.sender = { "s@d.e", 5 },
	};
	struct slice in = slice_head(slice_of(data, size), 4000);

	job.boxes = NULL;
	job.from = SLICE("a@b");
	check(in);
	job.boxes = &boxes;
	boxes.force = SLICE("");
	check(in);
	boxes.force = job.from = SLICE("f@d.e");
	check(in);
	return 0;
}
