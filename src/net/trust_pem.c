/* SPDX-License-Identifier: ISC */
/* net/trust_pem.c - see net/trust_pem.h. */
#include "net/trust_pem.h"

#include <string.h>

#include "base/base64.h"

enum state { STATE_START, STATE_LINE, STATE_LABEL, STATE_BODY };

void trust_pem_skip(struct trust_pem *p)
{
	p->state = STATE_LINE;
}

static bool is_begin(struct slice line)
{
	const struct slice head = SLICE("-----BEGIN ");
	const struct slice tail = SLICE("CERTIFICATE-----");

	line = slice_trim(line);
	if (line.n < head.n + tail.n || !slice_starts(line, head) ||
	    !slice_iends(line, tail))
		return false;
	line = slice_from(slice_head(line, line.n - tail.n), head.n);
	return line.n == 0 || slice_eq(line, SLICE("X509 ")) ||
	       slice_eq(line, SLICE("TRUSTED "));
}

/* Go behind the end of the line.  Between certificates this is the speed. */
static void skip_line(struct trust_pem *p, struct slice *in)
{
	const char *end = memchr(in->p, '\n', in->n);

	if (!end) {
		*in = slice_from(*in, in->n);
		return;
	}
	*in = slice_from(*in, (size_t)(end - in->p) + 1);
	p->state = STATE_START;
}

/* A byte of a line that began with '-'; true: a certificate begins. */
static bool read_label(struct trust_pem *p, char c)
{
	if (c == '\n') {
		bool begin = is_begin(slice_of(p->line, p->line_len));

		p->state = begin ? STATE_BODY : STATE_START;
		p->bits_len = 0;
		return begin;
	}
	if (p->line_len < sizeof(p->line))
		p->line[p->line_len++] = c;
	else
		p->state = STATE_LINE;
	return false;
}

/* The end of a certificate: the first '-' of the END line, or rubbish. */
static bool is_end(char c)
{
	return !char_is_space(c) && c != '=';
}

/* Most of the time of a search goes here: no calls, no copies. */
static enum trust_pem_event read_body(struct trust_pem *p, struct slice *in,
				      struct buf *out)
{
	enum trust_pem_event event = TRUST_PEM_MORE;
	size_t room = buf_room(out);
	size_t i;

	for (i = 0; i < in->n; i++) {
		int digit = base64_digit(in->p[i]);

		if (digit < 0) {
			if (!is_end(in->p[i]))
				continue;
			p->state = STATE_LINE;
			event = TRUST_PEM_END;
			break;
		}
		if (room == 0) {
			event = TRUST_PEM_FULL;
			break;
		}
		p->bits = p->bits << 6 | (uint32_t)digit;
		p->bits_len = (uint8_t)(p->bits_len + 6);
		if (p->bits_len < 8)
			continue;
		p->bits_len = (uint8_t)(p->bits_len - 8);
		out->data[out->len++] = (char)(p->bits >> p->bits_len & 0xff);
		room--;
	}
	*in = slice_from(*in, i);
	return event;
}

enum trust_pem_event trust_pem_next(struct trust_pem *p, struct slice *in,
				    struct buf *out)
{
	while (in->n > 0) {
		char c = *in->p;

		switch (p->state) {
		case STATE_BODY:
			return read_body(p, in, out);
		case STATE_LINE:
			skip_line(p, in);
			break;
		case STATE_START:
			p->line_len = 0;
			p->state = c == '-' ? STATE_LABEL : STATE_LINE;
			break;
		default:
			*in = slice_from(*in, 1);
			if (read_label(p, c))
				return TRUST_PEM_BEGIN;
			break;
		}
	}
	return TRUST_PEM_MORE;
}
