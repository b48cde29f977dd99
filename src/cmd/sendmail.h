/* SPDX-License-Identifier: ISC */
/*
 * cmd/sendmail.h - the parts of sendmail(1): options, recipients, sender.
 * Only for cmd/sendmail*.c; cmd/input.h has the message.
 *
 * A function that returns int gives 0, or an exit code after it has said why.
 */
#ifndef CMD_SENDMAIL_H
#define CMD_SENDMAIL_H

#include "cmd/handover.h"
#include "cmd/passwd.h"

/* Bytes of all recipients, packed. */
#define SENDMAIL_RCPTS 65536

/* Bytes of the sender's full name that are used. */
#define SENDMAIL_NAME 128

/* What is to be done (-b, -q). */
enum sendmail_mode {
	SENDMAIL_DELIVER,   /* -bm */
	SENDMAIL_HELP,      /* --help */
	SENDMAIL_MAILQ,     /* -bp */
	SENDMAIL_ALIASES,   /* -bi, -I */
	SENDMAIL_FLUSH,     /* -q */
	SENDMAIL_SMTP,      /* -bs */
	SENDMAIL_VERIFY,    /* -bv */
	SENDMAIL_DAEMON,    /* -bd, -bl */
	SENDMAIL_FOREGROUND /* -bD, -bdf */
};

/* The command line. */
struct sendmail {
	enum sendmail_mode mode;     /* -b, -q */
	enum handover_mode handover; /* -od */
	bool take_header;            /* -t: recipients from the header, too */
	bool ignore_dots;            /* -i: a lone dot is text */
	bool verbose;                /* -v */
	bool flush_wait;             /* -qf */
	bool mail_back;              /* -oem, -oew, -oee: a notice */
	bool mail_enough;            /* -oee: with it all is well */
	char utf8;               /* -O smtputf8, -U: 'y', 'n'; 0: if needed */
	const char *from;        /* -f, -r; NULL: the caller */
	const char *name;        /* -F; NULL: NAME, or /etc/passwd */
	const char *flush;       /* ID of -qI, or NULL */
	struct slice notify;     /* -N; n 0: not given */
	struct slice ret, envid; /* -R and -V; n 0: not given */
	/* Of mail(1): the input is a body, this header comes before it, */
	struct slice front;
	struct slice mime; /* and these fields if it is more than ASCII */
	bool skip_empty;   /* an empty body is not sent */
	ssize_t (*source)(void *p, size_t n); /* as in struct input */
	int argc;         /* recipients: the first of argv */
	char **argv;      /* what was not an option, in order */
	struct buf rcpts; /* packed (mail/envelope.h) */
	unsigned nrcpt;   /* how many they are */
};

/* Read the options; argv is reordered.  EXIT_USAGE_ for what is unknown. */
must_check int sendmail_options(struct sendmail *s, int argc, char **argv);

/* Print them.  Returns: an exit code */
must_check int sendmail_help(void);

/* Add the recipients of argv.  EXIT_DATA for a bad address. */
must_check int sendmail_rcpts_of_args(struct sendmail *s);

/*
 * Add those of To, Cc and Bcc, or of their Resent- forms when there is one;
 * header: whole CRLF lines.  EXIT_DATA for a bad address.
 */
must_check int sendmail_rcpts_of_header(struct sendmail *s,
					struct slice header);

/* -bv: print where mail to each recipient of argv goes.  An exit code. */
must_check int sendmail_verify(struct sendmail *s, const struct conf *c,
			       const struct identity *id);

/* Send what is on standard input.  Returns: an exit code */
must_check int sendmail_message(struct sendmail *s, const struct conf *c,
				const struct identity *id);

/*
 * The reverse-path into path (empty: null), and what a From field would say
 * into from.  EXIT_DATA for a bad -f.
 */
must_check int sendmail_sender(const struct sendmail *s,
			       const struct identity *id, struct buf *path,
			       struct buf *from);

/*
 * Append the sender's name and a blank, or nothing when there is no name: of
 * s, of the environment, of user unless -f was given (CONFIG_FULL_NAME).
 */
void sendmail_put_full_name(const struct sendmail *s, struct buf *from,
			    const struct passwd_entry *user);

/* Append text as encoded words (RFC 2047), on lines of their own. */
void sendmail_put_encoded(struct buf *b, struct slice text);

/*
 * Append name as a phrase (RFC 5322 3.2.5): plain, quoted, or where it has
 * 8-bit as encoded words (RFC 2047).  Control bytes are left out.
 */
void sendmail_put_name(struct buf *b, struct slice name);

#endif
