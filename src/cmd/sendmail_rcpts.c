/* SPDX-License-Identifier: ISC */
/*
 * cmd/sendmail_rcpts.c - recipients, of arguments and of the header.
 *
 * All of them or none: one bad address, and nothing is sent.  What the list
 * reader gives is proved again as an SMTP mailbox (STANDARDS.md S-8).
 */
#include <errno.h>

#include "cmd/cmd.h"
#include "cmd/sendmail.h"
#include "mail/addrlist.h"
#include "mail/envelope.h"
#include "mail/header.h"

static int bad_address(struct slice where, const char *words)
{
	char space[520];
	struct buf text = BUF_ON(space);

	if (ENABLE_SMTPUTF8 && !slice_is_utf8(where))
		words = "neither ASCII nor UTF-8";
	buf_put_quoted(&text, where);
	cmd_err("%s: %s, nothing was sent", words, buf_cstr(&text));
	return EXIT_DATA;
}

/* Local parts as they are, domains in any case. */
static bool has_rcpt(const struct sendmail *s, const struct address *a)
{
	struct slice rest = buf_slice(&s->rcpts);
	struct slice rcpt;

	while (envelope_next_rcpt(&rest, &rcpt)) {
		if (rcpt.n == a->whole.n && slice_ieq(rcpt, a->whole) &&
		    slice_eq(slice_head(rcpt, a->local.n), a->local))
			return true;
	}
	return false;
}

static int add_rcpt(struct sendmail *s, const char *mailbox)
{
	struct address a;

	if (address_parse_utf8(slice_str(mailbox), &a) < 0)
		return bad_address(slice_str(mailbox), "bad address");
	if (has_rcpt(s, &a))
		return 0;
	envelope_put_rcpt(&s->rcpts, a.whole);
	if (s->rcpts.overflow)
		return bad_address(a.whole, "too many recipients");
	s->nrcpt++;
	return 0;
}

/* The mailboxes of one list; *count: how many it has. */
static int add_list(struct sendmail *s, struct slice list, unsigned *count)
{
	struct addrlist reader;
	struct addrlist_entry e;
	int n;

	addrlist_start(&reader, list);
	while ((n = addrlist_next(&reader, &e)) > 0) {
		int code = add_rcpt(s, e.addr);

		if (code)
			return code;
		++*count;
	}
	return n < 0 ? bad_address(slice_trim(list), "bad address in") : 0;
}

int sendmail_rcpts_of_args(struct sendmail *s)
{
	for (int i = 0; i < s->argc; i++) {
		struct slice arg = slice_str(s->argv[i]);
		unsigned count = 0;

		if (slice_has_control(arg)) {
			cmd_err("control bytes in a recipient");
			return EXIT_USAGE_;
		}
		int code = add_list(s, arg, &count);
		if (code)
			return code;
		if (count == 0)
			return bad_address(arg, "no address in");
	}
	return 0;
}

/* Does a field of this name hold recipients? */
static bool is_rcpt_field(struct slice name, bool resent)
{
	static const struct slice prefix = { "Resent-", 7 };

	if (resent != slice_istarts(name, prefix))
		return false;
	if (resent)
		name = slice_from(name, prefix.n);
	return slice_ieq(name, SLICE("To")) || slice_ieq(name, SLICE("Cc")) ||
	       slice_ieq(name, SLICE("Bcc"));
}

/* RFC 5322 3.6.6: a resent message goes where its Resent- fields say. */
static bool is_resent(struct slice header)
{
	struct header_field f;

	while (header_next(&header, &f) > 0) {
		if (is_rcpt_field(f.name, true))
			return true;
	}
	return false;
}

int sendmail_rcpts_of_header(struct sendmail *s, struct slice header)
{
	bool resent = is_resent(header);
	struct header_field f;
	unsigned count = 0;

	while (header_next(&header, &f) > 0) {
		int code = 0;

		if (is_rcpt_field(f.name, resent))
			code = add_list(s, f.body, &count);
		if (code)
			return code;
	}
	return 0;
}
