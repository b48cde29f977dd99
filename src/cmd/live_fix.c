/* SPDX-License-Identifier: ISC */
/*
 * cmd/live_fix.c - the sentences of cmd/live.h: each fault with its fix and
 * its exit code, found by the words the engines have for it.
 */
#include <string.h>

#include "base/base64.h"
#include "cmd/cmd.h"
#include "cmd/live.h"

BUILD_ASSERT('K' == EXIT_AGAIN && 'N' == EXIT_CONFIG_);
BUILD_ASSERT('M' == EXIT_DENIED && 'E' == EXIT_REFUSED);

/*
 * The first row that fits counts, the last fits all: the first letter of the
 * step (blank: any), the exit code as a letter, words of the reason (digits:
 * with which a reply begins); then what to change.  There %h is the host, %f
 * the password file, %r the file with the name servers, and of the peer's
 * certificate %n its name, %i its issuer, %d the days since its end, %p the
 * pin of its key.
 */
static const char fixes[] =
	"sM only root\0"
	"run this as root\0"
	"sN \0"
	"the login needs this file\0"
	"rN not a host name\0"
	"correct the name\0"
	"rN no such host name\0"
	"is %h spelled right? no mail host has this name\0"
	"rN has no address\0"
	"is %h the mail host, or only a mail domain?\0"
	"rK server failure\0"
	"this name server cannot find out: put another one into %r\0"
	"rK query refused\0"
	"this name server serves others: put another one into %r\0"
	"rK no answer\0"
	"is the link up, is port 53 open, is the name server in %r "
	"right?\0"
	"rK \0"
	"no name server is reached: is the network up, is %r right?\0"
	"cK refused\0"
	"nothing listens there: is the port right (submission 587, "
	"submissions 465, smtp 25)?\0"
	"cK timed out\0"
	"a firewall drops it, many do so for port 25: try submission "
	"(port 587)\0"
	"cK \0"
	"is the link up, is there a default route?\0"
	" N TLS is spoken\0"
	"write submissions:// with this port\0"
	" K waiting for the greeting\0"
	"the server is silent: is the port right? else try later\0"
	"TN not a TLS server\0"
	"the server speaks in the clear first: write submission:// "
	"(port 587) or smtp://\0"
	" N STARTTLS is not offered\0"
	"is it the right port? try submissions:// (port 465); tls=off "
	"would send everything in the clear\0"
	"TN cannot open\0"
	"install the bundle (package ca-certificates), or name it with "
	"the key ca\0"
	"TN cannot read\0"
	"install the bundle again, or name another with the key ca\0"
	"TK clock is not set\0"
	"set it (NTP); or write clock floor, or pin= the server's key\0"
	"TK has expired\0"
	"it ended %d days ago: the server's owner has to renew it\0"
	"TK not valid yet\0"
	"is this device's clock right?\0"
	"TN another name\0"
	"write the name it is for: %n\0"
	"TN out of date\0"
	"install a newer bundle\0"
	"TN self-signed\0"
	"if the server is yours, write pin=sha256:%p\0"
	"TN no trust anchor\0"
	"put its issuer (%i) into the bundle, or, if the server is "
	"yours, write pin=sha256:%p\0"
	"TN no pin fits\0"
	"its key is sha256:%p now: if the server is still yours, write "
	"this pin\0"
	"TK TLS 1.2\0"
	"the server has to offer TLS 1.2\0"
	"TK certificate\0"
	"the server's owner has to mend it\0"
	"TK \0"
	"try again; does something cut the connection?\0"
	" N AUTH is not offered\0"
	"take user= away, or use the provider's submission port (587)\0"
	" N no AUTH mechanism\0"
	"the server has none of auth=; does it want an app password or "
	"a token?\0"
	"AK 4\0"
	"the server cannot judge now: try later\0"
	"AN 5\0"
	"correct user= or the password in %f; some want an app password\0"
	"MN 530\0"
	"the server wants a login: add user= and password-file=\0"
	" K 4\0"
	"the server has trouble: try later\0"
	"ME 5\0"
	"the server does not take this sender: write from with the "
	"account's address\0"
	" E 5\0"
	"the server's own words say why\0"
	" K \0"
	"try again later\0";

static void put_part(struct buf *b, char what, const struct live *l,
		     const struct trust_peer *peer)
{
	if (what == 'h')
		buf_put_slice(b, l->hop->host);
	else if (what == 'r')
		buf_put_str(b, CONFIG_RESOLV_PATH);
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

static bool fits(const char *fix, char step, struct slice why)
{
	struct slice words = slice_str(fix + 3);

	if (fix[0] != ' ' && fix[0] != step)
		return false;
	if (words.n > 0 && char_is_digit(words.p[0]))
		return slice_starts(why, words);
	return words.n == 0 || slice_has(why, words);
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
	const char *fix = fixes, *text = fix + strlen(fix) + 1;

	while (!fits(fix, step[0], slice_str(why))) {
		fix = text + strlen(text) + 1;
		text = fix + strlen(fix) + 1;
	}
	for (const char *p = text; *p; p++) {
		if (*p == '%')
			put_part(&b, *++p, l, peer);
		else
			buf_put_char(&b, *p);
	}
	live_say(step, "FAULT", "%s: %.*s", why, (int)b.len, space);
	l->failed = true;
	if (l->worst == 0)
		l->worst = (unsigned char)fix[1];
}
