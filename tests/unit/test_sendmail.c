/* SPDX-License-Identifier: ISC */
/* The parts of sendmail(1): options, recipients, names, sender. */
#include "lib/check.h"

#include <stdlib.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/sendmail.h"
#include "mail/address.h"
#include "mail/envelope.h"

static struct sendmail s;
static char rcpts[SENDMAIL_RCPTS];
static char *words[40];
static int count;

/* Split line at blanks into words; argv[0] is sendmail. */
static int options(const char *line)
{
	static char space[1000];

	assert_true(strlen(line) < sizeof(space));
	memcpy(space, line, strlen(line) + 1);
	memset(&s, 0, sizeof(s));
	s.rcpts = buf_on(rcpts, sizeof(rcpts));
	count = 0;
	words[count++] = (char *)(uintptr_t) "sendmail";
	for (char *w = strtok(space, " "); w; w = strtok(NULL, " "))
		words[count++] = w;
	words[count] = NULL;
	cmd_quiet = true;
	return sendmail_options(&s, count, words);
}

static void test_options(void **state)
{
	(void)state;
	assert_int_equal(options("-tif a@b -v c -oi d -- -e"), 0);
	assert_true(s.take_header);
	assert_true(s.ignore_dots);
	assert_true(s.verbose);
	assert_string_equal(s.from, "a@b");
	assert_int_equal(s.argc, 3);
	assert_string_equal(s.argv[0], "c");
	assert_string_equal(s.argv[1], "d");
	assert_string_equal(s.argv[2], "-e");
	assert_int_equal(options("-L a:b -L a[1] x"), 0);
	assert_string_equal(cmd_tag, "mailmote");
	assert_int_equal(options("-Lsm-mta2 x"), 0);
	assert_string_equal(cmd_tag, "sm-mta2");
	assert_int_equal(options("-FName -fa -"), 0);
	assert_string_equal(s.name, "Name");
	assert_string_equal(s.from, "a");
	assert_string_equal(s.argv[0], "-");
	assert_int_equal(options("-odq x"), 0);
	assert_int_equal(s.handover, HANDOVER_QUEUE);
	assert_int_equal(options("-odq -odi x"), 0);
	assert_int_equal(s.handover, HANDOVER_WAIT);
	assert_int_equal(options("-O DeliveryMode=b x"), 0);
	assert_int_equal(s.handover, HANDOVER_QUEUE);
	assert_int_equal(options("-OIgnoreDots=true"), 0);
	assert_true(s.ignore_dots);
	assert_int_equal(options("-OIgnoreDots=False"), 0);
	assert_false(s.ignore_dots);
}

static void test_modes(void **state)
{
	static const struct {
		const char *line;
		int mode;
	} rows[] = {
		{ "", SENDMAIL_DELIVER },        { "-bm", SENDMAIL_DELIVER },
		{ "-bp", SENDMAIL_MAILQ },       { "-bi", SENDMAIL_ALIASES },
		{ "-I", SENDMAIL_ALIASES },      { "-q", SENDMAIL_FLUSH },
		{ "-q15m", SENDMAIL_FLUSH },     { "-bd", SENDMAIL_DAEMON },
		{ "-bd -q1h", SENDMAIL_DAEMON }, { "-bD", SENDMAIL_FOREGROUND },
		{ "-bdf", SENDMAIL_FOREGROUND }, { "-q -v a", SENDMAIL_FLUSH },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(options(rows[i].line), 0);
		assert_int_equal(s.mode, rows[i].mode);
	}
	assert_int_equal(options("-q -v a"), 0);
	assert_int_equal(s.argc, 1);
	assert_int_equal(options("-qf"), 0);
	assert_true(s.flush_wait);
	assert_int_equal(options("-qIabcdefgh2345"), 0);
	assert_string_equal(s.flush, "abcdefgh2345");
	assert_int_equal(options("-qRsome"), 0);
	assert_null(s.flush);
}

static void test_misuse(void **state)
{
	static const char *const lines[] = {
		"-f",
		"-f a -f b",
		"-f a -r b",
		"-bt",
		"-bmx",
		"-b",
		"-qG",
		"-qI",
		"-qIabc",
		"-Z",
		"-tZ",
		"-B8",
		"-h x",
		"-h",
		"-N",
		"-N x",
		"-N success,",
		"-R x",
		"-R full -R full",
		"-V =",
		"-V +",
		"-V +a0",
		"-S h",
		"-H p",
		"-w1",
		"-auu",
		"-ampl",
		"--x",
		"-Q x",
		"-z x",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		if (options(lines[i]) != EXIT_USAGE_)
			fail_msg("%s was taken", lines[i]);
	}
	char envid[120] = "-V";
	memset(envid + 2, 'x', 100);
	assert_int_equal(options(envid), 0);
	envid[102] = 'x';
	assert_int_equal(options(envid), EXIT_USAGE_);
	assert_int_equal(options("-N never -R HDRS -V +2B"), 0);
	assert_int_equal(options("-N success,Failure,delay"), 0);
}

static int of_args(const char *line)
{
	assert_int_equal(options(line), 0);
	return sendmail_rcpts_of_args(&s);
}

static int of_header(const char *text)
{
	assert_int_equal(options("-t"), 0);
	return sendmail_rcpts_of_header(&s, slice_str(text));
}

/* The recipients with blanks between them. */
static const char *got(void)
{
	static char space[4096];
	struct buf out = BUF_ON(space);
	struct slice rest = buf_slice(&s.rcpts);
	struct slice one;

	while (envelope_next_rcpt(&rest, &one)) {
		buf_put_slice(&out, one);
		buf_put_char(&out, ' ');
	}
	return buf_cstr(&out);
}

static void test_args(void **state)
{
	(void)state;
	assert_int_equal(of_args("a@b,c@d e@f a@B A@b,e@f"), 0);
	assert_string_equal(got(), "a@b c@d e@f A@b ");
	assert_int_equal(s.nrcpt, 4);
	assert_int_equal(of_args("root root@localhost"), 0);
	assert_int_equal(s.nrcpt, 2);
	assert_int_equal(of_args("a@b c@@d"), EXIT_DATA);
	assert_int_equal(of_args("<>"), EXIT_DATA);
	assert_int_equal(of_args(","), EXIT_DATA);
	assert_int_equal(of_args("a\001b"), EXIT_USAGE_);
}

static void test_header(void **state)
{
	(void)state;
	assert_int_equal(
		of_header("Subject: To: x@y\r\nto: a@b\r\nCC : c@d,\r\n"
			  "\t\"e, f\" <e@f>\r\nBcc:g@h\r\n"),
		0);
	assert_string_equal(got(), "a@b c@d e@f g@h ");
	assert_int_equal(of_header("Resent-Cc: a@b\r\nTo: c@d\r\n"), 0);
	assert_string_equal(got(), "a@b ");
	assert_int_equal(of_header("Resent-From: a@b\r\nTo: c@d\r\n"), 0);
	assert_string_equal(got(), "c@d ");
	assert_int_equal(of_header("To:\r\nCc: ,\r\n"), 0);
	assert_int_equal(s.nrcpt, 0);
	assert_int_equal(of_header("To: a@b, <c\r\n"), EXIT_DATA);
	assert_int_equal(of_header(""), 0);
}

/* As many recipients as fit, and one more. */
static void test_many(void **state)
{
	static char list[SENDMAIL_RCPTS * 2];
	size_t n = 0;
	unsigned i = 0;

	(void)state;
	assert_int_equal(options("-t"), 0);
	/* 16 bytes each, with the NUL: 4096 of them. */
	for (; i < SENDMAIL_RCPTS / 16; i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n,
				      "%s%07u@abc.org", i ? "," : "", i);
	char *argv[] = { list };
	s.argc = 1;
	s.argv = argv;
	assert_int_equal(sendmail_rcpts_of_args(&s), 0);
	assert_int_equal(s.nrcpt, i);
	snprintf(list + n, sizeof(list) - n, ",a");
	s.rcpts = buf_on(rcpts, sizeof(rcpts));
	assert_int_equal(sendmail_rcpts_of_args(&s), EXIT_DATA);
}

static void name(const char *text, const char *want)
{
	char space[1024];
	struct buf b = BUF_ON(space);

	sendmail_put_name(&b, slice_str(text));
	assert_slice(buf_slice(&b), slice_str(want));
}

static void test_names(void **state)
{
	char text[200];

	(void)state;
	name("", "");
	name("Plain Name", "Plain Name");
	name("  spaces  ", "spaces");
	name("Dr. Q", "\"Dr. Q\"");
	name("a\"b\\c", "\"a\\\"b\\\\c\"");
	name("X\r\nBcc: v@x", "\"XBcc: v@x\"");
	name("\x7f\t", "");
	name("M\xc3\xbc", "=?utf-8?B?TcO8?=");
	/* The cut of an encoded word is never inside a character. */
	for (int lead = 0; lead < 4; lead++) {
		char want[300];
		char *at = strchr(memset(want, 0, sizeof(want)), '\0');

		(void)at;
		memset(text, 'a', (size_t)lead);
		for (int i = 0; i < 12; i++)
			memcpy(text + lead + 4 * i, "\xf0\x9f\x93\xa8", 4);
		text[lead + 48] = '\0';
		struct buf b = BUF_ON(want);
		sendmail_put_name(&b, slice_str(text));
		const char *second = strstr(buf_cstr(&b), "\r\n =?utf-8?B?");
		assert_non_null(second);
		/* The second word begins with a whole character: 8J+T. */
		assert_memory_equal(second + 13, "8J+T", 4);
	}
	/* No more than SENDMAIL_NAME bytes of it. */
	memset(text, 'n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	char cut[SENDMAIL_NAME + 1];
	memcpy(cut, text, SENDMAIL_NAME);
	cut[SENDMAIL_NAME] = '\0';
	name(text, cut);
}

static void sender(const char *from, const char *domain, const char *path,
		   const char *field)
{
	struct identity id = { .domain = "" };
	char path_space[ADDRESS_MAX_PATH];
	char from_space[1024];
	struct buf p = BUF_ON(path_space);
	struct buf f = BUF_ON(from_space);

	memcpy(id.domain, domain, strlen(domain) + 1);
	s.from = from;
	s.name = "N";
	assert_int_equal(sendmail_sender(&s, &id, &p, &f), 0);
	assert_slice(buf_slice(&p), slice_str(path));
	if (field)
		assert_slice(buf_slice(&f), slice_str(field));
}

static void test_sender(void **state)
{
	static const char *const wrong[] = { "a b",     "a@b c@d",  "a@b,c@d",
					     "<a@b",    "a@b@c",    "x:;",
					     "<>, a@b", "a@[1.2.3]" };
	struct identity id = { .domain = "d" };
	char space[1024];

	(void)state;
	options("");
	sender("a@b", "d", "a@b", "N <a@b>");
	sender("Some One <a@b>", "d", "a@b", "N <a@b>");
	sender("a", "d.org", "a", "N <a@d.org>");
	sender("a", "", "a", "N <a>");
	sender("", "d", "", NULL);
	sender("<>", "d", "", NULL);
	sender(" <> ", "d", "", NULL);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct buf p = buf_on(space, ADDRESS_MAX_PATH);
		struct buf f = BUF_ON(space);

		s.from = wrong[i];
		if (sendmail_sender(&s, &id, &p, &f) != EXIT_DATA)
			fail_msg("%s was taken", wrong[i]);
	}
	/* The caller, whoever that is, has a name. */
	struct buf p = buf_on(space, 300);
	struct buf f = buf_on(space + 300, 700);
	struct address a;
	s.from = NULL;
	s.name = NULL;
	assert_int_equal(sendmail_sender(&s, &id, &p, &f), 0);
	assert_int_equal(address_parse(buf_slice(&p), &a), 0);
	assert_int_equal(a.domain.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options), cmocka_unit_test(test_modes),
		cmocka_unit_test(test_misuse),  cmocka_unit_test(test_args),
		cmocka_unit_test(test_header),  cmocka_unit_test(test_many),
		cmocka_unit_test(test_names),   cmocka_unit_test(test_sender),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
