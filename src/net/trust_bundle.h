/* SPDX-License-Identifier: ISC */
/*
 * net/trust_bundle.h - trust anchors looked up in a PEM file of hundreds,
 * which is read from its start each time and never held: a few kilobytes
 * whatever its size.
 */
#ifndef NET_TRUST_BUNDLE_H
#define NET_TRUST_BUNDLE_H

#include "net/trust_der.h"
#include "net/trust_pem.h"

/* Anchors of the same name that are kept (keys are renewed). */
#define TRUST_MAX_ANCHORS 4

/* What is looked for; hashes as in struct trust_cert. */
struct trust_query {
	const uint8_t *issuer;  /* anchors of this name */
	const uint8_t *subject; /* with key: this certificate itself; or NULL */
	const uint8_t *key;     /* of subject */
	struct trust_time now;  /* anchors have to be valid now */
	bool floor; /* now is only a lower bound: a later notBefore is good */
};

/* What was found, and the space of the search. */
struct trust_bundle {
	uint8_t n;   /* public: anchors */
	bool direct; /* public: subject and key themselves are in the bundle */
	bool stale;  /* public: there was one, but it is out of date */
	struct trust_pem pem;     /* the place in the file */
	struct trust_cert cert;   /* the one that is read */
	uint8_t dn[TRUST_MAX_DN]; /* the same for all */
	/* public, with their keys below */
	br_x509_trust_anchor anchor[TRUST_MAX_ANCHORS];
	/* the keys of anchor[] */
	uint8_t key[TRUST_MAX_ANCHORS][TRUST_MAX_KEY];
	char chunk[1024]; /* of the file */
	char decoded[96]; /* of a certificate */
};

/*
 * Search the file fd, whose offset is moved; the results point into b.
 * Returns: 0;  -errno: it cannot be read
 */
must_check int trust_bundle_find(struct trust_bundle *b, int fd,
				 const struct trust_query *q);

#endif
