/* SPDX-License-Identifier: ISC */
/*
 * cmd/mail.h - the parts of mail(1): command line, header, attachments.
 * Only for cmd/mail*.c.
 *
 * A function that returns int gives 0, or an exit code after it has said why.
 */
#ifndef CMD_MAIL_H
#define CMD_MAIL_H

#include "cmd/sendmail.h"

/* A walk along the command line. */
struct mail_words {
	int argc;      /* words of the command line */
	char **argv;   /* they themselves */
	int at;        /* the word at hand; begins as 0 */
	char *letters; /* what is left of a bundle, or NULL */
	bool plain;    /* "--" was seen: no options any more */
	bool rcpt;     /* a recipient was seen */
};

/* What mail_next() gives besides the letter of an option. */
enum {
	MAIL_END = 0,        /* no more */
	MAIL_RCPT = '@',     /* value is a recipient */
	MAIL_SENDMAIL = '-', /* at is a "--" behind a recipient */
	MAIL_UNKNOWN = '?',  /* value begins with a letter that is none */
	MAIL_NO_VALUE = ':'  /* value begins with one that wants a value */
};

/* The next option, its value in *value if it has one, or recipient. */
must_check int mail_next(struct mail_words *w, char **value);

/* Is the value of -a no file, but a field ("Name: text")? */
bool mail_is_field(const char *value);

/* The header of the command line into b, but for From. */
must_check int mail_put_header(struct buf *b, const struct mail_words *words);

/*
 * The fields that tell what a body is that is not ASCII alone, but for those
 * that are in header.
 */
struct slice mail_mime(struct slice header);

/* Append a display name as it was written, without its quotes. */
void mail_put_name(struct buf *b, struct slice name);

/*
 * Open the files of -a.  With any of them *source gives the parts of a
 * multipart message, and its fields are appended to b.
 */
must_check int mail_attach(struct buf *b, const struct mail_words *words,
			   ssize_t (**source)(void *p, size_t n));

#endif
