/* SPDX-License-Identifier: ISC */
/*
 * cmd/input.c - see cmd/input.h.
 *
 * Three stages: raw bytes (memory, file, or memory file), CRLF lines
 * (mail/lines.h), the repaired header (mail/fixup.h).
 */
#include "cmd/input.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "mail/header.h"

/* Where the header of text ends; -1: not before more is read. */
static ptrdiff_t header_end(struct slice text, bool all)
{
	size_t at = 0;

	while (at < text.n) {
		struct slice line = slice_from(text, at);
		ptrdiff_t end = slice_find(line, '\n');

		if (end < 0 && !all)
			return -1;
		if (end >= 0)
			line = slice_head(line, (size_t)end + 1);
		bool folded = at > 0 && char_is_blank(line.p[0]);
		if (!folded && !header_is_field(line))
			return (ptrdiff_t)at;
		at += line.n;
	}
	return all ? (ptrdiff_t)at : -1;
}

/*
 * Look at the bytes in chunk: the header's lines are gathered in head, those
 * behind it are only looked through for the lone dot.  *end: where the header
 * ends, or -1.
 */
static void scan(struct input *in, struct buf *head, ptrdiff_t *end)
{
	bool over = in->all;

	while (in->chunk.n > 0 && !in->lines.ended) {
		struct buf rest = BUF_ON(in->text_space);
		struct buf *to = *end < 0 ? head : &rest;
		size_t used = lines_feed(&in->lines, in->chunk, to);

		in->chunk = slice_from(in->chunk, used);
		if (*end < 0)
			*end = header_end(buf_slice(head), used == 0);
	}
	in->all = in->all || in->lines.ended;
	if (over && !in->lines.ended && *end < 0 && buf_room(head) >= 16)
		lines_end(&in->lines, head);
	if (*end < 0 && (in->all || in->raw_len == sizeof(in->raw)))
		*end = header_end(buf_slice(head), true);
}

int input_front(struct input *in, struct slice text)
{
	if (text.n == 0)
		return 0;
	/* What input_open() reads at least finds its room. */
	if (in->front + text.n > CONFIG_HEADER_MAX ||
	    in->raw_len + text.n > sizeof(in->raw))
		return -EMSGSIZE;
	memmove(in->raw + text.n, in->raw, in->raw_len);
	memcpy(in->raw, text.p, text.n);
	in->front += text.n;
	in->raw_len += text.n;
	return 0;
}

/* More of what is read once. */
static ssize_t read_on(const struct input *in, char *p, size_t n)
{
	return ENABLE_MAIL_ATTACH && in->source ? in->source(p, n)
						: fdio_read(in->fd, p, n);
}

int input_open(struct input *in, int fd, bool dots)
{
	struct stat st;
	struct buf head = buf_on(in->head, sizeof(in->head));
	ptrdiff_t end = -1;

	in->fd = fd;
	in->dots = dots;
	in->memory_fd = -1;
	in->start = -1;
	if (!in->source && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		in->start = lseek(fd, 0, SEEK_CUR);
	lines_start(&in->lines, dots);
	in->chunk = slice_of(in->raw, in->raw_len);
	scan(in, &head, &end);
	while (!in->all && (in->raw_len < INPUT_HEAD || end < 0)) {
		char *at = in->raw + in->raw_len;
		size_t room = sizeof(in->raw) - in->raw_len;
		ssize_t n = read_on(in, at, room < 4096 ? room : 4096);

		if (n < 0)
			return (int)n;
		in->all = n == 0;
		in->chunk = slice_of(at, (size_t)n);
		in->raw_len += (size_t)n;
		scan(in, &head, &end);
	}
	if (end > CONFIG_HEADER_MAX)
		return -EMSGSIZE;
	in->header_len = (size_t)end;
	return 0;
}

struct slice input_header(const struct input *in)
{
	return slice_of(in->head, in->header_len);
}

void input_keep(struct input *in)
{
	if (in->all || in->start >= 0 || in->memory_fd >= 0)
		return;
	in->memory_fd = memfd_create("message", MFD_CLOEXEC);
	in->keep = in->memory_fd >= 0;
}

void input_start(struct input *in, const struct fixup_job *job)
{
	in->job = job;
	in->pos = 0;
	in->done = false;
	in->chunk = slice_of(NULL, 0);
	in->text = BUF_ON(in->text_space);
	in->out = BUF_ON(in->out_space);
	in->out_at = 0;
	lines_start(&in->lines, in->dots);
	fixup_start(&in->fixup, job);
}

/* Bytes of a pipe, kept for another time when that was asked for. */
static ssize_t read_pipe(struct input *in)
{
	ssize_t n = read_on(in, in->chunk_space, sizeof(in->chunk_space));

	if (n <= 0)
		return n;
	if (in->keep && fdio_pwrite_all(in->memory_fd, in->chunk_space,
					(size_t)n, in->kept) == 0)
		in->kept += (size_t)n;
	else
		in->lost = true;
	return n;
}

/* Bytes behind raw that were read before. */
static ssize_t read_kept(struct input *in, uint64_t at)
{
	uint64_t n = in->kept - at;

	if (n > sizeof(in->chunk_space))
		n = sizeof(in->chunk_space);
	int err = fdio_pread_all(in->memory_fd, in->chunk_space, (size_t)n, at);
	return err < 0 ? err : (ssize_t)n;
}

static ssize_t read_file(struct input *in)
{
	ssize_t n;

	do {
		n = pread(in->fd, in->chunk_space, sizeof(in->chunk_space),
			  in->start + (off_t)(in->pos - in->front));
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Another chunk of the input.  Bytes, 0 at its end, -errno. */
static ssize_t next_chunk(struct input *in)
{
	uint64_t behind = in->pos - in->raw_len;
	ssize_t n;

	if (in->pos < in->raw_len) {
		in->chunk = slice_of(in->raw, in->raw_len);
		in->pos = in->raw_len;
		return (ssize_t)in->raw_len;
	}
	if (in->all)
		n = 0;
	else if (in->start >= 0)
		n = read_file(in);
	else if (behind < in->kept)
		n = read_kept(in, behind);
	else
		n = read_pipe(in);
	if (n > 0) {
		in->chunk = slice_of(in->chunk_space, (size_t)n);
		in->pos += (uint64_t)n;
	}
	return n;
}

/* More CRLF lines into text, which is empty.  0 or -errno. */
static int fill_text(struct input *in)
{
	if (in->chunk.n == 0 && !in->lines.ended) {
		ssize_t n = next_chunk(in);

		if (n < 0)
			return (int)n;
		if (n == 0) {
			lines_end(&in->lines, &in->text);
			in->done = true;
		}
	}
	in->chunk = slice_from(in->chunk,
			       lines_feed(&in->lines, in->chunk, &in->text));
	in->done = in->done || in->lines.ended;
	return 0;
}

/* More of what leaves into out, which is empty.  1; 0 the end; -errno. */
static int fill_out(struct input *in)
{
	bool ended = false;

	buf_reset(&in->out);
	in->out_at = 0;
	while (in->out.len == 0 && !ended) {
		if (in->text.len == 0 && !in->done) {
			int err = fill_text(in);

			if (err < 0)
				return err;
		}
		buf_drop(&in->text, fixup_feed(&in->fixup, buf_slice(&in->text),
					       &in->out));
		/* RFC 5321 6.3: the daemon counts for itself. */
		if (ENABLE_DIRECT && in->fixup.received > CONFIG_RECEIVED_MAX)
			return -ELOOP;
		if (in->done && in->text.len == 0)
			ended = fixup_end(&in->fixup, &in->out);
	}
	return in->out.len > 0;
}

ssize_t input_read(void *ctx, void *p, size_t n)
{
	struct input *in = ctx;

	if (in->error == 0 && in->out_at == in->out.len) {
		int more = fill_out(in);

		if (more == 0)
			return 0;
		in->error = more < 0 ? more : 0;
	}
	if (in->error < 0)
		return in->error;
	if (n > in->out.len - in->out_at)
		n = in->out.len - in->out_at;
	memcpy(p, in->out.data + in->out_at, n);
	in->out_at += n;
	return (ssize_t)n;
}

int input_rewind(void *ctx)
{
	struct input *in = ctx;

	if (in->lost || in->error < 0)
		return -ESPIPE;
	input_start(in, in->job);
	return 0;
}
