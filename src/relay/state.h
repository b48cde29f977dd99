/* SPDX-License-Identifier: ISC */
/*
 * relay/state.h - the relay's own state, shared by the files of this room
 * and seen by no other.
 */
#ifndef RELAY_STATE_H
#define RELAY_STATE_H

#include "base/id.h"
#include "base/log.h"
#include "base/memory.h"
#include "conf/password.h"
#include "mail/downgrade.h"
#include "mail/dsn.h"
#include "mail/envelope.h"
#include "mail/fixup.h"
#include "mail/outcome.h"
#include "net/resolve.h"
#include "net/stream.h"
#include "relay/relay.h"
#include "relay/secrets.h"
#include "relay/stage.h"
#include "relay/submit.h"
#include "smtp/client.h"
#include "smtp/server.h"
#include "spool/spool.h"

/* Messages on their way in; some outlive their session. */
#define RELAY_SUBMISSIONS (CONFIG_SESSIONS + 2)

/* Recipients after aliases were opened up. */
#define RELAY_RCPTS CONFIG_RCPT_MAX

/* Groups of recipients whose next attempt is later than their route's. */
#define RELAY_DEFERS 64

/* Milliseconds that an idle session with a next hop is kept. */
#define RELAY_LINGER_MS 2000

/* A stored message's flag: its sender came as a bare name. */
#define RELAY_BARE SPOOL_USER

/* Another: it came with SMTPUTF8, and its header has 8-bit bytes. */
#define RELAY_UTF8 (SPOOL_USER << 1)

/* No route: the recipient waits until the configuration has one. */
#define ROUTE_NONE 0xff

/* Milliseconds that a message may hold the stage while another waits. */
#define RELAY_STALL_MS 10000

/* No hop. */
#define HOP_NONE 0xff

/* What is known of one recipient of a staged message. */
struct staged_rcpt {
	/* Where it goes, and how far it has come. */
	uint8_t route;  /* index into conf.routes, or ROUTE_NONE */
	uint8_t origin; /* number of its submit_rcpt() */
	uint8_t state;  /* enum spool_rcpt_state */
	bool tried;     /* an attempt has ended for now: commit */
	bool later;     /* ... with a delay of the message's own */
	bool active;    /* in an attempt */
	bool quiet;     /* refused: nobody wants to know */
	uint16_t code;  /* of the last outcome */
	uint16_t dsn;
};

/* Where a submission is. */
enum submission_state {
	SUBMISSION_FREE,    /* the slot is nobody's */
	SUBMISSION_OPEN,    /* its content is coming */
	SUBMISSION_READY,   /* complete, to be delivered */
	SUBMISSION_ANSWERED /* the submitter may be told */
};

/* One message on its way in. */
struct submission {
	/* What it is and where its bytes are. */
	enum submission_state state;
	uint64_t id;
	struct chain env;        /* packed envelope, mail/envelope.h */
	struct chain body;       /* content; empty when big */
	struct chain notes;      /* texts of recipients' outcomes */
	uint32_t size;           /* octets of content */
	uint64_t announced;      /* by SIZE= */
	uint16_t nrcpt, origins; /* recipients, and RCPTs they came from */
	bool local, queue; /* from this machine; to be committed at once */
	bool orphan;       /* its submitter is gone */
	bool big;          /* the content is in the spool's data frames */
	bool eight_bit;    /* the content has 8-bit bytes */
	bool utf8;         /* it came with SMTPUTF8 */
	bool utf8_header;  /* and its header has 8-bit bytes */
	bool bare;         /* its sender came as a bare name */
	bool want_commit;  /* at the end of this turn */
	bool wall_sane;    /* wall_s was to be believed */
	int64_t wall_s;    /* when it came */
	int64_t dot_ms;    /* CLOCK_BOOTTIME of submit_end() */
	int64_t commit_ms; /* when its submitter has waited long enough */
	int64_t stall_ms;  /* since when it waits for room; 0: it does not */
	int64_t moved_ms;  /* when some of it came last */
	struct fixup scan; /* counts header octets and Received fields */
	struct outcome answer; /* once ANSWERED */
	struct staged_rcpt rcpts[RELAY_RCPTS];
};

/* The breaker of one hop (DESIGN.md 3.3), and what status says of it. */
enum hop_state {
	HOP_UP,      /* closed: mail goes */
	HOP_PROBING, /* one message tries it */
	HOP_DOWN,    /* open until next_ms */
	HOP_HELD     /* the same, for credentials, configuration, clock */
};

/* One hop's breaker. */
struct hop {
	/* The breaker, and why it is open. */
	enum hop_state state;
	bool forced;        /* an operator wants one attempt now */
	bool link_up;       /* a link came up during its attempt */
	uint8_t failures;   /* in a row, of one kind */
	uint8_t trouble;    /* enum trouble of the last one */
	uint16_t factor;    /* of its delays while they double */
	int64_t next_ms;    /* CLOCK_BOOTTIME of the next attempt */
	int64_t success_ms; /* CLOCK_BOOTTIME of the last success; 0 none */
	uint16_t code, dsn; /* of the last failure, as in struct outcome */
	char reason[OUTCOME_MAX_TEXT];
	struct stream_session session; /* to be resumed */
};

/* What is known of the queued mail of one route. */
struct route {
	struct spool_cursor cursor; /* behind it nothing was looked at */
	bool backlog; /* there may be queued mail behind the cursor */
	bool passed;  /* one was passed over: another route had it then */
	/* A try ahead of time: when queued mail joins it, and which it is. */
	int64_t after_ms;
	uint8_t early; /* since one has worked */
};

/* Recipients of a queued message that wait for a time of their own. */
struct defer {
	/* Who, since and until when, after how many tries, and why. */
	uint64_t id;                             /* 0: free */
	uint32_t rcpts[(RELAY_RCPTS + 31) / 32]; /* one bit each */
	int64_t made_ms, due_ms; /* due INT64_MIN: it has come */
	uint8_t tries;
	uint16_t code, dsn;
	char text[OUTCOME_MAX_TEXT]; /* empty: each heard something else */
};

/* Where a delivery slot is. */
enum delivery_state {
	/* In the order they are gone through. */
	DELIVERY_FREE,
	DELIVERY_CLAIMED, /* has a message, no connection yet */
	DELIVERY_RESOLVE,
	DELIVERY_CONNECT,
	DELIVERY_HANDSHAKE, /* TLS */
	DELIVERY_SESSION,   /* the client engine speaks */
	DELIVERY_LINGER     /* between messages */
};

/* A notice on its way (bounce.c): its recipients are those of d->of. */
struct notice {
	bool on;          /* the delivery carries one, not the message itself */
	bool words;       /* what stands before the returned header goes out */
	uint16_t n;       /* recipients that it names */
	uint16_t relayed; /* those of them that were sent */
	/* What it says, and how far that is out. */
	struct relay *r;
	struct dsn_job job;
	struct dsn gen;
	char id[ID_LEN + 8];     /* as in its Message-ID */
	char ref[DSN_MAX_MSGID]; /* the message's own */
};

/* One connection to a next hop, and the message it carries. */
struct delivery {
	/* The connection. */
	enum delivery_state state;
	uint8_t route;
	uint8_t hop; /* HOP_NONE: it left the configuration */
	bool busy;   /* it has a message */
	bool open;   /* a transaction was begun */
	bool fresh;  /* no transaction on this connection yet */
	bool quitting;
	bool body_ended; /* the fixup has put out all */
	bool no_tls;     /* opportunistic TLS has failed: once without */
	bool broken;     /* the message could not be read */
	bool ready;      /* input may be there */
	uint8_t tried;   /* addresses tried so far */
	/* The message: staged, or (staged NULL) msg in the spool. */
	struct submission *staged;
	struct spool_msg msg;
	uint64_t id;
	uint32_t size, off;
	int64_t wall_s, age_s;
	bool wall_sane;
	int64_t began_ms;
	uint16_t env_len;
	/* The peer, and what is said to it. */
	int bundle_fd;
	int64_t deadline_ms;
	struct resolve *resolve;
	struct net_addr peer;
	struct stream stream;
	struct trust trust;
	struct smtp_job job;
	struct smtp_txn txn;
	struct fixup fixup;
	struct fixup_job fixup_job;
	struct mailboxes boxes;
	struct notice notice;
	/* To a hop of 7 bits: what fixup gives waits in fixed. */
	bool downgrading, fixed_ended;
	struct downgrade downgrade;
	struct buf fixed;
	size_t fixed_at;
	char fixed_space[256];
	/* Bytes on their way: raw (stored), wire (fixed up), in (replies). */
	struct buf wire;
	size_t wire_at;
	size_t raw_len, raw_at;
	size_t in_len, in_at;
	struct smtp_client client;
	/* Copies: a reload may change the configuration meanwhile. */
	char helo[ADDRESS_MAX_DOMAIN + 1];
	char host[ADDRESS_MAX_DOMAIN + 1];
	char user[ADDRESS_MAX_PATH];
	char password[PASSWORD_MAX];
	/* Texts of fixup_job, and the buffers of raw, wire, in. */
	char trace[1024];
	char from[320], date[64], msgid[320];
	char in[1024], raw[1024], wire_space[1536];
	uint16_t of[RELAY_RCPTS]; /* numbers of recipients */
	struct outcome outcomes[RELAY_RCPTS];
	char env[CONFIG_ENVELOPE_MAX];  /* as stored */
	char pick[CONFIG_ENVELOPE_MAX]; /* recipients of this transaction */
} __attribute__((aligned(MEMORY_PAGE)));

/* A client of the listener or of the submission socket. */
struct session {
	/* The client, the engine that speaks to it, and its message. */
	bool used;
	bool local;
	bool ready;     /* input may be there */
	unsigned reply; /* LMTP replies given */
	struct submission *submission;
	int64_t active_ms;
	uint64_t serial; /* sessions are older the smaller it is */
	size_t in_len, in_at;
	struct net_peer peer;
	struct smtp_server_job job;
	struct stream stream;
	struct smtp_server server;
	char in[1024];
} __attribute__((aligned(MEMORY_PAGE)));

/* What the control socket is asked. */
enum control_verb {
	/* As in relay/control.h; NONE: no such command. */
	CONTROL_NONE,
	CONTROL_QUEUE,
	CONTROL_SHOW,
	CONTROL_FLUSH,
	CONTROL_REMOVE,
	CONTROL_HOLD,
	CONTROL_RELEASE,
	CONTROL_STATUS
};

/* A client of the control socket. */
struct control {
	/* The client and its command. */
	bool used;
	bool inside; /* no socket: alone_control() takes the output */
	bool ready;
	bool ended; /* the trailer is in out */
	bool json, wait, watch, all;
	enum control_verb verb;
	uint16_t step; /* pieces given so far */
	int code;      /* the answer's exit code */
	struct net_peer peer;
	struct stream stream;
	/* How far the answer has come. */
	struct slice args;
	struct spool_cursor cursor;
	struct spool_msg msg;
	bool have_msg, damaged;
	uint16_t rcpt; /* of msg, the next to be shown */
	uint32_t off;
	unsigned shown; /* messages */
	uint64_t bytes;
	int64_t active_ms;
	size_t line_len;
	size_t out_at;
	struct buf out;
	/* The command as it came, and the answer as it goes. */
	char line[1024];
	char space[4096];
};

/* A message as the spool reads it: envelope, then content. */
struct staged_source {
	/* Whose stage, which message. */
	struct relay *r;
	struct submission *s;
};

/* Reasons of refused recipients that one commit takes along. */
#define BATCH_REASONS 30

/* One commit being put together. */
struct batch {
	/* n messages, and for each what the spool is given. */
	size_t n;
	struct submission *of[RELAY_SUBMISSIONS];
	struct staged_source source[RELAY_SUBMISSIONS];
	struct spool_add add[RELAY_SUBMISSIONS];
	uint8_t states[RELAY_SUBMISSIONS][RELAY_RCPTS];
	/* Recipients of each below which all reasons ride along. */
	unsigned said[RELAY_SUBMISSIONS];
	/* The messages and reasons, nitems; nmarks of them are reasons. */
	size_t nitems, nmarks;
	struct spool_item item[SPOOL_MAX_ITEMS];
	struct spool_mark mark[BATCH_REASONS];
	char text[BATCH_REASONS][OUTCOME_MAX_TEXT];
};

/* A listening socket. */
struct listener {
	/* Its descriptor, and who comes in. */
	int fd;
	enum relay_door door;
	int64_t rest_ms; /* accept failed: not before this time */
};

/* What status counts, since start. */
struct relay_counters {
	/*
	 * Messages accepted, and those whose refusals nobody is told of
	 * (dropped); recipients for the others.  Notices are not counted.
	 */
	uint64_t accepted, sent, deferred, refused, expired, uncertain, dropped;
};

/* All of it. */
struct relay {
	/* What it works with (struct relay_setup). */
	const struct conf *conf;
	const struct identity *id;
	const struct world *w;
	const struct net *net;
	struct spool *spool;
	bool spool_waits, spool_volatile;
	bool spool_later, spool_wanted; /* by a one-shot */
	uint8_t secrets_at;             /* which of the two is in force */
	bool stopping;
	bool clock_was_set;
	bool notices_wait; /* some wait for the end of the hour */
	bool used_memory;  /* since it was given back */
	bool again; /* something changed: one more round before the wait */
	/* Times, all CLOCK_BOOTTIME; now_ms is taken once a turn. */
	int64_t now_ms, start_ms;
	int64_t queue_ms; /* queued mail is not touched before (splay) */
	int64_t tick_ms;  /* the spool's next need */
	int64_t old_ms;   /* when one more may have become too old */
	uint64_t urgent;  /* new mail that had to be stored first; 0 none */
	struct submission *big; /* whose content goes to the spool */
	/* What is asked for less often. */
	int64_t short_ms; /* until then the stage counts as short of room */
	int64_t stop_ms;
	int64_t last_wall_s; /* of the spool that comes later */
	/* Notices that were sent in the hour since notices_ms. */
	int64_t notices_ms;
	unsigned notices;
	uint32_t spool_lost; /* messages it had lost at tick_ms */
	uint32_t uid, gid;
	uint64_t sessions_begun;
	struct relay_counters count;
	size_t nlisteners;
	struct listener listeners[CONF_MAX_LISTEN + 2];
	/* As the configuration numbers them. */
	struct route routes[CONFIG_ROUTES];
	char no_spool[OUTCOME_MAX_TEXT];
	/* What is large comes behind what is small. */
	struct secrets secrets[2];
	struct hop hops[CONFIG_HOPS];
	struct defer defers[RELAY_DEFERS];
	/* Given back when nothing is under way, up to the sessions. */
	_Alignas(MEMORY_PAGE) char known[CONFIG_ENVELOPE_MAX];
	char scratch[CONFIG_ENVELOPE_MAX]; /* of one function at a time */
	char line[LOG_MAX_LINE];           /* of event.c */
	struct batch batch;                /* of commit.c */
	struct hop old_hops[CONFIG_HOPS];  /* of a reload */
	struct stage stage;                /* zeros are an empty one */
	/* Everything there is a bounded number of. */
	struct submission submissions[RELAY_SUBMISSIONS];
	struct session sessions[CONFIG_SESSIONS];
	struct control controls[CONFIG_CONTROL_SESSIONS];
	struct delivery deliveries[CONFIG_DELIVERIES];
};

#endif
