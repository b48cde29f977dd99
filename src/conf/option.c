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

/* A number of the configuration as text. */
#define TO_TEXT(x) TO_TEXT_(x)
#define TO_TEXT_(x) #x

/* The options; bit i of what a line has is row i. */
enum { TLS, PIN, AUTH, USER, PASSWORD, CA, CONNECTIONS, TIMEOUT };

static const char names[] =
	"tls= pin=" NEEDS_TLS " auth=" NEEDS_AUTH " user=" NEEDS_AUTH
	" password-file=" NEEDS_AUTH " ca=" NEEDS_TLS
	" connections= timeout=" HELP(
		" oauth=!OAUTH cert=!TLS_CERT key=!TLS_CERT");

/* In the order of enum hop_tls and enum hop_auth. */
static const char tls_names[] = "off try" NEEDS_TLS " require" NEEDS_TLS
				" verify" NEEDS_TLS HELP(" dane!DANE");
static const char auth_names[] =
	"auto off plain" NEEDS_AUTH_PLAIN " login" NEEDS_AUTH_LOGIN HELP(
		" scram-sha-256!AUTH_SCRAM xoauth2!AUTH_XOAUTH2"
		" oauthbearer!AUTH_OAUTHBEARER external!AUTH_EXTERNAL");

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

/* A path; where it may be a secret in the wrong place it is not shown. */
static int set_path(struct conf_reader *r, const char *words, struct slice v,
		    struct slice *out)
{
	if (v.n > 0 && v.p[0] == '/')
		return reader_keep(r, v, out);
	return words ? reader_expected(r, words, v)
		     : reader_say(r, "expected password-file= with an "
				     "absolute path");
}

static int set_connections(struct conf_reader *r, struct conf_hop *hop,
			   struct slice v)
{
	uint32_t n;

	if (slice_to_u32(v, CONFIG_DELIVERIES, &n) < 0 || n == 0)
		return reader_expected(
			r, "connections= from 1 to " TO_TEXT(CONFIG_DELIVERIES),
			v);
	hop->connections = (uint8_t)n;
	return 0;
}

static int set_option(struct conf_reader *r, struct conf_hop *hop, int i,
		      struct slice v)
{
	int n;

	switch (i) {
	case TLS:
		n = reader_choose(r, tls_names,
				  "tls=off, try, require or verify", v);
		hop->tls = (enum hop_tls)n;
		return n < 0 ? n : 0;
	case PIN:
		return ENABLE_TLS ? set_pin(r, hop, v) : 0;
	case AUTH:
		n = reader_choose(r, auth_names,
				  "auth=auto, off, plain or login", v);
		hop->auth = (enum hop_auth)n;
		return n < 0 ? n : 0;
	case USER:
		return v.n > 0 ? reader_keep(r, v, &hop->user)
			       : reader_say(r, "user= is empty");
	case PASSWORD:
		return set_path(r, NULL, v, &hop->password_file);
	case CA:
		return set_path(r, "ca= with an absolute path", v, &hop->ca);
	case CONNECTIONS:
		return set_connections(r, hop, v);
	default:
		if (value_time(v, &hop->timeout_s) == 0 &&
		    hop->timeout_s >= 1 && hop->timeout_s <= 3600)
			return 0;
		return reader_expected(r, "timeout= from 1s to 1h", v);
	}
}

static int read_option(struct conf_reader *r, struct conf_hop *hop,
		       struct slice w, unsigned *seen)
{
	struct slice name;
	int i = reader_find(r, names, w, &name);

	if (i == -ENOENT)
		return reader_say(r, "expected options tls= pin= ca= auth= "
				     "user= password-file= connections= "
				     "timeout=, got another word");
	if (i < 0)
		return i;
	if (*seen & 1u << i)
		return reader_say(r, "%.*s is given twice", (int)name.n,
				  name.p);
	*seen |= 1u << i;
	return set_option(r, hop, i, slice_from(w, name.n));
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
				      SLICE("TLS"));
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
	if (err == 0 && !(seen & 1u << TLS))
		err = default_tls(r, hop);
	return err < 0 ? err : check_tls(r, hop);
}
