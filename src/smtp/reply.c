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

/* RFC 5321 4.2: %x32-35 and two digits, the same ones in each line. */
static int take_code(struct reply *r, char ch)
{
	static const uint8_t weight[] = { 100, 10, 1 };
	unsigned at = r->line_len - 1u;

	if (!char_is_digit(ch))
		return -EPROTO;

	unsigned digit = (unsigned)(ch - '0');
	if (r->lines == 0) {
		if (at == 0 && (digit < 2 || digit > 5))
			return -EPROTO;
		r->code = (uint16_t)(r->code + digit * weight[at]);
	} else if (r->code / weight[at] % 10 != digit) {
		return -EPROTO;
	}
	if (at == 2)
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
	struct slice text = buf_slice(&r->text);
	struct slice word = slice_word(&text);
	struct slice class = slice_cut(&word, '.');
	struct slice subject = slice_cut(&word, '.');
	uint32_t d;

	if (class.n != 1 || class.p[0] != '0' + r->code / 100)
		return;
	if (subject.n != 1 || !char_is_digit(subject.p[0]))
		return;
	if (word.n > 3 || slice_to_u32(word, 999, &d) < 0)
		return;

	unsigned scale = d < 10 ? 10 : d < 100 ? 100 : 1000;
	unsigned head = r->code / 100u * 10 + (unsigned)(subject.p[0] - '0');
	r->dsn = (uint16_t)(head * scale + d);

	while (text.n > 0 && char_is_blank(text.p[0]))
		text = slice_from(text, 1);
	buf_drop(&r->text, r->text.len - text.n);
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
