/* SPDX-License-Identifier: ISC */
/* fuzz_header.c - fixup in pieces, twice; and what it may not let through. */
#include <assert.h>

#include "mail/fixup.h"
#include "mail/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct fixup_job job = {
	.trace = { "T: t\r\n", 6 },
	.from = { "a@b", 3 },
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char one[8192], two[8192];
	struct buf whole = BUF_ON(one), bytes = BUF_ON(two);
	struct slice in = slice_head(slice_of(data, size), 4000);
	struct header_field h;

	fix(in, in.n, &whole);
	fix(in, 1, &bytes);
	assert(slice_eq(buf_slice(&whole), buf_slice(&bytes)));

	struct slice rest = buf_slice(&whole);
	while (header_next(&rest, &h) == 1)
		assert(!slice_ieq(h.name, SLICE("Bcc")));
	return 0;
}
