/* SPDX-License-Identifier: ISC */
/* cmd/sendmail_sender.c - who sends: -f, -F, the caller (/etc/passwd). */
#include <unistd.h>

#include "base/base64.h"
#include "cmd/cmd.h"
#include "cmd/passwd.h"
#include "cmd/sendmail.h"
#include "mail/addrlist.h"

/* Bytes of text in one encoded word: 75 in all (RFC 2047 2). */
#define WORD_MAX 42

/* "..." with its quotes and backslashes escaped. */
static void put_quoted_name(struct buf *b, struct slice name)
{
	buf_put_char(b, '"');
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '"' || name.p[i] == '\\')
			buf_put_char(b, '\\');
		buf_put_char(b, name.p[i]);
	}
	buf_put_char(b, '"');
}

/* A prefix of at most WORD_MAX bytes that ends with a whole UTF-8 character. */
static size_t word_len(struct slice in)
{
	size_t n = in.n;

	if (n > WORD_MAX) {
		n = WORD_MAX;
		while (n > WORD_MAX - 4 && ((uint8_t)in.p[n] & 0xc0) == 0x80)
			n--;
	}
	return n;
}

static void put_encoded(struct buf *b, struct slice name)
{
	bool first = true;

	while (name.n > 0) {
		size_t n = word_len(name);

		buf_put_str(b, first ? "=?utf-8?B?" : "\r\n =?utf-8?B?");
		base64_encode(b, slice_head(name, n));
		buf_put_str(b, "?=");
		name = slice_from(name, n);
		first = false;
	}
}

void sendmail_put_name(struct buf *b, struct slice name)
{
	char space[SENDMAIL_NAME];
	struct buf clean = BUF_ON(space);
	bool plain = true;

	for (size_t i = 0; i < name.n && buf_room(&clean) > 0; i++) {
		char c = name.p[i];

		if ((uint8_t)c < 0x20 || c == 0x7f)
			continue;
		buf_put_char(&clean, c);
		plain = plain && (char_is_atext(c) || c == ' ');
	}
	struct slice text = slice_trim(buf_slice(&clean));
	if (slice_has_8bit(text))
		put_encoded(b, text);
	else if (plain)
		buf_put_slice(b, text);
	else
		put_quoted_name(b, text);
}

/* The caller's login name, in *user; what can be no local part is replaced. */
static void find_caller(struct passwd_entry *user)
{
	const char *login = cmd_env("LOGNAME");
	struct address a;

	if (passwd_find(NULL, getuid(), user) == 0 &&
	    address_parse(slice_str(user->name), &a) == 0)
		return;
	struct buf name = buf_on(user->name, sizeof(user->name));
	user->gecos[0] = '\0';
	if (login && address_parse(slice_str(login), &a) == 0 &&
	    a.domain.n == 0)
		buf_put_slice(&name, a.whole);
	else
		buf_putf(&name, "uid%u", (unsigned)getuid());
	if (buf_cstr(&name)[0] == '\0')
		user->name[0] = '\0';
}

/* -f: one address, maybe with a name; '' and <> are the null path. */
static int read_from(const char *text, struct buf *path)
{
	struct slice in = slice_trim(slice_str(text));
	struct addrlist reader;
	struct addrlist_entry e;
	struct address a;

	if (in.n == 0 || slice_eq(in, SLICE("<>")))
		return 0;
	addrlist_start(&reader, in);
	if (addrlist_next(&reader, &e) > 0 &&
	    address_parse(slice_str(e.addr), &a) == 0) {
		buf_put_slice(path, a.whole);
		if (addrlist_next(&reader, &e) == 0)
			return 0;
	}
	char space[200];
	struct buf got = BUF_ON(space);
	buf_put_quoted(&got, slice_head(in, 40));
	cmd_err("-f: expected one address, got %s", buf_cstr(&got));
	return EXIT_DATA;
}

/* GECOS writes & for the login name with a capital. */
static void put_gecos(struct buf *b, const struct passwd_entry *user)
{
	for (const char *p = user->gecos; *p; p++) {
		if (*p != '&') {
			buf_put_char(b, *p);
			continue;
		}
		char first = user->name[0];
		if (first >= 'a' && first <= 'z')
			first = (char)(first - 'a' + 'A');
		buf_put_char(b, first);
		buf_put_str(b, user->name + 1);
	}
}

int sendmail_sender(const struct sendmail *s, const struct identity *id,
		    struct buf *path, struct buf *from)
{
	struct passwd_entry user;
	char space[2 * SENDMAIL_NAME];
	struct buf name = BUF_ON(space);
	int code = s->from ? read_from(s->from, path) : 0;

	if (code)
		return code;
	find_caller(&user);
	if (!s->from)
		buf_put_str(path, user.name);
	const char *given = s->name ? s->name : cmd_env("NAME");
	if (given)
		buf_put_slice(&name,
			      slice_head(slice_str(given), SENDMAIL_NAME));
	else if (!s->from)
		put_gecos(&name, &user);
	struct slice mailbox = path->len > 0 ? buf_slice(path)
					     : slice_str(user.name);
	size_t before = from->len;
	sendmail_put_name(from, buf_slice(&name));
	if (from->len > before)
		buf_put_char(from, ' ');
	buf_put_char(from, '<');
	buf_put_slice(from, mailbox);
	if (slice_find(mailbox, '@') < 0 && id->domain[0])
		buf_putf(from, "@%s", id->domain);
	buf_put_char(from, '>');
	return 0;
}
