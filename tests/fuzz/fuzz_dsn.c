/* SPDX-License-Identifier: ISC */
/*
 * fuzz_dsn.c - notices with hostile words and headers: nothing of them ends a
 * part, begins a field, or makes a line that is too long.
 *
 * Input: a byte of flags, then texts that end in NUL (recipient, host, reply,
 * reverse-path, Message-ID, ORCPT and ENVID), then the header.  Twice: the
 * hop may take UTF-8 or not.
 */
#include <assert.h>
#include <string.h>

#include "mail/dsn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BOUNDARY "--=_abc.0"

struct input {
	struct slice rcpt, host, text, to, msgid, xtext, header;
	uint8_t flags;
};

static bool next_rcpt(void *ctx, unsigned n, struct dsn_rcpt *out)
{
	const struct input *in = ctx;

	if (n > (in->flags & 3u))
		return false;
	out->address = in->rcpt;
	out->orcpt = in->xtext;
	out->relayed = in->flags & 64;
	out->mta = in->host;
	out->literal = in->flags & 4;
	out->text = in->text;
	out->code = in->flags & 8 ? 550 : 0;
	out->dsn = in->flags & 16 ? 57139 : 447;
	return true;
}

static struct slice take(struct slice *rest, size_t most)
{
	return slice_head(slice_cut(rest, '\0'), most);
}

static void write_notice(const struct dsn_job *job, struct slice header,
			 size_t most, struct buf *out)
{
	struct dsn d;
	bool more = true;

	dsn_start(&d, job);
	while (more) {
		size_t was = out->len;

		more = dsn_put(&d, out);
		assert(out->len - was <= DSN_ROOM);
	}
	while (header.n > 0 && !d.over)
		header = slice_from(
			header, dsn_header(&d, slice_head(header, most), out));
	dsn_end(&d, out);
	assert(!out->overflow);
}

/* Every line, and how often a boundary is one. */
static void check_lines(struct slice out, bool encoded, bool utf8)
{
	unsigned boundaries = 0, ends = 0;

	while (out.n > 0) {
		ptrdiff_t end = slice_find(out, '\r');
		struct slice line = slice_head(out, (size_t)end);

		assert(end >= 0 && out.p[end + 1] == '\n');
		for (size_t i = 0; i < line.n; i++)
			assert(char_is_print(line.p[i]) || line.p[i] == '\t' ||
			       (utf8 && (uint8_t)line.p[i] > 0x7f));
		if (encoded || boundaries < 3)
			assert(line.n <= 600);
		ends += slice_eq(line, SLICE(BOUNDARY "--"));
		boundaries += slice_starts(line, SLICE(BOUNDARY));
		out = slice_from(out, (size_t)end + 2);
	}
	assert(boundaries == 4 && ends == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char one[32768], two[32768];
	struct buf whole = BUF_ON(one), bytes = BUF_ON(two);
	struct slice rest = slice_head(slice_of(data, size), 3000);
	struct input in = { .flags = size > 0 ? data[0] : 0 };

	rest = slice_from(rest, rest.n > 0);
	in.rcpt = take(&rest, 256);
	in.host = take(&rest, 255);
	in.text = take(&rest, 119);
	in.to = take(&rest, 256);
	in.msgid = take(&rest, 400);
	in.xtext = take(&rest, 500);
	in.header = rest;
	struct dsn_job job = {
		.host = in.host,
		.to = in.to,
		.id = "abc.0",
		.msgid = in.msgid,
		.envid = slice_head(in.xtext, 100),
		.relayed = in.flags & 64,
		.full = in.flags & 128,
		.date_s = 1795335900,
		.eight_bit = in.flags & 32,
		.ctx = &in,
		.rcpt = next_rcpt,
	};

	for (int i = 0; i < 2; i++, job.utf8 = true) {
		bool encoded = job.eight_bit && !job.utf8;

		buf_reset(&whole);
		buf_reset(&bytes);
		write_notice(&job, in.header, in.header.n, &whole);
		check_lines(buf_slice(&whole), encoded, job.utf8);
		write_notice(&job, in.header, 1, &bytes);
		check_lines(buf_slice(&bytes), encoded, job.utf8);
		if (!encoded)
			assert(slice_eq(buf_slice(&whole), buf_slice(&bytes)));
	}
	return 0;
}
