/* SPDX-License-Identifier: ISC */
/*
 * cmd/test.c - test ADDRESS: one message straight to the next hop, past the
 * daemon and its queue, with the conversation.
 */
#include <string.h>

#include "base/id.h"
#include "base/memory.h"
#include "cmd/cmd.h"
#include "cmd/live.h"
#include "mail/date.h"
#include "mail/envelope.h"

/* Recipients that ADDRESS may stand for (aliases), bytes. */
#define RCPTS_MAX 2048

/* The message, and where it goes. */
struct test {
	struct live live; /* first: the callbacks find the rest by it */
	struct handover h;
	struct buf rcpts; /* packed, aliases applied */
	struct slice rcpt;
	struct buf text; /* of the message */
	size_t at;       /* of it that was read */
	char rcpt_space[RCPTS_MAX];
	char space[2048];
};

static int take_rcpt(void *ctx, struct slice mailbox)
{
	struct test *t = ctx;

	envelope_put_rcpt(&t->rcpts, mailbox);
	return 0;
}

static int rewind_text(void *ctx)
{
	((struct test *)ctx)->at = 0;
	return 0;
}

/* The message's lines, as they leave. */
static void show_text(struct slice text)
{
	while (text.n > 0) {
		struct slice line = slice_cut(&text, '\n');

		cmd_out("C: %.*s\n", (int)line.n - 1, line.p);
	}
	cmd_out("C: .\n");
}

static ssize_t read_text(void *ctx, void *p, size_t n)
{
	struct test *t = ctx;
	struct slice part =
		slice_head(slice_from(buf_slice(&t->text), t->at), n);

	if (t->at == 0)
		show_text(buf_slice(&t->text));
	memcpy(p, part.p, part.n);
	t->at += part.n;
	return (ssize_t)part.n;
}

static void write_text(struct test *t)
{
	const struct identity *id = t->live.id;
	const char *host = id->hostname[0] ? id->hostname : id->domain;
	int64_t now = world_wall_s(&world_real);
	struct slice from = buf_slice(&t->live.sender);
	struct buf *b = &t->text;
	char id_text[ID_LEN + 1];

	id_format(id_text, id_new(&world_real));
	*b = BUF_ON(t->space);
	buf_putf(b, "From: <%.*s>\r\nTo: <%.*s>\r\nDate: ", (int)from.n, from.p,
		 (int)t->rcpt.n, t->rcpt.p);
	date_put(b, now < CONFIG_RELEASE_EPOCH ? CONFIG_RELEASE_EPOCH : now, 0);
	if (!host[0])
		host = "mailmote.invalid";
	buf_putf(b,
		 "\r\nMessage-ID: <%s@%s>\r\nSubject: mailmote test\r\n\r\n"
		 "This is a test message of mailmote on %s.\r\n"
		 "Who reads it can get mail from there.\r\n",
		 id_text, host, host);
}

static void next(struct talk *talk)
{
	struct test *t = (struct test *)talk;

	if (talk->open || talk->txn.nrcpt > 0) {
		talk->open = false;
		smtp_client_quit(&talk->client);
		return;
	}
	write_text(t);
	talk->limit_s = 0;
	talk_clear(talk);
	if (talk_add(talk, t->rcpt)) {
		talk->txn.from = buf_slice(&t->live.sender);
		talk->txn.size = t->text.len;
	}
	if (talk_begin(talk) < 0)
		smtp_client_quit(&talk->client);
}

/* The last line: what happened.  Returns: EXIT_AGAIN: try the next hop */
static int judge(struct test *t)
{
	const struct outcome *o = &t->live.talk.outcomes[0];
	char space[16];
	struct buf dsn = BUF_ON(space);
	const char *words = "not sent";
	int code = t->live.worst ? t->live.worst : EXIT_AGAIN;

	if (t->live.talk.txn.nrcpt == 0)
		return code;
	if (o->verdict == VERDICT_SENT) {
		words = "sent";
		code = EXIT_DONE;
	} else if (o->verdict == VERDICT_REFUSED) {
		words = "refused";
		code = EXIT_REFUSED;
	}
	outcome_put_dsn(&dsn, o->dsn);
	cmd_out("%s to %.*s: %u %s %s\n", words, (int)t->rcpt.n, t->rcpt.p,
		o->code, buf_cstr(&dsn), o->text);
	return code;
}

/* The hops of the recipient's route in their order, until one has it. */
static int send(struct test *t)
{
	struct live *l = &t->live;
	const struct conf *c = l->conf;
	int route = conf_route_of(c, buf_slice(&l->sender), t->rcpt);
	int code = EXIT_CONFIG_;
	bool said = route < 0;

	if (route < 0)
		cmd_out("no route for %.*s: write a smarthost line\n",
			(int)t->rcpt.n, t->rcpt.p);
	for (unsigned i = 0; i < c->nhops; i++) {
		if (route < 0 || c->hops[i].route != (unsigned)route)
			continue;
		live_head(l, i);
		l->talk.txn.nrcpt = 0;
		l->talk.open = false;
		l->worst = 0;
		t->at = 0;
		live_walk(l, &c->hops[i]);
		code = judge(t);
		said = l->talk.txn.nrcpt > 0;
		if (code == EXIT_DONE || code == EXIT_REFUSED)
			break;
	}
	if (!said)
		cmd_out("not sent to %.*s: see the fault above\n",
			(int)t->rcpt.n, t->rcpt.p);
	return code;
}

int cmd_test(int argc, char **argv)
{
	static MEMORY_LARGE struct test t;
	const struct conf *c;
	const struct identity *id;
	int worst = EXIT_DONE;

	if (argc != 2) {
		cmd_err("usage: mailmote test ADDRESS");
		return EXIT_USAGE_;
	}
	int code = cmd_load(&c, &id);
	if (code)
		return code;
	t.rcpts = BUF_ON(t.rcpt_space);
	if (identity_expand(id, c, slice_str(argv[1]), take_rcpt, &t) < 0 ||
	    t.rcpts.overflow) {
		cmd_err("%s: no mailbox, or it lacks a domain", argv[1]);
		return EXIT_DATA;
	}
	code = live_prepare(&t.live, c, id);
	if (code)
		return code;
	if (t.live.sender.len == 0) {
		cmd_err("no sender: write a line domain or from");
		return EXIT_DATA;
	}
	t.h = (struct handover){ .read = read_text,
				 .rewind = rewind_text,
				 .ctx = &t };
	t.live.talk.h = &t.h;
	t.live.talk.max = sizeof(t.space);
	t.live.talk.next = next;
	t.live.show = true;

	struct slice rest = buf_slice(&t.rcpts);
	while (envelope_next_rcpt(&rest, &t.rcpt)) {
		code = send(&t);
		worst = worst ? worst : code;
	}
	return cmd_end(worst);
}
