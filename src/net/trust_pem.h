/* SPDX-License-Identifier: ISC */
/*
 * net/trust_pem.h - certificates of a PEM file (RFC 7468), as a stream.
 *
 * Pure.  LF and CRLF, text between certificates, a last line without its
 * end, "X509 CERTIFICATE" and "TRUSTED CERTIFICATE" (its additions come
 * behind the certificate) are all read.
 */
#ifndef NET_TRUST_PEM_H
#define NET_TRUST_PEM_H

#include "base/buf.h"

/* A longest line that can begin a certificate. */
#define TRUST_PEM_MAX_LABEL 40

/* What was met. */
enum trust_pem_event {
	TRUST_PEM_MORE,  /* the input is used up */
	TRUST_PEM_FULL,  /* the output is full: empty it and go on */
	TRUST_PEM_BEGIN, /* a certificate begins behind this point */
	TRUST_PEM_END    /* it has ended, or what follows is no base64 */
};

/* A PEM file being read; zeroed: at its start. */
struct trust_pem {
	uint8_t state;                  /* where in the file */
	uint8_t line_len;               /* of a line that began with '-' */
	uint8_t bits_len;               /* of bits, below 8 */
	uint32_t bits;                  /* what is left of base64 */
	char line[TRUST_PEM_MAX_LABEL]; /* see line_len */
};

/* Pass over the rest of this certificate, without its END event. */
void trust_pem_skip(struct trust_pem *p);

/*
 * Read on: takes bytes off the front of *in, appends decoded ones to out,
 * until something is met.  Bytes in out belong to what came before the event.
 */
enum trust_pem_event trust_pem_next(struct trust_pem *p, struct slice *in,
				    struct buf *out);

#endif
