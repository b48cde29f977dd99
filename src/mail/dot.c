/* SPDX-License-Identifier: ISC */
/*
 * mail/dot.c - see mail/dot.h.
 *
 * This is the guard against smuggling (STANDARDS.md S-1, S-1b): both ways the
 * one and only end of data is CRLF.CRLF, and what some peer might take for
 * one (a lone CR or LF at either side of the dot) never passes.
 */
#include "mail/dot.h"

/* Room that one byte of input may need. */
#define NEED 8

/* States of the reader. */
enum { BOL, TEXT, CR, DOT, DOT_CR };

void dot_out_start(struct dot_out *d)
{
	*d = (struct dot_out){ .bol = true };
}

/* Octets that stay together from c on, where the text is UTF-8. */
static unsigned unit_len(char c)
{
	unsigned char u = (unsigned char)c;

	return u < 0xc0 ? 1 : u < 0xe0 ? 2 : u < 0xf0 ? 3 : 4;
}

static void put_octet(struct dot_out *d, char c, struct buf *out)
{
	if (!d->whole && d->col + unit_len(c) > DOT_MAX_LINE) {
		/* RFC 5322 2.1.1; the blank makes it a fold in a header */
		buf_put(out, "\r\n ", 3);
		d->col = 1;
	}
	/*
	 * RFC 5321 4.5.2: double the leading dot.  It does not count as part
	 * of the line (4.5.3.1.6).
	 */
	if (d->bol && c == '.')
		buf_put_char(out, c);
	buf_put_char(out, c);
	d->bol = false;
	if (!d->whole)
		d->col++;
}

static void put_line_end(struct dot_out *d, struct buf *out)
{
	buf_put(out, "\r\n", 2);
	d->bol = true;
	d->col = 0;
}

static void put_byte(struct dot_out *d, char c, struct buf *out)
{
	bool cr = d->cr;

	d->cr = c == '\r';
	if (cr && c == '\n') {
		put_line_end(d, out);
		return;
	}
	if (cr)
		put_octet(d, ' ', out);
	if (!d->cr)
		put_octet(d, c == '\n' ? ' ' : c, out);
}

/* Put the text at the front of in that needs no care; bytes of it. */
static size_t put_run(struct dot_out *d, struct slice in, struct buf *out)
{
	if (d->cr || d->bol || d->col > DOT_MAX_LINE - 3)
		return 0;
	if (!d->whole)
		in = slice_head(in, DOT_MAX_LINE - 3u - d->col);
	in = slice_head(in, buf_room(out));
	in.n = slice_plain(in);
	buf_put_slice(out, in);
	if (!d->whole)
		d->col = (uint16_t)(d->col + in.n);
	return in.n;
}

size_t dot_out_feed(struct dot_out *d, struct slice in, struct buf *out)
{
	size_t used = 0;

	while (used < in.n && buf_room(out) >= NEED) {
		size_t n = put_run(d, slice_from(in, used), out);

		if (n == 0) {
			put_byte(d, in.p[used], out);
			n = 1;
		}
		used += n;
	}
	return used;
}

void dot_out_end(struct dot_out *d, struct buf *out)
{
	/* A CR at the very end is the beginning of the line end it lacks. */
	if (d->cr || !d->bol)
		put_line_end(d, out);
	d->cr = false;
	buf_put(out, ".\r\n", 3);
}

void dot_in_start(struct dot_in *d)
{
	/* The CRLF of the DATA command is the one before the first line. */
	*d = (struct dot_in){ .status = DOT_IN_MORE, .state = BOL };
}

/* The state behind c, which is no LF; at the beginning of a line or not. */
static uint8_t state_after(bool bol, char c)
{
	if (c == '\r')
		return CR;
	return bol && c == '.' ? DOT : TEXT;
}

/* What is wrong with c in this state. */
static enum dot_in_state find_fault(uint8_t state, char c)
{
	if (state == CR || state == DOT_CR)
		return c == '\n' ? DOT_IN_MORE : DOT_IN_BARE_CR;
	if (c == '\n')
		return DOT_IN_BARE_LF;
	return c == '\0' ? DOT_IN_NUL : DOT_IN_MORE;
}

/* Take one byte; out is NULL behind a fault. */
static void take_byte(struct dot_in *d, char c, struct buf *out)
{
	uint8_t was = d->state;
	enum dot_in_state fault = find_fault(was, c);

	if (fault != DOT_IN_MORE) {
		if (d->status == DOT_IN_MORE)
			d->status = fault;
		d->state = state_after(false, c);
		return;
	}
	if (c == '\n') {
		d->state = BOL;
		if (was == DOT_CR)
			d->status = DOT_IN_END;
		else if (out)
			buf_put(out, "\r\n", 2);
		return;
	}
	if (was == DOT && c == '\r') {
		d->state = DOT_CR;
		return;
	}
	/* RFC 5321 4.5.2: a dot before other text is left out */
	d->state = state_after(was == BOL, c);
	if (d->state == TEXT && out)
		buf_put_char(out, c);
}

/* Take the text at the front of in that needs no care; bytes of it. */
static size_t take_run(struct dot_in *d, struct slice in, struct buf *out)
{
	if (d->state != TEXT)
		return 0;
	if (out)
		in = slice_head(in, buf_room(out));
	in.n = slice_plain(in);
	if (out)
		buf_put_slice(out, in);
	return in.n;
}

size_t dot_in_feed(struct dot_in *d, struct slice in, struct buf *out)
{
	size_t used = 0;
	enum dot_in_state before = d->status;
	struct buf *to = before == DOT_IN_MORE ? out : NULL;

	while (used < in.n && d->status == before && before != DOT_IN_END &&
	       (!to || buf_room(to) >= NEED)) {
		size_t n = take_run(d, slice_from(in, used), to);

		if (n == 0) {
			take_byte(d, in.p[used], to);
			n = 1;
		}
		used += n;
	}
	return used;
}
