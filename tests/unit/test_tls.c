/* SPDX-License-Identifier: ISC */
/*
 * Certificates of every kind.  The time they are judged by is the test's.
 */
#include "lib/net_tls.h"

/* ---- certificates that are good ----------------------------------------- */

static void good_chains(void **state)
{
	(void)state;
	expect_good("rsa", verify("bundle.pem"));
	expect_good("ec", verify("bundle.pem"));
	expect_good("rsa", verify("rsa-root.pem"));
	/* the root last in the bundle, without an end of line; CRLF; labels */
	expect_good("ec", verify("last.pem"));
	expect_good("ec", verify("crlf.pem"));
	expect_good("ec", verify("odd.pem"));
	expect_good("rsa", verify("odd.pem"));
	/* after rubbish; the fourth of one name */
	expect_good("ec", verify("broken.pem"));
	expect_good("ec", verify("four.pem"));
}

static void names(void **state)
{
	struct trust t = verify("ec-root.pem");

	(void)state;
	t.name = "SMTP.Example.COM.";
	expect_good("ec", t);
	t = verify("ec-root.pem");
	expect_good("wild", t);
	t = verify("ec-root.pem");
	t.name = "a.smtp.example.com";
	expect_bad("wild", t, -EKEYREJECTED,
		   "certificate is for another name (wanted "
		   "a.smtp.example.com) (TLS error 56)");
	t = verify("ec-root.pem");
	t.name = "example.com";
	expect_bad("wild", t, -EKEYREJECTED,
		   "certificate is for another name (wanted example.com) "
		   "(TLS error 56)");
	/* RFC 6125 6.4.3, 7.2 */
	t = verify("ec-root.pem");
	t.name = "example.com";
	expect_bad("starcom", t, -EKEYREJECTED,
		   "certificate is for another name (wanted example.com) "
		   "(TLS error 56)");
}

static void self_signed(void **state)
{
	struct trust t = verify("self.pem");

	(void)state;
	/* in the bundle themselves: what a LAN has */
	expect_good("self", t);
	expect_good("self", verify("bundle.pem"));
	expect_good("selfca", verify("selfca.pem"));
	expect_bad("self", verify("ec-root.pem"), -EKEYREJECTED,
		   "no trust anchor in ec-root.pem for this certificate "
		   "(TLS error 62)");
	expect_bad("selfca", verify("bundle.pem"), -EKEYREJECTED,
		   "no trust anchor in bundle.pem for this certificate "
		   "(TLS error 62)");
	t = verify("self.pem");
	t.name = "other.example.com";
	expect_bad("self", t, -EKEYREJECTED,
		   "certificate is for another name (wanted "
		   "other.example.com) (TLS error 56)");
	t = verify("self.pem");
	t.now_s += 31 * DAY;
	expect_bad("self", t, -EKEYEXPIRED,
		   "certificate has expired (TLS error 54)");
}

/* ---- certificates that are not ------------------------------------------ */

static void bad_names(void **state)
{
	static const char *const leaves[] = { "wrong", "cnonly", "ipsan",
					      "part" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(leaves); i++)
		expect_bad(leaves[i], verify("ec-root.pem"), -EKEYREJECTED,
			   "certificate is for another name (wanted "
			   "smtp.example.com) (TLS error 56)");
}

static void bad_chains(void **state)
{
	struct trust t;

	(void)state;
	expect_bad("lost", verify("bundle.pem"), -EKEYREJECTED,
		   "no trust anchor in bundle.pem for this certificate "
		   "(TLS error 62)");
	expect_bad("ec", verify("empty.pem"), -EKEYREJECTED,
		   "no trust anchor in empty.pem for this certificate "
		   "(TLS error 62)");
	/* the same name, another key; the fifth of one name */
	expect_bad("ec", verify("twin-root.pem"), -EKEYREJECTED,
		   "no trust anchor in twin-root.pem for this certificate "
		   "(TLS error 62)");
	expect_bad("ec", verify("five.pem"), -EKEYREJECTED,
		   "no trust anchor in five.pem for this certificate "
		   "(TLS error 62)");
	expect_bad("weak", verify("ec-root.pem"), -EKEYREJECTED,
		   "certificate has a key too short (TLS error 60)");
	expect_bad("critical", verify("ec-root.pem"), -EKEYREJECTED,
		   "certificate has a critical extension that is not "
		   "supported (TLS error 57)");
	expect_bad("noca", verify("ec-root.pem"), -EKEYREJECTED,
		   "certificate was issued by one that is no CA "
		   "(TLS error 58)");
	expect_bad("order", verify("bundle.pem"), -EKEYREJECTED,
		   "certificate chain is out of order (TLS error 55)");
	expect_bad("sha1", verify("ec-root.pem"), -EKEYREJECTED,
		   "certificate uses an algorithm that is not supported "
		   "(TLS error 49)");
	t = verify("ec-root.pem");
	close(t.bundle_fd);
	t.bundle_fd = -1;
	t.bundle_name = "/etc/no-such-bundle.pem";
	expect_bad("ec", t, -EKEYREJECTED,
		   "cannot read /etc/no-such-bundle.pem: system error 9 "
		   "(TLS error 1001)");
}

static struct trust verify_at(const char *bundle, int64_t days, bool floor)
{
	struct trust t = verify(bundle);

	t.now_s += days * DAY;
	t.floor = floor;
	return t;
}

/* DESIGN.md 3.4; STANDARDS.md section 3: the matrix of clocks. */
static void dates(void **state)
{
	struct trust t = verify_at("ec-root.pem", 31, false);

	(void)state;
	expect_bad("ec", t, -EKEYEXPIRED,
		   "certificate has expired (TLS error 54)");
	expect_bad("ec", verify_at("ec-root.pem", -2, false), -EKEYEXPIRED,
		   "certificate is not valid yet (TLS error 54)");
	expect_good("ec", verify_at("ec-root.pem", 29, false));
	/* a clock that is only a lower bound */
	expect_good("ec", verify_at("ec-root.pem", -2, true));
	expect_good("rsa", verify_at("bundle.pem", -2, true));
	t = verify("ec-root.pem");
	t.now_s = 0;
	t.floor = true;
	expect_good("ec", t);
	expect_bad("ec", verify_at("ec-root.pem", 31, true), -EKEYEXPIRED,
		   "certificate has expired (TLS error 54)");
	t = verify("ec-root.pem");
	t.now_s = 0;
	expect_bad("ec", t, -EKEYEXPIRED,
		   "certificate is not valid yet (TLS error 54)");
	/* the anchor itself */
	expect_good("old", verify("bundle.pem"));
	expect_bad("old", verify_at("bundle.pem", 20, false), -EKEYREJECTED,
		   "trust anchor is out of date in bundle.pem "
		   "(TLS error 62)");
}

/* ---- pins --------------------------------------------------------------- */

static void good_pins(void **state)
{
	struct trust t;

	(void)state;
	expect_good("ec", pin("smtp.example.com", "ec"));
	expect_good("rsa", pin("smtp.example.com", "rsa"));
	/* the peer's own key: neither name nor dates matter */
	expect_good("ec", pin(NULL, "ec"));
	expect_good("wrong", pin("smtp.example.com", "wrong"));
	expect_good("self", pin(NULL, "self"));
	t = pin(NULL, "ec");
	t.now_s = 0;
	expect_good("ec", t);
	t.now_s = today + 4000L * DAY;
	expect_good("ec", t);
	/* an issuer's, with the name; the second of two */
	expect_good("ec", pin("smtp.example.com", "ec-int"));
	t = pin("smtp.example.com", "rsa");
	load_pin(1, "ec");
	t.pins = 2;
	expect_good("ec", t);
	/* with pins, verify means pin */
	t = pin(NULL, "ec");
	t.mode = TRUST_VERIFY;
	expect_good("ec", t);
}

static void bad_pins(void **state)
{
	static const char none[] =
		"no pin fits the peer's certificates (TLS error 1000)";
	struct trust t;

	(void)state;
	expect_bad("ec", pin("smtp.example.com", "rsa"), -EKEYREJECTED, none);
	expect_bad("rsa", pin(NULL, "ec"), -EKEYREJECTED, none);
	/* an issuer says nothing without a name */
	expect_bad("ec", pin(NULL, "ec-int"), -EKEYREJECTED, none);
	expect_bad("wrong", pin("smtp.example.com", "ec-int"), -EKEYREJECTED,
		   "certificate is for another name (wanted "
		   "smtp.example.com) (TLS error 56)");
	/* the pinned issuer stands in the chain, but did not issue this */
	expect_bad("order", pin("smtp.example.com", "ec-int"), -EKEYREJECTED,
		   none);
	t = pin("smtp.example.com", "ec-int");
	t.now_s += 31 * DAY;
	expect_bad("ec", t, -EKEYREJECTED, none);
}

/* Rules that can prove nothing: no byte is sent. */
static void empty_rules(void **state)
{
	struct trust t = verify("ec-root.pem");

	(void)state;
	start_server("ec", "");
	t.name = NULL;
	assert_int_equal(handshake(&t, NULL), -EKEYREJECTED);
	assert_string_equal(stream.why, "TLS to an address needs pin=");
	end_trust(&t);
	t = pin("smtp.example.com", "ec");
	t.pins = 0;
	assert_int_equal(handshake(&t, NULL), -EKEYREJECTED);
	assert_string_equal(stream.why, "no pin is given");
	end_trust(&t);
}

static void no_trust(void **state)
{
	struct trust t = { .mode = TRUST_NONE, .bundle_fd = -1 };

	(void)state;
	expect_good("self", t);
	expect_good("weak", t);
	t.name = "any.example.com";
	expect_good("rsa", t);
	expect_good("critical", t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_chains), cmocka_unit_test(names),
		cmocka_unit_test(self_signed), cmocka_unit_test(bad_names),
		cmocka_unit_test(bad_chains),  cmocka_unit_test(dates),
		cmocka_unit_test(good_pins),   cmocka_unit_test(bad_pins),
		cmocka_unit_test(empty_rules), cmocka_unit_test(no_trust),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
