/* SPDX-License-Identifier: ISC */
/*
 * The client against its page: the tables of src/smtp/SMTP.md are compared
 * with the code and played, row by row; and what transcripts cannot show.
 */
#include "lib/check.h"
#include "lib/feed.h"

#include "smtp/client.h"
#include "smtp/verdict.h"

/* Steps in the page's words; state: whose timeout holds while it is awaited. */
static const struct {
	const char *name;
	enum smtp_step step;
	const char *state;
} steps[] = {
	{ "greeting", STEP_GREETING, "GREETING" },
	{ "hello", STEP_HELLO, "EHLO" },
	{ "starttls", STEP_TLS, "STARTTLS" },
	{ "auth", STEP_AUTH, "AUTH" },
	{ "rset", STEP_RSET, "RSET" },
	{ "idle", STEP_IDLE, "READY" },
	{ "mail", STEP_MAIL, "MAIL" },
	{ "rcpt", STEP_RCPT, "RCPT" },
	{ "data", STEP_DATA, "DATA" },
	{ "body", STEP_BODY, "BODY" },
	{ "dot", STEP_DOT, "DOT" },
};

/* A row of the page's table of verdicts. */
struct row {
	unsigned line;
	unsigned steps;
	unsigned code, code_to;
	char dsn[16]; /* "any", "5.7.30", "4.7.*" */
	enum verdict verdict;
	enum trouble trouble;
	enum smtp_after after;
};

static struct row rows[64];
static unsigned row_count;

static unsigned find_word(const char *const *words, unsigned n, struct slice w)
{
	for (unsigned i = 0; i < n; i++)
		if (slice_eq(w, slice_str(words[i])))
			return i;
	print_error("unknown word: %.*s\n", (int)w.n, w.p);
	fail();
	return 0;
}

static unsigned read_steps(struct slice names)
{
	unsigned bits = 0;

	while (names.n > 0) {
		struct slice name = slice_trim(slice_cut(&names, ','));
		unsigned before = bits;

		for (unsigned i = 0; i < ARRAY_LEN(steps); i++)
			if (slice_eq(name, slice_str(steps[i].name)) ||
			    slice_eq(name, SLICE("any")))
				bits |= steps[i].step;
		assert_true(bits != before);
	}
	return bits;
}

static void read_row(struct slice line, unsigned number)
{
	static const char *const verdicts[] = { "ok", "sent", "later", "route",
						"refused" };
	static const char *const troubles[] = { "link", "auth", "conf" };
	static const char *const afters[] = { "on", "quit", "drop" };
	struct row *r = &rows[row_count++];
	struct slice cell[7];

	slice_cut(&line, '|');
	for (unsigned i = 0; i < 7; i++)
		cell[i] = slice_trim(slice_cut(&line, '|'));
	r->line = number;
	r->steps = read_steps(cell[0]);

	struct slice to = cell[1];
	struct slice from = slice_cut(&to, '-');
	uint32_t n = 0;
	assert_int_equal(slice_to_u32(from, 599, &n), 0);
	r->code = r->code_to = n;
	if (to.n > 0)
		assert_int_equal(slice_to_u32(to, 599, &r->code_to), 0);
	snprintf(r->dsn, sizeof(r->dsn), "%.*s", (int)cell[2].n, cell[2].p);
	r->verdict = (enum verdict)find_word(verdicts, 5, cell[3]);
	if (cell[4].n > 0)
		r->trouble = (enum trouble)find_word(troubles, 3, cell[4]);
	r->after = (enum smtp_after)find_word(afters, 3, cell[5]);
	assert_true(cell[6].n > 0);
}

/* The timeout that the page gives for a state. */
static unsigned page_timeouts[ARRAY_LEN(steps)];

static void read_state(struct slice line)
{
	slice_cut(&line, '|');
	struct slice name = slice_trim(slice_cut(&line, '|'));
	slice_cut(&line, '|');
	uint32_t s;
	if (slice_to_u32(slice_trim(slice_cut(&line, '|')), 9999, &s) < 0)
		return;
	for (unsigned i = 0; i < ARRAY_LEN(steps); i++)
		if (slice_eq(name, slice_str(steps[i].state)))
			page_timeouts[i] = s;
}

static int read_page(void **state)
{
	FILE *f = fopen("src/smtp/SMTP.md", "r");
	char line[1024];
	bool verdicts = false;

	(void)state;
	if (!f)
		return -1;
	memset(page_timeouts, 0xff, sizeof(page_timeouts));
	for (unsigned n = 1; fgets(line, sizeof(line), f); n++) {
		struct slice s = slice_trim(slice_str(line));

		if (slice_starts(s, SLICE("<!-- verdicts")))
			verdicts = true;
		else if (slice_starts(s, SLICE("<!-- end")))
			verdicts = false;
		else if (!slice_starts(s, SLICE("| ")) ||
			 slice_starts(s, SLICE("| step ")))
			continue;
		else if (verdicts)
			read_row(s, n);
		else
			read_state(s);
	}
	fclose(f);
	return row_count > 20 ? 0 : -1;
}

static uint16_t dsn_number(const char *text)
{
	unsigned c, s, d;

	if (sscanf(text, "%u.%u.%u", &c, &s, &d) != 3)
		return 0;
	return (uint16_t)((c * 10 + s) * (d < 10    ? 10
					  : d < 100 ? 100
						    : 1000) +
			  d);
}

/* Does the enhanced code d fit the row's pattern? */
static bool fits(const char *pattern, const char *d)
{
	size_t n = strlen(pattern);

	if (strcmp(pattern, "any") == 0)
		return true;
	if (pattern[n - 1] == '*')
		return strncmp(pattern, d, n - 1) == 0;
	return strcmp(pattern, d) == 0;
}

/* Enhanced codes less their class that make a difference, and some more. */
static const char *const tails[] = { "",       ".0.0",   ".1.1", ".3.0",
				     ".3.2",   ".3.20",  ".4.5", ".4.50",
				     ".4.6",   ".7.0",   ".7.1", ".7.30",
				     ".7.139", ".7.500", ".5.3" };

static const struct row *page_rule(enum smtp_step step, unsigned code,
				   const char *dsn)
{
	for (unsigned i = 0; i < row_count; i++)
		if ((rows[i].steps & step) && code >= rows[i].code &&
		    code <= rows[i].code_to && fits(rows[i].dsn, dsn))
			return &rows[i];
	return NULL;
}

static void put_dsn(char out[16], unsigned code, const char *tail)
{
	out[0] = '\0';
	if (tail[0])
		snprintf(out, 16, "%u%s", code / 100, tail);
}

static void test_page_and_code_agree(void **state)
{
	char dsn[16];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(steps); i++)
		for (unsigned code = 200; code < 600; code++)
			for (unsigned k = 0; k < ARRAY_LEN(tails); k++) {
				put_dsn(dsn, code, tails[k]);
				const struct row *want =
					page_rule(steps[i].step, code, dsn);
				const struct smtp_rule *got = smtp_rule_find(
					steps[i].step, (uint16_t)code,
					dsn_number(dsn));

				assert_non_null(want);
				if (got->verdict != want->verdict ||
				    got->after != want->after ||
				    got->trouble != want->trouble) {
					print_error("SMTP.md:%u: %s %u %s\n",
						    want->line, steps[i].name,
						    code, dsn);
					fail();
				}
			}
}

/* One session, led to a step. */
static struct {
	struct smtp_client c;
	struct smtp_job job;
	struct smtp_txn txn;
	struct outcome outcome;
	char out[8192];
	size_t out_len;
} s;

static void drain(void)
{
	struct slice out = smtp_client_out(&s.c);

	assert_true(s.out_len + out.n <= sizeof(s.out));
	memcpy(s.out + s.out_len, out.p, out.n);
	s.out_len += out.n;
	smtp_client_sent(&s.c, out.n);
}

static void say(const char *text)
{
	size_t used;

	drain();
	smtp_client_feed(&s.c, slice_str(text), &used);
	assert_int_equal(used, strlen(text));
	drain();
}

static void begin(void)
{
	s.txn = (struct smtp_txn){
		.from = SLICE("a@b"),
		.rcpts = slice_of("c@d", 4),
		.nrcpt = 1,
		.outcomes = &s.outcome,
	};
	smtp_client_begin(&s.c, &s.txn);
	drain();
}

/* Lead a new session to where the reply of this step is awaited. */
static void lead_to(enum smtp_step step)
{
	memset(&s, 0, sizeof(s));
	s.job.helo = SLICE("me");
	s.job.lmtp = step == STEP_HELLO;
	if (step == STEP_TLS)
		s.job.tls = SMTP_TLS_REQUIRED;
	if (step == STEP_AUTH) {
		s.job.tls = SMTP_TLS_IMPLICIT;
		s.job.auth = true;
		s.job.mechanisms = EHLO_AUTH_LOGIN;
		s.job.user = s.job.password = SLICE("x");
	}
	smtp_client_init(&s.c, &s.job);
	if (step == STEP_GREETING)
		return;
	say("220 x\r\n");
	if (step == STEP_HELLO)
		return;
	say("250-x\r\n250-AUTH LOGIN\r\n250 STARTTLS\r\n");
	if (step == STEP_TLS || step == STEP_AUTH || step == STEP_IDLE)
		return;
	begin();
	if (step == STEP_RSET) {
		say("250 ok\r\n");
		say("550 no\r\n");
		begin();
		assert_memory_equal(s.out + s.out_len - 6, "RSET\r\n", 6);
	}
	if (step == STEP_RSET || step == STEP_MAIL)
		return;
	say("250 ok\r\n");
	if (step == STEP_RCPT)
		return;
	say("250 ok\r\n");
	if (step == STEP_DATA)
		return;
	say("354 go\r\n");
	smtp_client_body(&s.c, SLICE("text"));
	if (step == STEP_DOT)
		assert_true(smtp_client_body_end(&s.c));
	drain();
}

static bool was_said(const char *line)
{
	size_t n = strlen(line);

	return s.out_len >= n && memcmp(s.out + s.out_len - n, line, n) == 0;
}

static void check_row(const struct row *r, enum smtp_step step, unsigned code,
		      const char *dsn)
{
	char reply[64];
	bool txn = step >= STEP_MAIL || step == STEP_RSET;

	lead_to(step);
	snprintf(reply, sizeof(reply), "%u%s%s words\r\n", code,
		 dsn[0] ? " " : "", dsn);
	say(reply);

	unsigned wants = smtp_client_wants(&s.c);
	bool drop = r->after == AFTER_DROP || step == STEP_BODY;
	const struct outcome *o = txn ? &s.outcome : &s.c.fault;
	if (r->verdict == VERDICT_RETRY_ROUTE) {
		assert_int_equal(s.c.fault.verdict, VERDICT_RETRY_ROUTE);
		assert_int_equal(s.c.fault.trouble, r->trouble);
		assert_int_equal(s.c.fault.code, code);
		if (dsn[0])
			assert_int_equal(s.c.fault.dsn, dsn_number(dsn));
		assert_string_equal(s.c.fault.text, "words");
		assert_int_equal(o->verdict, VERDICT_RETRY_ROUTE);
		assert_int_equal(o->trouble, r->trouble);
		assert_int_equal(was_said("QUIT\r\n"), !drop);
		assert_int_equal(wants,
				 drop ? SMTP_WANT_CLOSE : SMTP_WANT_READ);
		return;
	}
	assert_int_equal(s.c.fault.verdict, VERDICT_NONE);
	assert_false(was_said("QUIT\r\n"));
	if (txn)
		assert_int_equal(s.outcome.verdict, r->verdict);
	if (drop)
		assert_int_equal(wants, SMTP_WANT_CLOSE);
	else if (r->verdict != VERDICT_NONE)
		assert_int_equal(wants, SMTP_WANT_READ | SMTP_WANT_TXN);
	else
		assert_false(wants & SMTP_WANT_CLOSE);
}

/* The first code and enhanced code that the row decides in this step. */
static bool find_example(const struct row *r, enum smtp_step step,
			 unsigned *code, char dsn[16])
{
	for (*code = r->code; *code <= r->code_to; (*code)++)
		for (unsigned k = 0; k < ARRAY_LEN(tails); k++) {
			put_dsn(dsn, *code, tails[k]);
			if (page_rule(step, *code, dsn) == r)
				return true;
		}
	return false;
}

static void test_row(void **state)
{
	const struct row *r = *state;
	unsigned code, played = 0;
	char dsn[16];

	for (unsigned i = 0; i < ARRAY_LEN(steps); i++) {
		if (!(r->steps & steps[i].step) ||
		    !find_example(r, steps[i].step, &code, dsn))
			continue;
		check_row(r, steps[i].step, code, dsn);
		played++;
	}
	assert_true(played > 0);
}

static void test_timeouts(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(steps); i++) {
		lead_to(steps[i].step);
		assert_int_equal(smtp_client_timeout_s(&s.c), page_timeouts[i]);
	}
	/* while the end of the message is not sent it is a block */
	lead_to(STEP_BODY);
	smtp_client_body(&s.c, SLICE("x"));
	assert_true(smtp_client_body_end(&s.c));
	assert_int_equal(smtp_client_timeout_s(&s.c), 180);
	drain();
	assert_int_equal(smtp_client_timeout_s(&s.c), 600);
}

/* One that is configured holds for all; only longer for the last answer. */
static void test_own_timeout(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(steps); i++) {
		bool dot = steps[i].step == STEP_DOT;
		bool idle = steps[i].step == STEP_IDLE;

		lead_to(steps[i].step);
		s.job.timeout_s = 20;
		assert_int_equal(smtp_client_timeout_s(&s.c), idle  ? 0
							      : dot ? 600
								    : 20);
		s.job.timeout_s = 1000;
		assert_int_equal(smtp_client_timeout_s(&s.c), idle ? 0 : 1000);
		s.job.timeout_s = 0;
	}
}

/* Lost at each step: the route's trouble, uncertain behind the dot only. */
static void test_lost_at_each_step(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(steps); i++) {
		bool txn = steps[i].step >= STEP_MAIL ||
			   steps[i].step == STEP_RSET;

		lead_to(steps[i].step);
		smtp_client_lost(&s.c, SLICE("reset"));
		assert_int_equal(smtp_client_wants(&s.c), SMTP_WANT_CLOSE);
		assert_int_equal(s.c.fault.verdict, VERDICT_RETRY_ROUTE);
		assert_int_equal(s.c.fault.trouble, TROUBLE_LINK);
		assert_int_equal(s.c.fault.dsn, 442);
		if (!txn)
			continue;
		assert_int_equal(s.outcome.verdict, VERDICT_RETRY_ROUTE);
		assert_int_equal(s.outcome.uncertain,
				 steps[i].step == STEP_DOT);
	}
}

/* The final dot in out, but not sent: nobody can have taken the message. */
static void test_dot_not_sent_is_certain(void **state)
{
	(void)state;
	lead_to(STEP_BODY);
	assert_true(smtp_client_body_end(&s.c));
	smtp_client_sent(&s.c, smtp_client_out(&s.c).n - 1);
	assert_true(s.c.body_sent);
	smtp_client_lost(&s.c, SLICE(""));
	assert_int_equal(s.outcome.verdict, VERDICT_RETRY_ROUTE);
	assert_false(s.outcome.uncertain);
}

/* A reply while the dot is not out yet is none to the dot. */
static void test_early_250_is_no_success(void **state)
{
	size_t used;

	(void)state;
	lead_to(STEP_BODY);
	assert_true(smtp_client_body_end(&s.c));
	smtp_client_feed(&s.c, SLICE("250 ok\r\n"), &used);
	assert_int_equal(s.outcome.verdict, VERDICT_RETRY_ROUTE);
	assert_false(s.outcome.uncertain);
	assert_int_equal(smtp_client_wants(&s.c), SMTP_WANT_CLOSE);
}

static void test_unreadable_message(void **state)
{
	struct outcome o;

	(void)state;
	lead_to(STEP_BODY);
	outcome_set(&o, VERDICT_RETRY_MESSAGE, 0, 430, SLICE("bad flash"));
	smtp_client_body_fail(&s.c, &o);
	assert_int_equal(smtp_client_wants(&s.c), SMTP_WANT_CLOSE);
	assert_int_equal(s.outcome.verdict, VERDICT_RETRY_MESSAGE);
	assert_string_equal(s.outcome.text, "bad flash");
	assert_false(was_said(".\r\n"));
	/* whatever comes now does nothing */
	assert_int_equal(smtp_client_body(&s.c, SLICE("more")), 0);
	assert_true(smtp_client_body_end(&s.c));
	smtp_client_lost(&s.c, SLICE(""));
	smtp_client_expire(&s.c);
	smtp_client_quit(&s.c);
	assert_string_equal(s.c.fault.text, "bad flash");
	assert_int_equal(smtp_client_wants(&s.c), SMTP_WANT_CLOSE);
}

/* A MiB of body through the little out, never more than it holds. */
static void test_big_body(void **state)
{
	char line[1000];
	uint32_t seed = FEED_SEED;
	size_t in = 0, out = 0;

	(void)state;
	lead_to(STEP_BODY);
	memset(line, 'y', sizeof(line));
	while (in < 1 << 20) {
		unsigned wants = smtp_client_wants(&s.c);

		if (wants & SMTP_WANT_BODY)
			in += smtp_client_body(&s.c, slice_of(line, 997));
		else
			assert_true(wants & SMTP_WANT_WRITE);
		assert_true(smtp_client_out(&s.c).n <= SMTP_CLIENT_OUT);
		size_t n = feed_random(&seed) % 2000;
		if (n > smtp_client_out(&s.c).n)
			n = smtp_client_out(&s.c).n;
		smtp_client_sent(&s.c, n);
		out += n;
	}
	assert_true(out > (1 << 20) - SMTP_CLIENT_OUT);
	/* no room for the end until something was sent */
	while (smtp_client_body(&s.c, slice_of(line, 997)) == 997)
		continue;
	assert_false(smtp_client_body_end(&s.c));
	drain();
	assert_true(smtp_client_body_end(&s.c));
}

static bool holds(const void *p, size_t n, const char *text)
{
	return memmem(p, n, text, strlen(text)) != NULL;
}

/* Credentials are in the engine only until they are sent, or it is over. */
static void test_secrets_are_wiped(void **state)
{
	static const char both[] = "AHVzZXIAc2VjcmV0";

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		memset(&s, 0, sizeof(s));
		s.job = (struct smtp_job){
			.helo = SLICE("me"),
			.tls = SMTP_TLS_IMPLICIT,
			.auth = true,
			.mechanisms = EHLO_AUTH_PLAIN,
			.user = SLICE("user"),
			.password = SLICE("secret"),
		};
		smtp_client_init(&s.c, &s.job);
		say("220 x\r\n");

		size_t used;
		smtp_client_feed(&s.c, SLICE("250-x\r\n250 AUTH PLAIN\r\n"),
				 &used);
		assert_true(holds(&s.c, sizeof(s.c), both));
		if (i == 0)
			smtp_client_sent(&s.c, smtp_client_out(&s.c).n);
		else if (i == 1)
			smtp_client_lost(&s.c, SLICE(""));
		else
			smtp_client_expire(&s.c);
		assert_false(holds(&s.c, sizeof(s.c), both));
		assert_false(holds(&s.c, sizeof(s.c), "c2Vj"));
	}
}

/* RFC 4954 4: 512 octets with the initial response, CRLF counted. */
static void test_long_password(void **state)
{
	static char password[1024];

	(void)state;
	memset(password, 'p', sizeof(password));
	/* "AUTH PLAIN " and CRLF leave 499: 124 groups of 3 octets */
	for (size_t n = 368; n <= 900; n += n < 374 ? 1 : 263) {
		memset(&s, 0, sizeof(s));
		s.job = (struct smtp_job){
			.helo = SLICE("me"),
			.tls = SMTP_TLS_IMPLICIT,
			.auth = true,
			.mechanisms = EHLO_AUTH_PLAIN,
			.user = SLICE("u"),
			.password = slice_of(password, n),
		};
		smtp_client_init(&s.c, &s.job);
		say("220 x\r\n");
		s.out_len = 0;
		say("250-x\r\n250 AUTH PLAIN\r\n");

		bool fits = 3 + n <= 372;
		if (n > 765) {
			/* more than a response may have */
			assert_true(was_said("QUIT\r\n"));
			assert_int_equal(s.c.fault.trouble, TROUBLE_CONF);
			continue;
		}
		if (fits) {
			assert_true(s.out_len > 480 && s.out_len <= 512);
		} else {
			assert_true(was_said("AUTH PLAIN\r\n"));
			say("334 \r\n");
		}
		say("235 ok\r\n");
		assert_true(s.c.logged_in);
		assert_int_equal(smtp_client_wants(&s.c),
				 SMTP_WANT_READ | SMTP_WANT_TXN);
	}
}

/* Bytes come one by one into a full out: no command is lost or cut. */
static void test_group_through_a_narrow_pipe(void **state)
{
	static char rcpts[100 * 260];
	static struct outcome outcomes[100];
	struct buf b = BUF_ON(rcpts);
	static char got[1 << 16];
	size_t n = 0;

	(void)state;
	lead_to(STEP_IDLE);
	say("");
	memset(&s, 0, sizeof(s));
	s.job.helo = SLICE("me");
	smtp_client_init(&s.c, &s.job);
	say("220 x\r\n");
	say("250-x\r\n250 PIPELINING\r\n");
	for (unsigned i = 0; i < 98; i++) {
		buf_putf(&b, "r%02u@", i);
		for (unsigned k = 0; k < 4; k++)
			buf_put_str(&b,
				    "abcdefghijabcdefghijabcdefghijabcdefghij"
				    "abcdefghij.");
		buf_put_str(&b, "x");
		buf_put_char(&b, '\0');
	}
	s.txn = (struct smtp_txn){ .from = SLICE("a@b"),
				   .rcpts = buf_slice(&b),
				   .nrcpt = 98,
				   .outcomes = outcomes };
	smtp_client_begin(&s.c, &s.txn);
	while (smtp_client_wants(&s.c) & SMTP_WANT_WRITE) {
		assert_true(n < sizeof(got));
		got[n++] = smtp_client_out(&s.c).p[0];
		smtp_client_sent(&s.c, 1);
	}

	struct slice rest = slice_of(got, n);
	for (unsigned i = 0; i < 100; i++) {
		struct slice line = slice_cut(&rest, '\n');
		char want[32];

		snprintf(want, sizeof(want), "RCPT TO:<r%02u@abc", i - 1);
		if (i == 0)
			assert_true(slice_starts(line, SLICE("MAIL FROM:<")));
		else if (i < 99)
			assert_true(slice_starts(line, slice_str(want)));
		else
			assert_true(slice_eq(line, SLICE("DATA\r")));
	}
	assert_int_equal(rest.n, 0);
}

/* A peer that answers a whole group before it was sent finds no way in. */
static void test_replies_before_their_commands(void **state)
{
	static char rcpts[4096];
	static struct outcome outcomes[200];
	struct buf b = BUF_ON(rcpts);
	size_t used;

	(void)state;
	memset(&s, 0, sizeof(s));
	s.job.helo = SLICE("me");
	smtp_client_init(&s.c, &s.job);
	say("220 x\r\n");
	say("250-x\r\n250 PIPELINING\r\n");
	for (unsigned i = 0; i < 200; i++) {
		buf_putf(&b, "r%03u@abcdefghij", i);
		buf_put_char(&b, '\0');
	}
	s.txn = (struct smtp_txn){ .from = SLICE("a@b"),
				   .rcpts = buf_slice(&b),
				   .nrcpt = 200,
				   .outcomes = outcomes };
	smtp_client_begin(&s.c, &s.txn);
	for (unsigned i = 0; i < 300; i++)
		smtp_client_feed(&s.c, SLICE("250 ok\r\n"), &used);
	assert_int_equal(smtp_client_wants(&s.c), SMTP_WANT_CLOSE);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(outcomes[i].verdict, VERDICT_RETRY_ROUTE);
}

/* Doors that are not open do nothing. */
static void test_calls_out_of_turn(void **state)
{
	(void)state;
	lead_to(STEP_GREETING);
	smtp_client_tls_up(&s.c);
	smtp_client_quit(&s.c);
	s.txn = (struct smtp_txn){ .nrcpt = 1, .outcomes = &s.outcome };
	smtp_client_begin(&s.c, &s.txn);
	assert_int_equal(smtp_client_wants(&s.c), SMTP_WANT_READ);
	assert_int_equal(smtp_client_body(&s.c, SLICE("x")), 0);
	assert_int_equal(smtp_client_out(&s.c).n, 0);
	/* a transaction for nobody ends at once */
	lead_to(STEP_IDLE);
	s.txn = (struct smtp_txn){ .from = SLICE("a@b") };
	smtp_client_begin(&s.c, &s.txn);
	assert_int_equal(smtp_client_wants(&s.c),
			 SMTP_WANT_READ | SMTP_WANT_TXN);
}

/* Only the sender is asked about: no RCPT, no DATA, then QUIT. */
static void test_sender_alone(void **state)
{
	size_t used;

	(void)state;
	lead_to(STEP_IDLE);
	s.txn = (struct smtp_txn){ .from = SLICE("a@b"), .mail_only = true };
	smtp_client_begin(&s.c, &s.txn);
	assert_text(smtp_client_out(&s.c), "MAIL FROM:<a@b>\r\n");
	smtp_client_sent(&s.c, smtp_client_out(&s.c).n);
	smtp_client_feed(&s.c, SLICE("553 5.7.1 not yours\r\n"), &used);
	assert_false(s.c.transactions);
	assert_int_equal(smtp_client_wants(&s.c),
			 SMTP_WANT_READ | SMTP_WANT_TXN);
	smtp_client_begin(&s.c, &s.txn);
	smtp_client_sent(&s.c, smtp_client_out(&s.c).n);
	smtp_client_feed(&s.c, SLICE("250 ok\r\n"), &used);
	assert_true(s.c.transactions);
	smtp_client_quit(&s.c);
	assert_text(smtp_client_out(&s.c), "QUIT\r\n");
}

static void test_name_that_is_too_long(void **state)
{
	static char name[5000];

	(void)state;
	memset(name, 'n', sizeof(name));
	memset(&s, 0, sizeof(s));
	s.job.helo = slice_of(name, sizeof(name));
	smtp_client_init(&s.c, &s.job);
	say("220 x\r\n");
	assert_int_equal(smtp_client_wants(&s.c), SMTP_WANT_CLOSE);
	assert_int_equal(s.c.fault.trouble, TROUBLE_CONF);
	assert_int_equal(s.out_len, 0);
}

int main(void)
{
	static struct CMUnitTest tests[80] = {
		cmocka_unit_test(test_page_and_code_agree),
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_own_timeout),
		cmocka_unit_test(test_lost_at_each_step),
		cmocka_unit_test(test_dot_not_sent_is_certain),
		cmocka_unit_test(test_early_250_is_no_success),
		cmocka_unit_test(test_unreadable_message),
		cmocka_unit_test(test_big_body),
		cmocka_unit_test(test_secrets_are_wiped),
		cmocka_unit_test(test_long_password),
		cmocka_unit_test(test_group_through_a_narrow_pipe),
		cmocka_unit_test(test_replies_before_their_commands),
		cmocka_unit_test(test_calls_out_of_turn),
		cmocka_unit_test(test_sender_alone),
		cmocka_unit_test(test_name_that_is_too_long),
	};
	static char names[64][48];
	size_t n = 14;

	if (read_page(NULL) < 0) {
		fprintf(stderr, "src/smtp/SMTP.md: no table of verdicts\n");
		return 1;
	}
	for (unsigned i = 0; i < row_count; i++) {
		snprintf(names[i], sizeof(names[i]), "SMTP.md:%u",
			 rows[i].line);
		tests[n++] = (struct CMUnitTest){ .name = names[i],
						  .test_func = test_row,
						  .initial_state = &rows[i] };
	}
	return _cmocka_run_group_tests("smtp_client", tests, n, NULL, NULL);
}
