/* SPDX-License-Identifier: ISC */
/*
 * cmd/sendmail_options.c - the command line of sendmail(1), as its callers
 * write it: bundles (-ti), glued arguments (-fa@b), options behind recipients,
 * "--" (STANDARDS.md section 5).
 *
 * No getopt: it is not the same in every C library.
 */
#include <string.h>

#include "base/id.h"
#include "cmd/cmd.h"
#include "cmd/sendmail.h"
#include "mail/params.h"

/* Options without an argument; with one; whose argument is always glued. */
#define FLAGS "cEGIiJmnsTtUvx"
#define WITH "ABbCDdeFfhLMNOopRrVX"
#define GLUED "q"

/* Of BusyBox's sendmail: the smart host is in our configuration. */
#define BUSYBOX "SHwa"

static int misuse(char letter, const char *words, const char *value)
{
	char space[200];
	struct buf got = BUF_ON(space);

	buf_put_quoted(&got, slice_head(slice_str(value), 40));
	cmd_err("-%c: %s, got %s", letter, words, buf_cstr(&got));
	return EXIT_USAGE_;
}

/* Which of the words of a list, from 1, is value, in any case?  0: none. */
static int which(struct slice value, const char *list)
{
	struct slice rest = slice_str(list);

	for (int i = 1; rest.n > 0; i++)
		if (slice_ieq(value, slice_cut(&rest, ' ')))
			return i;
	return 0;
}

/*
 * What takes a value gives NULL, or what was expected instead.
 */

/* -od: i and f wait for the first attempt, b, q and d do not. */
static void set_delivery(struct sendmail *s, char mode)
{
	s->handover = mode && strchr("bqd", char_lower(mode)) ? HANDOVER_QUEUE
							      : HANDOVER_WAIT;
}

/*
 * -e, -oe: p (the default) says what is wrong, q does not; m, w and e mail it
 * to the sender as well, and e is content with that.
 */
static void set_errors(struct sendmail *s, char mode)
{
	cmd_quiet = mode == 'q';
	s->mail_enough = mode == 'e';
	s->mail_back = mode == 'm' || mode == 'w' || mode == 'e';
}

/* -o and its letters; those without a meaning here are taken and forgotten. */
static void set_classic(struct sendmail *s, const char *value)
{
	switch (value[0]) {
	case 'i':
		s->ignore_dots = true;
		break;
	case 'd':
		set_delivery(s, value[1]);
		break;
	case 'e':
		set_errors(s, value[1]);
		break;
	default:
		break;
	}
}

/* -O Name=value */
static void set_long(struct sendmail *s, struct slice rest)
{
	struct slice name = slice_trim(slice_cut(&rest, '='));
	struct slice v = slice_trim(rest);
	char first = v.n > 0 ? v.p[0] : '\0';

	switch (which(name, "IgnoreDots DeliveryMode ErrorMode "
			    "SMTPUTF8")) {
	case 1:
		s->ignore_dots = !slice_istarts(v, SLICE("f"));
		break;
	case 2:
		set_delivery(s, first);
		break;
	case 3:
		set_errors(s, char_lower(first));
		break;
	case 4:
		s->utf8 = char_lower(first);
		break;
	default:
		break;
	}
}

static const char *set_mode(struct sendmail *s, const char *value)
{
	static const char letters[] = "mqpisvdlD";
	static const uint8_t modes[] = { SENDMAIL_DELIVER,   SENDMAIL_DELIVER,
					 SENDMAIL_MAILQ,     SENDMAIL_ALIASES,
					 SENDMAIL_SMTP,      SENDMAIL_VERIFY,
					 SENDMAIL_DAEMON,    SENDMAIL_DAEMON,
					 SENDMAIL_FOREGROUND };
	BUILD_ASSERT(sizeof(letters) == sizeof(modes) + 1);
	bool foreground = which(slice_str(value), "df");
	const char *at = strchr(letters, foreground ? 'D' : value[0]);

	if (at && *at && (foreground || value[1] == '\0')) {
		s->mode = (enum sendmail_mode)modes[at - letters];
		if (*at == 'q')
			s->handover = HANDOVER_QUEUE;
		return NULL;
	}
	return "expected -bm, -bp, -bi, -bs, -bv, -bd or -bD";
}

/* -q, -q30m (the interval is ours to choose), -qf, -qIid, -qRsubstr */
static const char *set_flush(struct sendmail *s, const char *value)
{
	uint64_t id;

	if (s->mode == SENDMAIL_DELIVER)
		s->mode = SENDMAIL_FLUSH;
	if (value[0] == 'I') {
		if (id_parse(slice_str(value + 1), &id) < 0)
			return "expected an identifier";
		s->flush = value + 1;
	} else if (value[0] == 'f') {
		s->flush_wait = true;
	} else if (value[0] && value[0] != 'R' && !char_is_digit(value[0])) {
		return "expected nothing, a time, f or IID";
	}
	return NULL;
}

/* Is it what a parameter of RFC 3461 may be?  Then it is kept as it is. */
static bool take_param(struct slice *kept, struct slice name, struct slice v)
{
	char space[128];
	struct buf b = BUF_ON(space);

	*kept = v;
	return params_put(&b, name, v);
}

/* -N, -R and -V: what the sender asks of notices. */
static const char *set_wish(struct sendmail *s, char letter, struct slice v)
{
	if (letter == 'N')
		return take_param(&s->notify, SLICE("NOTIFY"), v)
			       ? NULL
			       : "expected never, or a list of success, "
				 "failure, delay";
	if (letter == 'R')
		return s->ret.n == 0 && take_param(&s->ret, SLICE("RET"), v)
			       ? NULL
			       : "expected full or hdrs, once";
	return take_param(&s->envid, SLICE("ENVID"), v)
		       ? NULL
		       : "expected xtext of up to 100 bytes";
}

/* -L: of letters and digits only, so that no line looks like another one's. */
static void set_tag(struct slice v)
{
	size_t n = 0;

	while (n < v.n && (char_is_alnum(v.p[n]) || v.p[n] == '-'))
		n++;
	if (n > 0 && n == v.n)
		cmd_tag = v.p;
}

static const char *set_from(struct sendmail *s, const char *value)
{
	if (s->from)
		return "the sender is given twice";
	s->from = value;
	return NULL;
}

/* -B and -h are proved, no more: what they say is found out. */
static const char *take_value(struct sendmail *s, char letter,
			      const char *value)
{
	struct slice v = slice_str(value);
	uint32_t n;

	/* STANDARDS.md S-7: nothing that could end a line; -F is cleaned */
	if (letter != 'F' && slice_has_control(v))
		return "control bytes are not allowed";
	switch (letter) {
	case 'b':
		return set_mode(s, value);
	case 'B':
		return which(v, "7bit 8bitmime") ? NULL
						 : "expected 7BIT or 8BITMIME";
	case 'C':
		cmd_conf_path = value;
		break;
	case 'e':
		set_errors(s, value[0]);
		break;
	case 'f':
	case 'r':
		return set_from(s, value);
	case 'F':
		s->name = value;
		break;
	case 'h':
		return slice_to_u32(v, UINT32_MAX, &n) < 0 ? "expected a number"
							   : NULL;
	case 'L':
		set_tag(v);
		break;
	case 'N':
	case 'R':
	case 'V':
		return set_wish(s, letter, v);
	case 'o':
		set_classic(s, value);
		break;
	case 'O':
		set_long(s, v);
		break;
	case 'q':
		return set_flush(s, value);
	default:
		break;
	}
	return NULL;
}

static int set_value(struct sendmail *s, char letter, const char *value)
{
	const char *words = take_value(s, letter, value);

	return words ? misuse(letter, words, value) : 0;
}

static void set_flag(struct sendmail *s, char letter)
{
	switch (letter) {
	case 'I':
		s->mode = SENDMAIL_ALIASES;
		break;
	case 'i':
		s->ignore_dots = true;
		break;
	case 't':
		s->take_header = true;
		break;
	case 'U':
		s->utf8 = 'y';
		break;
	case 'v':
		s->verbose = true;
		break;
	default:
		break;
	}
}

/* One word of options.  next: the word behind it; *used: it was taken. */
static int read_bundle(struct sendmail *s, const char *p, const char *next,
		       bool *used)
{
	for (; *p; p++) {
		if (strchr(FLAGS, *p)) {
			set_flag(s, *p);
			continue;
		}
		if (strchr(GLUED, *p))
			return set_value(s, *p, p + 1);
		if (strchr(BUSYBOX, *p)) {
			cmd_err("-%c is of another program: the smart host "
				"and its credentials are set in %s",
				*p, cmd_conf_file());
			return EXIT_USAGE_;
		}
		if (!strchr(WITH, *p)) {
			char letter[2] = { *p, '\0' };

			return misuse(char_is_print(*p) ? *p : '?',
				      "unknown option", letter);
		}
		if (p[1])
			return set_value(s, *p, p + 1);
		if (!next)
			return misuse(*p, "expected an argument", "");
		*used = true;
		return set_value(s, *p, next);
	}
	return 0;
}

int sendmail_options(struct sendmail *s, int argc, char **argv)
{
	bool options = true;

	s->argv = argv + 1;
	for (int i = 1; i < argc; i++) {
		char *word = argv[i];
		bool used = false;

		if (!options || word[0] != '-' || word[1] == '\0') {
			s->argv[s->argc++] = word;
			continue;
		}
		if (strcmp(word, "--") == 0) {
			options = false;
			continue;
		}
		if (strcmp(word, "--help") == 0) {
			s->mode = SENDMAIL_HELP;
			return 0;
		}
		int code = read_bundle(
			s, word + 1, i + 1 < argc ? argv[i + 1] : NULL, &used);
		if (code)
			return code;
		i += used;
	}
	return 0;
}

int sendmail_help(void)
{
	cmd_out("usage: sendmail [-" FLAGS "] [-" GLUED "[TIME]]\n"
		"\t[-" WITH " VALUE] [RECIPIENT]...\n");
	return cmd_end(EXIT_DONE);
}
