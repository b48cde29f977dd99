/* SPDX-License-Identifier: ISC */
/*
 * cuts_guest.c - stands around the daemon in the guest of tests/flash/cuts.
 *
 *   cuts_guest work SEED FIRST [DEAD MOST_MS]
 *       starts the daemon and hands in messages from number FIRST on, while
 *       the next hop goes up and down.  With DEAD, a file that reads Y when
 *       the flash has been cut, it ends soon after that, kills the daemon and
 *       prints the next number.
 *   cuts_guest drain SEED
 *       starts the daemon; the next hop is up; ends by SIGTERM.
 *   cuts_guest attach|detach
 *       UBI on the first MTD, with a volume "spool".
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/random.h>
#include <mtd/ubi-user.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cuts_guest.h"

/* The emulator's debug port: a byte out is a byte written by the host. */
#define PORT 0xe9
#define PHASE_MS 300
#define AFTER_MS 80

static bool has_port;

void event(const char *fmt, ...)
{
	char text[400];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text) - 1, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(text) - 2)
		n = (int)sizeof(text) - 2;
	text[n++] = '\n';
	if (!has_port && write(1, text, (size_t)n) != n)
		exit(1);
	for (int i = 0; has_port && i < n; i++)
		outb((unsigned char)text[i], PORT);
}

/* splitmix64 */
uint64_t chance(struct world *w, uint64_t below)
{
	uint64_t x = w->random += 0x9e3779b97f4a7c15u;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return (x ^ (x >> 31)) % below;
}

int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* FNV-1a */
uint64_t hash_more(uint64_t h, const char *p, size_t n)
{
	while (n-- > 0)
		h = (h ^ (unsigned char)*p++) * 0x100000001b3u;
	return h;
}

int lines_fill(struct lines *l, int fd)
{
	ssize_t n;

	memmove(l->buf, l->buf + l->at, l->len - l->at);
	l->len -= l->at;
	l->at = 0;
	n = read(fd, l->buf + l->len, sizeof(l->buf) - l->len);
	if (n <= 0)
		return n < 0 && errno == EAGAIN ? 0 : -1;
	l->len += (size_t)n;
	return 0;
}

char *lines_next(struct lines *l)
{
	char *p = l->buf + l->at, *e = memchr(p, '\n', l->len - l->at);

	if (e == NULL)
		return NULL;
	l->at = (size_t)(e + 1 - l->buf);
	*e = '\0';
	if (e > p && e[-1] == '\r')
		e[-1] = '\0';
	return p;
}

/* A guest that is resumed from a saved state repeats its random numbers. */
static void stir(struct world *w)
{
	struct {
		struct rand_pool_info head;
		uint64_t words[4];
	} in = { .head = { 256, 32 } };
	struct world other = { .random = w->random ^ 0x5bd1e995 };
	int fd = open("/dev/urandom", O_RDWR);

	for (size_t i = 0; i < 4; i++)
		in.words[i] = chance(&other, UINT64_MAX);
	if (ioctl(fd, RNDADDENTROPY, &in) < 0 || ioctl(fd, RNDRESEEDCRNG) < 0)
		event("F no entropy: error %d", errno);
	close(fd);
}

static void start_daemon(struct world *w)
{
	pid_t p = fork();

	if (p == 0) {
		if (has_port)
			iopl(0);
		execl("/lab/mailmote", "mailmote", "-C", "/tmp/conf", "daemon",
		      (char *)NULL);
		_exit(127);
	}
	w->daemon = p;
}

static void see_daemon(struct world *w)
{
	int status;

	if (w->daemon && waitpid((pid_t)w->daemon, &status, WNOHANG) > 0) {
		event("F the daemon ended: status %#x", status);
		w->daemon = 0;
	}
}

static volatile sig_atomic_t is_over;

static void note_end(int sig)
{
	(void)sig;
	is_over = 1;
}

static bool is_cut(const char *path)
{
	char c = '?';
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (read(fd, &c, 1) != 1)
		event("F cannot read %s", path);
	close(fd);
	return c == 'Y';
}

static void turn(struct world *w, int64_t wake_ms)
{
	struct pollfd p[16];
	size_t nsink = sink_poll(p), n;
	int64_t wait_ms;

	n = nsink + clients_poll(w, p + nsink, &wake_ms);
	wait_ms = wake_ms - now_ms();
	if (poll(p, n, wait_ms < 0 ? 0 : (int)wait_ms) < 0)
		return;
	sink_turn(w, p, nsink);
	clients_turn(w, p + nsink);
	see_daemon(w);
}

/* Up and down in turns; a hop that comes back is tried at once. */
static int64_t next_phase(struct world *w, bool *up)
{
	*up = !*up;
	sink_set(w, *up);
	if (*up && w->daemon && w->is_ready)
		kill((pid_t)w->daemon, SIGUSR1);
	if (*up)
		clients_wake(now_ms());
	return now_ms() + 20 +
	       (int64_t)chance(w, *up ? 2 * PHASE_MS : PHASE_MS);
}

static void work(struct world *w, const char *dead, int64_t most_ms)
{
	int64_t end_ms = now_ms() + most_ms, phase_ms = 0;
	bool up = chance(w, 2), struck = false;

	clients_start(w);
	if (up)
		sink_set(w, true);
	phase_ms = now_ms() + (int64_t)chance(w, PHASE_MS);
	while (!is_over && now_ms() < end_ms) {
		int64_t wake_ms = phase_ms < end_ms ? phase_ms : end_ms;

		if (dead && !struck && is_cut(dead)) {
			struck = true;
			end_ms = now_ms() + (int64_t)chance(w, AFTER_MS);
		}
		if (now_ms() >= phase_ms)
			phase_ms = next_phase(w, &up);
		turn(w, wake_ms);
	}
	event("X %s", struck ? "struck" : "late");
}

static int ubi(bool attach)
{
	struct ubi_attach_req req = { .ubi_num = 0, .mtd_num = 0 };
	struct ubi_mkvol_req vol = { .vol_id = 0,
				     .alignment = 1,
				     .vol_type = UBI_DYNAMIC_VOLUME,
				     .name_len = 5,
				     .name = "spool" };
	int fd = open("/dev/ubi_ctrl", O_RDWR), dev, zero = 0;
	FILE *f;

	if (!attach)
		return ioctl(fd, UBI_IOCDET, &zero) < 0;
	if (ioctl(fd, UBI_IOCATT, &req) < 0)
		return 1;
	if (access("/dev/ubi0_0", F_OK) == 0)
		return 0;
	f = fopen("/sys/class/ubi/ubi0/avail_eraseblocks", "r");
	if (!f || fscanf(f, "%" SCNi64, (int64_t *)&vol.bytes) != 1)
		return 1;
	fclose(f);
	f = fopen("/sys/class/ubi/ubi0/eraseblock_size", "r");
	if (!f || fscanf(f, "%d", &zero) != 1)
		return 1;
	fclose(f);
	vol.bytes *= zero;
	dev = open("/dev/ubi0", O_RDWR);
	return ioctl(dev, UBI_IOCMKVOL, &vol) < 0;
}

int main(int argc, char **argv)
{
	struct world w = { 0 };
	bool is_work = argc >= 4 && strcmp(argv[1], "work") == 0;

	if (argc == 2 && strcmp(argv[1], "attach") == 0)
		return ubi(true);
	if (argc == 2 && strcmp(argv[1], "detach") == 0)
		return ubi(false);
	if (argc < 3)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, note_end);
	has_port = iopl(3) == 0;
	w.random = strtoull(argv[2], NULL, 16);
	event("B %s", argv[2]);
	stir(&w);
	start_daemon(&w);
	if (is_work) {
		w.next = strtoull(argv[3], NULL, 10);
		w.defer = chance(&w, 3) == 0 ? 12 : 0;
		work(&w, argc > 5 ? argv[4] : NULL,
		     argc > 5 ? atoi(argv[5]) : INT32_MAX);
		if (w.daemon) {
			kill((pid_t)w.daemon, SIGKILL);
			waitpid((pid_t)w.daemon, NULL, 0);
		}
		printf("%" PRIu64 "\n", w.next);
		return 0;
	}
	sink_set(&w, true);
	while (!is_over)
		turn(&w, now_ms() + 1000);
	return 0;
}
