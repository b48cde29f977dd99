/* SPDX-License-Identifier: ISC */
/* mail/date.h - dates as RFC 5322 3.3 writes them; proleptic Gregorian. */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include "base/buf.h"

/*
 * Append "Sun, 22 Nov 2026 09:05:00 +0100" for t seconds since 1970 (any
 * value of years 0 to 9999) in a zone zone_min minutes east of UTC.
 */
void date_put(struct buf *b, int64_t t, int zone_min);

#endif
