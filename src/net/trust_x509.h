/* SPDX-License-Identifier: ISC */
/*
 * net/trust_x509.h - the judge of a peer's certificates: BearSSL's "minimal"
 * X.509 engine for the signatures, and around it what that lacks: anchors
 * from a file, names by RFC 6125, pins, a clock that is only a lower bound.
 *
 * Relies on fields of br_x509_minimal_context as of BearSSL 0.6.
 */
#ifndef NET_TRUST_X509_H
#define NET_TRUST_X509_H

#include "net/trust.h"
#include "net/trust_bundle.h"

/* One handshake's judge.  What is not public is its own. */
struct trust_judge {
	const br_x509_class *vtable; /* must be first: BearSSL's handle */
	const struct trust *trust;   /* the rules */
	const br_x509_pkey *key;     /* of the peer; NULL: refused */
	br_x509_pkey own;            /* the same, as we read it */
	unsigned usages;             /* of key, BR_KEYTYPE_ bits */
	bool began;       /* public: certificates came, no resumption */
	bool live;        /* the minimal engine has not come to an end */
	bool early;       /* public: BR_ERR_X509_EXPIRED means not valid yet */
	bool stale;       /* public: the anchor itself is out of date */
	bool malformed;   /* a certificate that counts is no certificate */
	bool pinned;      /* the peer's own key */
	bool pinned_ca;   /* an issuer's, and all links below are good */
	bool direct;      /* the peer's own certificate is in the bundle */
	bool name_fits;   /* the peer's own certificate is for the name */
	uint8_t certs;    /* that came, whole */
	bool holds;       /* held is the last byte that came */
	uint8_t held;     /* see holds */
	uint16_t own_len; /* of own_key */
	int bundle_err;   /* public: the bundle cannot be read */
	struct trust_peer peer;          /* public: CONFIG_CHECK_LIVE */
	struct trust_cert cert;          /* the certificate that is arriving */
	br_x509_minimal_context minimal; /* checks the signatures */
	struct trust_bundle bundle;      /* of TRUST_VERIFY */
	uint8_t own_key[TRUST_MAX_KEY];  /* of the peer, encoded */
};

/* Failures BearSSL has no numbers for. */
enum {
	TRUST_ERR_PIN = 1000, /* no pin fits */
	TRUST_ERR_BUNDLE      /* bundle_err */
};

/* Prepare for a handshake; links itself into eng. */
void trust_judge_init(struct trust_judge *j, const struct trust *trust,
		      br_ssl_engine_context *eng);

/* What mode comes to, with the rule about pins in trust.h. */
enum trust_mode trust_mode_of(const struct trust *trust);

/* The host name without a last dot; empty: there is none. */
struct slice trust_host_of(const struct trust *trust);

/* The words for err of a handshake under j, with its number. */
void trust_explain(struct buf *b, const struct trust_judge *j, int err);

/* The errno for err: -EKEYEXPIRED dates, -EKEYREJECTED else, -EPROTO TLS. */
must_check int trust_errno(int err);

#endif
