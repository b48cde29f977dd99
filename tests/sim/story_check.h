/* SPDX-License-Identifier: ISC */
/* sim/story_check.h - what is known of a story's mail, and what must hold. */
#ifndef SIM_STORY_CHECK_H
#define SIM_STORY_CHECK_H

#include "sim/story.h"

/* One message that somebody submitted. */
struct story_mail {
	unsigned number, nrcpt;
	uint32_t size;
	bool lmtp;
	bool complete;             /* its final dot was sent */
	bool acked[4];             /* answered 250, of each recipient */
	unsigned got[4];           /* arrived so often */
	unsigned may[4];           /* may arrive once more so often */
	int64_t at_ms[4];          /* last arrival */
	struct sim_client *client; /* waits for the answer; or NULL */
};

/* All of them. */
struct story {
	const char *wrong; /* what was found wrong first */
	unsigned next;     /* client */
	unsigned nmails;
	int64_t gone_ms; /* time of the boots before this one */
	bool faulty;     /* the medium has failed since the start */
	struct story_mail mails[STORY_MAX];
};
extern struct story story;

/* Something is wrong. */
void story_wrong(const char *words);

/* A new message; NULL: the story is full. */
struct story_mail *story_new(void);

/* Its content, in static memory. */
struct slice story_body(const struct story_mail *m);

/* Take in what clients have heard and hops have got. */
void story_look(void);

/* Nobody waits at a client, at any client, any more. */
void story_forget_client(const struct sim_client *c);
void story_forget_clients(void);

/* What arrived within the last ms may arrive again. */
void story_all_may_repeat(int64_t ms);

/* The end: all has come that must. */
void story_end(void);

#endif
