/* SPDX-License-Identifier: ISC */
/*
 * conf/schema.c - the one table of keys (DESIGN.md 2.2), and the handlers of
 * those that fill one field.
 *
 * A row says what may stand behind the key in the words that an error text,
 * check and the documents use.
 */
#include <errno.h>
#include <stddef.h>

#include "base/log.h"
#include "conf/reader.h"
#include "mail/address.h"

#define DAY_S 86400u

/* What a row needs when its feature is off; its handler when it is on. */
#define NEEDS(x) (ENABLE_##x ? NULL : #x)
#define WHEN(x, set) (ENABLE_##x ? (set) : NULL)

/* What a row of one text takes: its min; a path has a max of bytes, too. */
enum { TEXT_PATH, TEXT_DOMAIN, TEXT_ADDRESS, TEXT_USER };

static bool is_text(unsigned kind, size_t max, struct slice w)
{
	struct address a;

	switch (kind) {
	case TEXT_PATH:
		return w.p[0] == '/' && w.n <= max;
	case TEXT_DOMAIN:
		return address_is_domain(w) && w.p[0] != '[';
	case TEXT_ADDRESS:
		return address_parse(w, &a) == 0 && a.domain.n > 0;
	default:
		return true;
	}
}

static int set_text(struct conf_reader *r, void *field, struct slice w)
{
	unsigned kind = r->row->min;

	if (!is_text(kind, r->row->max, w))
		return reader_expected(r, NULL, w);
	if (kind == TEXT_USER)
		r->c->user_default = false;
	return reader_keep(r, w, field);
}

static int set_max_message(struct conf_reader *r, void *field, struct slice w)
{
	uint64_t *n = field;

	if (value_bytes(w, n) < 0 || *n < r->row->min)
		return reader_expected(r, NULL, w);
	return 0;
}

/* The kinds of words: their rows' min. */
enum { WORDS_LOG, WORDS_CLOCK };

/* When certificates are judged; or a log's sink, its level, or both. */
static int set_words(struct conf_reader *r, void *field, struct slice w)
{
	bool clock = ENABLE_TLS && r->row->min == WORDS_CLOCK;
	int more = 1;

	(void)field;
	while (more > 0) {
		int v = reader_choose(r,
				      clock ? "wait floor"
					    : "syslog stderr error warning "
					      "info debug",
				      NULL, w);

		if (v < 0)
			return v;
		if (clock) {
			r->c->clock = (enum conf_clock)v;
			return 0;
		}
		if (v >= 2)
			r->c->log_level = (uint8_t)(LOG_ERR + v - 2);
		else
			r->c->log = v == 0 ? CONF_LOG_SYSLOG : CONF_LOG_STDERR;
		more = reader_word(r, &w);
	}
	return more;
}

#define FIELD(name) offsetof(struct conf, name)

/* A key that is there when feature x is; LINES: it may stand in several. */
#define ROW(key, words, x, set, off, min, max)                               \
	{                                                                    \
		{ key, WORDS(words), NEEDS(x) }, WHEN(x, set), off, min, max \
	}
#define LINES(key, words, x, set) ROW(key, words, x, set, 0, 0, READER_MANY)
#define WORDS(words) (ENABLE_CONF_HELP ? (words) : NULL)
#define ENABLE_ALWAYS 1

#define PATH "an absolute path"
#define PATH_MAX_ 240
/* As long as the kernel's sun_path lets it be (unix(7)). */
#define SOCKET_PATH PATH ", 107 bytes at most"
#define SOCKET_MAX 107
#define NEXTHOP "NEXTHOP [option=value...]"
#define SPOOL_WORDS "PATH [size=N], N from 64K to the limit of this program"
#define SINKS "syslog or stderr, and error, warning, info or debug"
#define AGE "a time from 1s to 365d"
#define YEAR_S (365 * DAY_S)

static const struct conf_row rows[] = {
	LINES("smarthost", NEXTHOP, ALWAYS, hop_set_smarthost),
	LINES("route", "PATTERN " NEXTHOP, ALWAYS, hop_set_route),
	ROW("hostname", "a host name", ALWAYS, set_text, FIELD(hostname),
	    TEXT_DOMAIN, 0),
	ROW("domain", "a domain", ALWAYS, set_text, FIELD(domain), TEXT_DOMAIN,
	    0),
#if ENABLE_REWRITE || ENABLE_CONF_HELP
	ROW("from", "an address, user@domain", REWRITE, set_text, FIELD(from),
	    TEXT_ADDRESS, 0),
#endif
#if ENABLE_ALIAS || ENABLE_CONF_HELP
	LINES("alias", "NAME ADDRESS[,ADDRESS...]", ALIAS, alias_set),
#endif
#if ENABLE_LISTENER || ENABLE_CONF_HELP
	LINES("listen", "ADDRESS:PORT or none", LISTENER, listen_set),
	LINES("allow", "a network, such as 192.168.1.0/24", LISTENER,
	      listen_set_allow),
#endif
#if ENABLE_DAEMON || ENABLE_CONF_HELP
	ROW("socket", SOCKET_PATH, DAEMON, set_text, FIELD(socket), TEXT_PATH,
	    SOCKET_MAX),
	ROW("control", SOCKET_PATH, DAEMON, set_text, FIELD(control), TEXT_PATH,
	    SOCKET_MAX),
#endif
#if ENABLE_SPOOL || ENABLE_CONF_HELP
	ROW("spool", SPOOL_WORDS, SPOOL, spool_set, FIELD(spool), 64,
	    CONFIG_SPOOL_MAX_KB),
	ROW("state", PATH, SPOOL, set_text, FIELD(state), TEXT_PATH, PATH_MAX_),
	ROW("commit-after", "a time from 0 to 10m", SPOOL, spool_set_commit,
	    FIELD(commit_smtp_ms), 0, 600),
	ROW("retry", "MIN MAX, times from 1s to 7d", SPOOL, spool_set_retry,
	    FIELD(retry_min_s), 1, 7 * DAY_S),
	ROW("splay", "a time from 0 to 1d", SPOOL, spool_set_time,
	    FIELD(splay_s), 0, DAY_S),
	ROW("lifetime", AGE, SPOOL, spool_set_time, FIELD(lifetime_s), 1,
	    YEAR_S),
	ROW("alarm", AGE, SPOOL, spool_set_time, FIELD(alarm_s), 1, YEAR_S),
#endif
#if ENABLE_TLS || ENABLE_CONF_HELP
	ROW("clock", "wait or floor", TLS, set_words, 0, WORDS_CLOCK, 0),
#endif
	ROW("max-message", "bytes, such as 256K, from 1K", ALWAYS,
	    set_max_message, FIELD(max_message), 1024, 0),
#if ENABLE_TLS || ENABLE_CONF_HELP
	ROW("ca", PATH, TLS, set_text, FIELD(ca), TEXT_PATH, PATH_MAX_),
#endif
	ROW("user", "a name of the system's users", ALWAYS, set_text,
	    FIELD(user), TEXT_USER, 0),
	ROW("log", SINKS, ALWAYS, set_words, 0, WORDS_LOG, 0),
};

BUILD_ASSERT(ARRAY_LEN(rows) <= READER_KEYS);

const struct conf_row *schema_row(unsigned i)
{
	return i < ARRAY_LEN(rows) ? &rows[i] : NULL;
}

const struct conf_key_info *conf_key(unsigned i)
{
	return i < ARRAY_LEN(rows) ? &rows[i].info : NULL;
}
