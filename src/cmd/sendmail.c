/* SPDX-License-Identifier: ISC */
/*
 * cmd/sendmail.c - sendmail(1): a message on standard input, to the daemon or,
 * without one, on its way.
 *
 * Date and Message-ID are not added here but when the message leaves: the
 * clock may not be set yet (DESIGN.md 3.4).
 */
#include "cmd/sendmail.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "cmd/cmd.h"
#include "cmd/control.h"
#include "cmd/input.h"
#include "cmd/mailback.h"
#include "cmd/stdio.h"
#include "mail/address.h"
#include "mail/downgrade.h"
#include "mail/envelope.h"
#include "mail/params.h"

/* Bytes of a From field that is added. */
#define FROM_MAX 1024

/* The recipients, and the message. */
static MEMORY_LARGE char rcpt_space[SENDMAIL_RCPTS];
static MEMORY_LARGE struct input input;

/* -q: EXIT_DENIED is no news for whoever calls it from cron. */
static int flush_queue(const struct sendmail *s, const struct conf *c,
		       const struct identity *id)
{
	char space[32];
	struct buf line = BUF_ON(space);
	int code;

	buf_put_str(&line, s->flush_wait ? "flush wait" : "flush");
	if (s->flush)
		buf_putf(&line, " %s", s->flush);
	cmd_quiet = true;
	code = control_run(c, id, buf_slice(&line));
	return cmd_end(code == EXIT_DENIED ? EXIT_DONE : code);
}

/* -bd: into the background, as init scripts expect. */
static int start_daemon(const struct sendmail *s, char **argv)
{
	char *words[] = { argv[0], NULL };

	if (s->mode == SENDMAIL_DAEMON) {
		/* one thread: nothing else has to be told */
		pid_t pid = _Fork();

		if (pid < 0)
			return EXIT_SYSTEM;
		if (pid > 0)
			return EXIT_DONE;
		setsid();
	}
	return cmd_daemon(1, words);
}

static int accept_any(void *ctx, struct slice mailbox)
{
	(void)ctx;
	(void)mailbox;
	return 0;
}

/* All or none: a bare name that nothing completes spoils the message. */
static int check_rcpts(const struct sendmail *s, const struct conf *c,
		       const struct identity *id)
{
	struct slice rest = buf_slice(&s->rcpts), rcpt;

	while (envelope_next_rcpt(&rest, &rcpt)) {
		if (identity_expand(id, c, rcpt, accept_any, NULL) !=
		    -EDESTADDRREQ)
			continue;
		cmd_err("%.*s: 5.1.3 recipient has no domain, nothing was sent",
			(int)rcpt.n, rcpt.p);
		return EXIT_DATA;
	}
	return 0;
}

/* Recipients of the arguments and of the header; none is misuse. */
static int gather_rcpts(struct sendmail *s)
{
	int code = sendmail_rcpts_of_args(s);

	if (!code && s->take_header)
		code = sendmail_rcpts_of_header(s, input_header(&input));
	if (!code && s->nrcpt == 0) {
		cmd_err("no recipients");
		return EXIT_USAGE_;
	}
	return code;
}

/* What mail(1) writes around a body that was opened. */
static int finish_front(const struct sendmail *s)
{
	struct slice body = slice_of(input.raw, input.raw_len);

	body = slice_from(body, input.front);
	if (input.all && !slice_has_8bit(body))
		return 0;
	return input_front(&input, s->mime);
}

static int open_input(const struct sendmail *s)
{
	int err = 0;

	input.source = s->source;
	if (ENABLE_MAIL)
		err = input_front(&input, s->front);
	if (err == 0)
		err = input_open(&input, STDIN_FILENO, !s->ignore_dots);
	if (ENABLE_MAIL && err == 0)
		err = finish_front(s);

	if (err == -EMSGSIZE) {
		cmd_err("the header is larger than %u bytes, nothing was sent",
			CONFIG_HEADER_MAX);
		return EXIT_DATA;
	}
	if (err < 0) {
		cmd_err("the message cannot be read");
		return EXIT_IO;
	}
	return 0;
}

/* What is known of the size before all is read. */
static uint64_t estimate(void)
{
	struct stat st;

	if (input.all || input.start < 0)
		return input.all ? input.raw_len : 0;
	if (fstat(STDIN_FILENO, &st) < 0 || st.st_size < input.start)
		return 0;
	return (uint64_t)(st.st_size - input.start);
}

/* To the daemon, or without one on its way. */
static int hand_over(const struct conf *c, const struct identity *id,
		     const struct handover *h)
{
	int code = ENABLE_DAEMON ? handover_daemon(c, h) : -ENOENT;

	if (code != -ENOENT)
		return code;
	input_keep(&input);
	code = handover_alone(c, id, h);
	if (!ENABLE_DAEMON || code != -EAGAIN)
		return code;
	code = input_rewind(&input) < 0 ? -EIO : handover_daemon(c, h);
	if (code < 0)
		cmd_err("the daemon went away");
	return code < 0 ? EXIT_AGAIN : code;
}

/*
 * Some were refused, and code is the exit code so far: a notice goes to the
 * sender where that was asked for, and where an exit code cannot say it.
 */
static int mail_back(const struct sendmail *s, const struct identity *id,
		     const struct handover *h, int code)
{
	bool mix = code == EXIT_DONE;

	if (code == EXIT_AGAIN || (!mix && !s->mail_back) ||
	    (ENABLE_DSN_PARAMS && !params_want_failure(h->notify)))
		return code;
	if (mailback_send(id, h->from, h->params, input_header(&input)) !=
	    EXIT_DONE)
		return mix ? EXIT_REFUSED : code;
	return s->mail_enough ? EXIT_DONE : code;
}

/* -N, -R and -V, as the envelope has them; they were proved. */
static void put_params(const struct sendmail *s, struct handover *h)
{
	static char mail_space[128], list_space[40];
	struct buf mail = BUF_ON(mail_space), rcpt = BUF_ON(list_space);
	bool ok = s->ret.n == 0 || params_put(&mail, SLICE("RET"), s->ret);

	if (ok && s->envid.n > 0)
		ok = params_put(&mail, SLICE("ENVID"), s->envid);
	if (ok && s->notify.n > 0)
		ok = params_put(&rcpt, SLICE("NOTIFY"), s->notify);
	if (!ok)
		return;
	h->params = buf_slice(&mail);
	h->notify = buf_slice(&rcpt);
}

/* Can a header be made ASCII?  Not where an address is not. */
static bool has_ascii_form(struct slice header)
{
	static MEMORY_LARGE struct downgrade d;
	static MEMORY_LARGE char space[DOWNGRADE_ROOM];
	struct buf out = BUF_ON(space);

	downgrade_start(&d, false);
	d.head = true;
	while (header.n > 0) {
		header = slice_from(header, downgrade_feed(&d, header, &out));
		buf_reset(&out);
	}
	return downgrade_end(&d, &out) && !d.failed;
}

/*
 * Does the message need SMTPUTF8?  Not for a header that the relay can make
 * ASCII: a hop behind the next one may not have it, and return the message.
 */
static int choose_utf8(const struct sendmail *s, struct handover *h)
{
	struct slice header = input_header(&input);
	bool needed = slice_has_8bit(h->from) || slice_has_8bit(h->rcpts);

	if (needed && s->utf8 == 'n') {
		cmd_err("an address is not ASCII, and -O smtputf8=no: "
			"nothing was sent");
		return EXIT_DATA;
	}
	h->utf8 = needed || (s->utf8 != 'n' && slice_is_utf8(header) &&
			     (s->utf8 == 'y' || (ENABLE_MIME_DOWNGRADE &&
						 !has_ascii_form(header))));
	return 0;
}

static int deliver(struct sendmail *s, const struct conf *c,
		   const struct identity *id)
{
	static char path_space[ADDRESS_MAX_PATH];
	static MEMORY_LARGE char from_space[FROM_MAX];
	struct buf path = BUF_ON(path_space);
	struct buf from = BUF_ON(from_space);
	int code = sendmail_sender(s, id, &path, &from);

	if (code)
		return code;
	struct fixup_job job = {
		.from = buf_slice(&from),
		.drop_bcc = true,
		.drop_path = true,
	};
	struct handover h = {
		.from = buf_slice(&path),
		.rcpts = buf_slice(&s->rcpts),
		.nrcpt = s->nrcpt,
		.mode = s->handover,
		.verbose = s->verbose,
		.eight_bit = slice_has_8bit(slice_of(input.raw, input.raw_len)),
		.size = estimate(),
		.header = &job,
		.read = input_read,
		.rewind = input_rewind,
		.ctx = &input,
	};
	if (ENABLE_DSN_PARAMS)
		put_params(s, &h);
	if (ENABLE_SMTPUTF8)
		code = choose_utf8(s, &h);
	if (code)
		return code;
	input_start(&input, &job);
	if (s->nrcpt > CONFIG_RCPT_MAX || s->rcpts.len > CONFIG_ENVELOPE_MAX)
		input_keep(&input);
	code = hand_over(c, id, &h);
	if (ENABLE_MAILBACK && mailback_is_due())
		code = mail_back(s, id, &h, code);
	return code;
}

/* Everything that needs no message. */
static int run_mode(struct sendmail *s, const struct conf *c,
		    const struct identity *id, char **argv)
{
	if (s->mode == SENDMAIL_ALIASES)
		return cmd_newaliases(1, argv);
	if (ENABLE_MAILQ && s->mode == SENDMAIL_MAILQ)
		return cmd_mailq(1, argv);
	if (ENABLE_CONTROL && s->mode == SENDMAIL_FLUSH)
		return flush_queue(s, c, id);
	if (ENABLE_STDIO && s->mode == SENDMAIL_SMTP)
		return stdio_run(c, id);
	if (ENABLE_VERIFY && s->mode == SENDMAIL_VERIFY)
		return sendmail_verify(s, c, id);
	if (ENABLE_DAEMON && s->mode >= SENDMAIL_DAEMON)
		return start_daemon(s, argv);
	cmd_err("not built into this program (CONFIG_%s)",
		s->mode == SENDMAIL_MAILQ    ? "MAILQ"
		: s->mode == SENDMAIL_FLUSH  ? "CONTROL"
		: s->mode == SENDMAIL_SMTP   ? "STDIO"
		: s->mode == SENDMAIL_VERIFY ? "VERIFY"
					     : "DAEMON");
	return EXIT_USAGE_;
}

int sendmail_message(struct sendmail *s, const struct conf *c,
		     const struct identity *id)
{
	int code = open_input(s);

	if (ENABLE_MAIL && s->skip_empty && input.raw_len == input.front)
		return code;
	s->rcpts = BUF_ON(rcpt_space);
	if (!code)
		code = gather_rcpts(s);
	if (!code && !ENABLE_DIRECT)
		code = check_rcpts(s, c, id);
	return code ? code : deliver(s, c, id);
}

int cmd_sendmail(int argc, char **argv)
{
	const struct conf *c;
	const struct identity *id;
	struct sendmail s = {
		.rcpts = buf_on(rcpt_space, sizeof(rcpt_space)),
	};
	int code = sendmail_options(&s, argc, argv);

	if (!code && s.mode == SENDMAIL_HELP)
		return sendmail_help();
	bool wanted = s.mode == SENDMAIL_VERIFY ||
		      (s.mode == SENDMAIL_DELIVER && !s.take_header);
	if (!code && wanted && s.argc == 0) {
		cmd_err("no recipients");
		code = EXIT_USAGE_;
	}
	if (!code)
		code = cmd_load(&c, &id);
	if (code)
		return code;
	if (s.mode != SENDMAIL_DELIVER)
		return run_mode(&s, c, id, argv);
	return sendmail_message(&s, c, id);
}
