/* SPDX-License-Identifier: ISC */
/*
 * mail/date.c - see mail/date.h.
 *
 * Days are counted from 1 March of year 0, so that the day a leap year adds is
 * the last of its year: then months begin after (153 * m + 2) / 5 days.
 */
#include "mail/date.h"

/* Seconds of a day. */
#define DAY_S 86400

/* The first second of year 0 and the last of year 9999, from 1970. */
#define MIN_S (-62167219200)
#define MAX_S 253402300799

/* Four centuries, always as many days. */
#define ERA_DAYS 146097

static int64_t clamp(int64_t t)
{
	return t < MIN_S ? MIN_S : t > MAX_S ? MAX_S : t;
}

/* Append "22 Nov 2026 " for a day counted from 1 March of year 0. */
static void put_day(struct buf *b, int32_t day)
{
	static const char months[12][4] = { "Mar", "Apr", "May", "Jun",
					    "Jul", "Aug", "Sep", "Oct",
					    "Nov", "Dec", "Jan", "Feb" };
	/* January and February of year 0 belong to the era before. */
	int32_t era = (day + ERA_DAYS) / ERA_DAYS - 1;
	int32_t of_era = day - era * ERA_DAYS;
	int32_t year = (of_era - of_era / 1460 + of_era / 36524 -
			of_era / (ERA_DAYS - 1)) /
		       365;
	int32_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int32_t month = (5 * of_year + 2) / 153;

	buf_putf(b, "%02d %s %04d ", (int)(of_year - (153 * month + 2) / 5 + 1),
		 months[month], (int)(year + era * 400 + (month >= 10)));
}

void date_put(struct buf *b, int64_t t, int zone_min)
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed",
					 "Thu", "Fri", "Sat" };

	/* From here on all is positive, and the day fits 32 bits. */
	t = clamp(clamp(t) + (int64_t)zone_min * 60) - MIN_S;
	int32_t day = (int32_t)(t / DAY_S);
	int second = (int)(t % DAY_S);
	char sign = zone_min < 0 ? '-' : '+';
	int zone = zone_min < 0 ? -zone_min : zone_min;

	/* 1 January of year 0 was a Saturday, 60 days before 1 March. */
	buf_putf(b, "%s, ", days[(day + 6) % 7]);
	put_day(b, day - 60);
	buf_putf(b, "%02d:%02d:%02d %c%02d%02d", second / 3600,
		 second / 60 % 60, second % 60, sign, zone / 60, zone % 60);
}
