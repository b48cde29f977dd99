/* SPDX-License-Identifier: ISC */
/*
 * mail/downgrade.c - see mail/downgrade.h.
 *
 * Lines are taken in pieces that fit a buffer: a boundary is found in the first
 * one, which is of a field all up to its colon.  Content-Transfer-Encoding is
 * taken out of a header and put back, changed or not, at the header's end,
 * where all is known.
 */
#include "mail/downgrade.h"

/* Fields that matter. */
enum { NONE, OTHER, TYPE, CTE };

static void start_header(struct downgrade *d, bool message, bool digest)
{
	d->header = true;
	d->encode = false;
	d->message = message;
	d->digest = digest;
	d->untyped = d->version = false;
	d->field = NONE;
	d->type_len = d->cte_len = 0;
}

void downgrade_start(struct downgrade *d, bool latin)
{
	*d = (struct downgrade){ .latin = latin, .bol = true };
	start_header(d, true, false);
}

/* Is text valid so far?  Surrogates and overlong forms are not looked for. */
static void check_utf8(struct downgrade *d, unsigned char c)
{
	bool tail = (c & 0xc0) == 0x80;

	if (tail != (d->more > 0) || c == 0xc0 || c == 0xc1 || c > 0xf4)
		d->other = true;
	if (tail && d->more > 0)
		d->more--;
	else
		d->more = c < 0xc0 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
}

/* A piece of a leaf; ended: with its CRLF. */
static void put_encoded(struct downgrade *d, struct slice in, bool ended,
			struct buf *out)
{
	size_t n = in.n - (ended ? 2 : 0);

	for (size_t i = 0; i < n; i++) {
		if (d->untyped)
			check_utf8(d, (unsigned char)in.p[i]);
		qp_put(&d->qp, in.p[i], i + 1 == n, out);
	}
	if (!ended)
		return;
	buf_put(out, "\r\n", 2);
	d->other |= d->untyped && d->more > 0;
	d->more = 0;
	d->qp = (struct qp){ 0 };
}

/* A piece that passes as it is. */
static void put_plain(struct downgrade *d, struct slice in, struct buf *out)
{
	d->failed |= !d->head && slice_has_8bit(in);
	buf_put_slice(out, in);
}

/* Keep a piece of a field's body; what is too long cannot be converted. */
static void keep(struct downgrade *d, char *to, size_t cap, uint16_t *len,
		 struct slice in)
{
	struct buf b = { to, *len, cap, false };

	buf_put_slice(&b, in);
	*len = (uint16_t)b.len;
	d->failed |= b.overflow;
}

/* The word at the front of a field's body, up to a blank, ";" or "(". */
static struct slice first_word(struct slice in)
{
	size_t n = 0;

	while (in.n > 0 && char_is_space(in.p[0]))
		in = slice_from(in, 1);
	while (n < in.n && !char_is_space(in.p[n]) && in.p[n] != ';' &&
	       in.p[n] != '(')
		n++;
	return slice_head(in, n);
}

/* RFC 2045 6.2: is the content not encoded? */
static bool is_identity(const struct downgrade *d)
{
	struct slice word = first_word(slice_of(d->cte, d->cte_len));

	return d->cte_len == 0 || slice_ieq(word, SLICE("7bit")) ||
	       slice_ieq(word, SLICE("8bit")) ||
	       slice_ieq(word, SLICE("binary"));
}

/* The value of a parameter, quoted or not, as far as it is a boundary. */
static size_t read_value(struct slice in, char *to)
{
	bool quoted = in.n > 0 && in.p[0] == '"';
	size_t n = 0;

	for (size_t i = quoted; i < in.n; i++) {
		char c = in.p[i];

		if (quoted ? c == '"' : char_is_space(c) || c == ';')
			return n;
		if (quoted && c == '\\' && i + 1 < in.n)
			c = in.p[++i];
		if (n == DOWNGRADE_BOUNDARY || !char_is_print(c))
			return 0;
		to[n++] = c;
	}
	return quoted ? 0 : n;
}

/* A multipart's parts are converted, if its boundary is known. */
static bool open_parts(struct downgrade *d, bool digest)
{
	struct slice in = slice_of(d->type, d->type_len);
	bool quoted = false;
	size_t n = 0;

	if (d->depth == DOWNGRADE_DEPTH)
		return false;
	for (size_t i = 0; i + 1 < in.n && n == 0; i++) {
		struct slice at = slice_from(in, i + 1);

		if (in.p[i] == '\\' && quoted)
			i++;
		else if (in.p[i] == '"')
			quoted = !quoted;
		if (quoted || in.p[i] != ';')
			continue;
		while (at.n > 0 && char_is_space(at.p[0]))
			at = slice_from(at, 1);
		if (slice_istarts(at, SLICE("boundary=")))
			n = read_value(slice_from(at, 9),
				       d->boundary[d->depth]);
	}
	if (n == 0)
		return false;
	d->boundary_len[d->depth] = (uint8_t)n;
	d->digests[d->depth++] = digest;
	return true;
}

/* What the header that has ended says of the content. */
static void judge(struct downgrade *d)
{
	struct slice type = first_word(slice_of(d->type, d->type_len));

	d->header = false;
	d->untyped = d->type_len == 0;
	if (d->untyped)
		type = d->digest ? SLICE("message/rfc822")
				 : SLICE("text/plain");
	if (!is_identity(d))
		return;
	if (slice_ieq(type, SLICE("message/rfc822")))
		d->header = true;
	else if (slice_istarts(type, SLICE("multipart/")))
		/* RFC 1847 2.1: what is signed must not be changed */
		d->failed |=
			!slice_ieq(type, SLICE("multipart/signed")) &&
			!open_parts(d,
				    slice_ieq(type, SLICE("multipart/digest")));
	else
		d->encode = !slice_istarts(type, SLICE("message/"));
}

/* The field at hand, if there is one, is over. */
static void end_field(struct downgrade *d, struct buf *out)
{
	if (d->field == OTHER || d->field == TYPE)
		recode_end(&d->recode, out);
	d->failed |= d->recode.failed;
	d->changed |= d->recode.changed;
	d->field = NONE;
}

static void end_header(struct downgrade *d, struct buf *out)
{
	bool identity = is_identity(d);

	end_field(d, out);
	if (d->head) {
		d->header = false;
		return;
	}
	judge(d);
	if (d->message && !d->version)
		buf_put_str(out, "MIME-Version: 1.0\r\n");
	if (d->encode && d->untyped) {
		buf_put_str(out, "Content-Type: text/plain; charset=");
		buf_put_str(out, d->latin ? "unknown-8bit\r\n" : "utf-8\r\n");
	}
	if (!d->encode && d->cte_len == 0)
		return;
	buf_put_str(out, "Content-Transfer-Encoding:");
	if (d->encode)
		buf_put_str(out, " quoted-printable\r\n");
	else if (identity)
		buf_put_str(out, " 7bit\r\n");
	else
		put_plain(d, slice_of(d->cte, d->cte_len), out);
}

/* A field begins, with all up to its colon: which one? */
static void begin_field(struct downgrade *d, struct slice in, struct buf *out)
{
	struct slice name = in;

	end_field(d, out);
	name.n -= name.p[name.n - 1] == ':';
	d->failed |= name.n == in.n || name.n == 0;
	name = slice_trim(name);
	d->field = OTHER;
	d->version |= slice_ieq(name, SLICE("MIME-Version"));
	if (slice_ieq(name, SLICE("Content-Type")) && !d->head)
		d->field = TYPE;
	if (slice_ieq(name, SLICE("Content-Transfer-Encoding")) && !d->head)
		d->field = CTE;
	/* Which of two would a reader believe? */
	d->failed |= (d->field == TYPE && d->type_len > 0) ||
		     (d->field == CTE && d->cte_len > 0);
	if (d->field == CTE)
		return;
	put_plain(d, in, out);
	recode_start(&d->recode, name, in.n);
}

static void take_header(struct downgrade *d, struct slice in, struct buf *out)
{
	if (d->bol && slice_eq(in, SLICE("\r\n"))) {
		end_header(d, out);
		buf_put_slice(out, in);
		if (d->header)
			start_header(d, true, false);
		return;
	}
	if (d->bol && !char_is_blank(in.p[0])) {
		begin_field(d, in, out);
		return;
	}
	if (d->field == TYPE)
		keep(d, d->type, sizeof(d->type), &d->type_len, in);
	if (d->field == CTE)
		keep(d, d->cte, sizeof(d->cte), &d->cte_len, in);
	else if (d->field == NONE)
		put_plain(d, in, out);
	else
		recode_feed(&d->recode, in, out);
}

/* A whole line: is it a boundary of a multipart that is open? */
static bool take_boundary(struct downgrade *d, struct slice in, struct buf *out)
{
	for (unsigned i = d->depth; i-- > 0;) {
		struct slice rest = slice_from(in, 2);

		if (!slice_starts(rest,
				  slice_of(d->boundary[i], d->boundary_len[i])))
			continue;
		rest = slice_from(rest, d->boundary_len[i]);
		bool last = slice_starts(rest, SLICE("--"));
		rest = slice_from(rest, last ? 2 : 0);
		while (rest.n > 0 && char_is_space(rest.p[0]))
			rest = slice_from(rest, 1);
		if (rest.n > 0)
			continue;
		if (d->header)
			end_header(d, out);
		buf_put_slice(out, in);
		d->depth = (uint8_t)(last ? i : i + 1);
		start_header(d, false, d->digests[i]);
		d->header = !last;
		return true;
	}
	return false;
}

/* A piece of a line, at most DOWNGRADE_LINE bytes; last: of the message. */
static void take_piece(struct downgrade *d, bool last, struct buf *out)
{
	struct slice in = slice_of(d->line, d->len);
	bool ended = slice_iends(in, SLICE("\r\n"));

	d->len = 0;
	if (d->bol && slice_starts(in, SLICE("--")) && (ended || last) &&
	    take_boundary(d, in, out))
		return;
	if (d->header)
		take_header(d, in, out);
	else if (d->encode)
		put_encoded(d, in, ended, out);
	else
		put_plain(d, in, out);
	d->bol = ended;
}

/* Is what is held of a line, c its end, a piece to take? */
static bool is_piece(const struct downgrade *d, char c)
{
	bool name = d->header && d->bol && !char_is_blank(d->line[0]);
	unsigned most = d->header && !name ? DOWNGRADE_BODY : DOWNGRADE_LINE;

	if (d->len > 1 && c == '\n' && d->line[d->len - 2] == '\r')
		return true;
	if (name && c == ':')
		return d->line[0] != '-' || d->line[1] != '-';
	/* One byte is left: a CRLF must not be torn. */
	return d->len == most || (d->len == most - 1 && c != '\r');
}

size_t downgrade_feed(struct downgrade *d, struct slice in, struct buf *out)
{
	size_t used = 0;

	while (used < in.n && buf_room(out) >= DOWNGRADE_ROOM) {
		char c = in.p[used++];

		d->line[d->len++] = c;
		if (is_piece(d, c))
			take_piece(d, false, out);
	}
	return used;
}

bool downgrade_end(struct downgrade *d, struct buf *out)
{
	if (buf_room(out) < DOWNGRADE_ROOM)
		return false;
	if (d->len > 0)
		take_piece(d, true, out);
	/* Cut off in a field of a part: nothing can be added to that. */
	d->failed |= d->header && !d->bol;
	if (d->header)
		end_header(d, out);
	return true;
}
