/* SPDX-License-Identifier: ISC */
/*
 * mail/params.h - the parameters of MAIL and RCPT by which a sender asks for
 * notices (RFC 3461 4): RET and ENVID, NOTIFY and ORCPT.  Pure.
 */
#ifndef MAIL_PARAMS_H
#define MAIL_PARAMS_H

#include "base/buf.h"

/*
 * Append "NAME=VALUE" behind what b has, with a blank between: name and the
 * words of value in any case, in upper case when they are out.
 * Returns: false: it is none of the four, or malformed; b is not to be used
 */
must_check bool params_put(struct buf *b, struct slice name,
			   struct slice value);

/* What NOTIFY asks for; a failure is told when there is none. */
bool params_want_failure(struct slice params);
bool params_want_success(struct slice params);

/* Append xtext decoded (RFC 3461 4): what is not printable ASCII as '?'. */
void params_put_decoded(struct buf *b, struct slice xtext);

#endif
