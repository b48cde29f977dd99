/* SPDX-License-Identifier: ISC */
/*
 * mail/address.c - see mail/address.h.
 *
 * Every address that reaches a wire, a spool or a log has passed here: what
 * is taken holds no control byte, and above 0x7f only UTF-8 where that is
 * wanted, so that it cannot break out of its line (STANDARDS.md S-8, S-9).
 */
#include "mail/address.h"

#include <errno.h>

#include "base/host.h"

/* The brackets and the mailbox between them are a path (4.5.3.1.3). */
#define MAX_MAILBOX (ADDRESS_MAX_PATH - 2)

static bool is_domain(struct slice in, bool utf8)
{
	uint8_t ip[16];

	if (in.n == 0 || in.n > ADDRESS_MAX_DOMAIN)
		return false;
	if (in.p[0] == '[') {
		if (in.p[in.n - 1] != ']')
			return false;
		in = slice_head(slice_from(in, 1), in.n - 2);
		if (slice_istarts(in, SLICE("IPv6:")))
			return host_read_v6(slice_from(in, 5), ip);
		return host_read_v4(in, ip, true);
	}
	return host_is_name(in, utf8);
}

bool address_is_domain(struct slice in)
{
	return is_domain(in, false);
}

/* RFC 6531 3.3: UTF8-non-ascii stands wherever a letter may. */
static bool is_wide(char c)
{
	return ENABLE_SMTPUTF8 && (uint8_t)c > 0x7f;
}

/* RFC 5321 4.1.2: Quoted-string at the start of in; its length, 0: none. */
static size_t quoted_len(struct slice in)
{
	if (in.n == 0 || in.p[0] != '"')
		return 0;
	for (size_t i = 1; i < in.n; i++) {
		if (in.p[i] == '"')
			return i + 1;
		if (in.p[i] == '\\')
			i++;
		if (i >= in.n || !(char_is_print(in.p[i]) || is_wide(in.p[i])))
			return 0;
	}
	return 0;
}

/* RFC 5321 4.1.2: Dot-string at the start of in; its length, 0: none. */
static size_t dots_len(struct slice in)
{
	size_t n = 0;
	bool dot = true; /* the byte before was one, or there is none */

	for (; n < in.n; n++) {
		char c = in.p[n];

		if (c == '.' ? dot : !(char_is_atext(c) || is_wide(c)))
			break;
		dot = c == '.';
	}
	return dot ? 0 : n;
}

int address_parse(struct slice in, struct address *out)
{
	return slice_has_8bit(in) ? -EINVAL : address_parse_utf8(in, out);
}

int address_parse_utf8(struct slice in, struct address *out)
{
	struct address a = { .whole = in };
	size_t n = quoted_len(in);

	if (ENABLE_SMTPUTF8 ? !slice_is_utf8(in) : slice_has_8bit(in))
		return -EINVAL;
	if (n == 0)
		n = dots_len(in);
	if (n == 0)
		return -EINVAL;
	a.local = slice_head(in, n);
	if (n < in.n) {
		if (in.p[n] != '@')
			return -EINVAL;
		a.domain = slice_from(in, n + 1);
		if (a.domain.n > ADDRESS_MAX_DOMAIN)
			return -EMSGSIZE;
		if (!is_domain(a.domain, ENABLE_SMTPUTF8))
			return -EINVAL;
	}
	if (n > ADDRESS_MAX_LOCAL || in.n > MAX_MAILBOX)
		return -EMSGSIZE;
	*out = a;
	return 0;
}

/* Skip "@one,@two:" at the front of *in (A-d-l of RFC 5321 4.1.2). */
static int skip_route(struct slice *in)
{
	bool more = in->n > 0 && in->p[0] == '@';

	while (more) {
		size_t n = 1;

		/* The colons of a literal end no route. */
		if (n < in->n && in->p[n] == '[') {
			while (n < in->n && in->p[n] != ']')
				n++;
		}
		while (n < in->n && in->p[n] != ',' && in->p[n] != ':')
			n++;
		if (n == in->n ||
		    !address_is_domain(slice_of(in->p + 1, n - 1)))
			return -EINVAL;
		more = in->p[n] == ',';
		*in = slice_from(*in, n + 1);
		if (more && (in->n == 0 || in->p[0] != '@'))
			return -EINVAL;
	}
	return 0;
}

/* Bytes of the mailbox at the start of in: up to a blank or '>'. */
static size_t mailbox_len(struct slice in)
{
	size_t n = quoted_len(in);

	while (n < in.n && in.p[n] != '>' && !char_is_blank(in.p[n]))
		n++;
	return n;
}

int address_parse_path(struct slice in, struct address *out)
{
	struct slice rest = in;
	bool bracket = in.n > 0 && in.p[0] == '<';

	if (slice_starts(in, SLICE("<>"))) {
		*out = (struct address){ { NULL, 0 },
					 { NULL, 0 },
					 { NULL, 0 } };
		return 2;
	}
	if (bracket)
		rest = slice_from(rest, 1);
	int err = skip_route(&rest);
	if (err < 0)
		return err;

	struct slice mailbox = slice_head(rest, mailbox_len(rest));
	rest = slice_from(rest, mailbox.n);
	if (bracket != (rest.n > 0 && rest.p[0] == '>'))
		return -EINVAL;
	err = address_parse_utf8(mailbox, out);
	if (err < 0)
		return err;
	return (int)(in.n - rest.n + bracket);
}

bool address_eq(const struct address *a, const struct address *b)
{
	return slice_eq(a->local, b->local) && slice_ieq(a->domain, b->domain);
}
