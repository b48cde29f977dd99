/* SPDX-License-Identifier: ISC */
/*
 * relay/control.c - see relay/control.h: the control socket, and what the
 * commands do to the spool.  An order is synced before it is answered.
 */
#include "relay/control.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "relay/parts.h"

/* Exit codes that an operator sees (sysexits; DESIGN.md 2.1). */
enum {
	CODE_DONE = 0,
	CODE_USAGE = 64,
	CODE_DATA = 65,
	CODE_IO = 74,
	CODE_AGAIN = 75
};

/* A control client that says nothing is closed after so long. */
#define IDLE_MS 30000

/* Marks of one commit of "remove --all". */
#define MARKS 8

/* Room that a piece may need. */
#define PIECE 1024

static struct control *inside(struct relay *r)
{
	return &r->controls[0];
}

static void start(struct control *c)
{
	memset(c, 0, offsetof(struct control, line));
	c->out = BUF_ON(c->space);
	c->used = true;
}

static void fail(struct control *c, int code, const char *text)
{
	buf_putf(&c->out, "%c!%s\n", '\0', text);
	c->code = code;
}

static void parse(struct control *c, struct slice line)
{
	static const struct {
		const char *name;
		enum control_verb verb;
	} verbs[] = {
		{ "queue", CONTROL_QUEUE },   { "show", CONTROL_SHOW },
		{ "flush", CONTROL_FLUSH },   { "remove", CONTROL_REMOVE },
		{ "hold", CONTROL_HOLD },     { "release", CONTROL_RELEASE },
		{ "status", CONTROL_STATUS },
	};
	struct slice word = slice_word(&line);

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (slice_eq(word, slice_str(verbs[i].name)))
			c->verb = verbs[i].verb;
	c->args = line;
	word = slice_word(&line);
	if (slice_eq(word, SLICE("json")))
		c->json = true;
	else if (slice_eq(word, SLICE("wait")))
		c->wait = true;
	else if (slice_eq(word, SLICE("watch")))
		c->wait = c->watch = true;
	else if (slice_eq(word, SLICE("--all")))
		c->all = true;
	else
		return;
	c->args = line;
}

static bool change_flags(struct relay *r, struct control *c,
			 const struct spool_msg *msg)
{
	struct spool_mark m = { .id = msg->id, .kind = SPOOL_MARK_FLAGS };
	struct spool_item item = { .mark = &m };

	m.flags = c->verb == CONTROL_HOLD ? msg->flags | SPOOL_HELD
					  : msg->flags & ~(uint32_t)SPOOL_HELD;
	if (c->verb == CONTROL_REMOVE)
		m.kind = SPOOL_MARK_GONE;
	else if (m.flags == msg->flags)
		return true; /* it is stored already */
	return spool_commit(r->spool, &item, 1) == 0;
}

/* A message on its way that is not in the queue yet; NULL: there is none. */
static const struct submission *find_staged(struct relay *r, struct slice word)
{
	uint64_t id;

	if (id_parse(word, &id) < 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(r->submissions); i++)
		if (r->submissions[i].state == SUBMISSION_READY &&
		    r->submissions[i].id == id)
			return &r->submissions[i];
	return NULL;
}

/*
 * The message that a word names; one with bytes missing can be found, too.
 * false: there is none, and that was said.
 */
static bool find(struct relay *r, struct control *c, struct slice word,
		 struct spool_msg *msg)
{
	char text[80];
	struct buf b = BUF_ON(text);
	uint64_t id;

	if (find_staged(r, word) != NULL) {
		fail(c, CODE_AGAIN, "the message is just being delivered");
		return false;
	}
	if (id_parse(word, &id) == 0) {
		c->damaged = spool_find(r->spool, id, msg) < 0;
		if (!c->damaged || msg->id == id)
			return true;
	}
	buf_putf(&b, "no message %.*s in the queue",
		 (int)slice_head(word, 40).n, word.p);
	fail(c, CODE_DATA, buf_cstr(&b));
	return false;
}

static void change_one(struct relay *r, struct control *c, struct slice word)
{
	static const char *const done[] = { [CONTROL_REMOVE] = "removed",
					    [CONTROL_HOLD] = "held",
					    [CONTROL_RELEASE] = "released" };
	struct spool_msg msg = { 0 };

	if (!find(r, c, word, &msg))
		return;
	if (c->verb != CONTROL_HOLD) {
		defer_forget(r, msg.id);
		defer_forget(r, ~msg.id);
	}
	/* Read before it is gone. */
	struct slice from = queued_sender(r, &msg);
	if (!change_flags(r, c, &msg)) {
		fail(c, CODE_IO, "the spool cannot be written");
		return;
	}
	event_message(r, done[c->verb], msg.id, from, msg.size, msg.nrcpt,
		      "by order");
	buf_putf(&c->out, "%.*s %s\n", (int)word.n, word.p, done[c->verb]);
	for (unsigned i = 0; i < r->conf->nroutes; i++)
		work_rewind(r, i);
	r->again = true;
}

/* Forget everything, in commits of MARKS messages. */
static bool remove_all(struct relay *r, struct control *c)
{
	struct spool_mark marks[MARKS];
	struct spool_item items[MARKS];
	struct spool_cursor from = { 0 };
	struct spool_msg msg;
	size_t n = 0;

	while (n < MARKS && spool_next(r->spool, &from, &msg) != 0) {
		if (msg.id == 0)
			continue;
		marks[n] = (struct spool_mark){ .id = msg.id,
						.kind = SPOOL_MARK_GONE };
		items[n] = (struct spool_item){ .mark = &marks[n] };
		n++;
	}
	if (n > 0 && spool_commit(r->spool, items, n) < 0) {
		fail(c, CODE_IO, "the spool cannot be written");
		return false;
	}
	c->shown += (unsigned)n;
	if (n > 0)
		return true;
	log_info("removed all: %u messages, by order", c->shown);
	buf_putf(&c->out, "%u messages removed\n", c->shown);
	return false;
}

/* true: there are more pieces. */
static bool change_piece(struct relay *r, struct control *c)
{
	struct slice word;

	if (c->all && c->verb == CONTROL_REMOVE)
		return remove_all(r, c);
	word = slice_word(&c->args);
	if (word.n > 0)
		change_one(r, c, word);
	else if (c->step == 0)
		fail(c, CODE_USAGE, "which message?");
	c->step++;
	return word.n > 0;
}

/* How many wait still, over what was said before (a terminal reads it). */
static void say_progress(struct relay *r, struct control *c, bool last)
{
	unsigned n = r->spool != NULL ? spool_count(r->spool) : 0;

	if (last || c->step == 1 || n != c->shown)
		buf_putf(&c->out, "%u messages wait  %c", n,
			 last ? '\n' : '\r');
	c->shown = n;
}

static bool flush_piece(struct relay *r, struct control *c)
{
	struct slice word = slice_trim(c->args);
	struct spool_msg msg = { 0 };

	if (c->step > 0) {
		/* The order is carried out with the next turn. */
		bool more = !relay_flush_ended(r) || r->again;

		if (c->watch)
			say_progress(r, c, !more);
		c->step = 2;
		return more;
	}
	c->step = 1;
	if (word.n > 0 && find_staged(r, word) == NULL &&
	    !find(r, c, word, &msg))
		return false;
	if (c->damaged) {
		fail(c, CODE_IO, "the message is damaged: it cannot be sent");
		return false;
	}
	relay_flush(r);
	return c->wait;
}

/* The message with LF line ends, as a file would have it. */
static bool show_piece(struct relay *r, struct control *c)
{
	const struct submission *s = find_staged(r, slice_trim(c->args));
	bool staged = s != NULL && !s->big;
	char part[PIECE * 3 / 4];
	uint32_t n;

	/* It may have left the stage since the last piece. */
	if (!staged && c->msg.id == 0 &&
	    !find(r, c, slice_trim(c->args), &c->msg))
		return false;
	n = (staged ? s->body.len : c->msg.size) - c->off;
	if (n > sizeof(part))
		n = sizeof(part);
	if (staged)
		chain_read(&r->stage, &s->body, c->off, part, n);
	else if (n > 0 && spool_read(r->spool, &c->msg, c->off, part, n) < 0) {
		fail(c, CODE_IO, "the message cannot be read");
		return false;
	}
	for (uint32_t i = 0; i < n; i++)
		if (part[i] != '\r')
			buf_put_char(&c->out, part[i]);
	c->off += n;
	return n > 0;
}

/* A flush of all also orders the next attempt of new mail. */
static bool needs_spool(const struct control *c)
{
	if (c->verb == CONTROL_FLUSH)
		return slice_trim(c->args).n > 0;
	return c->verb != CONTROL_STATUS && c->verb != CONTROL_QUEUE &&
	       c->verb != CONTROL_NONE;
}

/* One more piece of the answer; true: there are more. */
static bool piece(struct relay *r, struct control *c)
{
	if ((r->spool_waits && c->verb != CONTROL_STATUS) ||
	    (r->spool == NULL && needs_spool(c))) {
		fail(c, CODE_AGAIN,
		     r->no_spool[0] ? r->no_spool : "there is no spool");
		return false;
	}
	switch (c->verb) {
	case CONTROL_QUEUE:
		return queue_piece(r, c);
	case CONTROL_STATUS:
		return status_piece(r, c);
	case CONTROL_FLUSH:
		return flush_piece(r, c);
	case CONTROL_SHOW:
		return show_piece(r, c);
	case CONTROL_REMOVE:
	case CONTROL_HOLD:
	case CONTROL_RELEASE:
		return change_piece(r, c);
	case CONTROL_NONE:
		break;
	}
	fail(c, CODE_USAGE, "unknown command");
	return false;
}

/* Fill out while it has room; false: wait for something. */
static bool produce(struct relay *r, struct control *c)
{
	bool wait = c->verb == CONTROL_FLUSH;

	while (!c->ended && c->out.cap - c->out.len >= 2 * PIECE) {
		if (piece(r, c)) {
			if (wait)
				return false;
			continue;
		}
		c->ended = true;
		if (!c->inside)
			buf_putf(&c->out, "%c%d\n", '\0', c->code);
	}
	return true;
}

static void close_control(struct control *c)
{
	stream_close(&c->stream);
	c->used = false;
}

static void write_out(struct control *c)
{
	while (c->out_at < c->out.len) {
		ssize_t n = stream_write(&c->stream, c->out.data + c->out_at,
					 c->out.len - c->out_at);

		if (n == -EAGAIN)
			return;
		if (n < 0) {
			close_control(c);
			return;
		}
		c->out_at += (size_t)n;
	}
	buf_reset(&c->out);
	c->out_at = 0;
	if (c->ended)
		close_control(c);
}

static void read_line(struct relay *r, struct control *c)
{
	ssize_t n = stream_read(&c->stream, c->line + c->line_len,
				sizeof(c->line) - c->line_len);
	ptrdiff_t end;

	if (n == -EAGAIN && r->now_ms - c->active_ms < IDLE_MS)
		return;
	if (n <= 0) {
		close_control(c);
		return;
	}
	c->line_len += (size_t)n;
	end = slice_find(slice_of(c->line, c->line_len), '\n');
	if (end >= 0) {
		parse(c, slice_of(c->line, (size_t)end));
		c->ready = true;
	} else if (c->line_len == sizeof(c->line)) {
		close_control(c);
	}
}

void control_serve(struct relay *r, struct control *c)
{
	if (c->inside)
		return;
	if (!c->ready)
		read_line(r, c);
	while (c->used && c->ready) {
		bool more = c->out.len == 0 ? produce(r, c) : true;

		write_out(c);
		if (!more || (c->used && c->out.len > 0))
			break;
	}
}

size_t control_wants(struct relay *r, struct control *c, struct net_wait *set,
		     int64_t *until_ms)
{
	bool now = false;

	(void)r;
	if (c->inside)
		return 0;
	set->fd = c->stream.fd;
	set->want = stream_wants(&c->stream, !c->ready, c->out.len > 0, &now);
	if (!c->ready && c->active_ms + IDLE_MS < *until_ms)
		*until_ms = c->active_ms + IDLE_MS;
	return set->want ? 1 : 0;
}

struct control *control_room(struct relay *r)
{
	for (size_t i = 0; i < ARRAY_LEN(r->controls); i++)
		if (!r->controls[i].used)
			return &r->controls[i];
	return NULL;
}

void control_accept(struct relay *r, struct listener *l)
{
	struct net_peer peer;
	struct control *c = control_room(r);
	int fd = c == NULL ? -EAGAIN
			   : r->net->ops->accept(r->net->ctx, l->fd, &peer);

	if (fd < 0)
		return;
	start(c);
	c->peer = peer;
	c->active_ms = r->now_ms;
	stream_init(&c->stream, r->net);
	stream_adopt(&c->stream, fd);
	r->again = true;
}

void control_begin(struct relay *r, struct slice command)
{
	struct control *c = inside(r);

	start(c);
	c->inside = true;
	parse(c, command);
	/* Without a daemon an ordered pass is made here, to its end. */
	c->wait = true;
}

int control_next(struct relay *r, struct buf *out)
{
	struct control *c = inside(r);

	c->out = *out;
	produce(r, c);
	*out = c->out;
	if (!c->ended)
		return -EINPROGRESS;
	c->used = false;
	return c->code;
}
