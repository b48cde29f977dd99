/* SPDX-License-Identifier: ISC */
/* sim/story_check.c - see sim/story_check.h. */
#include "sim/story_check.h"

#include <stdlib.h>

#include "base/crc32c.h"
#include "sim/record.h"
#include "sim/story_notice.h"
#include "sim/story_wish.h"

void story_wrong(const char *words)
{
	if (!story.wrong)
		story.wrong = words;
}

int64_t story_ms(void)
{
	return story.gone_ms + dev.sim.now_ms;
}

struct story_mail *story_new(void)
{
	struct story_mail *m = &story.mails[story.nmails];

	if (story.nmails == STORY_MAX)
		return NULL;
	*m = (struct story_mail){ .number = story.first + story.nmails++ };
	return m;
}

struct story_mail *story_find(const char *rcpt, unsigned *k)
{
	unsigned number;

	if (sscanf(rcpt, "m%u.%u@", &number, k) != 2 || number < story.first ||
	    number - story.first >= story.nmails ||
	    *k >= story.mails[number - story.first].nrcpt)
		return NULL;
	return &story.mails[number - story.first];
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

		if (slice_starts(line, SLICE("5")) &&
		    !story_may_return(m, &m->rcpt[k]))
			story_wrong("a submitter is refused for nothing");
		if (!m->lmtp)
			for (unsigned i = 0; i < m->nrcpt; i++)
				m->rcpt[i].acked = yes;
		else
			m->rcpt[k].acked = yes;
		if (!m->lmtp)
			break;
	}
}

/* The value of a field of the header; empty: it is not there. */
static struct slice field(const struct sim_mail *in, const char *name)
{
	struct slice rest = slice_of(in->data, in->len);

	while (rest.n > 0) {
		struct slice line = slice_trim(slice_cut(&rest, '\n'));

		if (line.n == 0)
			break;
		if (slice_istarts(line, slice_str(name)))
			return slice_from(line, strlen(name));
	}
	return SLICE("");
}

/* One identifier a message, whatever happens to it, and for no other. */
static void check_msgid(struct story_mail *m, const struct sim_mail *in)
{
	struct slice id = field(in, "Message-ID:");
	uint32_t sum = crc32c(0, id.p, id.n) | 1;

	if (id.n == 0)
		story_wrong("mail without a Message-ID");
	if (m->msgid != 0 && m->msgid != sum)
		story_wrong("a Message-ID that changes");
	for (unsigned i = 0; i < story.nmails && m->msgid == 0; i++)
		if (story.mails[i].msgid == sum)
			story_wrong("a Message-ID that repeats");
	m->msgid = sum;
}

static void check_header(struct story_mail *m, const struct sim_mail *in)
{
	struct slice date = field(in, "Date:");
	bool sane = world_wall_s(&dev.sim.world) >= CONFIG_RELEASE_EPOCH;

	check_msgid(m, in);
	if (strncmp(in->data, "Received: from ", 15) != 0)
		story_wrong("mail without a trace");
	if (date.n == 0)
		story_wrong("mail without a date");
	if (sane && dev.relay && memmem(date.p, date.n, " 1970 ", 6))
		story_wrong("mail of 1970 although the time is known");
}

static void check_from(const struct story_mail *m, const struct sim_mail *in)
{
	bool forced = strcmp(in->from, "router@b.org") == 0;

	if (m->null_from) {
		if (in->from[0] != '\0')
			story_wrong("mail from <> that is from somebody");
		return;
	}
	if (!forced && (unsigned)atoi(in->from + 1) != m->number)
		story_wrong("mail from somebody else");
}

/* Nothing goes out any more that an operator has stopped. */
static void check_order(const struct story_mail *m)
{
	bool late = story_ms() - m->told_ms > STORY_ATTEMPT_MS ||
		    story.boot != m->told_boot;

	if (m->removed && late)
		story_wrong("mail that an operator has removed");
	if (m->held && late)
		story_wrong("mail that an operator holds");
}

static void arrived(const struct sim_mail *in, struct slice rcpt,
		    struct slice asked)
{
	unsigned k;
	struct story_mail *m = story_find(rcpt.p, &k);
	struct slice body;

	if (!m) {
		story_wrong("mail that nobody sent");
		return;
	}
	if (!m->complete)
		story_wrong("mail that was never complete");
	body = body_there(m);
	if (in->len < body.n ||
	    memcmp(in->data + in->len - body.n, body.p, body.n) != 0)
		story_wrong("mail that is not what was sent");
	check_header(m, in);
	check_from(m, in);
	check_order(m);
	story_wish_arrived(m, k, in, rcpt, asked);

	struct story_rcpt *r = &m->rcpt[k];
	if (r->got++ > 0) {
		story_sum.twice++;
		if (r->may == 0)
			story_wrong("mail came twice without a reason");
		else
			r->may--;
	}
	if (in->lost)
		r->may++;
	r->at_ms = story.gone_ms + in->at_ms;
}

static void take_mail(const struct sim_mail *in)
{
	struct slice rest = slice_str(in->to), wishes = slice_str(in->asked);

	while (rest.n > 0) {
		struct slice rcpt = slice_cut(&rest, ' ');
		struct slice asked = slice_cut(&wishes, '\n');

		if (rcpt.p[0] != 'm')
			story_notice(in, rcpt, asked);
		else
			arrived(in, rcpt, asked);
	}
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
	/* Without room nobody is told; other recipients may come first. */
	if (story.errors != sim_log_errors())
		story_may_be_untold(story.look_ms - STORY_ATTEMPT_MS);
	story.errors = sim_log_errors();
	story.look_ms = story_ms();
	if (!dev.relay)
		return;
	if (sim_net_held(&dev.net) >
	    CONFIG_SESSIONS + CONFIG_CONTROL_SESSIONS + 2 * CONFIG_DELIVERIES)
		story_wrong("too many connections");
	if (dev.spool && spool_used(dev.spool) > spool_capacity(dev.spool))
		story_wrong("the spool holds more than it can");
}

void story_forget_client(const struct sim_client *c)
{
	for (unsigned i = 0; i < story.nmails; i++) {
		struct story_mail *m = &story.mails[i];

		if (m->client != c)
			continue;
		look_at(m);
		story_sum.full += sim_client_saw(c, "452 4.3.1");
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
	story_look();
	for (unsigned i = 0; i < story.nmails; i++) {
		struct story_mail *m = &story.mails[i];

		for (unsigned k = 0; k < m->nrcpt; k++)
			if (m->rcpt[k].got > 0 &&
			    story_ms() - m->rcpt[k].at_ms <= ms)
				m->rcpt[k].may++;
	}
	story_notices_may_repeat(ms);
	/* The device is about to stop: what it has not heard, or just so. */
	story_may_be_untold(story_ms() - STORY_HEARS_MS);
}

/* Has this one come to an end, and to one that it may have? */
static bool is_done(const struct story_mail *m, const struct story_rcpt *r)
{
	if (!r->acked || m->removed)
		return true;
	if (r->got > 0)
		return !story_is_untold(m, r);
	if (story.any_refused)
		return true;
	return story_may_return(m, r) &&
	       (r->noticed || !story_wants_failure(r) || !story_is_owed(m));
}

bool story_is_done(void)
{
	for (unsigned i = 0; i < story.nmails; i++)
		for (unsigned k = 0; k < story.mails[i].nrcpt; k++)
			if (!is_done(&story.mails[i], &story.mails[i].rcpt[k]))
				return false;
	return spool_count(dev.spool) == 0;
}

void story_end(void)
{
	story_look();
	for (unsigned i = 0; i < story.nmails; i++) {
		const struct story_mail *m = &story.mails[i];

		for (unsigned k = 0; k < m->nrcpt; k++) {
			story_sum.acked += m->rcpt[k].acked;
			story_sum.refused += m->rcpt[k].refused;
			if (is_done(m, &m->rcpt[k]))
				continue;
			log_put(LOG_ERR, "lost: m%u.%u", m->number, k);
			story_wrong(m->rcpt[k].got
					    ? "nobody is told of relayed mail"
					    : "mail that was answered is lost");
		}
	}
	if (spool_count(dev.spool) > 0)
		story_wrong("the queue does not drain");
	if (stage_room(&dev.relay->stage) != (size_t)STAGE_BLOCKS * STAGE_BLOCK)
		story_wrong("the stage is not given back");
}

void story_retire(void)
{
	story_forget_clients();
	story_notices_retire();
	story.any_refused = story.small = false;
	hops[0].plain = hops[1].plain = 0;
	story.first += story.nmails;
	story.nmails = 0;
}
