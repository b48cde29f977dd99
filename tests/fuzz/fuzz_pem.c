/* SPDX-License-Identifier: ISC */
/*
 * Certificates: as a PEM file, or, when bit 7 of the first byte is set, one
 * as DER.  Its other bits are the size of the pieces.
 */
#include <stdint.h>
#include <stdlib.h>

#include "net/trust_der.h"
#include "net/trust_pem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct trust_cert cert;

static void begin(void)
{
	trust_cert_init(&cert, SLICE("smtp.example.com"));
}

static void check(void)
{
	if (cert.depth >= TRUST_MAX_DEPTH)
		abort();
	if (cert.dn_len > TRUST_MAX_DN || cert.key_len > TRUST_MAX_KEY)
		abort();
	br_x509_pkey key;
	if (cert.has_key &&
	    trust_key_read(slice_of(cert.space + cert.dn_len, cert.key_len),
			   &key) &&
	    key.key_type != BR_KEYTYPE_RSA && key.key_type != BR_KEYTYPE_EC)
		abort();
}

static void feed_pem(struct trust_pem *pem, struct slice in)
{
	enum trust_pem_event event;
	char space[100];

	do {
		struct buf out = BUF_ON(space);

		event = trust_pem_next(pem, &in, &out);
		if (out.overflow)
			abort();
		trust_cert_feed(&cert, (const uint8_t *)space, out.len);
		check();
		if (event == TRUST_PEM_BEGIN)
			begin();
	} while (event != TRUST_PEM_MORE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trust_pem pem = { 0 };

	if (size < 1)
		return 0;
	size_t step = (data[0] & 0x7f) + 1u;
	begin();
	for (size_t at = 1; at < size; at += step) {
		size_t n = step < size - at ? step : size - at;

		if (data[0] & 0x80)
			trust_cert_feed(&cert, data + at, n);
		else
			feed_pem(&pem, slice_of(data + at, n));
		check();
	}
	return 0;
}
