/* SPDX-License-Identifier: ISC */
/*
 * mail/fixup.h - the header on its way through: a streaming filter over a
 * message of CRLF lines (RFC 5322 3.6, RFC 6409 8; STANDARDS.md section 5
 * rules 4 to 7).
 *
 * Puts the trace field first, drops what may not leave (Bcc, Resent-Bcc,
 * Return-Path, Content-Length: whole fields with their folded lines, in any
 * case, with blanks before the colon), and adds the fields that are missing at
 * the end of the header.  Where the job has mailboxes (mail/mailboxes.h) they
 * complete addresses, or replace From.  A message whose first line is no field
 * is all body: it gets a header and an empty line in front.  A header without
 * a body stays one, its end is completed.  With Resent- fields present the
 * missing Resent-From/Date/Message-ID are added instead of the plain ones.
 *
 * Pure, constant memory: fields and lines may have any length.  The bytes
 * given in the job must live as long as the filter.
 */
#ifndef MAIL_FIXUP_H
#define MAIL_FIXUP_H

#include "mail/mailboxes.h"

/*
 * Longest field name, with the blanks behind it, that can be recognised: the
 * length of line that RFC 5322 2.1.1 recommends.  A line without a colon in so
 * many bytes is text before the first field, an unknown field behind it.
 */
#define FIXUP_MAX_NAME 78

/* What to do; every slice may be empty: then nothing is done. */
struct fixup_job {
	struct slice trace; /* whole "Received: ..." field(s) with CRLF */
	struct slice from; /* body of From, e.g. "Root <root@x.org>"; more whole
			     * fields may follow behind a CRLF */
	struct slice date; /* body of Date */
	struct slice msgid; /* body of Message-ID, with its < > */
	/*
	 * Addresses are completed, a forced From's own goes to Reply-To unless
	 * there is one, and a header that lacks more than To and Cc gets a To
	 * that names nobody.  NULL: all stays as it is.
	 */
	struct mailboxes *boxes;
	bool drop_bcc;  /* Bcc and Resent-Bcc never leave */
	bool drop_path; /* Return-Path and Content-Length neither */
};

/* The filter, and what it has seen. */
struct fixup {
	const struct fixup_job *job; /* as given */
	uint8_t state;               /* its own */
	uint8_t step;                /* which part of its text it puts out */
	uint8_t name_len;            /* bytes of name */
	bool dropping;               /* the field at hand is being left out */
	bool boxed;                  /* its bytes go through job->boxes */
	uint16_t seen;               /* FIXUP_SAW_ bits */
	uint16_t received;           /* Received fields in the header: loops */
	uint32_t header_len; /* octets taken of it, without the empty line */
	size_t pending;      /* of the text that is being put out */
	char name[FIXUP_MAX_NAME + 1]; /* the beginning of a line, held back */
};

/* Bits of seen. */
enum {
	FIXUP_SAW_FROM = 1,           /* From */
	FIXUP_SAW_DATE = 2,           /* Date */
	FIXUP_SAW_MSGID = 4,          /* Message-ID */
	FIXUP_SAW_TO = 8,             /* To or Cc */
	FIXUP_SAW_RESENT = 16,        /* any Resent- field */
	FIXUP_SAW_RESENT_FROM = 32,   /* Resent-From */
	FIXUP_SAW_RESENT_DATE = 64,   /* Resent-Date */
	FIXUP_SAW_RESENT_MSGID = 128, /* Resent-Message-ID */
	FIXUP_SAW_HEADER = 256,       /* at least one field */
	FIXUP_SAW_BODY = 512,         /* the header has ended */
	FIXUP_SAW_REPLY_TO = 1024     /* Reply-To */
};

/* Start a message. */
void fixup_start(struct fixup *f, const struct fixup_job *job);

/*
 * Take bytes of in, append what leaves to out; stops when out has less than
 * 64 bytes of room.  Progress is guaranteed with 256 bytes of room: texts of
 * the job longer than the room go out in pieces.  Returns bytes taken.
 */
size_t fixup_feed(struct fixup *f, struct slice in, struct buf *out);

/*
 * The message is over: put out what is missing still.
 * Returns: true when all is out; false: empty out and call again
 */
bool fixup_end(struct fixup *f, struct buf *out);

#endif
