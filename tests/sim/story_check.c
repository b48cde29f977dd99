/* SPDX-License-Identifier: ISC */
/* sim/story_check.c - see sim/story_check.h. */
#include "sim/story_check.h"

#include <stdlib.h>

void story_wrong(const char *words)
{
	if (!story.wrong)
		story.wrong = words;
}

struct story_mail *story_new(void)
{
	struct story_mail *m = &story.mails[story.nmails];

	if (story.nmails == STORY_MAX)
		return NULL;
	m->number = story.nmails++;
	return m;
}

struct slice story_body(const struct story_mail *m)
{
	static char text[65536];
	struct buf b = BUF_ON(text);

	buf_putf(&b, "Subject: m%u\r\n\r\n", m->number);
	for (unsigned i = 0; b.len + 80 < m->size; i++)
		buf_putf(&b, "%sline %u of %u, all of it\r\n", i % 7 ? "" : ".",
			 i, m->number);
	return slice_of(text, b.len);
}

/* Its text as it arrives: behind the header, which gains some fields. */
static struct slice body_there(const struct story_mail *m)
{
	static char text[65536];
	struct buf b = BUF_ON(text);
	struct slice rest = story_body(m);

	slice_cut(&rest, '\n');
	while (rest.n > 0) {
		struct slice line = slice_cut(&rest, '\n');

		buf_put_slice(&b, slice_from(line, line.p[0] == '.'));
		buf_put_char(&b, '\n');
	}
	return buf_slice(&b);
}

/* The answers a client has got so far. */
static void look_at(struct story_mail *m)
{
	struct slice rest = slice_of(m->client->got, m->client->len);

	for (unsigned k = 0; k < m->nrcpt && rest.n > 0; k++) {
		struct slice line = slice_cut(&rest, '\n');
		bool yes = slice_starts(line, SLICE("250 "));

		if (!m->lmtp)
			for (unsigned i = 0; i < m->nrcpt; i++)
				m->acked[i] = yes;
		else
			m->acked[k] = yes;
		if (!m->lmtp)
			break;
	}
}

static void arrived(const struct sim_mail *in, struct slice rcpt)
{
	unsigned number, k;
	struct story_mail *m;
	struct slice body;

	if (sscanf(rcpt.p, "m%u.%u@", &number, &k) != 2 ||
	    number >= story.nmails || k >= story.mails[number].nrcpt) {
		story_wrong("mail that nobody sent");
		return;
	}
	m = &story.mails[number];
	if (!m->complete)
		story_wrong("mail that was never complete");
	body = body_there(m);
	if (in->len < body.n ||
	    memcmp(in->data + in->len - body.n, body.p, body.n) != 0 ||
	    strncmp(in->data, "Received: from ", 15) != 0)
		story_wrong("mail that is not what was sent");
	if ((unsigned)atoi(in->from + 1) != number)
		story_wrong("mail from somebody else");
	if (m->got[k]++ > 0) {
		story_sum.twice++;
		if (m->may[k] == 0)
			story_wrong("mail came twice without a reason");
		else
			m->may[k]--;
	}
	if (in->lost)
		m->may[k]++;
	m->at_ms[k] = story.gone_ms + in->at_ms;
}

static void take_mail(const struct sim_mail *in)
{
	struct slice rest = slice_str(in->to);

	while (rest.n > 0)
		arrived(in, slice_cut(&rest, ' '));
	story_sum.delivered++;
}

/* In the order in which they came, wherever they came. */
static void look_at_hops(void)
{
	struct sim_hop *a = &hops[0], *b = &hops[1];
	size_t i = 0, k = 0;

	while (i < a->nmails || k < b->nmails) {
		if (k == b->nmails ||
		    (i < a->nmails && a->mails[i].at_ms <= b->mails[k].at_ms))
			take_mail(&a->mails[i++]);
		else
			take_mail(&b->mails[k++]);
	}
	sim_hop_forget(a);
	sim_hop_forget(b);
}

void story_look(void)
{
	for (unsigned i = 0; i < story.nmails; i++)
		if (story.mails[i].client)
			look_at(&story.mails[i]);
	look_at_hops();
	if (dev.relay &&
	    sim_net_held(&dev.net) > CONFIG_SESSIONS + CONFIG_CONTROL_SESSIONS +
					     CONFIG_DELIVERIES)
		story_wrong("too many connections");
}

void story_forget_client(const struct sim_client *c)
{
	for (unsigned i = 0; i < story.nmails; i++) {
		struct story_mail *m = &story.mails[i];

		if (m->client != c)
			continue;
		look_at(m);
		m->client = NULL;
	}
}

void story_forget_clients(void)
{
	for (unsigned i = 0; i < FIXTURE_CLIENTS; i++)
		story_forget_client(&clients[i]);
}

void story_all_may_repeat(int64_t ms)
{
	int64_t now_ms = story.gone_ms + dev.sim.now_ms;

	story_look();
	for (unsigned i = 0; i < story.nmails; i++)
		for (unsigned k = 0; k < story.mails[i].nrcpt; k++)
			if (story.mails[i].got[k] > 0 &&
			    now_ms - story.mails[i].at_ms[k] <= ms)
				story.mails[i].may[k]++;
}

void story_end(void)
{
	story_look();
	for (unsigned i = 0; i < story.nmails; i++) {
		const struct story_mail *m = &story.mails[i];

		for (unsigned k = 0; k < m->nrcpt; k++) {
			story_sum.acked += m->acked[k];
			if (m->acked[k] && m->got[k] == 0)
				story_wrong("mail that was answered is lost");
		}
	}
	if (spool_count(dev.spool) > 0)
		story_wrong("the queue does not drain");
	if (stage_room(&dev.relay->stage) != (size_t)STAGE_BLOCKS * STAGE_BLOCK)
		story_wrong("the stage is not given back");
}
