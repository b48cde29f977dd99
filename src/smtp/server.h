/* SPDX-License-Identifier: ISC */
/*
 * smtp/server.h - the SMTP and LMTP server as an engine: bytes in, bytes out.
 *
 * RFC 5321 with PIPELINING, SIZE, 8BITMIME, ENHANCEDSTATUSCODES, DSN, SMTPUTF8;
 * LHLO (RFC 2033) where allowed.  Strict about line ends (SMTP smuggling).  The
 * engine asks its owner at each decision and waits for the answer; until then
 * it takes no more input.  Room for AUTH and STARTTLS is in the command
 * table and the parameter parser.
 *
 * The owner's loop:
 *   feed bytes; then, until smtp_server_ask() says NONE, do what it asks and
 *   answer; send what is in smtp_server_out(); close when out is empty and
 *   smtp_server_is_over().  After sending look again: a question that had no
 *   room for its reply comes back, and more input may be taken.
 */
#ifndef SMTP_SERVER_H
#define SMTP_SERVER_H

#include "base/buf.h"
#include "mail/address.h"
#include "mail/dot.h"

/*
 * Octets of a command line with CRLF: 512 (RFC 5321 4.5.3.1.4), and those that
 * NOTIFY and ORCPT add (RFC 3461 4).
 */
#define SMTP_SERVER_LINE 1056

/* Octets of replies waiting to be sent: more than any group's answers. */
#define SMTP_SERVER_OUT 2048

/* The error of one session that is answered 421 and closes it. */
#define SMTP_SERVER_ERRORS 20

/* Commands without a message in between; one more is answered 421. */
#define SMTP_SERVER_COMMANDS 1000

/* What the owner is asked. */
enum smtp_ask {
	SMTP_ASK_NONE, /* nothing: feed more */
	SMTP_ASK_MAIL, /* a new transaction: path, size, eight_bit */
	SMTP_ASK_RCPT, /* one more recipient: path */
	SMTP_ASK_DATA, /* may the message come? answer 354 or an error */
	SMTP_ASK_BODY, /* take smtp_server_body(), then answer with 0 */
	SMTP_ASK_END,  /* the final dot was read: answer when it is decided;
			 * in LMTP once for each accepted recipient, in order;
			 * the last answer ends the transaction */
	SMTP_ASK_RESET /* forget the transaction (RSET, EHLO, QUIT, fault,
			 * client gone): answer with 0 */
};

/* What holds for the session; slices live as long as it. */
struct smtp_server_job {
	struct slice hostname; /* of the greeting and EHLO */
	uint64_t max_message;  /* SIZE; 0: not limited */
	uint16_t max_rcpt;     /* accepted recipients; then 452 4.5.3 */
	bool lmtp_ok;          /* LHLO is taken too (submission socket) */
	bool batch;            /* all may be said at once (sendmail -bs) */
};

/* The engine; fields are its own, but those marked public. */
struct smtp_server {
	const struct smtp_server_job *job; /* as given */
	enum smtp_ask ask;                 /* the open question */
	struct slice path;  /* public with MAIL, RCPT: mailbox, no < > */
	struct slice extra; /* public with them: mail/envelope.h, parameters */
	uint64_t size;      /* public with MAIL: SIZE=, 0 unknown */
	bool eight_bit;     /* public with MAIL: BODY=8BITMIME */
	bool utf8;          /* public: SMTPUTF8 was said with MAIL */
	bool queue;         /* public with MAIL: XQUEUE, only after LHLO */
	bool esmtp;         /* public: EHLO or LHLO was said */
	bool lmtp;          /* public: LHLO was said */
	bool transaction;   /* public: MAIL was accepted, not yet ended */
	uint16_t rcpts;     /* public: accepted recipients */
	uint16_t errors;    /* of the client so far */
	uint16_t commands;  /* since the last message */
	uint16_t replies;   /* given to the final dot */
	uint8_t state;      /* enum smtp_server_state */
	uint8_t params;     /* parameters seen in the command at hand */
	bool greeted;       /* the greeting was sent, at least in part */
	bool sync;          /* nothing may come before all replies are sent */
	bool cr;            /* the last byte of the line was a CR */
	bool over;          /* the session has ended */
	uint64_t octets;    /* of the message so far */
	struct dot_in dot;  /* the message, on its way in */
	struct buf body;    /* decoded bytes for the owner */
	struct buf out;     /* what is to be sent */
	size_t out_at;      /* bytes of out that were sent */
	size_t line_len;    /* octets of line; one more than fits: too long */
	/* the large parts stand last: what is near is cheap to reach */
	char helo[ADDRESS_MAX_DOMAIN + 1]; /* public: the client's name */
	char line[SMTP_SERVER_LINE];
	char body_space[1024];
	char out_space[SMTP_SERVER_OUT];
};

/* Start a session with a greeting. */
void smtp_server_init(struct smtp_server *s, const struct smtp_server_job *job);

/*
 * Say 421 dsn text instead of a greeting, or now, and be over.  An open
 * question is closed: END for good (the message is the owner's), others by
 * SMTP_ASK_RESET.  Nothing happens when the session is over already.
 */
void smtp_server_close(struct smtp_server *s, uint16_t dsn, struct slice text);

/*
 * Take bytes from the client.  Stops at each question, when out is nearly
 * full, and when the session is over.  Returns bytes taken: the caller keeps
 * the rest and gives it again later.
 */
size_t smtp_server_feed(struct smtp_server *s, struct slice in);

/* The open question; NONE as well while out has no room for its reply. */
enum smtp_ask smtp_server_ask(const struct smtp_server *s);

/* Message bytes of SMTP_ASK_BODY; valid until the answer. */
struct slice smtp_server_body(const struct smtp_server *s);

/*
 * Answer the open question: an SMTP code, an enhanced code as three digits
 * (250 means 2.5.0; 0 for none), and a text without CR LF.  2xx/354 accept.
 * For BODY and RESET code 0.  An answer of 4xx/5xx to BODY refuses the
 * message: the rest of it is read and dropped, and that is the reply to its
 * end (SMTP_ASK_RESET follows instead of END).  421 ends the session.  Bytes
 * of text that are not printable ASCII become '?'; it is cut to one line.
 */
void smtp_server_answer(struct smtp_server *s, uint16_t code, uint16_t dsn,
			struct slice text);

/* Bytes to be sent, valid until the next call; and: n of them went. */
struct slice smtp_server_out(struct smtp_server *s);
void smtp_server_sent(struct smtp_server *s, size_t n);

/* Nothing more will be read: close once out is empty. */
bool smtp_server_is_over(const struct smtp_server *s);

/*
 * The client is gone: RESET is asked when a transaction was open, but not when
 * END was: then the whole message is there, and the owner's.
 */
void smtp_server_lost(struct smtp_server *s);

#endif
