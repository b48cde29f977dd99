/* SPDX-License-Identifier: ISC */
/*
 * mail/recode.c - see mail/recode.h.
 *
 * A word is held back until its end tells whether it has 8-bit, and so are
 * the blanks before it: between two encoded words a reader drops them (RFC
 * 2047 6.2), so that there they are encoded, too.
 */
#include "mail/recode.h"

#include "mail/word.h"

/* Grammars. */
enum { TEXT, ADDRESSES, PARAMETERS };

/* Tokens. */
enum { GAP, ATOM, QUOTED, ANGLE };

/* What was put out last; CODED: an encoded word of our own, or one to come. */
enum { START, PLAIN, FOREIGN, CODED };

/* A line longer than this has no room for an encoded word. */
#define FULL (WORD_LINE - WORD_LEAST)

/* Is name one of these, which stand between blanks? */
static bool is_one_of(struct slice name, const char *names)
{
	struct slice rest = slice_str(names), word;

	while ((word = slice_word(&rest)).n > 0) {
		if (slice_ieq(name, word))
			return true;
	}
	return false;
}

void recode_start(struct recode *r, struct slice name, size_t col)
{
	*r = (struct recode){ .col = (uint16_t)col };
	if (slice_istarts(name, SLICE("Resent-")))
		name = slice_from(name, 7);
	if (is_one_of(name, "From Sender Reply-To To Cc Bcc Message-ID "
			    "In-Reply-To References Received Content-ID"))
		r->kind = ADDRESSES;
	if (is_one_of(name, "Content-Type Content-Disposition"))
		r->kind = PARAMETERS;
}

/* Bytes as they are. */
static void put_raw(struct recode *r, struct slice in, struct buf *out)
{
	ptrdiff_t end = slice_rfind(in, '\n');

	buf_put_slice(out, in);
	if (end >= 0) {
		r->col = 0;
		r->coded = false;
		in = slice_from(in, (size_t)end + 1);
	}
	if (r->col < WORD_LINE) /* that is enough to know */
		r->col = (uint16_t)(r->col + in.n);
}

static struct slice gap(const struct recode *r)
{
	return slice_of(r->gap, r->gap_len);
}

/*
 * The gap as it is; before it a line end, if next octets (0: no matter) would
 * not fit into the line behind it.
 */
static void put_gap(struct recode *r, size_t next, struct buf *out)
{
	if (next > 0 && r->gap_len > 0 && slice_find(gap(r), '\n') < 0 &&
	    r->col + r->gap_len + next > WORD_LINE)
		put_raw(r, SLICE("\r\n"), out);
	put_raw(r, gap(r), out);
	r->gap_len = 0;
}

static void put_word(struct recode *r, struct buf *out)
{
	struct slice words = slice_of(r->words, r->words_len);
	struct buf left = BUF_ON(r->words);
	size_t before;

	if (r->last == CODED)
		put_raw(r, SLICE("\r\n "), out);
	before = out->len;
	words = slice_from(words, word_put(out, words, WORD_LINE - r->col));
	r->col = (uint16_t)(r->col + out->len - before);
	for (size_t i = 0; i < words.n; i++)
		buf_put_char(&left, words.p[i]);
	r->words_len = (uint8_t)words.n;
	r->last = CODED;
	r->coded = true;
}

static void flush_words(struct recode *r, struct buf *out)
{
	while (r->words_len > 0)
		put_word(r, out);
}

/* More text for the words to come; folds are undone. */
static void add_words(struct recode *r, struct slice in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] == '\r' || in.p[i] == '\n')
			continue;
		if (r->words_len == RECODE_WORDS)
			put_word(r, out);
		r->words[r->words_len++] = in.p[i];
	}
}

/* An 8-bit word comes: what stands between it and what was put out? */
static void begin_words(struct recode *r, struct buf *out)
{
	if (r->words_len > 0 || r->last == CODED || r->last == FOREIGN) {
		if (r->words_len == 0 && r->last == FOREIGN) {
			put_raw(r, SLICE("\r\n "), out);
			r->last = PLAIN;
		}
		add_words(r, gap(r), out);
		r->gap_len = 0;
		return;
	}
	if (r->gap_len == 0 && !(r->last == START && r->depth > 0))
		r->gap[r->gap_len++] = ' ';
	put_gap(r, WORD_LEAST, out);
	if (r->col > FULL) /* the blanks alone fill it */
		put_raw(r, SLICE("\r\n "), out);
}

/* The text that the token stands for. */
static void add_token(struct recode *r, struct slice token, struct buf *out)
{
	bool quoted = r->in == QUOTED;

	if (quoted)
		token = slice_from(slice_head(token, token.n - 1), 1);
	for (size_t i = 0; i < token.n; i++) {
		if ((quoted || r->depth > 0) && token.p[i] == '\\' &&
		    i + 1 < token.n)
			i++;
		add_words(r, slice_of(token.p + i, 1), out);
	}
}

/* RFC 2231 4: name*=charset''value */
static void put_parameter(struct recode *r, struct slice value, struct buf *out)
{
	struct slice name = slice_cut(&value, '=');
	bool quoted = slice_starts(value, SLICE("\""));
	size_t before = out->len;

	if (value.n == 0 || slice_has_8bit(name) ||
	    slice_find(name, '*') >= 0 || slice_find(name, '"') >= 0) {
		r->failed = true;
		return;
	}
	/* It becomes no longer: in its own place. */
	struct buf plain = buf_on(r->token + name.n + 1, value.n);
	put_gap(r, WORD_LINE, out);
	buf_put_slice(out, name);
	buf_put_str(out, "*=");
	for (size_t i = quoted; i + quoted < value.n; i++) {
		if (quoted && value.p[i] == '\\' && i + 2 < value.n)
			i++;
		if (value.p[i] != '\r' && value.p[i] != '\n')
			buf_put_char(&plain, value.p[i]);
	}
	word_put_value(out, buf_slice(&plain));
	r->col = (uint16_t)(r->col + out->len - before);
	r->last = PLAIN;
}

/* A token without 8-bit. */
static void put_plain(struct recode *r, struct slice token, struct buf *out)
{
	bool foreign = slice_starts(token, SLICE("=?")) &&
		       slice_iends(token, SLICE("?="));

	flush_words(r, out);
	if (r->last == CODED && r->gap_len == 0)
		r->gap[r->gap_len++] = ' ';
	if (r->last == CODED && foreign) {
		add_words(r, gap(r), out);
		flush_words(r, out);
	}
	put_gap(r, r->coded ? token.n : 0, out);
	put_raw(r, token, out);
	r->last = foreign ? FOREIGN : PLAIN;
}

/* The token is over; ended: and its word, too. */
static void end_token(struct recode *r, bool ended, struct buf *out)
{
	struct slice token = slice_of(r->token, r->token_len);
	bool text = r->kind == TEXT || r->depth > 0;

	r->token_len = 0;
	r->changed |= r->eight;
	if (r->eight && !text && (r->cut || !ended || r->in == ANGLE)) {
		r->failed = true;
	} else if (r->eight && r->kind == PARAMETERS && !text) {
		put_parameter(r, token, out);
	} else if (r->eight || (text && r->cut && r->last == CODED) ||
		   (text && r->cut && r->words_len > 0)) {
		begin_words(r, out);
		add_token(r, token, out);
		r->owed |= !text;
	} else if (token.n > 0) {
		put_plain(r, token, out);
	}
	r->eight = false;
	r->cut = !ended;
	if (ended)
		r->in = GAP;
}

static void add(struct recode *r, char c, struct buf *out)
{
	if (r->token_len == RECODE_TOKEN)
		end_token(r, false, out);
	r->token[r->token_len++] = c;
	r->eight |= (uint8_t)c > 0x7f;
}

/* A word begins. */
static void begin(struct recode *r, uint8_t in, char c, struct buf *out)
{
	if (r->depth == 0 && in != ANGLE && r->gap_len == 0)
		r->failed |= r->owed;
	if (r->depth == 0)
		r->owed = false;
	r->in = in;
	add(r, c, out);
}

static void put_special(struct recode *r, char c, struct buf *out)
{
	end_token(r, true, out);
	if (r->depth == 0 && c != ':' && c != '(')
		r->failed |= r->owed;
	if (r->depth == 0 && c == ':')
		r->owed = false;
	flush_words(r, out);
	/* RFC 2047 5 (3) */
	if (r->last == CODED && r->gap_len == 0 && c != ')')
		r->gap[r->gap_len++] = ' ';
	put_gap(r, r->coded, out);
	put_raw(r, slice_of(&c, 1), out);
	r->last = c == '(' ? START : PLAIN;
	if (c == '(' && r->depth < UINT8_MAX)
		r->depth++;
	if (c == ')' && r->depth > 0)
		r->depth--;
}

static void add_gap(struct recode *r, char c, struct buf *out)
{
	end_token(r, true, out);
	/* A CRLF is not torn: behind a word of ours no fold stays. */
	if (r->gap_len + (c == '\r') >= RECODE_GAP) {
		if (r->words_len > 0 || r->last == CODED) {
			add_words(r, gap(r), out);
			r->gap_len = 0;
		} else {
			put_gap(r, 0, out);
			r->last = PLAIN;
		}
	}
	r->gap[r->gap_len++] = c;
}

/* In a word that has its own end. */
static void take_closed(struct recode *r, char c, struct buf *out)
{
	bool end = !r->escaped && c == (r->in == QUOTED ? '"' : '>');

	r->escaped = !r->escaped && c == '\\';
	add(r, c, out);
	if (end)
		end_token(r, true, out);
}

static bool is_special(const struct recode *r, char c)
{
	if (r->kind == TEXT)
		return false;
	if (c == '(' || (c == ')' && r->depth > 0))
		return true;
	if (r->depth > 0)
		return false;
	return c == ';' ||
	       (r->kind == ADDRESSES && (c == ',' || c == ':' || c == '@'));
}

static void take(struct recode *r, char c, struct buf *out)
{
	bool escaped = r->escaped;
	bool structured = r->kind != TEXT && r->depth == 0;

	if (r->in == QUOTED || r->in == ANGLE) {
		take_closed(r, c, out);
		return;
	}
	r->escaped = r->depth > 0 && c == '\\' && !escaped;
	if (char_is_space(c)) {
		add_gap(r, c, out);
	} else if (!escaped && is_special(r, c)) {
		put_special(r, c, out);
	} else if (structured && c == '"' && r->in == ATOM &&
		   r->kind == PARAMETERS) {
		r->in = QUOTED; /* of the same token: name="value" */
		add(r, c, out);
	} else if (structured &&
		   (c == '"' || (c == '<' && r->kind == ADDRESSES))) {
		end_token(r, true, out);
		begin(r, c == '"' ? QUOTED : ANGLE, c, out);
	} else if (r->in == GAP) {
		begin(r, ATOM, c, out);
	} else {
		add(r, c, out);
	}
}

void recode_feed(struct recode *r, struct slice in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++)
		take(r, in.p[i], out);
}

void recode_end(struct recode *r, struct buf *out)
{
	/* Not closed: who knows what it was to be? */
	r->cut |= r->in == QUOTED || r->in == ANGLE;
	end_token(r, true, out);
	r->failed |= r->owed;
	flush_words(r, out);
	put_gap(r, 0, out);
}
