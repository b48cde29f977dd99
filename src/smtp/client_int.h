/* SPDX-License-Identifier: ISC */
/*
 * smtp/client_int.h - what the files of the client share; for them only.
 *
 * client.c has the engine's doors and the table of states, client_hello.c
 * what comes before a transaction, client_auth.c the login, client_txn.c the
 * transaction.
 */
#ifndef SMTP_CLIENT_INT_H
#define SMTP_CLIENT_INT_H

#include "smtp/client.h"
#include "smtp/verdict.h"

/* What the peer's next reply will be about. */
enum smtp_client_state {
	ST_GREETING,  /* to the connection */
	ST_EHLO,      /* to EHLO or LHLO */
	ST_HELO,      /* to HELO */
	ST_STARTTLS,  /* to STARTTLS */
	ST_HANDSHAKE, /* the stream becomes TLS: nothing is read or said */
	ST_AUTH,      /* to AUTH or a response */
	ST_READY,     /* between transactions */
	ST_RSET,      /* to RSET */
	ST_MAIL,      /* to MAIL */
	ST_RCPT,      /* to a RCPT */
	ST_DATA,      /* to DATA */
	ST_BODY,      /* the message is being sent */
	ST_DOT,       /* to the final dot */
	ST_QUIT,      /* to QUIT */
	ST_CLOSED     /* nothing: it is over */
};

/* What is sent next in a transaction. */
enum smtp_client_stage {
	STAGE_RSET, /* RSET */
	STAGE_MAIL, /* MAIL */
	STAGE_RCPT, /* RCPTs, then DATA */
	STAGE_NONE, /* nothing: MAIL was refused, or all is said */
	STAGE_SENT  /* the same, and DATA was among it */
};

/* Room that any command needs; out is far larger. */
#define CLIENT_LINE 1024

/* Begin a line of out; returns where it begins. */
size_t client_begin_line(struct smtp_client *c);

/*
 * End the line that began at start with CRLF.  shown: what is said about it
 * to those who watch, NULL: the line itself.  A line that had no room in out
 * ends the session.
 */
void client_end_line(struct smtp_client *c, size_t start,
		     const struct slice *shown);

/* A whole line. */
void client_put_line(struct smtp_client *c, const char *line);

/* Have all bytes of out been sent? */
bool client_all_sent(const struct smtp_client *c);

/* Bytes of commands that out can take. */
size_t client_room(const struct smtp_client *c);

/*
 * Drop the connection: fault becomes c->fault, unless there is one, and the
 * outcome of all that is undecided.
 */
void client_drop(struct smtp_client *c, const struct outcome *fault);

/* Close at once, without a fault: what is undecided stays so. */
void client_hang_up(struct smtp_client *c);

/* client_drop() for a peer that broke the protocol. */
void client_drop_broken(struct smtp_client *c, const char *why);

/*
 * Say QUIT and close when it is answered.  fault: as for client_drop(); NULL:
 * there is none.
 */
void client_leave(struct smtp_client *c, const struct outcome *fault);

/* client_leave() with trouble and words of our own. */
void client_leave_trouble(struct smtp_client *c, enum trouble trouble,
			  const char *why);

/* The login, and then transactions. */
void client_start_login(struct smtp_client *c);

/* Choose a mechanism and send AUTH. */
void client_start_auth(struct smtp_client *c);

/*
 * Does the line of the reply hold the password, or begin to repeat our last
 * response?  Nobody may see it then.
 */
bool client_is_echo(const struct smtp_client *c);

/* Fill o into all outcomes that are undecided; more: those that wait too. */
void client_settle(struct smtp_client *c, const struct outcome *o, bool more);

/* Send what the transaction may send now. */
void client_pump(struct smtp_client *c);

/*
 * What each state does with a complete reply in c->reply, o being what the
 * table of verdicts made of it.
 */
void client_on_greeting(struct smtp_client *c, const struct outcome *o);
void client_on_ehlo(struct smtp_client *c, const struct outcome *o);
void client_on_helo(struct smtp_client *c, const struct outcome *o);
void client_on_starttls(struct smtp_client *c, const struct outcome *o);
void client_on_auth(struct smtp_client *c, const struct outcome *o);
void client_on_rset(struct smtp_client *c, const struct outcome *o);
void client_on_mail(struct smtp_client *c, const struct outcome *o);
void client_on_rcpt(struct smtp_client *c, const struct outcome *o);
void client_on_data(struct smtp_client *c, const struct outcome *o);
void client_on_body(struct smtp_client *c, const struct outcome *o);
void client_on_dot(struct smtp_client *c, const struct outcome *o);

#endif
