/* SPDX-License-Identifier: ISC */
/*
 * net/trust_bundle.c - see net/trust_bundle.h.
 *
 * One pass looks at the beginning of each certificate, up to its subject.
 * Only one that fits is read again, from its place, for its key.
 */
#include "net/trust_bundle.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static ssize_t read_at(int fd, char *p, size_t n, off_t off)
{
	ssize_t got;

	do
		got = pread(fd, p, n, off);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

/* BearSSL hands out the subject's name. */
static void take_dn(void *ctx, const void *p, size_t n)
{
	struct trust_bundle *b = ctx;

	if (n > sizeof(b->dn) - b->dn_len) {
		b->dn_len = sizeof(b->dn) + 1;
		return;
	}
	memcpy(b->dn + b->dn_len, p, n);
	b->dn_len = (uint16_t)(b->dn_len + n);
}

/* Feed the decoder with b->cert again, whose base64 begins at off. */
static int decode_at(struct trust_bundle *b, int fd, off_t off)
{
	struct trust_pem pem;
	char chunk[256];
	char space[96];
	struct buf out = BUF_ON(space);
	enum trust_pem_event event = TRUST_PEM_MORE;
	size_t left = b->cert.size;

	b->dn_len = 0;
	br_x509_decoder_init(&b->decoder, take_dn, b);
	trust_pem_inside(&pem);
	while (left > 0 && event != TRUST_PEM_END) {
		ssize_t got = read_at(fd, chunk, sizeof(chunk), off);
		if (got < 0)
			return (int)got;
		if (got == 0)
			return 0;
		off += got;
		struct slice in = slice_of(chunk, (size_t)got);
		do {
			event = trust_pem_next(&pem, &in, &out);
			size_t n = out.len < left ? out.len : left;
			br_x509_decoder_push(&b->decoder, out.data, n);
			left -= n;
			buf_reset(&out);
		} while (event == TRUST_PEM_FULL);
	}
	return 0;
}

/* Copy n bytes of a key behind those used already. */
static unsigned char *keep(uint8_t **to, const unsigned char *p, size_t n)
{
	unsigned char *at = *to;

	memcpy(at, p, n);
	*to += n;
	return at;
}

/* RFC 5280 4.2.1.9: only a CA's key may sign certificates. */
static void keep_anchor(struct trust_bundle *b)
{
	br_x509_pkey *key = br_x509_decoder_get_pkey(&b->decoder);
	br_x509_trust_anchor *a = &b->anchor[b->n];
	uint8_t *space = b->key[b->n];

	if (!key || !br_x509_decoder_isCA(&b->decoder) ||
	    b->dn_len > sizeof(b->dn))
		return;
	*a = (br_x509_trust_anchor){ .dn = { b->dn, b->dn_len },
				     .flags = BR_X509_TA_CA,
				     .pkey = *key };
	if (key->key_type == BR_KEYTYPE_RSA) {
		br_rsa_public_key *rsa = &a->pkey.key.rsa;

		rsa->n = keep(&space, rsa->n, rsa->nlen);
		rsa->e = keep(&space, rsa->e, rsa->elen);
	} else {
		br_ec_public_key *ec = &a->pkey.key.ec;

		ec->q = keep(&space, ec->q, ec->qlen);
	}
	b->n++;
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
static int consider(struct trust_bundle *b, int fd, off_t off,
		    const struct trust_query *q)
{
	if (!is_valid(&b->cert, q)) {
		b->stale = true;
		return 0;
	}
	if (same(q->subject, b->cert.subject) && same(q->key, b->cert.key))
		b->direct = true;
	if (!same(q->issuer, b->cert.subject) || b->n == TRUST_MAX_ANCHORS)
		return 0;
	int err = decode_at(b, fd, off);
	if (err == 0)
		keep_anchor(b);
	return err;
}

/* Hashing is what costs: the issuer's name is of no interest. */
static void begin_cert(struct trust_bundle *b)
{
	trust_cert_init(&b->cert, (struct slice){ NULL, 0 });
	b->cert.brief = true;
}

/* Search one chunk of the file that begins at off; *start: of the base64. */
static int search_chunk(struct trust_bundle *b, int fd, struct slice in,
			off_t off, off_t *start, const struct trust_query *q)
{
	const char *base = in.p;
	char space[96];
	struct buf out = BUF_ON(space);

	for (;;) {
		enum trust_pem_event event = trust_pem_next(&b->pem, &in, &out);

		trust_cert_feed(&b->cert, (const uint8_t *)out.data, out.len);
		buf_reset(&out);
		if (event == TRUST_PEM_BEGIN) {
			*start = off + (in.p - base);
			begin_cert(b);
		} else if (b->cert.bad ||
			   (b->cert.has_subject && !fits(&b->cert, q))) {
			trust_pem_skip(&b->pem);
			begin_cert(b);
		} else if (b->cert.whole) {
			int err = consider(b, fd, *start, q);
			if (err < 0)
				return err;
			trust_pem_skip(&b->pem);
			begin_cert(b);
		}
		if (event == TRUST_PEM_MORE)
			return 0;
	}
}

int trust_bundle_find(struct trust_bundle *b, int fd,
		      const struct trust_query *q)
{
	off_t off = 0, start = 0;

	b->n = 0;
	b->direct = false;
	b->stale = false;
	memset(&b->pem, 0, sizeof(b->pem));
	begin_cert(b);
	for (;;) {
		ssize_t got = read_at(fd, b->chunk, sizeof(b->chunk), off);
		if (got < 0)
			return (int)got;
		if (got == 0)
			return 0;
		int err = search_chunk(b, fd, slice_of(b->chunk, (size_t)got),
				       off, &start, q);
		if (err < 0)
			return err;
		off += got;
	}
}
