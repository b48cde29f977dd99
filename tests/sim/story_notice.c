/* SPDX-License-Identifier: ISC */
/* sim/story_notice.c - see sim/story_notice.h. */
#include "sim/story_notice.h"

#include <stdlib.h>

#include "sim/story_wish.h"

/* Queued time after which mail is returned: the default. */
#define LIFETIME_MS (5ll * 86400 * 1000)

/* What is known of the notices about one message. */
static struct known {
	bool refused; /* a hop has refused one */
	int64_t at_ms;
	unsigned may;
} known[STORY_MAX];

bool story_may_return(const struct story_mail *m, const struct story_rcpt *r)
{
	return r->refused || story.any_refused ||
	       (r->name == STORY_LOCAL && hops[0].plain + hops[1].plain > 0) ||
	       (story.small && m->size > 15000) ||
	       story_ms() - m->dot_ms >= LIFETIME_MS;
}

bool story_is_owed(const struct story_mail *m)
{
	/* A notice waits for a lifetime, too, and no longer. */
	return !m->null_from && !known[m - story.mails].refused &&
	       story_ms() - m->dot_ms < 2 * LIFETIME_MS;
}

static struct story_mail *by_number(unsigned number)
{
	if (number < story.first || number - story.first >= story.nmails)
		return NULL;
	return &story.mails[number - story.first];
}

static void told_of(struct story_mail *m, struct story_rcpt *r, bool relayed)
{
	struct known *n = &known[m - story.mails];
	bool *told = relayed ? &r->relayed : &r->noticed;

	if (m->null_from || !m->complete)
		story_wrong("a notice that nobody is owed");
	if (relayed ? !story_wants_success(r) : !story_wants_failure(r))
		story_wrong("a notice that nobody wanted");
	if (relayed && !r->plain)
		story_wrong("a notice of mail that no such hop has got");
	if (!relayed && !story_may_return(m, r))
		story_wrong("mail was returned that nobody refused");
	story_sum.relayed += relayed && !*told;
	if (*told) {
		story_sum.twice++;
		if (n->may == 0)
			story_wrong("a notice came twice without a reason");
		else
			n->may--;
	}
	*told = true;
}

/* The end of the type of the next Final-Recipient; NULL: there is none. */
static const char *next_final(const char *at)
{
	at = strstr(at, "\nFinal-Recipient: ");
	return at ? strchr(at, ';') : NULL;
}

/* Does the Action of the recipient there say that it was relayed? */
static bool is_relayed(const char *at)
{
	static const char yes[] = "\nAction: relayed\r\n";
	static const char no[] = "\nAction: failed\r\n";

	at = strchr(at, '\n');
	if (at && strncmp(at, yes, strlen(yes)) == 0)
		return true;
	if (!at || strncmp(at, no, strlen(no)) != 0)
		story_wrong("a notice without an action");
	return false;
}

void story_notice(const struct sim_mail *in, struct slice rcpt,
		  struct slice asked)
{
	struct story_mail *m = NULL;
	const char *at = in->data;
	unsigned k;

	story_sum.returned++;
	if (in->from[0] != '\0')
		story_wrong("a notice that is not from <>");
	while ((at = next_final(at)) != NULL && !story.wrong) {
		const char *line =
			memrchr(in->data, '\n', (size_t)(at - in->data));

		at += at[1] == ' ' ? 2 : 1;
		if (m && m != story_find(at, &k))
			story_wrong("a notice about mail of several");
		m = story_find(at, &k);
		if (!m)
			story_wrong("a notice about mail that is not known");
		else {
			told_of(m, &m->rcpt[k], is_relayed(at));
			story_wish_orcpt(m, k, in->data, line);
		}
	}
	if (!m) {
		story_wrong("a notice about nothing");
		return;
	}
	story_wish_told(m, in, asked);
	/* Key `from` makes one sender of all. */
	if (rcpt.p[0] == 's' && (unsigned)atoi(rcpt.p + 1) != m->number)
		story_wrong("a notice for somebody else");
	known[m - story.mails].at_ms = story.gone_ms + in->at_ms;
	known[m - story.mails].may += in->lost ? STORY_RCPTS : 0;
}

bool story_is_untold(const struct story_mail *m, const struct story_rcpt *r)
{
	return r->due && !r->relayed && !story.any_refused && story_is_owed(m);
}

void story_may_be_untold(int64_t since_ms)
{
	for (unsigned i = 0; i < story.nmails; i++)
		for (unsigned k = 0; k < STORY_RCPTS; k++) {
			struct story_rcpt *r = &story.mails[i].rcpt[k];

			r->due &= r->heard_ms < since_ms;
		}
}

void story_notices_may_repeat(int64_t ms)
{
	for (unsigned i = 0; i < story.nmails; i++)
		if (story_ms() - known[i].at_ms <= ms)
			known[i].may += STORY_RCPTS;
}

void story_notices_retire(void)
{
	memset(known, 0, sizeof(known));
}

void story_refusal(const char *from, const char *rcpt, const char *reply)
{
	unsigned k;
	struct story_mail *m = story_find(rcpt, &k);

	/* The hop wants a password, or another one: no fault of the mail. */
	if (strncmp(reply, "53", 2) == 0)
		return;
	if (m) {
		m->rcpt[k].refused = true;
		return;
	}
	m = rcpt[0] == 's' ? by_number((unsigned)atoi(rcpt + 1)) : NULL;
	if (m) {
		known[m - story.mails].refused = true;
		return;
	}
	/* A MAIL: all of this sender's, or of anybody's. */
	m = from[0] == 's' ? by_number((unsigned)atoi(from + 1)) : NULL;
	if (!m)
		story.any_refused = true;
	for (k = 0; m && k < m->nrcpt; k++)
		m->rcpt[k].refused = true;
}
