/* SPDX-License-Identifier: ISC */
/*
 * cmd/mail_header.c - the header that the command line of mail(1) means.
 * From, Date and Message-ID are added on the way, as for sendmail.
 */
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/mail.h"
#include "mail/addrlist.h"
#include "mail/header.h"

/* Where a line is folded (RFC 5322 2.1.1: 78). */
#define FOLD 76

/* The first bytes of a subject. */
#define SUBJECT "Subject: "

void mail_put_name(struct buf *b, struct slice name)
{
	bool quoted = name.n >= 2 && name.p[0] == '"';

	for (size_t i = 0; i < name.n; i++) {
		if (quoted && name.p[i] == '"')
			continue;
		if (quoted && name.p[i] == '\\' && i + 1 < name.n)
			i++;
		buf_put_char(b, name.p[i]);
	}
}

/* Line ends in it would be fields of their own. */
static struct slice clean(char *text)
{
	for (char *p = text; *p; p++) {
		if ((uint8_t)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	}
	return slice_trim(slice_str(text));
}

static void put_folded(struct buf *b, struct slice text)
{
	size_t column = sizeof(SUBJECT) - 1;

	while (text.n > 0) {
		size_t n = 0;

		while (n < text.n && text.p[n] == ' ')
			n++;
		while (n < text.n && text.p[n] != ' ')
			n++;
		if (column + n > FOLD && text.p[0] == ' ') {
			buf_put_str(b, "\r\n");
			column = 0;
		}
		buf_put_slice(b, slice_head(text, n));
		column += n;
		text = slice_from(text, n);
	}
}

static void put_subject(struct buf *b, struct slice text)
{
	if (text.n == 0)
		return;
	buf_put_str(b, SUBJECT);
	if (slice_has_8bit(text))
		sendmail_put_encoded(b, text);
	else
		put_folded(b, text);
	buf_put_str(b, "\r\n");
}

/* The mailboxes of one word, a line each; *count: how many there are. */
static int put_boxes(struct buf *b, const char *field, char *value,
		     unsigned *count)
{
	struct addrlist reader;
	struct addrlist_entry e;
	char space[SENDMAIL_NAME];
	int n;

	addrlist_start(&reader, slice_str(value));
	while ((n = addrlist_next(&reader, &e)) > 0) {
		struct buf name = BUF_ON(space);

		buf_putf(b, *count ? ",\r\n " : "%s: ", field);
		++*count;
		mail_put_name(&name, slice_head(e.name, sizeof(space)));
		sendmail_put_name(b, buf_slice(&name));
		buf_putf(b, e.name.n > 0 ? " <%s>" : "%s", e.addr);
	}
	if (n < 0) {
		char text[200];
		struct buf got = BUF_ON(text);

		buf_put_quoted(&got, slice_head(slice_str(value), 40));
		cmd_err("bad address: %s, nothing was sent", buf_cstr(&got));
		return EXIT_DATA;
	}
	return 0;
}

/* One field of all that letter stands before. */
static int put_list(struct buf *b, const char *field, int letter,
		    struct mail_words w)
{
	unsigned count = 0;
	char *value = NULL;
	int what;

	while ((what = mail_next(&w, &value)) != MAIL_END &&
	       what != MAIL_SENDMAIL) {
		int code = what == letter ? put_boxes(b, field, value, &count)
					  : 0;
		if (code)
			return code;
	}
	if (count > 0)
		buf_put_str(b, "\r\n");
	return 0;
}

bool mail_is_field(const char *value)
{
	return header_is_field(slice_str(value)) && access(value, F_OK) < 0;
}

/* The last -s, and each -a that is a field. */
static void put_others(struct buf *b, struct mail_words w)
{
	char *subject = NULL;
	char *value = NULL;
	int what;

	while ((what = mail_next(&w, &value)) != MAIL_END &&
	       what != MAIL_SENDMAIL) {
		if (what == 's')
			subject = value;
		if (what == 'a' && mail_is_field(value))
			buf_putf(b, "%s\r\n", value);
	}
	if (subject)
		put_subject(b, clean(subject));
}

static bool has_field(struct slice header, struct slice name)
{
	struct header_field f;

	while (header_next(&header, &f) > 0) {
		if (slice_ieq(f.name, name))
			return true;
	}
	return false;
}

struct slice mail_mime(struct slice header)
{
	static const char *const fields[] = {
		"MIME-Version: 1.0\r\n",
		"Content-Type: text/plain; charset=utf-8\r\n",
		"Content-Transfer-Encoding: 8bit\r\n",
	};
	static char space[128];
	struct buf b = BUF_ON(space);

	for (unsigned i = 0; i < ARRAY_LEN(fields); i++) {
		struct slice rest = slice_str(fields[i]);

		if (!has_field(header, slice_cut(&rest, ':')))
			buf_put_str(&b, fields[i]);
	}
	return buf_slice(&b);
}

int mail_put_header(struct buf *b, const struct mail_words *words)
{
	int code = put_list(b, "To", MAIL_RCPT, *words);

	if (!code)
		code = put_list(b, "Cc", 'c', *words);
	if (!code)
		code = put_list(b, "Bcc", 'b', *words);
	if (!code)
		put_others(b, *words);
	if (has_field(buf_slice(b), SLICE("Content-Type")) &&
	    !has_field(buf_slice(b), SLICE("MIME-Version")))
		buf_put_str(b, "MIME-Version: 1.0\r\n");
	return code;
}
