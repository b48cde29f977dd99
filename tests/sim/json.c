/* SPDX-License-Identifier: ISC */
/* sim/json.c - see sim/json.h: a walk with a small stack of open brackets. */
#include "sim/json.h"

#include <string.h>

/* Brackets that may be open. */
#define DEEP 16

/* What may come next. */
enum want { VALUE, VALUE_OR_END, KEY, KEY_OR_END, COMMA_OR_END };

struct walk {
	struct slice in;
	char open[DEEP];
	unsigned depth;
	enum want want;
};

static bool is_hex(char c)
{
	return char_is_digit(c) ||
	       (char_lower(c) >= 'a' && char_lower(c) <= 'f');
}

static void skip_blanks(struct walk *w)
{
	while (w->in.n > 0 && char_is_space(w->in.p[0]))
		w->in = slice_from(w->in, 1);
}

/* A string from its quote on. */
static bool take_string(struct walk *w)
{
	struct slice s = slice_from(w->in, 1);

	for (; s.n > 0 && s.p[0] != '"'; s = slice_from(s, 1)) {
		if ((unsigned char)s.p[0] < 0x20)
			return false;
		if (s.p[0] != '\\')
			continue;
		if (s.n < 2 || !strchr("\"\\/bfnrtu", s.p[1]))
			return false;
		if (s.p[1] != 'u') {
			s = slice_from(s, 1);
			continue;
		}
		for (size_t i = 2; i < 6; i++)
			if (i >= s.n || !is_hex(s.p[i]))
				return false;
		s = slice_from(s, 5);
	}
	w->in = slice_from(s, 1);
	return s.n > 0;
}

static bool take_word(struct walk *w)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		struct slice word = slice_str(words[i]);

		if (!slice_starts(w->in, word))
			continue;
		w->in = slice_from(w->in, word.n);
		return true;
	}
	return false;
}

static bool take_number(struct walk *w)
{
	struct slice s = w->in;
	size_t digits = 0;

	if (s.n > 0 && s.p[0] == '-')
		s = slice_from(s, 1);
	while (digits < s.n && char_is_digit(s.p[digits]))
		digits++;
	if (digits == 0 || (digits > 1 && s.p[0] == '0'))
		return false;
	w->in = slice_from(s, digits);
	return true;
}

static bool take_value(struct walk *w)
{
	char c = w->in.p[0];

	if (c == '{' || c == '[') {
		if (w->depth == DEEP)
			return false;
		w->open[w->depth++] = c;
		w->want = c == '{' ? KEY_OR_END : VALUE_OR_END;
		w->in = slice_from(w->in, 1);
		return true;
	}
	w->want = COMMA_OR_END;
	if (c == '"')
		return take_string(w);
	return take_number(w) || take_word(w);
}

static bool take_key(struct walk *w)
{
	if (w->in.p[0] != '"' || !take_string(w))
		return false;
	skip_blanks(w);
	if (w->in.n == 0 || w->in.p[0] != ':')
		return false;
	w->in = slice_from(w->in, 1);
	w->want = VALUE;
	return true;
}

static bool take_close(struct walk *w)
{
	char c = w->in.p[0];

	if (w->depth == 0 || w->want == VALUE || w->want == KEY ||
	    w->open[w->depth - 1] != (c == '}' ? '{' : '['))
		return false;
	w->depth--;
	w->want = COMMA_OR_END;
	w->in = slice_from(w->in, 1);
	return true;
}

static bool take(struct walk *w)
{
	char c = w->in.p[0];

	if (c == '}' || c == ']')
		return take_close(w);
	if (w->want == KEY || w->want == KEY_OR_END)
		return take_key(w);
	if (w->want != COMMA_OR_END)
		return take_value(w);
	if (c != ',' || w->depth == 0)
		return false;
	w->want = w->open[w->depth - 1] == '{' ? KEY : VALUE;
	w->in = slice_from(w->in, 1);
	return true;
}

bool sim_json(struct slice in)
{
	struct walk w = { .in = in, .want = VALUE };

	for (skip_blanks(&w); w.in.n > 0; skip_blanks(&w))
		if (!take(&w))
			return false;
	return w.depth == 0 && w.want == COMMA_OR_END;
}

bool sim_json_lines(struct slice in)
{
	while (in.n > 0)
		if (!sim_json(slice_cut(&in, '\n')))
			return false;
	return true;
}
