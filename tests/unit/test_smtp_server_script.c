/* SPDX-License-Identifier: ISC */
/* Plays tests/smtp/server: the script is the client and tells the owner. */
#include "smtp/transcript.h"

#include "smtp/server.h"

/* An answer that the owner was told to give. */
struct answer {
	enum smtp_ask ask;
	unsigned code, dsn;
	char text[256];
	bool wait;
};

/* A case being played. */
static struct {
	struct place place;
	uint32_t seed;
	struct smtp_server s;
	struct smtp_server_job job;
	struct answer answers[256];
	unsigned answer_count;
	struct buf in, got, asked, message;
	size_t got_at, asked_at;
	bool strict;
	bool waiting;
	char in_space[1 << 19], got_space[1 << 19], asked_space[1 << 18];
	char message_space[1 << 19];
} play;

static const char *const ask_names[] = { "NONE", "MAIL", "RCPT", "DATA",
					 "BODY", "END",  "RESET" };

static size_t piece(size_t left)
{
	return script_piece(play.place.manner, &play.seed, left);
}

static void note_ask(enum smtp_ask ask)
{
	const struct smtp_server *s = &play.s;

	buf_put_str(&play.asked, ask_names[ask]);
	if (ask == SMTP_ASK_MAIL || ask == SMTP_ASK_RCPT)
		buf_putf(&play.asked, " <%.*s>", (int)s->path.n,
			 s->path.n ? s->path.p : "");
	if (ask == SMTP_ASK_MAIL && s->size)
		buf_putf(&play.asked, " size=%llu",
			 (unsigned long long)s->size);
	if (ask == SMTP_ASK_MAIL && s->eight_bit)
		buf_put_str(&play.asked, " 8bit");
	if (ask == SMTP_ASK_MAIL && s->utf8)
		buf_put_str(&play.asked, " utf8");
	if (ask == SMTP_ASK_MAIL && s->queue)
		buf_put_str(&play.asked, " queue");
	if ((ask == SMTP_ASK_MAIL || ask == SMTP_ASK_RCPT) && s->extra.n > 0) {
		buf_put_char(&play.asked, ' ');
		buf_put_slice(&play.asked, s->extra);
	}
	buf_put_char(&play.asked, '\n');
}

static struct answer take_answer(enum smtp_ask ask)
{
	static const struct answer usual[] = {
		[SMTP_ASK_MAIL] = { .code = 250, .dsn = 210, .text = "ok" },
		[SMTP_ASK_RCPT] = { .code = 250, .dsn = 215, .text = "ok" },
		[SMTP_ASK_DATA] = { .code = 354, .text = "go ahead" },
		[SMTP_ASK_BODY] = { .code = 0 },
		[SMTP_ASK_END] = { .code = 250, .dsn = 200, .text = "ok" },
		[SMTP_ASK_RESET] = { .code = 0 },
	};

	for (unsigned i = 0; i < play.answer_count; i++) {
		struct answer a = play.answers[i];

		if (a.ask != ask)
			continue;
		play.answer_count--;
		memmove(&play.answers[i], &play.answers[i + 1],
			(play.answer_count - i) * sizeof(a));
		return a;
	}
	return usual[ask];
}

/* Answer what is asked, and send. */
static void drain(void)
{
	for (;;) {
		enum smtp_ask ask = smtp_server_ask(&play.s);
		struct slice out = smtp_server_out(&play.s);

		if (ask != SMTP_ASK_NONE && !play.waiting) {
			struct answer a = take_answer(ask);

			if (ask == SMTP_ASK_BODY)
				buf_put_slice(&play.message,
					      smtp_server_body(&play.s));
			else
				note_ask(ask);
			play.waiting = a.wait;
			if (!a.wait)
				smtp_server_answer(&play.s, (uint16_t)a.code,
						   (uint16_t)a.dsn,
						   slice_str(a.text));
		} else if (out.n > 0) {
			out.n = piece(out.n);
			buf_put_slice(&play.got, out);
			smtp_server_sent(&play.s, out.n);
		} else {
			return;
		}
	}
}

/* Say what the client has said so far; what is not taken is said again. */
static void flush(void)
{
	struct slice in = buf_slice(&play.in);

	drain();
	while (in.n > 0 && !smtp_server_is_over(&play.s) && !play.waiting) {
		struct slice part = slice_head(in, piece(in.n));
		size_t used = smtp_server_feed(&play.s, part);

		in = slice_from(in, used);
		while (used < part.n && !smtp_server_is_over(&play.s) &&
		       !play.waiting) {
			drain();
			part = slice_from(part, used);
			used = smtp_server_feed(&play.s, part);
			in = slice_from(in, used);
		}
		drain();
	}
	buf_drop(&play.in, play.in.len - in.n);
	if (smtp_server_is_over(&play.s))
		buf_reset(&play.in);
}

static void read_job(struct slice rest)
{
	struct slice v;

	play.job = (struct smtp_server_job){
		.hostname = SLICE("relay.example"),
		.max_rcpt = 100,
		.lmtp_ok = script_has(rest, "lmtp"),
	};
	if (script_value(rest, "max", &v))
		play.job.max_message = script_number(v);
	if (script_value(rest, "rcpt", &v))
		play.job.max_rcpt = (uint16_t)script_number(v);
	smtp_server_init(&play.s, &play.job);
}

static enum smtp_ask ask_named(struct slice name)
{
	for (unsigned i = 0; i < ARRAY_LEN(ask_names); i++)
		if (slice_eq(name, slice_str(ask_names[i])))
			return (enum smtp_ask)i;
	script_fail(&play.place, "what question?");
	return SMTP_ASK_NONE;
}

static void read_answer(struct slice rest)
{
	struct answer *a = &play.answers[play.answer_count++];
	struct slice word;

	*a = (struct answer){ .ask = ask_named(slice_word(&rest)) };
	word = slice_word(&rest);
	a->wait = slice_eq(word, SLICE("wait"));
	if (a->wait)
		return;
	a->code = script_number(word);
	a->dsn = script_number(slice_word(&rest));
	snprintf(a->text, sizeof(a->text), "%.*s", (int)slice_trim(rest).n,
		 slice_trim(rest).p);
}

static void expect_line(struct slice want)
{
	char space[4096];
	struct buf text = BUF_ON(space);

	script_unescape(&text, want);
	flush();

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

static void expect_ask(struct slice want)
{
	struct slice rest = slice_from(buf_slice(&play.asked), play.asked_at);
	struct slice got = slice_cut(&rest, '\n');

	play.strict = true;
	if (!slice_eq(got, slice_trim(want)))
		script_fail(&play.place, "asked: %.*s", (int)got.n,
			    got.n ? got.p : "");
	play.asked_at = play.asked.len - rest.n;
}

static void expect_message(struct slice want)
{
	static char space[1 << 16];
	struct buf text = BUF_ON(space);

	script_unescape(&text, want);
	if (!slice_eq(buf_slice(&play.message), buf_slice(&text)))
		script_fail(&play.place, "message: %.*s", (int)play.message.len,
			    play.message_space);
	buf_reset(&play.message);
}

static void repeat(struct slice rest, bool client)
{
	unsigned n = script_number(slice_word(&rest));
	char form[1024], line[2048];

	snprintf(form, sizeof(form), "%.*s", (int)rest.n - 1, rest.p + 1);
	for (unsigned i = 1; i <= n; i++) {
		char *d = strstr(form, "%d");

		if (d)
			snprintf(line, sizeof(line), "%.*s%u%s",
				 (int)(d - form), form, i, d + 2);
		else
			snprintf(line, sizeof(line), "%s", form);
		if (client) {
			script_unescape(&play.in, slice_str(line));
			buf_put_str(&play.in, "\r\n");
		} else {
			expect_line(slice_str(line));
		}
	}
}

/* "C+ N X": N times the character X, without a line end. */
static void put_many(struct slice rest)
{
	unsigned n = script_number(slice_word(&rest));
	struct slice what = slice_word(&rest);

	for (unsigned i = 0; i < n; i++)
		buf_put_char(&play.in, what.p[0]);
}

static bool put_input(struct slice line)
{
	struct slice rest = line, verb = slice_word(&rest);

	if (slice_starts(line, SLICE("C: ")) || slice_eq(line, SLICE("C:"))) {
		script_unescape(&play.in, slice_from(line, 3));
		buf_put_str(&play.in, "\r\n");
	} else if (slice_starts(line, SLICE("C> "))) {
		script_unescape(&play.in, slice_from(line, 3));
	} else if (slice_eq(verb, SLICE("C*"))) {
		repeat(rest, true);
	} else if (slice_eq(verb, SLICE("C+"))) {
		put_many(rest);
	} else if (slice_eq(verb, SLICE("answer"))) {
		read_answer(rest);
	} else if (slice_eq(verb, SLICE("job"))) {
		read_job(rest);
	} else {
		return slice_eq(verb, SLICE("whole"));
	}
	return true;
}

static void reply_now(struct slice rest)
{
	unsigned code = script_number(slice_word(&rest));
	unsigned dsn = script_number(slice_word(&rest));

	play.waiting = false;
	smtp_server_answer(&play.s, (uint16_t)code, (uint16_t)dsn,
			   slice_trim(rest));
}

static void obey(struct slice line)
{
	struct slice rest = line, verb = slice_word(&rest);

	if (put_input(line))
		return;
	/* Closing may come before the greeting was sent. */
	if (!slice_eq(verb, SLICE("close")))
		flush();
	if (slice_starts(line, SLICE("S: "))) {
		expect_line(slice_from(line, 3));
	} else if (slice_eq(verb, SLICE("S*"))) {
		repeat(rest, false);
	} else if (slice_eq(verb, SLICE("ask"))) {
		expect_ask(rest);
	} else if (slice_eq(verb, SLICE("message"))) {
		expect_message(slice_from(rest, 1));
	} else if (slice_eq(verb, SLICE("reply"))) {
		reply_now(rest);
	} else if (slice_eq(verb, SLICE("lost"))) {
		smtp_server_lost(&play.s);
		play.waiting = false;
	} else if (slice_eq(verb, SLICE("close"))) {
		unsigned dsn = script_number(slice_word(&rest));

		smtp_server_close(&play.s, (uint16_t)dsn, slice_trim(rest));
		play.waiting = false;
	} else if (slice_eq(verb, SLICE("over"))) {
		if (!smtp_server_is_over(&play.s))
			script_fail(&play.place, "it goes on");
	} else if (slice_eq(verb, SLICE("open"))) {
		if (smtp_server_is_over(&play.s))
			script_fail(&play.place, "it is over");
	} else {
		script_fail(&play.place, "what does this mean?");
	}
}

static void play_once(const struct script *s, unsigned manner)
{
	memset(&play.s, 0x5a, sizeof(play.s));
	play.place = (struct place){ s, 0, manner };
	play.seed = FEED_SEED + manner;
	play.in = BUF_ON(play.in_space);
	play.got = BUF_ON(play.got_space);
	play.asked = BUF_ON(play.asked_space);
	play.message = BUF_ON(play.message_space);
	play.got_at = play.asked_at = 0;
	play.answer_count = 0;
	play.strict = play.waiting = false;
	for (unsigned i = 0; i < s->lines; i++) {
		play.place.at = i;
		obey(slice_str(s->line[i]));
	}
	play.place.at = s->lines - 1;
	flush();
	if (play.got_at != play.got.len)
		script_fail(&play.place, "more was said: %.*s",
			    (int)(play.got.len - play.got_at),
			    play.got.data + play.got_at);
	if (play.strict && play.asked_at != play.asked.len)
		script_fail(&play.place, "more was asked: %.*s",
			    (int)(play.asked.len - play.asked_at),
			    play.asked.data + play.asked_at);
	assert_false(play.in.overflow || play.got.overflow ||
		     play.asked.overflow || play.message.overflow);
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
	return script_run_all("tests/smtp/server", play_script);
}
