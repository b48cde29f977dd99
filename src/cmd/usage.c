/* SPDX-License-Identifier: ISC */
/* cmd/usage.c - the commands, one line each. */
#include <string.h>
#include <unistd.h>

#include "base/fdio.h"
#include "cmd/cmd.h"

/* The text, with the lines of what is built in. */
static const char *const lines[] = {
	"usage: mailmote [-C FILE] COMMAND\n",
	ENABLE_DAEMON ? "  daemon              run in the foreground\n" : "",
	ENABLE_MAILQ ? "  queue [--json]      what waits, since when, why\n"
		     : "",
	ENABLE_CONTROL ? "  show ID             print a queued message\n"
			 "  flush [--wait] [ID] order an attempt now\n"
			 "  remove ID...|--all  forget mail without a bounce\n"
			 "  hold ID...          keep it without attempts\n"
			 "  release ID...       end the hold\n"
			 "  status [--json]     routes, spool, counters\n"
		       : "",
	ENABLE_CHECK ? "  check" : "",
	ENABLE_CHECK_LIVE ? " [--live]     " : "",
	ENABLE_CHECK && !ENABLE_CHECK_LIVE ? "              " : "",
	ENABLE_CHECK ? " validate the configuration\n" : "",
	ENABLE_TEST ? "  test ADDRESS        send a test message, show how\n"
		    : "",
	"  version             version and features\n",
	ENABLE_SENDMAIL ? "  sendmail [options] [recipients]\n" : "",
	ENABLE_MAIL ? "  mail [-s SUBJECT] [-r FROM] [-c CC] [-b BCC] RECIPIENT"
		      "...\n"
		    : "",
};

int cmd_usage(bool asked)
{
	for (unsigned i = 0; i < ARRAY_LEN(lines); i++) {
		struct slice line = slice_str(lines[i]);

		if (asked)
			cmd_out_bytes(line);
		else if (fdio_write_all(STDERR_FILENO, line.p, line.n) < 0)
			break;
	}
	return cmd_end(asked ? EXIT_DONE : EXIT_USAGE_);
}
