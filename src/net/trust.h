/* SPDX-License-Identifier: ISC */
/*
 * net/trust.h - what a TLS peer has to prove, and the time it is judged by.
 *
 * Nothing of BearSSL is seen here: everything TLS is hidden below stream.h.
 */
#ifndef NET_TRUST_H
#define NET_TRUST_H

#include "base/slice.h"

/* Pins of one hop. */
#define TRUST_MAX_PINS 4

/* How the peer's certificate is judged. */
enum trust_mode {
	TRUST_NONE,   /* not at all: opportunistic, unverified */
	TRUST_VERIFY, /* chain to an anchor, name in SAN, dates */
	/*
	 * SHA-256 of a SubjectPublicKeyInfo of the chain.  A pin of the
	 * peer's own key is enough.  A pin of an issuer counts only when
	 * the links below it are good and the name fits, so not without one.
	 */
	TRUST_PIN
};

/*
 * The rules for one handshake; everything lives until it has ended.  Pins
 * with TRUST_VERIFY mean TRUST_PIN; without a name and without pins nothing
 * can be verified, and the handshake is not begun.
 */
struct trust {
	enum trust_mode mode; /* what has to be proved */
	const char *name;     /* SNI and name to verify; NULL for literals */
	/* PEM bundle: an open descriptor (scanned with pread, never held). */
	int bundle_fd;
	const char *bundle_name; /* for the words of a failure; or NULL */
	uint8_t pins;
	const uint8_t (*pin)[32];
	int64_t now_s; /* seconds since 1970 that dates are judged by */
	bool floor;    /* clock not sane: refuse only what ended before now_s,
			* take max(now_s, notBefore) as the time */
};

/* Bytes of a name that is shown, its NUL included. */
#define TRUST_MAX_SHOWN (ENABLE_CHECK_LIVE ? 64 : 1)

/*
 * The peer's own certificate, for those who explain (CONFIG_CHECK_LIVE).
 * Nothing of it is proved; texts are printable and NUL-ended.
 */
struct trust_peer {
	bool known;                   /* one came; else nothing is valid */
	bool self_signed;             /* it names itself as its issuer */
	int32_t days_left;            /* until it ends; negative: since */
	uint8_t key[32];              /* what a pin of its key says */
	char issuer[TRUST_MAX_SHOWN]; /* organisation and common name */
	char name[TRUST_MAX_SHOWN];   /* the first it is for */
};

#endif
