/* SPDX-License-Identifier: ISC */
/*
 * main.c - makes a safe place to stand on, and picks the applet: by the name
 * the program was called by, else by the first argument.  A caller may say
 * anything for a name: then the file that it started counts.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"

/* Names the program is installed under, besides its own. */
static bool is_alias(const char *name)
{
	return strcmp(name, "sendmail") == 0 || strcmp(name, "mailq") == 0 ||
	       strcmp(name, "newaliases") == 0 || strcmp(name, "mail") == 0 ||
	       strcmp(name, "mailx") == 0;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/*
 * STANDARDS.md S-15: descriptors 0 to 2 exist, so that no file of ours takes
 * their place; a file size limit is an error, not a signal; nothing we make
 * is open to others unless we say so.
 */
static bool settle_in(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (lseek(fd, 0, SEEK_CUR) < 0 && errno == EBADF &&
		    open("/dev/null", O_RDWR | O_NOCTTY) < 0)
			return false;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	umask(077);
	return true;
}

static int run(const struct applet *a, int argc, char **argv)
{
	if (!a->run) {
		cmd_err("%s is not built into this program (CONFIG_%s)",
			a->name, a->missing);
		return EXIT_USAGE_;
	}
	/* sendmail knows -C among its own options. */
	bool own = ENABLE_SENDMAIL && a->run == cmd_sendmail;
	int code = own ? 0 : cmd_take_conf(&argc, &argv);
	if (!code && !own && argc > 1 && strcmp(argv[1], "--help") == 0)
		return cmd_usage_of(a);
	return code ? code : a->run(argc, argv);
}

int main(int argc, char **argv)
{
	const char *name = argc > 0 ? last_part(argv[0]) : "";
	const char *file = (const char *)getauxval(AT_EXECFN);

	if (!settle_in())
		return EXIT_SYSTEM;
	if (file && !is_alias(name) && strcmp(name, "mailmote") != 0)
		name = last_part(file);
	const struct applet *a = is_alias(name) ? cmd_applet(name) : NULL;
	if (a) {
		cmd_name = name;
		return run(a, argc, argv);
	}
	if (argc < 1)
		return cmd_usage(false);
	int code = cmd_take_conf(&argc, &argv);
	if (code)
		return code;
	if (argc < 2)
		return cmd_usage(false);
	a = cmd_applet(argv[1]);
	if (!a) {
		cmd_err("unknown command: %s", argv[1]);
		return cmd_usage(false);
	}
	if (is_alias(a->name))
		cmd_name = a->name;
	return run(a, argc - 1, argv + 1);
}
