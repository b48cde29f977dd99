/* SPDX-License-Identifier: ISC */
/* power/model.c - see model.h. */
#include "model.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/crc32c.h"

#define CHUNK 700

uint8_t model_byte(uint64_t id, uint32_t off)
{
	uint64_t z = (id ^ off / 7) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint8_t)((z >> 40) + off);
}

int model_read(void *ctx, uint32_t off, void *p, uint32_t n)
{
	const struct model_msg *g = ctx;
	uint8_t *out = p;

	for (uint32_t i = 0; i < n; i++)
		out[i] = model_byte(g->id, off + i);
	return 0;
}

struct slice model_text(uint16_t code, uint8_t len)
{
	static char text[26 + SPOOL_MAX_TEXT];

	for (int i = 0; i < (int)sizeof(text); i++)
		text[i] = (char)('a' + i % 26);
	return slice_of(text + code % 26, len);
}

struct model_msg *model_find(struct model *m, uint64_t id)
{
	for (int i = 0; i < MODEL_MAX; i++)
		if (m->msg[i].id == id)
			return &m->msg[i];
	return NULL;
}

void model_finish(struct model_msg *g)
{
	uint8_t part[CHUNK];
	uint32_t end = g->env_len + g->size;

	g->sum = 0;
	for (uint32_t off = 0; off < end;) {
		uint32_t n = end - off < CHUNK ? end - off : CHUNK;
		(void)model_read(g, off, part, n);
		g->sum = crc32c(g->sum, part, n);
		off += n;
	}
}

static bool is_done(const struct model_msg *g)
{
	for (int i = 0; i < g->nrcpt; i++)
		if (g->states[i] != SPOOL_SENT && g->states[i] != SPOOL_DROPPED)
			return false;
	return true;
}

void model_mark(struct model *m, const struct spool_mark *k)
{
	struct model_msg *g = model_find(m, k->id);

	if (!g || k->id == 0)
		return;
	if (k->kind == SPOOL_MARK_FLAGS) {
		g->flags = (uint16_t)k->flags;
	} else if (k->kind == SPOOL_MARK_RCPT) {
		g->states[k->rcpt] = k->state;
		if (k->code != 0) {
			g->code[k->rcpt] = k->code;
			g->text_len[k->rcpt] = (uint8_t)k->text.n;
		}
	}
	if (k->kind == SPOOL_MARK_GONE || is_done(g))
		g->id = 0;
}

/* One number of another. */
static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9fb21c651e98df25);
	return h ^ h >> 28;
}

static uint64_t digest_msg(const struct model_msg *g)
{
	uint64_t h = mix(mix(mix(1, g->id), g->size), g->env_len);

	h = mix(mix(mix(h, g->nrcpt), g->flags), g->sum);
	for (int i = 0; i < g->nrcpt; i++) {
		h = mix(mix(h, g->states[i]), g->code[i]);
		if (g->code[i] != 0) {
			struct slice t = model_text(g->code[i], g->text_len[i]);
			h = mix(h, crc32c(0, t.p, t.n) + t.n);
		}
	}
	return h;
}

uint64_t model_digest(const struct model *m)
{
	uint64_t sum = 0;

	for (int i = 0; i < MODEL_MAX; i++)
		if (m->msg[i].id != 0)
			sum += digest_msg(&m->msg[i]);
	return sum;
}

int model_count(const struct model *m)
{
	int n = 0;

	for (int i = 0; i < MODEL_MAX; i++)
		n += m->msg[i].id != 0;
	return n;
}

/* Checksum of all bytes of a message. */
static int sum_bytes(struct spool *s, const struct spool_msg *msg,
		     uint32_t *sum)
{
	static uint8_t env[65536];
	uint8_t part[CHUNK];
	int err = spool_read_envelope(s, msg, env);

	*sum = crc32c(0, env, msg->env_len);
	for (uint32_t off = 0; off < msg->size && err == 0;) {
		uint32_t n = msg->size - off;
		n = n < CHUNK ? n : CHUNK;
		err = spool_read(s, msg, off, part, n);
		*sum = crc32c(*sum, part, n);
		off += n;
	}
	return err;
}

static int digest_one(struct spool *s, const struct spool_msg *msg,
		      uint64_t *digest)
{
	uint8_t states[SPOOL_MAX_RCPT];
	uint32_t sum;
	int err = sum_bytes(s, msg, &sum);
	if (err)
		return err;
	err = spool_states(s, msg, states);
	if (err)
		return err;
	uint64_t h = mix(mix(mix(1, msg->id), msg->size), msg->env_len);
	h = mix(mix(mix(h, msg->nrcpt), msg->flags), sum);
	for (uint16_t i = 0; i < msg->nrcpt; i++) {
		char space[SPOOL_MAX_TEXT];
		struct buf b = BUF_ON(space);
		uint16_t code = 0, dsn = 0;
		err = spool_reason(s, msg, i, &code, &dsn, &b);
		if (err && err != -ENOENT)
			return err;
		h = mix(mix(h, states[i]), code);
		if (code != 0)
			h = mix(h, crc32c(0, b.data, b.len) + b.len);
	}
	*digest = h;
	return 0;
}

int model_digest_spool(struct spool *s, uint64_t *digest)
{
	struct spool_cursor c = { 0, 0 };
	struct spool_msg msg;
	uint32_t count = 0;
	int more;

	*digest = 0;
	while ((more = spool_next(s, &c, &msg)) > 0) {
		uint64_t h;
		int err = digest_one(s, &msg, &h);
		if (err)
			return err;
		*digest += h;
		count++;
	}
	if (more == 0 && count != spool_count(s))
		return -ERANGE;
	return more;
}

void model_compare(struct model *m, struct spool *s, int *lost, int *extra)
{
	struct spool_cursor c = { 0, 0 };
	struct spool_msg msg;
	bool seen[MODEL_MAX] = { false };
	int more;

	while ((more = spool_next(s, &c, &msg)) != 0) {
		struct model_msg *g = msg.id ? model_find(m, msg.id) : NULL;
		uint64_t h = 0;
		int err = more < 0 ? more : digest_one(s, &msg, &h);
		if (!g || seen[g - m->msg]) {
			printf("  not expected: id %llx (%d)\n",
			       (unsigned long long)msg.id, err);
			++*extra;
			continue;
		}
		seen[g - m->msg] = true;
		if (err || h != digest_msg(g)) {
			printf("  differs: id %llx big %d (%d)\n",
			       (unsigned long long)msg.id, g->is_big, err);
			++*lost;
		}
	}
	for (int i = 0; i < MODEL_MAX; i++) {
		if (m->msg[i].id == 0 || seen[i])
			continue;
		printf("  missing: id %llx big %d\n",
		       (unsigned long long)m->msg[i].id, m->msg[i].is_big);
		++*lost;
	}
}
