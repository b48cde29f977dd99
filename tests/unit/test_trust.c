/* SPDX-License-Identifier: ISC */
/*
 * The readers below TLS: names (RFC 6125), dates, DER and PEM fed whole, byte
 * by byte and cut at every place.
 */
#include "lib/check.h"

#include <stdlib.h>
#include <unistd.h>

#include "net/trust_bundle.h"

static bool fits(const char *pattern, const char *host)
{
	return trust_name_fits(slice_str(pattern), slice_str(host));
}

static void names(void **state)
{
	(void)state;
	assert_true(fits("smtp.example.com", "SMTP.example.COM"));
	assert_true(fits("*.example.com", "smtp.example.com"));
	assert_true(fits("*.Example.com", "smtp.example.COM"));
	assert_true(fits("localhost", "localhost"));
	assert_false(fits("", ""));
	assert_false(fits("smtp.example.com", ""));
	assert_false(fits("", "smtp.example.com"));
	assert_false(fits("smtp.example.com", "smtp.example.com.evil.org"));
	assert_false(fits("smtp.example.com", "xsmtp.example.com"));
	/* only the whole left-most label, only one, two more behind it */
	assert_false(fits("*.example.com", "example.com"));
	assert_false(fits("*.example.com", ".example.com"));
	assert_false(fits("*.example.com", "a.b.example.com"));
	assert_false(fits("*.com", "example.com"));
	assert_false(fits("*", "example"));
	assert_false(fits("*.", "example."));
	assert_false(fits("*..com", "a..com"));
	assert_false(fits("s*.example.com", "smtp.example.com"));
	assert_false(fits("*p.example.com", "smtp.example.com"));
	assert_false(fits("smtp.*.com", "smtp.example.com"));
	assert_false(fits("*.*.com", "smtp.example.com"));
	/* a NUL in the certificate hides nothing */
	assert_false(trust_name_fits(SLICE("smtp.example.com\0.evil.org"),
				     SLICE("smtp.example.com")));
}

static void times(void **state)
{
	struct trust_time a = trust_time_of(0);
	struct trust_time b = trust_time_of(86399);

	(void)state;
	assert_int_equal(a.days, 719528);
	assert_int_equal(a.s, 0);
	assert_int_equal(b.days, 719528);
	assert_int_equal(b.s, 86399);
	assert_true(trust_time_before(a, b));
	assert_false(trust_time_before(b, a));
	assert_false(trust_time_before(a, a));
	assert_true(trust_time_before(b, trust_time_of(86400)));
	a = trust_time_of(INT64_MIN / 2);
	assert_int_equal(a.days, 0);
	a = trust_time_of(INT64_MAX / 2);
	assert_int_equal(a.days, UINT32_MAX);
}

/* ---- DER ---------------------------------------------------------------- */

/*
 * A certificate in small: dates as given, key "K", SAN of two names.  The
 * lengths are those of dates of 13 and 15 characters.
 */
#define SAN_EXTENSION                                              \
	"\x30\x12\x06\x03\x55\x1d\x11\x01\x01\xff\x04\x08\x30\x06" \
	"\x82\x01z\x82\x01y"
#define OTHER_EXTENSION "\x30\x0a\x06\x03\x55\x1d\x12\x04\x03\x82\x01x"
#define NAME(c) "\x30\x03\x31\x01" c
#define CERT(from, until)                                                     \
	"\x30\x65\x30\x5f\xa0\x03\x02\x01\x02\x02\x01\x07\x30\x00" NAME(      \
		"i") "\x30\x20\x17\x0d" from "\x18\x0f" until                 \
		NAME("s") "\x30\x03\x03\x01K\xa3\x22\x30\x20" OTHER_EXTENSION \
			SAN_EXTENSION "\x30\x00\x03\x00"

static const char good[] = CERT("700101000000Z", "20491231235959Z");

static struct trust_cert cert;

static void feed(const char *p, size_t n, size_t step, const char *want)
{
	trust_cert_init(&cert, slice_str(want));
	while (n > 0) {
		size_t take = step < n ? step : n;
		/* a sanitizer sees reads behind the piece */
		uint8_t *piece = malloc(take);

		assert_non_null(piece);
		memcpy(piece, p, take);
		trust_cert_feed(&cert, piece, take);
		free(piece);
		p += take;
		n -= take;
	}
}

static void sha256(uint8_t out[32], const char *p, size_t n)
{
	br_sha256_context c;

	br_sha256_init(&c);
	br_sha256_update(&c, p, n);
	br_sha256_out(&c, out);
}

static void certificate(void **state)
{
	uint8_t hash[32];

	(void)state;
	for (size_t step = 1; step < sizeof(good); step++) {
		feed(good, sizeof(good) - 1, step, "y");
		assert_true(cert.whole);
		assert_false(cert.bad);
		assert_true(cert.has_dates && cert.has_key);
		assert_false(cert.is_ca);
		assert_int_equal(cert.dn_len, 5);
		assert_memory_equal(cert.space, NAME("s"), 5);
		assert_int_equal(cert.key_len, 5);
		assert_memory_equal(cert.space + 5, "\x30\x03\x03\x01K", 5);
		sha256(hash, NAME("i"), 5);
		assert_memory_equal(cert.issuer, hash, 32);
		sha256(hash, NAME("s"), 5);
		assert_memory_equal(cert.subject, hash, 32);
		sha256(hash, "\x30\x03\x03\x01K", 5);
		assert_memory_equal(cert.key, hash, 32);
		assert_int_equal(cert.from.days, 719528);
		assert_int_equal(cert.from.s, 0);
		assert_int_equal(cert.until.days, 719528 + 29219);
		assert_int_equal(cert.until.s, 86399);
		assert_true(cert.name_matches);
	}
	feed(good, sizeof(good) - 1, 7, "z");
	assert_true(cert.name_matches);
	/* the name in another extension, and no name asked for */
	feed(good, sizeof(good) - 1, 7, "x");
	assert_false(cert.name_matches);
	feed(good, sizeof(good) - 1, 7, NULL);
	assert_false(cert.name_matches);
}

static void cut_certificate(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(good) - 1; n++) {
		feed(good, n, n + 1, "y");
		assert_false(cert.whole);
		assert_false(cert.bad);
		/* what is behind is not looked at */
		feed(good, sizeof(good) - 1, n + 1, "y");
		trust_cert_feed(&cert, (const uint8_t *)"\xff\xff", 2);
		assert_false(cert.bad);
	}
}

/* Damage each byte in all ways: nothing may be read behind the end. */
static void damaged_certificate(void **state)
{
	char copy[sizeof(good)];
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(good) - 1; i++) {
		for (int v = 0; v < 256; v++) {
			memcpy(copy, good, sizeof(good));
			copy[i] = (char)v;
			feed(copy, sizeof(good) - 1, 5, "y");
			bad += cert.bad || !cert.whole;
		}
	}
	assert_true(bad > 5000);
}

static void expect_bad_cert(const char *p, size_t n)
{
	feed(p, n, 1, "y");
	assert_true(cert.bad);
}

#define expect_bad(lit) expect_bad_cert(lit, sizeof(lit) - 1)

static void bad_certificates(void **state)
{
	(void)state;
	expect_bad("\x31\x00");
	/* indefinite, too long a length, a tag of two bytes, past its parent */
	expect_bad("\x30\x80\x30\x80");
	expect_bad("\x30\x85\0\0\0\0\1\x30");
	expect_bad("\x30\x05\x1f\x20\x01z\x00");
	expect_bad("\x30\x03\x30\x02\x30");
	expect_bad("\x30\x02\x30\x05");
	/* serial, version twice, issuer of another type */
	expect_bad("\x30\x10\x30\x0e\x30\x00");
	expect_bad("\x30\x10\x30\x0e\xa0\x00\xa0\x00");
	expect_bad("\x30\x10\x30\x0e\x02\x01\x07\x30\x00\x31\x00");
	/* dates that are none */
	expect_bad(CERT("701301000000Z", "20491231235959Z"));
	expect_bad(CERT("700132000000Z", "20491231235959Z"));
	expect_bad(CERT("700100000000Z", "20491231235959Z"));
	expect_bad(CERT("700101240000Z", "20491231235959Z"));
	expect_bad(CERT("700101006000Z", "20491231235959Z"));
	expect_bad(CERT("700101000061Z", "20491231235959Z"));
	expect_bad(CERT("70010100-000Z", "20491231235959Z"));
	expect_bad(CERT("700101000000Z", "2049123123595 Z"));
}

static void dates(void **state)
{
	/* days since 1970, by date(1) */
	static const struct {
		const char *text;
		int64_t unix_s;
	} cases[] = {
		{ CERT("700101000000Z", "19700101000000Z"), 0 },
		{ CERT("700101000000Z", "20000229120000Z"), 951825600 },
		{ CERT("700101000000Z", "20000301000000Z"), 951868800 },
		{ CERT("700101000000Z", "20261123005000Z"), 1795395000 },
		{ CERT("700101000000Z", "21000228235960Z"), 4107542400 },
		{ CERT("700101000000Z", "21000301000000Z"), 4107542400 },
		{ CERT("700101000000Z", "99991231235959Z"), 253402300799 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct trust_time want = trust_time_of(cases[i].unix_s);

		feed(cases[i].text, sizeof(good) - 1, 9, NULL);
		assert_true(cert.whole);
		if (cert.until.s == 86400)
			cert.until =
				(struct trust_time){ cert.until.days + 1, 0 };
		assert_int_equal(cert.until.days, want.days);
		assert_int_equal(cert.until.s, want.s);
	}
	/* RFC 5280 4.1.2.5.1: two digits are 1950 to 2049 */
	feed(CERT("500101000000Z", "20491231235959Z"), sizeof(good) - 1, 9,
	     NULL);
	assert_int_equal(cert.from.days, 719528 - 7305);
	feed(CERT("490101000000Z", "20491231235959Z"), sizeof(good) - 1, 9,
	     NULL);
	assert_int_equal(cert.from.days, 719528 + 28855);
}

#define CONSTRAINTS(value) "\x30\x0c\x06\x03\x55\x1d\x13\x04\x05\x30\x03" value

/* The same with 14 octets of an extension in front, and all lengths two more. */
static bool is_ca(const char *extension)
{
	static const char other[] = OTHER_EXTENSION;
	char copy[sizeof(good) + 2];
	const char *at = memmem(good, sizeof(good), other, sizeof(other) - 1);

	assert_non_null(at);
	size_t before = (size_t)(at - good);
	memcpy(copy, good, before);
	memcpy(copy + before, extension, 14);
	memcpy(copy + before + 14, at + 12, sizeof(good) - before - 12);
	copy[1] += 2;
	copy[3] += 2;
	copy[before - 3] += 2;
	copy[before - 1] += 2;
	feed(copy, sizeof(copy) - 1, 3, NULL);
	assert_true(cert.whole && !cert.bad);
	return cert.is_ca;
}

static void constraints(void **state)
{
	(void)state;
	assert_true(is_ca(CONSTRAINTS("\x01\x01\xff")));
	assert_false(is_ca(CONSTRAINTS("\x01\x01\x00")));
	/* a path length alone; the boolean in another extension */
	assert_false(is_ca(CONSTRAINTS("\x02\x01\x05")));
	assert_false(is_ca("\x30\x0c\x06\x03\x55\x1d\x12\x04\x05"
			   "\x30\x03\x01\x01\xff"));
}

#define ORGANISATION "\x06\x03\x55\x04\x0a\x0c\x03Org"
#define COMMON(len, name) "\x06\x03\x55\x04\x03\x0c" len name

/* Feed the good one with another issuer: a Name of at most 26 octets. */
static void feed_issuer(const char *dn, size_t n)
{
	static const char old[] = NAME("i");
	char copy[sizeof(good) + 32];
	const char *at = memmem(good, sizeof(good), old, sizeof(old) - 1);

	assert_non_null(at);
	size_t before = (size_t)(at - good);
	memcpy(copy, good, before);
	copy[1] = (char)(copy[1] + n - 3);
	copy[3] = (char)(copy[3] + n - 3);
	copy[before] = '\x30';
	copy[before + 1] = (char)n;
	memcpy(copy + before + 2, dn, n);
	memcpy(copy + before + 2 + n, at + 5, sizeof(good) - before - 5);
	feed(copy, sizeof(good) - 1 + n - 3, 2, NULL);
	assert_true(cert.whole && !cert.bad);
}

/* What is shown of a certificate: printable, cut where it lies. */
static void shown(void **state)
{
	(void)state;
	feed_issuer(ORGANISATION COMMON("\x02", "C\x1b"), 19);
	assert_string_equal(cert.issuer_text, "Org C?");
	assert_string_equal(cert.name_text, "z");
	feed_issuer(COMMON("\xff", "R1"), 9);
	assert_string_equal(cert.issuer_text, "R1");
	feed_issuer(COMMON("\x01", ""), 7);
	assert_string_equal(cert.issuer_text, "");
	feed(good, sizeof(good) - 1, 1, NULL);
	assert_string_equal(cert.issuer_text, "");
}

/* ---- keys --------------------------------------------------------------- */

#define RSA_OID "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"
#define EC_OID "\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
#define P256_OID "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"

static const char rsa_key[] = "\x30\x1a" RSA_OID
			      "\x03\x09\x00\x30\x06\x02\x01\x55\x02\x01\x03";
static const char ec_key[] = "\x30\x19\x30\x13" EC_OID P256_OID
			     "\x03\x02\x00\x04";
static const char p521_key[] = "\x30\x16\x30\x10" EC_OID
			       "\x06\x05\x2b\x81\x04\x00\x23"
			       "\x03\x02\x00\x04";
static const char odd_curve[] = "\x30\x16\x30\x10" EC_OID
				"\x06\x05\x2b\x81\x04\x00\x0a"
				"\x03\x02\x00\x04";

static void keys(void **state)
{
	br_x509_pkey key;

	(void)state;
	assert_true(
		trust_key_read(slice_of(rsa_key, sizeof(rsa_key) - 1), &key));
	assert_int_equal(key.key_type, BR_KEYTYPE_RSA);
	assert_int_equal(key.key.rsa.nlen, 1);
	assert_int_equal(key.key.rsa.n[0], 0x55);
	assert_int_equal(key.key.rsa.elen, 1);
	assert_int_equal(key.key.rsa.e[0], 3);
	assert_true(trust_key_read(slice_of(ec_key, sizeof(ec_key) - 1), &key));
	assert_int_equal(key.key_type, BR_KEYTYPE_EC);
	assert_int_equal(key.key.ec.curve, BR_EC_secp256r1);
	assert_int_equal(key.key.ec.qlen, 1);
	assert_true(
		trust_key_read(slice_of(p521_key, sizeof(p521_key) - 1), &key));
	assert_int_equal(key.key.ec.curve, BR_EC_secp521r1);
	assert_false(trust_key_read(slice_of(odd_curve, sizeof(odd_curve) - 1),
				    &key));
	for (size_t n = 0; n < sizeof(rsa_key) - 1; n++)
		assert_false(trust_key_read(slice_of(rsa_key, n), &key));
	for (size_t n = 0; n < sizeof(ec_key) - 1; n++)
		assert_false(trust_key_read(slice_of(ec_key, n), &key));
	/* lengths in two and in too many bytes */
	assert_false(trust_key_read(SLICE("\x30\x81"), &key));
	assert_false(trust_key_read(SLICE("\x30\x82\xff"), &key));
	assert_false(trust_key_read(SLICE("\x30\x83\0\0\1x"), &key));
	assert_false(trust_key_read(SLICE("\x30\xff\0\0\1x"), &key));
}

/* ---- PEM ---------------------------------------------------------------- */

/* Everything of the file in pieces of step: "<" begin, ">" end, the bytes. */
static void read_pem(const char *text, size_t n, size_t step, size_t room,
		     struct buf *log)
{
	struct trust_pem pem = { 0 };
	char space[64];

	for (size_t at = 0; at < n; at += step) {
		struct slice in =
			slice_of(text + at, step < n - at ? step : n - at);
		enum trust_pem_event event;
		do {
			struct buf out = buf_on(space, room);

			event = trust_pem_next(&pem, &in, &out);
			assert_false(out.overflow);
			buf_put_slice(log, buf_slice(&out));
			if (event == TRUST_PEM_BEGIN)
				buf_put_char(log, '<');
			if (event == TRUST_PEM_END)
				buf_put_char(log, '>');
		} while (event != TRUST_PEM_MORE);
		assert_int_equal(in.n, 0);
	}
}

static void expect_pem(const char *text, const char *want)
{
	static const size_t rooms[] = { 1, 2, 3, 64 };
	size_t n = strlen(text);

	for (size_t step = 1; step <= n; step++) {
		for (size_t i = 0; i < ARRAY_LEN(rooms); i++) {
			char space[512];
			struct buf log = BUF_ON(space);

			read_pem(text, n, step, rooms[i], &log);
			assert_string_equal(buf_cstr(&log), want);
		}
	}
}

#define BEGIN "-----BEGIN CERTIFICATE-----\n"
#define END "-----END CERTIFICATE-----\n"

static void pem(void **state)
{
	(void)state;
	expect_pem(BEGIN "aGVs\nbG8=\n" END, "<hello>");
	expect_pem(BEGIN "aGVsbG8=\n" END BEGIN "d29y\nbGQh\n" END,
		   "<hello><world!>");
	expect_pem("# a - b\n\n-----\n" BEGIN "aGk=" END, "<hi>");
	expect_pem("-----BEGIN CERTIFICATE-----\r\naGk=\r\n"
		   "-----END CERTIFICATE-----\r\n",
		   "<hi>");
	expect_pem("-----BEGIN X509 CERTIFICATE----- \naGk=\n" END, "<hi>");
	expect_pem("-----BEGIN TRUSTED CERTIFICATE-----\naGk=\n" END, "<hi>");
	/* the end of the file where it may be */
	expect_pem(BEGIN "aGk=\n-----END CERTIFICATE-----", "<hi>");
	expect_pem(BEGIN "aGk=", "<hi");
	expect_pem(BEGIN "aGk", "<hi");
	expect_pem("-----BEGIN CERTIFICATE-----", "");
	expect_pem("\n", "");
	/* other things, and things inside lines */
	expect_pem("-----BEGIN PRIVATE KEY-----\naGk=\n-----END PRIVATE "
		   "KEY-----\n" BEGIN "aG8=\n" END,
		   "<ho>");
	expect_pem("x" BEGIN "aGk=\n" END, "");
	expect_pem(
		"-----BEGIN CERTIFICATE-----------------------------\naGk=\n",
		"");
	/* what is no base64 ends it */
	expect_pem(BEGIN "aG!k\n" END BEGIN "aGk=\n" END, "<h><hi>");
	expect_pem(BEGIN BEGIN "aGk=\n" END, "<>");
}

static void pem_skip(void **state)
{
	struct trust_pem p = { 0 };
	char space[64];
	struct buf out = BUF_ON(space);
	struct slice in = SLICE(BEGIN "aGVs\nbG8=\n" END BEGIN "aGk=\n" END);

	(void)state;
	assert_int_equal(trust_pem_next(&p, &in, &out), TRUST_PEM_BEGIN);
	trust_pem_skip(&p);
	assert_int_equal(trust_pem_next(&p, &in, &out), TRUST_PEM_BEGIN);
	assert_int_equal(trust_pem_next(&p, &in, &out), TRUST_PEM_END);
	assert_built(&out, "hi");
}

/* ---- the bundle: what is no file of certificates ------------------------ */

static struct trust_bundle bundle;

static void strange_bundles(void **state)
{
	const uint8_t nobody[32] = { 0 };
	const struct trust_query q = { .issuer = nobody };
	int ends[2];

	(void)state;
	assert_true(trust_bundle_find(&bundle, -1, &q) < 0);
	assert_int_equal(pipe(ends), 0);
	assert_true(trust_bundle_find(&bundle, ends[0], &q) < 0);
	close(ends[0]);
	close(ends[1]);
	FILE *f = tmpfile();
	assert_non_null(f);
	assert_int_equal(trust_bundle_find(&bundle, fileno(f), &q), 0);
	assert_int_equal(bundle.n, 0);
	fputs(BEGIN "MIIB\n" END BEGIN, f);
	for (int i = 0; i < 100000; i++)
		fputc('A', f);
	fflush(f);
	assert_int_equal(trust_bundle_find(&bundle, fileno(f), &q), 0);
	assert_int_equal(bundle.n, 0);
	assert_false(bundle.direct);
	assert_false(bundle.stale);
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(times),
		cmocka_unit_test(certificate),
		cmocka_unit_test(cut_certificate),
		cmocka_unit_test(damaged_certificate),
		cmocka_unit_test(bad_certificates),
		cmocka_unit_test(dates),
		cmocka_unit_test(constraints),
		cmocka_unit_test(shown),
		cmocka_unit_test(keys),
		cmocka_unit_test(pem),
		cmocka_unit_test(pem_skip),
		cmocka_unit_test(strange_bundles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
