/* SPDX-License-Identifier: ISC */
/*
 * relay/relay.h - the relay: takes messages, delivers first, commits on
 * trouble (DESIGN.md 3.1), and drives everything in one poll loop.
 *
 * There is one struct relay, static, whose size is known.  The owner (the
 * daemon's loop, or a command that does the daemon's job once) asks
 * relay_wants() what to wait for, waits, and calls relay_turn().
 */
#ifndef RELAY_RELAY_H
#define RELAY_RELAY_H

#include "base/world.h"
#include "conf/conf.h"
#include "conf/identity.h"
#include "net/net.h"

/* Descriptors that relay_wants() may ask for. */
#define RELAY_MAX_WAITS                                                  \
	(CONFIG_SESSIONS + CONFIG_CONTROL_SESSIONS + CONFIG_DELIVERIES + \
	 CONF_MAX_LISTEN + 2)

struct relay;
struct spool;

/* Who comes in through a listening socket. */
enum relay_door { DOOR_TCP, DOOR_LOCAL, DOOR_CONTROL };

/* What the relay works with; everything lives as long as it runs. */
struct relay_setup {
	/* The configuration in force, who we are, and the world. */
	const struct conf *conf;
	const struct identity *id;
	const struct world *world;
	const struct net *net;
	struct spool *spool;  /* NULL: none (yet) */
	const char *no_spool; /* why there is none (yet), in words; or NULL */
	bool spool_waits;     /* somebody else holds it: it will come */
	bool spool_volatile;  /* it is on a tmpfs */
	uint32_t uid, gid;    /* the user secrets must belong to */
	bool splay;           /* queued mail waits for a random time first */
	bool new_only;        /* queued mail waits for relay_flush() */
};

/* The one relay of the process. */
struct relay *relay_static(void);

/* Bytes of its static state. */
size_t relay_sizeof(void);

/* Start; no sockets yet. */
void relay_start(struct relay *r, const struct relay_setup *setup);

/*
 * Read the passwords of the hops: while root is still held, if it ever was.
 * Returns: 0;  -EACCES a file may not be used as it is: *why has the fix
 */
must_check int relay_load_secrets(struct relay *r, struct buf *why);

/* The spool has come (lock taken, recovered), or cannot be had: why. */
void relay_set_spool(struct relay *r, struct spool *spool, const char *why,
		     bool is_volatile);

/*
 * The spool comes when it is needed: then relay_wants_spool() holds until
 * relay_set_spool().  last_wall_s: what spool_last_wall() says of it.
 */
void relay_set_spool_later(struct relay *r, int64_t last_wall_s);
bool relay_wants_spool(const struct relay *r);

/* Accept from a listening descriptor.  0;  -ENOSPC too many. */
must_check int relay_add_listener(struct relay *r, int fd,
				  enum relay_door door);

/* A session of the local user uid on a connected socket, which is taken. */
void relay_add_session(struct relay *r, int fd, uint32_t uid);

/*
 * What to wait for: up to RELAY_MAX_WAITS descriptors, and the CLOCK_BOOTTIME
 * of the next thing to do (INT64_MAX: none).
 */
size_t relay_wants(struct relay *r, struct net_wait *set, int64_t *until_ms);

/* Do all that can be done now; set is what came back from the wait. */
void relay_turn(struct relay *r, const struct net_wait *set, size_t n);

/*
 * A new configuration is in force (SIGHUP).
 * Returns: 0;  -EACCES a password file may not be used: *why; the old
 *          configuration stays
 */
must_check int relay_reload(struct relay *r, const struct conf *conf,
			    const struct identity *id, struct buf *why);

/* Every hop is tried once, now (SIGUSR1, flush). */
void relay_flush(struct relay *r);

/* Has the pass that relay_flush() ordered ended? */
bool relay_flush_ended(const struct relay *r);

/* Is no message on its way to a next hop? */
bool relay_is_at_rest(const struct relay *r);

/* Somebody has set the wall clock. */
void relay_clock_set(struct relay *r);

/* A network interface or an address of ours has come up. */
void relay_link_up(struct relay *r);

/* Is a hop down for whose sake relay_link_up() is to be called? */
bool relay_misses_link(const struct relay *r);

/*
 * End: no new sessions, staged messages are committed and answered, attempts
 * under way have 5 s.
 */
void relay_stop(struct relay *r);

/* Has everything ended after relay_stop()? */
bool relay_is_over(const struct relay *r);

/* relay_wants(), the wait (a signal ends it) and relay_turn() in one. */
void relay_wait_and_turn(struct relay *r);

#endif
