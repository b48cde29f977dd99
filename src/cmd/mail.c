/* SPDX-License-Identifier: ISC */
/*
 * cmd/mail.c - mail(1) for scripts: sendmail -i -t with a header made of the
 * command line, and standard input as the body.  Nothing is ever read but
 * that: no mailbox, no mailrc, no escapes.
 */
#include "cmd/mail.h"

#include <string.h>

#include "base/memory.h"
#include "cmd/cmd.h"
#include "mail/addrlist.h"

/* Options without a value, of which E and v do something; and with one. */
#define FLAGS "EIinv"
#define WITH "abcrs"

static MEMORY_LARGE char front_space[CONFIG_HEADER_MAX];
static char name_space[SENDMAIL_NAME];

int mail_next(struct mail_words *w, char **value)
{
	while (!w->letters || !*w->letters) {
		w->letters = NULL;
		if (++w->at >= w->argc)
			return MAIL_END;
		char *word = w->argv[w->at];
		if (w->plain || word[0] != '-' || word[1] == '\0') {
			w->rcpt = true;
			*value = word;
			return MAIL_RCPT;
		}
		if (strcmp(word, "--") != 0)
			w->letters = word + 1;
		else if (w->rcpt)
			return MAIL_SENDMAIL;
		else
			w->plain = true;
	}
	*value = w->letters++;
	if (strchr(FLAGS, **value))
		return **value;
	if (!strchr(WITH, **value))
		return MAIL_UNKNOWN;
	if (!*w->letters && ++w->at >= w->argc)
		return MAIL_NO_VALUE;
	int letter = (unsigned char)**value;
	*value = *w->letters ? w->letters : w->argv[w->at];
	w->letters = NULL;
	return letter;
}

/* -r: the address is the sender, a name in front of it goes into From. */
static void set_from(struct sendmail *s, const char *value)
{
	struct addrlist reader;
	struct addrlist_entry e;
	struct buf name = BUF_ON(name_space);

	s->from = value;
	addrlist_start(&reader, slice_str(value));
	if (addrlist_next(&reader, &e) <= 0 || e.name.n == 0)
		return;
	mail_put_name(&name, e.name);
	s->name = buf_cstr(&name);
}

static int misuse(int what, const char *value)
{
	if (what == MAIL_NO_VALUE)
		cmd_err("-%c: expected an argument", *value);
	else if (strchr("fHeuNpq", *value))
		cmd_err("-%c: mailboxes are not read here", *value);
	else
		cmd_err("-%c: unknown option",
			char_is_print(*value) ? *value : '?');
	return EXIT_USAGE_;
}

/* What the command line says, but for the header; nrcpt: any at all? */
static int read_words(struct sendmail *s, struct mail_words *w)
{
	char *value = NULL;
	int what;

	while ((what = mail_next(w, &value)) != MAIL_END) {
		if (what == MAIL_SENDMAIL)
			return sendmail_options(s, w->argc - w->at,
						w->argv + w->at);
		if (what == MAIL_UNKNOWN || what == MAIL_NO_VALUE)
			return misuse(what, value);
		if (what == 'E')
			s->skip_empty = true;
		if (what == 'v')
			s->verbose = true;
		if (what == 'r')
			set_from(s, value);
		if (what == 'a' && !ENABLE_MAIL_ATTACH &&
		    !mail_is_field(value)) {
			cmd_err("-a: not built into this program "
				"(CONFIG_MAIL_ATTACH)");
			return EXIT_USAGE_;
		}
		if (what != 's' && !strchr(FLAGS, what) &&
		    slice_has_control(slice_str(value))) {
			cmd_err("control bytes in an argument");
			return EXIT_USAGE_;
		}
	}
	return 0;
}

int cmd_mail(int argc, char **argv)
{
	const struct conf *c;
	const struct identity *id;
	const struct mail_words start = { .argc = argc, .argv = argv };
	struct mail_words words = start;
	struct sendmail s = { .take_header = true, .ignore_dots = true };
	struct buf front = BUF_ON(front_space);
	int code = read_words(&s, &words);

	if (code)
		return code;
	if (!words.rcpt || s.mode != SENDMAIL_DELIVER) {
		cmd_err(words.rcpt ? "only mail is sent here"
				   : "no recipients");
		return EXIT_USAGE_;
	}
	code = mail_put_header(&front, &start);
	if (!code && ENABLE_MAIL_ATTACH)
		code = mail_attach(&front, &start, &s.source);
	if (!code)
		code = cmd_load(&c, &id);
	if (code)
		return code;
	if (!s.source)
		s.mime = mail_mime(buf_slice(&front));
	buf_put_str(&front, "\r\n");
	s.front = buf_slice(&front);
	if (front.overflow) {
		cmd_err("the header is too large");
		return EXIT_DATA;
	}
	return sendmail_message(&s, c, id);
}
