/* SPDX-License-Identifier: ISC */
/*
 * flash/drive.c - a next hop and its clients in one static program, for
 * machines that have nothing but busybox.
 *
 *   drive sink PORT          takes all mail on loopback; prints its pid and
 *                            goes on in the background
 *   drive send PORT|PATH SESSIONS COUNT SIZE
 *                            COUNT messages of SIZE bytes
 *   drive body SIZE          one of them on standard output
 *
 * Bodies are noise of 222 values, so that no file system can compress them.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_PEERS 64
#define MAX_MESSAGE (1 << 20)
#define LINE_BYTES 400
#define LIMIT_MS 120000

struct peer {
	int fd;
	char in[8192]; /* what of a line has come */
	size_t len;
	int step;  /* of the client's script */
	bool data; /* sink: a message is coming */
};

static struct peer peers[MAX_PEERS];
static char message[MAX_MESSAGE + 8];
static size_t message_len;

static void die(const char *what)
{
	fprintf(stderr, "drive: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* The same messages in each run, but no two alike (xorshift64). */
static unsigned noise(void)
{
	static uint64_t s = 88172645463325252u;

	s ^= s << 13;
	s ^= s >> 7;
	s ^= s << 17;
	return (unsigned)(s >> 32);
}

static void make_message(size_t size)
{
	static const char head[] = "Subject: alert\r\n\r\n";
	size_t n = sizeof(head) - 1;

	memcpy(message, head, n);
	for (size_t at = 1; n + 2 < size; at++) {
		if (at % LINE_BYTES == 0) {
			message[n++] = '\r';
			message[n++] = '\n';
			continue;
		}
		unsigned c = noise() % 222;
		message[n++] = (char)(c < 93 ? c + 34 : c - 93 + 127);
		if (message[n - 1] == '.' || message[n - 1] == 127)
			message[n - 1] = '!';
	}
	memcpy(message + n, "\r\n", 2);
	message_len = n + 2;
}

static void put(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = send(fd, p, n, MSG_NOSIGNAL);

		if (done < 0)
			die("send");
		p += done;
		n -= (size_t)done;
	}
}

static void say(int fd, const char *text)
{
	put(fd, text, strlen(text));
}

/* ---- client -------------------------------------------------------------- */

static int dial(const char *where)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_in in = { .sin_family = AF_INET };
	bool is_path = where[0] == '/';
	int fd = socket(is_path ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
	int one = 1;

	if (fd < 0)
		die("socket");
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", where);
	in.sin_port = htons((uint16_t)atoi(where));
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (!is_path)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (is_path ? connect(fd, (void *)&un, sizeof(un))
		    : connect(fd, (void *)&in, sizeof(in)))
		die(where);
	return fd;
}

/* What the client says after the reply number step; false: all is said. */
static bool next_step(struct peer *p, int *left, size_t size)
{
	switch (p->step++) {
	case 0:
		say(p->fd, "EHLO client.test\r\n");
		return true;
	case 1:
		if ((*left)-- <= 0) {
			say(p->fd, "QUIT\r\n");
			p->step = 5;
			return true;
		}
		say(p->fd, "MAIL FROM:<d@device.test> BODY=8BITMIME\r\n");
		return true;
	case 2:
		say(p->fd, "RCPT TO:<a@example.org>\r\n");
		return true;
	case 3:
		say(p->fd, "DATA\r\n");
		return true;
	case 4:
		make_message(size);
		put(p->fd, message, message_len);
		say(p->fd, ".\r\n");
		p->step = 1;
		return true;
	default:
		return false;
	}
}

/* All lines that have come; false: the session is over. */
static bool take_replies(struct peer *p, int *left, size_t size)
{
	char *end;

	while ((end = memchr(p->in, '\n', p->len)) != NULL) {
		size_t n = (size_t)(end + 1 - p->in);
		bool is_last = n > 3 && p->in[3] == ' ';

		if (p->in[0] != '2' && p->in[0] != '3') {
			fprintf(stderr, "drive: %.*s", (int)n, p->in);
			exit(1);
		}
		p->len -= n;
		memmove(p->in, end + 1, p->len);
		if (is_last && !next_step(p, left, size))
			return false;
	}
	return true;
}

/* More of its input; false: closed. */
static bool fill(struct peer *p)
{
	ssize_t n = recv(p->fd, p->in + p->len, sizeof(p->in) - p->len, 0);

	if (n <= 0)
		return false;
	p->len += (size_t)n;
	return true;
}

static int run_clients(const char *where, int sessions, int left, size_t size)
{
	struct pollfd ev[MAX_PEERS];
	int open = sessions;

	for (int i = 0; i < sessions; i++) {
		peers[i].fd = dial(where);
		ev[i] = (struct pollfd){ .fd = peers[i].fd, .events = POLLIN };
	}
	while (open > 0) {
		if (poll(ev, (nfds_t)sessions, LIMIT_MS) <= 0)
			die("no answer");
		for (int i = 0; i < sessions; i++) {
			if (ev[i].fd < 0 || ev[i].revents == 0)
				continue;
			if (!fill(&peers[i]))
				die("closed too early");
			if (take_replies(&peers[i], &left, size))
				continue;
			close(ev[i].fd);
			ev[i].fd = -1;
			open--;
		}
	}
	return 0;
}

/* ---- next hop ------------------------------------------------------------ */

static void answer(struct peer *p, const char *line, size_t n)
{
	if (p->data) {
		if (n != 3 || line[0] != '.')
			return;
		p->data = false;
		say(p->fd, "250 ok\r\n");
	} else if (strncasecmp(line, "EHLO", 4) == 0) {
		say(p->fd, "250-sink.test\r\n250-8BITMIME\r\n250 SIZE\r\n");
	} else if (strncasecmp(line, "DATA", 4) == 0) {
		p->data = true;
		say(p->fd, "354 go\r\n");
	} else if (strncasecmp(line, "QUIT", 4) == 0) {
		say(p->fd, "221 bye\r\n");
	} else {
		say(p->fd, "250 ok\r\n");
	}
}

static bool take_lines(struct peer *p)
{
	char *from = p->in, *end;

	if (!fill(p))
		return false;
	while ((end = memchr(from, '\n', p->len)) != NULL) {
		size_t n = (size_t)(end + 1 - from);

		answer(p, from, n);
		from += n;
		p->len -= n;
	}
	memmove(p->in, from, p->len);
	return true;
}

static void welcome(int listener, struct pollfd *ev)
{
	int fd = accept(listener, NULL, NULL);

	for (int i = 1; fd >= 0 && i < MAX_PEERS; i++) {
		if (ev[i].fd >= 0)
			continue;
		peers[i] = (struct peer){ .fd = fd };
		ev[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
		say(fd, "220 sink.test\r\n");
		return;
	}
	close(fd);
}

/* The rest of the program runs in a child; its parent is done. */
static void go_on_behind(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid > 0) {
		printf("%d\n", (int)pid);
		exit(0);
	}
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
}

static int run_sink(const char *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)atoi(port)) };
	struct pollfd ev[MAX_PEERS];
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (void *)&in, sizeof(in)) || listen(fd, 64))
		die("listen");
	go_on_behind();
	for (int i = 0; i < MAX_PEERS; i++)
		ev[i] = (struct pollfd){ .fd = -1 };
	ev[0] = (struct pollfd){ .fd = fd, .events = POLLIN };
	while (poll(ev, MAX_PEERS, -1) > 0) {
		if (ev[0].revents)
			welcome(fd, ev);
		for (int i = 1; i < MAX_PEERS; i++) {
			if (ev[i].fd < 0 || ev[i].revents == 0 ||
			    take_lines(&peers[i]))
				continue;
			close(ev[i].fd);
			ev[i].fd = -1;
		}
	}
	return 1;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	signal(SIGPIPE, SIG_IGN);
	if (strcmp(what, "sink") == 0 && argc == 3)
		return run_sink(argv[2]);
	if (strcmp(what, "send") == 0 && argc == 6) {
		int sessions = atoi(argv[3]);
		size_t size = (size_t)atoi(argv[5]);

		if (sessions > 0 && sessions <= MAX_PEERS &&
		    size <= MAX_MESSAGE)
			return run_clients(argv[2], sessions, atoi(argv[4]),
					   size);
	}
	if (strcmp(what, "body") == 0 && argc == 3 &&
	    atoi(argv[2]) <= MAX_MESSAGE) {
		make_message((size_t)atoi(argv[2]));
		return fwrite(message, 1, message_len, stdout) != message_len;
	}
	fputs("usage: drive sink PORT | send PORT|PATH SESSIONS COUNT SIZE |"
	      " body SIZE\n",
	      stderr);
	return 64;
}
