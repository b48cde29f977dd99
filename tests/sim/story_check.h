/* SPDX-License-Identifier: ISC */
/* sim/story_check.h - what is known of a story's mail, and what must hold. */
#ifndef SIM_STORY_CHECK_H
#define SIM_STORY_CHECK_H

#include "sim/story.h"

/* Recipients of one message. */
#define STORY_RCPTS 4

/* What the device takes for a reply that has left the hop: milliseconds. */
#define STORY_HEARS_MS 2000

/* What an attempt under way may take, to be over: milliseconds. */
#define STORY_ATTEMPT_MS (30 * 60 * 1000)

/* What of an address is not ASCII. */
enum story_name { STORY_ASCII, STORY_LOCAL, STORY_DOMAIN };

/* One recipient of a message. */
struct story_rcpt {
	enum story_name name;
	const char *notify; /* NULL: not said */
	bool orcpt;
	bool plain;       /* a hop without DSN has got it ... */
	bool due;         /* ... its sender is to be told of that ... */
	bool relayed;     /* ... and was */
	int64_t heard_ms; /* its reply leaves the hop */
	bool acked;       /* answered 250 */
	bool refused;     /* a hop has said 5xx */
	bool noticed;     /* a notice about it has come */
	unsigned got;     /* arrived so often */
	unsigned may;     /* may arrive once more so often */
	int64_t at_ms;    /* last arrival */
};

/* One message that somebody submitted. */
struct story_mail {
	unsigned number, nrcpt;
	uint32_t size;
	bool lmtp;
	bool utf8;       /* SMTPUTF8 was said */
	bool envid;      /* and ENVID */
	const char *ret; /* and RET; NULL: not */
	bool null_from;  /* from <> */
	bool complete;   /* its final dot was sent */
	int64_t dot_ms;  /* when */
	bool held;       /* an operator's hold was answered */
	bool removed;    /* the same for remove */
	int64_t told_ms; /* when */
	unsigned told_boot;
	uint32_t msgid; /* CRC of its Message-ID, 0: not seen */
	struct story_rcpt rcpt[STORY_RCPTS];
	struct sim_client *client; /* waits for the answer; or NULL */
};

/* All of them. */
struct story {
	const char *wrong; /* what was found wrong first */
	unsigned event;    /* number of what happens now */
	unsigned next;     /* client */
	unsigned first;    /* number of mails[0] */
	unsigned nmails;
	unsigned boot;    /* starts of the program so far */
	int64_t gone_ms;  /* time of the boots before this one */
	bool faulty;      /* the medium has failed since the start */
	bool any_refused; /* a MAIL was refused, of nobody knows which */
	bool small;       /* a hop has not wanted large mail */
	unsigned errors;  /* that were logged up to the last look ... */
	int64_t look_ms;  /* ... and when that was */
	/* Shortest and longest delay, and how many, at a hop long away. */
	int64_t least_ms, most_ms;
	unsigned delays;
	struct story_mail mails[STORY_MAX];
};
extern struct story story;

/* Something is wrong. */
void story_wrong(const char *words);

/* The time since the beginning, over all boots. */
int64_t story_ms(void);

/* A new message; NULL: the story is full. */
struct story_mail *story_new(void);

/* Message and recipient of "mN.K@..."; NULL: there is none. */
struct story_mail *story_find(const char *rcpt, unsigned *k);

/* Its content, in static memory. */
struct slice story_body(const struct story_mail *m);

/* Take in what clients have heard and hops have got. */
void story_look(void);

/* Nobody waits at a client, at any client, any more. */
void story_forget_client(const struct sim_client *c);
void story_forget_clients(void);

/* What arrived within the last ms may arrive again. */
void story_all_may_repeat(int64_t ms);

/* Has every recipient come to an end that it may have? */
bool story_is_done(void);

/* The world has healed and had its time: all has come that must. */
void story_end(void);

/* All of it is history. */
void story_retire(void);

#endif
