/* SPDX-License-Identifier: ISC */
/*
 * net/trust_der.h - what we ask of one certificate (RFC 5280 4.1), read as a
 * stream: its names and its key, its dates, whether it is a CA's or for a
 * host.  Of a certificate of any size only these are held.
 *
 * Pure.  Signatures are BearSSL's business.  Both read the same bytes and
 * both insist on the order and tags of a TBSCertificate and on definite
 * lengths, so the key that is hashed here is the key BearSSL uses.
 */
#ifndef NET_TRUST_DER_H
#define NET_TRUST_DER_H

#include <bearssl.h>

#include "net/trust.h"

/* Containers around a dNSName, the deepest thing of interest. */
#define TRUST_MAX_DEPTH 8

/* A longest name of an issuer or a subject, encoded. */
#define TRUST_MAX_DN 512

/* A longest SubjectPublicKeyInfo: RSA of 4096 bits takes 550 octets. */
#define TRUST_MAX_KEY 600

/* A longest value else. */
#define TRUST_MAX_TEXT 255

/* A point in time as BearSSL counts: days since the year 0, and seconds. */
struct trust_time {
	uint32_t days; /* since the year 0 */
	uint32_t s;    /* of the day */
};

/* A certificate while it is read; the fields in front are public. */
struct trust_cert {
	bool brief;        /* set after init: the issuer is not hashed */
	bool whole;        /* all of it was read */
	bool bad;          /* it is no certificate; nothing else is valid */
	bool has_dates;    /* from and until are valid */
	bool has_subject;  /* issuer too; in this order */
	bool has_key;      /* key is valid */
	bool name_matches; /* a dNSName of its SAN matches the wanted name */
	bool is_ca;        /* its basicConstraints say so */
	struct trust_time from, until; /* notBefore, notAfter */
	uint16_t dn_len;               /* of the subject, first in space */
	uint16_t key_len;              /* of the key, behind it in space */

	struct slice want;              /* the name to look for, or empty */
	uint8_t depth;                  /* open containers */
	uint8_t action;                 /* what to do with the value */
	uint8_t extension;              /* which one it is */
	uint8_t head_len;               /* bytes of head */
	uint8_t index[TRUST_MAX_DEPTH]; /* elements begun in a container */
	uint8_t head[6];                /* tag and length */
	uint16_t text_len;              /* of the value, behind the key */
	uint32_t left[TRUST_MAX_DEPTH]; /* bytes a container has yet */
	uint32_t value_left;            /* bytes of the value yet */
	/* public (CONFIG_CHECK_LIVE): the issuer, the first dNSName */
	char issuer_text[TRUST_MAX_SHOWN];
	char name_text[TRUST_MAX_SHOWN];
	uint8_t issuer[32];  /* public: SHA-256 of the Name, unless brief */
	uint8_t subject[32]; /* public: SHA-256 of the Name */
	uint8_t key[32];     /* public: SHA-256 of the SubjectPublicKeyInfo */
	/* public: subject and key, encoded */
	uint8_t space[TRUST_MAX_DN + TRUST_MAX_KEY + TRUST_MAX_TEXT];
};

/* Begin; want lives as long as c (empty: no name is looked for). */
void trust_cert_init(struct trust_cert *c, struct slice want);

/* Read n more bytes of it; what comes behind its end is not looked at. */
void trust_cert_feed(struct trust_cert *c, const uint8_t *p, size_t n);

/* unix time as a trust_time; before the year 0: the year 0. */
struct trust_time trust_time_of(int64_t unix_s);

/* Is a before b? */
bool trust_time_before(struct trust_time a, struct trust_time b);

/*
 * Does a name of a certificate fit host (RFC 6125 6.4)?  ASCII case does not
 * matter; "*" only as the whole left-most label, with two more behind it.
 */
bool trust_name_fits(struct slice pattern, struct slice host);

/*
 * Read a SubjectPublicKeyInfo: RSA (RFC 3279 2.3.1), or EC on a named curve of
 * P-256, P-384 and P-521 (RFC 5480 2).  *out points into der.
 * Returns: was it one?  *out is undefined when not
 */
must_check bool trust_key_read(struct slice der, br_x509_pkey *out);

#endif
