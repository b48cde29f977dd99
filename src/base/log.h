/* SPDX-License-Identifier: ISC */
/*
 * base/log.h - one line an event: lower case, stable keys, foreign text
 * quoted by the caller with buf_put_quoted().
 *
 * Sinks: standard error, or the syslog socket (RFC 3164 form, /dev/log,
 * connected once, reopened when it fails, never waited for: without a log
 * daemon lines are lost).  Lines longer than LOG_MAX_LINE are cut.  A line
 * that comes again at once is counted, and the count said when another one
 * comes.  Levels above CONFIG_LOG_LEVEL vanish at compile time.  Not for
 * signal handlers.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/buf.h"

/* Bytes of one line. */
#define LOG_MAX_LINE 1024

/* How much a line matters. */
enum log_level { LOG_ERR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Where lines go. */
enum log_sink { LOG_TO_STDERR, LOG_TO_SYSLOG, LOG_TO_NONE };

/*
 * Choose sink, level and the name in front of syslog lines (kept, not
 * copied).  Before the first call: standard error, LOG_INFO.
 */
void log_setup(enum log_sink sink, enum log_level level, const char *name);

/* Would a line of this level be written? */
bool log_wants(enum log_level level);

/* Write one line (without line end); control bytes are replaced by '?'. */
void log_line(enum log_level level, struct slice line);

/* Format and write one line, as buf_putf(). */
void log_put(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* As log_put(); nothing is left of it above CONFIG_LOG_LEVEL. */
#define log_at(level, ...)                                             \
	((int)(level) < CONFIG_LOG_LEVEL ? log_put(level, __VA_ARGS__) \
					 : (void)0)

/* One for each level. */
#define log_err(...) log_at(LOG_ERR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

#endif
