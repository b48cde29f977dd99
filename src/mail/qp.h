/* SPDX-License-Identifier: ISC */
/*
 * mail/qp.h - quoted-printable (RFC 2045 6.7), octet by octet: what is taken
 * into a 7-bit body, of a message or of a notice.
 */
#ifndef MAIL_QP_H
#define MAIL_QP_H

#include "base/buf.h"

/* The line that is put out; { 0 } begins one. */
struct qp {
	uint8_t col; /* octets of it */
	bool soft;   /* it began behind a soft end */
};

/* Append c, no line end, as 6 octets at most; last: the line may end there. */
void qp_put(struct qp *q, char c, bool last, struct buf *out);

#endif
