/* SPDX-License-Identifier: ISC */
/* net/trust_key.c - public keys of certificates (see net/trust_der.h). */
#include "net/trust_der.h"

/* X.690 8.1.2 */
enum {
	INTEGER = 0x02,
	BIT_STRING = 0x03,
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

/* What an AlgorithmIdentifier begins with (RFC 3279 2.3.1, RFC 5480 2.1.1). */
static const struct {
	uint8_t type;
	uint8_t curve;
	uint8_t n; /* of begin */
	char begin[21];
} algorithms[] = {
	{ BR_KEYTYPE_RSA, 0, 11,
	  "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01" },
	{ BR_KEYTYPE_EC, BR_EC_secp256r1, 19,
	  "\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
	  "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07" },
	{ BR_KEYTYPE_EC, BR_EC_secp384r1, 16,
	  "\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
	  "\x06\x05\x2b\x81\x04\x00\x22" },
	{ BR_KEYTYPE_EC, BR_EC_secp521r1, 16,
	  "\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
	  "\x06\x05\x2b\x81\x04\x00\x23" },
};

bool trust_key_read(struct slice der, br_x509_pkey *out)
{
	struct slice all, algorithm, bits;
	size_t i = 0;

	if (!take(&der, SEQUENCE, &all) || !take(&all, SEQUENCE, &algorithm) ||
	    !take(&all, BIT_STRING, &bits) || bits.n < 2 || bits.p[0] != 0)
		return false;
	bits = slice_from(bits, 1);
	while (!slice_starts(algorithm,
			     slice_of(algorithms[i].begin, algorithms[i].n))) {
		if (++i == ARRAY_LEN(algorithms))
			return false;
	}
	out->key_type = algorithms[i].type;
	if (out->key_type == BR_KEYTYPE_RSA)
		return take(&bits, SEQUENCE, &all) &&
		       take_number(&all, &out->key.rsa.n, &out->key.rsa.nlen) &&
		       take_number(&all, &out->key.rsa.e, &out->key.rsa.elen);
	out->key.ec.curve = algorithms[i].curve;
	out->key.ec.q = (unsigned char *)(uintptr_t)bits.p;
	out->key.ec.qlen = bits.n;
	return true;
}
