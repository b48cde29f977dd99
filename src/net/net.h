/* SPDX-License-Identifier: ISC */
/*
 * net/net.h - the sockets of the world, as functions that can be exchanged:
 * net_real is the machine's; a simulator brings its own table.
 *
 * All descriptors are non-blocking; every function gives 0, a count or a
 * descriptor, or a negative errno (-EAGAIN: not now).
 */
#ifndef NET_NET_H
#define NET_NET_H

#include <sys/types.h>

#include "net/addr.h"

/* Bits of what a descriptor waits for, and what it is ready for. */
enum { NET_IN = 1, NET_OUT = 2, NET_ERR = 4 };

/* Descriptors of one wait at most. */
#define NET_MAX_WAIT \
	(CONFIG_SESSIONS + CONFIG_CONTROL_SESSIONS + CONFIG_DELIVERIES + 32)

/* One descriptor in a wait. */
struct net_wait {
	int fd;        /* negative: ignored */
	uint8_t want;  /* NET_ bits */
	uint8_t ready; /* NET_ bits, set by wait() */
};

/* Who is at the other end of an accepted connection. */
struct net_peer {
	bool local;           /* a unix socket: pid and uid are known */
	uint32_t uid;         /* of a local peer */
	uint32_t gid;         /* of a local peer */
	struct net_addr addr; /* of a TCP peer */
};

/* The table. */
struct net_ops {
	/* Begin a TCP connection (TCP_NODELAY set); a descriptor. */
	int (*connect_tcp)(void *ctx, const struct net_addr *to);
	/* Connect to a unix stream socket; a descriptor. */
	int (*connect_unix)(void *ctx, const char *path);
	/* After writable: 0 it is connected, -errno why not. */
	int (*connected)(void *ctx, int fd);
	/* Our own address of a connection. */
	int (*local_addr)(void *ctx, int fd, struct net_addr *out);
	/* Listen; descriptors.  A stale unix socket file is replaced. */
	int (*listen_tcp)(void *ctx, const struct net_addr *at);
	int (*listen_unix)(void *ctx, const char *path, unsigned mode);
	/* Next connection; -EAGAIN none. */
	int (*accept)(void *ctx, int fd, struct net_peer *peer);
	/* A connected datagram socket on a port of the kernel's choice. */
	int (*connect_udp)(void *ctx, const struct net_addr *to);
	ssize_t (*read)(void *ctx, int fd, void *p, size_t n); /* 0: end */
	ssize_t (*write)(void *ctx, int fd, const void *p, size_t n);
	void (*close)(void *ctx, int fd);
	/*
	 * Wait until one of n descriptors is ready, CLOCK_BOOTTIME until_ms
	 * has come (INT64_MAX: never), or a signal came.  Number ready, 0,
	 * -EINTR, or -EINVAL when n is above NET_MAX_WAIT.  Signals that are
	 * blocked are let in while it waits, so a handler's flag that is
	 * looked at before the call is never missed.
	 */
	int (*wait)(void *ctx, struct net_wait *set, size_t n,
		    int64_t until_ms);
};

/* A world of sockets. */
struct net {
	const struct net_ops *ops; /* the functions */
	void *ctx;                 /* given to each */
};

/* The machine's sockets. */
extern const struct net net_real;

#endif
