/* SPDX-License-Identifier: ISC */
/*
 * relay/rows.c - the queue as text: the columns of Postfix's mailq, whose rows
 * and footer monitoring reads.  What is no address stands in parentheses, in
 * lines of their own, never more than 80 columns.
 */
#include <string.h>

#include "mail/date.h"
#include "relay/listing.h"

/* Columns: where size and date end, where addresses begin, all of them. */
#define SIZE_END 19
#define DATE_END 39
#define ADDRESS 41
#define COLUMNS 80

/* Of a line in parentheses. */
#define INSIDE 76

/* Bytes of the character at the start of s; 0: it is shown as \xNN. */
static size_t shown_len(struct slice s)
{
	size_t n = slice_utf8_len(s);

	if (!ENABLE_SMTPUTF8 || n == 1)
		return char_is_print(s.p[0]);
	return slice_is_utf8(slice_head(s, n)) ? n : 0;
}

/* Columns of text; a character counts as one. */
static size_t width(struct slice s)
{
	size_t n = 0;

	while (s.n > 0) {
		size_t len = shown_len(s);

		n += len > 0 ? 1 : 4;
		s = slice_from(s, len > 0 ? len : 1);
	}
	return n;
}

static void put_safe(struct buf *b, struct slice s)
{
	while (s.n > 0) {
		size_t len = shown_len(s);

		if (len == 0)
			buf_putf(b, "\\x%02x", (unsigned)(uint8_t)s.p[0]);
		buf_put_slice(b, slice_head(s, len));
		s = slice_from(s, len > 0 ? len : 1);
	}
}

/* Spaces, one at the least, then s, to end in column end of its line. */
static void put_right(struct buf *b, size_t line, size_t end, struct slice s)
{
	size_t n = width(s);

	do {
		buf_put_char(b, ' ');
	} while (buf_room(b) > 0 && b->len - line + n < end);
	put_safe(b, s);
}

static size_t fold_at(struct slice s, size_t max)
{
	size_t n = s.n;

	if (n <= max)
		return n;
	for (n = max; n > 0 && s.p[n] != ' '; n--)
		;
	return n > 0 ? n : max;
}

/* (TEXT) on the right, in as many lines as it takes. */
static void put_note(struct buf *b, struct slice text)
{
	while (text.n > 0) {
		size_t n = fold_at(text, INSIDE);

		for (size_t i = n; i < INSIDE; i++)
			buf_put_char(b, ' ');
		buf_putf(b, "(%.*s)\n", (int)n, text.p);
		text = slice_trim(slice_from(text, n));
	}
}

void put_folded(struct buf *b, struct slice text, unsigned indent)
{
	while (text.n > 0) {
		size_t n = fold_at(text, COLUMNS - indent);

		put_safe(b, slice_head(text, n));
		buf_put_char(b, '\n');
		text = slice_trim(slice_from(text, n));
		for (unsigned i = 0; text.n > 0 && i < indent; i++)
			buf_put_char(b, ' ');
	}
}

/* "Sun Nov 22 09:05:00"; how old it is where no clock told the time. */
static void put_arrival(struct relay *r, struct buf *out, const struct shown *s)
{
	char space[40];
	struct buf date = BUF_ON(space);
	int64_t t = s->wall_s;

	if (!s->wall_known && !clock_is_sane(r)) {
		put_age(out, s->age_s);
		buf_put_str(out, " ago");
		return;
	}
	if (!s->wall_known)
		t = world_wall_s(r->w) - s->age_s;
	date_put(&date, t, r->w->zone_min(r->w->ctx, t));
	if (space[5] == '0')
		space[5] = ' ';
	buf_putf(out, "%.*s %.*s %.*s %.*s", 3, space, 3, space + 8, 2,
		 space + 5, 8, space + 17);
}

static char marker(const struct shown *s)
{
	if (strcmp(s->state, "active") == 0)
		return '*';
	return strcmp(s->state, "held") == 0 ? '!' : ' ';
}

static void put_notes(struct relay *r, struct buf *b, const struct shown *s)
{
	char space[60];
	struct buf note = BUF_ON(space);

	if (s->damaged)
		put_note(b, SLICE("damaged: it cannot be sent, remove it"));
	if (strcmp(s->state, "returning") == 0)
		put_note(b, SLICE("being returned to its sender"));
	if (s->next_ms == INT64_MAX || s->next_ms <= r->now_ms)
		return;
	buf_put_str(&note, "next attempt in ");
	put_age(&note, (s->next_ms - r->now_ms + 999) / 1000);
	put_note(b, buf_slice(&note));
}

void rows_head(struct relay *r, struct buf *b, const struct shown *s,
	       bool first)
{
	char id[ID_LEN + 1] = "(not known)", text[24];
	struct buf size = BUF_ON(text), date = BUF_ON(text);
	struct slice from = s->env.from;
	size_t line;

	buf_put_str(b, first ? "-Queue ID- --Size-- ----Arrival Time---- "
			       "-Sender/Recipient-------\n"
			     : "\n");
	line = b->len;
	if (s->id != 0)
		id_format(id, s->id);
	buf_putf(b, "%s%c", id, marker(s));
	buf_put_u64(&size, s->size);
	put_right(b, line, SIZE_END, buf_slice(&size));
	put_arrival(r, &date, s);
	put_right(b, line, DATE_END, buf_slice(&date));
	if (s->env.rcpts.n == 0)
		from = SLICE("?");
	else if (from.n == 0)
		from = SLICE("MAILER-DAEMON");
	put_right(b, line, ADDRESS + width(from), from);
	buf_put_char(b, '\n');
	put_notes(r, b, s);
}

/* "uncertain: 450 4.2.1 what the peer said"; a state that waits goes unsaid. */
static void put_why(struct buf *b, const struct shown_rcpt *s)
{
	bool waits = strcmp(s->state, "waiting") == 0 ||
		     strcmp(s->state, "deferred") == 0;

	if (!waits)
		buf_put_str(b, s->state);
	if (!waits && (s->code || s->text.len > 0))
		buf_put_str(b, ": ");
	if (s->code) {
		buf_put_u64(b, s->code);
		buf_put_char(b, ' ');
	}
	if (s->code && s->dsn) {
		outcome_put_dsn(b, s->dsn);
		buf_put_char(b, ' ');
	}
	buf_put_slice(b, buf_slice(&s->text));
}

void rows_rcpt(struct buf *b, struct slice rcpt, const struct shown_rcpt *s)
{
	char space[OUTCOME_MAX_TEXT + 40];
	struct buf why = BUF_ON(space);
	size_t end = ADDRESS + width(rcpt);

	put_why(&why, s);
	put_note(b, slice_trim(buf_slice(&why)));
	put_right(b, b->len, end < COLUMNS ? end : COLUMNS, rcpt);
	buf_put_char(b, '\n');
}
