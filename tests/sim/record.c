/* SPDX-License-Identifier: ISC */
/* sim/record.c - see sim/record.h. */
#include "sim/record.h"

#include <string.h>

static char text[1 << 18];
static size_t len;
static unsigned errors;

void sim_log_clear(void)
{
	len = 0;
	text[0] = '\0';
}

const char *sim_log(void)
{
	return text;
}

unsigned sim_logged(const char *what)
{
	unsigned n = 0;

	for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
		n++;
	return n;
}

unsigned sim_log_errors(void)
{
	return errors;
}

void log_setup(enum log_sink sink, enum log_level level, const char *name)
{
	(void)sink;
	(void)level;
	(void)name;
}

bool log_wants(enum log_level level)
{
	(void)level;
	return true;
}

void log_line(enum log_level level, struct slice line)
{
	static const char names[] = "EWID";
	char head[3] = { names[level], ' ', '\0' };

	errors += level == LOG_ERR;
	if (len + line.n + 4 > sizeof(text))
		sim_log_clear();
	memcpy(text + len, head, 2);
	memcpy(text + len + 2, line.p, line.n);
	len += line.n + 2;
	text[len++] = '\n';
	text[len] = '\0';
}

void log_put(enum log_level level, const char *fmt, ...)
{
	char space[LOG_MAX_LINE];
	struct buf b = BUF_ON(space);
	va_list args;

	va_start(args, fmt);
	buf_vputf(&b, fmt, args);
	va_end(args);
	log_line(level, buf_slice(&b));
}
