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

enum action { ACTION_HEAD, ACTION_SKIP, ACTION_HASH, ACTION_TEXT };

/* DER tags that are met (X.690 8.1.2). */
enum {
	TAG_INTEGER = 0x02,
	TAG_OCTETS = 0x04,
	TAG_OID = 0x06,
	TAG_UTC_TIME = 0x17,
	TAG_GENERAL_TIME = 0x18,
	TAG_SEQUENCE = 0x30,
	TAG_DNS_NAME = 0x82,   /* GeneralName [2], RFC 5280 4.2.1.6 */
	TAG_VERSION = 0xa0,    /* TBSCertificate [0] */
	TAG_EXTENSIONS = 0xa3, /* TBSCertificate [3] */
};

/* Fields of a TBSCertificate, the optional version not counted. */
enum { TBS_SERIAL, TBS_ALGORITHM, TBS_ISSUER, TBS_DATES, TBS_SUBJECT, TBS_KEY };

/* What to do with an element; OPEN: its value is a container of interest. */
enum plan { PLAN_BAD, PLAN_SKIP, PLAN_HASH, PLAN_TEXT, PLAN_OPEN };

/* 1970-01-01 in days since the year 0 */
#define UNIX_DAYS 719528

void trust_cert_init(struct trust_cert *c, struct slice want)
{
	memset(c, 0, sizeof(*c));
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

/* Days from the year 0 to a date of the Gregorian calendar. */
static uint32_t days_of(uint32_t year, uint32_t month, uint32_t day)
{
	static const uint16_t before[] = { 0,   31,  59,  90,  120, 151,
					   181, 212, 243, 273, 304, 334 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	uint32_t days = year * 365 + (year + 3) / 4 - (year + 99) / 100 +
			(year + 399) / 400;

	return days + before[month - 1] + (leap && month > 2) + day - 1;
}

/* Two digits in [low, high] off the front, or false. */
static bool read_two(struct slice *in, uint32_t low, uint32_t high,
		     uint32_t *out)
{
	if (slice_to_u32(slice_head(*in, 2), high, out) < 0 || *out < low ||
	    in->n < 2)
		return false;
	*in = slice_from(*in, 2);
	return true;
}

/* RFC 5280 4.1.2.5: YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ. */
static bool read_date(struct slice in, bool four_digits, struct trust_time *t)
{
	uint32_t century = 0, year, month, day, hour, minute, second;

	if (four_digits && !read_two(&in, 0, 99, &century))
		return false;
	if (!read_two(&in, 0, 99, &year))
		return false;
	if (!four_digits)
		century = year >= 50 ? 19 : 20;
	if (!read_two(&in, 1, 12, &month) || !read_two(&in, 1, 31, &day) ||
	    !read_two(&in, 0, 23, &hour) || !read_two(&in, 0, 59, &minute) ||
	    !read_two(&in, 0, 60, &second))
		return false;
	t->days = days_of(century * 100 + year, month, day);
	t->s = hour * 3600 + minute * 60 + second;
	return true;
}

static enum plan plan_tbs(struct trust_cert *c, uint8_t tag)
{
	/* the version comes first and is not counted */
	if (tag == TAG_VERSION && c->index[2] == 1 && !c->has_version) {
		c->index[2] = 0;
		c->has_version = true;
		return PLAN_SKIP;
	}
	unsigned field = c->index[2] - 1U;

	if (field > TBS_KEY)
		return tag == TAG_EXTENSIONS ? PLAN_OPEN : PLAN_SKIP;
	if (field == TBS_SERIAL)
		return tag == TAG_INTEGER ? PLAN_SKIP : PLAN_BAD;
	if (tag != TAG_SEQUENCE)
		return PLAN_BAD;
	if (field == TBS_ALGORITHM || (field == TBS_ISSUER && c->brief))
		return PLAN_SKIP;
	return field == TBS_DATES ? PLAN_OPEN : PLAN_HASH;
}

static enum plan plan_extension(struct trust_cert *c, uint8_t tag)
{
	if (tag == TAG_OID)
		return PLAN_TEXT;
	return tag == TAG_OCTETS && c->is_san ? PLAN_OPEN : PLAN_SKIP;
}

static enum plan plan_for(struct trust_cert *c, uint8_t tag)
{
	bool sequence = tag == TAG_SEQUENCE;

	switch (c->depth) {
	case 0:
		return sequence ? PLAN_OPEN : PLAN_BAD;
	case 1:
		if (c->index[1] > 1)
			return PLAN_SKIP;
		return sequence ? PLAN_OPEN : PLAN_BAD;
	case 2:
		return plan_tbs(c, tag);
	case 3:
		if (c->index[2] - 1U != TBS_DATES)
			return sequence ? PLAN_OPEN : PLAN_BAD;
		if (c->index[3] > 2 ||
		    (tag != TAG_UTC_TIME && tag != TAG_GENERAL_TIME))
			return PLAN_BAD;
		return PLAN_TEXT;
	case 4:
		c->is_san = false;
		return sequence ? PLAN_OPEN : PLAN_BAD;
	case 5:
		return plan_extension(c, tag);
	case 6:
		return sequence ? PLAN_OPEN : PLAN_BAD;
	default:
		return tag == TAG_DNS_NAME ? PLAN_TEXT : PLAN_SKIP;
	}
}

static void end_hash(struct trust_cert *c)
{
	switch (c->index[2] - 1) {
	case TBS_ISSUER:
		br_sha256_out(&c->hash, c->issuer);
		break;
	case TBS_SUBJECT:
		br_sha256_out(&c->hash, c->subject);
		c->has_subject = true;
		break;
	default:
		br_sha256_out(&c->hash, c->key);
		c->has_key = true;
		break;
	}
}

static void end_text(struct trust_cert *c)
{
	/* subjectAltName, 2.5.29.17 */
	static const char san[] = { 0x55, 0x1d, 0x11 };
	struct slice text = slice_of(c->text, c->text_len);
	bool four_digits = c->head[0] == TAG_GENERAL_TIME;

	if (c->depth == 3) {
		bool first = c->index[3] == 1;

		if (!read_date(text, four_digits, first ? &c->from : &c->until))
			c->bad = true;
		c->has_dates = !first;
	} else if (c->depth == 5) {
		c->is_san = slice_eq(text, slice_of(san, sizeof(san)));
	} else if (c->want.n > 0 && trust_name_fits(text, c->want)) {
		c->name_matches = true;
	}
}

/* The value has ended, and with it every container that is full. */
static void end_value(struct trust_cert *c)
{
	if (c->action == ACTION_HASH)
		end_hash(c);
	else if (c->action == ACTION_TEXT)
		end_text(c);
	c->action = ACTION_HEAD;
	c->head_len = 0;
	while (c->depth > 0 && c->left[c->depth] == 0)
		c->depth--;
	c->whole = c->depth == 0;
}

static void open_container(struct trust_cert *c, uint32_t len)
{
	c->depth++;
	c->left[c->depth] = len;
	c->index[c->depth] = 0;
	c->head_len = 0;
	if (len == 0)
		end_value(c);
}

/* Tag and length are here: what is it, and what is to be done with it? */
static void begin_value(struct trust_cert *c, uint32_t len)
{
	if (len > c->left[c->depth] - c->head_len) {
		c->bad = true;
		return;
	}
	c->left[c->depth] -= c->head_len + len;
	if (c->index[c->depth] < UINT8_MAX)
		c->index[c->depth]++;
	if (c->depth == 0)
		c->size = c->head_len + len;
	enum plan plan = plan_for(c, c->head[0]);
	c->value_left = len;
	c->text_len = 0;
	switch (plan) {
	case PLAN_OPEN:
		open_container(c, len);
		return;
	case PLAN_HASH:
		br_sha256_init(&c->hash);
		br_sha256_update(&c->hash, c->head, c->head_len);
		c->action = ACTION_HASH;
		break;
	case PLAN_TEXT:
		/* a name that is too long for us fits nobody */
		c->action = len <= sizeof(c->text) ? ACTION_TEXT : ACTION_SKIP;
		break;
	case PLAN_SKIP:
		c->action = ACTION_SKIP;
		break;
	case PLAN_BAD:
		c->bad = true;
		return;
	}
	if (len == 0)
		end_value(c);
}

/* X.690 10.1: a length is definite; four bytes hold more than TLS can send. */
static void read_head(struct trust_cert *c, uint8_t byte)
{
	uint32_t len = 0;

	c->head[c->head_len++] = byte;
	if (c->head_len > c->left[c->depth] || (c->head[0] & 0x1f) == 0x1f) {
		c->bad = true;
		return;
	}
	if (c->head_len < 2)
		return;
	if (c->head[1] < 0x80) {
		begin_value(c, c->head[1]);
		return;
	}
	unsigned n = c->head[1] & 0x7fU;
	if (n == 0 || n > 4) {
		c->bad = true;
		return;
	}
	if (c->head_len < 2 + n)
		return;
	for (unsigned i = 0; i < n; i++)
		len = len << 8 | c->head[2 + i];
	begin_value(c, len);
}

static void read_value(struct trust_cert *c, const uint8_t *p, uint32_t n)
{
	if (c->action == ACTION_HASH) {
		br_sha256_update(&c->hash, p, n);
	} else if (c->action == ACTION_TEXT) {
		memcpy(c->text + c->text_len, p, n);
		c->text_len = (uint8_t)(c->text_len + n);
	}
	c->value_left -= n;
	if (c->value_left == 0)
		end_value(c);
}

void trust_cert_feed(struct trust_cert *c, const uint8_t *p, size_t n)
{
	while (n > 0 && !c->bad && !c->whole) {
		uint32_t take = 1;

		if (c->action == ACTION_HEAD) {
			read_head(c, *p);
		} else {
			take = c->value_left < n ? c->value_left : (uint32_t)n;
			read_value(c, p, take);
		}
		p += take;
		n -= take;
	}
}
