/* SPDX-License-Identifier: ISC */
/*
 * power/model.h - what should be in the spool, kept the simple way.
 *
 * Two models are kept: what the spool answers now (soft), and what a power
 * cut must leave (hard).  A digest stands for a whole state: messages with
 * bytes, flags, states and reasons, in any order, each exactly once.
 */
#ifndef POWER_MODEL_H
#define POWER_MODEL_H

#include "spool/spool.h"

/* Messages and recipients that a workload uses at most. */
#define MODEL_MAX 64
#define MODEL_MAX_RCPT 5

/* A message that is queued. */
struct model_msg {
	uint64_t id;      /* 0: free */
	uint32_t size;    /* bytes of content */
	uint16_t env_len; /* bytes of envelope */
	uint16_t nrcpt;
	uint16_t flags;
	uint8_t states[MODEL_MAX_RCPT];
	uint16_t code[MODEL_MAX_RCPT]; /* reasons; 0 none */
	uint8_t text_len[MODEL_MAX_RCPT];
	bool is_big;
	uint32_t sum;   /* of envelope and content */
	uint64_t place; /* where it was seen last; no part of the state */
	int moves;      /* how often that has changed */
};

/* All that is queued. */
struct model {
	struct model_msg msg[MODEL_MAX];
};

/* Byte off of message id: envelope first, then content. */
uint8_t model_byte(uint64_t id, uint32_t off);

/* A source of these bytes; ctx is the struct model_msg. */
int model_read(void *ctx, uint32_t off, void *p, uint32_t n);

/* Text of a reason: len bytes at a static place. */
struct slice model_text(uint16_t code, uint8_t len);

/* A place for a message; NULL when full. */
struct model_msg *model_find(struct model *m, uint64_t id);

/* Fill in what follows from id, size and env_len. */
void model_finish(struct model_msg *g);

/* Do to the model what a mark does; a done message leaves. */
void model_mark(struct model *m, const struct spool_mark *k);

/* Digest of a whole model, and number of messages. */
uint64_t model_digest(const struct model *m);
int model_count(const struct model *m);

/*
 * Digest of what a spool holds, read through its interface.
 * Returns: 0;  -errno of the first thing that could not be read
 */
int model_digest_spool(struct spool *s, uint64_t *digest);

/*
 * Print how what is in the spool differs from the model.
 * *lost and *extra are counted up.
 */
void model_compare(struct model *m, struct spool *s, int *lost, int *extra);

#endif
