/* SPDX-License-Identifier: ISC */
/* cmd/doors.c - see cmd/doors.h. */
#include "cmd/doors.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/passed.h"
#include "net/net_error.h"

/* What doors_open() was given, and the doors that others have opened. */
static struct relay *relay;
static const struct conf *conf;
static const struct privilege *who;
static bool passed[DOOR_CONTROL + 1];

/* Why not. */
static const char *words(int err)
{
	static char space[40];
	struct buf b = BUF_ON(space);

	net_error_put(&b, err);
	return buf_cstr(&b);
}

static int add(int fd, enum relay_door door, const char *what)
{
	if (fd >= 0 && relay_add_listener(relay, fd, door) == 0)
		return 0;
	if (fd == -EADDRINUSE)
		cmd_err("%s is in use: is another daemon running?", what);
	else
		cmd_err("cannot listen on %s: %s", what, words(fd));
	return fd == -EADDRINUSE ? EXIT_AGAIN : EXIT_SYSTEM;
}

/* A descriptor that holds the lock of a path's folder. */
static int lock_folder(struct slice path)
{
	char name[128];
	struct buf b = BUF_ON(name);

	buf_put_slice(&b, slice_head(path, (size_t)slice_rfind(path, '/')));
	int fd = open(buf_cstr(&b), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX) < 0)
		log_debug("%s is not locked: error %d", name, errno);
	return fd;
}

static int bind_local(struct slice path, unsigned mode, enum relay_door door)
{
	int err = privilege_make_folder(who, path);

	if (err < 0) {
		cmd_err("the folder of %s cannot be made: %s", path.p,
			err == -EPERM ? "it belongs to another user"
				      : words(err));
		return EXIT_SYSTEM;
	}
	/* Two daemons that find a dead one's socket take turns. */
	int folder = lock_folder(path);
	int fd = net_real.ops->listen_unix(net_real.ctx, path.p, mode);

	if (folder >= 0)
		close(folder);
	if (fd >= 0 && who->root && chown(path.p, who->uid, who->gid) < 0)
		log_warn("%s keeps its owner: error %d", path.p, errno);
	return add(fd, door, path.p);
}

static int bind_tcp(const struct conf_listen *l)
{
	char name[80];
	struct buf b = BUF_ON(name);
	struct net_addr at;
	int fd = -EINVAL;

	bool v6 = slice_find(l->host, ':') >= 0;

	buf_putf(&b, "%s%.*s%s:%u", v6 ? "[" : "",
		 (int)slice_head(l->host, 60).n, l->host.p, v6 ? "]" : "",
		 l->port);
	if (net_addr_parse(l->host, l->port, &at) == 0)
		fd = net_real.ops->listen_tcp(net_real.ctx, &at);
	if (fd < 0 && l->is_default) {
		log_warn("cannot listen on %s: %s: going on without",
			 buf_cstr(&b), words(fd));
		return 0;
	}
	return add(fd, DOOR_TCP, buf_cstr(&b));
}

static int take_passed(void)
{
	unsigned n = passed_count();

	for (int fd = PASSED_FIRST; n > 0; fd++, n--) {
		int door = passed_door(fd, conf->control);

		if (door < 0) {
			cmd_err("descriptor %d was passed, and is no socket "
				"that listens",
				fd);
			return EXIT_SYSTEM;
		}
		int code = add(fd, (enum relay_door)door, "what was passed");

		if (code != 0)
			return code;
		passed[door] = true;
	}
	return 0;
}

int doors_open(struct relay *r, const struct conf *c, const struct privilege *p)
{
	relay = r;
	conf = c;
	who = p;
	int code = ENABLE_PASSED ? take_passed() : 0;

	if (code == 0 && !passed[DOOR_LOCAL])
		code = bind_local(c->socket, 0666, DOOR_LOCAL);
	if (code == 0 && ENABLE_CONTROL && !passed[DOOR_CONTROL])
		code = bind_local(c->control, 0660, DOOR_CONTROL);
	if (!ENABLE_LISTENER || passed[DOOR_TCP])
		return code;
	for (unsigned i = 0; code == 0 && i < c->nlisten; i++)
		code = bind_tcp(&c->listen[i]);
	return code;
}

static void remove_socket(struct slice path)
{
	if (unlink(path.p) < 0)
		log_debug("%s stays", path.p);
}

void doors_close(void)
{
	if (!passed[DOOR_LOCAL])
		remove_socket(conf->socket);
	if (ENABLE_CONTROL && !passed[DOOR_CONTROL])
		remove_socket(conf->control);
}
