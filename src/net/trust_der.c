/* SPDX-License-Identifier: ISC */
/*
 * net/trust_der.c - see net/trust_der.h.
 *
 * The position in the certificate is the number of open containers:
 *
 *	0 Certificate { 1 TBSCertificate { 2 version serial algorithm
 *	issuer validity { 3 dates } subject key extensions { 3 list { 4
 *	extension { 5 oid critical value { 6 GeneralNames { 7 names
 */
#include "net/trust_der.h"

#include <string.h>

#include "base/buf.h"

/* What to do with an element. */
enum {
	DO_HEAD, /* it is not known yet: tag and length are being read */
	DO_SKIP, /* nothing */
	DO_HASH, /* keep all of it, and its hash */
	DO_TEXT, /* keep its value for a moment */
	DO_OPEN, /* its value is a container of interest */
	DO_FAIL  /* it does not belong here */
};

/* DER tags that are met (X.690 8.1.2). */
enum {
	ANY = 0,
	BOOLEAN = 0x01,
	INTEGER = 0x02,
	OCTETS = 0x04,
	OID = 0x06,
	UTC_TIME = 0x17,
	GENERAL_TIME = 0x18,
	SEQUENCE = 0x30,
	DNS_NAME = 0x82,   /* GeneralName [2], RFC 5280 4.2.1.6 */
	VERSION = 0xa0,    /* TBSCertificate [0] */
	EXTENSIONS = 0xa3, /* TBSCertificate [3] */
};

/* Fields of a TBSCertificate, counted from 1; a version may be missing. */
enum { TBS_VERSION = 1, TBS_ISSUER = 4, TBS_DATES, TBS_SUBJECT, TBS_KEY };

/* Extensions of interest. */
enum { OF_NO_INTEREST, OF_NAMES, OF_CA };

/* Where the dates are, which are as deep as the extensions. */
#define DATES TRUST_MAX_DEPTH

/* What belongs where: the first row that fits decides. */
static const struct {
	uint8_t depth;  /* or DATES */
	uint8_t index;  /* of the element, counted from 1; at least this */
	uint8_t tag;    /* or ANY */
	uint8_t action; /* what to do with it */
} grammar[] = {
	{ 0, 1, SEQUENCE, DO_OPEN },
	{ 1, 2, ANY, DO_SKIP },
	{ 1, 1, SEQUENCE, DO_OPEN },
	{ 2, 8, EXTENSIONS, DO_OPEN },
	{ 2, 8, ANY, DO_SKIP },
	{ 2, TBS_SUBJECT, SEQUENCE, DO_HASH },
	{ 2, TBS_SUBJECT, ANY, DO_FAIL },
	{ 2, TBS_DATES, SEQUENCE, DO_OPEN },
	{ 2, TBS_DATES, ANY, DO_FAIL },
	{ 2, TBS_ISSUER, SEQUENCE, DO_HASH },
	{ 2, TBS_ISSUER, ANY, DO_FAIL },
	{ 2, 3, SEQUENCE, DO_SKIP },
	{ 2, 3, ANY, DO_FAIL },
	{ 2, 2, INTEGER, DO_SKIP },
	{ 2, 2, ANY, DO_FAIL },
	{ 2, TBS_VERSION, VERSION, DO_SKIP },
	{ DATES, 3, ANY, DO_FAIL },
	{ DATES, 1, UTC_TIME, DO_TEXT },
	{ DATES, 1, GENERAL_TIME, DO_TEXT },
	{ 3, 1, SEQUENCE, DO_OPEN },
	{ 4, 1, SEQUENCE, DO_OPEN },
	{ 5, 1, OID, DO_TEXT },
	{ 5, 1, OCTETS, DO_OPEN },
	{ 5, 1, ANY, DO_SKIP },
	{ 6, 1, SEQUENCE, DO_OPEN },
	{ 7, 1, DNS_NAME, DO_TEXT },
	{ 7, 1, BOOLEAN, DO_TEXT },
	{ 7, 1, ANY, DO_SKIP },
};

/* 1970-01-01 in days since the year 0 */
#define UNIX_DAYS 719528

void trust_cert_init(struct trust_cert *c, struct slice want)
{
	memset(c, 0, offsetof(struct trust_cert, space));
	c->want = want;
	c->left[0] = UINT32_MAX;
}

struct trust_time trust_time_of(int64_t unix_s)
{
	int64_t s = unix_s + (int64_t)UNIX_DAYS * 86400;

	if (s < 0)
		s = 0;
	if (s / 86400 > UINT32_MAX)
		s = (int64_t)UINT32_MAX * 86400;
	return (struct trust_time){ (uint32_t)(s / 86400),
				    (uint32_t)(s % 86400) };
}

bool trust_time_before(struct trust_time a, struct trust_time b)
{
	return a.days < b.days || (a.days == b.days && a.s < b.s);
}

bool trust_name_fits(struct slice pattern, struct slice host)
{
	if (slice_ieq(pattern, host))
		return host.n > 0;
	if (!slice_starts(pattern, SLICE("*.")))
		return false;
	struct slice parent = slice_from(pattern, 2);
	ptrdiff_t dot = slice_find(host, '.');

	/* RFC 6125 7.2: "*.com" is for nobody */
	return dot > 0 && slice_find(parent, '.') > 0 &&
	       slice_ieq(slice_from(host, (size_t)dot + 1), parent);
}

/*
 * RFC 5280 4.1.2.5: YYMMDDHHMMSSZ, or the same with a century in front.  A
 * year begins with March here: then its months begin at a simple rule.
 */
static bool read_date(struct slice in, bool century, struct trust_time *t)
{
	static const uint8_t low[] = { 0, 0, 1, 1, 0, 0, 0 };
	static const uint8_t high[] = { 99, 99, 12, 31, 23, 59, 60 };
	uint32_t v[ARRAY_LEN(low)];

	for (size_t i = !century; i < ARRAY_LEN(low); i++) {
		if (slice_to_u32(slice_head(in, 2), high[i], &v[i]) < 0 ||
		    v[i] < low[i] || in.n < 2)
			return false;
		in = slice_from(in, 2);
	}
	if (!century)
		v[0] = v[1] >= 50 ? 19 : 20;
	/* four centuries more, and their days less: none is negative */
	uint32_t month = (v[2] + 9) % 12;
	uint32_t year = v[0] * 100 + v[1] + 400 - (month > 9);
	t->days = year * 365 + year / 4 - year / 100 + year / 400 +
		  (153 * month + 2) / 5 + v[3] - 146038;
	t->s = v[4] * 3600 + v[5] * 60 + v[6];
	return true;
}

/* What to do with the element at hand. */
static uint8_t plan(struct trust_cert *c)
{
	uint8_t depth = c->depth;
	uint8_t index = c->index[depth];
	uint8_t tag = c->head[0];
	size_t i = 0;

	if (depth == 2 && index == TBS_VERSION && tag != VERSION)
		index = ++c->index[2];
	if (depth == 2 && index == TBS_ISSUER && c->brief)
		return tag == SEQUENCE ? DO_SKIP : DO_FAIL;
	if (depth == 3 && c->index[2] == TBS_DATES)
		depth = DATES;
	if (depth == 4)
		c->extension = OF_NO_INTEREST;
	if (depth == 5 && tag == OCTETS && c->extension == OF_NO_INTEREST)
		return DO_SKIP;
	for (; i < ARRAY_LEN(grammar); i++) {
		if (grammar[i].depth == depth && index >= grammar[i].index &&
		    (grammar[i].tag == tag || grammar[i].tag == ANY))
			return grammar[i].action;
	}
	return DO_FAIL;
}

/* Where the value at hand is kept: behind those that are kept for good. */
static uint8_t *text_of(struct trust_cert *c)
{
	return c->space + c->dn_len + c->key_len;
}

/* Append what can be printed of a name's bytes. */
static void show(struct buf *b, struct slice text)
{
	text = slice_head(text, buf_room(b));
	for (size_t i = 0; i < text.n; i++)
		buf_put_char(b, char_is_print(text.p[i]) ? text.p[i] : '?');
}

/* Append the value of the attribute 2.5.4.TYPE of a Name (X.520). */
static void show_attribute(struct buf *b, struct slice dn, char type)
{
	const char oid[] = { OID, 3, 0x55, 4, type };

	for (; dn.n > sizeof(oid) + 2; dn = slice_from(dn, 1)) {
		struct slice value = slice_from(dn, sizeof(oid) + 2);

		if (!slice_starts(dn, slice_of(oid, sizeof(oid))))
			continue;
		if (b->len > 0)
			show(b, SLICE(" "));
		show(b, slice_head(value, (uint8_t)dn.p[sizeof(oid) + 1]));
		return;
	}
}

/* Organisation and common name. */
static void show_issuer(struct trust_cert *c)
{
	struct slice dn = slice_of(text_of(c), c->text_len);
	struct buf b = buf_on(c->issuer_text, sizeof(c->issuer_text) - 1);

	show_attribute(&b, dn, 10);
	show_attribute(&b, dn, 3);
	c->issuer_text[b.len] = '\0';
}

static void end_hash(struct trust_cert *c)
{
	br_sha256_context hash;
	uint8_t field = c->index[2];
	uint8_t *out = c->key;

	if (ENABLE_CHECK_LIVE && field == TBS_ISSUER)
		show_issuer(c);
	if (field == TBS_ISSUER)
		out = c->issuer;
	else if (field == TBS_SUBJECT)
		out = c->subject;
	br_sha256_init(&hash);
	br_sha256_update(&hash, text_of(c), c->text_len);
	br_sha256_out(&hash, out);
	if (field == TBS_SUBJECT)
		c->dn_len = c->text_len;
	else if (field == TBS_KEY)
		c->key_len = c->text_len;
	c->has_subject = c->dn_len > 0;
	c->has_key = c->key_len > 0;
}

/* The first name that a certificate is for. */
static void show_name(struct trust_cert *c, struct slice name)
{
	struct buf b = buf_on(c->name_text, sizeof(c->name_text) - 1);

	if (c->name_text[0])
		return;
	show(&b, name);
	c->name_text[b.len] = '\0';
}

static void end_text(struct trust_cert *c)
{
	struct slice text = slice_of(text_of(c), c->text_len);

	if (c->depth == 3) {
		bool first = c->index[3] == 1;

		if (!read_date(text, c->head[0] == GENERAL_TIME,
			       first ? &c->from : &c->until))
			c->bad = true;
		c->has_dates = !first;
	} else if (c->depth == 5) {
		/* 2.5.29.17 is subjectAltName, 2.5.29.19 basicConstraints */
		if (slice_eq(text, SLICE("\x55\x1d\x11")))
			c->extension = OF_NAMES;
		else if (slice_eq(text, SLICE("\x55\x1d\x13")))
			c->extension = OF_CA;
		else
			c->extension = OF_NO_INTEREST;
	} else if (c->extension == OF_CA) {
		/* RFC 5280 4.2.1.9 */
		c->is_ca = c->is_ca || (c->head[0] == BOOLEAN && text.n == 1 &&
					text.p[0] != 0);
	} else if (c->head[0] == DNS_NAME) {
		if (ENABLE_CHECK_LIVE)
			show_name(c, text);
		c->name_matches =
			c->name_matches ||
			(c->want.n > 0 && trust_name_fits(text, c->want));
	}
}

/* The value has ended, and with it every container that is full. */
static void end_value(struct trust_cert *c)
{
	if (c->action == DO_HASH)
		end_hash(c);
	else if (c->action == DO_TEXT)
		end_text(c);
	c->action = DO_HEAD;
	c->head_len = 0;
	while (c->depth > 0 && c->left[c->depth] == 0)
		c->depth--;
	c->whole = c->depth == 0;
}

/* Tag and length are here: what is it, and what is to be done with it? */
static void begin_value(struct trust_cert *c, uint32_t len)
{
	uint32_t *left = &c->left[c->depth];

	if (len > *left - c->head_len) {
		c->bad = true;
		return;
	}
	*left -= c->head_len + len;
	if (c->index[c->depth] < UINT8_MAX)
		c->index[c->depth]++;
	c->action = plan(c);
	c->text_len = 0;
	if (c->action == DO_OPEN) {
		c->depth++;
		left[1] = len;
		c->index[c->depth] = 0;
		c->action = DO_HEAD;
		c->head_len = 0;
	} else if (c->action == DO_HASH) {
		uint32_t most = c->index[2] == TBS_KEY ? TRUST_MAX_KEY
						       : TRUST_MAX_DN;

		memcpy(text_of(c), c->head, c->head_len);
		c->text_len = c->head_len;
		/* larger than anybody can use: as if it were not there */
		if (len > most - c->head_len)
			c->action = DO_SKIP;
	} else if (c->action == DO_TEXT && len > TRUST_MAX_TEXT) {
		/* a name that is too long for us fits nobody */
		c->action = DO_SKIP;
	}
	c->bad = c->action == DO_FAIL;
	c->value_left = len;
	if (len == 0 && !c->bad)
		end_value(c);
}

/* X.690 10.1: a length is definite; four bytes hold more than TLS can send. */
static void read_head(struct trust_cert *c, uint8_t byte)
{
	uint32_t len = 0;
	unsigned n;

	c->head[c->head_len++] = byte;
	n = c->head_len > 1 && c->head[1] >= 0x80 ? c->head[1] - 0x80U : 0;
	if (c->head_len > c->left[c->depth] || (c->head[0] & 0x1f) == 0x1f ||
	    n > 4 || (c->head_len == 2 && byte == 0x80)) {
		c->bad = true;
		return;
	}
	if (c->head_len < 2 + n)
		return;
	for (unsigned i = n > 0 ? 2 : 1; i < c->head_len; i++)
		len = len << 8 | c->head[i];
	begin_value(c, len);
}

static void read_value(struct trust_cert *c, const uint8_t *p, uint32_t n)
{
	if (c->action != DO_SKIP) {
		memcpy(text_of(c) + c->text_len, p, n);
		c->text_len = (uint16_t)(c->text_len + n);
	}
	c->value_left -= n;
	if (c->value_left == 0)
		end_value(c);
}

void trust_cert_feed(struct trust_cert *c, const uint8_t *p, size_t n)
{
	while (n > 0 && !c->bad && !c->whole) {
		uint32_t take = 1;

		if (c->action == DO_HEAD) {
			read_head(c, *p);
		} else {
			take = c->value_left < n ? c->value_left : (uint32_t)n;
			read_value(c, p, take);
		}
		p += take;
		n -= take;
	}
}
