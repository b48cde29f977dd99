/* SPDX-License-Identifier: ISC */
/*
 * smtp/server_int.h - what the files of the server share; for them only.
 *
 * server.c has the engine's doors and the message, server_cmd.c the commands.
 */
#ifndef SMTP_SERVER_INT_H
#define SMTP_SERVER_INT_H

#include "smtp/server.h"

/* What the next bytes are. */
enum smtp_server_state {
	SERVER_COMMAND, /* a command */
	SERVER_DATA,    /* the message */
	SERVER_DROP,    /* a refused message: line holds the reply to its end */
	SERVER_REPLIES  /* nothing yet: that reply waits for room in out */
};

/* Append one reply; dsn 0: none. */
void server_reply(struct smtp_server *s, uint16_t code, uint16_t dsn,
		  struct slice text);

/* Append one reply that is written out: "250 2.0.0 ok". */
void server_say(struct smtp_server *s, const char *reply);

/* A reply that counts as an error of the client; too many end it all. */
void server_error(struct smtp_server *s, const char *reply);

/* A last reply: the session is over. */
void server_end(struct smtp_server *s, const char *reply);

/* What was sent gives its place in out to what comes. */
void server_make_room(struct smtp_server *s);

/* The transaction, if there is one, is to be forgotten. */
void server_reset(struct smtp_server *s);

/*
 * Obey the line in s->line, of s->line_len octets, CRLF included.  more: there
 * are bytes behind it already.
 */
void server_obey(struct smtp_server *s, bool more);

#endif
