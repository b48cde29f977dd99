/* SPDX-License-Identifier: ISC */
/*
 * cmd/alone.c - the daemon's job, done once: for one message, or for one
 * command, in this process (DESIGN.md 2.1).  Holds the spool's lock
 * meanwhile.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/id.h"
#include "base/log.h"
#include "base/memory.h"
#include "cmd/cmd.h"
#include "cmd/control.h"
#include "cmd/handover.h"
#include "cmd/local.h"
#include "cmd/mailback.h"
#include "cmd/stdio.h"
#include "cmd/store.h"
#include "cmd/talk.h"
#include "mail/envelope.h"
#include "relay/control.h"
#include "relay/relay.h"
#include "relay/submit.h"
#include "spool/spool.h"

/* How long the spool's lock is asked for; who only reads, sooner gives up. */
#define LOCK_EVERY_MS 50
#define LOCK_FOR_MS 10000
#define LOOK_FOR_MS 1000

/* Why there is no spool. */
#define HELD "the spool is held by another program"

/* What a one-shot works with. */
struct alone {
	const struct conf *conf;
	struct relay *relay;
	int64_t lock_until_ms; /* 0: it was not asked for yet */
	int64_t end_ms;        /* the submitter waits no longer */
	bool command;          /* no mail, but control */
	bool begun;            /* a transaction was answered */
	bool whole;            /* the transaction at hand was refused */
	struct tally count;    /* all recipients so far */
	bool daemon;           /* one has come meanwhile: the lock is its */
	struct privilege who;
	struct store store;
	bool taken[CONFIG_RCPT_MAX]; /* those of the transaction at hand */
};

/*
 * The lock, or -EAGAIN: a daemon has come, which keeps it, or the time is up.
 * -EINPROGRESS: ask again.
 */
static int ask_for_lock(struct alone *a, int for_ms)
{
	int64_t now = world_boot_ms(&world_real);
	int err = store_take(&a->store, &world_real);

	if (a->lock_until_ms == 0)
		a->lock_until_ms = now + for_ms;
	if (err != -EAGAIN)
		return err;
	int fd = ENABLE_DAEMON ? local_connect(a->conf->socket) : -ENOENT;

	if (fd >= 0)
		close(fd);
	a->daemon = fd >= 0;
	return a->daemon || now >= a->lock_until_ms ? -EAGAIN : -EINPROGRESS;
}

static int wait_for_lock(struct alone *a, int for_ms)
{
	int err;

	while ((err = ask_for_lock(a, for_ms)) == -EINPROGRESS) {
		int64_t until = world_boot_ms(&world_real) + LOCK_EVERY_MS;

		/* Nothing can be waited for but time: flock has no event. */
		if (net_real.ops->wait(net_real.ctx, NULL, 0, until) == -EINTR)
			return -EINTR;
	}
	return err;
}

/* The relay gets the spool when it wants it. */
static void give_spool(struct alone *a)
{
	if (ENABLE_SPOOL && relay_wants_spool(a->relay)) {
		int err = ask_for_lock(a, LOCK_FOR_MS);

		if (err != -EINPROGRESS)
			relay_set_spool(a->relay, a->store.spool,
					err == -EAGAIN ? HELD : a->store.why,
					a->store.is_volatile);
	}
}

static void turn(struct alone *a)
{
	give_spool(a);
	relay_wait_and_turn(a->relay);
}

static int deny(const struct alone *a, int err)
{
	if (err == -EAGAIN)
		cmd_err("%s", HELD);
	else
		cmd_err("no daemon is running, and %s",
			a->store.why[0] ? a->store.why
					: "the spool cannot be used");
	/* As the control socket does. */
	if (a->command && geteuid() != 0 && (err == -EACCES || err == -EPERM))
		return EXIT_DENIED;
	return EXIT_AGAIN;
}

static void start_relay(struct alone *a, const struct conf *c,
			const struct identity *id)
{
	struct relay_setup setup = {
		.conf = c,
		.id = id,
		.world = &world_real,
		.net = &net_real,
		.no_spool = "none is built in",
		.uid = a->who.uid,
		.gid = a->who.gid,
		.new_only = true,
	};

	a->relay = relay_static();
	relay_start(a->relay, &setup);
}

/* The secrets are read and the spool is opened before root is given up. */
static int prepare(struct alone *a, const struct conf *c, bool create)
{
	char words[200];
	struct buf why = BUF_ON(words);
	int err = 0;

	if (relay_load_secrets(a->relay, &why) < 0) {
		cmd_err("%.*s", (int)why.len, why.data);
		return EXIT_CONFIG_;
	}
	if (ENABLE_SPOOL)
		err = store_open(&a->store, c, &a->who, create);
	if (err < 0 && (create || err != -ENOENT))
		return deny(a, err);
	return err;
}

/*
 * What a daemon would log goes where the configuration says; on a terminal
 * only what is wrong is said: the command itself says the rest.
 */
static void setup_log(const struct conf *c)
{
	if (c->log == CONF_LOG_STDERR)
		log_setup(LOG_TO_STDERR, (enum log_level)c->log_level,
			  cmd_name);
	else if (c->log == CONF_LOG_AUTO && isatty(2))
		log_setup(LOG_TO_STDERR, LOG_WARN, cmd_name);
	else
		log_setup(LOG_TO_SYSLOG, (enum log_level)c->log_level, cmd_tag);
}

/* create: a missing spool is made.  0, -ENOENT, or an exit code, said. */
static int start(struct alone *a, const struct conf *c,
		 const struct identity *id, bool create)
{
	int code = privilege_find(c, &a->who);

	a->conf = c;
	if (code != 0)
		return code;
	setup_log(c);
	start_relay(a, c, id);
	code = prepare(a, c, create);
	return code != 0 ? code : privilege_drop(&a->who);
}

/* Its own work has ended: connections end with QUIT, marks are written. */
static void finish(struct alone *a)
{
	relay_stop(a->relay);
	while (!relay_is_over(a->relay))
		turn(a);
	if (ENABLE_SPOOL)
		store_close(&a->store);
}

static int copy_body(struct alone *a, struct submission *s,
		     const struct handover *h, struct outcome *why)
{
	static MEMORY_LARGE char part[1024];
	ssize_t n;

	while ((n = h->read(h->ctx, part, sizeof(part))) > 0) {
		struct slice in = slice_of(part, (size_t)n);
		int err;

		while ((err = submit_body(a->relay, s, in, why)) == -EAGAIN)
			turn(a);
		if (err < 0)
			return -1;
	}
	if (n < 0)
		outcome_set(why, VERDICT_RETRY_MESSAGE, 451, 430,
			    SLICE("the message cannot be read"));
	return n < 0 ? -1 : 0;
}

/* own: it is refused by us, not by a next hop. */
static void settle(struct alone *a, const struct handover *h, struct slice rcpt,
		   const struct outcome *o, bool own)
{
	tally_add(&a->count, h->verbose, rcpt, o, own);
	/* Of a mix the relay sends a notice. */
	if (o->verdict != VERDICT_REFUSED || (!own && !a->whole))
		return;
	a->count.whole = true;
	if (ENABLE_MAILBACK)
		mailback_note(rcpt, o);
}

/*
 * Recipients off the front of *rest, as many as one transaction takes; of
 * those that we refuse ourselves the result is counted.  How many it has.
 */
static unsigned take_rcpts(struct alone *a, struct submission *s,
			   const struct handover *h, struct slice *rest)
{
	struct slice left = *rest, rcpt;
	struct outcome why;

	for (unsigned i = 0;
	     i < CONFIG_RCPT_MAX && envelope_next_rcpt(&left, &rcpt); i++) {
		a->taken[i] = submit_rcpt(a->relay, s, rcpt, h->notify, &why) ==
			      0;
		/* Behind an alias there may be many. */
		if (!a->taken[i] && why.dsn == 453 && submit_rcpts(s) > 0)
			break;
		if (!a->taken[i])
			settle(a, h, rcpt, &why, true);
		*rest = left;
	}
	return submit_rcpts(s);
}

static int fill(struct alone *a, struct submission *s, const struct handover *h,
		struct outcome *why)
{
	int err;

	while ((err = submit_data(a->relay, s, why)) == -EAGAIN)
		turn(a);
	return err < 0 ? -1 : copy_body(a, s, h, why);
}

/* The lock is a daemon's, and nobody has the message yet: it is its, too. */
static bool is_for_daemon(struct alone *a, const struct submission *s,
			  const struct outcome *why)
{
	struct outcome o;

	if (!a->daemon || a->begun || why->verdict != VERDICT_RETRY_MESSAGE)
		return false;
	for (unsigned i = 0; i < submit_rcpts(s); i++) {
		submit_answer_rcpt(a->relay, s, i, &o);
		if (o.verdict == VERDICT_SENT)
			return false;
	}
	return true;
}

static struct outcome get_answer(struct alone *a, struct submission *s)
{
	submit_end(a->relay, s);
	a->end_ms = world_boot_ms(&world_real) + a->conf->commit_local_ms;
	while (!submit_answered(s))
		turn(a);
	return *submit_answer(s);
}

/* What became of each that was taken; why: of those the answer is not known. */
static void settle_all(struct alone *a, struct submission *s,
		       const struct handover *h, struct slice rcpts,
		       const struct outcome *why)
{
	struct outcome o = *why;
	struct slice rcpt;
	char id[ID_LEN + 1];
	unsigned n = 0;

	a->whole = why->verdict == VERDICT_REFUSED;
	for (unsigned i = 0; envelope_next_rcpt(&rcpts, &rcpt); i++) {
		if (!a->taken[i])
			continue;
		if (submit_answered(s))
			submit_answer_rcpt(a->relay, s, n++, &o);
		settle(a, h, rcpt, &o, !submit_answered(s));
	}
	id_format(id, submit_id(s));
	if (h->verbose && slice_has(slice_str(why->text), slice_str(id)))
		cmd_err("%s waits for a flush or a daemon", id);
}

/*
 * One transaction, with recipients off the front of *rcpts.
 * Returns: 0;  an exit code;  -EAGAIN a daemon has come: the message is its
 */
static int submit(struct alone *a, const struct handover *h,
		  struct slice *rcpts)
{
	struct submit_job job = { .from = h->from,
				  .params = h->params,
				  .trace = SLICE("from localhost (sendmail)"),
				  .local = true,
				  .queue = h->mode == HANDOVER_QUEUE,
				  .utf8 = h->utf8 };
	struct slice mine = *rcpts, rcpt;
	struct outcome why;
	bool give = false;

	if (a->begun && h->rewind(h->ctx) < 0)
		return EXIT_IO;
	struct submission *s = submit_begin(a->relay, &job, &why);
	if (s == NULL) {
		/* Of all, and so of those that are left. */
		while (envelope_next_rcpt(rcpts, &rcpt))
			settle(a, h, rcpt, &why, true);
		return 0;
	}
	if (take_rcpts(a, s, h, rcpts) > 0) {
		if (fill(a, s, h, &why) == 0)
			why = get_answer(a, s);
		give = is_for_daemon(a, s, &why);
		mine = slice_head(mine, mine.n - rcpts->n);
		if (!give)
			settle_all(a, s, h, mine, &why);
	}
	submit_done(a->relay, s);
	a->begun = true;
	return give ? -EAGAIN : 0;
}

/* The spool for a command: who only reads does so while another works on it. */
static int get_spool(struct alone *a, bool reads)
{
	int err = wait_for_lock(a, reads ? LOOK_FOR_MS : LOCK_FOR_MS);

	if (err == -EAGAIN && a->daemon)
		return err;
	if (err == -EAGAIN && reads)
		err = store_view(&a->store, &world_real);
	if (err < 0)
		return deny(a, err);
	relay_set_spool(a->relay, a->store.spool, NULL, a->store.is_volatile);
	return 0;
}

/*
 * The spool is taken when it is needed.  Until then it says what time it was
 * (DESIGN.md 3.4): that is read without the lock.
 */
static int look_at_clock(struct alone *a)
{
	/* Its very first frame may be on its way: with the lock it is not. */
	if (store_view(&a->store, &world_real) < 0)
		return get_spool(a, false);
	relay_set_spool_later(a->relay, spool_last_wall(a->store.spool));
	a->store.spool = NULL;
	return 0;
}

/* What was too large for the stage is sent from the spool. */
static void finish_sending(struct alone *a)
{
	while (!relay_is_at_rest(a->relay) &&
	       world_boot_ms(&world_real) < a->end_ms)
		turn(a);
	finish(a);
}

int handover_alone(const struct conf *c, const struct identity *id,
		   const struct handover *h)
{
	static MEMORY_LARGE struct alone a;
	struct slice rcpts = h->rcpts;
	int code = start(&a, c, id, true);

	if (code == 0 && ENABLE_SPOOL)
		code = look_at_clock(&a);
	if (code != 0)
		return code < 0 && code != -EAGAIN ? EXIT_SYSTEM : code;
	while (code == 0 && rcpts.n > 0)
		code = submit(&a, h, &rcpts);
	finish_sending(&a);
	return code ? code : tally_result(&a.count);
}

int alone_session(const struct conf *c, const struct identity *id, int fd,
		  struct stdio *io)
{
	static MEMORY_LARGE struct alone a;
	uint32_t uid = getuid();
	int code = start(&a, c, id, true);
	int more = 1;

	if (code == 0 && ENABLE_SPOOL)
		code = look_at_clock(&a);
	if (code != 0)
		return stdio_refuse(code == -EAGAIN ? EXIT_AGAIN
				    : code < 0      ? EXIT_SYSTEM
						    : code);
	relay_add_session(a.relay, fd, uid);
	while (more > 0) {
		give_spool(&a);
		more = stdio_turn(io, a.relay);
	}
	a.end_ms = world_boot_ms(&world_real) + c->commit_local_ms;
	finish_sending(&a);
	return more < 0 ? EXIT_IO : EXIT_DONE;
}

static int run_command(struct alone *a, struct slice command)
{
	static MEMORY_LARGE char space[4096];
	int code;

	control_begin(a->relay, command);
	for (;;) {
		struct buf out = BUF_ON(space);

		code = control_next(a->relay, &out);
		control_print(buf_slice(&out));
		if (code >= 0)
			return code;
		if (out.len == 0)
			turn(a);
	}
}

/* There is no spool: what a command says then, and its exit code. */
static int without_spool(struct slice command)
{
	bool queue = slice_starts(command, SLICE("queue"));
	int code = EXIT_DONE;
	uint64_t id;

	if (queue && !slice_iends(command, SLICE("json")))
		cmd_out("Mail queue is empty\n");
	while (command.n > 0) {
		struct slice word = slice_word(&command);

		if (id_parse(word, &id) < 0)
			continue;
		cmd_err("no message %.*s in the queue", (int)word.n, word.p);
		code = EXIT_DATA;
	}
	return code;
}

int alone_control(const struct conf *c, const struct identity *id,
		  struct slice command)
{
	static MEMORY_LARGE struct alone a;
	bool reads = slice_starts(command, SLICE("queue")) ||
		     slice_starts(command, SLICE("show"));
	int code;

	a.command = true;
	code = start(&a, c, id, false);
	if (code == -ENOENT)
		return without_spool(command);
	if (code == 0 && ENABLE_SPOOL)
		code = get_spool(&a, reads);
	if (code != 0)
		return code;
	code = run_command(&a, command);
	if (a.store.locked)
		finish(&a);
	return code;
}
