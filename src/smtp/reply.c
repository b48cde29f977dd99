/* SPDX-License-Identifier: ISC */
/* smtp/reply.c - see smtp/reply.h. */
#include "smtp/reply.h"

#include <errno.h>

/* Where in a line the next byte is. */
enum { AT_CODE, AT_SEPARATOR, AT_TEXT, AT_LF };

void reply_start(struct reply *r)
{
	r->code = 0;
	r->dsn = 0;
	r->final = false;
	r->lines = 0;
	r->line_len = 0;
	r->state = AT_CODE;
	r->text = buf_on(r->space, sizeof(r->space));
}

/* RFC 5321 4.2: three digits, from 200 to 599, the same ones in each line. */
static int take_code(struct reply *r, char ch)
{
	if (!char_is_digit(ch))
		return -EPROTO;
	r->digits = (uint16_t)(r->digits * 10 + (ch - '0'));
	if (r->line_len < 3)
		return 0;
	if (r->digits < 200 || r->digits > 599 ||
	    (r->lines > 0 && r->digits != r->code))
		return -EPROTO;
	r->code = r->digits;
	r->state = AT_SEPARATOR;
	return 0;
}

/* RFC 5321 4.2: "-" before more lines; SP, or nothing at all, in the last. */
static int take_separator(struct reply *r, char ch)
{
	r->final = ch != '-';
	r->state = ch == '\r' ? AT_LF : AT_TEXT;
	return ch == ' ' || ch == '-' || ch == '\r' ? 0 : -EPROTO;
}

static int take_text(struct reply *r, char ch)
{
	if (ch == '\n')
		return -EPROTO;
	if (ch == '\r')
		r->state = AT_LF;
	else if (buf_room(&r->text) > 0)
		buf_put_char(&r->text, ch);
	return 0;
}

/*
 * RFC 2034 4, RFC 3463 2: class "." subject "." detail before the text, the
 * class being the code's first digit.  What is none stays in the text.
 */
static void take_dsn(struct reply *r)
{
	const char *p = r->text.data;
	size_t n = r->text.len, at = 4;
	unsigned dsn;

	if (n < 5 || p[0] != '0' + r->code / 100 || p[1] != '.' ||
	    !char_is_digit(p[2]) || p[3] != '.')
		return;
	dsn = (unsigned)(p[0] - '0') * 10 + (unsigned)(p[2] - '0');
	for (; at < n && at < 7 && char_is_digit(p[at]); at++)
		dsn = dsn * 10 + (unsigned)(p[at] - '0');
	if (at == 4 || (at < n && !char_is_blank(p[at])))
		return;
	r->dsn = (uint16_t)dsn;
	while (at < n && char_is_blank(p[at]))
		at++;
	buf_drop(&r->text, at);
}

static int end_line(struct reply *r, char ch)
{
	if (ch != '\n')
		return -EPROTO;
	r->lines++;
	r->line_len = 0;
	r->state = AT_CODE;
	take_dsn(r);
	return 1;
}

static int take_byte(struct reply *r, char ch)
{
	if (r->line_len == 0) {
		if (r->lines == CONFIG_REPLY_LINES)
			return -EMSGSIZE;
		r->digits = 0;
		buf_reset(&r->text);
	}
	if (r->line_len == REPLY_MAX_LINE)
		return -EMSGSIZE;
	r->line_len++;
	switch (r->state) {
	case AT_CODE:
		return take_code(r, ch);
	case AT_SEPARATOR:
		return take_separator(r, ch);
	case AT_TEXT:
		return take_text(r, ch);
	default:
		return end_line(r, ch);
	}
}

int reply_feed(struct reply *r, struct slice in, size_t *used)
{
	int got = 0;
	size_t n = 0;

	while (n < in.n && got == 0)
		got = take_byte(r, in.p[n++]);
	*used = n;
	return got;
}
