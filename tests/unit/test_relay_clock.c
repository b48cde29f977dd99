/* SPDX-License-Identifier: ISC */
/*
 * A wall clock that is not to be believed: acceptance and retries never wait
 * for it, verified TLS does, and no date of 1970 leaves (DESIGN.md 3.4).
 */
#include "sim/fixture.h"

#include "relay/parts.h"

static struct sim_client *const c = &clients[0];

#define BODY "Subject: x\r\n\r\nhello\r\n"
#define EPOCH CONFIG_RELEASE_EPOCH

/* The hop that needs verified TLS; no TLS is spoken there. */
static struct sim_hop tls_hop;

#define VERIFY                                                   \
	"smarthost submissions://localhost:4650 ca=/etc/passwd " \
	"tls=verify\n"

static int up(void **state)
{
	fixture_up(state);
	sim_hop_init(&tls_hop, &dev.net, "127.0.0.1", 4650);
	return 0;
}

static int down(void **state)
{
	sim_hop_clear(&tls_hop);
	return fixture_down(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)

static void set_wall(int64_t t)
{
	sim_set_wall(&dev.sim, t);
	relay_clock_set(dev.relay);
	sim_device_run(&dev, 0);
}

static void verified_tls_waits_for_the_clock(void **state)
{
	(void)state;
	sim_set_wall(&dev.sim, 100);
	sim_device_start(&dev, VERIFY);
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	assert_int_equal(tls_hop.sessions, 0);
	assert_int_equal(sim_device_order(&dev, c, "status json"), 1);
	assert_non_null(strstr(c->got, "\"clock\":\"not set\""));
	assert_non_null(strstr(c->got, "\"state\":\"held\",\"reason\":"
				       "\"the clock is not set"));
	assert_non_null(strstr(c->got, "\"next_attempt_s\":null"));
	/* It is not asked again and again: nothing wakes it. */
	sim_device_wakes(&dev);
	sim_device_run(&dev, 3600 * 1000);
	assert_int_equal(sim_device_wakes(&dev), 0);
	/* A time before the release is no time. */
	set_wall(EPOCH - 6 * 86400);
	sim_device_run(&dev, 100 * 1000);
	assert_int_equal(tls_hop.sessions, 0);
	/* The clock is set: queued mail goes, spread by the splay. */
	set_wall(EPOCH + 1000000);
	sim_device_run(&dev, 61 * 1000);
	assert_int_equal(tls_hop.sessions, 1);
}

/* A clock that was kept over a power cut, but lags behind the medium. */
static void a_clock_that_lags_gets_there_by_itself(void **state)
{
	(void)state;
	sim_set_wall(&dev.sim, EPOCH - 3000);
	sim_device_start(&dev, VERIFY);
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	assert_int_equal(sim_device_order(&dev, c, "status json"), 1);
	assert_in_range(fixture_number(c, "next_attempt_s"), 2998, 3000);
	/* Set, but to a time that cannot be either. */
	set_wall(EPOCH - 2000);
	sim_device_run(&dev, 1990 * 1000);
	assert_int_equal(tls_hop.sessions, 0);
	sim_device_run(&dev, 20 * 1000);
	assert_int_equal(tls_hop.sessions, 1);
}

/* New mail does not wait for the splay of what is queued. */
static void new_mail_goes_as_soon_as_the_clock_is_set(void **state)
{
	(void)state;
	sim_set_wall(&dev.sim, 100);
	sim_device_start(&dev, VERIFY "splay 1d\n");
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	set_wall(EPOCH + 1000000);
	assert_int_equal(tls_hop.sessions, 0);
	fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org", BODY);
	sim_device_run(&dev, 100);
	assert_int_equal(tls_hop.sessions, 1);
}

static void or_takes_the_floor(void **state)
{
	(void)state;
	sim_set_wall(&dev.sim, 100);
	sim_device_start(&dev, VERIFY "clock floor\n");
	fixture_submit(c, BY_SMTP, "a@b.org", "c@d.org", BODY);
	sim_device_run(&dev, 100);
	assert_int_equal(tls_hop.sessions, 1);
}

static void a_hop_without_certificates_needs_no_clock(void **state)
{
	const char *data;

	(void)state;
	sim_set_wall(&dev.sim, 100);
	sim_device_start(&dev, FIXTURE_ONE);
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 taken");
	data = hops[0].mails[0].data;
	assert_null(strstr(data, "1970"));
	assert_non_null(strstr(data, "(clock not set)"));
}

static void dates_are_stamped_when_it_leaves(void **state)
{
	const char *data;

	(void)state;
	sim_set_wall(&dev.sim, 100);
	sim_device_start(&dev, FIXTURE_ONE);
	hops[0].door->mood = SIM_REFUSES;
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	sim_device_run(&dev, 10 * 1000);
	/* 2027-01-01 00:00:00 */
	set_wall(1798761600);
	hops[0].door->mood = SIM_ACCEPTS;
	sim_device_order(&dev, c, "flush wait");
	assert_int_equal(hops[0].nmails, 1);
	data = hops[0].mails[0].data;
	assert_null(strstr(data, "1970"));
	assert_null(strstr(data, "clock not set"));
	/* It came ten seconds before. */
	assert_non_null(strstr(data, "\r\nDate: Thu, 31 Dec 2026 23:59:50 "
				     "+0000\r\n"));
	assert_non_null(strstr(data, ";\r\n\tThu, 31 Dec 2026 23:59:50 "
				     "+0000\r\n"));
}

/* A date that was right when the message came stays as it was. */
static void a_good_date_stays(void **state)
{
	const char *data;

	(void)state;
	sim_set_wall(&dev.sim, 1798761600);
	sim_device_start(&dev, FIXTURE_ONE);
	hops[0].door->mood = SIM_REFUSES;
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	set_wall(1798761600 + 86400 * 365);
	hops[0].door->mood = SIM_ACCEPTS;
	sim_device_order(&dev, c, "flush wait");
	data = hops[0].mails[0].data;
	assert_non_null(strstr(data, "\r\nDate: Fri, 01 Jan 2027 00:00:00 "
				     "+0000\r\n"));
}

/* Jumps of years, both ways: age and retries do not see them. */
static void jumps_expire_nothing(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE "lifetime 1d\n");
	hops[0].door->mood = SIM_REFUSES;
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	set_wall(EPOCH + 400ll * 86400);
	sim_device_run(&dev, 7200 * 1000);
	set_wall(100);
	sim_device_run(&dev, 7200 * 1000);
	set_wall(EPOCH + 10);
	sim_device_run(&dev, 3600 * 1000);
	assert_int_equal(sim_logged("expired"), 0);
	sim_device_order(&dev, c, "queue json");
	assert_in_range(fixture_number(c, "age_s"), 18000, 18001);
	hops[0].door->mood = SIM_ACCEPTS;
	sim_device_run(&dev, 5500 * 1000);
	assert_int_equal(hops[0].nmails, 1);
}

/* The last time on the medium is the floor after a boot in 1970. */
static void the_medium_remembers_the_time(void **state)
{
	(void)state;
	sim_set_wall(&dev.sim, EPOCH + 5000000);
	sim_device_start(&dev, FIXTURE_ONE);
	hops[0].door->mood = SIM_REFUSES;
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 queued as ");
	sim_device_cut(&dev);
	sim_set_wall(&dev.sim, EPOCH + 4000000);
	sim_device_start(&dev, FIXTURE_ONE);
	sim_device_order(&dev, c, "status json");
	assert_non_null(strstr(c->got, "\"clock\":\"not set\""));
	/* Set to a time before the release it is not, and nothing changes. */
	set_wall(EPOCH - 1);
	sim_device_order(&dev, c, "status json");
	assert_non_null(strstr(c->got, "\"clock\":\"not set\""));
	assert_true(clock_floor(dev.relay) == EPOCH + 5000000);
	/* Set while it runs, it is believed, backwards too. */
	set_wall(EPOCH + 4000001);
	sim_device_order(&dev, c, "status json");
	assert_non_null(strstr(c->got, "\"clock\":\"sane\""));
}

/* Identifiers of two boots at the same false second differ. */
static void identifiers_do_not_repeat(void **state)
{
	char first[ID_LEN + 1] = "";

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		sim_set_wall(&dev.sim, 0);
		sim_device_start(&dev, FIXTURE_ONE);
		fixture_send("a@b.org", "c@d.org", "250 2.0.0 taken");
		const char *id = strstr(hops[0].mails[i].data, "Message-ID: <");
		assert_non_null(id);
		if (i == 0)
			memcpy(first, id + 13, ID_LEN);
		else
			assert_memory_not_equal(first, id + 13, ID_LEN);
		sim_device_cut(&dev);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(verified_tls_waits_for_the_clock),
		TEST(a_clock_that_lags_gets_there_by_itself),
		TEST(new_mail_goes_as_soon_as_the_clock_is_set),
		TEST(or_takes_the_floor),
		TEST(a_hop_without_certificates_needs_no_clock),
		TEST(dates_are_stamped_when_it_leaves),
		TEST(a_good_date_stays),
		TEST(jumps_expire_nothing),
		TEST(the_medium_remembers_the_time),
		TEST(identifiers_do_not_repeat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
