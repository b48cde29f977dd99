/* SPDX-License-Identifier: ISC */
/* mail/date: known days, leap years, zones, a second opinion on every day. */
#include "lib/check.h"
#include "mail/date.h"

static void check_date(int64_t t, int zone_min, const char *want)
{
	char space[64];
	struct buf b = BUF_ON(space);

	date_put(&b, t, zone_min);
	assert_slice(buf_slice(&b), slice_str(want));
}

static void knows_days(void **state)
{
	(void)state;
	check_date(0, 0, "Thu, 01 Jan 1970 00:00:00 +0000");
	check_date(-1, 0, "Wed, 31 Dec 1969 23:59:59 +0000");
	check_date(951782400, 0, "Tue, 29 Feb 2000 00:00:00 +0000");
	check_date(951868800, 0, "Wed, 01 Mar 2000 00:00:00 +0000");
	check_date(1795335900, 0, "Sun, 22 Nov 2026 08:25:00 +0000");
	check_date(2147483647, 0, "Tue, 19 Jan 2038 03:14:07 +0000");
	check_date(2147483648, 0, "Tue, 19 Jan 2038 03:14:08 +0000");
	check_date(4107542399, 0, "Sun, 28 Feb 2100 23:59:59 +0000");
	check_date(4107542400, 0, "Mon, 01 Mar 2100 00:00:00 +0000");
}

static void knows_zones(void **state)
{
	(void)state;
	check_date(0, 60, "Thu, 01 Jan 1970 01:00:00 +0100");
	check_date(0, -60, "Wed, 31 Dec 1969 23:00:00 -0100");
	check_date(0, 345, "Thu, 01 Jan 1970 05:45:00 +0545");
	check_date(0, -570, "Wed, 31 Dec 1969 14:30:00 -0930");
	check_date(0, -1, "Wed, 31 Dec 1969 23:59:00 -0001");
	check_date(0, 840, "Thu, 01 Jan 1970 14:00:00 +1400");
	check_date(1795338300, 60, "Sun, 22 Nov 2026 10:05:00 +0100");
}

static void stays_within_four_digits(void **state)
{
	(void)state;
	check_date(-62167219200, 0, "Sat, 01 Jan 0000 00:00:00 +0000");
	check_date(-62167219201, 0, "Sat, 01 Jan 0000 00:00:00 +0000");
	check_date(-62162035200, 0, "Wed, 01 Mar 0000 00:00:00 +0000");
	check_date(-62162035201, 0, "Tue, 29 Feb 0000 23:59:59 +0000");
	check_date(253402300799, 0, "Fri, 31 Dec 9999 23:59:59 +0000");
	check_date(253402300800, 0, "Fri, 31 Dec 9999 23:59:59 +0000");
	check_date(INT64_MIN, -60, "Sat, 01 Jan 0000 00:00:00 -0100");
	check_date(INT64_MAX, 60, "Fri, 31 Dec 9999 23:59:59 +0100");
}

/* Count day by day through all the years there are. */
static void agrees_with_a_calendar(void **state)
{
	static const char *const days[] = { "Sat", "Sun", "Mon", "Tue",
					    "Wed", "Thu", "Fri" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr",
					      "May", "Jun", "Jul", "Aug",
					      "Sep", "Oct", "Nov", "Dec" };
	static const int len[] = { 31, 28, 31, 30, 31, 30,
				   31, 31, 30, 31, 30, 31 };
	int64_t t = -62167219200 + 45296; /* 12:34:56 */
	int count = 0;

	(void)state;
	for (int y = 0; y < 10000; y++) {
		bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);

		for (int m = 0; m < 12; m++) {
			int last = len[m] + (m == 1 && leap);

			for (int d = 1; d <= last; d++, t += 86400) {
				char want[64];

				/* all days of our time, others by the way */
				if (count++ % 13 && (y < 1960 || y > 2110))
					continue;
				snprintf(want, sizeof(want),
					 "%s, %02d %s %04d 12:34:56 +0000",
					 days[(count + 6) % 7], d, months[m],
					 y);
				check_date(t, 0, want);
			}
		}
	}
	assert_int_equal(count, 3652425);
}

static void keeps_its_bounds(void **state)
{
	char space[31];
	struct buf b = BUF_ON(space);

	(void)state;
	date_put(&b, 0, 0);
	assert_false(b.overflow);
	assert_int_equal(b.len, 31);
	b = buf_on(space, 30);
	date_put(&b, 0, 0);
	assert_true(b.overflow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_days),
		cmocka_unit_test(knows_zones),
		cmocka_unit_test(stays_within_four_digits),
		cmocka_unit_test(agrees_with_a_calendar),
		cmocka_unit_test(keeps_its_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
