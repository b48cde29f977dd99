/* SPDX-License-Identifier: ISC */
/*
 * cuts_sink.c - the next hop.  It goes down between commands or inside a
 * message, but never between a final dot and its answer: a second copy is
 * then of the relay's making.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cuts_guest.h"

#define SESSIONS 8

struct session {
	int fd;
	struct lines in;
	bool in_data;
	uint64_t rcpts[RCPTS_MAX], numbers[RCPTS_MAX];
	unsigned nrcpt;
	bool is_counted; /* the header we hash from has begun */
	uint64_t hash;
	uint64_t done; /* answered, not yet known to be read */
	bool has_done;
};

static struct session sessions[SESSIONS];
static int door = -1;

void sink_set(struct world *w, bool up)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(SINK_PORT) };
	int on = 1;

	(void)w;
	if (!up) {
		close(door);
		door = -1;
		event("W");
		return;
	}
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(door, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(door, SESSIONS) < 0)
		event("F sink: no port");
	event("U");
}

static void end(struct session *s)
{
	if (s->fd > 0)
		close(s->fd);
	s->fd = 0;
}

static void say(struct session *s, const char *text)
{
	if (write(s->fd, text, strlen(text)) < 0)
		end(s);
}

static void welcome(void)
{
	for (size_t i = 0; i < SESSIONS; i++) {
		struct session *s = &sessions[i];

		if (s->fd > 0)
			continue;
		memset(s, 0, sizeof(*s));
		s->fd = accept4(door, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (s->fd > 0)
			say(s, "220 sink.test\r\n");
		return;
	}
}

static void take_rcpt(struct world *w, struct session *s, const char *line)
{
	uint64_t r, n;

	if (s->nrcpt == RCPTS_MAX ||
	    sscanf(line, "%*[^<]<r%" SCNu64 ".%" SCNu64 "@example.org>", &r,
		   &n) != 2) {
		event("F sink: %s", line);
		say(s, "550 5.1.1 who?\r\n");
		return;
	}
	if (w->defer && chance(w, w->defer) == 0) {
		say(s, "451 4.2.1 not now\r\n");
		return;
	}
	s->rcpts[s->nrcpt] = r;
	s->numbers[s->nrcpt++] = n;
	say(s, "250 2.1.5 ok\r\n");
}

static void take_dot(struct world *w, struct session *s)
{
	s->in_data = false;
	if (w->defer && chance(w, w->defer) == 0) {
		say(s, "451 4.3.0 not now\r\n");
		return;
	}
	for (unsigned i = 0; i < s->nrcpt; i++)
		event("G %" PRIu64 " %" PRIu64 " %016" PRIx64, s->numbers[i],
		      s->rcpts[i], s->hash);
	s->done = s->numbers[0];
	s->has_done = true;
	say(s, "250 2.0.0 taken\r\n");
}

static void take_data(struct world *w, struct session *s, const char *line)
{
	if (line[0] == '.' && line[1] == '\0') {
		take_dot(w, s);
		return;
	}
	if (line[0] == '.')
		line++;
	if (!s->is_counted && strncmp(line, "X-Cut: ", 7) == 0)
		s->is_counted = true;
	if (!s->is_counted)
		return;
	s->hash = hash_more(s->hash, line, strlen(line));
	s->hash = hash_more(s->hash, "\r\n", 2);
}

static void take(struct world *w, struct session *s, const char *line)
{
	if (s->in_data) {
		take_data(w, s, line);
		return;
	}
	if (s->has_done)
		event("D %" PRIu64, s->done);
	s->has_done = false;
	if (door < 0) {
		say(s, "421 4.3.2 going down\r\n");
		end(s);
	} else if (strncasecmp(line, "EHLO", 4) == 0) {
		say(s, "250-sink.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n");
	} else if (strncasecmp(line, "RCPT", 4) == 0) {
		take_rcpt(w, s, line);
	} else if (strncasecmp(line, "DATA", 4) == 0) {
		s->in_data = s->nrcpt > 0;
		s->is_counted = false;
		s->hash = HASH_SEED;
		say(s, s->nrcpt ? "354 go\r\n" : "554 5.5.1 nobody\r\n");
	} else if (strncasecmp(line, "QUIT", 4) == 0) {
		say(s, "221 bye\r\n");
		end(s);
	} else {
		s->nrcpt = 0;
		say(s, "250 2.0.0 ok\r\n");
	}
}

size_t sink_poll(struct pollfd *p)
{
	p[0].fd = door;
	p[0].events = POLLIN;
	for (size_t i = 0; i < SESSIONS; i++) {
		p[i + 1].fd = sessions[i].fd > 0 ? sessions[i].fd : -1;
		p[i + 1].events = POLLIN;
	}
	return SESSIONS + 1;
}

void sink_turn(struct world *w, const struct pollfd *p, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct session *s = &sessions[i - 1];
		const char *line;
		int gone;

		if (!p[i].revents || s->fd <= 0)
			continue;
		gone = lines_fill(&s->in, s->fd);
		while (s->fd > 0 && (line = lines_next(&s->in)) != NULL)
			take(w, s, line);
		/* Down inside a message: what there is of it is thrown away. */
		if (s->fd > 0 && (gone < 0 || (door < 0 && s->in_data)))
			end(s);
	}
	if (p[0].revents && door >= 0)
		welcome();
}
