/* SPDX-License-Identifier: ISC */
/* net/trust_key.c - public keys of certificates (see net/trust_der.h). */
#include <string.h>

#include "net/trust_der.h"

/* X.690 8.1.2 */
enum {
	INTEGER = 0x02,
	BIT_STRING = 0x03,
	OID = 0x06,
	SEQUENCE = 0x30,
};

/* Take the value of an element with this tag off the front of *in. */
static bool take(struct slice *in, uint8_t tag, struct slice *value)
{
	const uint8_t *p = (const uint8_t *)in->p;
	size_t head = 2;

	if (in->n < 2 || p[0] != tag)
		return false;
	size_t len = p[1];
	/* X.690 10.1: one or two bytes of length hold all there can be */
	if (len >= 0x80) {
		head += len - 0x80;
		if (head > 4 || head > in->n)
			return false;
		len = head == 4 ? (size_t)p[2] << 8 | p[3] : p[2];
	}
	if (len > in->n - head)
		return false;
	*value = slice_head(slice_from(*in, head), len);
	*in = slice_from(*in, head + len);
	return true;
}

/* A positive number, without the zeros in front. */
static bool take_number(struct slice *in, unsigned char **p, size_t *n)
{
	struct slice v;

	if (!take(in, INTEGER, &v))
		return false;
	while (v.n > 0 && v.p[0] == 0)
		v = slice_from(v, 1);
	*p = (unsigned char *)(uintptr_t)v.p;
	*n = v.n;
	return v.n > 0;
}

/* BearSSL's number of a curve; 0: not one of ours. */
static int curve_of(struct slice oid)
{
	if (slice_eq(oid, SLICE("\x2a\x86\x48\xce\x3d\x03\x01\x07")))
		return BR_EC_secp256r1;
	/* 1.3.132.0.34 and .35 */
	if (oid.n != 5 || memcmp(oid.p, "\x2b\x81\x04\x00", 4) != 0)
		return 0;
	return oid.p[4] == 34   ? BR_EC_secp384r1
	       : oid.p[4] == 35 ? BR_EC_secp521r1
				: 0;
}

bool trust_key_read(struct slice der, br_x509_pkey *out)
{
	struct slice all, algorithm, oid, curve, bits;

	if (!take(&der, SEQUENCE, &all) || !take(&all, SEQUENCE, &algorithm) ||
	    !take(&algorithm, OID, &oid) || !take(&all, BIT_STRING, &bits) ||
	    bits.n < 2 || bits.p[0] != 0)
		return false;
	bits = slice_from(bits, 1);
	/* RFC 3279 2.3.1: rsaEncryption */
	if (slice_eq(oid, SLICE("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"))) {
		br_rsa_public_key *rsa = &out->key.rsa;

		out->key_type = BR_KEYTYPE_RSA;
		return take(&bits, SEQUENCE, &all) &&
		       take_number(&all, &rsa->n, &rsa->nlen) &&
		       take_number(&all, &rsa->e, &rsa->elen);
	}
	/* RFC 5480 2.1.1: id-ecPublicKey */
	if (!slice_eq(oid, SLICE("\x2a\x86\x48\xce\x3d\x02\x01")) ||
	    !take(&algorithm, OID, &curve))
		return false;
	out->key_type = BR_KEYTYPE_EC;
	out->key.ec.curve = curve_of(curve);
	out->key.ec.q = (unsigned char *)(uintptr_t)bits.p;
	out->key.ec.qlen = bits.n;
	return out->key.ec.curve != 0;
}
