/* SPDX-License-Identifier: ISC */
/*
 * conf/conf.h - the configuration: /etc/mailmote.conf, read by one table.
 *
 * conf_parse() is pure: text in, struct conf out.  All slices of a struct conf
 * point into its own text pool (or at constants): it may not be copied by
 * assignment, only used where it was parsed.  Each of them is followed by a
 * NUL that n does not count, so that .p may stand where a string is wanted
 * once n is known to be above 0.  DESIGN.md 2.2 is the reference of keys.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "base/buf.h"

/* Bytes of the text pool: all values of one configuration. */
#define CONF_TEXT 6144

/* Largest configuration file that is read, bytes. */
#define CONF_MAX_FILE 32768

/* Lines of listen, of allow, pins of a hop. */
#define CONF_MAX_LISTEN 8
#define CONF_MAX_ALLOW 8
#define CONF_MAX_PINS 4

/* How mail reaches a next hop. */
enum hop_scheme {
	HOP_SMTP,        /* smtp://host[:25] */
	HOP_SUBMISSION,  /* submission://host[:587], STARTTLS required */
	HOP_SUBMISSIONS, /* submissions://host[:465], TLS from the first byte */
	HOP_DISCARD,     /* discard: accepted and thrown away */
	HOP_ERROR        /* error:TEXT: refused with TEXT */
};

/* What TLS has to be (option tls=). */
enum hop_tls {
	HOP_TLS_OFF,     /* never */
	HOP_TLS_TRY,     /* if offered, certificate not verified */
	HOP_TLS_REQUIRE, /* must be, certificate not verified */
	HOP_TLS_VERIFY   /* must be, chain and name verified */
};

/* Option auth=. */
enum hop_auth { HOP_AUTH_AUTO, HOP_AUTH_OFF, HOP_AUTH_PLAIN, HOP_AUTH_LOGIN };

/* One next hop, with the options of its line. */
struct conf_hop {
	uint8_t route;          /* index into conf.routes */
	enum hop_scheme scheme; /* how mail reaches it */
	struct slice text;      /* as written, for status: "smtp://host:25" */
	struct slice host;      /* name or address literal without [ ]; of
				 * HOP_ERROR: its TEXT */
	bool literal;           /* host is an IP address */
	uint16_t port;
	enum hop_tls tls;
	enum hop_auth auth;
	struct slice user;          /* empty: no credentials */
	struct slice password_file; /* path */
	struct slice ca;            /* bundle; empty: conf.ca */
	uint8_t pins;               /* SHA-256 of SubjectPublicKeyInfo */
	uint8_t pin[CONF_MAX_PINS][32];
	uint8_t connections;
	uint32_t timeout_s; /* of connect; 0: the default, 30 s */
};

/*
 * One pattern; its hops in the order of conf.hops are its fail-over list.
 * Smarthost lines are of the pattern "*", behind all others: behind the other
 * patterns, or, where "route *" is one of them, behind its hops.
 */
struct conf_route {
	struct slice pattern; /* without "from:" */
	bool from;            /* it is matched against the reverse-path */
	bool last;            /* of a smarthost line */
};

/* One alias line. */
struct conf_alias {
	struct slice name;    /* "*": every other local name */
	struct slice targets; /* comma-separated mailboxes, validated */
	uint16_t line;        /* where it stands in the file */
	uint8_t depth;        /* aliases one after the other from here on */
};

/* One listen line. */
struct conf_listen {
	struct slice host; /* IP address text */
	uint16_t port;     /* 1 to 65535 */
	bool is_default;   /* not configured: failure to bind is a warning */
};

/* One allow line. */
struct conf_network {
	uint8_t addr[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint8_t bits;     /* of 128 */
};

/* How verified TLS behaves before the clock is set (DESIGN.md 3.4). */
enum conf_clock { CONF_CLOCK_WAIT, CONF_CLOCK_FLOOR };

/* Where log lines go (key log). */
enum conf_log { CONF_LOG_AUTO, CONF_LOG_SYSLOG, CONF_LOG_STDERR };

/* A whole configuration. */
struct conf {
	struct slice hostname; /* as configured; empty: the system's */
	struct slice domain;   /* completes bare addresses */
	struct slice from;     /* forced sender */
	uint8_t nroutes, nhops, nlisten, nallow; /* of the arrays below */
	uint16_t naliases;                       /* of aliases */
	bool listen_none;                        /* no listener is wanted */
	/* As their keys. */
	struct slice socket, control, spool, state, ca, user;
	bool user_default;        /* not configured: nobody will do, too */
	uint64_t spool_size;      /* bytes, whole frames */
	bool spool_sized;         /* it was configured */
	uint32_t commit_smtp_ms;  /* commit-after by SMTP */
	uint32_t commit_local_ms; /* commit-after by sendmail */
	uint32_t retry_min_s, retry_max_s;     /* delay between attempts */
	uint32_t splay_s, lifetime_s, alarm_s; /* as their keys */
	enum conf_clock clock; /* verified TLS before the clock is set */
	uint64_t max_message;  /* bytes */
	enum conf_log log;     /* where log lines go */
	uint8_t log_level;     /* enum log_level */
	/* The large parts stand last: what is near is cheap to reach. */
	size_t used;                             /* of text */
	struct conf_route routes[CONFIG_ROUTES]; /* in their order */
	struct conf_hop hops[CONFIG_HOPS];       /* of all routes */
	/* In file order. */
	struct conf_alias aliases[CONFIG_ALIASES];
	/* Addresses of the listener, networks that may submit. */
	struct conf_listen listen[CONF_MAX_LISTEN];
	struct conf_network allow[CONF_MAX_ALLOW];
	char text[CONF_TEXT]; /* the pool */
};

/* Bytes of an error message. */
#define CONF_MAX_ERROR 400

/* Why a configuration was refused: "FILE:LINE: KEY: ..." in plain words. */
struct conf_error {
	char text[CONF_MAX_ERROR]; /* NUL-ended */
};

/* Fill *c with the defaults of Kconfig (smart host too). */
void conf_defaults(struct conf *c);

/*
 * Read text over the defaults and complete what depends on other keys.
 * name: the file's name, for error texts.
 * Returns: 0;  -EINVAL, *err says why, *c is then unusable
 */
must_check int conf_parse(struct conf *c, struct slice text, const char *name,
			  struct conf_error *err);

/*
 * conf_parse() of a file.  A missing file gives the defaults when
 * optional is set.  space: CONF_MAX_FILE bytes for its text.
 * Returns: 0;  -EINVAL as above;  -errno with *err filled as well
 */
must_check int conf_read(struct conf *c, const char *path, bool optional,
			 char *space, struct conf_error *err);

/*
 * The route for one recipient: patterns "*", "example.org", "*.example.org",
 * "user@example.org", "from:PATTERN"; the first match in file order, smarthost
 * lines last.  Domains are compared in any case, local parts to the byte.
 * Returns: an index into routes;  -1 no route
 */
must_check int conf_route_of(const struct conf *c, struct slice from,
			     struct slice rcpt);

/* Is name (bare, or @hostname, @localhost) local: what aliases apply to? */
bool conf_is_local(const struct conf *c, struct slice hostname,
		   struct slice rcpt);

/* May a client at this address (IPv4 mapped) submit without AUTH? */
bool conf_allows(const struct conf *c, const uint8_t addr[static 16]);

/* The table's keys, one call each, for check, documents and completion. */
struct conf_key_info {
	const char *name;    /* "smarthost" */
	const char *allowed; /* what may stand there, in words */
	const char *missing; /* NULL, or the CONFIG_ it would need */
};

/* Key i of the table; NULL behind the last. */
const struct conf_key_info *conf_key(unsigned i);

#endif
