/* SPDX-License-Identifier: ISC */
/*
 * cmd/sendmail_name.c - the sender's full name in a From field: of -F, of the
 * environment, or of /etc/passwd.
 */
#include "cmd/cmd.h"
#include "cmd/sendmail.h"
#include "mail/word.h"

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

void sendmail_put_encoded(struct buf *b, struct slice name)
{
	size_t left = WORD_LINE - (sizeof("Subject: ") - 1);

	while (name.n > 0) {
		name = slice_from(name, word_put(b, name, left));
		if (name.n > 0)
			buf_put_str(b, "\r\n ");
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
		sendmail_put_encoded(b, text);
	else if (plain)
		buf_put_slice(b, text);
	else
		put_quoted_name(b, text);
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

void sendmail_put_full_name(const struct sendmail *s, struct buf *from,
			    const struct passwd_entry *user)
{
	char space[2 * SENDMAIL_NAME];
	struct buf name = BUF_ON(space);
	const char *given = s->name ? s->name : cmd_env("NAME");
	size_t before = from->len;

	if (given)
		buf_put_slice(&name,
			      slice_head(slice_str(given), SENDMAIL_NAME));
	else if (!s->from)
		put_gecos(&name, user);
	sendmail_put_name(from, buf_slice(&name));
	if (from->len > before)
		buf_put_char(from, ' ');
}
