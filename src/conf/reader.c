/* SPDX-License-Identifier: ISC */
/*
 * conf/reader.c - words of a line, the text pool, error texts.
 *
 * What was read is shown escaped and cut: a configuration may hold any byte.
 * Values that might be a secret in the wrong place are never shown; the rows
 * that read those use reader_say().
 */
#include "conf/reader.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

/* Bytes of a file's name and of what was read that are shown. */
#define MAX_NAME 120
#define MAX_GOT 60

int reader_word(struct conf_reader *r, struct slice *w)
{
	bool quoted;
	size_t n = 0;

	while (r->rest.n > 0 && char_is_space(r->rest.p[0]))
		r->rest = slice_from(r->rest, 1);
	if (r->rest.n == 0 || r->rest.p[0] == '#')
		return 0;
	quoted = r->rest.p[0] == '"';
	if (quoted) {
		r->rest = slice_from(r->rest, 1);
		if (slice_find(r->rest, '"') < 0)
			return reader_say(r, "a closing quote is missing");
		n = (size_t)slice_find(r->rest, '"');
	} else {
		while (n < r->rest.n && !char_is_space(r->rest.p[n]))
			n++;
	}
	*w = slice_head(r->rest, n);
	r->rest = slice_from(r->rest, n + quoted);
	if (slice_find(*w, '"') >= 0 ||
	    (r->rest.n > 0 && !char_is_space(r->rest.p[0])))
		return reader_say(r, "quotes stand around a whole word: "
				     "\"option=a b\"");
	if (slice_has_control(*w))
		return reader_say(r, "a control byte is in the line");
	return 1;
}

int reader_need(struct conf_reader *r, struct slice *w)
{
	int n = reader_word(r, w);

	if (n > 0 && w->n > 0)
		return 0;
	return n < 0 ? n : reader_expected(r, NULL, slice_of(NULL, 0));
}

void reader_put(struct conf_reader *r, struct slice s)
{
	struct conf *c = r->c;

	/* One byte is always left for the NUL. */
	if (s.n >= CONF_TEXT - c->used) {
		c->used = CONF_TEXT;
		return;
	}
	if (s.n > 0)
		memcpy(c->text + c->used, s.p, s.n);
	c->used += s.n;
}

int reader_keep(struct conf_reader *r, struct slice s, struct slice *out)
{
	struct conf *c = r->c;
	size_t from = c->used;

	reader_put(r, s);
	if (c->used >= CONF_TEXT)
		return reader_say(r,
				  "the values of this file have more than "
				  "%u bytes",
				  CONF_TEXT);
	c->text[c->used++] = '\0';
	*out = slice_of(c->text + from, s.n);
	return 0;
}

/* "FILE:LINE: KEY: " */
static void put_place(struct conf_reader *r)
{
	struct slice name = slice_head(slice_str(r->name), MAX_NAME);

	buf_reset(&r->err);
	buf_put_slice(&r->err, name);
	if (r->line > 0)
		buf_putf(&r->err, ":%u", r->line);
	buf_put_str(&r->err, ": ");
	if (r->row)
		buf_putf(&r->err, "%s: ", r->row->info.name);
}

/* 'TEXT', escaped and cut. */
static void put_got(struct buf *b, struct slice got)
{
	buf_put_char(b, '\'');
	for (size_t i = 0; i < got.n && i < MAX_GOT; i++) {
		char c = got.p[i];

		if (char_is_print(c) && c != '\'' && c != '\\')
			buf_put_char(b, c);
		else
			buf_putf(b, "\\x%02x", (unsigned)(uint8_t)c);
	}
	buf_put_str(b, got.n > MAX_GOT ? "'..." : "'");
}

int reader_bad(struct conf_reader *r, const char *words, struct slice got)
{
	put_place(r);
	buf_put_str(&r->err, words);
	if (got.n > 0) {
		buf_put_char(&r->err, ' ');
		put_got(&r->err, got);
	}
	return -EINVAL;
}

#if ENABLE_CONF_HELP

int reader_expected(struct conf_reader *r, const char *what, struct slice got)
{
	put_place(r);
	buf_putf(&r->err, "expected %s, got ",
		 what ? what : r->row->info.allowed);
	if (got.n > 0)
		put_got(&r->err, got);
	else
		buf_put_str(&r->err, "nothing");
	return -EINVAL;
}

int reader_say(struct conf_reader *r, const char *fmt, ...)
{
	va_list args;

	put_place(r);
	va_start(args, fmt);
	buf_vputf(&r->err, fmt, args);
	va_end(args);
	return -EINVAL;
}

int reader_missing(struct conf_reader *r, struct slice what,
		   struct slice config)
{
	what = slice_head(what, MAX_GOT);
	return reader_say(r, "%.*s%snot built into this program (CONFIG_%.*s)",
			  (int)what.n, what.p, what.n > 0 ? " is " : "",
			  (int)config.n, config.p);
}

#endif /* ENABLE_CONF_HELP */

int reader_find(struct conf_reader *r, const char *list, struct slice w,
		struct slice *word)
{
	struct slice rest = slice_str(list);

	for (int i = 0; rest.n > 0; i++) {
		struct slice needs = slice_cut(&rest, ' ');

		*word = slice_cut(&needs, '!');
		char end = word->p[word->n - 1];
		bool begins = end == '=' || end == ':' || end == '/';
		if (!slice_eq(begins ? slice_head(w, word->n) : w, *word))
			continue;
		return needs.n > 0 ? reader_missing(r, *word, needs) : i;
	}
	return -ENOENT;
}

int reader_choose(struct conf_reader *r, const char *list, const char *what,
		  struct slice w)
{
	struct slice word;
	int i = reader_find(r, list, w, &word);

	return i == -ENOENT ? reader_expected(r, what, w) : i;
}
