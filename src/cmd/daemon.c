/* SPDX-License-Identifier: ISC */
/*
 * cmd/daemon.c - the daemon: binds as root, gives root up, takes the spool,
 * and turns the relay's loop.  Signals come in while it waits and at no other
 * time; a wall clock that somebody sets is a descriptor.  Nothing polls.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/log.h"
#include "base/memory.h"
#include "cmd/cmd.h"
#include "cmd/doors.h"
#include "cmd/store.h"
#include "net/link_up.h"
#include "relay/relay.h"

/* How often, and how long, the spool's lock is asked for. */
#define LOCK_EVERY_MS 250
#define LOCK_FOR_MS 60000

/* Everything the loop needs. */
struct daemon {
	const struct conf *conf;
	const struct identity *id;
	struct privilege who;
	struct store store;
	struct relay *relay;
	bool has_store; /* the medium is open; the lock may be missing */
	int64_t lock_until_ms;
	int clock;       /* a descriptor, -1: the clock is not watched */
	int link;        /* the same for interfaces and addresses */
	bool wants_link; /* it was read from before the last wait */
};

/* A terminal, a pipe, a file or a socket is read by somebody. */
static bool stderr_is_read(void)
{
	struct stat st;

	if (fstat(2, &st) < 0)
		return false;
	return isatty(2) || !S_ISCHR(st.st_mode);
}

static void setup_log(const struct conf *c)
{
	bool to_stderr = c->log == CONF_LOG_STDERR ||
			 (c->log == CONF_LOG_AUTO && stderr_is_read());

	log_setup(to_stderr ? LOG_TO_STDERR : LOG_TO_SYSLOG,
		  (enum log_level)c->log_level, cmd_tag);
}

/* What has come in; blocked but while the loop waits. */
static volatile sig_atomic_t want_end, want_reload, want_flush;

static void note_signal(int sig)
{
	if (sig == SIGHUP)
		want_reload = 1;
	else if (sig == SIGUSR1)
		want_flush = 1;
	else
		want_end = 1;
}

static int catch_signals(void)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };
	struct sigaction act = { .sa_handler = note_signal };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		sigaddset(&set, signals[i]);
		if (sigaction(signals[i], &act, NULL) < 0)
			return -errno;
	}
	return sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -errno : 0;
}

/* A timer that is cancelled when somebody sets the wall clock. */
static void arm_clock(int fd)
{
	struct itimerspec never = { .it_value = { .tv_sec = INT32_MAX } };
	int flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;

	never.it_value.tv_sec *= 4;
	if (fd >= 0 && timerfd_settime(fd, flags, &never, NULL) < 0 &&
	    errno != ECANCELED)
		log_debug("the clock cannot be watched: error %d", errno);
}

static void clock_moved(struct daemon *d)
{
	uint64_t ticks;

	if (read(d->clock, &ticks, sizeof(ticks)) < 0 && errno == ECANCELED) {
		log_info("the wall clock was set");
		relay_clock_set(d->relay);
	}
	arm_clock(d->clock);
}

/* Links matter only while a hop is down: at other times nothing wakes us. */
static bool watches_link(struct daemon *d)
{
	bool wants = ENABLE_LINKUP && relay_misses_link(d->relay);

	if (ENABLE_LINKUP && wants && !d->wants_link)
		(void)link_up_seen(d->link);
	d->wants_link = wants;
	return wants;
}

static void link_moved(struct daemon *d)
{
	if (!link_up_seen(d->link))
		return;
	log_debug("a network link or an address has come up");
	relay_link_up(d->relay);
}

static bool same_listen(const struct conf *a, const struct conf *b)
{
	if (a->nlisten != b->nlisten)
		return false;
	for (unsigned i = 0; i < a->nlisten; i++)
		if (!slice_eq(a->listen[i].host, b->listen[i].host) ||
		    a->listen[i].port != b->listen[i].port)
			return false;
	return true;
}

static void open_store(struct daemon *d)
{
	int err = -ENOTSUP;

	if (ENABLE_SPOOL)
		err = store_open(&d->store, d->conf, &d->who, true);
	d->has_store = err == 0;
	d->lock_until_ms = world_boot_ms(&world_real) + LOCK_FOR_MS;
	if (err == -ENOTSUP)
		memcpy(d->store.why, "none is built in", 17);
	else if (err < 0)
		log_err("%s: only mail that fits the memory stage is taken",
			d->store.why);
	else if (d->store.is_volatile)
		log_warn("the spool is volatile: a reboot forgets its mail");
}

/* Two configurations: the one in force, and the one being read. */
static void reload(struct daemon *d)
{
	static MEMORY_LARGE struct conf confs[2];
	static MEMORY_LARGE struct identity ids[2];
	static MEMORY_LARGE char space[CONF_MAX_FILE];
	static unsigned at;
	struct conf_error err;
	struct utsname host;
	struct conf *c = &confs[at];

	if (conf_read(c, cmd_conf_file(), cmd_conf_path == NULL, space, &err) <
	    0) {
		log_err("%s", err.text);
		log_err("the configuration stays as it was");
		return;
	}
	if (uname(&host) < 0)
		host.nodename[0] = '\0';
	identity_resolve(&ids[at], c, slice_str(host.nodename));
	if (!slice_eq(c->socket, d->conf->socket) ||
	    !slice_eq(c->control, d->conf->control) ||
	    !slice_eq(c->spool, d->conf->spool) ||
	    c->spool_size != d->conf->spool_size ||
	    !slice_eq(c->user, d->conf->user) || !same_listen(c, d->conf))
		log_warn("socket, control, spool, user and listen need a "
			 "restart to change");
	struct buf why = BUF_ON(err.text);

	if (relay_reload(d->relay, c, &ids[at], &why) < 0) {
		log_err("%.*s", (int)why.len, why.data);
		log_err("the configuration stays as it was");
		return;
	}
	d->conf = c;
	d->id = &ids[at];
	at = 1 - at;
	setup_log(c);
	log_info("configuration read again");
	/* What kept the spool away may be gone. */
	if (ENABLE_SPOOL && !d->has_store) {
		open_store(d);
		relay_set_spool(d->relay, NULL, d->store.why, false);
	}
}

static void take_signals(struct daemon *d)
{
	if (want_end) {
		log_info("ending");
		relay_stop(d->relay);
	}
	if (want_reload)
		reload(d);
	if (want_flush)
		relay_flush(d->relay);
	want_end = want_reload = want_flush = 0;
}

/* sd_notify(3): one datagram to whom the supervisor named. */
static void tell_ready(void)
{
	const char *path = cmd_env("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t n = path ? strlen(path) : 0;
	int fd;

	if (n == 0 || n >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, n);
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, "READY=1", 7, MSG_NOSIGNAL, (struct sockaddr *)&to,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
		log_debug("the supervisor was not told");
	close(fd);
}

/* The lock may come later: another program works on the spool. */
static int take_store(struct daemon *d)
{
	int err;

	if (!d->has_store || d->store.spool != NULL)
		return 0;
	err = store_take(&d->store, &world_real);
	if (err == -EAGAIN) {
		if (world_boot_ms(&world_real) < d->lock_until_ms)
			return 0;
		log_err("the spool is held by another program");
		return EXIT_AGAIN;
	}
	if (err < 0) {
		d->has_store = false;
		log_err("%s: only mail that fits the memory stage is taken",
			d->store.why);
	}
	relay_set_spool(d->relay, d->store.spool, d->store.why,
			d->store.is_volatile);
	return 0;
}

static int loop(struct daemon *d)
{
	static struct net_wait set[RELAY_MAX_WAITS + 2];
	int code = 0;

	while (code == 0 && !relay_is_over(d->relay)) {
		int64_t until_ms;
		size_t n = relay_wants(d->relay, set, &until_ms);
		int64_t soon = world_boot_ms(&world_real) + LOCK_EVERY_MS;

		set[n] = (struct net_wait){ d->clock, NET_IN, 0 };
		set[n + 1] = (struct net_wait){ -1, NET_IN, 0 };
		if (watches_link(d))
			set[n + 1].fd = d->link;
		if (d->has_store && d->store.spool == NULL && soon < until_ms)
			until_ms = soon;
		int got =
			net_real.ops->wait(net_real.ctx, set, n + 2, until_ms);
		take_signals(d);
		if (got > 0 && set[n].ready)
			clock_moved(d);
		if (ENABLE_LINKUP && got > 0 && set[n + 1].ready)
			link_moved(d);
		code = take_store(d);
		relay_turn(d->relay, set, got > 0 ? n : 0);
	}
	return code;
}

static void start_relay(struct daemon *d)
{
	struct relay_setup setup = {
		.conf = d->conf,
		.id = d->id,
		.world = &world_real,
		.net = &net_real,
		.no_spool = d->has_store
				    ? "the spool is held by another program"
				    : d->store.why,
		.spool_waits = d->has_store,
		.uid = d->who.uid,
		.gid = d->who.gid,
		.splay = true,
	};

	relay_start(d->relay, &setup);
}

static int serve(struct daemon *d)
{
	char words[200];
	struct buf why = BUF_ON(words);
	int code = EXIT_CONFIG_;

	if (relay_load_secrets(d->relay, &why) < 0)
		cmd_err("%.*s", (int)why.len, why.data);
	else
		code = doors_open(d->relay, d->conf, &d->who);
	if (code == 0)
		code = privilege_drop(&d->who);
	if (code == 0)
		code = take_store(d);
	if (code != 0)
		return code;
	log_info("mailmote %s ready", CONFIG_VERSION);
	tell_ready();
	code = loop(d);
	/* First: who finds none is on its own, and takes the lock. */
	doors_close();
	if (ENABLE_SPOOL)
		store_close(&d->store);
	return code;
}

int cmd_daemon(int argc, char **argv)
{
	static struct daemon d;
	int code;

	(void)argv;
	if (argc > 1) {
		cmd_err("daemon takes no arguments");
		return EXIT_USAGE_;
	}
	/* First of all: none of them ends it, and none is lost. */
	code = catch_signals();
	if (code < 0) {
		cmd_err("signals cannot be taken (error %d)", -code);
		return EXIT_SYSTEM;
	}
	code = cmd_load(&d.conf, &d.id);
	if (code == 0)
		code = privilege_find(d.conf, &d.who);
	if (code != 0)
		return code;
	setup_log(d.conf);
	d.relay = relay_static();
	d.clock = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	arm_clock(d.clock);
	d.link = ENABLE_LINKUP ? link_up_open() : -1;
	open_store(&d);
	start_relay(&d);
	return serve(&d);
}
