/* SPDX-License-Identifier: ISC */
/*
 * cmd/handover.c - a message to the daemon: LHLO on the submission socket, one
 * reply a recipient (RFC 2033).
 *
 * The SMTP engine decides what is said; here its bytes are moved, and its
 * outcomes become one exit code.
 */
#include "cmd/handover.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/local.h"
#include "mail/envelope.h"
#include "smtp/client.h"

/* A run of transactions with one daemon. */
struct run {
	const struct handover *h;
	int fd;
	struct smtp_client client;
	struct smtp_txn txn;
	bool open;         /* a transaction is under way */
	bool started;      /* one was: the next has to read from the start */
	struct slice rest; /* recipients of later transactions */
	struct buf again;  /* packed: what the daemon left for the next */
	unsigned sent, refused, later;
	int refused_code;           /* exit code of the refused */
	char why[OUTCOME_MAX_TEXT]; /* of the first that has to wait */
	int error;                  /* of reading the message, or 0 */
	struct slice have; /* bytes of it not yet given to the engine */
	struct outcome outcomes[CONFIG_RCPT_MAX];
	char again_space[2 * CONFIG_ENVELOPE_MAX];
	char rcpt_space[CONFIG_ENVELOPE_MAX];
};

static struct run the_run;

/*
 * DESIGN.md 2.1.  Before the message was sent the daemon itself has refused;
 * behind it the next hop has, but for a header over the limit.
 */
static int code_of(const struct outcome *o, bool body_sent)
{
	unsigned subject = o->dsn / 10 % 10;

	if (strstr(o->text, "header"))
		return EXIT_DATA;
	if (!body_sent && subject == 1)
		return EXIT_DATA;
	if (!body_sent && subject == 7)
		return EXIT_DENIED;
	return EXIT_REFUSED;
}

static void say(struct slice rcpt, const char *words, const struct outcome *o)
{
	char space[40];
	struct buf codes = BUF_ON(space);

	if (o->code > 0)
		buf_putf(&codes, "%u ", (unsigned)o->code);
	outcome_put_dsn(&codes, o->dsn);
	cmd_err("%.*s: %s: %s %s", (int)rcpt.n, rcpt.p, words, buf_cstr(&codes),
		o->text);
}

/* One line is enough where all recipients share the reason. */
static void say_later(struct run *r, struct slice rcpt, const struct outcome *o)
{
	if (r->h->verbose || r->later == 0 || strcmp(r->why, o->text) != 0)
		say(rcpt, "try again later", o);
	if (r->later == 0)
		memcpy(r->why, o->text, sizeof(r->why));
	r->later++;
}

/* Count what became of one recipient, and say what has to be known. */
static void settle(struct run *r, struct slice rcpt, const struct outcome *o)
{
	if (o->more && r->sent > 0) {
		envelope_put_rcpt(&r->again, rcpt);
	} else if (o->verdict == VERDICT_SENT) {
		if (r->h->verbose)
			say(rcpt, "accepted", o);
	} else if (o->verdict == VERDICT_REFUSED) {
		r->refused_code = code_of(o, r->client.body_sent);
		r->refused++;
		say(rcpt, "refused", o);
	} else {
		say_later(r, rcpt, o);
	}
}

static void settle_all(struct run *r)
{
	struct slice rcpts = r->txn.rcpts;
	struct slice rcpt;

	r->open = false;
	/* First: where none is taken, what is left over is not for later. */
	for (unsigned i = 0; i < r->txn.nrcpt; i++)
		r->sent += r->outcomes[i].verdict == VERDICT_SENT;
	for (unsigned i = 0; envelope_next_rcpt(&rcpts, &rcpt); i++)
		settle(r, rcpt, &r->outcomes[i]);
}

/* The recipients of the next transaction into rcpt_space; false: none left. */
static bool pack_rcpts(struct run *r)
{
	struct slice *from = &r->rest;
	struct slice again = buf_slice(&r->again);
	struct buf out = BUF_ON(r->rcpt_space);
	struct slice rcpt;

	if (again.n > 0)
		from = &again;
	r->txn.nrcpt = 0;
	while (r->txn.nrcpt < CONFIG_RCPT_MAX) {
		struct slice before = *from;

		if (!envelope_next_rcpt(from, &rcpt))
			break;
		/* Aliases and the trace need room in the envelope, too. */
		if (out.len + rcpt.n > sizeof(r->rcpt_space) / 2) {
			*from = before;
			break;
		}
		envelope_put_rcpt(&out, rcpt);
		r->txn.nrcpt++;
	}
	if (from == &again)
		buf_drop(&r->again, r->again.len - again.n);
	r->txn.rcpts = buf_slice(&out);
	return r->txn.nrcpt > 0;
}

/* What is left is not tried. */
static void give_up(struct run *r, const struct outcome *why)
{
	if (r->open)
		settle_all(r);
	while (pack_rcpts(r)) {
		struct slice rcpts = r->txn.rcpts;
		struct slice rcpt;

		while (envelope_next_rcpt(&rcpts, &rcpt))
			say_later(r, rcpt, why);
	}
}

/* The session is at rest: begin the next transaction, or say good-bye. */
static void next_txn(struct run *r)
{
	struct outcome why;

	if (r->open)
		settle_all(r);
	if (r->rest.n == 0 && r->again.len == 0) {
		smtp_client_quit(&r->client);
		return;
	}
	if (r->started && r->h->rewind(r->h->ctx) < 0) {
		outcome_set_trouble(&why, TROUBLE_LINK, 430,
				    SLICE("the message cannot be read again"));
		give_up(r, &why);
		smtp_client_quit(&r->client);
		return;
	}
	if (!pack_rcpts(r))
		return;
	r->started = true;
	r->have = slice_of(NULL, 0);
	r->open = true;
	smtp_client_begin(&r->client, &r->txn);
}

/* Give the engine message bytes until it has no room. */
static void pump_body(struct run *r)
{
	static char space[2048];

	while (smtp_client_wants(&r->client) & SMTP_WANT_BODY) {
		if (r->have.n == 0) {
			ssize_t n = r->h->read(r->h->ctx, space, sizeof(space));

			if (n < 0) {
				struct outcome why;

				r->error = (int)n;
				outcome_set_trouble(
					&why, TROUBLE_LINK, 430,
					SLICE("the message cannot be read"));
				smtp_client_body_fail(&r->client, &why);
				return;
			}
			if (n == 0 && !smtp_client_body_end(&r->client))
				return;
			if (n == 0)
				continue;
			r->have = slice_of(space, (size_t)n);
		}
		size_t used = smtp_client_body(&r->client, r->have);
		r->have = slice_from(r->have, used);
		if (used == 0)
			return;
	}
}

static void write_some(struct run *r)
{
	struct slice out = smtp_client_out(&r->client);
	ssize_t n = send(r->fd, out.p, out.n, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n >= 0)
		smtp_client_sent(&r->client, (size_t)n);
	else if (errno != EAGAIN && errno != EINTR)
		smtp_client_lost(&r->client, SLICE("the daemon went away"));
}

static void read_some(struct run *r)
{
	char space[512];
	ssize_t n = recv(r->fd, space, sizeof(space), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		smtp_client_lost(&r->client, SLICE("the daemon went away"));
		return;
	}
	struct slice in = slice_of(space, (size_t)n);
	while (in.n > 0) {
		size_t used = 0;

		smtp_client_feed(&r->client, in, &used);
		if (used == 0)
			break;
		in = slice_from(in, used);
	}
}

/* Move bytes until something has happened. */
static void turn(struct run *r, unsigned wants)
{
	unsigned timeout_s = smtp_client_timeout_s(&r->client);
	struct pollfd p = { .fd = r->fd };

	if (wants & SMTP_WANT_READ)
		p.events |= POLLIN;
	if (wants & SMTP_WANT_WRITE)
		p.events |= POLLOUT;
	int n = poll(&p, 1, timeout_s > 0 ? (int)timeout_s * 1000 : -1);
	if (n == 0)
		smtp_client_expire(&r->client);
	if (n <= 0)
		return;
	if (p.revents & POLLOUT)
		write_some(r);
	if (p.revents & (POLLIN | POLLHUP | POLLERR))
		read_some(r);
}

static void converse(struct run *r)
{
	for (;;) {
		unsigned wants = smtp_client_wants(&r->client);

		if (wants & SMTP_WANT_CLOSE)
			break;
		if (wants & SMTP_WANT_TXN)
			next_txn(r);
		if (wants & SMTP_WANT_BODY)
			pump_body(r);
		if (!(wants & (SMTP_WANT_TXN | SMTP_WANT_BODY)) ||
		    smtp_client_wants(&r->client) == wants)
			turn(r, smtp_client_wants(&r->client));
	}
	give_up(r, &r->client.fault);
}

static int result_of(const struct run *r)
{
	if (r->error < 0)
		return EXIT_IO;
	if (r->later > 0)
		return EXIT_AGAIN;
	if (r->refused > 0 && r->sent == 0)
		return r->refused_code;
	return EXIT_DONE;
}

int handover_daemon(const struct conf *c, const struct handover *h)
{
	static const struct smtp_job job = {
		.helo = { "localhost", 9 },
		.lmtp = true,
		.tls = SMTP_TLS_OFF,
	};
	struct run *r = &the_run;
	int fd = local_connect(c->socket);

	if (fd == -ENOENT)
		return -ENOENT;
	if (fd < 0) {
		cmd_err("%s: %s", c->socket.p,
			fd == -EACCES ? "not allowed"
				      : "the daemon cannot be reached");
		return fd == -EACCES ? EXIT_DENIED : EXIT_AGAIN;
	}
	memset(r, 0, sizeof(*r));
	r->h = h;
	r->fd = fd;
	r->rest = h->rcpts;
	r->again = BUF_ON(r->again_space);
	r->txn = (struct smtp_txn){
		.from = h->from,
		.size = h->size,
		.eight_bit = h->eight_bit,
		.queue = h->mode == HANDOVER_QUEUE,
		.outcomes = r->outcomes,
	};
	smtp_client_init(&r->client, &job);
	converse(r);
	close(fd);
	return result_of(r);
}
