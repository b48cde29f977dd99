/* SPDX-License-Identifier: ISC */
/*
 * sim/link.h - the network of a simulated world, behind net/net.h: listeners
 * by address or path, connections that are two pipes of bytes with a delay,
 * refusals, silence, resets.  No socket is opened, and wait() moves the clock.
 */
#ifndef SIM_LINK_H
#define SIM_LINK_H

#include "net/net.h"
#include "sim/sim.h"

/* Connections and listeners there may be at a time. */
#define SIM_CONNS 64
#define SIM_LISTENERS 32

/* Bytes that may be under way from the device to a peer. */
#define SIM_WINDOW 16384

struct sim_conn;

/* Who sits at the other end of a connection. */
struct sim_peer {
	/* It is up.  May be NULL. */
	void (*opened)(void *ctx, struct sim_conn *c);
	/* Bytes have come from the device. */
	void (*data)(void *ctx, struct sim_conn *c, struct slice in);
	/* The device has closed, first or last.  May be NULL. */
	void (*closed)(void *ctx, struct sim_conn *c);
};

/* How a peer's listener treats those who come. */
enum sim_mood {
	SIM_ACCEPTS,
	SIM_REFUSES, /* connection refused, after the delay */
	SIM_SILENT,  /* no answer, ever */
	SIM_AWAY     /* connect() itself fails: network is unreachable */
};

/* Somebody listens: the device (peer NULL) or a peer. */
struct sim_listener {
	bool used;
	struct net_addr at; /* of TCP */
	char path[64];      /* of a unix socket, else "" */
	enum sim_mood mood; /* of a peer */
	const struct sim_peer *peer;
	void *ctx;
	unsigned connects; /* attempts so far, whatever became of them */
};

/* A connection. */
struct sim_conn {
	struct sim_net *net;
	bool used;
	bool up;                 /* both ends know of it */
	bool held;               /* the device has its descriptor */
	bool udp;                /* it is for datagrams */
	bool device_gone;        /* the device has closed */
	bool peer_gone;          /* the peer has closed: nothing more comes */
	struct sim_listener *at; /* waiting to be accepted there */
	uint64_t order;          /* of those who wait */
	struct net_peer from;    /* what accept() says */
	const struct sim_peer *peer;
	void *ctx;  /* of peer */
	void *user; /* the peer's own */
	int error;  /* of the device's end: connecting, reading, writing */
	bool end;   /* nothing more comes */
	char *in;   /* arrived for the device, malloc()ed */
	size_t in_len;
	int64_t in_ms, out_ms; /* last arrival at either end */
	size_t flying;         /* bytes the peer has not taken */
	bool paused;           /* the peer does not read */
	char *kept;            /* what it has not read, malloc()ed */
	size_t kept_len;
	unsigned refs; /* events that speak of it */
};

/* Who answers datagrams, whatever address they are sent to. */
struct sim_udp {
	const struct sim_peer *peer; /* NULL: nobody */
	bool (*is_there)(void *ctx); /* else connect() fails */
	void *ctx;
};

/* The network. */
struct sim_net {
	struct net net; /* for the code under test */
	struct sim *sim;
	int64_t delay_ms; /* of every byte, and of a connection */
	size_t most;      /* bytes of one read or write; 0: any */
	uint64_t order;
	unsigned wakes; /* waits that ended because of the time asked for */
	unsigned idle;  /* waits in a row in which no time went by */
	unsigned turns; /* waits */
	struct sim_udp udp;
	struct sim_listener listeners[SIM_LISTENERS];
	struct sim_conn conns[SIM_CONNS];
};

/* An empty network with a delay of 1 ms. */
void sim_net_init(struct sim_net *n, struct sim *s);

/* Forget all connections; the device's listeners too. */
void sim_net_reboot(struct sim_net *n);

/* A peer listens at an address such as "192.0.2.1", port. */
struct sim_listener *sim_net_listen(struct sim_net *n, const char *ip,
				    uint16_t port, const struct sim_peer *peer,
				    void *ctx);

/*
 * A peer connects to where the device listens: a path, or an address and a
 * port; from: the peer's own address, for a path its uid.
 * Returns: NULL when nobody listens there
 */
struct sim_conn *sim_net_connect(struct sim_net *n, const char *path,
				 uint32_t uid, const struct sim_peer *peer,
				 void *ctx);
struct sim_conn *sim_net_connect_tcp(struct sim_net *n, const char *ip,
				     uint16_t port, const char *from,
				     const struct sim_peer *peer, void *ctx);

/* The peer sends bytes; they leave in after_ms, in order. */
void sim_conn_send(struct sim_conn *c, int64_t after_ms, struct slice bytes);

/* The peer closes, or resets, when all it has sent has arrived. */
void sim_conn_close(struct sim_conn *c, int64_t after_ms);
void sim_conn_reset(struct sim_conn *c, int64_t after_ms);

/* The peer stops reading, or goes on. */
void sim_conn_pause(struct sim_conn *c, bool paused);

/* Connections whose descriptor the device holds. */
unsigned sim_net_held(const struct sim_net *n);

#endif
