/* SPDX-License-Identifier: ISC */
/*
 * cmd/handover.h - give one finished message to the daemon, or, without one,
 * do the daemon's job for it (DESIGN.md 2.1).
 */
#ifndef CMD_HANDOVER_H
#define CMD_HANDOVER_H

#include <sys/types.h>

#include "base/buf.h"
#include "conf/conf.h"
#include "conf/identity.h"
#include "mail/fixup.h"

/* How long the submitter wants to wait (sendmail -od). */
enum handover_mode {
	HANDOVER_WAIT, /* commit-after of the configuration */
	HANDOVER_QUEUE /* -odb, -odq: commit at once */
};

/* The message. */
struct handover {
	struct slice from;       /* reverse-path, empty: null */
	struct slice rcpts;      /* packed, each with a NUL (mail/envelope.h) */
	unsigned nrcpt;          /* how many they are */
	struct slice params;     /* of MAIL (mail/envelope.h) */
	struct slice notify;     /* of each RCPT */
	enum handover_mode mode; /* may it wait for the next hop? */
	bool verbose;            /* say on standard error what happens */
	bool eight_bit;          /* its first bytes hold some above 0x7f */
	bool utf8;               /* with SMTPUTF8 */
	uint64_t size;           /* estimate of its octets; 0 unknown */
	/* The repair of its header; who delivers it may add to this. */
	struct fixup_job *header;
	/* Next bytes of the message, CRLF lines: a count, 0 the end, -errno;
	 * -ELOOP it went through too many hands. */
	ssize_t (*read)(void *ctx, void *p, size_t n);
	/* Start reading again from the first byte; 0 or -errno. */
	int (*rewind)(void *ctx);
	void *ctx;
};

/*
 * Hand over on the submission socket (LHLO, cmd/handover.c).
 * Returns: an exit code;  -ENOENT nobody listens there, or no longer: nothing
 *          was read
 */
must_check int handover_daemon(const struct conf *c, const struct handover *h);

/*
 * Deliver it ourselves (cmd/direct.c), and queue it when that fails
 * (cmd/alone.c): as root creates the spool for `user` and drops root first.
 * Returns: an exit code;  -EAGAIN a daemon has come, and the message is its
 */
must_check int handover_alone(const struct conf *c, const struct identity *id,
			      const struct handover *h);

/*
 * Run one control command (relay/control.h: "queue json", "remove ID", ...)
 * on the spool, without a daemon (cmd/alone.c).  Its text goes to standard
 * output.  Returns: an exit code;  -EAGAIN a daemon has come: ask it
 */
must_check int alone_control(const struct conf *c, const struct identity *id,
			     struct slice command);

#endif
