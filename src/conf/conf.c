/* SPDX-License-Identifier: ISC */
/*
 * conf/conf.c - lines to rows of the schema, and what depends on several keys.
 *
 * The lines and the smart host of Kconfig are read by the same path as the
 * file; they count when the file has no line of the same key.
 */
#include "conf/conf.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/fdio.h"
#include "base/log.h"
#include "conf/reader.h"

/* Bytes of a key that are compared with the known ones. */
#define MAX_KEY 20

/* A constant string as a value: it has its NUL, as those of the pool. */
#define TEXT(lit) SLICE(lit)

/* Rows whose line matters after they were read. */
static unsigned row_index(const char *key)
{
	unsigned i = 0;

	while (strcmp(schema_row(i)->info.name, key) != 0)
		i++;
	return i;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Levenshtein's distance, of keys only: b is short. */
static unsigned distance(struct slice a, struct slice b)
{
	unsigned row[MAX_KEY + 1];

	for (unsigned j = 0; j <= b.n; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			unsigned swap = diagonal + (a.p[i - 1] != b.p[j - 1]);

			diagonal = row[j];
			row[j] = least(swap, 1 + least(row[j], row[j - 1]));
		}
	}
	return row[b.n];
}

static int unknown_key(struct conf_reader *r, struct slice key)
{
	const char *best = "";
	unsigned closest = UINT32_MAX;

	for (unsigned i = 0; schema_row(i); i++) {
		const char *name = schema_row(i)->info.name;
		unsigned d =
			distance(slice_head(key, MAX_KEY), slice_str(name));

		if (d < closest) {
			closest = d;
			best = name;
		}
	}
	char space[48];
	struct buf words = BUF_ON(space);
	buf_putf(&words, "a key (the nearest is %s)", best);
	return reader_expected(r, buf_cstr(&words), key);
}

/* The line behind its key. */
static int read_value(struct conf_reader *r, unsigned i)
{
	const struct conf_row *row = schema_row(i);
	struct slice w = { 0 };

	r->row = row;
	if (row->info.missing)
		return reader_missing(r, slice_of(NULL, 0),
				      slice_str(row->info.missing));
	if (r->at[i] > 0 && row->max != READER_MANY)
		return reader_say(r, "a second value, the first is in line %u",
				  (unsigned)r->at[i]);
	r->at[i] = (uint16_t)r->line;
	int err = reader_need(r, &w);
	if (err == 0)
		err = row->set(r, (char *)r->c + row->off, w);
	if (err == 0)
		err = reader_word(r, &w);
	if (err > 0)
		return reader_expected(r, NULL, w);
	return err;
}

/* One line, when it is one of this pass, and its key is not in the file. */
static int read_line(struct conf_reader *r, bool smarthosts)
{
	struct slice key = { 0 };
	int err = reader_word(r, &key);

	if (err == 0 || slice_eq(key, SLICE("smarthost")) != smarthosts)
		return 0;
	if (err < 0)
		return err;
	for (unsigned i = 0; schema_row(i); i++) {
		if (!slice_eq(key, slice_str(schema_row(i)->info.name)))
			continue;
		return r->file != NULL && r->file[i] > 0 ? 0 : read_value(r, i);
	}
	return ENABLE_CONF_HELP ? unknown_key(r, key)
				: reader_bad(r, "unknown key", key);
}

/*
 * Smart hosts in a second pass: they are considered last, wherever they
 * stand, and last in the list of a "route *" as well.
 */
static int read_pass(struct conf_reader *r, struct slice text, char end,
		     bool smarthosts)
{
	int err = 0;

	for (r->line = 1; text.n > 0; r->line++) {
		r->row = NULL;
		r->rest = slice_cut(&text, end);
		err = read_line(r, smarthosts);
		if (err < 0)
			break;
	}
	return err;
}

static int read_lines(struct conf_reader *r, struct slice text, char end)
{
	int err = read_pass(r, text, end, false);

	return err < 0 ? err : read_pass(r, text, end, true);
}

static void set_defaults(struct conf *c)
{
	/* The pool is not touched beyond what is used of it. */
	memset(c, 0, offsetof(struct conf, text));
	c->socket = TEXT(CONFIG_SOCKET_PATH);
	c->control = TEXT(CONFIG_CONTROL_PATH);
	c->spool = TEXT(CONFIG_SPOOL_PATH);
	c->ca = TEXT(CONFIG_CA_PATH);
	c->user = TEXT(CONFIG_USER);
	c->user_default = true;
	c->spool_size = CONFIG_SPOOL_SIZE_KB / 4 * (uint64_t)4096;
	c->commit_smtp_ms = 4000;
	c->commit_local_ms = 15000;
	c->retry_min_s = 60;
	c->retry_max_s = 3600;
	c->splay_s = 60;
	c->lifetime_s = 5 * 86400;
	c->alarm_s = 3600;
	c->log_level = LOG_INFO;
}

/* CONFIG_CONF_LINES: they hold for keys that the file has no line of. */
static int read_built_in(struct conf_reader *r)
{
	uint16_t file[READER_KEYS];

	memcpy(file, r->at, sizeof(file));
	r->file = file;
	r->name = "CONFIG_CONF_LINES";
	int err = read_lines(r, SLICE(CONFIG_CONF_LINES), ';');

	r->file = NULL;
	return err;
}

/* The smart host that was built in, unless there is one. */
static int built_in_smarthost(struct conf_reader *r)
{
	unsigned i = row_index("smarthost");

	if (r->at[i] > 0 || sizeof(CONFIG_SMARTHOST) == 1)
		return 0;
	r->name = "CONFIG_SMARTHOST";
	r->line = 0;
	r->rest = SLICE(CONFIG_SMARTHOST);
	return read_value(r, i);
}

static int built_in(struct conf_reader *r)
{
	const char *name = r->name;
	int err = 0;

	if (sizeof(CONFIG_CONF_LINES) > 1)
		err = read_built_in(r);
	if (err == 0)
		err = built_in_smarthost(r);
	if (err == 0)
		r->name = name;
	return err;
}

/* State lives beside the spool; a device has no beside. */
static int finish_state(struct conf_reader *r)
{
	struct conf *c = r->c;
	struct slice dir =
		slice_head(c->spool, (size_t)slice_rfind(c->spool, '/'));

	if (c->state.n > 0)
		return 0;
	if (slice_starts(c->spool, SLICE("/dev/")))
		dir = SLICE("/var/lib/mailmote");
	r->row = schema_row(row_index("spool"));
	return reader_keep(r, dir.n > 0 ? dir : SLICE("/"), &c->state);
}

/* The largest message: half of the spool, what the stage holds, or any. */
static int finish_max_message(struct conf_reader *r)
{
	struct conf *c = r->c;
	unsigned i = row_index("max-message");
	uint64_t most = ENABLE_SPOOL    ? c->spool_size / 2
			: ENABLE_DIRECT ? INT64_MAX
					: CONFIG_STAGE_KB * (uint64_t)1024;

	r->row = schema_row(i);
	r->line = r->at[i];
	if (c->max_message == 0)
		c->max_message = ENABLE_SPOOL ? most / 2 : most;
	if (c->max_message > most)
		return reader_say(r, "%llu bytes are more than %s, %llu",
				  (unsigned long long)c->max_message,
				  ENABLE_SPOOL ? "half of the spool"
					       : "the RAM stage",
				  (unsigned long long)most);
	return 0;
}

static int finish(struct conf_reader *r)
{
	int err = built_in(r);

	if (err == 0)
		err = finish_max_message(r);
	if (err == 0 && ENABLE_SPOOL)
		err = finish_state(r);
	if (err == 0 && ENABLE_ALIAS) {
		r->row = schema_row(row_index("alias"));
		err = alias_check(r);
	}
	if (err < 0)
		return err;
	if (ENABLE_LISTENER)
		listen_default(r->c);
	return 0;
}

int conf_parse(struct conf *c, struct slice text, const char *name,
	       struct conf_error *err)
{
	struct conf_reader r = { .c = c, .name = name };

	r.err = buf_on(err->text, sizeof(err->text) - 1);
	set_defaults(c);
	int result = read_lines(&r, text, '\n');
	if (result == 0)
		result = finish(&r);
	err->text[r.err.len] = '\0';
	return result < 0 ? -EINVAL : 0;
}

void conf_defaults(struct conf *c)
{
	struct conf_error err;

	/* A smart host that was built in wrongly is no smart host. */
	if (conf_parse(c, slice_of(NULL, 0), "", &err) < 0) {
		c->nroutes = 0;
		c->nhops = 0;
	}
}

/* Words for what reading a file may end in. */
static const char *read_words(int err)
{
	switch (err) {
	case -ENOENT:
		return "there is no such file";
	case -EACCES:
		return "permission denied";
	case -EMSGSIZE:
		return "the file is larger than 32 KiB";
	case -EISDIR:
	case -EINVAL:
		return "it is no regular file";
	default:
		return "the file cannot be read";
	}
}

int conf_read(struct conf *c, const char *path, bool optional, char *space,
	      struct conf_error *err)
{
	struct buf text = buf_on(space, CONF_MAX_FILE);
	int result = fdio_read_file(path, &text);

	if (result == -ENOENT && optional)
		result = 0;
	if (result == 0)
		return conf_parse(c, buf_slice(&text), path, err);
	struct conf_reader r = { .c = c, .name = path };
	r.err = buf_on(err->text, sizeof(err->text) - 1);
	if (reader_bad(&r, read_words(result), slice_of(NULL, 0)) < 0)
		err->text[r.err.len] = '\0';
	return result;
}
