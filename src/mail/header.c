/* SPDX-License-Identifier: ISC */
/* mail/header.c - see mail/header.h. */
#include "mail/header.h"

#include <errno.h>

/* Octets of the line at the start of in, its CRLF included. */
static size_t line_len(struct slice in)
{
	for (size_t i = 1; i < in.n; i++) {
		if (in.p[i] == '\n' && in.p[i - 1] == '\r')
			return i + 1;
	}
	return in.n;
}

/*
 * Octets before the colon of the field at the start of in, blanks included
 * (RFC 5322 4.5 allows them); 0: it is no field.
 */
static size_t name_len(struct slice in)
{
	size_t n = 0;

	/* RFC 5322 3.6.8: printable US-ASCII but colon and blank */
	while (n < in.n && char_is_print(in.p[n]) && in.p[n] != ' ' &&
	       in.p[n] != ':')
		n++;
	if (n == 0)
		return 0;
	while (n < in.n && char_is_blank(in.p[n]))
		n++;
	return n < in.n && in.p[n] == ':' ? n : 0;
}

bool header_is_field(struct slice in)
{
	return name_len(in) > 0;
}

int header_next(struct slice *rest, struct header_field *f)
{
	struct slice in = *rest;
	size_t colon = name_len(in);

	if (in.n == 0)
		return 0;
	if (slice_starts(in, SLICE("\r\n"))) {
		*rest = slice_from(in, 2);
		return 0;
	}
	if (colon == 0)
		return -EINVAL;

	/* RFC 5322 2.2.3: a line that begins with a blank goes on */
	size_t n = 0;
	do {
		n += line_len(slice_from(in, n));
	} while (n < in.n && char_is_blank(in.p[n]));

	f->name = slice_trim(slice_head(in, colon));
	f->body = slice_from(slice_head(in, n), colon + 1);
	if (slice_iends(f->body, SLICE("\r\n")))
		f->body.n -= 2;
	*rest = slice_from(in, n);
	return 1;
}
