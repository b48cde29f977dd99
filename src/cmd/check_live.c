/* SPDX-License-Identifier: ISC */
/*
 * cmd/check_live.c - check --live: a walk to every next hop, up to the
 * question whether it takes our sender; no message is sent.
 */
#include "base/memory.h"
#include "cmd/cmd.h"
#include "cmd/live.h"

/* What held so far, once the hop is ready for a transaction. */
static void say_ready(struct live *l)
{
	struct talk *t = &l->talk;

	if (stream_security(&t->stream) == STREAM_PLAIN)
		live_say("TLS", "note ",
			 "none: anybody on the way can read and change mail");
	live_say_hello(l);
	if (t->client.logged_in) {
		live_say("AUTH", "ok   ", "as %.*s", (int)l->job.user.n,
			 l->job.user.p);
	} else if (l->failed) {
		live_say("AUTH", "note ", "not tried without the secret");
		smtp_client_quit(&t->client);
		return;
	} else {
		live_say("AUTH", "note ", "none: no user= is set");
	}
	t->txn.from = buf_slice(&l->sender);
	t->txn.mail_only = true;
	smtp_client_begin(&t->client, &t->txn);
}

/* What the hop said to our sender. */
static void say_sender(struct live *l)
{
	struct smtp_client *c = &l->talk.client;

	if (!c->transactions)
		live_fault(l, "MAIL", l->reply, NULL);
	else
		live_say("MAIL", "ok   ", "<%.*s> may send", (int)l->sender.len,
			 l->sender.data);
	smtp_client_quit(c);
}

static void next(struct talk *t)
{
	struct live *l = (struct live *)t;

	t->open = !t->open;
	if (t->open)
		say_ready(l);
	else
		say_sender(l);
}

int check_live(const struct conf *c, const struct identity *id)
{
	static MEMORY_LARGE struct live l;
	int code = live_prepare(&l, c, id);

	if (code)
		return code;
	l.talk.next = next;
	for (unsigned i = 0; i < c->nhops; i++) {
		live_head(&l, i);
		l.talk.open = false;
		live_walk(&l, &c->hops[i]);
	}
	if (c->nhops > 0)
		return l.worst;
	cmd_out("no next hop: write a line `smarthost submission://HOST "
		"user=NAME password-file=FILE`\n");
	return EXIT_CONFIG_;
}
