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

/* What a row of one text takes: its min. */
enum { TEXT_PATH, TEXT_DOMAIN, TEXT_ADDRESS, TEXT_USER };

static bool is_text(unsigned kind, struct slice w)
{
	struct address a;

	switch (kind) {
	case TEXT_PATH:
		return w.p[0] == '/';
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

	if (!is_text(kind, w))
		return reader_expected(r, NULL, w);
	if (kind == TEXT_USER)
		r->c->user_default = false;
	return reader_keep(r, w, field);
}

/* A time within the row's range, in seconds. */
static int set_time(struct conf_reader *r, void *field, struct slice w)
{
	uint32_t *out = field;

	if (value_time(w, out) < 0 || *out < r->row->min || *out > r->row->max)
		return reader_expected(r, NULL, w);
	return 0;
}

/* One value for both ways in. */
static int set_commit(struct conf_reader *r, void *field, struct slice w)
{
	uint32_t *ms = field;
	int err = set_time(r, ms, w);

	*ms *= 1000;
	r->c->commit_local_ms = *ms;
	return err;
}

static int set_retry(struct conf_reader *r, void *field, struct slice w)
{
	struct conf *c = r->c;
	int err = set_time(r, field, w);

	if (err == 0)
		err = reader_need(r, &w);
	if (err == 0)
		err = set_time(r, &c->retry_max_s, w);
	if (err == 0 && c->retry_min_s > c->retry_max_s)
		return reader_say(r, "MIN %us is longer than MAX %us",
				  (unsigned)c->retry_min_s,
				  (unsigned)c->retry_max_s);
	return err;
}

static int set_max_message(struct conf_reader *r, void *field, struct slice w)
{
	uint64_t *n = field;

	if (value_bytes(w, n) < 0 || *n < r->row->min)
		return reader_expected(r, NULL, w);
	return 0;
}

/* A file or a device, DESIGN.md 3.2. */
static int set_spool(struct conf_reader *r, void *field, struct slice w)
{
	static const struct slice option = { "size=", 5 };
	uint64_t n = 0;

	if (w.p[0] != '/')
		return reader_expected(r, NULL, w);
	int err = reader_keep(r, w, field);
	if (err == 0)
		err = reader_word(r, &w);
	if (err <= 0)
		return err;
	if (!slice_starts(w, option) ||
	    value_bytes(slice_from(w, option.n), &n) < 0 ||
	    n < r->row->min * 1024u || n > r->row->max * (uint64_t)1024)
		return reader_expected(r, NULL, w);
	r->c->spool_size = n - n % 4096;
	return 0;
}

static int set_clock(struct conf_reader *r, void *field, struct slice w)
{
	static const struct choice list[] = {
		{ "wait", CONF_CLOCK_WAIT, NULL },
		{ "floor", CONF_CLOCK_FLOOR, NULL },
		{ NULL, 0, NULL },
	};
	int v = reader_choose(r, list, NULL, w);

	(void)field;
	if (v < 0)
		return v;
	r->c->clock = (enum conf_clock)v;
	return 0;
}

/* A sink, a level, or both. */
static int set_log(struct conf_reader *r, void *field, struct slice w)
{
	static const struct choice list[] = {
		{ "syslog", 16 + CONF_LOG_SYSLOG, NULL },
		{ "stderr", 16 + CONF_LOG_STDERR, NULL },
		{ "error", LOG_ERR, NULL },
		{ "warning", LOG_WARN, NULL },
		{ "info", LOG_INFO, NULL },
		{ "debug", LOG_DEBUG, NULL },
		{ NULL, 0, NULL },
	};
	int more = 1;

	(void)field;
	while (more > 0) {
		int v = reader_choose(r, list, NULL, w);

		if (v < 0)
			return v;
		if (v >= 16)
			r->c->log = (enum conf_log)(v - 16);
		else
			r->c->log_level = (uint8_t)v;
		more = reader_word(r, &w);
	}
	return more;
}

#define FIELD(name) offsetof(struct conf, name)

/* A key that is there when feature x is; LINES: it may stand in several. */
#define ROW(key, words, x, set, off, min, max)                               \
	{                                                                    \
		{ key, words, NEEDS(x) }, WHEN(x, set), off, false, min, max \
	}
#define LINES(key, words, x, set)                                     \
	{                                                             \
		{ key, words, NEEDS(x) }, WHEN(x, set), 0, true, 0, 0 \
	}
#define ENABLE_ALWAYS 1

#define PATH "an absolute path"
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
	ROW("from", "an address, user@domain", REWRITE, set_text, FIELD(from),
	    TEXT_ADDRESS, 0),
	LINES("alias", "NAME ADDRESS[,ADDRESS...]", ALIAS, alias_set),
	LINES("listen", "ADDRESS:PORT or none", LISTENER, listen_set),
	LINES("allow", "a network, such as 192.168.1.0/24", LISTENER,
	      listen_set_allow),
	ROW("socket", PATH, DAEMON, set_text, FIELD(socket), TEXT_PATH, 0),
	ROW("control", PATH, DAEMON, set_text, FIELD(control), TEXT_PATH, 0),
	ROW("spool", SPOOL_WORDS, SPOOL, set_spool, FIELD(spool), 64,
	    CONFIG_SPOOL_MAX_KB),
	ROW("state", PATH, SPOOL, set_text, FIELD(state), TEXT_PATH, 0),
	ROW("commit-after", "a time from 0 to 10m", SPOOL, set_commit,
	    FIELD(commit_smtp_ms), 0, 600),
	ROW("retry", "MIN MAX, times from 1s to 7d", SPOOL, set_retry,
	    FIELD(retry_min_s), 1, 7 * DAY_S),
	ROW("splay", "a time from 0 to 1d", SPOOL, set_time, FIELD(splay_s), 0,
	    DAY_S),
	ROW("lifetime", AGE, SPOOL, set_time, FIELD(lifetime_s), 1, YEAR_S),
	ROW("alarm", AGE, SPOOL, set_time, FIELD(alarm_s), 1, YEAR_S),
	ROW("clock", "wait or floor", TLS, set_clock, 0, 0, 0),
	ROW("max-message", "bytes, such as 256K, from 1K", ALWAYS,
	    set_max_message, FIELD(max_message), 1024, 0),
	ROW("ca", PATH, TLS, set_text, FIELD(ca), TEXT_PATH, 0),
	ROW("user", "a name of the system's users", ALWAYS, set_text,
	    FIELD(user), TEXT_USER, 0),
	ROW("log", SINKS, ALWAYS, set_log, 0, 0, 0),
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
