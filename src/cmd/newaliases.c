/* SPDX-License-Identifier: ISC */
/*
 * cmd/newaliases.c - newaliases: there is no database to be built, the aliases
 * are lines of the configuration; it is read, and thereby proved.
 */
#include "cmd/cmd.h"

int cmd_newaliases(int argc, char **argv)
{
	const struct conf *c;
	const struct identity *id;
	int code = cmd_load(&c, &id);

	(void)argc;
	(void)argv;
	if (code)
		return code;
	cmd_out("%s: %u aliases\n", cmd_conf_file(), (unsigned)c->naliases);
	return cmd_end(EXIT_DONE);
}
