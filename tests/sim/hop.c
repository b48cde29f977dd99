/* SPDX-License-Identifier: ISC */
/* sim/hop.c - see sim/hop.h. */
#include "sim/hop.h"

#include <stdlib.h>
#include <string.h>

static const char usual_offer[] = "PIPELINING\r\nSIZE 10000000\r\n8BITMIME\r\n"
				  "AUTH PLAIN LOGIN\r\nENHANCEDSTATUSCODES";

static struct sim_rule *find_rule(struct sim_hop *h, enum sim_step step,
				  const char *line)
{
	for (size_t i = 0; i < h->nrules; i++) {
		struct sim_rule *r = &h->rules[i];

		if (r->step != step || (r->arg && !strstr(line, r->arg)))
			continue;
		r->met++;
		if (r->met <= r->skip ||
		    (r->times && r->met > r->skip + r->times))
			continue;
		return r;
	}
	return NULL;
}

static void send_line(struct sim_dialog *d, int64_t after_ms, const char *text)
{
	char space[2048];
	struct buf b = BUF_ON(space);

	buf_put_str(&b, text);
	buf_put_str(&b, "\r\n");
	if (!d->hop->dribbles) {
		sim_conn_send(d->conn, after_ms, buf_slice(&b));
		return;
	}
	for (size_t i = 0; i < b.len; i++)
		sim_conn_send(d->conn, after_ms + (int64_t)i * 3,
			      slice_of(b.data + i, 1));
}

static void leave(struct sim_dialog *d, enum sim_act act, int64_t after_ms)
{
	d->deaf = true;
	sim_conn_pause(d->conn, true);
	if (act == SIM_DROPS || act == SIM_LEAVES)
		sim_conn_close(d->conn, after_ms);
	else if (act == SIM_RESETS)
		sim_conn_reset(d->conn, after_ms);
}

/* Answer a step as the rules say; the code that was given, 0: none. */
static unsigned answer(struct sim_dialog *d, const struct sim_rule *r,
		       const char *usual)
{
	const char *text = r && r->reply ? r->reply : usual;
	int64_t after_ms = r ? r->after_ms : 0;
	enum sim_act act = r ? r->act : SIM_REPLIES;

	d->reply = text;
	if (act == SIM_REPLIES || act == SIM_LEAVES)
		send_line(d, after_ms, text);
	if (act != SIM_REPLIES)
		leave(d, act, after_ms);
	if (act != SIM_REPLIES && act != SIM_LEAVES)
		return 0;
	/* Out of step it may be heard as the reply to anything. */
	if (d->lied && text[0] == '5' && d->hop->refuses)
		d->hop->refuses("", "", text);
	return (unsigned)atoi(text);
}

static unsigned step(struct sim_dialog *d, enum sim_step which,
		     const char *usual)
{
	return answer(d, find_rule(d->hop, which, d->line), usual);
}

/* The last reply was code: who has to be told that it is a refusal? */
static void tell(struct sim_dialog *d, unsigned code, struct slice rcpts)
{
	char rcpt[320];

	if (code / 100 != 5 || !d->hop->refuses)
		return;
	do {
		struct buf b = BUF_ON(rcpt);

		buf_put_slice(&b, slice_cut(&rcpts, ' '));
		d->hop->refuses(d->now.from, buf_cstr(&b), d->reply);
	} while (rcpts.n > 0);
}

static void forget(struct sim_mail *m)
{
	free(m->data);
	*m = (struct sim_mail){ .nrcpt = 0 };
}

static void keep(struct sim_dialog *d)
{
	struct sim_hop *h = d->hop;

	if (h->nmails == SIM_MAILS)
		sim_broken("too many messages");
	d->now.session = d->number;
	h->mails[h->nmails++] = d->now;
	d->now = (struct sim_mail){ .nrcpt = 0 };
}

static void end_data(struct sim_dialog *d)
{
	struct sim_rule *r = find_rule(d->hop, SIM_DOT, d->line);
	unsigned code = answer(d, r, "250 2.0.0 taken");

	tell(d, code, slice_str(d->now.to));
	d->data = false;
	d->mail = false;
	d->now.at_ms = d->hop->net->sim->now_ms;
	d->now.heard_ms = d->now.at_ms + (r ? r->after_ms : 0);
	d->now.lost = d->lied || code / 100 != 2 ||
		      (r && r->act != SIM_REPLIES);
	if (d->now.nrcpt > 0 && (code / 100 == 2 || (r && r->takes)))
		keep(d);
	else
		forget(&d->now);
}

static void put_data(struct sim_mail *m, const char *p, size_t n)
{
	char *more = realloc(m->data, m->len + n + 1);

	if (!more)
		sim_broken("no memory");
	memcpy(more + m->len, p, n);
	m->data = more;
	m->len += n;
	m->data[m->len] = '\0';
}

/* A line of the message, with its CRLF. */
static void take_data(struct sim_dialog *d)
{
	const char *p = d->line;
	size_t n = d->line_len;

	if (!d->begun) {
		struct sim_rule *r = find_rule(d->hop, SIM_BODY, d->line);

		d->begun = true;
		if (r && r->act == SIM_REPLIES && r->reply) {
			/* From here on its replies are out of step. */
			d->lied = true;
			d->reply = r->reply;
			send_line(d, r->after_ms, r->reply);
			tell(d, (unsigned)atoi(r->reply), slice_str(d->now.to));
		} else if (r)
			leave(d, r->act, r->after_ms);
		if (d->deaf)
			return;
	}
	if (d->bol && n == 3 && memcmp(p, ".\r\n", 3) == 0) {
		end_data(d);
		return;
	}
	if (d->bol && p[0] == '.') {
		p++;
		n--;
	}
	d->bol = n > 0 && p[n - 1] == '\n';
	put_data(&d->now, p, n);
}

static bool is(const struct sim_dialog *d, const char *verb)
{
	return slice_istarts(slice_str(d->line), slice_str(verb));
}

/* What stands between < and >. */
static struct slice path_of(const char *line)
{
	struct slice in = slice_str(line);
	ptrdiff_t from = slice_find(in, '<');
	ptrdiff_t to = slice_find(in, '>');

	if (from < 0 || to < from)
		sim_broken("a path without < >");
	return slice_of(in.p + from + 1, (size_t)(to - from - 1));
}

/* Append what stands behind the path to text, and end. */
static void keep_wishes(char *text, size_t size, const char *line,
			const char *end)
{
	size_t len = strlen(text);
	struct buf b = buf_on(text + len, size - len);

	buf_put_str(&b, strchr(line, '>') + 1);
	buf_put_str(&b, end);
	buf_cstr(&b);
	if (b.overflow)
		sim_broken("too many parameters");
}

static void take_mail(struct sim_dialog *d)
{
	struct buf from = BUF_ON(d->now.from);

	d->hop->mails_said++;
	if (d->mail) {
		send_line(d, 0, "503 5.5.1 again?");
		return;
	}
	forget(&d->now);
	from = BUF_ON(d->now.from);
	buf_put_slice(&from, path_of(d->line));
	buf_cstr(&from);
	d->now.offer = d->offer ? d->offer : "";
	keep_wishes(d->now.wishes, sizeof(d->now.wishes), d->line, "");
	unsigned code = step(d, SIM_MAIL, "250 2.1.0 ok");
	tell(d, code, SLICE(""));
	d->mail = code / 100 == 2;
}

static void take_rcpt(struct sim_dialog *d)
{
	struct slice rcpt = path_of(d->line);
	size_t len = strlen(d->now.to);

	if (!d->mail) {
		send_line(d, 0, "503 5.5.1 whose?");
		return;
	}
	unsigned code = step(d, SIM_RCPT, "250 2.1.5 ok");
	tell(d, code, rcpt);
	if (code / 100 != 2)
		return;
	if (len + rcpt.n + 2 > sizeof(d->now.to))
		sim_broken("too many recipients");
	memcpy(d->now.to + len, rcpt.p, rcpt.n);
	memcpy(d->now.to + len + rcpt.n, " ", 2);
	keep_wishes(d->now.asked, sizeof(d->now.asked), d->line, "\n");
	d->now.nrcpt++;
}

static void begin_data(struct sim_dialog *d)
{
	if (d->now.nrcpt == 0) {
		send_line(d, 0, "554 5.5.1 for whom?");
		return;
	}
	unsigned code = step(d, SIM_DATA, "354 go on");
	tell(d, code, slice_str(d->now.to));
	if (code != 354)
		return;
	d->data = d->bol = true;
	d->begun = false;
	put_data(&d->now, "", 0);
}

/* The reply to a greeting was code; what has it offered? */
static void note_offer(struct sim_dialog *d, unsigned code, const char *offer)
{
	if (code / 100 != 2)
		return;
	d->offer = offer;
	d->hop->plain += strstr(offer, "SMTPUTF8") == NULL;
}

static void say_hello(struct sim_dialog *d)
{
	char text[1024];
	struct buf b = BUF_ON(text);
	const char *offer = d->hop->offer ? d->hop->offer : usual_offer;
	struct slice rest = slice_str(offer);

	buf_put_str(&b, rest.n ? "250-hop" : "250 hop");
	while (rest.n > 0) {
		struct slice line = slice_cut(&rest, '\n');

		buf_putf(&b, "\r\n250%c", rest.n ? '-' : ' ');
		buf_put_slice(&b, slice_trim(line));
	}
	note_offer(d, step(d, SIM_EHLO, buf_cstr(&b)), offer);
}

static void take_command(struct sim_dialog *d)
{
	struct sim_hop *h = d->hop;
	size_t n = strlen(d->line);

	if (h->said_len + n + 2 < sizeof(h->said)) {
		memcpy(h->said + h->said_len, d->line, n);
		memcpy(h->said + h->said_len + n, "\n", 2);
		h->said_len += n + 1;
	}
	if (d->secret) {
		d->secret = false;
		step(d, SIM_AUTH, "235 2.7.0 welcome");
	} else if (is(d, "EHLO")) {
		say_hello(d);
	} else if (is(d, "HELO")) {
		note_offer(d, step(d, SIM_HELO, "250 hop"), "");
	} else if (is(d, "AUTH")) {
		h->logins++;
		step(d, SIM_AUTH, "235 2.7.0 welcome");
	} else if (is(d, "MAIL FROM:")) {
		take_mail(d);
	} else if (is(d, "RCPT TO:")) {
		take_rcpt(d);
	} else if (is(d, "DATA")) {
		begin_data(d);
	} else if (is(d, "RSET")) {
		d->mail = false;
		step(d, SIM_RSET, "250 2.0.0 ok");
	} else if (is(d, "QUIT")) {
		step(d, SIM_QUIT, "221 2.0.0 bye");
		if (!d->deaf)
			leave(d, SIM_LEAVES, 0);
	} else {
		send_line(d, 0, "500 5.5.1 what?");
	}
}

static void take_line(struct sim_dialog *d)
{
	if (d->data) {
		take_data(d);
	} else if (d->line_len >= 2) {
		d->line[d->line_len - 2] = '\0';
		take_command(d);
	}
	d->line_len = 0;
}

static void on_data(void *ctx, struct sim_conn *c, struct slice in)
{
	struct sim_dialog *d = c->user;

	(void)ctx;
	for (size_t i = 0; i < in.n && !d->deaf; i++) {
		d->line[d->line_len++] = in.p[i];
		/* Long lines of a message go in pieces. */
		if (in.p[i] == '\n' || d->line_len == sizeof(d->line) - 1)
			take_line(d);
	}
}

static void on_closed(void *ctx, struct sim_conn *c)
{
	struct sim_dialog *d = c->user;

	(void)ctx;
	d->hop->closed++;
	d->conn = NULL;
}

static void on_opened(void *ctx, struct sim_conn *c)
{
	struct sim_hop *h = ctx;
	struct sim_dialog *d = NULL;

	for (size_t i = 0; i < SIM_SESSIONS && !d; i++)
		if (!h->dialogs[i].conn)
			d = &h->dialogs[i];
	if (!d)
		sim_broken("too many sessions");
	forget(&d->now);
	*d = (struct sim_dialog){ .hop = h, .conn = c };
	d->number = ++h->sessions;
	c->user = d;
	step(d, SIM_GREETING, "220 hop ESMTP");
}

static const struct sim_peer hop_peer = { on_opened, on_data, on_closed };

void sim_hop_init(struct sim_hop *h, struct sim_net *n, const char *ip,
		  uint16_t port)
{
	memset(h, 0, sizeof(*h));
	h->net = n;
	h->door = sim_net_listen(n, ip, port, &hop_peer, h);
}

void sim_hop_forget(struct sim_hop *h)
{
	for (size_t i = 0; i < h->nmails; i++)
		forget(&h->mails[i]);
	h->nmails = 0;
}

void sim_hop_clear(struct sim_hop *h)
{
	sim_hop_forget(h);
	for (size_t i = 0; i < SIM_SESSIONS; i++)
		forget(&h->dialogs[i].now);
}

void sim_hop_rule(struct sim_hop *h, struct sim_rule rule)
{
	if (h->nrules == SIM_RULES)
		sim_broken("too many rules");
	h->rules[h->nrules++] = rule;
}

void sim_hop_says(struct sim_hop *h, enum sim_step at, const char *arg,
		  const char *reply)
{
	sim_hop_rule(
		h, (struct sim_rule){ .step = at, .arg = arg, .reply = reply });
}

void sim_hop_heals(struct sim_hop *h)
{
	h->nrules = 0;
}

static unsigned count(const char *in, const char *text)
{
	unsigned n = 0;

	for (; (in = strstr(in, text)) != NULL; in++)
		n++;
	return n;
}

unsigned sim_hop_got(const struct sim_hop *h, const char *rcpt)
{
	unsigned n = 0;

	for (size_t i = 0; i < h->nmails; i++) {
		struct slice rest = slice_str(h->mails[i].to);

		while (rest.n > 0)
			n += slice_eq(slice_cut(&rest, ' '), slice_str(rcpt));
	}
	return n;
}

unsigned sim_hop_heard(const struct sim_hop *h, const char *text)
{
	return count(h->said, text);
}
