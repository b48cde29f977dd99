/* SPDX-License-Identifier: ISC */
/*
 * smtp/verdict.c - the table of SMTP.md, row by row in the same order.
 *
 * Trouble with the link, TLS, credentials or the hop itself holds the route,
 * whatever the digit (DESIGN.md promise 3).  A test walks through SMTP.md
 * and compares.
 */
#include "smtp/verdict.h"

/* Steps before a login and a transaction. */
#define SESSION (STEP_GREETING | STEP_HELLO | STEP_TLS)

/* Steps of a transaction. */
#define ENVELOPE (STEP_MAIL | STEP_RCPT | STEP_DATA)
#define MESSAGE (ENVELOPE | STEP_BODY | STEP_DOT)

#define ANY UINT16_MAX

#define OK VERDICT_NONE, TROUBLE_LINK, AFTER_NEXT
#define SENT VERDICT_SENT, TROUBLE_LINK, AFTER_NEXT
#define LATER VERDICT_RETRY_MESSAGE, TROUBLE_LINK, AFTER_NEXT
#define REFUSED VERDICT_REFUSED, TROUBLE_LINK, AFTER_NEXT
#define ROUTE VERDICT_RETRY_ROUTE, TROUBLE_LINK, AFTER_QUIT
#define LOGIN VERDICT_RETRY_ROUTE, TROUBLE_AUTH, AFTER_QUIT
#define CONF VERDICT_RETRY_ROUTE, TROUBLE_CONF, AFTER_QUIT
#define BROKEN VERDICT_RETRY_ROUTE, TROUBLE_LINK, AFTER_DROP

static const struct smtp_rule rules[] = {
	/* RFC 5321 3.8: 421 at any time */
	{ ANY, 421, 421, 0, BROKEN },
	/* nothing was asked, or not everything was said yet */
	{ STEP_IDLE, 200, 599, 0, BROKEN },
	{ STEP_BODY, 200, 399, 0, BROKEN },
	/* RFC 5321 4.3.2: the class that the step asks for */
	{ STEP_DOT, 200, 299, 0, SENT },
	{ STEP_DATA, 200, 299, 0, BROKEN },
	{ ANY, 200, 299, 0, OK },
	{ STEP_DATA | STEP_AUTH, 300, 399, 0, OK },
	{ ANY, 300, 399, 0, BROKEN },
	/* RFC 5321 4.1.1.5: there is no other reply than 250 */
	{ STEP_RSET, 400, 599, 0, BROKEN },
	/* RFC 4954 6: codes of authentication, wherever they are met */
	{ STEP_AUTH, 454, 454, 0, ROUTE },
	{ STEP_AUTH, 400, 599, 0, LOGIN },
	{ ANY, 530, 530, 0, LOGIN },
	{ ANY, 534, 535, 0, LOGIN },
	{ ANY, 538, 538, 0, LOGIN },
	{ SESSION | STEP_MAIL, 550, 550, 5730, LOGIN },
	{ SESSION | STEP_MAIL, 500, 599, 57139, LOGIN },
	{ MESSAGE, 430, 430, 0, LOGIN },
	/* RFC 3463: mail would loop, whoever sends it */
	{ STEP_GREETING, 554, 554, 546, CONF },
	/* RFC 5321 3.1, 3.8, RFC 7504: the hop, not the mail */
	{ SESSION, 400, 599, 0, ROUTE },
	{ MESSAGE, 432, 432, 0, ROUTE },
	{ MESSAGE, 400, 499, 432, ROUTE },
	{ MESSAGE, 400, 499, 445, ROUTE },
	{ STEP_MAIL, 451, 452, 47, ROUTE },
	{ STEP_MAIL, 454, 454, 0, ROUTE },
	{ STEP_MAIL, 503, 503, 0, ROUTE },
	/* RFC 5321 4.2.1: the first digit */
	{ MESSAGE, 400, 499, 0, LATER },
	{ MESSAGE, 500, 599, 0, REFUSED },
};

/* Does the enhanced code fit?  Two digits of a rule leave the detail open. */
static bool fits_dsn(uint16_t rule, uint16_t dsn)
{
	if (rule == 0 || rule == dsn)
		return true;
	if (rule >= 100)
		return false;
	while (dsn >= 100)
		dsn = (uint16_t)(dsn / 10);
	return rule == dsn;
}

const struct smtp_rule *smtp_rule_find(enum smtp_step step, uint16_t code,
				       uint16_t dsn)
{
	const struct smtp_rule *r = rules;

	/* The last rows take all that is left: the walk ends there. */
	while (r < &rules[ARRAY_LEN(rules) - 1] &&
	       (!(r->steps & step) || code < r->code || code > r->code_to ||
		!fits_dsn(r->dsn, dsn)))
		r++;
	return r;
}
