/* SPDX-License-Identifier: ISC */
/*
 * conf/option.c - the options of a next hop, and what they ask of each other.
 *
 * An option's value is shown in an error text only where it cannot be a
 * secret: not of user=, password-file= and of what is no option at all.
 */
#include <errno.h>
#include <string.h>

#include "base/base64.h"
#include "conf/reader.h"

#define TLS_MISSING (ENABLE_TLS ? NULL : "TLS")

/* An option that is there when feature x is. */
#define ROW(name, x, set)                                               \
	{                                                               \
		name, ENABLE_##x ? (set) : NULL, ENABLE_##x ? NULL : #x \
	}

/* Bit i of what a line has is row i of options; tls= is the first. */
#define SEEN_TLS 1u

/* An option. */
struct option {
	const char *name; /* with its '=' */
	int (*set)(struct conf_reader *r, struct conf_hop *hop, struct slice v);
	const char *missing;
};

static int set_tls(struct conf_reader *r, struct conf_hop *hop, struct slice v)
{
	static const struct choice list[] = {
		{ "off", HOP_TLS_OFF, NULL },
		{ "try", HOP_TLS_TRY, TLS_MISSING },
		{ "require", HOP_TLS_REQUIRE, TLS_MISSING },
		{ "verify", HOP_TLS_VERIFY, TLS_MISSING },
		{ "dane", 0, "DANE" },
		{ NULL, 0, NULL },
	};
	int tls = reader_choose(r, list, "tls=off, try, require or verify", v);

	if (tls < 0)
		return tls;
	hop->tls = (enum hop_tls)tls;
	return 0;
}

static int set_auth(struct conf_reader *r, struct conf_hop *hop, struct slice v)
{
	static const struct choice list[] = {
		{ "auto", HOP_AUTH_AUTO, NULL },
		{ "off", HOP_AUTH_OFF, NULL },
		{ "plain", HOP_AUTH_PLAIN,
		  ENABLE_AUTH_PLAIN ? NULL : "AUTH_PLAIN" },
		{ "login", HOP_AUTH_LOGIN,
		  ENABLE_AUTH_LOGIN ? NULL : "AUTH_LOGIN" },
		{ "scram-sha-256", 0, "AUTH_SCRAM" },
		{ "xoauth2", 0, "AUTH_XOAUTH2" },
		{ "oauthbearer", 0, "AUTH_OAUTHBEARER" },
		{ "external", 0, "AUTH_EXTERNAL" },
		{ NULL, 0, NULL },
	};
	int auth = reader_choose(r, list, "auth=auto, off, plain or login", v);

	if (auth < 0)
		return auth;
	hop->auth = (enum hop_auth)auth;
	return 0;
}

/* pin=sha256:BASE64[,BASE64] */
static int set_pin(struct conf_reader *r, struct conf_hop *hop, struct slice v)
{
	static const char words[] = "pin=sha256:BASE64[,BASE64...], of a "
				    "SHA-256 each, 4 at most";
	static const struct slice prefix = { "sha256:", 7 };
	struct slice rest = slice_from(v, prefix.n);

	if (!slice_starts(v, prefix) || rest.n == 0)
		return reader_expected(r, words, v);
	while (rest.n > 0) {
		struct slice one = slice_cut(&rest, ',');
		char space[33];
		struct buf out = BUF_ON(space);

		if (hop->pins == CONF_MAX_PINS ||
		    base64_decode(&out, one) < 0 || out.len != 32)
			return reader_expected(r, words, v);
		memcpy(hop->pin[hop->pins++], space, 32);
	}
	return 0;
}

static int set_ca(struct conf_reader *r, struct conf_hop *hop, struct slice v)
{
	if (v.n == 0 || v.p[0] != '/')
		return reader_expected(r, "ca= with an absolute path", v);
	return reader_keep(r, v, &hop->ca);
}

static int set_user(struct conf_reader *r, struct conf_hop *hop, struct slice v)
{
	if (v.n == 0)
		return reader_say(r, "user= is empty");
	return reader_keep(r, v, &hop->user);
}

static int set_password(struct conf_reader *r, struct conf_hop *hop,
			struct slice v)
{
	if (v.n == 0 || v.p[0] != '/')
		return reader_say(r, "expected password-file= with an "
				     "absolute path");
	return reader_keep(r, v, &hop->password_file);
}

static int set_connections(struct conf_reader *r, struct conf_hop *hop,
			   struct slice v)
{
	uint32_t n;

	if (slice_to_u32(v, CONFIG_DELIVERIES, &n) < 0 || n == 0) {
		char space[64];
		struct buf words = BUF_ON(space);

		buf_putf(&words, "connections= from 1 to %u",
			 CONFIG_DELIVERIES);
		return reader_expected(r, buf_cstr(&words), v);
	}
	hop->connections = (uint8_t)n;
	return 0;
}

static int set_timeout(struct conf_reader *r, struct conf_hop *hop,
		       struct slice v)
{
	if (value_time(v, &hop->timeout_s) < 0 || hop->timeout_s < 1 ||
	    hop->timeout_s > 3600)
		return reader_expected(r, "timeout= from 1s to 1h", v);
	return 0;
}

static const struct option options[] = {
	{ "tls=", set_tls, NULL },
	ROW("pin=", TLS, set_pin),
	ROW("auth=", AUTH, set_auth),
	ROW("user=", AUTH, set_user),
	ROW("password-file=", AUTH, set_password),
	ROW("ca=", TLS, set_ca),
	{ "connections=", set_connections, NULL },
	{ "timeout=", set_timeout, NULL },
	{ "oauth=", NULL, "OAUTH" },
	{ "cert=", NULL, "TLS_CERT" },
	{ "key=", NULL, "TLS_CERT" },
};

static int read_option(struct conf_reader *r, struct conf_hop *hop,
		       struct slice w, unsigned *seen)
{
	for (unsigned i = 0; i < ARRAY_LEN(options); i++) {
		struct slice name = slice_str(options[i].name);

		if (!slice_starts(w, name))
			continue;
		if (options[i].missing)
			return reader_missing(r, name, options[i].missing);
		if (*seen & 1u << i)
			return reader_say(r, "%s is given twice",
					  options[i].name);
		*seen |= 1u << i;
		return options[i].set(r, hop, slice_from(w, name.n));
	}
	return reader_say(r, "expected options tls= pin= ca= auth= user= "
			     "password-file= connections= timeout=, "
			     "got another word");
}

/* The default: verified wherever it matters (DESIGN.md 2.2). */
static int default_tls(struct conf_reader *r, struct conf_hop *hop)
{
	if (hop->user.n == 0 && hop->scheme == HOP_SMTP && hop->pins == 0) {
		hop->tls = ENABLE_TLS ? HOP_TLS_TRY : HOP_TLS_OFF;
		return 0;
	}
	hop->tls = HOP_TLS_VERIFY;
	if (!ENABLE_TLS)
		return reader_missing(r,
				      SLICE("TLS, which credentials need "
					    "unless tls=off,"),
				      "TLS");
	return 0;
}

static int check_tls(struct conf_reader *r, struct conf_hop *hop)
{
	bool sure = hop->tls == HOP_TLS_VERIFY || hop->pins > 0;

	if (hop->scheme != HOP_SMTP && hop->tls < HOP_TLS_REQUIRE)
		return reader_say(r, "submission:// and submissions:// always "
				     "use TLS: expected tls=require or "
				     "verify, or smtp://");
	if (hop->pins > 0 && hop->tls < HOP_TLS_REQUIRE)
		return reader_say(r, "pin= needs tls=require or verify");
	if (hop->literal && hop->tls == HOP_TLS_VERIFY && hop->pins == 0)
		return reader_say(r, "TLS to an address needs pin=, or "
				     "a host name");
	if (hop->user.n > 0 && hop->tls != HOP_TLS_OFF && !sure)
		return reader_say(r, "credentials need tls=verify or pin=, "
				     "or tls=off to send them in the clear");
	return 0;
}

static int check_auth(struct conf_reader *r, struct conf_hop *hop)
{
	if ((hop->user.n > 0) != (hop->password_file.n > 0))
		return reader_say(r, "user= and password-file= go together");
	if (hop->auth == HOP_AUTH_OFF) {
		hop->user = slice_of(NULL, 0);
		hop->password_file = slice_of(NULL, 0);
	} else if (hop->auth != HOP_AUTH_AUTO && hop->user.n == 0) {
		return reader_say(r, "auth= needs user= and password-file=");
	}
	return 0;
}

int hop_read_options(struct conf_reader *r, struct conf_hop *hop)
{
	unsigned seen = 0;
	struct slice w = { 0 };
	bool remote = hop->scheme <= HOP_SUBMISSIONS;
	int err;

	hop->connections = 1;
	while ((err = reader_word(r, &w)) > 0) {
		if (!remote)
			return reader_say(r, "this next hop has no options");
		err = read_option(r, hop, w, &seen);
		if (err < 0)
			return err;
	}
	if (err < 0 || !remote)
		return err;
	err = check_auth(r, hop);
	if (err == 0 && !(seen & SEEN_TLS))
		err = default_tls(r, hop);
	return err < 0 ? err : check_tls(r, hop);
}
