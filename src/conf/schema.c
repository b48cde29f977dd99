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

static int set_domain(struct conf_reader *r, void *field)
{
	struct slice w = { 0 };
	int err = reader_need(r, &w);

	if (err < 0)
		return err;
	if (!address_is_domain(w) || w.p[0] == '[')
		return reader_expected(r, NULL, w);
	return reader_keep(r, w, field);
}

static int set_address(struct conf_reader *r, void *field)
{
	struct address a;
	struct slice w = { 0 };
	int err = reader_need(r, &w);

	if (err < 0)
		return err;
	if (address_parse(w, &a) < 0 || a.domain.n == 0)
		return reader_expected(r, NULL, w);
	return reader_keep(r, w, field);
}

static int set_path(struct conf_reader *r, void *field)
{
	struct slice w = { 0 };
	int err = reader_need(r, &w);

	if (err < 0)
		return err;
	if (w.p[0] != '/')
		return reader_expected(r, NULL, w);
	return reader_keep(r, w, field);
}

static int set_user(struct conf_reader *r, void *field)
{
	struct slice w = { 0 };
	int err = reader_need(r, &w);

	r->c->user_default = false;
	return err < 0 ? err : reader_keep(r, w, field);
}

/* A time within the row's range, in seconds. */
static int read_time(struct conf_reader *r, uint32_t *out)
{
	struct slice w = { 0 };
	int err = reader_need(r, &w);

	if (err < 0)
		return err;
	if (value_time(w, out) < 0 || *out < r->row->min || *out > r->row->max)
		return reader_expected(r, NULL, w);
	return 0;
}

static int set_time(struct conf_reader *r, void *field)
{
	return read_time(r, field);
}

static int set_commit(struct conf_reader *r, void *field)
{
	uint32_t s;
	int err = read_time(r, &s);

	(void)field;
	if (err < 0)
		return err;
	r->c->commit_smtp_ms = s * 1000;
	r->c->commit_local_ms = s * 1000;
	return 0;
}

static int set_retry(struct conf_reader *r, void *field)
{
	struct conf *c = r->c;
	int err = read_time(r, &c->retry_min_s);

	(void)field;
	if (err == 0)
		err = read_time(r, &c->retry_max_s);
	if (err < 0)
		return err;
	if (c->retry_min_s > c->retry_max_s)
		return reader_say(r, "MIN %us is longer than MAX %us",
				  (unsigned)c->retry_min_s,
				  (unsigned)c->retry_max_s);
	return 0;
}

static int set_max_message(struct conf_reader *r, void *field)
{
	uint64_t *n = field;
	struct slice w = { 0 };
	int err = reader_need(r, &w);

	if (err < 0)
		return err;
	if (value_bytes(w, n) < 0 || *n < r->row->min)
		return reader_expected(r, NULL, w);
	return 0;
}

/* A file or a device, DESIGN.md 3.2. */
static int set_spool(struct conf_reader *r, void *field)
{
	static const struct slice option = { "size=", 5 };
	struct slice w = { 0 };
	uint64_t n = 0;
	int err = set_path(r, field);

	if (err < 0)
		return err;
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

static int set_clock(struct conf_reader *r, void *field)
{
	static const struct choice list[] = {
		{ "wait", CONF_CLOCK_WAIT, NULL },
		{ "floor", CONF_CLOCK_FLOOR, NULL },
		{ NULL, 0, NULL },
	};
	struct slice w = { 0 };
	int err = reader_need(r, &w);

	(void)field;
	if (err == 0)
		err = reader_choose(r, list, NULL, w);
	if (err < 0)
		return err;
	r->c->clock = (enum conf_clock)err;
	return 0;
}

/* A sink, a level, or both. */
static int set_log(struct conf_reader *r, void *field)
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
	struct slice w = { 0 };
	int err = reader_need(r, &w);

	(void)field;
	for (int more = 1; err == 0 && more > 0;) {
		int v = reader_choose(r, list, NULL, w);

		if (v >= 16)
			r->c->log = (enum conf_log)(v - 16);
		else if (v >= 0)
			r->c->log_level = (uint8_t)v;
		more = v < 0 ? v : reader_word(r, &w);
		err = more < 0 ? more : 0;
	}
	return err;
}

#define FIELD(name) offsetof(struct conf, name)

static const struct conf_row rows[] = {
	{ { "smarthost", "NEXTHOP [option=value...]", NULL },
	  hop_set_smarthost,
	  0,
	  true,
	  0,
	  0 },
	{ { "route", "PATTERN NEXTHOP [option=value...]", NULL },
	  hop_set_route,
	  0,
	  true,
	  0,
	  0 },
	{ { "hostname", "a host name", NULL },
	  set_domain,
	  FIELD(hostname),
	  false,
	  0,
	  0 },
	{ { "domain", "a domain", NULL },
	  set_domain,
	  FIELD(domain),
	  false,
	  0,
	  0 },
	{ { "from", "an address, user@domain", NEEDS(REWRITE) },
	  WHEN(REWRITE, set_address),
	  FIELD(from),
	  false,
	  0,
	  0 },
	{ { "alias", "NAME ADDRESS[,ADDRESS...]", NEEDS(ALIAS) },
	  WHEN(ALIAS, alias_set),
	  0,
	  true,
	  0,
	  0 },
	{ { "listen", "ADDRESS:PORT or none", NEEDS(LISTENER) },
	  WHEN(LISTENER, listen_set),
	  0,
	  true,
	  0,
	  0 },
	{ { "allow", "a network, such as 192.168.1.0/24", NEEDS(LISTENER) },
	  WHEN(LISTENER, listen_set_allow),
	  0,
	  true,
	  0,
	  0 },
	{ { "socket", "an absolute path", NEEDS(DAEMON) },
	  WHEN(DAEMON, set_path),
	  FIELD(socket),
	  false,
	  0,
	  0 },
	{ { "control", "an absolute path", NEEDS(DAEMON) },
	  WHEN(DAEMON, set_path),
	  FIELD(control),
	  false,
	  0,
	  0 },
	{ { "spool", "PATH [size=N], N from 64K to the limit of this program",
	    NEEDS(SPOOL) },
	  WHEN(SPOOL, set_spool),
	  FIELD(spool),
	  false,
	  64,
	  CONFIG_SPOOL_MAX_KB },
	{ { "state", "an absolute path", NEEDS(SPOOL) },
	  WHEN(SPOOL, set_path),
	  FIELD(state),
	  false,
	  0,
	  0 },
	{ { "commit-after", "a time from 0 to 10m", NEEDS(SPOOL) },
	  WHEN(SPOOL, set_commit),
	  0,
	  false,
	  0,
	  600 },
	{ { "retry", "MIN MAX, times from 1s to 7d", NEEDS(SPOOL) },
	  WHEN(SPOOL, set_retry),
	  0,
	  false,
	  1,
	  7 * DAY_S },
	{ { "splay", "a time from 0 to 1d", NEEDS(SPOOL) },
	  WHEN(SPOOL, set_time),
	  FIELD(splay_s),
	  false,
	  0,
	  DAY_S },
	{ { "lifetime", "a time from 1s to 365d", NEEDS(SPOOL) },
	  WHEN(SPOOL, set_time),
	  FIELD(lifetime_s),
	  false,
	  1,
	  365 * DAY_S },
	{ { "alarm", "a time from 1s to 365d", NEEDS(SPOOL) },
	  WHEN(SPOOL, set_time),
	  FIELD(alarm_s),
	  false,
	  1,
	  365 * DAY_S },
	{ { "clock", "wait or floor", NEEDS(TLS) },
	  WHEN(TLS, set_clock),
	  0,
	  false,
	  0,
	  0 },
	{ { "max-message", "bytes, such as 256K, from 1K", NULL },
	  set_max_message,
	  FIELD(max_message),
	  false,
	  1024,
	  0 },
	{ { "ca", "an absolute path", NEEDS(TLS) },
	  WHEN(TLS, set_path),
	  FIELD(ca),
	  false,
	  0,
	  0 },
	{ { "user", "a name of the system's users", NULL },
	  set_user,
	  FIELD(user),
	  false,
	  0,
	  0 },
	{ { "log", "syslog or stderr, and error, warning, info or debug",
	    NULL },
	  set_log,
	  0,
	  false,
	  0,
	  0 },
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
