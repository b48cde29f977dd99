/* SPDX-License-Identifier: ISC */
/* Who we are, whom a bare name means, who sends. */
#include "lib/check.h"

#include <errno.h>

#include "conf/identity.h"
#include "mail/address.h"

static struct conf c;
static struct identity id;
static char got[4096];

static void set_up(const char *text, const char *node)
{
	struct conf_error err;

	if (conf_parse(&c, slice_str(text), "f", &err) != 0)
		fail_msg("%s: %s", text, err.text);
	identity_resolve(&id, &c, slice_str(node));
}

static void names(const char *text, const char *node, const char *hostname,
		  const char *domain)
{
	set_up(text, node);
	assert_string_equal(id.hostname, hostname);
	assert_string_equal(id.domain, domain);
}

static void test_names(void **state)
{
	static const char login[] = "smarthost submission://h user=u@d.org "
				    "password-file=/s\n";
	char text[200];

	(void)state;
	names("", "box.a.org", "box.a.org", "a.org");
	names("", "box", "", "");
	names("domain b.org", "box", "box.b.org", "b.org");
	names("domain b.org", "box.a.org", "box.a.org", "b.org");
	names("hostname mx.c.org", "box.a.org", "mx.c.org", "c.org");
	names("hostname mx", "box.a.org", "", "");
	names("hostname mx\ndomain b.org", "", "mx.b.org", "b.org");
	names("from r@f.org", "box", "box.f.org", "f.org");
	names("from r@f.org", "box.a.org", "box.a.org", "a.org");
	names(login, "box", "box.d.org", "d.org");
	snprintf(text, sizeof(text), "%sfrom r@f.org", login);
	names(text, "", "", "f.org");
	snprintf(text, sizeof(text),
		 "smarthost smtp://a tls=off user=plain "
		 "password-file=/s\n%s",
		 login);
	names(text, "", "", "d.org");
	names("domain b.org", "localhost", "", "b.org");
	names("domain b.org", "(none)", "", "b.org");
	names("domain b.org", "localhost.localdomain", "", "b.org");
	names("", "", "", "");
	set_up("", "box");
	assert_string_equal(id.node, "box");
	set_up("", "(none)");
	assert_string_equal(id.node, "");
}

/* Names at the limit of a domain are kept, longer ones left out. */
static void test_long_names(void **state)
{
	char label[70];
	char node[300];
	char text[300];

	(void)state;
	memset(label, 'a', 63);
	label[63] = '\0';
	snprintf(node, sizeof(node), "%s.%s.%s.%.63s", label, label, label,
		 label);
	assert_int_equal(strlen(node), 255);
	set_up("", node);
	assert_string_equal(id.hostname, node);
	snprintf(text, sizeof(text), "domain %.191s", node);
	set_up(text, label);
	assert_int_equal(strlen(id.hostname), 255);
	snprintf(text, sizeof(text), "domain %.193s", node);
	set_up(text, label);
	assert_string_equal(id.hostname, "");
}

static int take(void *ctx, struct slice mailbox)
{
	struct buf *b = ctx;

	if (b->len > 0)
		buf_put_char(b, ' ');
	buf_put_slice(b, mailbox);
	return 0;
}

static int stop(void *ctx, struct slice mailbox)
{
	(void)mailbox;
	++*(int *)ctx;
	return -ENOBUFS;
}

static const char *expand(const char *rcpt, int want)
{
	struct buf b = BUF_ON(got);
	int err = identity_expand(&id, &c, slice_str(rcpt), take, &b);

	assert_int_equal(err, want);
	return buf_cstr(&b);
}

static void test_expand(void **state)
{
	(void)state;
	set_up("domain d.org\nhostname h.d.org\nalias root admin@x.org,ops\n"
	       "alias ops a@x.org,b,Root2\nalias root2 \"deep@x.org\"\n",
	       "node");
	assert_string_equal(expand("u@z.org", 0), "u@z.org");
	assert_string_equal(expand("u", 0), "u@d.org");
	assert_string_equal(expand("ROOT", 0),
			    "admin@x.org a@x.org b@d.org deep@x.org");
	assert_string_equal(expand("ops@h.D.org", 0),
			    "a@x.org b@d.org deep@x.org");
	assert_string_equal(expand("root2@localhost", 0), "deep@x.org");
	assert_string_equal(expand("root2@node", 0), "deep@x.org");
	assert_string_equal(expand("root2@d.org", 0), "root2@d.org");
	assert_string_equal(expand("Postmaster", 0),
			    "admin@x.org a@x.org b@d.org deep@x.org");
	assert_string_equal(expand("b@localhost", 0), "b@d.org");
	assert_string_equal(expand("", 0), "");
	assert_string_equal(expand("a b", -EINVAL), "");
	set_up("domain d.org\nalias * all@x.org\nalias me me@x.org", "node");
	assert_string_equal(expand("anybody", 0), "all@x.org");
	assert_string_equal(expand("me", 0), "me@x.org");
	assert_string_equal(expand("postmaster", 0), "all@x.org");
	assert_string_equal(expand("x@y.org", 0), "x@y.org");
	set_up("", "node");
	assert_string_equal(expand("root", -EDESTADDRREQ), "");
	assert_string_equal(expand("root@x.org", 0), "root@x.org");
	/* The system's own name can close a loop that the file does not show. */
	set_up("domain d.org\nalias a a@node", "node");
	assert_string_equal(expand("a", -ELOOP), "");
}

static void test_expand_stops(void **state)
{
	int calls = 0;

	(void)state;
	set_up("alias l a@x.org,b@x.org", "");
	assert_int_equal(identity_expand(&id, &c, SLICE("l"), stop, &calls),
			 -ENOBUFS);
	assert_int_equal(calls, 1);
}

static const char *sender(const char *from, int want)
{
	struct buf b = BUF_ON(got);

	assert_int_equal(identity_sender(&id, &c, slice_str(from), &b), want);
	return buf_cstr(&b);
}

static void test_sender(void **state)
{
	(void)state;
	set_up("domain d.org\nalias root a@x.org", "");
	assert_string_equal(sender("root", 0), "root@d.org");
	assert_string_equal(sender("u@z.org", 0), "u@z.org");
	assert_string_equal(sender("", 0), "");
	set_up("from box@f.org", "");
	assert_string_equal(sender("root", 0), "box@f.org");
	assert_string_equal(sender("u@z.org", 0), "box@f.org");
	assert_string_equal(sender("", 0), "");
	set_up("", "");
	assert_string_equal(sender("root", -EDESTADDRREQ), "root");
}

static void test_local(void **state)
{
	(void)state;
	set_up("hostname h.d.org", "");
	assert_true(conf_is_local(&c, SLICE("n.d.org"), SLICE("u")));
	assert_true(conf_is_local(&c, SLICE("n.d.org"), SLICE("u@LOCALHOST")));
	assert_true(conf_is_local(&c, SLICE("n.d.org"), SLICE("u@N.d.org")));
	assert_true(conf_is_local(&c, SLICE(""), SLICE("u@h.d.ORG")));
	assert_false(conf_is_local(&c, SLICE("n.d.org"), SLICE("u@d.org")));
	assert_false(conf_is_local(&c, SLICE(""), SLICE("u@")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_expand),
		cmocka_unit_test(test_expand_stops),
		cmocka_unit_test(test_sender),
		cmocka_unit_test(test_local),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
