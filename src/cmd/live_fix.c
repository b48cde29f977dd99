/* SPDX-License-Identifier: ISC */
/*
 * cmd/live_fix.c - the sentences of cmd/live.h: each fault with its fix and
 * its exit code, found by the words the engines have for it.
 */
#include "base/base64.h"
#include "cmd/cmd.h"
#include "cmd/live.h"

/* The steps, as they stand in front of a line. */
#define RESOLVE "resolve"
#define CONNECT "connect"
#define TLS "TLS"
#define AUTH "AUTH"
#define MAIL "MAIL"
#define ANY ""

/*
 * In a fix %h is the host, %s the scheme that fits better, %f the password
 * file, %c the bundle, and of the peer's certificate %n its name, %i its
 * issuer, %d how long it is good, %p the pin of its key.
 */
struct fix {
	const char *step;  /* ANY: whatever step */
	const char *words; /* in the reason; a digit: its first one */
	uint8_t code;      /* exit code */
	const char *text;  /* what to change */
};

static const struct fix fixes[] = {
	{ "secret", "only root", EXIT_DENIED, "run this as root" },
	{ "secret", "", EXIT_CONFIG_, "the login needs this file" },
	{ RESOLVE, "not a host name", EXIT_CONFIG_, "correct the name" },
	{ RESOLVE, "no such host name", EXIT_CONFIG_,
	  "is %h spelled right? no mail host has this name" },
	{ RESOLVE, "has no address", EXIT_CONFIG_,
	  "is %h the mail host, or only a mail domain?" },
	{ RESOLVE, "server failure", EXIT_AGAIN,
	  "this name server cannot find out: put another one into " CONFIG_RESOLV_PATH },
	{ RESOLVE, "query refused", EXIT_AGAIN,
	  "this name server serves others: put another one into " CONFIG_RESOLV_PATH },
	{ RESOLVE, "no answer", EXIT_AGAIN,
	  "is the link up, is port 53 open, is the name server in " CONFIG_RESOLV_PATH
	  " right?" },
	{ RESOLVE, "", EXIT_AGAIN,
	  "no name server is reached: is the network up, is " CONFIG_RESOLV_PATH
	  " right?" },
	{ CONNECT, "refused", EXIT_AGAIN,
	  "nothing listens there: is the port right (submission 587, "
	  "submissions 465, smtp 25)?" },
	{ CONNECT, "timed out", EXIT_AGAIN,
	  "a firewall drops it, many do so for port 25: try submission "
	  "(port 587)" },
	{ CONNECT, "", EXIT_AGAIN,
	  "is the link up, is there a default route?" },
	{ ANY, "waiting for the greeting", EXIT_CONFIG_,
	  "a port with TLS from the first byte is silent like this: write "
	  "submissions://" },
	{ TLS, "not a TLS server", EXIT_CONFIG_,
	  "the server speaks in the clear first: write submission:// "
	  "(port 587) or smtp://" },
	{ ANY, "STARTTLS is not offered", EXIT_CONFIG_,
	  "is it the right port? try submissions:// (port 465); tls=off "
	  "would send everything in the clear" },
	{ TLS, "cannot open", EXIT_CONFIG_,
	  "install the bundle (package ca-certificates), or name it with "
	  "the key ca" },
	{ TLS, "cannot read", EXIT_CONFIG_,
	  "install the bundle again, or name another with the key ca" },
	{ TLS, "clock is not set", EXIT_AGAIN,
	  "set it (NTP); or write clock floor, or pin= the server's key" },
	{ TLS, "has expired", EXIT_AGAIN,
	  "it ended %d days ago: the server's owner has to renew it" },
	{ TLS, "not valid yet", EXIT_AGAIN, "is this device's clock right?" },
	{ TLS, "another name", EXIT_CONFIG_, "write the name it is for: %n" },
	{ TLS, "out of date", EXIT_CONFIG_, "install a newer bundle" },
	{ TLS, "self-signed", EXIT_CONFIG_,
	  "if the server is yours, write pin=sha256:%p" },
	{ TLS, "no trust anchor", EXIT_CONFIG_,
	  "put its issuer (%i) into the bundle, or, if the server is yours, "
	  "write pin=sha256:%p" },
	{ TLS, "no pin fits", EXIT_CONFIG_,
	  "its key is sha256:%p now: if the server is still yours, write "
	  "this pin" },
	{ TLS, "TLS 1.2", EXIT_AGAIN, "the server has to offer TLS 1.2" },
	{ TLS, "certificate", EXIT_AGAIN, "the server's owner has to mend it" },
	{ TLS, "", EXIT_AGAIN,
	  "try again; does something cut the connection?" },
	{ ANY, "AUTH is not offered", EXIT_CONFIG_,
	  "take user= away, or use the provider's submission port (587)" },
	{ ANY, "no AUTH mechanism", EXIT_CONFIG_,
	  "the server has none of auth=; does it want an app password or a "
	  "token?" },
	{ AUTH, "4", EXIT_AGAIN, "the server cannot judge now: try later" },
	{ AUTH, "5", EXIT_CONFIG_,
	  "correct user= or the password in %f; some want an app password" },
	{ MAIL, "530", EXIT_CONFIG_,
	  "the server wants a login: add user= and password-file=" },
	{ ANY, "4", EXIT_AGAIN, "the server has trouble: try later" },
	{ MAIL, "5", EXIT_REFUSED,
	  "the server does not take this sender: write from with the "
	  "account's address" },
	{ ANY, "5", EXIT_REFUSED, "the server's own words say why" },
	{ ANY, "", EXIT_AGAIN, "try again later" },
};

static void put_part(struct buf *b, char what, const struct live *l,
		     const struct trust_peer *peer)
{
	if (what == 'h')
		buf_put_slice(b, l->hop->host);
	else if (what == 'f')
		buf_put_slice(b, l->hop->password_file);
	else if (!peer)
		buf_put_str(b, "unknown");
	else if (what == 'n')
		buf_put_str(b, peer->name);
	else if (what == 'i')
		buf_put_str(b, peer->issuer);
	else if (what == 'd')
		buf_putf(b, "%d", -peer->days_left);
	else if (what == 'p')
		base64_encode(b, slice_of(peer->key, sizeof(peer->key)));
}

static bool fits(const struct fix *f, struct slice step, struct slice why)
{
	struct slice words = slice_str(f->words);

	if (f->step[0] && !slice_eq(slice_str(f->step), step))
		return false;
	if (words.n == 0)
		return true;
	return char_is_digit(words.p[0]) ? slice_starts(why, words)
					 : slice_has(why, words);
}

void live_say(const char *step, const char *state, const char *fmt, ...)
{
	char space[400];
	struct buf b = BUF_ON(space);
	va_list args;

	va_start(args, fmt);
	buf_vputf(&b, fmt, args);
	va_end(args);
	cmd_out("  %s%s%s %.*s\n", step, &"         "[slice_str(step).n], state,
		(int)b.len, b.data);
}

void live_fault(struct live *l, const char *step, const char *why,
		const struct trust_peer *peer)
{
	char space[320];
	struct buf b = BUF_ON(space);
	const struct fix *f = fixes;

	while (!fits(f, slice_str(step), slice_str(why)))
		f++;
	for (const char *p = f->text; *p; p++) {
		if (*p == '%')
			put_part(&b, *++p, l, peer);
		else
			buf_put_char(&b, *p);
	}
	live_say(step, "FAULT", "%s: %.*s", why, (int)b.len, space);
	l->failed = true;
	if (l->worst == 0)
		l->worst = f->code;
}
