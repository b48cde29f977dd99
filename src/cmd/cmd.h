/* SPDX-License-Identifier: ISC */
/*
 * cmd/cmd.h - what the applets share: exit codes, output, configuration.
 *
 * The only room that exits or prints.  Standard output is written through
 * one small buffer; errors go to standard error as "NAME: text".
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include "base/buf.h"
#include "conf/conf.h"
#include "conf/identity.h"

/* Exit codes (sysexits; DESIGN.md 2.1). */
enum {
	EXIT_DONE = 0,      /* all is well */
	EXIT_USAGE_ = 64,   /* bad option, no recipients */
	EXIT_DATA = 65,     /* bad address, data, unknown ID */
	EXIT_REFUSED = 69,  /* the next hop refused */
	EXIT_INTERNAL = 70, /* our own fault */
	EXIT_SYSTEM = 71,   /* the system lacks something */
	EXIT_IO = 74,       /* reading or writing failed */
	EXIT_AGAIN = 75,    /* try again later */
	EXIT_DENIED = 77,   /* not allowed */
	EXIT_CONFIG_ = 78   /* the configuration is at fault */
};

/* One applet: argv[0] is its name; -C FILE is taken off already. */
struct applet {
	const char *name;                  /* argv[0], or the first argument */
	int (*run)(int argc, char **argv); /* NULL: not built in */
	const char *missing;               /* then: the CONFIG_ it would need */
	const char *args; /* what may stand behind it, and what it does: */
	const char *help; /* as help says; NULL: it says nothing */
};

/* The applet of this name, or NULL. */
const struct applet *cmd_applet(const char *name);

/* The path of -C, or NULL for CONFIG_CONF_PATH. */
extern const char *cmd_conf_path;

/* The program as it was called, in front of what cmd_err() says. */
extern const char *cmd_name;

/* The program in front of what goes to syslog. */
extern const char *cmd_tag;

/* cmd_err() says nothing (sendmail -oeq: only the exit code). */
extern bool cmd_quiet;

/* The configuration file's path. */
const char *cmd_conf_file(void);

/* The value of an environment variable, or NULL. */
const char *cmd_env(const char *name);

/*
 * Take -C FILE off the front of what follows argv[0], which stays the first.
 * Returns: 0;  EXIT_USAGE_, said: FILE is missing
 */
must_check int cmd_take_conf(int *argc, char ***argv);

/*
 * Read the configuration and work out who we are; on failure prints why.
 * Returns: 0, or an exit code.  *c and *id are static objects.
 */
must_check int cmd_load(const struct conf **c, const struct identity **id);

/* Print to standard output (buffered) and standard error ("NAME: ..."). */
void cmd_out(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void cmd_out_bytes(struct slice s);
void cmd_err(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Flush standard output; EXIT_IO when it cannot be written, else code. */
must_check int cmd_end(int code);

/*
 * The applets: argc and argv as main has them, argv[0] the applet's name.
 * Returns: an exit code
 */
must_check int cmd_daemon(int argc, char **argv);
must_check int cmd_sendmail(int argc, char **argv);
must_check int cmd_mail(int argc, char **argv);
must_check int cmd_mailq(int argc, char **argv);
must_check int cmd_newaliases(int argc, char **argv);
/* queue show flush remove hold release status */
must_check int cmd_control(int argc, char **argv);
must_check int cmd_check(int argc, char **argv);
/* check --live, behind what check prints (cmd/check_live.c). */
must_check int check_live(const struct conf *c, const struct identity *id);
must_check int cmd_test(int argc, char **argv);
must_check int cmd_version(int argc, char **argv);

/* Print the commands to standard output (help asked for) or error. */
must_check int cmd_usage(bool asked);

/* Print how one of them is called. */
must_check int cmd_usage_of(const struct applet *a);

#endif
