/* SPDX-License-Identifier: ISC */
/* Plays tests/smtp/client: the script is the server, the engine the client. */
#include "smtp/transcript.h"

#include "smtp/client.h"

#define MAX_RCPT 128

/* A case being played. */
static struct {
	struct place place;
	uint32_t seed;
	struct smtp_client c;
	struct smtp_job job;
	struct smtp_txn txn;
	struct outcome outcomes[MAX_RCPT];
	struct buf words, rcpts, in, got, seen;
	size_t got_at;
	struct slice body;
	size_t body_at;
	char words_space[8192], rcpts_space[8192];
	char in_space[1 << 18], got_space[1 << 18], seen_space[1 << 18];
} play;

static void watch(void *ctx, bool out, struct slice line)
{
	(void)ctx;
	buf_put_str(&play.seen, out ? "> " : "< ");
	buf_put_slice(&play.seen, line);
	buf_put_char(&play.seen, '\n');
}

static size_t piece(size_t left)
{
	return script_piece(play.place.manner, &play.seed, left);
}

/* Words that must outlive their line. */
static struct slice keep(struct slice s)
{
	size_t at = play.words.len;

	script_unescape(&play.words, s);
	return slice_from(buf_slice(&play.words), at);
}

/* Do what the engine wants, but reading. */
static void drain(void)
{
	for (;;) {
		unsigned wants = smtp_client_wants(&play.c);
		size_t left = play.body.n - play.body_at;

		if (wants & SMTP_WANT_BODY) {
			struct slice part = slice_of(play.body.p + play.body_at,
						     piece(left));

			if (left == 0)
				smtp_client_body_end(&play.c);
			else
				play.body_at += smtp_client_body(&play.c, part);
		} else if (wants & SMTP_WANT_WRITE) {
			struct slice out = smtp_client_out(&play.c);

			out.n = piece(out.n);
			buf_put_slice(&play.got, out);
			smtp_client_sent(&play.c, out.n);
		} else {
			return;
		}
	}
}

/* Say what the server has said so far. */
static void flush(void)
{
	struct slice in = buf_slice(&play.in);

	drain();
	while (in.n > 0) {
		size_t n = piece(in.n), used;

		smtp_client_feed(&play.c, slice_head(in, n), &used);
		assert_int_equal(used, n);
		in = slice_from(in, n);
		drain();
	}
	buf_reset(&play.in);
}

static void read_job(struct slice rest)
{
	struct slice v = { NULL, 0 };

	play.job = (struct smtp_job){
		.helo = SLICE("me.example"),
		.lmtp = script_has(rest, "lmtp"),
		.auth = script_has(rest, "auth"),
		.auth_clear = script_has(rest, "clear"),
		.mechanisms = EHLO_AUTH_PLAIN | EHLO_AUTH_LOGIN,
		.user = SLICE("user"),
		.password = SLICE("secret"),
		.watch = watch,
	};
	if (script_value(rest, "tls", &v))
		play.job.tls =
			slice_eq(v, SLICE("try"))        ? SMTP_TLS_TRY
			: slice_eq(v, SLICE("required")) ? SMTP_TLS_REQUIRED
			: slice_eq(v, SLICE("implicit")) ? SMTP_TLS_IMPLICIT
							 : SMTP_TLS_OFF;
	if (script_value(rest, "user", &v))
		play.job.user = keep(v);
	if (script_value(rest, "password", &v))
		play.job.password = keep(v);
	if (script_value(rest, "helo", &v))
		play.job.helo = keep(v);
	if (script_value(rest, "only", &v))
		play.job.mechanisms = slice_eq(v, SLICE("LOGIN"))
					      ? EHLO_AUTH_LOGIN
					      : EHLO_AUTH_PLAIN;
	smtp_client_init(&play.c, &play.job);
}

static void put_rcpt(struct slice rcpt)
{
	script_unescape(&play.rcpts, rcpt);
	buf_put_char(&play.rcpts, '\0');
	play.txn.nrcpt++;
}

static void begin(struct slice rest)
{
	struct slice v, domain = SLICE("x.example");
	char name[128];

	flush();
	assert_true(smtp_client_wants(&play.c) & SMTP_WANT_TXN);
	buf_reset(&play.rcpts);
	play.txn = (struct smtp_txn){
		.eight_bit = script_has(rest, "8bit"),
		.utf8 = script_has(rest, "utf8"),
		.queue = script_has(rest, "queue"),
		.outcomes = play.outcomes,
	};
	memset(play.outcomes, 0x5a, sizeof(play.outcomes));
	if (script_value(rest, "from", &v))
		play.txn.from = keep(v);
	if (script_value(rest, "params", &v))
		play.txn.params = keep(v);
	if (script_value(rest, "size", &v))
		play.txn.size = script_number(v);
	script_value(rest, "domain", &domain);
	if (script_value(rest, "rcpts", &v))
		for (unsigned i = 1, n = script_number(v); i <= n; i++) {
			snprintf(name, sizeof(name), "r%u@%.*s", i,
				 (int)domain.n, domain.p);
			put_rcpt(slice_str(name));
		}
	if (script_value(rest, "to", &v))
		while (v.n > 0)
			put_rcpt(slice_cut(&v, ','));
	play.body = SLICE("Subject: s\r\n\r\nhello\r\n");
	if (script_value(rest, "body", &v))
		play.body = keep(v);
	play.body_at = 0;
	play.txn.rcpts = buf_slice(&play.rcpts);
	smtp_client_begin(&play.c, &play.txn);
}

static void expect_line(struct slice want)
{
	char space[4096];
	struct buf text = BUF_ON(space);

	flush();
	script_unescape(&text, want);

	struct slice got = slice_from(buf_slice(&play.got), play.got_at);
	ptrdiff_t end = slice_find(got, '\n');
	if (end < 1 || got.p[end - 1] != '\r')
		script_fail(&play.place, "no line, but: %.*s", (int)got.n,
			    got.p ? got.p : "");
	got.n = (size_t)end - 1;
	if (!slice_eq(got, buf_slice(&text)))
		script_fail(&play.place, "got: %.*s", (int)got.n, got.p);
	play.got_at += got.n + 2;
}

static bool same_verdict(struct slice name, enum verdict v)
{
	static const char *const names[] = { "NONE", "SENT", "LATER", "ROUTE",
					     "REFUSED" };

	return slice_eq(name, slice_str(names[v]));
}

static void check_outcome(const struct outcome *o, struct slice rest)
{
	struct slice all = rest, word = slice_word(&rest);
	ptrdiff_t tilde = slice_find(all, '~');
	unsigned numbers[2] = { o->code, o->dsn };

	for (unsigned i = 0; i < 2; i++) {
		struct slice look = rest;
		struct slice n = slice_word(&look);

		if (n.n == 0 || !char_is_digit(n.p[0]))
			break;
		numbers[i] = script_number(n);
		rest = look;
	}
	bool text_ok = true;
	if (tilde >= 0) {
		char want[256];

		snprintf(want, sizeof(want), "%.*s",
			 (int)(all.n - (size_t)tilde - 1), all.p + tilde + 1);
		text_ok = strstr(o->text, want) != NULL;
	}
	if (!same_verdict(word, o->verdict) || numbers[0] != o->code ||
	    numbers[1] != o->dsn || o->more != script_has(rest, "more") ||
	    o->uncertain != script_has(rest, "uncertain") || !text_ok ||
	    (o->verdict == VERDICT_RETRY_ROUTE &&
	     o->trouble != (script_has(rest, "auth")   ? TROUBLE_AUTH
			    : script_has(rest, "conf") ? TROUBLE_CONF
						       : TROUBLE_LINK)))
		script_fail(&play.place,
			    "verdict %d trouble %d code %u dsn %u more %d "
			    "uncertain %d text %s",
			    o->verdict, o->trouble, o->code, o->dsn, o->more,
			    o->uncertain, o->text);
}

static void check_outcomes(struct slice rest)
{
	struct slice which = slice_word(&rest);

	flush();
	if (!slice_eq(which, SLICE("*"))) {
		check_outcome(&play.outcomes[script_number(which)], rest);
		return;
	}
	for (unsigned i = 0; i < play.txn.nrcpt; i++)
		check_outcome(&play.outcomes[i], rest);
}

static void check_wants(struct slice rest)
{
	static const char *const names[] = { "READ", "WRITE", "TLS",
					     "TXN",  "BODY",  "CLOSE" };
	unsigned want = 0;

	flush();
	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (script_has(rest, names[i]))
			want |= 1u << i;
	if (smtp_client_wants(&play.c) != want)
		script_fail(&play.place, "wants %#x, not %#x",
			    smtp_client_wants(&play.c), want);
}

static void repeat(struct slice rest, bool server)
{
	unsigned n = script_number(slice_word(&rest));
	char form[1024], line[1024];

	snprintf(form, sizeof(form), "%.*s", (int)rest.n - 1, rest.p + 1);
	for (unsigned i = 1; i <= n; i++) {
		char *d = strstr(form, "%d");

		if (d)
			snprintf(line, sizeof(line), "%.*s%u%s",
				 (int)(d - form), form, i, d + 2);
		else
			snprintf(line, sizeof(line), "%s", form);
		if (server) {
			script_unescape(&play.in, slice_str(line));
			buf_put_str(&play.in, "\r\n");
		} else {
			expect_line(slice_str(line));
		}
	}
}

static bool obey_owner(struct slice verb, struct slice rest)
{
	struct outcome o;

	if (slice_eq(verb, SLICE("quit"))) {
		smtp_client_quit(&play.c);
	} else if (slice_eq(verb, SLICE("drop"))) {
		smtp_client_lost(&play.c, slice_trim(rest));
	} else if (slice_eq(verb, SLICE("expire"))) {
		smtp_client_expire(&play.c);
	} else if (slice_eq(verb, SLICE("tls"))) {
		assert_int_equal(smtp_client_wants(&play.c), SMTP_WANT_TLS);
		smtp_client_tls_up(&play.c);
	} else if (slice_eq(verb, SLICE("fail"))) {
		outcome_set_trouble(&o, TROUBLE_LINK, 470, slice_trim(rest));
		smtp_client_fail(&play.c, &o);
	} else if (slice_eq(verb, SLICE("unreadable"))) {
		outcome_set(&o, VERDICT_RETRY_MESSAGE, 0, 430,
			    slice_trim(rest));
		smtp_client_body_fail(&play.c, &o);
	} else {
		return false;
	}
	return true;
}

static bool seen_has(struct slice text)
{
	char want[512];

	snprintf(want, sizeof(want), "%.*s", (int)text.n, text.p);
	buf_cstr(&play.seen);
	return strstr(play.seen_space, want) != NULL;
}

static void check_end(void)
{
	check_wants(SLICE("CLOSE"));
	if (play.got_at != play.got.len)
		script_fail(&play.place, "more was said: %.*s",
			    (int)(play.got.len - play.got_at),
			    play.got.data + play.got_at);
}

static void obey(struct slice line)
{
	struct slice rest = line, verb = slice_word(&rest);

	if (slice_starts(line, SLICE("S: ")) || slice_eq(line, SLICE("S:"))) {
		script_unescape(&play.in, slice_from(line, 3));
		buf_put_str(&play.in, "\r\n");
		return;
	}
	if (slice_starts(line, SLICE("S> "))) {
		script_unescape(&play.in, slice_from(line, 3));
		return;
	}
	if (slice_eq(verb, SLICE("S*"))) {
		repeat(rest, true);
		return;
	}
	if (slice_eq(verb, SLICE("whole")))
		return;
	if (slice_eq(verb, SLICE("job"))) {
		read_job(rest);
		return;
	}
	flush();
	if (slice_starts(line, SLICE("C: ")))
		expect_line(slice_from(line, 3));
	else if (slice_eq(verb, SLICE("C*")))
		repeat(rest, false);
	else if (slice_eq(verb, SLICE("txn")))
		begin(rest);
	else if (slice_eq(verb, SLICE("outcome")))
		check_outcomes(rest);
	else if (slice_eq(verb, SLICE("fault")))
		check_outcome(&play.c.fault, rest);
	else if (slice_eq(verb, SLICE("want")))
		check_wants(rest);
	else if (slice_eq(verb, SLICE("timeout")))
		assert_int_equal(smtp_client_timeout_s(&play.c),
				 script_number(slice_trim(rest)));
	else if (slice_eq(verb, SLICE("watched")))
		assert_true(seen_has(slice_from(rest, 1)));
	else if (slice_eq(verb, SLICE("unwatched")))
		assert_false(seen_has(slice_from(rest, 1)));
	else if (slice_eq(verb, SLICE("end")))
		check_end();
	else if (!obey_owner(verb, rest))
		script_fail(&play.place, "what does this mean?");
}

static void play_once(const struct script *s, unsigned manner)
{
	memset(&play.c, 0x5a, sizeof(play.c));
	play.place = (struct place){ s, 0, manner };
	play.seed = FEED_SEED + manner;
	play.words = BUF_ON(play.words_space);
	play.rcpts = BUF_ON(play.rcpts_space);
	play.in = BUF_ON(play.in_space);
	play.got = BUF_ON(play.got_space);
	play.seen = BUF_ON(play.seen_space);
	play.got_at = 0;
	for (unsigned i = 0; i < s->lines; i++) {
		play.place.at = i;
		obey(slice_str(s->line[i]));
	}
	assert_false(play.in.overflow || play.got.overflow ||
		     play.seen.overflow);
}

static void play_script(void **state)
{
	const struct script *s = *state;

	for (unsigned i = 0; i < SCRIPT_MANNERS; i++) {
		play_once(s, i);
		if (strcmp(s->line[0], "whole") == 0)
			return;
	}
}

int main(void)
{
	return script_run_all("tests/smtp/client", play_script);
}
