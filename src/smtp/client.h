/* SPDX-License-Identifier: ISC */
/*
 * smtp/client.h - the SMTP and LMTP client as an engine: bytes in, bytes out.
 *
 * It speaks RFC 5321 (LMTP: RFC 2033) with PIPELINING, SIZE, 8BITMIME,
 * SMTPUTF8, STARTTLS and AUTH, many transactions over one connection.  It
 * makes no system call, knows no clock and holds no message: the owner looks
 * at smtp_client_wants() and does what it says until SMTP_WANT_CLOSE.
 *
 * The owner's loop, whenever something has changed:
 *   w = smtp_client_wants(c)
 *   WRITE  there are bytes in smtp_client_out(): send them, then
 *          smtp_client_sent() for as many as went
 *   READ   read from the peer, smtp_client_feed()
 *   TLS    start the handshake now; nothing else is wanted until it ended in
 *          smtp_client_tls_up() or smtp_client_fail()
 *   TXN    no transaction is open: smtp_client_begin() or smtp_client_quit();
 *          outcomes of the last transaction are final
 *   BODY   give the message: smtp_client_body(), smtp_client_body_end()
 *   CLOSE  the session is over: close; c->fault says why (VERDICT_NONE: QUIT);
 *          outcomes are final too: a transaction can end in CLOSE without TXN
 * Several bits may be set.  After each step the deadline is now plus
 * smtp_client_timeout_s(); when it passes: smtp_client_expire().
 *
 * SMTP.md beside this file has the states and the table of verdicts.
 */
#ifndef SMTP_CLIENT_H
#define SMTP_CLIENT_H

#include "base/buf.h"
#include "mail/dot.h"
#include "mail/outcome.h"
#include "smtp/auth.h"
#include "smtp/ehlo.h"
#include "smtp/reply.h"

/* Bytes of commands and body waiting to be sent. */
#define SMTP_CLIENT_OUT 4096

/* What the owner has to do: bits of smtp_client_wants(). */
enum {
	SMTP_WANT_READ = 1,  /* bytes of the peer */
	SMTP_WANT_WRITE = 2, /* out has bytes to be sent */
	SMTP_WANT_TLS = 4,   /* the handshake */
	SMTP_WANT_TXN = 8,   /* a transaction, or QUIT */
	SMTP_WANT_BODY = 16, /* bytes of the message */
	SMTP_WANT_CLOSE = 32 /* the end of the connection */
};

/* When and how TLS is used. */
enum smtp_tls {
	SMTP_TLS_OFF,      /* never */
	SMTP_TLS_TRY,      /* STARTTLS when it is offered */
	SMTP_TLS_REQUIRED, /* STARTTLS, or no MAIL, no AUTH, no data */
	SMTP_TLS_IMPLICIT  /* the stream is TLS from its first byte */
};

/* What holds for the whole session; slices live as long as it. */
struct smtp_job {
	struct slice helo; /* our name, or an address literal */
	bool lmtp;         /* LHLO, and one reply a recipient after the dot */
	enum smtp_tls tls; /* when TLS is used */
	bool auth;         /* credentials are set: no MAIL without AUTH */
	bool auth_clear;   /* AUTH even without TLS (tls=off was configured) */
	uint16_t mechanisms;         /* EHLO_AUTH_ bits that may be used */
	struct slice user, password; /* of the login */
	/* The configured limit for an answer, but at least RFC 5321's for
	 * the one to the message; 0: RFC 5321's for all. */
	unsigned timeout_s;
	/* Called with each line that goes out or came in, secrets masked;
	 * NULL: nobody watches. */
	void (*watch)(void *ctx, bool out, struct slice line);
	void *watch_ctx;
};

/* One transaction; everything lives until SMTP_WANT_TXN comes back. */
struct smtp_txn {
	struct slice from;   /* reverse-path without < >, empty: null */
	struct slice params; /* of MAIL (mail/envelope.h) */
	struct slice rcpts;  /* recipients, each with a NUL (mail/envelope.h) */
	uint16_t nrcpt;      /* recipients */
	bool mail_only;      /* without recipients: is the sender welcome? */
	uint64_t size;       /* estimate of the octets on the wire; 0 unknown */
	bool eight_bit;      /* the message has 8-bit bytes */
	bool utf8;           /* its header has, so that it needs SMTPUTF8 */
	bool queue; /* to be committed at once, where XQUEUE is known */
	/*
	 * nrcpt of them, filled by the engine.  While the transaction is open
	 * VERDICT_NONE marks what is undecided.  more: left for the next
	 * transaction (RFC 5321 4.5.3.1.10, RFC 9422); the verdict of such a
	 * one is RETRY_MESSAGE, for owners that do not care.
	 */
	struct outcome *outcomes;
};

/* The engine; its fields are its own, but those marked public. */
struct smtp_client {
	const struct smtp_job *job; /* as given */
	const struct smtp_txn *txn; /* at hand, or NULL */
	struct ehlo ehlo;           /* public: the offer in force */
	bool transactions; /* public: a MAIL was accepted in this session */
	bool logged_in;    /* public: AUTH succeeded */
	bool body_sent;    /* public: the final dot is on its way */
	uint8_t state;     /* enum smtp_client_state */
	uint8_t stage;     /* what is sent next in a transaction */
	uint8_t auth_step; /* responses given */
	bool tls_up;       /* the stream is encrypted */
	bool secret;       /* out holds credentials: wipe when sent */
	bool mail_ok;      /* the MAIL at hand was accepted */
	bool need_reset;   /* the last transaction was not ended by a dot */
	bool utf8;         /* SMTPUTF8 is said in this transaction */
	bool dummy;        /* the dot at hand ends no message (RFC 2920 3.1) */
	const struct auth_mech *mech; /* of the login */
	uint32_t mails;               /* transactions begun in this session */
	uint16_t next_rcpt;           /* index of the next to be sent */
	uint16_t reply_rcpt; /* index to look for the next reply's from */
	uint16_t asked;      /* RCPTs sent */
	uint16_t answered;   /* RCPTs replied to */
	uint16_t accepted;   /* recipients that were taken */
	uint16_t pending;    /* replies owed by the peer */
	struct slice rest;   /* recipients not sent yet */
	struct slice domain; /* of the last recipient sent */
	uint32_t domains;    /* how often it changed */
	struct dot_out dot;  /* the message, on its way out */
	struct buf said;     /* text of the reply's lines, joined by blanks */
	struct buf out;      /* what is to be sent */
	size_t out_at;       /* bytes of out that were sent */
	/* the large parts stand last: what is near is cheap to reach */
	struct outcome fault; /* public: why the session ended; else NONE */
	struct reply reply;
	char said_space[OUTCOME_MAX_TEXT];
	char out_space[SMTP_CLIENT_OUT];
};

/* Start a session on a connected stream (TLS is up when IMPLICIT). */
void smtp_client_init(struct smtp_client *c, const struct smtp_job *job);

/* SMTP_WANT_ bits. */
unsigned smtp_client_wants(const struct smtp_client *c);

/*
 * Take bytes from the peer.  *used: bytes taken, all of them; what comes
 * after the session's end is dropped.
 */
void smtp_client_feed(struct smtp_client *c, struct slice in, size_t *used);

/* Bytes to be sent; valid until the next call on c. */
struct slice smtp_client_out(struct smtp_client *c);

/* n of them were sent. */
void smtp_client_sent(struct smtp_client *c, size_t n);

/* The handshake asked for by SMTP_WANT_TLS has succeeded. */
void smtp_client_tls_up(struct smtp_client *c);

/*
 * Begin a transaction (only when SMTP_WANT_TXN).  It may end at once, nothing
 * sent: when the hop cannot take the message (SIZE, 8BITMIME, SMTPUTF8), or no
 * address can be said.  Look at smtp_client_wants() again.
 */
void smtp_client_begin(struct smtp_client *c, const struct smtp_txn *txn);

/*
 * Give message bytes (only when SMTP_WANT_BODY).  Lines end in CRLF; dots are
 * doubled here.  Returns bytes taken, 0 when out must be sent first.
 */
size_t smtp_client_body(struct smtp_client *c, struct slice in);

/*
 * The message is complete; false: no room yet, send first, call again.  True
 * also when the session ended meanwhile.
 */
bool smtp_client_body_end(struct smtp_client *c);

/*
 * The message cannot be completed (it could not be read): the connection must
 * be dropped without a final dot; outcomes become fault's.
 */
void smtp_client_body_fail(struct smtp_client *c, const struct outcome *fault);

/* Say QUIT (only when SMTP_WANT_TXN). */
void smtp_client_quit(struct smtp_client *c);

/* The peer has closed, or reading or writing failed. */
void smtp_client_lost(struct smtp_client *c, struct slice why);

/* The session ends for a reason of the owner's (TLS failed, shutdown). */
void smtp_client_fail(struct smtp_client *c, const struct outcome *fault);

/* The deadline has passed. */
void smtp_client_expire(struct smtp_client *c);

/* Seconds the state at hand may take (RFC 5321 4.5.3.2); 0: no limit. */
unsigned smtp_client_timeout_s(const struct smtp_client *c);

#endif
