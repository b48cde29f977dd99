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

/* Options without an argument; with one; whose argument is always glued. */
#define FLAGS "cEGIiJmnsTtUvx"
#define WITH "ABbCDdeFfhLMNOopRrVX"
#define GLUED "q"

/* Of BusyBox's sendmail: the smart host is in our configuration. */
#define BUSYBOX "SHwa"

/* Longest ENVID (RFC 3461 4.4). */
#define MAX_ENVID 100

static int misuse(char letter, const char *words, const char *value)
{
	char space[200];
	struct buf got = BUF_ON(space);

	buf_put_quoted(&got, slice_head(slice_str(value), 40));
	cmd_err("-%c: %s, got %s", letter, words, buf_cstr(&got));
	return EXIT_USAGE_;
}

static bool is_word(const char *value, struct slice word)
{
	return slice_ieq(slice_str(value), word);
}

/* -od: i and f wait for the first attempt, b, q and d do not. */
static void set_delivery(struct sendmail *s, char mode)
{
	s->handover = mode && strchr("bqd", char_lower(mode)) ? HANDOVER_QUEUE
							      : HANDOVER_WAIT;
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
		cmd_quiet = value[1] == 'q';
		break;
	default:
		break;
	}
}

/* -O Name=value */
static void set_long(struct sendmail *s, const char *value)
{
	struct slice rest = slice_str(value);
	struct slice name = slice_trim(slice_cut(&rest, '='));
	struct slice v = slice_trim(rest);
	char first = v.n > 0 ? v.p[0] : '\0';

	if (slice_ieq(name, SLICE("IgnoreDots")))
		s->ignore_dots = !slice_istarts(v, SLICE("f"));
	else if (slice_ieq(name, SLICE("DeliveryMode")))
		set_delivery(s, first);
	else if (slice_ieq(name, SLICE("ErrorMode")))
		cmd_quiet = first == 'q';
}

static int set_mode(struct sendmail *s, const char *value)
{
	static const char letters[] = "mpidD";
	static const uint8_t modes[] = { SENDMAIL_DELIVER, SENDMAIL_MAILQ,
					 SENDMAIL_ALIASES, SENDMAIL_DAEMON,
					 SENDMAIL_FOREGROUND };
	const char *at = value[0] ? strchr(letters, value[0]) : NULL;

	if (at && value[1] == '\0') {
		s->mode = (enum sendmail_mode)modes[at - letters];
		return 0;
	}
	if (is_word(value, SLICE("df"))) {
		s->mode = SENDMAIL_FOREGROUND;
		return 0;
	}
	if (is_word(value, SLICE("s")))
		return misuse('b',
			      "SMTP on standard input is not built in: "
			      "use the listener or the socket",
			      value);
	return misuse('b', "expected -bm, -bp, -bi, -bd or -bD", value);
}

/* -q, -q30m (the interval is ours to choose), -qf, -qIid, -qRsubstr */
static int set_flush(struct sendmail *s, const char *value)
{
	uint64_t id;

	if (s->mode == SENDMAIL_DELIVER)
		s->mode = SENDMAIL_FLUSH;
	if (value[0] == 'I') {
		if (id_parse(slice_str(value + 1), &id) < 0)
			return misuse('q', "expected an identifier", value);
		s->flush = value + 1;
	} else if (value[0] == 'f') {
		s->flush_wait = true;
	} else if (value[0] && value[0] != 'R' && !char_is_digit(value[0])) {
		return misuse('q', "expected nothing, a time, f or IID", value);
	}
	return 0;
}

/* RFC 3461 4.4: xtext */
static bool is_envid(struct slice in)
{
	if (in.n > MAX_ENVID)
		return false;
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];

		if (!char_is_print(c) || c == ' ' || c == '=')
			return false;
		if (c == '+' &&
		    (in.n - i < 3 || !strchr("0123456789ABCDEF", in.p[i + 1]) ||
		     !strchr("0123456789ABCDEF", in.p[i + 2])))
			return false;
	}
	return true;
}

/* RFC 3461 4.1: NEVER, or a list of the others */
static bool is_notify(struct slice in)
{
	if (slice_ieq(in, SLICE("never")))
		return true;
	if (slice_iends(in, SLICE(",")))
		return false;
	do {
		struct slice one = slice_cut(&in, ',');

		if (!slice_ieq(one, SLICE("success")) &&
		    !slice_ieq(one, SLICE("failure")) &&
		    !slice_ieq(one, SLICE("delay")))
			return false;
	} while (in.n > 0);
	return true;
}

/* Values that are proved, and wait for a next hop that can use them. */
static int check_dsn(struct sendmail *s, char letter, const char *value)
{
	if (letter == 'N' && !is_notify(slice_str(value)))
		return misuse(letter,
			      "expected never, or a list of success, "
			      "failure, delay",
			      value);
	if (letter == 'V' && !is_envid(slice_str(value)))
		return misuse(letter, "expected xtext of up to 100 bytes",
			      value);
	if (letter != 'R')
		return 0;
	if (s->ret_given ||
	    (!is_word(value, SLICE("full")) && !is_word(value, SLICE("hdrs"))))
		return misuse(letter, "expected full or hdrs, once", value);
	s->ret_given = true;
	return 0;
}

static int set_value(struct sendmail *s, char letter, const char *value)
{
	uint32_t n;

	/* STANDARDS.md S-7: nothing that could end a line; -F is cleaned */
	if (letter != 'F' && slice_has_control(slice_str(value)))
		return misuse(letter, "control bytes are not allowed", value);
	switch (letter) {
	case 'b':
		return set_mode(s, value);
	case 'B':
		if (!is_word(value, SLICE("7BIT")) &&
		    !is_word(value, SLICE("8BITMIME")))
			return misuse(letter, "expected 7BIT or 8BITMIME",
				      value);
		break;
	case 'C':
		cmd_conf_path = value;
		break;
	case 'e':
		cmd_quiet = value[0] == 'q';
		break;
	case 'f':
	case 'r':
		if (s->from)
			return misuse(letter, "the sender is given twice",
				      value);
		s->from = value;
		break;
	case 'F':
		s->name = value;
		break;
	case 'h':
		if (slice_to_u32(slice_str(value), UINT32_MAX, &n) < 0)
			return misuse(letter, "expected a number", value);
		break;
	case 'N':
	case 'R':
	case 'V':
		return check_dsn(s, letter, value);
	case 'o':
		set_classic(s, value);
		break;
	case 'O':
		set_long(s, value);
		break;
	case 'q':
		return set_flush(s, value);
	default:
		break;
	}
	return 0;
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
		if (strcmp(word, "--help") == 0)
			return cmd_usage(false);
		int code = read_bundle(
			s, word + 1, i + 1 < argc ? argv[i + 1] : NULL, &used);
		if (code)
			return code;
		i += used;
	}
	return 0;
}
