/* SPDX-License-Identifier: ISC */
/*
 * net/trust_bundle.c - see net/trust_bundle.h.
 *
 * One pass: of each certificate only the beginning is looked at, up to its
 * subject, and all of one that fits.
 */
#include "net/trust_bundle.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fdio.h"

/* RFC 5280 4.2.1.9: only a CA's key may sign certificates. */
static void keep_anchor(struct trust_bundle *b)
{
	const struct trust_cert *c = &b->cert;

	if (b->n == TRUST_MAX_ANCHORS || !c->is_ca)
		return;
	br_x509_trust_anchor *a = &b->anchor[b->n];
	uint8_t *key = b->key[b->n];
	memcpy(b->dn, c->space, c->dn_len);
	memcpy(key, c->space + c->dn_len, c->key_len);
	a->dn = (br_x500_name){ b->dn, c->dn_len };
	a->flags = BR_X509_TA_CA;
	b->n += trust_key_read(slice_of(key, c->key_len), &a->pkey);
}

static bool same(const uint8_t *a, const uint8_t *b)
{
	return a && memcmp(a, b, 32) == 0;
}

static bool fits(const struct trust_cert *c, const struct trust_query *q)
{
	return same(q->issuer, c->subject) || same(q->subject, c->subject);
}

static bool is_valid(const struct trust_cert *c, const struct trust_query *q)
{
	if (!c->has_dates || trust_time_before(c->until, q->now))
		return false;
	return q->floor || !trust_time_before(q->now, c->from);
}

/* A whole certificate with a name that is looked for. */
static void consider(struct trust_bundle *b, const struct trust_query *q)
{
	const struct trust_cert *c = &b->cert;

	if (!is_valid(c, q)) {
		b->stale = true;
		return;
	}
	if (same(q->subject, c->subject) && same(q->key, c->key))
		b->direct = true;
	if (same(q->issuer, c->subject))
		keep_anchor(b);
}

/* Hashing is what costs: the issuer's name is of no interest. */
static void begin_cert(struct trust_bundle *b)
{
	trust_cert_init(&b->cert, (struct slice){ NULL, 0 });
	b->cert.brief = true;
}

/* More of the certificate at hand was read: is it good for anything? */
static void look(struct trust_bundle *b, const struct trust_query *q)
{
	const struct trust_cert *c = &b->cert;
	bool other = c->has_subject && !fits(c, q);

	if (!c->bad && !c->whole && !other)
		return;
	if (c->whole && !c->bad && c->has_subject && !other)
		consider(b, q);
	trust_pem_skip(&b->pem);
	begin_cert(b);
}

int trust_bundle_find(struct trust_bundle *b, int fd,
		      const struct trust_query *q)
{
	struct slice in = { NULL, 0 };

	b->n = 0;
	b->direct = false;
	b->stale = false;
	memset(&b->pem, 0, sizeof(b->pem));
	begin_cert(b);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	for (;;) {
		struct buf out = BUF_ON(b->decoded);

		if (in.n == 0) {
			ssize_t got = fdio_read(fd, b->chunk, sizeof(b->chunk));

			if (got <= 0)
				return (int)got;
			in = slice_of(b->chunk, (size_t)got);
		}
		enum trust_pem_event event = trust_pem_next(&b->pem, &in, &out);
		trust_cert_feed(&b->cert, (const uint8_t *)b->decoded, out.len);
		if (event == TRUST_PEM_BEGIN)
			begin_cert(b);
		else
			look(b, q);
	}
}
