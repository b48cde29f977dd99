/* SPDX-License-Identifier: ISC */
/*
 * smtp/server_cmd.c - the commands of the server, a table of verbs and one of
 * parameters (RFC 5321 4.1.1, 4.1.2).
 */
#include <errno.h>
#include <string.h>

#include "mail/params.h"
#include "smtp/server_int.h"

/* How a verb is used. */
enum {
	NO_ARGUMENT = 1, /* 501 when there is one */
	LAST = 2,        /* RFC 2920 3.1: nothing may follow in the group */
	SAID_HELLO = 4   /* 503 before EHLO */
};

/* What to do with a verb; args: what follows it, without blanks around. */
struct command {
	const char *verbs; /* one, or several with blanks between them */
	unsigned flags;
	void (*run)(struct smtp_server *s, struct slice args);
};

/* Parameters as bits of smtp_server.params: those of MAIL. */
enum {
	PARAM_SIZE = 1,
	PARAM_BODY = 2,
	PARAM_QUEUE = 4,
	PARAM_RET = 8,
	PARAM_ENVID = 16,
	PARAM_UTF8 = 128
};

/* Those of RCPT. */
enum { PARAM_NOTIFY = 32, PARAM_ORCPT = 64 };

/*
 * RFC 5321 4.1.4.  No error that counts: a group whose MAIL was refused is
 * followed by many of them.
 */
static const char mail_first[] = "503 5.5.1 MAIL first";

static void fail_argument(struct smtp_server *s)
{
	server_error(s, "501 5.5.4 syntax error in parameters");
}

static void run_unknown(struct smtp_server *s, struct slice args)
{
	(void)args;
	server_error(s, "500 5.5.1 command not recognized");
}

static void run_unimplemented(struct smtp_server *s, struct slice args)
{
	(void)args;
	server_error(s, "502 5.5.1 command not implemented");
}

/*
 * RFC 5321 4.1.1.1, 4.1.4: the name is taken, and all before it forgotten; or
 * false: it is refused, and nothing changes.
 */
static bool take_hello(struct smtp_server *s, struct slice name, bool esmtp,
		       bool lmtp)
{
	if (!address_is_domain(name)) {
		fail_argument(s);
		return false;
	}
	memcpy(s->helo, name.p, name.n);
	s->helo[name.n] = '\0';
	s->esmtp = esmtp;
	s->lmtp = lmtp;
	s->sync = true;
	server_reset(s);
	return true;
}

static void run_helo(struct smtp_server *s, struct slice args)
{
	if (take_hello(s, args, false, false))
		server_reply(s, 250, 0, s->job->hostname);
}

static void put_offer(struct smtp_server *s)
{
	server_make_room(s);
	buf_put_str(&s->out, "250-");
	buf_put_slice(&s->out, s->job->hostname);
	buf_put_str(&s->out, "\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE");
	/* RFC 1870 4: no number, no limit */
	if (s->job->max_message > 0) {
		buf_put_char(&s->out, ' ');
		buf_put_u64(&s->out, s->job->max_message);
	}
	if (ENABLE_DSN_PARAMS)
		buf_put_str(&s->out, "\r\n250-DSN");
	if (ENABLE_SMTPUTF8)
		buf_put_str(&s->out, "\r\n250-SMTPUTF8");
	if (s->lmtp)
		buf_put_str(&s->out, "\r\n250-XQUEUE");
	buf_put_str(&s->out, "\r\n250 ENHANCEDSTATUSCODES\r\n");
}

static void run_ehlo(struct smtp_server *s, struct slice args)
{
	if (take_hello(s, args, true, false))
		put_offer(s);
}

static void run_lhlo(struct smtp_server *s, struct slice args)
{
	if (!s->job->lmtp_ok)
		run_unimplemented(s, args);
	else if (take_hello(s, args, true, true))
		put_offer(s);
}

/* RFC 1870 3: 1*20DIGIT */
static bool take_size(struct smtp_server *s, struct slice value)
{
	int err = slice_to_u64(value, UINT64_MAX, &s->size);

	if (err == -ERANGE)
		s->size = UINT64_MAX;
	return value.n <= 20 && err != -EINVAL;
}

/* RFC 6152 2 */
static bool take_body(struct smtp_server *s, struct slice value)
{
	s->eight_bit = slice_ieq(value, SLICE("8BITMIME"));
	return s->eight_bit || slice_ieq(value, SLICE("7BIT"));
}

/* Ours: sendmail -odb and -odq, commit before the answer. */
static bool take_queue(struct smtp_server *s, struct slice value)
{
	s->queue = true;
	return value.n == 0;
}

/* RFC 6531 3.4 */
static bool take_utf8(struct smtp_server *s, struct slice value)
{
	s->utf8 = true;
	return value.n == 0;
}

static const struct {
	const char *name;
	uint8_t bit;
	/* NULL: it is kept as it is. */
	bool (*take)(struct smtp_server *s, struct slice value);
} parameters[] = {
	{ "SIZE", PARAM_SIZE, take_size },
	{ "BODY", PARAM_BODY, take_body },
	{ "XQUEUE", PARAM_QUEUE, take_queue },
	{ "RET", PARAM_RET, NULL },
	{ "ENVID", PARAM_ENVID, NULL },
	{ "NOTIFY", PARAM_NOTIFY, NULL },
	{ "ORCPT", PARAM_ORCPT, NULL },
	{ "SMTPUTF8", PARAM_UTF8, take_utf8 },
};

/* Before a message comes nothing else is where its bytes will be. */
static bool keep(struct smtp_server *s, struct slice name, struct slice value)
{
	struct buf b = BUF_ON(s->body_space);

	b.len = s->extra.n;
	if (!params_put(&b, name, value))
		return false;
	s->extra = buf_slice(&b);
	return true;
}

/* One parameter; allowed: bits of those this command knows. */
static bool take_param(struct smtp_server *s, struct slice word,
		       unsigned allowed)
{
	struct slice name = slice_cut(&word, '=');

	for (size_t i = 0; i < ARRAY_LEN(parameters); i++) {
		uint8_t bit = parameters[i].bit;

		if (!(bit & allowed) ||
		    !slice_ieq(name, slice_str(parameters[i].name)))
			continue;
		bool twice = s->params & bit;
		s->params |= bit;
		if (!twice &&
		    (parameters[i].take
			     ? parameters[i].take(s, word)
			     : ENABLE_DSN_PARAMS && keep(s, name, word)))
			return true;
		fail_argument(s);
		return false;
	}
	/* RFC 5321 4.1.1.11 */
	server_error(s, "555 5.5.4 parameter not recognized");
	return false;
}

/*
 * Read "keyword: path parameters" into s->path and what they set; false: the
 * reply is given.  malformed: the reply to a path that is none.
 */
static bool take_path(struct smtp_server *s, struct slice args,
		      struct slice keyword, unsigned allowed,
		      const char *malformed)
{
	struct address a;
	struct slice word;

	if (!slice_istarts(args, keyword)) {
		fail_argument(s);
		return false;
	}
	/* Blanks behind the colon are wrong, and common. */
	args = slice_trim(slice_from(args, keyword.n));

	int n = address_parse_path(args, &a);
	args = slice_from(args, n > 0 ? (size_t)n : 0);
	if (n <= 0 || (args.n > 0 && !char_is_blank(args.p[0]))) {
		server_error(s, malformed);
		return false;
	}
	s->path = a.whole;
	s->params = 0;
	s->extra = SLICE("");
	while ((word = slice_word(&args)).n > 0) {
		if (!take_param(s, word, allowed))
			return false;
	}
	return true;
}

/* RFC 6531 3.5: is the path one that SMTPUTF8 had to be said for? */
static bool needs_utf8(const struct smtp_server *s)
{
	return ENABLE_SMTPUTF8 && !s->utf8 && slice_has_8bit(s->path);
}

static void run_mail(struct smtp_server *s, struct slice args)
{
	unsigned allowed = PARAM_SIZE | PARAM_BODY;

	if (ENABLE_DSN_PARAMS)
		allowed |= PARAM_RET | PARAM_ENVID;
	if (ENABLE_SMTPUTF8)
		allowed |= PARAM_UTF8;
	if (!s->transaction)
		s->utf8 = false;

	s->size = 0;
	s->eight_bit = false;
	s->queue = false;
	if (s->lmtp)
		allowed |= PARAM_QUEUE;
	if (s->transaction)
		server_say(s, "503 5.5.1 nested MAIL");
	else if (!take_path(s, args, SLICE("FROM:"), allowed,
			    "501 5.1.7 malformed address"))
		return;
	else if (needs_utf8(s))
		server_error(s, "550 5.6.7 non-ASCII address, no SMTPUTF8");
	else if (s->job->max_message > 0 && s->size > s->job->max_message)
		server_say(s, "552 5.3.4 message is too large");
	else
		s->ask = SMTP_ASK_MAIL;
}

static void run_rcpt(struct smtp_server *s, struct slice args)
{
	unsigned allowed = ENABLE_DSN_PARAMS ? PARAM_NOTIFY | PARAM_ORCPT : 0;

	if (!s->transaction)
		server_say(s, mail_first);
	else if (!take_path(s, args, SLICE("TO:"), allowed,
			    "501 5.1.3 malformed address"))
		return;
	else if (s->path.n == 0)
		server_error(s, "501 5.1.3 null path as a recipient");
	else if (needs_utf8(s))
		server_error(s, "553 5.6.7 non-ASCII address, no SMTPUTF8");
	else if (s->rcpts >= s->job->max_rcpt)
		/* RFC 5321 4.5.3.1.10 */
		server_say(s, "452 4.5.3 too many recipients");
	else
		s->ask = SMTP_ASK_RCPT;
}

static void run_data(struct smtp_server *s, struct slice args)
{
	(void)args;
	s->sync = true;
	if (!s->transaction)
		server_say(s, mail_first);
	else if (s->rcpts == 0)
		/* RFC 5321 3.3; RFC 2033 4.2 has no other code than 503 */
		server_say(s, s->lmtp ? "503 5.5.1 no valid recipients"
				      : "554 5.5.1 no valid recipients");
	else
		s->ask = SMTP_ASK_DATA;
}

static void run_rset(struct smtp_server *s, struct slice args)
{
	(void)args;
	server_say(s, "250 2.0.0 ok");
	server_reset(s);
}

static void run_noop(struct smtp_server *s, struct slice args)
{
	(void)args;
	server_say(s, "250 2.0.0 ok");
}

static void run_vrfy(struct smtp_server *s, struct slice args)
{
	(void)args;
	/* RFC 5321 3.5.3, 7.3: nothing is told */
	server_say(s, "252 2.5.0 send mail to find out");
}

static void run_help(struct smtp_server *s, struct slice args)
{
	(void)args;
	server_say(s, "214 2.0.0 see RFC 5321");
}

static void run_quit(struct smtp_server *s, struct slice args)
{
	(void)args;
	server_end(s, "221 2.0.0 bye");
}

static void run_foreign(struct smtp_server *s, struct slice args)
{
	(void)args;
	/* STANDARDS.md S-4: a browser was led here, its lines are no mail */
	server_end(s, "554 5.5.1 this is SMTP");
}

static const struct command commands[] = {
	{ "EHLO", LAST, run_ehlo },
	{ "HELO", LAST, run_helo },
	{ "LHLO", LAST, run_lhlo },
	{ "MAIL", SAID_HELLO, run_mail },
	{ "RCPT", SAID_HELLO, run_rcpt },
	{ "DATA", SAID_HELLO | NO_ARGUMENT | LAST, run_data },
	{ "RSET", NO_ARGUMENT, run_rset },
	{ "NOOP", 0, run_noop },
	{ "QUIT", NO_ARGUMENT, run_quit },
	{ "VRFY", 0, run_vrfy },
	{ "HELP", 0, run_help },
	{ "EXPN STARTTLS AUTH BDAT ETRN TURN SEND SOML SAML", 0,
	  run_unimplemented },
	{ "GET POST PUT HEAD OPTIONS CONNECT USER", 0, run_foreign },
	{ NULL, 0, run_unknown },
};

/* RFC 5321 2.4: verbs in any case */
static bool has_verb(const struct command *c, struct slice verb)
{
	struct slice verbs = slice_str(c->verbs);
	struct slice name;

	while ((name = slice_word(&verbs)).n > 0) {
		if (slice_ieq(name, verb))
			return true;
	}
	return false;
}

static const struct command *find_command(struct slice verb)
{
	const struct command *c = commands;

	while (c->verbs && !has_verb(c, verb))
		c++;
	return c;
}

void server_obey(struct smtp_server *s, bool more)
{
	struct slice args = slice_trim(slice_of(s->line, s->line_len));
	const struct command *c = find_command(slice_word(&args));

	args = slice_trim(args);
	/* STANDARDS.md S-13; a recipient of an open transaction is no waste */
	if (c->run != run_rcpt || !s->transaction)
		s->commands++;
	if (s->commands > SMTP_SERVER_COMMANDS)
		server_end(s, "421 4.7.0 too many commands");
	else if (more && (c->flags & LAST) && !s->job->batch)
		server_end(s, "554 5.5.0 say nothing before the reply");
	else if ((c->flags & NO_ARGUMENT) && args.n > 0)
		fail_argument(s);
	else if ((c->flags & SAID_HELLO) && s->helo[0] == '\0')
		server_say(s, "503 5.5.1 EHLO first");
	else
		c->run(s, args);
}
