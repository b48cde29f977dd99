/* SPDX-License-Identifier: ISC */
/*
 * smtp/server.c - the engine's doors: lines, replies, questions, the message;
 * see smtp/server.h.
 */
#include "smtp/server.h"

#include <string.h>

#include "mail/outcome.h"
#include "smtp/server_int.h"

/* RFC 5321 4.5.3.1.5: octets of a reply line with its CRLF. */
#define MAX_REPLY 512

/* Room for the longest answer to one command: that of EHLO. */
#define ROOM 640

BUILD_ASSERT(ROOM >= MAX_REPLY && ROOM >= ADDRESS_MAX_DOMAIN + 128);
BUILD_ASSERT(SMTP_SERVER_OUT >= 2 * ROOM && SMTP_SERVER_LINE >= MAX_REPLY);

void smtp_server_init(struct smtp_server *s, const struct smtp_server_job *job)
{
	/* A literal of this size would be made on the stack first. */
	memset(s, 0, sizeof(*s));
	s->job = job;
	s->body = buf_on(s->body_space, sizeof(s->body_space));
	s->out = buf_on(s->out_space, sizeof(s->out_space));
	/* RFC 5321 4.2: the name comes first */
	buf_put_str(&s->out, "220 ");
	buf_put_slice(&s->out, job->hostname);
	buf_put_str(&s->out, " ESMTP\r\n");
}

struct slice smtp_server_out(struct smtp_server *s)
{
	return slice_from(buf_slice(&s->out), s->out_at);
}

static bool has_room(const struct smtp_server *s)
{
	return s->out.cap - (s->out.len - s->out_at) >= ROOM;
}

/* One reply line: RFC 5321 4.2, RFC 2034 4. */
static void put_reply(struct buf *b, uint16_t code, uint16_t dsn,
		      struct slice text)
{
	buf_putf(b, "%u", code);
	if (dsn) {
		buf_put_char(b, ' ');
		outcome_put_dsn(b, dsn);
	}
	if (text.n > 0)
		buf_put_char(b, ' ');
	text = slice_head(text, MAX_REPLY - 16);
	for (size_t i = 0; i < text.n; i++)
		buf_put_char(b, char_is_print(text.p[i]) ? text.p[i] : '?');
	buf_put_str(b, "\r\n");
}

void server_make_room(struct smtp_server *s)
{
	buf_drop(&s->out, s->out_at);
	s->out_at = 0;
}

void server_say(struct smtp_server *s, const char *reply)
{
	server_make_room(s);
	buf_put_str(&s->out, reply);
	buf_put_str(&s->out, "\r\n");
}

void server_reply(struct smtp_server *s, uint16_t code, uint16_t dsn,
		  struct slice text)
{
	server_make_room(s);
	put_reply(&s->out, code, dsn, text);
}

void server_reset(struct smtp_server *s)
{
	s->ask = s->transaction && s->ask != SMTP_ASK_END ? SMTP_ASK_RESET
							  : SMTP_ASK_NONE;
	s->transaction = false;
	s->rcpts = 0;
}

static void end_session(struct smtp_server *s)
{
	s->over = true;
	server_reset(s);
}

void server_end(struct smtp_server *s, const char *reply)
{
	server_say(s, reply);
	end_session(s);
}

void server_error(struct smtp_server *s, const char *reply)
{
	if (++s->errors >= SMTP_SERVER_ERRORS)
		server_end(s, "421 4.7.0 too many errors");
	else
		server_say(s, reply);
}

void smtp_server_close(struct smtp_server *s, uint16_t dsn, struct slice text)
{
	if (s->over)
		return;
	if (!s->greeted)
		buf_reset(&s->out);
	/* RFC 5321 3.8: 421 may come at any time */
	server_reply(s, 421, dsn, text);
	end_session(s);
}

void smtp_server_lost(struct smtp_server *s)
{
	buf_reset(&s->out);
	s->out_at = 0;
	end_session(s);
}

bool smtp_server_is_over(const struct smtp_server *s)
{
	return s->over;
}

enum smtp_ask smtp_server_ask(const struct smtp_server *s)
{
	bool replies = s->ask != SMTP_ASK_BODY && s->ask != SMTP_ASK_RESET;

	return replies && !has_room(s) ? SMTP_ASK_NONE : s->ask;
}

struct slice smtp_server_body(const struct smtp_server *s)
{
	return buf_slice(&s->body);
}

/* Refuse the message: the reply is kept in line, which nobody needs now. */
static void refuse(struct smtp_server *s, uint16_t code, uint16_t dsn,
		   struct slice text)
{
	struct buf line = BUF_ON(s->line);

	put_reply(&line, code, dsn, text);
	s->line_len = line.len;
	s->state = SERVER_DROP;
}

/*
 * Say the kept reply, in LMTP once for each recipient (RFC 2033 4.2), as far
 * as there is room; then the transaction is over.
 */
static void say_refusal(struct smtp_server *s)
{
	unsigned most = s->lmtp ? s->rcpts : 1;

	s->state = SERVER_REPLIES;
	server_make_room(s);
	while (s->replies < most && has_room(s)) {
		buf_put(&s->out, s->line, s->line_len);
		s->replies++;
	}
	if (s->replies < most)
		return;
	s->state = SERVER_COMMAND;
	s->line_len = 0;
	server_reset(s);
}

/* All bytes of the message were taken. */
static void end_data(struct smtp_server *s)
{
	s->commands = 0;
	s->replies = 0;
	if (s->state == SERVER_DROP) {
		say_refusal(s);
	} else {
		s->state = SERVER_COMMAND;
		s->ask = SMTP_ASK_END;
	}
}

static void take_fault(struct smtp_server *s)
{
	/* STANDARDS.md S-1, S-5: what follows is never read as commands */
	if (s->dot.status == DOT_IN_BARE_LF)
		server_end(s, "550 5.5.2 bare <LF> received");
	else if (s->dot.status == DOT_IN_BARE_CR)
		server_end(s, "550 5.5.2 bare <CR> received");
	else
		server_end(s, "550 5.6.0 NUL received");
}

static size_t take_data(struct smtp_server *s, struct slice in)
{
	size_t before = s->body.len;
	size_t used = dot_in_feed(&s->dot, in, &s->body);

	s->octets += s->body.len - before;
	/* RFC 1870 6.3: the size that was not said is found out */
	if (s->state == SERVER_DATA && s->job->max_message > 0 &&
	    s->octets > s->job->max_message)
		refuse(s, 552, 534, SLICE("message is too large"));
	if (s->state == SERVER_DROP)
		buf_reset(&s->body);
	if (s->dot.status != DOT_IN_MORE && s->dot.status != DOT_IN_END)
		take_fault(s);
	else if (s->body.len > 0 &&
		 (s->dot.status == DOT_IN_END || used < in.n))
		s->ask = SMTP_ASK_BODY;
	else if (s->dot.status == DOT_IN_END)
		end_data(s);
	return used;
}

static size_t take_command(struct smtp_server *s, struct slice in)
{
	size_t n = 0;
	char c = '\0';

	while (n < in.n && c != '\n') {
		c = in.p[n++];
		/* RFC 5321 2.3.8: CR and LF come together or not at all */
		if (c == '\0' || (c == '\n') != s->cr) {
			server_end(s,
				   "500 5.5.2 bare <CR>, <LF> or NUL received");
			return n;
		}
		s->cr = c == '\r';
		/* One octet more than fits tells that it was too much. */
		if (s->line_len < sizeof(s->line))
			s->line[s->line_len] = c;
		if (s->line_len <= sizeof(s->line))
			s->line_len++;
	}
	if (c != '\n')
		return n;
	/* RFC 5321 4.5.3.1.9 */
	if (s->line_len > sizeof(s->line))
		server_error(s, "500 5.5.2 line is too long");
	else
		server_obey(s, n < in.n);
	s->line_len = 0;
	return n;
}

size_t smtp_server_feed(struct smtp_server *s, struct slice in)
{
	size_t n = 0;

	/* STANDARDS.md S-3: EHLO and DATA are answered before more is said */
	if (in.n > 0 && s->sync && !s->job->batch && !s->over &&
	    s->ask == SMTP_ASK_NONE)
		server_end(s, "554 5.5.0 say nothing before the reply");
	while (n < in.n && !s->over && s->ask == SMTP_ASK_NONE &&
	       s->state != SERVER_REPLIES && has_room(s)) {
		struct slice rest = slice_from(in, n);

		if (s->state == SERVER_COMMAND)
			n += take_command(s, rest);
		else
			n += take_data(s, rest);
	}
	return n;
}

void smtp_server_sent(struct smtp_server *s, size_t n)
{
	s->greeted = true;
	s->out_at += n;
	if (s->out_at == s->out.len) {
		buf_reset(&s->out);
		s->out_at = 0;
		s->sync = false;
	}
	if (s->state == SERVER_REPLIES)
		say_refusal(s);
}

static void start_data(struct smtp_server *s)
{
	s->state = SERVER_DATA;
	s->octets = 0;
	s->sync = true;
	dot_in_start(&s->dot);
}

/* What an answer below 400 to a question means. */
static void accept_answer(struct smtp_server *s, enum smtp_ask ask)
{
	if (ask == SMTP_ASK_MAIL)
		s->transaction = true;
	else if (ask == SMTP_ASK_RCPT)
		s->rcpts++;
	else if (ask == SMTP_ASK_DATA)
		start_data(s);
}

/* The bytes of the body were taken, or the message was refused. */
static void answer_body(struct smtp_server *s, uint16_t code, uint16_t dsn,
			struct slice text)
{
	buf_reset(&s->body);
	if (code == 421)
		smtp_server_close(s, dsn, text);
	else if (code >= 400)
		refuse(s, code, dsn, text);
	if (!s->over && s->dot.status == DOT_IN_END)
		end_data(s);
}

void smtp_server_answer(struct smtp_server *s, uint16_t code, uint16_t dsn,
			struct slice text)
{
	enum smtp_ask ask = s->ask;

	s->ask = SMTP_ASK_NONE;
	if (ask == SMTP_ASK_NONE || ask == SMTP_ASK_RESET)
		return;
	if (ask == SMTP_ASK_BODY) {
		answer_body(s, code, dsn, text);
		return;
	}
	if (code == 421 && ask != SMTP_ASK_END) {
		smtp_server_close(s, dsn, text);
		return;
	}
	server_reply(s, code, dsn, text);
	if (code < 400)
		accept_answer(s, ask);
	if (ask != SMTP_ASK_END)
		return;
	s->replies++;
	if (code == 421) {
		s->over = true;
	} else if (s->lmtp && s->replies < s->rcpts) {
		s->ask = SMTP_ASK_END;
		return;
	}
	s->transaction = false;
	s->rcpts = 0;
}
