/* SPDX-License-Identifier: ISC */
/* The passwords of all hops: read at the start, read again on a reload. */
#include "lib/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "relay/secrets.h"

static char dir[] = "/tmp/test_secrets.XXXXXX";
static struct conf conf, next;
static struct secrets in_force, s;
static char words[300];
static struct buf why;

static int set_up(void **state)
{
	(void)state;
	log_setup(LOG_TO_NONE, LOG_ERR, "test");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(dir);
}

static const char *path_of(const char *name)
{
	static char path[100];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void put(const char *name, const char *text, mode_t mode)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void drop(const char *name)
{
	assert_int_equal(unlink(path_of(name)), 0);
}

/* One smart host for each name; "-" has no password. */
static void configure(struct conf *c, const char *names)
{
	char text[2000];
	struct buf b = BUF_ON(text);
	struct slice rest = slice_str(names);
	struct conf_error err;

	for (unsigned i = 1; rest.n > 0; i++) {
		struct slice name = slice_cut(&rest, ' ');

		buf_putf(&b, "smarthost smtp://192.0.2.%u tls=off", i);
		if (!slice_eq(name, SLICE("-")))
			buf_putf(&b, " user=u password-file=%s/%.*s", dir,
				 (int)name.n, name.p);
		buf_put_char(&b, '\n');
	}
	assert_int_equal(conf_parse(c, buf_slice(&b), "conf", &err), 0);
}

static int load(void)
{
	why = BUF_ON(words);
	return secrets_load(&in_force, &conf, getuid(), getgid(), NULL, NULL,
			    &why);
}

static int reload(void)
{
	why = BUF_ON(words);
	return secrets_load(&s, &next, getuid(), getgid(), &in_force, &conf,
			    &why);
}

static void each_hop_has_its_own(void **state)
{
	(void)state;
	put("a", "first\n", 0600);
	put("b", "second", 0600);
	configure(&conf, "a - b a");
	assert_int_equal(load(), 0);
	assert_slice(secrets_of(&in_force, 0), SLICE("first"));
	assert_int_equal(secrets_of(&in_force, 1).n, 0);
	assert_slice(secrets_of(&in_force, 2), SLICE("second"));
	assert_slice(secrets_of(&in_force, 3), SLICE("first"));
	assert_int_equal(why.len, 0);
	drop("a");
	drop("b");
}

static void open_to_others(void **state)
{
	static const mode_t modes[] = { 0644, 0604, 0620, 0602, 0666, 0660 };

	(void)state;
	configure(&conf, "a");
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		put("a", "first\n", modes[i]);
		assert_int_equal(load(), -EACCES);
		assert_non_null(strstr(buf_cstr(&why), "chmod 600 "));
		assert_null(strstr(buf_cstr(&why), "first"));
	}
	put("a", "first\n", 0640);
	assert_int_equal(load(), 0);
	drop("a");
}

static void missing_at_the_start(void **state)
{
	(void)state;
	configure(&conf, "nowhere");
	assert_int_equal(load(), -EACCES);
	assert_non_null(strstr(buf_cstr(&why), "nowhere: cannot be opened"));
}

static void a_new_value_on_a_reload(void **state)
{
	(void)state;
	put("a", "first\n", 0600);
	configure(&conf, "a");
	assert_int_equal(load(), 0);
	put("a", "changed\n", 0600);
	configure(&next, "- a");
	assert_int_equal(reload(), 0);
	assert_int_equal(secrets_of(&s, 0).n, 0);
	assert_slice(secrets_of(&s, 1), SLICE("changed"));
	assert_false(s.stale[1]);
	drop("a");
}

/* It can no longer be read: the old value stays, and that is known. */
static void the_old_value_stays(void **state)
{
	(void)state;
	put("a", "first\n", 0600);
	put("b", "second\n", 0600);
	configure(&conf, "a b");
	assert_int_equal(load(), 0);
	drop("a");
	configure(&next, "b - a c");
	assert_int_equal(reload(), 0);
	assert_slice(secrets_of(&s, 0), SLICE("second"));
	assert_false(s.stale[0]);
	assert_slice(secrets_of(&s, 2), SLICE("first"));
	assert_true(s.stale[2]);
	/* It never had this one. */
	assert_int_equal(secrets_of(&s, 3).n, 0);
	assert_int_equal(why.len, 0);
	drop("b");
}

/* A file that has become too open is refused, old value or not. */
static void opened_meanwhile(void **state)
{
	(void)state;
	put("a", "first\n", 0600);
	configure(&conf, "a");
	assert_int_equal(load(), 0);
	put("a", "first\n", 0644);
	configure(&next, "a");
	assert_int_equal(reload(), -EACCES);
	assert_non_null(strstr(buf_cstr(&why), "is open to others"));
	assert_slice(secrets_of(&in_force, 0), SLICE("first"));
	drop("a");
}

/* All of them share one pool: full to the byte, and one more. */
static void as_many_as_fit(void **state)
{
	static char text[PASSWORD_MAX + 2];

	(void)state;
	memset(text, 'x', PASSWORD_MAX);
	put("a", text, 0600);
	put("b", "y\n", 0600);
	configure(&conf, "a a");
	assert_int_equal(load(), 0);
	assert_int_equal(secrets_of(&in_force, 1).n, PASSWORD_MAX);
	configure(&conf, "a a b");
	assert_int_equal(load(), -EACCES);
	assert_non_null(strstr(buf_cstr(&why), "too long"));
	text[PASSWORD_MAX - 1] = '\0';
	put("a", text, 0600);
	configure(&conf, "a a b");
	assert_int_equal(load(), 0);
	assert_slice(secrets_of(&in_force, 2), SLICE("y"));
	drop("a");
	drop("b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_hop_has_its_own),
		cmocka_unit_test(open_to_others),
		cmocka_unit_test(missing_at_the_start),
		cmocka_unit_test(a_new_value_on_a_reload),
		cmocka_unit_test(the_old_value_stays),
		cmocka_unit_test(opened_meanwhile),
		cmocka_unit_test(as_many_as_fit),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
