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
	BOXES,  /* putting out an address, inside a field */
	BOXED,  /* the same, behind the field */
	TAIL,   /* the header has ended: putting out what it lacks */
	BOL,    /* at the beginning of a header line */
	BOL_CR, /* there, behind a CR */
	NAME,   /* in what may be the name of a field, held back */
	FIELD,  /* in a field, from its colon on */
	BODY
};

/* The steps of TAIL: four parts of each added field, then others. */
enum {
	STEP_TO = 12,
	STEP_REPLY,
	STEP_REPLACED,
	STEP_REPLY_END,
	STEP_EMPTY,
	STEP_HELD,
	STEP_END
};

/* What a field means, beside its bit of seen. */
enum {
	MEANS_BOXES = 0x0800,
	MEANS_BCC = 0x1000,
	MEANS_PATH = 0x2000,
	MEANS_HOP = 0x4000
};

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
	{ "From", FIXUP_SAW_FROM | MEANS_BOXES },
	{ "Date", FIXUP_SAW_DATE },
	{ "Message-ID", FIXUP_SAW_MSGID },
	{ "To", FIXUP_SAW_TO | MEANS_BOXES },
	{ "Cc", FIXUP_SAW_TO | MEANS_BOXES },
	{ "Bcc", MEANS_BOXES | MEANS_BCC },
	{ "Sender", MEANS_BOXES },
	{ "Reply-To", FIXUP_SAW_REPLY_TO | MEANS_BOXES },
	{ "Return-Path", MEANS_PATH },
	{ "Content-Length", MEANS_PATH },
	{ "Received", MEANS_HOP },
};

void fixup_start(struct fixup *f, const struct fixup_job *job)
{
	*f = (struct fixup){ .job = job, .state = TRACE };
	if (job->boxes)
		mailboxes_start(job->boxes);
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
		means = (means & (MEANS_BCC | MEANS_BOXES)) | FIXUP_SAW_RESENT |
			(means & SAW_ADDED) << RESENT_SHIFT;
	struct mailboxes *boxes = f->job->boxes;
	bool from = means & FIXUP_SAW_FROM;
	/* One From takes the place of all. */
	bool more = from && (f->seen & FIXUP_SAW_FROM) && boxes &&
		    boxes->force.n > 0;
	f->seen = (uint16_t)(f->seen | FIXUP_SAW_HEADER | (means & 0x7ff));
	if ((means & MEANS_HOP) && f->received < UINT16_MAX)
		f->received++;
	/* RFC 5322 3.6.3: Bcc.  RFC 5321 4.4: Return-Path */
	f->dropping = ((means & MEANS_BCC) && f->job->drop_bcc) ||
		      ((means & MEANS_PATH) && f->job->drop_path) || more;
	f->boxed = boxes && (means & MEANS_BOXES) && !f->dropping;
	if (f->boxed)
		mailboxes_begin(boxes, from);
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

/* The steps that are no part of an added field of three. */
static struct slice tail_other(const struct fixup *f)
{
	const struct mailboxes *boxes = f->job->boxes;
	bool reply = boxes && boxes->replaced[0] &&
		     !(f->seen & FIXUP_SAW_REPLY_TO);

	switch (f->step) {
	case STEP_TO:
		/* RFC 5322 demands none: what is complete stays as it is. */
		if (boxes && !(f->seen & (FIXUP_SAW_TO | FIXUP_SAW_RESENT)) &&
		    (f->seen & SAW_ADDED) != SAW_ADDED)
			return SLICE("To: undisclosed-recipients:;\r\n");
		break;
	case STEP_REPLY:
		return reply ? SLICE("Reply-To: <") : SLICE("");
	case STEP_REPLACED:
		return slice_str(reply ? boxes->replaced : NULL);
	case STEP_REPLY_END:
		return reply ? SLICE(">\r\n") : SLICE("");
	case STEP_EMPTY:
		return SLICE("\r\n");
	case STEP_HELD:
		return slice_of(f->name, f->name_len);
	default:
		break;
	}
	return SLICE("");
}

/* The part of what the header lacks that step stands for; maybe empty. */
static struct slice tail_part(const struct fixup *f)
{
	if (f->step >= STEP_TO)
		return tail_other(f);

	const struct slice bodies[] = { f->job->from, f->job->date,
					f->job->msgid };
	static const char labels[][13] = { "From: ", "Date: ", "Message-ID: " };
	unsigned which = f->step / 4;
	bool resent = f->seen & FIXUP_SAW_RESENT;

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
	if (f->state == BOXES || f->state == BOXED) {
		if (!put_part(f, buf_slice(&f->job->boxes->out), out))
			return false;
		buf_reset(&f->job->boxes->out);
		f->state = f->state == BOXED ? BOL : FIELD;
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

/* The field of addresses has ended: put out the last one. */
static void end_boxed(struct fixup *f)
{
	mailboxes_end(f->job->boxes);
	f->boxed = false;
	f->state = BOXED;
}

/* At the beginning of a line: a field, one that goes on, the end? */
static size_t take_bol(struct fixup *f, char c)
{
	if (f->boxed && !char_is_blank(c)) {
		end_boxed(f);
		return 0;
	}
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
		if (f->boxed) /* what follows is addresses */
			f->name[f->name_len++] = ':';
		return f->boxed;
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

/* Pass what belongs to a field of addresses; bytes of it. */
static size_t take_boxed(struct fixup *f, struct slice in)
{
	size_t n = mailboxes_feed(f->job->boxes, in);

	f->state = f->job->boxes->out.len > 0 ? BOXES : FIELD;
	if (in.p[n - 1] == '\n')
		f->state = f->state == BOXES ? BOXED : BOL;
	return n;
}

/* Pass, or leave out, what belongs to the field; bytes of it. */
static size_t take_field(struct fixup *f, struct slice in, struct buf *out)
{
	if (f->boxed)
		return take_boxed(f, in);
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
		if (f->boxed) {
			/* As below; step: how much of it is there. */
			if (f->state == FIELD)
				f->step += (uint8_t)take_boxed(
					f, slice_from(SLICE("\r\n"), f->step));
			else if (f->state == BOL)
				end_boxed(f);
			continue;
		}
		if (f->state == FIELD && !f->dropping) {
			/* the last line of the header lacks its end */
			if (!put_part(f, SLICE("\r\n"), out))
				return false;
		}
		end_header(f);
	}
}
