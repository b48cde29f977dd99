/* SPDX-License-Identifier: ISC */
/* mail/outcome.c - see mail/outcome.h. */
#include "mail/outcome.h"

/* The least that can be said of a verdict (RFC 3463 3.1: x.0.0). */
static uint16_t default_dsn(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_SENT:
		return 200;
	case VERDICT_RETRY_MESSAGE:
	case VERDICT_RETRY_ROUTE:
		return 400;
	case VERDICT_REFUSED:
		return 500;
	case VERDICT_NONE:
		break;
	}
	return 0;
}

void outcome_set(struct outcome *o, enum verdict verdict, uint16_t code,
		 uint16_t dsn, struct slice text)
{
	*o = (struct outcome){
		.verdict = verdict,
		.code = code,
		.dsn = dsn ? dsn : default_dsn(verdict),
	};
	text = slice_head(text, OUTCOME_MAX_TEXT - 1);
	for (size_t i = 0; i < text.n; i++)
		o->text[i] = char_is_print(text.p[i]) ? text.p[i] : '?';
}

void outcome_set_trouble(struct outcome *o, enum trouble trouble, uint16_t dsn,
			 struct slice text)
{
	outcome_set(o, VERDICT_RETRY_ROUTE, 0, dsn, text);
	o->trouble = trouble;
}

void outcome_put_dsn(struct buf *b, uint16_t dsn)
{
	/* 4.7.30 has no room in three digits: it is 4730, 4.7.500 is 47500 */
	unsigned last = dsn < 1000 ? 10 : dsn < 10000 ? 100 : 1000;

	buf_putf(b, "%u.%u.%u", dsn / last / 10, dsn / last % 10, dsn % last);
}
