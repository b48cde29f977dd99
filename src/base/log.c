/* SPDX-License-Identifier: ISC */
/*
 * base/log.c - see base/log.h.
 *
 * The one place of base/ with a state: a process has one log.  It may block
 * on standard error (whoever reads there wants every line), never on the
 * syslog socket.
 */
#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

/* RFC 3164 4.1.1: facility "mail system", times 8. */
#define FACILITY (2 * 8)

static struct {
	enum log_sink sink;
	enum log_level level;
	const char *name;
	int fd;           /* of the syslog socket, -1: none */
	unsigned repeats; /* how often last_line came again */
	enum log_level last_level;
	size_t last_len;
} state = { LOG_TO_STDERR, LOG_INFO, "mailmote", -1, 0, LOG_ERR, 0 };

/* Kept apart: the binary need not carry their zeros. */
static char last_line[LOG_MAX_LINE];
static char this_line[LOG_MAX_LINE];

static void close_syslog(void)
{
	if (state.fd >= 0)
		close(state.fd);
	state.fd = -1;
}

/* The syslog socket, connected; -1: there is no log daemon. */
static int syslog_fd(void)
{
	const struct sockaddr_un addr = { AF_UNIX, "/dev/log" };

	if (state.fd >= 0)
		return state.fd;
	state.fd =
		socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (state.fd >= 0 &&
	    connect(state.fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		close_syslog();
	return state.fd;
}

/* RFC 3164 4.1: "<PRI>tag[pid]: text"; the log daemon adds date and host. */
static void put_syslog_head(struct buf *head, enum log_level level)
{
	/* RFC 3164 4.1.1 table 2, by log_level */
	static const uint8_t severity[] = { 3, 4, 6, 7 };

	buf_putf(head, "<%u>%.*s[%u]: ", FACILITY + severity[level], 32,
		 state.name, (unsigned)getpid());
}

/* One call a line, so that lines of several processes do not mix. */
static void put_sink(enum log_level level, char *text, size_t len)
{
	char space[64], end[] = "\n";
	struct buf head = BUF_ON(space);
	bool syslog = state.sink == LOG_TO_SYSLOG;

	if (syslog)
		put_syslog_head(&head, level);
	else
		buf_put_str(&head, "mailmote: ");
	const struct iovec parts[] = { { head.data, head.len },
				       { text, len },
				       { end, 1 } };

	/*
	 * A log daemon that was restarted has another socket: once more.  One
	 * that does not keep up loses the line.
	 */
	for (int i = 0; i < 2; i++) {
		int fd = syslog ? syslog_fd() : STDERR_FILENO;

		if (fd < 0 || writev(fd, parts, syslog ? 2 : 3) >= 0 ||
		    !syslog || errno == EAGAIN)
			return;
		close_syslog();
	}
}

/* Say how often the last line came again, if it did. */
static void flush_repeats(void)
{
	char space[48];
	struct buf text = BUF_ON(space);

	if (state.repeats == 0)
		return;
	buf_putf(&text, "last line repeated %u times", state.repeats);
	state.repeats = 0;
	put_sink(state.last_level, text.data, text.len);
}

/* Write the line that was built in this_line. */
static void finish_line(enum log_level level, struct buf *line)
{
	if (line->overflow) {
		if (line->len > LOG_MAX_LINE - 3)
			line->len = LOG_MAX_LINE - 3;
		line->overflow = false;
		buf_put_str(line, "...");
	}
	for (size_t i = 0; i < line->len; i++) {
		if (slice_has_control(slice_of(line->data + i, 1)))
			line->data[i] = '?';
	}

	if (level == state.last_level &&
	    slice_eq(buf_slice(line), slice_of(last_line, state.last_len))) {
		state.repeats++;
		return;
	}
	flush_repeats();
	state.last_level = level;
	state.last_len = line->len;
	memcpy(last_line, line->data, line->len);
	put_sink(level, line->data, line->len);
}

void log_setup(enum log_sink sink, enum log_level level, const char *name)
{
	flush_repeats();
	close_syslog();
	state.sink = sink;
	state.level = level;
	state.name = name;
	state.last_len = 0;
	/* now, while /dev/log can still be reached (DESIGN.md 2.2) */
	if (sink == LOG_TO_SYSLOG)
		(void)syslog_fd();
}

bool log_wants(enum log_level level)
{
	return (int)level < CONFIG_LOG_LEVEL && level <= state.level &&
	       state.sink != LOG_TO_NONE;
}

void log_line(enum log_level level, struct slice line)
{
	log_put(level, "%.*s", (int)slice_head(line, LOG_MAX_LINE + 1).n,
		line.p);
}

void log_put(enum log_level level, const char *fmt, ...)
{
	struct buf line = BUF_ON(this_line);
	va_list args;

	if (!log_wants(level))
		return;
	va_start(args, fmt);
	buf_vputf(&line, fmt, args);
	va_end(args);
	finish_line(level, &line);
}
