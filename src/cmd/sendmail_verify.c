/* SPDX-License-Identifier: ISC */
/*
 * cmd/sendmail_verify.c - sendmail -bv: where mail to an address would go.
 * Nobody is asked, nothing is sent.
 */
#include "cmd/cmd.h"
#include "cmd/sendmail.h"
#include "mail/envelope.h"

/* One recipient on its way through the aliases. */
struct verify {
	const struct conf *c;
	struct slice from, rcpt; /* as they were given */
};

/* The first hop of the route; NULL: there is none. */
static const char *hop_of(const struct conf *c, struct slice from,
			  struct slice mailbox)
{
	int route = conf_route_of(c, from, mailbox);

	for (unsigned i = 0; route >= 0 && i < c->nhops; i++)
		if (c->hops[i].route == route)
			return c->hops[i].text.p;
	return NULL;
}

static int print(void *ctx, struct slice mailbox)
{
	const struct verify *v = ctx;
	const char *hop = hop_of(v->c, v->from, mailbox);

	cmd_out("%.*s... deliverable: %.*s %s%s\n", (int)v->rcpt.n, v->rcpt.p,
		(int)mailbox.n, mailbox.p, hop ? "by " : "waits for a route",
		hop ? hop : "");
	return 0;
}

int sendmail_verify(struct sendmail *s, const struct conf *c,
		    const struct identity *id)
{
	struct verify v = { .c = c, .from = slice_str(s->from ? s->from : "") };
	int code = sendmail_rcpts_of_args(s);
	struct slice rest = buf_slice(&s->rcpts);

	while (code == 0 && envelope_next_rcpt(&rest, &v.rcpt)) {
		if (identity_expand(id, c, v.rcpt, print, &v) < 0) {
			cmd_err("%.*s: no domain, or too long", (int)v.rcpt.n,
				v.rcpt.p);
			code = EXIT_DATA;
		}
	}
	return cmd_end(code);
}
