/* SPDX-License-Identifier: ISC */
/* DNS messages, byte by byte (RFC 1035 4): net/resolve_wire.h. */
#include "lib/check.h"

#include <errno.h>

#include "net/resolve_wire.h"

#define ID 0xa1b2

static struct resolve_question question;
static struct resolve_reply reply;

/* A question for host in wire form, as "\4mail\7example\3org". */
static void ask(const char *host, enum resolve_type type)
{
	memset(&question, 0, sizeof(question));
	memset(&reply, 0, sizeof(reply));
	assert_int_equal(resolve_wire_name(slice_str(host), question.name), 0);
	question.type = type;
	question.id = ID;
	question.edns = true;
}

/* The header and "mail.example.org IN type": 16 bytes of name at offset 12. */
#define HEAD(flags1, flags2, answers, type)                  \
	"\xa1\xb2" flags1 flags2 "\0\1\0" answers "\0\0\0\0" \
	"\4mail\7example\3org\0\0" type "\0\1"

/* The rest of a record behind its name: type, IN, TTL 60. */
#define RECORD(type, len) "\0" type "\0\1\0\0\0\x3c\0" len

/* Names by compression: of the question, and of its "example.org". */
#define MAIL "\xc0\x0c"
#define DOMAIN "\xc0\x11"

#define A "\x01"
#define CNAME "\x05"
#define AAAA "\x1c"

static enum resolve_verdict judge(struct slice pkt, bool partial)
{
	return resolve_wire_judge(&question, (const uint8_t *)pkt.p, pkt.n,
				  partial, &reply);
}

#define judge_lit(lit) judge(slice_of(lit, sizeof(lit) - 1), false)

static void names(void **state)
{
	uint8_t dn[RESOLVE_MAX_NAME];
	char longest[254];

	(void)state;
	assert_int_equal(resolve_wire_name(SLICE("a.bc"), dn), 0);
	assert_memory_equal(dn, "\1a\2bc\0", 6);
	assert_int_equal(resolve_wire_name(SLICE(""), dn), -EINVAL);
	assert_int_equal(resolve_wire_name(SLICE("a..b"), dn), -EINVAL);
	assert_int_equal(resolve_wire_name(SLICE("a\\046b"), dn), -EINVAL);
	for (size_t i = 0; i < sizeof(longest); i++)
		longest[i] = i % 2 ? '.' : 'x';
	assert_int_equal(resolve_wire_name(slice_of(longest, 253), dn), 0);
	assert_int_equal(dn[254], 0);
	memset(longest, 'x', 64);
	assert_int_equal(resolve_wire_name(slice_of(longest, 63), dn), 0);
	assert_int_equal(resolve_wire_name(slice_of(longest, 64), dn), -EINVAL);
	longest[64] = '.';
	memset(longest, 'y', 60);
	for (size_t i = 0; i < sizeof(longest); i++)
		longest[i] = i % 50 == 49 ? '.' : 'x';
	assert_int_equal(resolve_wire_name(slice_of(longest, 254), dn),
			 -EINVAL);
}

static void queries(void **state)
{
	uint8_t out[RESOLVE_MAX_QUERY];
	static const char plain[] =
		"\xa1\xb2\1\0\0\1\0\0\0\0\0\0\1a\2bc\0\0\x1c\0\1";
	static const char edns[] =
		"\xa1\xb2\1\0\0\1\0\0\0\0\0\1\1a\2bc\0\0\1\0\1"
		"\0\0\x29\x04\xd0\0\0\0\0\0\0";

	(void)state;
	ask("a.bc", RESOLVE_AAAA);
	question.edns = false;
	assert_int_equal(resolve_wire_query(&question, out), sizeof(plain) - 1);
	assert_memory_equal(out, plain, sizeof(plain) - 1);
	ask("a.bc", RESOLVE_A);
	assert_int_equal(resolve_wire_query(&question, out), sizeof(edns) - 1);
	assert_memory_equal(out, edns, sizeof(edns) - 1);
}

static const char two_addresses[] = HEAD("\x81", "\x80", "\2", A)
	MAIL RECORD(A, "\4") "\xc0\0\2\1" MAIL RECORD(A, "\4") "\xc0\0\2\2";

static void addresses(void **state)
{
	static const char v6[] = HEAD("\x81", "\x80", "\1", AAAA) MAIL RECORD(
		AAAA, "\x10") "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1";

	(void)state;
	ask("MAIL.example.ORG", RESOLVE_A);
	assert_int_equal(judge_lit(two_addresses), RESOLVE_FOUND);
	assert_int_equal(reply.n, 2);
	assert_true(net_addr_is_v4(&reply.addr[1]));
	assert_int_equal(reply.addr[1].ip[15], 2);
	ask("mail.example.org", RESOLVE_AAAA);
	assert_int_equal(judge_lit(v6), RESOLVE_FOUND);
	assert_int_equal(reply.n, 1);
	assert_memory_equal(reply.addr[0].ip,
			    "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
}

static void more_than_fit(void **state)
{
	char space[1024];
	struct buf b = BUF_ON(space);
	static const char head[] = HEAD("\x81", "\x80", "\x09", A);
	static const char record[] = MAIL RECORD(A, "\4") "\xc0\0\2\1";

	(void)state;
	ask("mail.example.org", RESOLVE_A);
	buf_put(&b, head, sizeof(head) - 1);
	for (int i = 0; i < RESOLVE_MAX_ANSWERS + 1; i++)
		buf_put(&b, record, sizeof(record) - 1);
	assert_int_equal(judge(buf_slice(&b), false), RESOLVE_FOUND);
	assert_int_equal(reply.n, RESOLVE_MAX_ANSWERS);
}

/* Every prefix is malformed or not an answer; as a beginning, what is whole. */
static void truncation(void **state)
{
	size_t whole = sizeof(two_addresses) - 1;

	(void)state;
	ask("mail.example.org", RESOLVE_A);
	for (size_t n = 0; n < whole; n++) {
		struct slice cut = slice_of(two_addresses, n);
		enum resolve_verdict v = judge(cut, false);

		assert_int_equal(v,
				 n < 34 ? RESOLVE_FOREIGN : RESOLVE_MALFORMED);
		if (n < 34)
			continue;
		v = judge(cut, true);
		assert_int_equal(v, n < 50 ? RESOLVE_MALFORMED : RESOLVE_FOUND);
		assert_int_equal(reply.n, n < 50 ? 0 : 1);
	}
}

static void rcodes(void **state)
{
	(void)state;
	ask("mail.example.org", RESOLVE_A);
	assert_int_equal(judge_lit(HEAD("\x81", "\x83", "\0", A)),
			 RESOLVE_NO_NAME);
	assert_int_equal(judge_lit(HEAD("\x81", "\x80", "\0", A)),
			 RESOLVE_NO_DATA);
	assert_int_equal(judge_lit(HEAD("\x83", "\x80", "\0", A)),
			 RESOLVE_TRUNCATED);
	assert_int_equal(judge_lit(HEAD("\x81", "\x82", "\0", A)),
			 RESOLVE_FAILED);
	assert_int_equal(reply.rcode, 2);
	assert_int_equal(judge_lit(HEAD("\x81", "\x85", "\0", A)),
			 RESOLVE_FAILED);
	assert_int_equal(judge_lit(HEAD("\x81", "\x81", "\0", A)),
			 RESOLVE_NO_EDNS);
	assert_int_equal(judge_lit(HEAD("\x81", "\x84", "\0", A)),
			 RESOLVE_NO_EDNS);
	/* a server that could not even read the question */
	assert_int_equal(judge_lit("\xa1\xb2\x81\x81\0\0\0\0\0\0\0\0"),
			 RESOLVE_NO_EDNS);
	question.edns = false;
	assert_int_equal(judge_lit(HEAD("\x81", "\x81", "\0", A)),
			 RESOLVE_FAILED);
}

static void not_ours(void **state)
{
	(void)state;
	ask("mail.example.org", RESOLVE_A);
	/* a query, another opcode, another type, no question */
	assert_int_equal(judge_lit(HEAD("\x01", "\x80", "\0", A)),
			 RESOLVE_FOREIGN);
	assert_int_equal(judge_lit(HEAD("\xa1", "\x80", "\0", A)),
			 RESOLVE_FOREIGN);
	assert_int_equal(judge_lit(HEAD("\x81", "\x80", "\0", AAAA)),
			 RESOLVE_FOREIGN);
	assert_int_equal(judge_lit("\xa1\xb2\x81\x80\0\0\0\0\0\0\0\0"),
			 RESOLVE_FOREIGN);
	question.id = ID + 1;
	assert_int_equal(judge_lit(two_addresses), RESOLVE_FOREIGN);
	ask("mail.example.com", RESOLVE_A);
	assert_int_equal(judge_lit(two_addresses), RESOLVE_FOREIGN);
}

/* mail -> m1.example.org -> m2.example.org, 192.0.2.9 */
#define TO_M1 MAIL RECORD(CNAME, "\5") "\2m1" DOMAIN
#define M1_TO_M2 "\2m1" DOMAIN RECORD(CNAME, "\5") "\2m2" DOMAIN
#define M2_ADDRESS "\2m2" DOMAIN RECORD(A, "\4") "\xc0\0\2\x09"

static void aliases_in_any_order(void **state)
{
	(void)state;
	ask("mail.example.org", RESOLVE_A);
	assert_int_equal(judge_lit(HEAD("\x81", "\x80", "\3", A)
					   TO_M1 M1_TO_M2 M2_ADDRESS),
			 RESOLVE_FOUND);
	assert_int_equal(reply.addr[0].ip[15], 9);
	assert_int_equal(reply.aliases, 2);
	reply.aliases = 0;
	assert_int_equal(judge_lit(HEAD("\x81", "\x80", "\3", A)
					   M2_ADDRESS M1_TO_M2 TO_M1),
			 RESOLVE_FOUND);
	assert_int_equal(reply.addr[0].ip[15], 9);
	/* an address of a name that nothing leads to does not count */
	assert_int_equal(
		judge_lit(HEAD("\x81", "\x80", "\2", A) TO_M1 M2_ADDRESS),
		RESOLVE_ALIAS);
	assert_memory_equal(reply.name, "\2m1\7example\3org\0", 16);
}

static void alias_alone(void **state)
{
	(void)state;
	ask("mail.example.org", RESOLVE_A);
	assert_int_equal(judge_lit(HEAD("\x81", "\x80", "\1", A) TO_M1),
			 RESOLVE_ALIAS);
	assert_memory_equal(reply.name, "\2m1\7example\3org\0", 16);
	assert_int_equal(reply.aliases, 1);
	/* the limit counts over replies */
	reply.aliases = RESOLVE_MAX_ALIASES - 1;
	assert_int_equal(judge_lit(HEAD("\x81", "\x80", "\1", A) TO_M1),
			 RESOLVE_ALIAS);
	reply.aliases = RESOLVE_MAX_ALIASES;
	assert_int_equal(judge_lit(HEAD("\x81", "\x80", "\1", A) TO_M1),
			 RESOLVE_MALFORMED);
}

static void loops(void **state)
{
	(void)state;
	ask("mail.example.org", RESOLVE_A);
	/* an alias of itself, two of each other, a name that points to itself */
	assert_int_equal(judge_lit(HEAD("\x81", "\x80", "\1", A)
					   MAIL RECORD(CNAME, "\2") MAIL),
			 RESOLVE_MALFORMED);
	reply.aliases = 0;
	assert_int_equal(judge_lit(HEAD("\x81", "\x80", "\2", A) TO_M1
				   "\2m1" DOMAIN RECORD(CNAME, "\2") MAIL),
			 RESOLVE_MALFORMED);
	assert_int_equal(
		judge_lit(HEAD("\x81", "\x80", "\1",
			       A) "\xc0\x22" RECORD(A, "\4") "\xc0\0\2\1"),
		RESOLVE_MALFORMED);
	/* a pointer into the header, and one behind the end */
	assert_int_equal(
		judge_lit(HEAD("\x81", "\x80", "\1",
			       A) "\xc0\x02" RECORD(A, "\4") "\xc0\0\2\1"),
		RESOLVE_MALFORMED);
	assert_int_equal(
		judge_lit(HEAD("\x81", "\x80", "\1",
			       A) "\xff\xff" RECORD(A, "\4") "\xc0\0\2\1"),
		RESOLVE_MALFORMED);
}

static void wrong_sizes(void **state)
{
	(void)state;
	ask("mail.example.org", RESOLVE_A);
	assert_int_equal(judge_lit(HEAD("\x81", "\x80", "\1", A)
					   MAIL RECORD(A, "\3") "\xc0\0\2"),
			 RESOLVE_MALFORMED);
	/* the target of an alias has to end with its record */
	assert_int_equal(judge_lit(HEAD("\x81", "\x80", "\1", A) MAIL RECORD(
				 CNAME, "\6") "\2m1" DOMAIN "x"),
			 RESOLVE_MALFORMED);
	/* another class and other types are passed over */
	assert_int_equal(judge_lit(HEAD("\x81", "\x80", "\2", A) MAIL
				   "\0\1\0\3\0\0\0\1\0\4zzzz" MAIL RECORD(
					   "\x2e", "\2") "zz"),
			 RESOLVE_NO_DATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(queries),
		cmocka_unit_test(addresses),
		cmocka_unit_test(more_than_fit),
		cmocka_unit_test(truncation),
		cmocka_unit_test(rcodes),
		cmocka_unit_test(not_ours),
		cmocka_unit_test(aliases_in_any_order),
		cmocka_unit_test(alias_alone),
		cmocka_unit_test(loops),
		cmocka_unit_test(wrong_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
