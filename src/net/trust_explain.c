/* SPDX-License-Identifier: ISC */
/* net/trust_explain.c - BearSSL's errors in words (see net/trust_x509.h). */
#include <errno.h>

#include "net/net_error.h"
#include "net/trust_x509.h"

/* RFC 5246 7.2 */
enum { ALERT_HANDSHAKE_FAILURE = 40, ALERT_PROTOCOL_VERSION = 70 };

/* Longest part of a name or path in a reason. */
#define MAX_NAME 64

static const struct {
	int err;
	const char *text;
} words[] = {
	{ BR_ERR_UNSUPPORTED_VERSION, "peer does not speak TLS 1.2" },
	{ BR_ERR_RECV_FATAL_ALERT + ALERT_PROTOCOL_VERSION,
	  "peer does not speak TLS 1.2" },
	{ BR_ERR_RECV_FATAL_ALERT + ALERT_HANDSHAKE_FAILURE,
	  "peer lacks TLS 1.2 or any cipher of ours" },
	{ BR_ERR_BAD_VERSION, "peer changed its TLS version" },
	{ BR_ERR_BAD_LENGTH, "TLS record of bad length" },
	{ BR_ERR_TOO_LARGE, "TLS record is too large" },
	{ BR_ERR_BAD_MAC, "TLS record was damaged" },
	{ BR_ERR_NO_RANDOM, "no random numbers" },
	{ BR_ERR_BAD_CIPHER_SUITE, "peer chose a cipher we did not offer" },
	{ BR_ERR_BAD_FINISHED, "TLS handshake was tampered with" },
	{ BR_ERR_BAD_SIGNATURE, "peer does not hold its certificate's key" },
	{ BR_ERR_INVALID_ALGORITHM, "peer uses a curve or hash we lack" },
	{ BR_ERR_NO_CLIENT_AUTH, "peer wants a certificate from us" },
	{ BR_ERR_X509_EMPTY_CHAIN, "peer sent no certificate" },
	{ BR_ERR_X509_UNSUPPORTED,
	  "certificate uses an algorithm that is not supported" },
	{ BR_ERR_X509_LIMIT_EXCEEDED, "certificate has a key too large" },
	{ BR_ERR_X509_WRONG_KEY_TYPE, "certificate has a key of a wrong type" },
	{ BR_ERR_X509_BAD_SIGNATURE,
	  "a signature in the certificate chain is wrong" },
	{ BR_ERR_X509_DN_MISMATCH, "certificate chain is out of order" },
	{ BR_ERR_X509_CRITICAL_EXTENSION,
	  "certificate has a critical extension that is not supported" },
	{ BR_ERR_X509_NOT_CA, "certificate was issued by one that is no CA" },
	{ BR_ERR_X509_FORBIDDEN_KEY_USAGE, "certificate is not for this use" },
	{ BR_ERR_X509_WEAK_PUBLIC_KEY, "certificate has a key too short" },
	{ TRUST_ERR_PIN, "no pin fits the peer's certificates" },
};

static void put_cut(struct buf *b, struct slice text)
{
	buf_put_slice(b, slice_head(text, MAX_NAME));
	if (text.n > MAX_NAME)
		buf_put_str(b, "...");
}

static void put_bundle(struct buf *b, const struct trust *trust)
{
	put_cut(b, slice_str(trust->bundle_name ? trust->bundle_name
						: "the bundle"));
}

/* Those that need more than a fixed text.  Was it one? */
static bool put_special(struct buf *b, const struct trust_judge *j, int err)
{
	switch (err) {
	case BR_ERR_X509_EXPIRED:
		buf_put_str(b, j->early ? "certificate is not valid yet"
					: "certificate has expired");
		return true;
	case BR_ERR_X509_BAD_SERVER_NAME:
		buf_put_str(b, "certificate is for another name (wanted ");
		put_cut(b, trust_host_of(j->trust));
		buf_put_char(b, ')');
		return true;
	case BR_ERR_X509_NOT_TRUSTED:
		if (j->stale) {
			buf_put_str(b, "trust anchor is out of date in ");
			put_bundle(b, j->trust);
			return true;
		}
		buf_put_str(b, "no trust anchor in ");
		put_bundle(b, j->trust);
		buf_put_str(b, " for this certificate");
		return true;
	case TRUST_ERR_BUNDLE:
		buf_put_str(b, "cannot read ");
		put_bundle(b, j->trust);
		buf_put_str(b, ": ");
		net_error_put(b, j->bundle_err);
		return true;
	default:
		return false;
	}
}

static const char *text_of(int err)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (words[i].err == err)
			return words[i].text;
	if (err >= BR_ERR_X509_INVALID_VALUE && err <= BR_ERR_X509_NOT_TRUSTED)
		return "certificate is malformed";
	if (err >= BR_ERR_RECV_FATAL_ALERT && err < BR_ERR_SEND_FATAL_ALERT)
		return "peer refused the TLS handshake";
	return "peer broke the TLS protocol";
}

void trust_explain(struct buf *b, const struct trust_judge *j, int err)
{
	if (!put_special(b, j, err))
		buf_put_str(b, text_of(err));
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
