/* SPDX-License-Identifier: ISC */
/*
 * sim/hop.h - a next hop whose answer at each step is chosen by rules, and
 * which keeps every message it has taken, byte by byte.
 */
#ifndef SIM_HOP_H
#define SIM_HOP_H

#include "sim/link.h"

/* What is kept. */
#define SIM_RULES 32
#define SIM_MAILS 256
#define SIM_SESSIONS 32

/* Where in the dialogue. */
enum sim_step {
	SIM_GREETING,
	SIM_EHLO,
	SIM_HELO,
	SIM_AUTH,
	SIM_MAIL,
	SIM_RCPT,
	SIM_DATA,
	SIM_BODY, /* the first bytes behind 354 */
	SIM_DOT,
	SIM_RSET,
	SIM_QUIT
};

/* What happens instead of, or behind, the reply. */
enum sim_act {
	SIM_REPLIES,
	SIM_DROPS,  /* closes without a reply */
	SIM_RESETS, /* the same, with a reset */
	SIM_STALLS, /* never answers again */
	SIM_LEAVES  /* replies and closes */
};

/* One rule; the first that fits counts. */
struct sim_rule {
	enum sim_step step;
	const char *arg; /* found in the line; NULL: any line */
	unsigned skip;   /* so many times it lets pass first */
	unsigned times;  /* then it counts so often; 0: for ever */
	enum sim_act act;
	int64_t after_ms;  /* the reply waits so long */
	const char *reply; /* without CRLF; NULL: the usual one */
	bool takes;        /* at DOT: the message is kept whatever is said */
	unsigned met;      /* its own: how often it fitted */
};

/* A message that was taken. */
struct sim_mail {
	char from[320];
	char to[9000]; /* recipients, a blank behind each */
	unsigned nrcpt;
	char wishes[200];  /* of MAIL: what stood behind the path */
	char asked[4096];  /* of each RCPT the same, an LF behind each */
	const char *offer; /* what EHLO had offered, "" nothing */
	char *data;        /* dots undone, NUL-ended, malloc()ed */
	size_t len;
	unsigned session; /* number of its connection, from 1 */
	int64_t at_ms;
	int64_t heard_ms; /* when its reply leaves */
	bool lost;        /* no 2xx was, or can be sure to have been, heard */
};

/* A connection's state. */
struct sim_dialog {
	struct sim_hop *hop;
	struct sim_conn *conn; /* NULL: free */
	unsigned number;
	bool data;         /* behind 354 */
	bool begun;        /* bytes of it have come */
	bool bol;          /* at the beginning of a line of it */
	bool deaf;         /* stalls, or has closed */
	bool lied;         /* it has replied where nothing was asked */
	bool mail;         /* a MAIL was accepted */
	bool secret;       /* AUTH waits for its response */
	const char *offer; /* what EHLO has offered so far; NULL: nothing */
	const char *reply; /* the last one of a rule or the usual one */
	struct sim_mail now;
	size_t line_len;
	char line[2048];
};

/* The next hop. */
struct sim_hop {
	struct sim_net *net;
	struct sim_listener *door; /* its mood can be changed */
	bool dribbles;             /* its replies come byte by byte */
	const char *offer; /* EHLO lines: "A\r\nB" ...; NULL: the usual ones */
	/* Told of each 5xx to MAIL (rcpt is ""), or of each recipient of it. */
	void (*refuses)(const char *from, const char *rcpt, const char *reply);
	size_t nrules;
	struct sim_rule rules[SIM_RULES];
	unsigned sessions;   /* connections that came up */
	unsigned closed;     /* of these, that the device has closed */
	unsigned mails_said; /* MAIL commands */
	unsigned logins;     /* AUTH commands */
	unsigned plain;      /* greetings without SMTPUTF8 */
	size_t nmails;
	struct sim_mail mails[SIM_MAILS];
	struct sim_dialog dialogs[SIM_SESSIONS];
	char said[65536]; /* all commands, in lines that end in LF */
	size_t said_len;
};

/* It listens at ip:port. */
void sim_hop_init(struct sim_hop *h, struct sim_net *n, const char *ip,
		  uint16_t port);

/* Forget all mail and give memory back. */
void sim_hop_clear(struct sim_hop *h);

/* Forget the messages it has taken so far. */
void sim_hop_forget(struct sim_hop *h);

/* Add a rule. */
void sim_hop_rule(struct sim_hop *h, struct sim_rule rule);

/* The same for the usual case: this reply, always. */
void sim_hop_says(struct sim_hop *h, enum sim_step step, const char *arg,
		  const char *reply);

/* Forget all rules. */
void sim_hop_heals(struct sim_hop *h);

/* How often was rcpt ("<a@b>" without the < >) given a message? */
unsigned sim_hop_got(const struct sim_hop *h, const char *rcpt);

/* How often does text stand in what was said? */
unsigned sim_hop_heard(const struct sim_hop *h, const char *text);

#endif
