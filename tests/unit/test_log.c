/* SPDX-License-Identifier: ISC */
/* base/log: both sinks, levels, cuts, injection, repeats, a lost socket. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "lib/check.h"

static char folder[] = "/tmp/test_log.XXXXXX";
static int daemon_fd = -1;
static int saved_stderr = -1, read_end = -1;
static unsigned connects;

/* Stands in for the C library's: /dev/log is a socket of this test. */
int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sockaddr_un un = { AF_UNIX, "log" };

	(void)len;
	assert_string_equal(((const struct sockaddr_un *)addr)->sun_path,
			    "/dev/log");
	connects++;
	return (int)syscall(SYS_connect, fd, &un, sizeof(un));
}

static void open_daemon(void)
{
	struct sockaddr_un un = { AF_UNIX, "log" };

	(void)unlink("log");
	daemon_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(daemon_fd, (struct sockaddr *)&un, sizeof(un)),
			 0);
}

static int set_up(void **state)
{
	(void)state;
	return !mkdtemp(folder) || chdir(folder) < 0;
}

static int tear_down(void **state)
{
	(void)state;
	(void)unlink("log");
	return chdir("/") < 0 || rmdir(folder) < 0;
}

static void catch_stderr(void)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	saved_stderr = dup(STDERR_FILENO);
	assert_int_equal(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	close(fds[1]);
	read_end = fds[0];
}

static void check_stderr(const char *want)
{
	static char text[8192];
	ssize_t n = read(read_end, text, sizeof(text));

	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(read_end);
	assert_slice(slice_of(text, n > 0 ? (size_t)n : 0), slice_str(want));
}

/* The next datagram, without the pid in it. */
static struct slice next_datagram(void)
{
	static char text[4096];
	ssize_t n = recv(daemon_fd, text, sizeof(text), 0);
	char want[32];
	struct buf pid = BUF_ON(want);

	if (n < 0)
		return SLICE("nothing");
	buf_putf(&pid, "[%d]", getpid());

	struct slice in = slice_of(text, (size_t)n);
	ptrdiff_t at = slice_find(in, '[');
	assert_true(at > 0);
	assert_true(slice_starts(slice_from(in, (size_t)at), buf_slice(&pid)));
	memmove(text + at, text + at + pid.len,
		(size_t)n - (size_t)at - pid.len);
	return slice_of(text, (size_t)n - pid.len);
}

static void writes_lines_to_stderr(void **state)
{
	(void)state;
	catch_stderr();
	log_err("one %d", 1);
	log_warn("two");
	log_info("three %s", "x");
	log_debug("not wanted");
	log_line(LOG_INFO, SLICE("four"));
	check_stderr("mailmote: one 1\nmailmote: two\nmailmote: three x\n"
		     "mailmote: four\n");
}

static void heeds_the_level(void **state)
{
	(void)state;
	catch_stderr();
	log_setup(LOG_TO_STDERR, LOG_ERR, "mailmote");
	assert_true(log_wants(LOG_ERR));
	assert_false(log_wants(LOG_WARN));
	log_warn("no");
	log_err("yes");
	log_setup(LOG_TO_STDERR, LOG_DEBUG, "mailmote");
	assert_true(log_wants(LOG_DEBUG));
	log_debug("debug");
	log_setup(LOG_TO_NONE, LOG_DEBUG, "mailmote");
	assert_false(log_wants(LOG_ERR));
	log_err("nowhere");
	log_line(LOG_ERR, SLICE("nowhere"));
	check_stderr("mailmote: yes\nmailmote: debug\n");
}

static void stops_injection(void **state)
{
	(void)state;
	catch_stderr();
	log_setup(LOG_TO_STDERR, LOG_INFO, "mailmote");
	log_info("a=%s", "x\nmailmote: sent id=fake\r\x1b[2J\x7f\t");
	log_line(LOG_INFO, SLICE("b\nc"));
	check_stderr("mailmote: a=x?mailmote: sent id=fake??[2J??\n"
		     "mailmote: b?c\n");
}

/* At the limit a line is whole, above it it ends in a mark. */
static void cuts_long_lines(void **state)
{
	static char text[LOG_MAX_LINE + 3], want[LOG_MAX_LINE + 64];

	(void)state;
	log_setup(LOG_TO_STDERR, LOG_INFO, "mailmote");
	for (size_t n = LOG_MAX_LINE - 1; n <= LOG_MAX_LINE + 2; n++) {
		struct buf b = BUF_ON(want);

		memset(text, 'a' + (int)(n % 8), n);
		text[n] = '\0';
		buf_putf(&b, "mailmote: %s", text);
		if (n > LOG_MAX_LINE) {
			b.len = 10 + LOG_MAX_LINE - 3;
			buf_put_str(&b, "...");
		}
		buf_put_char(&b, '\n');
		catch_stderr();
		if (n & 1)
			log_line(LOG_INFO, slice_str(text));
		else
			log_info("%s", text);
		check_stderr(buf_cstr(&b));
	}

	/* a number that does not fit is left out: nothing stale shows */
	struct buf b = BUF_ON(want);
	text[LOG_MAX_LINE - 5] = '\0';
	buf_putf(&b, "mailmote: %s...\n", text);
	catch_stderr();
	log_info("%s%u", text, 123456u);
	check_stderr(buf_cstr(&b));
}

static void counts_repeats(void **state)
{
	(void)state;
	catch_stderr();
	log_setup(LOG_TO_STDERR, LOG_INFO, "mailmote");
	log_info("same");
	log_info("same");
	log_info("same");
	log_warn("same");
	log_warn("other");
	log_warn("other");
	log_setup(LOG_TO_STDERR, LOG_INFO, "mailmote");
	log_warn("other");
	check_stderr("mailmote: same\n"
		     "mailmote: last line repeated 2 times\n"
		     "mailmote: same\n"
		     "mailmote: other\n"
		     "mailmote: last line repeated 1 times\n"
		     "mailmote: other\n");
}

static void lives_without_stderr(void **state)
{
	(void)state;
	int saved = dup(STDERR_FILENO);
	close(STDERR_FILENO);
	log_info("to nobody");
	dup2(saved, STDERR_FILENO);
	close(saved);
	catch_stderr();
	log_info("to somebody");
	check_stderr("mailmote: to somebody\n");
}

/* RFC 3164: facility mail is 2, severities 3, 4, 6, 7. */
static void writes_datagrams(void **state)
{
	(void)state;
	open_daemon();
	connects = 0;
	log_setup(LOG_TO_SYSLOG, LOG_DEBUG, "mailmote");
	log_err("e");
	assert_text(next_datagram(), "<19>mailmote: e");
	log_warn("w");
	assert_text(next_datagram(), "<20>mailmote: w");
	log_info("i");
	assert_text(next_datagram(), "<22>mailmote: i");
	log_debug("d");
	assert_text(next_datagram(), "<23>mailmote: d");
	log_debug("d");
	assert_text(next_datagram(), "nothing");
	log_info("x");
	assert_text(next_datagram(),
		    "<23>mailmote: last line repeated 1 times");
	assert_text(next_datagram(), "<22>mailmote: x");
	assert_int_equal(connects, 1);
	log_setup(LOG_TO_SYSLOG, LOG_INFO,
		  "a-name-of-more-than-thirty-two-characters");
	log_info("short");
	assert_text(next_datagram(),
		    "<22>a-name-of-more-than-thirty-two-c: short");
	assert_int_equal(connects, 2);
	close(daemon_fd);
}

static void finds_a_new_log_daemon(void **state)
{
	(void)state;
	open_daemon();
	log_setup(LOG_TO_SYSLOG, LOG_INFO, "mailmote");
	log_info("first");
	close(daemon_fd);
	open_daemon();
	log_info("second");
	assert_text(next_datagram(), "<22>mailmote: second");
	close(daemon_fd);

	/* none at all, and then one again */
	(void)unlink("log");
	log_info("lost");
	log_info("lost too");
	open_daemon();
	log_info("third");
	assert_text(next_datagram(), "<22>mailmote: third");
	assert_text(next_datagram(), "nothing");
	close(daemon_fd);
}

/* A log daemon that does not read must not stop us. */
static void never_waits(void **state)
{
	(void)state;
	open_daemon();
	connects = 0;
	log_setup(LOG_TO_SYSLOG, LOG_INFO, "mailmote");
	for (int i = 0; i < 5000; i++)
		log_info("line %d", i);
	assert_text(next_datagram(), "<22>mailmote: line 0");
	assert_int_equal(connects, 1);
	close(daemon_fd);
	log_setup(LOG_TO_STDERR, LOG_INFO, "mailmote");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_lines_to_stderr),
		cmocka_unit_test(heeds_the_level),
		cmocka_unit_test(stops_injection),
		cmocka_unit_test(cuts_long_lines),
		cmocka_unit_test(counts_repeats),
		cmocka_unit_test(lives_without_stderr),
		cmocka_unit_test(writes_datagrams),
		cmocka_unit_test(finds_a_new_log_daemon),
		cmocka_unit_test(never_waits),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
