/* SPDX-License-Identifier: ISC */
/*
 * cmd/check.c - validate the configuration and say what it comes to.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/secret.h"
#include "cmd/cmd.h"
#include "cmd/privilege.h"
#include "conf/password.h"

/* May the password be used?  0, or EXIT_CONFIG_ after saying why not. */
static int check_password(const struct conf_hop *hop,
			  const struct privilege *who)
{
	char secret[PASSWORD_MAX];
	static char words[400];
	struct buf out = BUF_ON(secret);
	struct buf why = BUF_ON(words);
	int err = password_read(hop->password_file.p, who->uid, who->gid, &out,
				&why);

	secret_wipe(secret, sizeof(secret));
	if (err == 0)
		return 0;
	/* Who is not root may ask, too. */
	if (err == -EPERM && geteuid() != 0) {
		cmd_out("  %s (only root can tell)\n", buf_cstr(&why));
		return 0;
	}
	cmd_err("%s", buf_cstr(&why));
	return EXIT_CONFIG_;
}

static void print_routes(const struct conf *c)
{
	for (unsigned i = 0; i < c->nroutes; i++) {
		cmd_out("route %s%s:", c->routes[i].from ? "from:" : "",
			c->routes[i].pattern.p);
		for (unsigned h = 0; h < c->nhops; h++) {
			if (c->hops[h].route == i)
				cmd_out(" %s", c->hops[h].text.p);
		}
		cmd_out("\n");
	}
	if (c->nroutes == 0)
		cmd_out("no route: mail waits\n");
}

/* Is the nearest folder above that exists on a tmpfs? */
static bool will_be_volatile(struct slice path)
{
	char space[256];
	struct stat st;

	for (;;) {
		struct buf b = BUF_ON(space);
		ptrdiff_t slash = slice_rfind(path, '/');

		path = slice_head(path, slash > 0 ? (size_t)slash : 0);
		buf_put_slice(&b, path);
		buf_put_char(&b, '/');
		if (path.n == 0 || stat(buf_cstr(&b), &st) == 0)
			return fdio_is_volatile(buf_cstr(&b));
	}
}

static void print_spool(const struct conf *c)
{
	struct stat st;
	bool there = stat(c->spool.p, &st) == 0;
	bool device = there && S_ISBLK(st.st_mode);
	bool is_volatile = !device && will_be_volatile(c->spool);

	cmd_out("spool %s: %llu bytes%s%s\n", c->spool.p,
		(unsigned long long)c->spool_size,
		is_volatile ? ", volatile" : "", there ? "" : ", not made yet");
	if (is_volatile)
		cmd_out("  volatile: waiting mail is lost at a reboot: put it "
			"on flash with the key spool\n");
	if (there && c->spool_sized && S_ISREG(st.st_mode) &&
	    (uint64_t)st.st_size != c->spool_size)
		cmd_out("  its file has %llu bytes until a start can change "
			"it\n",
			(unsigned long long)st.st_size);
}

/* Who we are, for the reader to compare. */
static void print_names(const struct identity *id)
{
	cmd_out("hostname %s, domain %s\n",
		id->hostname[0] ? id->hostname : "(an address literal)",
		id->domain[0] ? id->domain : "(none: bare names are refused)");
}

static void print_all(const struct conf *c, const struct identity *id,
		      bool live)
{
	bool there = access(cmd_conf_file(), F_OK) == 0;

	cmd_out("%s: %s\n", cmd_conf_file(),
		there ? "ok" : "not there, what is built in holds");
	print_names(id);
	if (!live)
		print_routes(c);
	if (ENABLE_SPOOL)
		print_spool(c);
}

int cmd_check(int argc, char **argv)
{
	const struct conf *c;
	const struct identity *id;
	struct privilege who;

	bool live = argc > 1 && strcmp(argv[1], "--live") == 0;

	if (live && !ENABLE_CHECK_LIVE) {
		cmd_err("check --live is not built into this program "
			"(CONFIG_CHECK_LIVE)");
		return EXIT_USAGE_;
	}
	if (argc > 1 + live) {
		cmd_err("usage: mailmote check%s",
			ENABLE_CHECK_LIVE ? " [--live]" : "");
		return EXIT_USAGE_;
	}
	int code = cmd_load(&c, &id);
	if (code)
		return code;
	if (ENABLE_CHECK_LIVE && live) {
		print_all(c, id, true);
		return cmd_end(check_live(c, id));
	}
	code = privilege_find(c, &who);
	for (unsigned i = 0; i < c->nhops; i++) {
		if (ENABLE_AUTH && c->hops[i].password_file.n > 0 &&
		    check_password(&c->hops[i], &who))
			code = EXIT_CONFIG_;
	}
	if (code)
		return cmd_end(code);
	print_all(c, id, false);
	return cmd_end(EXIT_DONE);
}
