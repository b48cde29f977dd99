/* SPDX-License-Identifier: ISC */
/* net/trust_explain.c - BearSSL's errors in words (see net/trust_x509.h). */
#include <errno.h>

#include "base/text.h"
#include "net/net_error.h"
#include "net/trust_x509.h"

/* RFC 5246 7.2 */
enum { ALERT_HANDSHAKE_FAILURE = 40, ALERT_PROTOCOL_VERSION = 70 };

/* Longest part of a name or path in a reason. */
#define MAX_NAME 64

static const uint16_t errors[] = {
	BR_ERR_UNSUPPORTED_VERSION,
	BR_ERR_RECV_FATAL_ALERT + ALERT_PROTOCOL_VERSION,
	BR_ERR_RECV_FATAL_ALERT + ALERT_HANDSHAKE_FAILURE,
	BR_ERR_BAD_LENGTH,
	BR_ERR_BAD_CIPHER_SUITE,
	BR_ERR_BAD_SIGNATURE,
	BR_ERR_INVALID_ALGORITHM,
	BR_ERR_NO_CLIENT_AUTH,
	BR_ERR_X509_EMPTY_CHAIN,
	BR_ERR_X509_UNSUPPORTED,
	BR_ERR_X509_LIMIT_EXCEEDED,
	BR_ERR_X509_WRONG_KEY_TYPE,
	BR_ERR_X509_BAD_SIGNATURE,
	BR_ERR_X509_DN_MISMATCH,
	BR_ERR_X509_CRITICAL_EXTENSION,
	BR_ERR_X509_NOT_CA,
	BR_ERR_X509_FORBIDDEN_KEY_USAGE,
	BR_ERR_X509_WEAK_PUBLIC_KEY,
	TRUST_ERR_PIN,
};

/* In the order of errors. */
static const char texts[] =
	"peer does not speak TLS 1.2\0"
	"peer does not speak TLS 1.2\0"
	"peer lacks TLS 1.2 or any cipher of ours\0"
	"TLS record of bad length\0"
	"peer chose a cipher we did not offer\0"
	"peer does not hold its certificate's key\0"
	"peer uses a curve or hash we lack\0"
	"peer wants a certificate from us\0"
	"peer sent no certificate\0"
	"certificate uses an algorithm that is not supported\0"
	"certificate has a key too large\0"
	"certificate has a key of a wrong type\0"
	"a signature in the certificate chain is wrong\0"
	"certificate chain is out of order\0"
	"certificate has a critical extension that is not supported\0"
	"certificate was issued by one that is no CA\0"
	"certificate is not for this use\0"
	"certificate has a key too short\0"
	"no pin fits the peer's certificates";

static void put_cut(struct buf *b, struct slice text)
{
	buf_put_slice(b, slice_head(text, MAX_NAME));
	if (text.n > MAX_NAME)
		buf_put_str(b, "...");
}

static const char *text_of(int err)
{
	const char *text = text_find(texts, errors, ARRAY_LEN(errors), err);

	if (text)
		return text;
	if (err >= BR_ERR_X509_INVALID_VALUE && err <= BR_ERR_X509_NOT_TRUSTED)
		return "certificate is malformed";
	if (err >= BR_ERR_RECV_FATAL_ALERT && err < BR_ERR_SEND_FATAL_ALERT)
		return "peer refused the TLS handshake";
	return "peer broke the TLS protocol";
}

/* Put the beginning of what needs more than a fixed text; gives the end. */
static const char *end_of(struct buf *b, const struct trust_judge *j, int err)
{
	const char *bundle = j->trust->bundle_name;
	struct slice name = slice_str(bundle ? bundle : "the bundle");

	switch (err) {
	case BR_ERR_X509_EXPIRED:
		return j->early ? "certificate is not valid yet"
				: "certificate has expired";
	case BR_ERR_X509_BAD_SERVER_NAME:
		buf_put_str(b, "certificate is for another name (wanted ");
		put_cut(b, trust_host_of(j->trust));
		return ")";
	case BR_ERR_X509_NOT_TRUSTED:
		buf_put_str(b, j->stale ? "trust anchor is out of date in "
					: "no trust anchor in ");
		put_cut(b, name);
		return j->stale ? "" : " for this certificate";
	case TRUST_ERR_BUNDLE:
		buf_put_str(b, "cannot read ");
		put_cut(b, name);
		buf_put_str(b, ": ");
		net_error_put(b, j->bundle_err);
		return "";
	default:
		return text_of(err);
	}
}

void trust_explain(struct buf *b, const struct trust_judge *j, int err)
{
	buf_put_str(b, end_of(b, j, err));
	buf_putf(b, " (TLS error %d)", err);
}

int trust_errno(int err)
{
	if (err == BR_ERR_X509_EXPIRED)
		return -EKEYEXPIRED;
	if ((err > BR_ERR_X509_OK && err <= BR_ERR_X509_NOT_TRUSTED) ||
	    err == TRUST_ERR_PIN || err == TRUST_ERR_BUNDLE)
		return -EKEYREJECTED;
	return -EPROTO;
}
