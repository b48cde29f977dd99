/* SPDX-License-Identifier: ISC */
/* cmd/usage.c - the one table of commands: what runs them, what help says. */
#include <string.h>
#include <unistd.h>

#include "base/fdio.h"
#include "cmd/cmd.h"

/* Where the words of help begin. */
#define COLUMN 22

/* A row of what may be cut; it says so when there is room for it. */
#define ROW(name, x, run, args, help)                       \
	{                                                   \
		name, ENABLE_##x ? (run) : NULL, #x,        \
			ENABLE_##x ? (args) : NULL, (help), \
	}

/* One that help does not name, as it is another one's. */
#define ALSO(name, x, run) ROW(name, x, run, NULL, NULL)

#define ENABLE_ALWAYS 1
#define LIVE (ENABLE_CHECK_LIVE ? "[--live]" : "")
#define MAIL_ARGS \
	(ENABLE_MAIL_ATTACH ? MAIL_WORDS("[-a FILE] ") : MAIL_WORDS(""))
#define MAIL_WORDS(attach) \
	"[-Ev] [-s SUBJECT] [-r FROM] [-c CC] [-b BCC] " attach "RECIPIENT..."

static int cmd_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return cmd_usage(true);
}

static const struct applet applets[] = {
#if ENABLE_DAEMON || ENABLE_CONF_HELP
	ROW("daemon", DAEMON, cmd_daemon, "", "run in the foreground"),
#endif
#if ENABLE_MAILQ || ENABLE_CONF_HELP
	ROW("queue", MAILQ, cmd_control, "[--json]",
	    "what waits, since when, why"),
	ALSO("mailq", MAILQ, cmd_mailq),
#endif
#if ENABLE_CONTROL || ENABLE_CONF_HELP
	ROW("show", CONTROL, cmd_control, "ID", "print a queued message"),
	ROW("flush", CONTROL, cmd_control, "[--wait] [ID]",
	    "order an attempt now"),
	ROW("remove", CONTROL, cmd_control, "ID...|--all",
	    "forget mail without a bounce"),
	ROW("hold", CONTROL, cmd_control, "ID...", "keep it without attempts"),
	ROW("release", CONTROL, cmd_control, "ID...", "end the hold"),
	ROW("status", CONTROL, cmd_control, "[--json]",
	    "routes, spool, counters"),
#endif
#if ENABLE_CHECK || ENABLE_CONF_HELP
	ROW("check", CHECK, cmd_check, LIVE, "validate the configuration"),
#endif
#if ENABLE_TEST || ENABLE_CONF_HELP
	ROW("test", TEST, cmd_test, "ADDRESS", "send a test message, show how"),
#endif
	ROW("version", ALWAYS, cmd_version, "", "version and features"),
	ALSO("--version", ALWAYS, cmd_version),
	ALSO("help", ALWAYS, cmd_help),
	ALSO("--help", ALWAYS, cmd_help),
	ROW("sendmail", SENDMAIL, cmd_sendmail, "[options] [recipients]", ""),
	ALSO("newaliases", SENDMAIL, cmd_newaliases),
#if ENABLE_MAIL || ENABLE_CONF_HELP
	ROW("mail", MAIL, cmd_mail, MAIL_ARGS, ""),
	ROW("mailx", MAIL, cmd_mail, MAIL_ARGS, NULL),
#endif
};

const struct applet *cmd_applet(const char *name)
{
	for (unsigned i = 0; i < ARRAY_LEN(applets); i++) {
		if (strcmp(applets[i].name, name) == 0)
			return &applets[i];
	}
	return NULL;
}

static void put_line(struct buf *b, const struct applet *a)
{
	buf_putf(b, "  %s %s", a->name, a->args);
	while (a->help[0] && b->len < COLUMN)
		buf_put_char(b, ' ');
	buf_putf(b, "%s\n", a->help);
}

int cmd_usage(bool asked)
{
	char space[100];
	struct buf line = BUF_ON(space);

	buf_put_str(&line, "usage: mailmote [-C FILE] COMMAND\n");
	for (unsigned i = 0; i <= ARRAY_LEN(applets); i++) {
		if (asked)
			cmd_out_bytes(buf_slice(&line));
		else if (fdio_write_all(STDERR_FILENO, space, line.len) < 0)
			break;
		buf_reset(&line);
		if (i < ARRAY_LEN(applets) && applets[i].args &&
		    applets[i].help)
			put_line(&line, &applets[i]);
	}
	return cmd_end(asked ? EXIT_DONE : EXIT_USAGE_);
}

int cmd_usage_of(const struct applet *a)
{
	cmd_out("usage: %s [-C FILE]", cmd_name);
	if (strcmp(cmd_name, a->name) != 0)
		cmd_out(" %s", a->name);
	if (a->args && a->args[0])
		cmd_out(" %s", a->args);
	cmd_out("\n");
	return cmd_end(EXIT_DONE);
}
