/* SPDX-License-Identifier: ISC */
/* cmd/cmd.c - see cmd/cmd.h. */
#include "cmd/cmd.h"

#include <stdarg.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/memory.h"

/* Bytes of output gathered for one write, and of one error line. */
#define OUT_MAX 1024
#define ERR_MAX 640

const char *cmd_conf_path;
const char *cmd_name = "mailmote";
const char *cmd_tag = "mailmote";
bool cmd_quiet;

static MEMORY_LARGE char out_space[OUT_MAX];
static struct buf out = { out_space, 0, OUT_MAX, false };
static bool out_failed;

const char *cmd_conf_file(void)
{
	return cmd_conf_path ? cmd_conf_path : CONFIG_CONF_PATH;
}

const char *cmd_env(const char *name)
{
	size_t n = strlen(name);

	for (char **e = environ; e && *e; e++) {
		if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
			return *e + n + 1;
	}
	return NULL;
}

int cmd_take_conf(int *argc, char ***argv)
{
	char **words = *argv;
	char *name = words[0];

	while (*argc > 1 && strncmp(words[1], "-C", 2) == 0) {
		unsigned used = words[1][2] ? 1 : 2;

		if (*argc <= (int)used) {
			cmd_err("-C needs the name of a file");
			return EXIT_USAGE_;
		}
		cmd_conf_path = used == 1 ? words[1] + 2 : words[2];
		words += used;
		*argc -= (int)used;
		words[0] = name;
	}
	*argv = words;
	return 0;
}

int cmd_load(const struct conf **c, const struct identity **id)
{
	static MEMORY_LARGE struct conf conf;
	static struct identity identity;
	static MEMORY_LARGE char space[CONF_MAX_FILE];
	struct conf_error why;
	struct utsname system;

	if (conf_read(&conf, cmd_conf_file(), !cmd_conf_path, space, &why) <
	    0) {
		cmd_err("%s", why.text);
		return EXIT_CONFIG_;
	}
	memory_give_back(space, sizeof(space));
	if (uname(&system) < 0)
		system.nodename[0] = '\0';
	identity_resolve(&identity, &conf, slice_str(system.nodename));
	*c = &conf;
	*id = &identity;
	return 0;
}

static void flush(void)
{
	if (out.len > 0 && !out_failed)
		out_failed = fdio_write_all(STDOUT_FILENO, out.data, out.len) <
			     0;
	buf_reset(&out);
}

void cmd_out_bytes(struct slice s)
{
	while (s.n > 0) {
		struct slice head = slice_head(s, buf_room(&out));

		buf_put_slice(&out, head);
		s = slice_from(s, head.n);
		if (s.n > 0)
			flush();
	}
}

void cmd_out(const char *fmt, ...)
{
	char space[ERR_MAX];
	struct buf line = BUF_ON(space);
	va_list args;

	va_start(args, fmt);
	buf_vputf(&line, fmt, args);
	va_end(args);
	cmd_out_bytes(buf_slice(&line));
}

void cmd_err(const char *fmt, ...)
{
	char space[ERR_MAX];
	struct buf line = buf_on(space, sizeof(space) - 1);
	va_list args;

	if (cmd_quiet)
		return;
	buf_putf(&line, "%s: ", cmd_name);
	va_start(args, fmt);
	buf_vputf(&line, fmt, args);
	va_end(args);
	space[line.len++] = '\n';
	/* Nobody is left to hear that this failed. */
	if (fdio_write_all(STDERR_FILENO, space, line.len) < 0)
		return;
}

int cmd_end(int code)
{
	flush();
	return out_failed && code == EXIT_DONE ? EXIT_IO : code;
}
