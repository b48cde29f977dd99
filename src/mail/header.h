/* SPDX-License-Identifier: ISC */
/*
 * mail/header.h - walk through a header that is wholly in memory: what
 * sendmail -t reads its recipients from, and what limits are counted on.
 *
 * Pure.  Input lines end with CRLF.  Slices point into the input.
 */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include "base/slice.h"

/* One field. */
struct header_field {
	struct slice name; /* without blanks and colon */
	struct slice body; /* behind the colon: folds kept, last CRLF not */
};

/*
 * Take the next field off the front of *rest.
 * Returns: 1 and *f set;  0 the header has ended: *rest is the body, its
 *          empty line taken;  -EINVAL the line is no field: *rest untouched
 */
must_check int header_next(struct slice *rest, struct header_field *f);

/* Does in begin with a header field (RFC 5322 2.2: name, colon)? */
bool header_is_field(struct slice in);

#endif
