/* SPDX-License-Identifier: ISC */
/*
 * cuts_guest.h - what the parts of the guest's program share.
 *
 * Every event is a line for the host.  It has left the guest before the next
 * instruction, so what was said before the cut is known after it:
 *
 *   B SEED          a boot: the daemon is started
 *   S N RCPTS HASH  message N is handed in; its last byte comes after this
 *   A N q|d         N is acknowledged: queued, or delivered
 *   G N RCPT HASH   the next hop has N for this recipient; it answers after
 *   D N             the answer for N has been read: the next command came
 *   U, W            the next hop is up, is down
 *   X struck|late   the flash is cut, or was not within the time
 *   F TEXT          something that must not be
 */
#ifndef CUTS_GUEST_H
#define CUTS_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RCPTS_MAX 3
#define MESSAGE_MAX (64 * 1024)
#define SINK_PORT 2526
#define RELAY_PORT 2525

struct world {
	uint64_t random;
	uint64_t next; /* number of the next message */
	long daemon;   /* its process, 0 when it has ended */
	bool is_ready; /* it has greeted a client: it takes signals */
	bool has_clients;
	unsigned defer; /* one answer in so many is 4yz, 0 none */
};

/* guest: events, chance, time. */
void event(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
uint64_t chance(struct world *w, uint64_t below);
int64_t now_ms(void);
uint64_t hash_more(uint64_t h, const char *p, size_t n);
#define HASH_SEED 0xcbf29ce484222325u

/* A line of a stream, without its CRLF; NULL when none is whole yet. */
struct lines {
	char buf[16384];
	size_t len, at;
};
int lines_fill(struct lines *l, int fd); /* 0 more, -1 the end */
char *lines_next(struct lines *l);

/* The clients. */
void clients_start(struct world *w);
void clients_wake(int64_t ms);
size_t clients_poll(struct world *w, struct pollfd *p, int64_t *wake_ms);
void clients_turn(struct world *w, const struct pollfd *p);

/* The next hop. */
void sink_set(struct world *w, bool up);
size_t sink_poll(struct pollfd *p);
void sink_turn(struct world *w, const struct pollfd *p, size_t n);

#endif
