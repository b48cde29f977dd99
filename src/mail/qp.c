/* SPDX-License-Identifier: ISC */
/* mail/qp.c - see mail/qp.h. */
#include "mail/qp.h"

/* Octets of a line before its soft end: 76 with what may follow. */
#define QP_LINE 72

void qp_put(struct qp *q, char c, bool last, struct buf *out)
{
	static const char hex[] = "0123456789ABCDEF";
	unsigned char u = (unsigned char)c;

	if (q->col > QP_LINE) {
		buf_put_str(out, "=\r\n");
		*q = (struct qp){ .soft = true };
	}
	/* A soft end must not make a boundary. */
	if (c != '=' && !(char_is_blank(c) && last) &&
	    (char_is_print(c) || c == '\t') &&
	    !(c == '-' && q->col == 0 && q->soft)) {
		buf_put_char(out, c);
		q->col++;
		return;
	}
	buf_put_char(out, '=');
	buf_put_char(out, hex[u >> 4]);
	buf_put_char(out, hex[u & 15]);
	q->col = (uint8_t)(q->col + 3);
}
