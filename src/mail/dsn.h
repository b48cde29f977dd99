/* SPDX-License-Identifier: ISC */
/*
 * mail/dsn.h - the notice that a message could not be delivered: a report as
 * RFC 3464 and RFC 6522 have it, in pieces, in constant memory.  Pure.
 *
 *   dsn_start, dsn_put until it has no more, dsn_header with the header of
 *   the message as it left (until over) or, when all is returned, the message
 *   as it left, dsn_end
 *
 * What others have said is printable ASCII when it is out, each in a line of
 * its own behind words of ours; of the header, lines that begin with '-' are
 * left out: the boundary can stand nowhere else.
 */
#ifndef MAIL_DSN_H
#define MAIL_DSN_H

#include "mail/qp.h"

/* Bytes of room that dsn_put() and dsn_end() need. */
#define DSN_ROOM 1440

/* Bytes of a Message-ID above which it is not referred to. */
#define DSN_MAX_MSGID 200

/* One recipient: one that the message did not reach, mostly. */
struct dsn_rcpt {
	struct slice address; /* as in the envelope */
	struct slice orcpt;   /* ORCPT= as it came (RFC 3461); n 0: none */
	struct slice mta;     /* the host that said so; n 0: not known */
	struct slice text;    /* why; its words, or ours */
	bool literal;         /* mta is an address, without its [ ] */
	bool relayed;         /* it did reach it, as far as we can tell */
	uint16_t code;        /* SMTP reply, 0: none was received */
	uint16_t dsn;         /* RFC 3463, as in struct outcome */
};

/* What the notice says; all of it lives as long as the generator. */
struct dsn_job {
	struct slice host;  /* our own name: at most 255 bytes */
	struct slice to;    /* the reverse-path, at most 256 bytes */
	const char *id;     /* of this notice: letters, digits, '.' */
	struct slice msgid; /* of the message, with < >; n 0: not known */
	struct slice envid; /* ENVID= as it came (RFC 3461); n 0: none */
	int64_t date_s;     /* now */
	int64_t arrival_s;  /* when the message came; 0: not known */
	int zone_min;       /* of both, minutes east of UTC */
	bool eight_bit;     /* what is returned may have 8-bit bytes */
	bool utf8;          /* it may be in UTF-8 (RFC 6533) */
	bool relayed;       /* some recipients are relayed ... */
	bool failed;        /* ... and some are not; as if, without relayed */
	bool full; /* all is returned: behind dsn_put(), by the owner */
	void *ctx; /* given back to rcpt() */
	/* The recipients in order; false: there is none left. */
	bool (*rcpt)(void *ctx, unsigned n, struct dsn_rcpt *out);
};

/* The generator; fields are its own, but for over. */
struct dsn {
	const struct dsn_job *job; /* as given */
	uint8_t step;              /* which piece is next */
	unsigned n;                /* number of the next recipient */
	bool over;                 /* the header has ended */
	bool bol;                  /* at the beginning of a line of it */
	bool cr;                   /* a CR is held back */
	bool skip;                 /* the line at hand is left out */
	struct qp qp;              /* the line that is put out */
};

/* Start a notice. */
void dsn_start(struct dsn *d, const struct dsn_job *job);

/* Append the next piece of what stands before the header; true: more. */
bool dsn_put(struct dsn *d, struct buf *out);

/*
 * Take bytes of the header (CRLF lines), append what is returned of them;
 * stops at the empty line (then over is set), or when out has less than 8
 * bytes of room.  Returns bytes taken.
 */
size_t dsn_header(struct dsn *d, struct slice in, struct buf *out);

/* Append the end. */
void dsn_end(const struct dsn *d, struct buf *out);

#endif
