/* SPDX-License-Identifier: ISC */
/*
 * cmd/talk.h - one session of sendmail with somebody who takes its message:
 * the daemon (cmd/handover.c) or a next hop (cmd/direct.c).
 *
 * The SMTP engine decides what is said; here its bytes are moved, and what
 * became of the recipients is counted and said on standard error.
 */
#ifndef CMD_TALK_H
#define CMD_TALK_H

#include "cmd/handover.h"
#include "net/stream.h"
#include "smtp/client.h"

/* How many recipients are sent, refused, to be tried again. */
struct tally {
	unsigned sent, refused, later; /* public: to be read */
	bool whole;       /* public: one transaction was refused as a whole */
	int refused_code; /* exit code of the last refused one */
	char why[OUTCOME_MAX_TEXT]; /* of the first that has to wait */
};

/*
 * Count what became of one recipient, and say what has to be known.
 * own: if it is refused, it is we who did that, and no next hop
 */
void tally_add(struct tally *t, bool verbose, struct slice rcpt,
	       const struct outcome *o, bool own);

/* The exit code of all that were counted. */
must_check int tally_result(const struct tally *t);

/*
 * What runs of sessions have in common.  The owner sets the public fields, all
 * others begin as zeros.
 */
struct talk {
	const struct handover *h; /* public: the message */
	uint64_t max;             /* public: its octets at most */
	/* Public: no transaction is open, begin one (talk_begin()) or quit. */
	void (*next)(struct talk *t);
	/* Public: STARTTLS was agreed on: smtp_client_tls_up() or _fail(). */
	void (*handshake)(struct talk *t);
	unsigned limit_s; /* public: wait no longer than this; 0: RFC 5321's */
	const char *gone; /* public: "the peer went away", or NULL */
	struct smtp_txn txn; /* public: from, size, eight_bit, queue */
	bool open;           /* public: outcomes are not yet settled */
	bool started;        /* bytes of the message were read */
	bool lost;           /* the peer has closed, or is gone */
	int error;           /* of reading the message, or 0 */
	uint64_t octets;     /* of it that were read */
	struct slice have;   /* of it, not yet given to the engine */
	struct tally count;  /* public: all recipients so far */
	struct buf rcpts;    /* public: what txn.rcpts is packed in */
	/* The large parts stand last: what is near is cheap to reach. */
	struct stream stream;                     /* public: connected */
	struct smtp_client client;                /* public: started */
	struct outcome outcomes[CONFIG_RCPT_MAX]; /* of txn */
	char rcpt_space[CONFIG_ENVELOPE_MAX];
};

/* Empty the transaction's recipients. */
void talk_clear(struct talk *t);

/*
 * Add one; nothing else may be in the message's envelope.
 * Returns: false: it belongs in the next transaction
 */
bool talk_add(struct talk *t, struct slice rcpt);

/*
 * Begin the transaction, the message from its start.
 * Returns: 0;  -ESPIPE it cannot be read again, nothing was begun
 */
must_check int talk_begin(struct talk *t);

/* Go on until the session is over and closed; the last outcomes are final. */
void talk_run(struct talk *t);

/* The exit code of all that was counted, and of reading the message. */
must_check int talk_result(const struct talk *t);

#endif
