/* SPDX-License-Identifier: ISC */
/*
 * mail/fixup.c - see mail/fixup.h.
 *
 * The beginning of a header line is held back until its colon tells that it
 * is a field, and which.  What the filter adds itself is a list of parts; step
 * and pending say how far it has come, so that any room will do.
 */
#include "mail/fixup.h"

/* Room below which no input is taken. */
#define NEED 64

/* States.  Those up to TAIL need no input: flush() leaves them. */
enum {
	TRACE,  /* putting out the trace field */
	HELD,   /* putting out the name of a field, before its colon */
	TAIL,   /* the header has ended: putting out what it lacks */
	BOL,    /* at the beginning of a header line */
	BOL_CR, /* there, behind a CR */
	NAME,   /* in what may be the name of a field, held back */
	FIELD,  /* in a field, from its colon on */
	BODY
};

/* The steps of TAIL: four parts of each added field, then two more. */
enum { STEP_EMPTY = 12, STEP_HELD, STEP_END };

/* What a field means, beside its bit of seen. */
enum { MEANS_BCC = 0x1000, MEANS_PATH = 0x2000, MEANS_HOP = 0x4000 };

/* Bits of the fields that can be added, and how far their Resent- ones are. */
#define SAW_ADDED (FIXUP_SAW_FROM | FIXUP_SAW_DATE | FIXUP_SAW_MSGID)
#define RESENT_SHIFT 5

BUILD_ASSERT(FIXUP_SAW_FROM << RESENT_SHIFT == FIXUP_SAW_RESENT_FROM);
BUILD_ASSERT(FIXUP_SAW_DATE << RESENT_SHIFT == FIXUP_SAW_RESENT_DATE);
BUILD_ASSERT(FIXUP_SAW_MSGID << RESENT_SHIFT == FIXUP_SAW_RESENT_MSGID);

static const struct {
	char name[15];
	uint16_t means;
} fields[] = {
	{ "From", FIXUP_SAW_FROM },
	{ "Date", FIXUP_SAW_DATE },
	{ "Message-ID", FIXUP_SAW_MSGID },
	{ "To", FIXUP_SAW_TO },
	{ "Cc", FIXUP_SAW_TO },
	{ "Bcc", FIXUP_SAW_TO | MEANS_BCC },
	{ "Return-Path", MEANS_PATH },
	{ "Content-Length", MEANS_PATH },
	{ "Received", MEANS_HOP },
};

void fixup_start(struct fixup *f, const struct fixup_job *job)
{
	*f = (struct fixup){ .job = job, .state = TRACE };
}

static unsigned look_up(struct slice name)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (slice_ieq(name, slice_str(fields[i].name)))
			return fields[i].means;
	}
	return 0;
}

/* The field whose name is held begins: count it, and decide about it. */
static void begin_field(struct fixup *f)
{
	struct slice name = slice_trim(slice_of(f->name, f->name_len));
	bool resent = slice_istarts(name, SLICE("Resent-"));
	unsigned means = look_up(slice_from(name, resent ? 7 : 0));

	if (resent) /* RFC 5322 3.6.6 */
		means = (means & MEANS_BCC) | FIXUP_SAW_RESENT |
			(means & SAW_ADDED) << RESENT_SHIFT;
	bool from = f->job->drop_from && (means & FIXUP_SAW_FROM);
	if (from)
		means &= ~(unsigned)FIXUP_SAW_FROM;
	f->seen = (uint16_t)(f->seen | FIXUP_SAW_HEADER | (means & 0xfff));
	if ((means & MEANS_HOP) && f->received < UINT16_MAX)
		f->received++;
	/* RFC 5322 3.6.3: Bcc.  RFC 5321 4.4: Return-Path */
	f->dropping = ((means & MEANS_BCC) && f->job->drop_bcc) ||
		      ((means & MEANS_PATH) && f->job->drop_path) || from;
	f->state = f->dropping ? FIELD : HELD;
	if (f->dropping)
		f->name_len = 0;
}

/* The header has ended, maybe by text (the held one, too) that is no field. */
static void end_header(struct fixup *f)
{
	f->seen |= FIXUP_SAW_BODY;
	f->step = 0;
	f->state = TAIL;
}

/* The part of what the header lacks that step stands for; maybe empty. */
static struct slice tail_part(const struct fixup *f)
{
	const struct slice bodies[] = { f->job->from, f->job->date,
					f->job->msgid };
	static const char labels[][13] = { "From: ", "Date: ", "Message-ID: " };
	unsigned which = f->step / 4;
	bool resent = (f->seen & FIXUP_SAW_RESENT) &&
		      !(which == 0 && f->job->drop_from);

	if (f->step == STEP_EMPTY)
		return SLICE("\r\n");
	if (f->step == STEP_HELD)
		return slice_of(f->name, f->name_len);
	if (bodies[which].n == 0 ||
	    f->seen >> which >> (resent ? RESENT_SHIFT : 0) & 1)
		return slice_of(NULL, 0);
	switch (f->step % 4) {
	case 0:
		return resent ? SLICE("Resent-") : slice_of(NULL, 0);
	case 1:
		return slice_str(labels[which]);
	case 2:
		return bodies[which];
	default:
		return SLICE("\r\n");
	}
}

/* Put out as much of part as there is room for; true: that was all of it. */
static bool put_part(struct fixup *f, struct slice part, struct buf *out)
{
	struct slice left = slice_from(part, f->pending);
	struct slice now = slice_head(left, buf_room(out));

	buf_put_slice(out, now);
	f->pending += now.n;
	if (now.n < left.n)
		return false;
	f->pending = 0;
	return true;
}

/* Leave the states that need no input; false: the room is used up. */
static bool flush(struct fixup *f, struct buf *out)
{
	if (f->state == TRACE) {
		if (!put_part(f, f->job->trace, out))
			return false;
		f->state = BOL;
	}
	if (f->state == HELD) {
		if (!put_part(f, slice_of(f->name, f->name_len), out))
			return false;
		f->name_len = 0;
		f->state = FIELD;
	}
	if (f->state == TAIL) {
		for (; f->step < STEP_END; f->step++) {
			if (!put_part(f, tail_part(f), out))
				return false;
		}
		f->state = BODY;
	}
	return true;
}

/* At the beginning of a line: a field, one that goes on, the end? */
static size_t take_bol(struct fixup *f, char c)
{
	if (c == '\r') {
		f->state = BOL_CR;
		return 1;
	}
	if (char_is_blank(c) && (f->seen & FIXUP_SAW_HEADER)) {
		/* RFC 5322 2.2.3: the field goes on, or goes on missing */
		f->state = FIELD;
		return 0;
	}
	if (!char_is_blank(c)) {
		f->state = NAME;
		return 0;
	}
	end_header(f);
	return 0;
}

static size_t take_bol_cr(struct fixup *f, char c)
{
	f->header_len--; /* the CR is no part of the header after all */
	end_header(f);
	if (c == '\n')
		return 1;
	f->name[0] = '\r';
	f->name_len = 1;
	return 0;
}

/*
 * In the name: RFC 5322 3.6.8, and the blanks of 4.5.  A name longer than can
 * be held is one that we do not know; before the first field it is more
 * likely a long line of text.
 */
static size_t take_name(struct fixup *f, char c)
{
	bool blank = char_is_blank(c);
	bool blanks = f->name_len > 0 &&
		      char_is_blank(f->name[f->name_len - 1]);
	bool full = f->name_len == FIXUP_MAX_NAME;

	if (c == ':' && f->name_len > 0) {
		begin_field(f);
		return 0;
	}
	if (!blank && (blanks || c == ':' || !char_is_print(c))) {
		f->header_len -= f->name_len;
		end_header(f);
		return 0;
	}
	if (!full) {
		f->name[f->name_len++] = c;
		return 1;
	}
	if (!(f->seen & FIXUP_SAW_HEADER)) {
		f->header_len -= f->name_len;
		end_header(f);
		return 0;
	}
	if (blank && blanks)
		return 1;
	begin_field(f);
	return 0;
}

/* Pass, or leave out, what belongs to the field; bytes of it. */
static size_t take_field(struct fixup *f, struct slice in, struct buf *out)
{
	if (!f->dropping)
		in = slice_head(in, buf_room(out));

	ptrdiff_t end = slice_find(in, '\n');
	if (end >= 0) {
		in = slice_head(in, (size_t)end + 1);
		f->state = BOL;
	}
	if (!f->dropping)
		buf_put_slice(out, in);
	return in.n;
}

/* Take what can be taken at once off the front of in; bytes of it. */
static size_t take(struct fixup *f, struct slice in, struct buf *out)
{
	size_t n;

	switch (f->state) {
	case BOL:
		n = take_bol(f, in.p[0]);
		break;
	case BOL_CR:
		/* the line that ends the header is not part of it */
		return take_bol_cr(f, in.p[0]);
	case NAME:
		n = take_name(f, in.p[0]);
		break;
	case FIELD:
		n = take_field(f, in, out);
		break;
	default:
		in = slice_head(in, buf_room(out));
		buf_put_slice(out, in);
		return in.n;
	}
	f->header_len += (uint32_t)n;
	return n;
}

size_t fixup_feed(struct fixup *f, struct slice in, struct buf *out)
{
	size_t used = 0;

	while (used < in.n && buf_room(out) >= NEED) {
		if (flush(f, out))
			used += take(f, slice_from(in, used), out);
	}
	return used;
}

bool fixup_end(struct fixup *f, struct buf *out)
{
	for (;;) {
		if (!flush(f, out))
			return false;
		if (f->state == BODY)
			return true;
		if (f->state == FIELD && !f->dropping) {
			/* the last line of the header lacks its end */
			if (!put_part(f, SLICE("\r\n"), out))
				return false;
		}
		end_header(f);
	}
}
