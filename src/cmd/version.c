/* SPDX-License-Identifier: ISC */
/* cmd/version.c - the version and the features compiled in. */
#include "cmd/cmd.h"

/* The name of a feature that is there. */
#define NAME(x, name) (ENABLE_##x ? " " name : "")

static const char *const features[] = {
	NAME(DAEMON, "daemon"),
	NAME(LINKUP, "link-up"),
	NAME(LISTENER, "listener"),
	NAME(PASSED, "passed-sockets"),
	NAME(SPOOL, "spool"),
	NAME(BOUNCE, "bounce"),
	NAME(DSN_PARAMS, "dsn"),
	NAME(SMTPUTF8, "smtputf8"),
	NAME(MIME_DOWNGRADE, "mime-downgrade"),
	NAME(TLS, "tls"),
	NAME(AUTH_PLAIN, "auth-plain"),
	NAME(AUTH_LOGIN, "auth-login"),
	NAME(DNS, "dns"),
	NAME(SENDMAIL, "sendmail"),
	NAME(STDIO, "sendmail-bs"),
	NAME(VERIFY, "sendmail-bv"),
	NAME(MAILBACK, "sendmail-oem"),
	NAME(MAIL, "mail"),
	NAME(MAIL_ATTACH, "mail-attach"),
	NAME(MAILQ, "mailq"),
	NAME(CONTROL, "control"),
	NAME(CHECK, "check"),
	NAME(CHECK_LIVE, "check-live"),
	NAME(TEST, "test"),
	NAME(ALIAS, "alias"),
	NAME(REWRITE, "rewrite"),
};

int cmd_version(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return cmd_usage(false);
	cmd_out("mailmote %s\nfeatures:", CONFIG_VERSION);
	for (unsigned i = 0; i < ARRAY_LEN(features); i++)
		cmd_out("%s", features[i]);
	cmd_out("\n");
	return cmd_end(EXIT_DONE);
}
