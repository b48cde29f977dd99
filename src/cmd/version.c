/* SPDX-License-Identifier: ISC */
/* cmd/version.c - the version and the features compiled in. */
#include "cmd/cmd.h"

/* What can be left out, and whether it is there. */
static const struct {
	const char *name;
	bool on;
} features[] = {
	{ "daemon", ENABLE_DAEMON },
	{ "listener", ENABLE_LISTENER },
	{ "spool", ENABLE_SPOOL },
	{ "tls", ENABLE_TLS },
	{ "auth-plain", ENABLE_AUTH_PLAIN },
	{ "auth-login", ENABLE_AUTH_LOGIN },
	{ "dns", ENABLE_DNS },
	{ "sendmail", ENABLE_SENDMAIL },
	{ "mailq", ENABLE_MAILQ },
	{ "control", ENABLE_CONTROL },
	{ "check", ENABLE_CHECK },
	{ "alias", ENABLE_ALIAS },
	{ "rewrite", ENABLE_REWRITE },
};

int cmd_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	cmd_out("mailmote %s\nfeatures:", CONFIG_VERSION);
	for (unsigned i = 0; i < ARRAY_LEN(features); i++) {
		if (features[i].on)
			cmd_out(" %s", features[i].name);
	}
	cmd_out("\n");
	return cmd_end(EXIT_DONE);
}
