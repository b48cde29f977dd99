/* SPDX-License-Identifier: ISC */
/* cmd/sendmail_sender.c - who sends: -f, -F, the caller (/etc/passwd). */
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/passwd.h"
#include "cmd/sendmail.h"
#include "mail/addrlist.h"
#include "mail/idna.h"

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
	    address_parse_utf8(slice_str(e.addr), &a) == 0) {
		buf_put_slice(path, a.whole);
		if (addrlist_next(&reader, &e) == 0)
			return 0;
	}
	char space[200];
	struct buf got = BUF_ON(space);
	buf_put_quoted(&got, slice_head(in, 40));
	cmd_err("-f: expected one address%s, got %s",
		ENABLE_SMTPUTF8 && !slice_is_utf8(in) ? " in UTF-8" : "",
		buf_cstr(&got));
	return EXIT_DATA;
}

int sendmail_sender(const struct sendmail *s, const struct identity *id,
		    struct buf *path, struct buf *from)
{
	struct passwd_entry user;
	int code = s->from ? read_from(s->from, path) : 0;

	if (code)
		return code;
	find_caller(&user);
	if (!s->from)
		buf_put_str(path, user.name);
	if (ENABLE_FULL_NAME)
		sendmail_put_full_name(s, from, &user);
	struct slice mailbox = path->len > 0 ? buf_slice(path)
					     : slice_str(user.name);
	buf_put_char(from, '<');
	/* A domain is understood everywhere in ASCII. */
	if (!ENABLE_SMTPUTF8 || !idna_put_mailbox(from, mailbox))
		buf_put_slice(from, mailbox);
	if (slice_find(mailbox, '@') < 0 && id->domain[0])
		buf_putf(from, "@%s", id->domain);
	buf_put_char(from, '>');
	return 0;
}
