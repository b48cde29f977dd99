/* SPDX-License-Identifier: ISC */
/* cuts_client.c - clients that hand in one message after the other. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cuts_guest.h"

#define CLIENTS 3
#define AGAIN_MS 200 /* after a 4yz */
#define SOON_MS 10   /* while nobody listens yet */
#define LAST 5       /* bytes: CRLF, the dot, CRLF */

enum step { GREETING, EHLO, MAIL, RCPT, DATA, DOT };

struct client {
	int fd;
	enum step step;
	int64_t wake_ms; /* rests until then */
	struct lines in;
	uint64_t n, hash;
	unsigned nrcpt, rcpt;
	char out[2 * MESSAGE_MAX];
	size_t len, sent;
	bool is_told; /* the line S is out */
};

static struct client clients[CLIENTS];

void clients_start(struct world *w)
{
	w->has_clients = true;
	for (size_t i = 0; i < CLIENTS; i++)
		clients[i].fd = -1;
}

void clients_wake(int64_t ms)
{
	for (size_t i = 0; i < CLIENTS; i++)
		if (clients[i].wake_ms > ms)
			clients[i].wake_ms = ms;
}

static void rest(struct client *c, int ms)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->wake_ms = now_ms() + ms;
}

static void dial(struct client *c)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(RELAY_PORT) };

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(c->fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
		rest(c, SOON_MS);
		return;
	}
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	c->step = GREETING;
	c->in.len = c->in.at = c->len = c->sent = 0;
}

static size_t pick_size(struct world *w)
{
	switch (chance(w, 16)) {
	case 0:
		return 33000 + chance(w, 25000);
	case 1:
	case 2:
		return 8000 + chance(w, 20000);
	case 3:
	case 4:
	case 5:
		return 2000 + chance(w, 6000);
	default:
		return 200 + chance(w, 1500);
	}
}

/* One line of text; some begin with dots, some are empty. */
static size_t put_line(struct world *w, char *p)
{
	size_t n = 0, most = chance(w, 8) == 0 ? chance(w, 3) : 76;
	uint64_t r = 0;

	if (chance(w, 8) == 0)
		p[n++] = '.';
	while (n < most) {
		r = n % 8 == 0 || r == 0 ? chance(w, UINT64_MAX) : r >> 8;
		p[n++] = (char)('!' + (r & 0xff) % 90);
	}
	if (p[0] == '.' && n == 0)
		n = 1;
	memcpy(p + n, "\r\n", 2);
	return n + 2;
}

/* A message of its own; its hash covers what the next hop must get. */
static void make(struct world *w, struct client *c)
{
	static char text[2 * MESSAGE_MAX];
	size_t most = pick_size(w), n, at = 0;

	c->n = w->next++;
	c->nrcpt = chance(w, 4) == 0 ? RCPTS_MAX : 1;
	n = (size_t)sprintf(text,
			    "X-Cut: %" PRIu64 "\r\n"
			    "From: s%" PRIu64 "@cuts.test\r\n"
			    "To: r0.%" PRIu64 "@example.org\r\n"
			    "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n"
			    "Message-ID: <%" PRIu64 "@cuts.test>\r\n"
			    "Subject: cut\r\n\r\n",
			    c->n, c->n, c->n, c->n);
	while (n < most)
		n += put_line(w, text + n);
	c->hash = hash_more(HASH_SEED, text, n);
	c->len = c->sent = 0;
	for (at = 0; at < n; at++) {
		if (text[at] == '.' && text[at - 1] == '\n')
			c->out[c->len++] = '.';
		c->out[c->len++] = text[at];
	}
	memcpy(c->out + c->len, ".\r\n", 3);
	c->len += 3;
	c->is_told = false;
}

static void command(struct client *c, const char *fmt, uint64_t a, uint64_t b)
{
	char text[100];
	int n = snprintf(text, sizeof(text), fmt, a, b);

	if (write(c->fd, text, (size_t)n) != n)
		rest(c, AGAIN_MS);
}

/* The message from c->sent on; S goes before its last bytes. */
static void push(struct client *c)
{
	while (c->fd >= 0 && c->sent < c->len) {
		size_t n = c->len - c->sent;
		ssize_t k;

		if (n > LAST) {
			n -= LAST;
		} else if (!c->is_told) {
			event("S %" PRIu64 " %u %016" PRIx64, c->n, c->nrcpt,
			      c->hash);
			c->is_told = true;
		}
		k = write(c->fd, c->out + c->sent, n);
		if (k < 0 && errno == EAGAIN)
			return;
		if (k < 0)
			rest(c, AGAIN_MS);
		else
			c->sent += (size_t)k;
	}
}

static void next_mail(struct world *w, struct client *c)
{
	make(w, c);
	c->step = MAIL;
	command(c, "MAIL FROM:<s%" PRIu64 "@cuts.test> SIZE=%" PRIu64 "\r\n",
		c->n, c->len);
}

static void next_rcpt(struct client *c)
{
	c->step = RCPT;
	command(c, "RCPT TO:<r%" PRIu64 ".%" PRIu64 "@example.org>\r\n",
		c->rcpt++, c->n);
}

/* 2yz or 3yz. */
static void go_on(struct world *w, struct client *c, const char *reply)
{
	switch (c->step) {
	case GREETING:
		w->is_ready = true;
		c->step = EHLO;
		command(c, "EHLO client.cuts.test\r\n", 0, 0);
		break;
	case EHLO:
		next_mail(w, c);
		break;
	case MAIL:
		c->rcpt = 0;
		next_rcpt(c);
		break;
	case RCPT:
		if (c->rcpt < c->nrcpt) {
			next_rcpt(c);
			break;
		}
		c->step = DATA;
		command(c, "DATA\r\n", 0, 0);
		break;
	case DATA:
		c->step = DOT;
		push(c);
		break;
	case DOT:
		event("A %" PRIu64 " %c", c->n,
		      strstr(reply, "queued") ? 'q' : 'd');
		next_mail(w, c);
		break;
	}
}

static void hear(struct world *w, struct client *c)
{
	char *line;
	int end = lines_fill(&c->in, c->fd);

	while (c->fd >= 0 && (line = lines_next(&c->in)) != NULL) {
		if (line[3] == '-')
			continue;
		if (line[0] == '2' || line[0] == '3')
			go_on(w, c, line);
		else if (line[0] == '5')
			event("F client: %s", line);
		if (line[0] == '4' || line[0] == '5')
			rest(c, AGAIN_MS);
	}
	if (end < 0 && c->fd >= 0)
		rest(c, SOON_MS);
}

size_t clients_poll(struct world *w, struct pollfd *p, int64_t *wake_ms)
{
	int64_t now = now_ms();

	if (!w->has_clients)
		return 0;
	for (size_t i = 0; i < CLIENTS; i++) {
		struct client *c = &clients[i];

		if (c->fd < 0 && now >= c->wake_ms)
			dial(c);
		if (c->fd < 0 && c->wake_ms < *wake_ms)
			*wake_ms = c->wake_ms;
		p[i].fd = c->fd;
		p[i].events = POLLIN;
		if (c->step == DOT && c->sent < c->len)
			p[i].events |= POLLOUT;
	}
	return CLIENTS;
}

void clients_turn(struct world *w, const struct pollfd *p)
{
	for (size_t i = 0; w->has_clients && i < CLIENTS; i++) {
		struct client *c = &clients[i];

		if (c->fd < 0 || p[i].fd != c->fd)
			continue;
		if (p[i].revents & (POLLIN | POLLHUP | POLLERR))
			hear(w, c);
		if (c->fd >= 0 && (p[i].revents & POLLOUT))
			push(c);
	}
}
