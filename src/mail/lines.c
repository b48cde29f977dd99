/* SPDX-License-Identifier: ISC */
/*
 * mail/lines.c - see mail/lines.h.
 *
 * The beginning of a line is held back while it may still turn out to be
 * "From ", ">From " or a lone dot.  What is held is known text, so that its
 * length is enough to put it out.
 */
#include "mail/lines.h"

/* Room that one byte of input may need. */
#define NEED 16

/* States: where in a line we are. */
enum {
	BOL,  /* at its beginning, nothing held */
	MBOX, /* held: the beginning of ">From " */
	FROM, /* held: the beginning of "From " */
	DOT,  /* held: a dot */
	TEXT, /* the line has begun to go out */
	SKIP  /* an mbox line, which does not go out */
};

void lines_start(struct lines *f, bool dot)
{
	*f = (struct lines){ .dot = dot, .state = BOL, .mbox = true };
}

/* The text that is held, or will be, in this state. */
static const char *held_text(uint8_t state)
{
	switch (state) {
	case MBOX:
		return ">From ";
	case FROM:
		return "From ";
	case DOT:
		return ".";
	default:
		return "";
	}
}

/* What was held is text like any other. */
static void release(struct lines *f, struct buf *out)
{
	buf_put(out, held_text(f->state), f->held);
	f->held = 0;
	f->state = TEXT;
	f->mbox = false;
	f->any = true;
}

static void end_line(struct lines *f, struct buf *out)
{
	f->crs = 0;
	if (f->state == DOT) {
		f->ended = true;
		return;
	}
	if (f->state != SKIP) {
		release(f, out);
		buf_put(out, "\r\n", 2);
	}
	f->state = BOL;
}

/* The first byte of a line: what may it turn out to be? */
static uint8_t guess(const struct lines *f, char c)
{
	if (f->mbox && c == '>')
		return MBOX;
	if (f->mbox && c == 'F')
		return FROM;
	return f->dot && c == '.' ? DOT : TEXT;
}

/* Hold c back if that is what the line may begin with. */
static bool hold(struct lines *f, char c)
{
	const char *text;

	if (f->state == BOL)
		f->state = guess(f, c);
	text = held_text(f->state);
	if (c != text[f->held])
		return false;
	f->held++;
	if (f->state != DOT && text[f->held] == '\0') {
		f->state = SKIP;
		f->held = 0;
	}
	return true;
}

static void put_byte(struct lines *f, char c, struct buf *out)
{
	if (f->state == SKIP || (f->state != TEXT && hold(f, c)))
		return;
	if (f->state != TEXT || !f->any)
		release(f, out);
	buf_put_char(out, c);
}

/* Put the text at the front of in that needs no care; bytes of it. */
static size_t put_run(struct lines *f, struct slice in, struct buf *out)
{
	if (f->state != TEXT || !f->any || f->crs > 0)
		return 0;
	in = slice_head(in, buf_room(out));
	in.n = slice_plain(in);
	buf_put_slice(out, in);
	return in.n;
}

/* Take the byte c; false: only CRs before it went out, it stands there yet. */
static bool take_byte(struct lines *f, char c, struct buf *out)
{
	if (c == '\n') {
		end_line(f, out);
	} else if (c == '\r') {
		f->crs++;
	} else if (f->crs > 0) {
		/* STANDARDS.md S-1b: a CR that ends no line is a blank */
		f->crs--;
		put_byte(f, ' ', out);
		return false;
	} else {
		/* STANDARDS.md S-5: never the end of anything */
		put_byte(f, c ? c : ' ', out);
	}
	return true;
}

size_t lines_feed(struct lines *f, struct slice in, struct buf *out)
{
	size_t used = 0;

	while (used < in.n && !f->ended && buf_room(out) >= NEED) {
		size_t n = put_run(f, slice_from(in, used), out);

		if (n == 0)
			n = take_byte(f, in.p[used], out);
		used += n;
	}
	return used;
}

void lines_end(struct lines *f, struct buf *out)
{
	if (!f->ended && (f->state != BOL || f->crs > 0))
		end_line(f, out);
}
