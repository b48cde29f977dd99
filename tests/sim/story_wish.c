/* SPDX-License-Identifier: ISC */
/* sim/story_wish.c - see sim/story_wish.h. */
#include "sim/story_wish.h"

/* With mail in all of these. */
static const char *const notifies[] = {
	NULL,
	"NEVER",
	"SUCCESS",
	"FAILURE",
	"SUCCESS,FAILURE",
	"FAILURE,DELAY",
	"SUCCESS,DELAY",
};

static uint64_t draw(uint64_t n)
{
	return sim_below(&dev.sim, n);
}

void story_wish(struct story_mail *m)
{
	static const char *const rets[] = { NULL, "FULL", "HDRS" };
	bool utf8 = draw(10) == 0;

	m->utf8 = utf8;
	for (unsigned k = 0; k < m->nrcpt && utf8; k++)
		m->rcpt[k].name = (enum story_name)draw(STORY_DOMAIN + 1);
	if (draw(4))
		return;
	m->ret = rets[draw(ARRAY_LEN(rets))];
	m->envid = draw(2);
	for (unsigned k = 0; k < m->nrcpt; k++) {
		m->rcpt[k].notify = notifies[draw(ARRAY_LEN(notifies))];
		m->rcpt[k].orcpt = draw(2);
	}
}

/* Its address; plain: as a hop without SMTPUTF8 gets it. */
static void put_rcpt(struct buf *b, const struct story_mail *m, unsigned k,
		     bool plain)
{
	enum story_name name = m->rcpt[k].name;

	buf_putf(b, "m%u.%u%s@", m->number, k,
		 name == STORY_LOCAL ? "\303\274" : "");
	if (name == STORY_DOMAIN)
		buf_put_str(b,
			    plain ? "xn--bcher-kva.org" : "b\303\274cher.org");
	else
		buf_put_str(b, (m->number + k) % 2 ? "odd.org" : "even.org");
}

static void put_mail_wishes(struct buf *b, const struct story_mail *m)
{
	if (m->ret)
		buf_putf(b, " RET=%s", m->ret);
	if (m->envid)
		buf_putf(b, " ENVID=e%u+2Bx", m->number);
}

static void put_rcpt_wishes(struct buf *b, const struct story_mail *m,
			    unsigned k)
{
	const struct story_rcpt *r = &m->rcpt[k];

	if (r->notify)
		buf_putf(b, " NOTIFY=%s", r->notify);
	if (r->orcpt)
		buf_putf(b, " ORCPT=rfc822;o%u.%u+2Bx@c.org", m->number, k);
}

void story_put_envelope(struct buf *b, const struct story_mail *m)
{
	if (m->null_from)
		buf_put_str(b, "MAIL FROM:<>");
	else
		buf_putf(b, "MAIL FROM:<s%u@b.org>", m->number);
	put_mail_wishes(b, m);
	buf_put_str(b, m->utf8 ? " SMTPUTF8\r\n" : "\r\n");
	for (unsigned k = 0; k < m->nrcpt; k++) {
		buf_put_str(b, "RCPT TO:<");
		put_rcpt(b, m, k, false);
		buf_put_char(b, '>');
		put_rcpt_wishes(b, m, k);
		buf_put_str(b, "\r\n");
	}
}

bool story_wants_failure(const struct story_rcpt *r)
{
	return !r->notify || strstr(r->notify, "FAILURE");
}

bool story_wants_success(const struct story_rcpt *r)
{
	return r->notify && strstr(r->notify, "SUCCESS");
}

static bool offers(const struct sim_mail *in, const char *what)
{
	return strstr(in->offer, what) != NULL;
}

/* MAIL says what it was asked to where DSN is known, and there alone. */
static void check_mail(const struct story_mail *m, const struct sim_mail *in)
{
	char space[200];
	struct buf want = BUF_ON(space);
	struct slice said = slice_str(in->wishes);
	size_t n;

	if (offers(in, "DSN"))
		put_mail_wishes(&want, m);
	n = said.n - want.len;
	if (!slice_iends(said, buf_slice(&want)) ||
	    slice_has(slice_head(said, n), SLICE("RET=")) ||
	    slice_has(slice_head(said, n), SLICE("ENVID=")))
		story_wrong("RET and ENVID are not what they were");
}

/* An address goes as it came where it may, else as A-labels (RFC 6531). */
static void check_name(const struct story_mail *m, unsigned k,
		       const struct sim_mail *in, struct slice rcpt)
{
	char space[100];
	struct buf want = BUF_ON(space);
	bool said = strstr(in->wishes, " SMTPUTF8") != NULL;
	enum story_name name = m->rcpt[k].name;

	put_rcpt(&want, m, k, !said);
	if (!slice_eq(rcpt, buf_slice(&want)))
		story_wrong("an address that is not what it was");
	if (said && (!offers(in, "SMTPUTF8") || !m->utf8))
		story_wrong("SMTPUTF8 where it should not be");
	if (!said && (name == STORY_LOCAL ||
		      (name == STORY_DOMAIN && offers(in, "SMTPUTF8"))))
		story_wrong("no SMTPUTF8 where it should be");
}

void story_wish_arrived(struct story_mail *m, unsigned k,
			const struct sim_mail *in, struct slice rcpt,
			struct slice asked)
{
	char space[200];
	struct buf want = BUF_ON(space);
	struct story_rcpt *r = &m->rcpt[k];

	check_mail(m, in);
	check_name(m, k, in, rcpt);
	if (offers(in, "DSN"))
		put_rcpt_wishes(&want, m, k);
	if (!slice_eq(asked, buf_slice(&want)))
		story_wrong("NOTIFY and ORCPT are not what they were");
	if (offers(in, "DSN"))
		return;
	r->plain = true;
	r->heard_ms = story.gone_ms + in->heard_ms;
	r->due |= !in->lost && story_wants_success(r);
}

void story_wish_told(const struct story_mail *m, const struct sim_mail *in,
		     struct slice asked)
{
	static const char all[] = "Content-Type: message/rfc822\r\n";
	const char *id = strstr(in->data, "\nOriginal-Envelope-Id: ");
	bool full = strstr(in->data, all) != NULL;
	char space[100];
	struct buf want = BUF_ON(space);

	/* RFC 3461 6.2. */
	if (!slice_eq(asked,
		      offers(in, "DSN") ? SLICE(" NOTIFY=NEVER") : SLICE("")))
		story_wrong("a notice that asks for notices");
	buf_putf(&want, "\nOriginal-Envelope-Id: e%u+x\r\n", m->number);
	if ((id != NULL) != m->envid ||
	    (id && strncmp(id, buf_cstr(&want), want.len) != 0))
		story_wrong("an ENVID that is not what it was");
	if (full && (!m->ret || strcmp(m->ret, "FULL") != 0))
		story_wrong("a notice with all of a message");
}

void story_wish_orcpt(const struct story_mail *m, unsigned k, const char *text,
		      const char *at)
{
	char space[100];
	struct buf want = BUF_ON(space);
	bool is_there;

	buf_putf(&want, "\nOriginal-Recipient: rfc822; o%u.%u+x@c.org\r",
		 m->number, k);
	is_there = (size_t)(at - text) >= want.len &&
		   memcmp(at - want.len, want.data, want.len) == 0;
	if (is_there != m->rcpt[k].orcpt)
		story_wrong("an ORCPT that is not what it was");
}
