/* SPDX-License-Identifier: ISC */
/* cmd/mailq.c - mailq: the queue command under its old name. */
#include "cmd/cmd.h"

int cmd_mailq(int argc, char **argv)
{
	static char name[] = "queue";
	char *words[] = { name, NULL };

	/* Options of other programs' mailq, such as -v, change nothing. */
	(void)argc;
	(void)argv;
	return cmd_control(1, words);
}
