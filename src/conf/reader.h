/* SPDX-License-Identifier: ISC */
/*
 * conf/reader.h - what the rows of the schema work with: the words of the line
 * at hand, the text pool, and the error texts.  Only for conf/.
 *
 * A function that returns int gives 0, or -EINVAL after it has written the
 * error's text: the caller just passes it on.
 */
#ifndef CONF_READER_H
#define CONF_READER_H

#include "conf/conf.h"

/* Rows the schema may have. */
#define READER_KEYS 24

/* The max of a key that may stand in several lines. */
#define READER_MANY UINT32_MAX

struct conf_row;

/* One run of conf_parse(). */
struct conf_reader {
	struct conf *c;             /* what is filled */
	const struct conf_row *row; /* of the line at hand; NULL: none */
	const char *name;           /* the file's */
	unsigned line;              /* from 1; 0: no line is to blame */
	struct slice rest;          /* of the line */
	struct buf err;             /* the error's text */
	uint16_t at[READER_KEYS];   /* the line each key was seen in, or 0 */
	const uint16_t *file; /* at[] of the file; NULL: it is being read */
};

/* One row of the table. */
struct conf_row {
	struct conf_key_info info; /* name, words, what is missing */
	/* Takes the first word and reads on; NULL: not built in. */
	int (*set)(struct conf_reader *r, void *field, struct slice w);
	uint16_t off; /* of the field in struct conf */
	uint16_t min; /* of numbers and times; the kind of a text */
	uint32_t max; /* of numbers and times; or READER_MANY */
};

/* Row i; NULL behind the last. */
const struct conf_row *schema_row(unsigned i);

/*
 * The next word of the line.  "..." is one word, without the quotes; a word
 * that begins with # ends the line.
 * Returns: 1 and *w set;  0 there is none;  -EINVAL
 */
must_check int reader_word(struct conf_reader *r, struct slice *w);

/* A word that must be there: else "expected ALLOWED, got nothing". */
must_check int reader_need(struct conf_reader *r, struct slice *w);

/* Copy s into the pool, with a NUL behind it. */
must_check int reader_keep(struct conf_reader *r, struct slice s,
			   struct slice *out);

/* Copy without the NUL and without a result: pieces of one value. */
void reader_put(struct conf_reader *r, struct slice s);

/* "FILE:LINE: KEY: WORDS", and 'TEXT' behind it when got is not empty. */
must_check int reader_bad(struct conf_reader *r, const char *words,
			  struct slice got);

/*
 * With CONF_HELP an error says what is allowed, and what is not built in;
 * without it all of them are "bad value", and their texts are not there.
 */
#if ENABLE_CONF_HELP

/* A text that is there with CONF_HELP. */
#define HELP(text) text

/* "FILE:LINE: KEY: expected WHAT, got 'TEXT'"; what NULL: the row's own. */
must_check int reader_expected(struct conf_reader *r, const char *what,
			       struct slice got);

/* "FILE:LINE: KEY: WORDS", the words as buf_putf() makes them. */
must_check int reader_say(struct conf_reader *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* "... WHAT is not built into this program (CONFIG_NAME)". */
must_check int reader_missing(struct conf_reader *r, struct slice what,
			      struct slice config);

#else

/* Nothing. */
#define HELP(text) ""

/* "FILE:LINE: KEY: bad value" */
#define reader_say(r, ...) reader_bad(r, "bad value", slice_of(NULL, 0))

/* "FILE:LINE: KEY: bad value 'TEXT'" */
static inline int reader_expected(struct conf_reader *r, const char *what,
				  struct slice got)
{
	(void)what;
	return reader_bad(r, "bad value", got);
}

/* "FILE:LINE: KEY: not built in 'WHAT'" */
static inline int reader_missing(struct conf_reader *r, struct slice what,
				 struct slice config)
{
	(void)config;
	return reader_bad(r, "not built in", what);
}

#endif /* ENABLE_CONF_HELP */

/*
 * Find w in a list of words with blanks between.  A word that ends in
 * '=', ':' or '/' is one that w begins with.  "WORD!NAME" would need
 * CONFIG_NAME.
 * Returns: its number, from 0, *word set;  -EINVAL: it is not built in;
 *          -ENOENT it is none of them
 */
must_check int reader_find(struct conf_reader *r, const char *list,
			   struct slice w, struct slice *word);

/* The same where it must be one: -EINVAL for -ENOENT, too. */
must_check int reader_choose(struct conf_reader *r, const char *list,
			     const char *what, struct slice w);

#if ENABLE_TLS
/* What stands behind a word of a list that needs this feature. */
#define NEEDS_TLS ""
#else
/* It is not built in. */
#define NEEDS_TLS "!TLS"
#endif

#if ENABLE_AUTH
/* What stands behind a word of a list that needs this feature. */
#define NEEDS_AUTH ""
#else
/* It is not built in. */
#define NEEDS_AUTH "!AUTH"
#endif

#if ENABLE_AUTH_PLAIN
/* What stands behind a word of a list that needs this feature. */
#define NEEDS_AUTH_PLAIN ""
#else
/* It is not built in. */
#define NEEDS_AUTH_PLAIN "!AUTH_PLAIN"
#endif

#if ENABLE_AUTH_LOGIN
/* What stands behind a word of a list that needs this feature. */
#define NEEDS_AUTH_LOGIN ""
#else
/* It is not built in. */
#define NEEDS_AUTH_LOGIN "!AUTH_LOGIN"
#endif

/*
 * Numbers with a unit: digits and, of bytes, K or M; of a time, s m h or d
 * (none: seconds).  Returns: 0 and *out set;  -EINVAL; no error text
 */
must_check int value_bytes(struct slice in, uint64_t *out);
must_check int value_time(struct slice in, uint32_t *out);

/* The address of in, IPv4 mapped.  0; -EINVAL, no error text. */
must_check int value_ip(struct slice in, uint8_t out[static 16]);

/*
 * HOST[:PORT] or [IPV6][:PORT] in in.  *port is left alone when there is none.
 * Returns: 0;  -EINVAL, no error text
 */
must_check int value_hostport(struct slice in, struct slice *host,
			      uint16_t *port);

/* Handlers that fill more than a field; field is not used by them. */
must_check int hop_set_smarthost(struct conf_reader *r, void *field,
				 struct slice w);
must_check int hop_set_route(struct conf_reader *r, void *field,
			     struct slice w);
must_check int alias_set(struct conf_reader *r, void *field, struct slice w);
must_check int listen_set(struct conf_reader *r, void *field, struct slice w);
must_check int listen_set_allow(struct conf_reader *r, void *field,
				struct slice w);

/* The same for keys of the spool, and for times within the row's range. */
must_check int spool_set_time(struct conf_reader *r, void *field,
			      struct slice w);
must_check int spool_set_commit(struct conf_reader *r, void *field,
				struct slice w);
must_check int spool_set_retry(struct conf_reader *r, void *field,
			       struct slice w);
must_check int spool_set(struct conf_reader *r, void *field, struct slice w);

/* Options of a smarthost or route line, up to its end. */
must_check int hop_read_options(struct conf_reader *r, struct conf_hop *hop);

/* What finish() calls. */
must_check int alias_check(struct conf_reader *r);
void listen_default(struct conf *c);

/* The alias of a local name (postmaster has one always), or NULL. */
const struct conf_alias *alias_find(const struct conf *c, struct slice local);

#endif
