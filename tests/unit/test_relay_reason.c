/* SPDX-License-Identifier: ISC */
/*
 * test_relay_reason.c - why recipients were refused is stored with the
 * message: one sync, however many there are, up to what one commit takes.
 */
#include "sim/fixture.h"

static struct sim_client *const c = &clients[0];

/* Submit to n recipients; r0 is sent, the others are refused. */
static void submit_to(unsigned n)
{
	static char space[8192];
	struct buf to = BUF_ON(space);

	/* The notice has to wait. */
	sim_hop_says(&hops[0], SIM_MAIL, "<>", "450 4.3.0 not now");
	sim_hop_says(&hops[0], SIM_RCPT, "<r0@", "250 2.1.5 fine");
	sim_hop_says(&hops[0], SIM_RCPT, NULL, "550 5.1.1 not here");
	for (unsigned i = 0; i < n; i++)
		buf_putf(&to, "%sr%u@d.org", i > 0 ? "," : "", i);
	sim_device_watch(&dev);
	fixture_submit(c, BY_SMTP, "a@b.org", buf_cstr(&to),
		       "X: y\r\n\r\nz\r\n");
	fixture_expect(c, "250 2.0.0 queued as ", 1000);
}

/* How many recipients the queue shows as refused, with why. */
static unsigned refused_with_reason(void)
{
	unsigned n = 0;

	sim_device_order(&dev, &clients[1], "queue json");
	for (const char *p = clients[1].got;
	     (p = strstr(p, "\"state\":\"refused\",\"code\":550,\"dsn\":"
			    "\"5.1.1\",\"text\":\"not here\"")) != NULL;
	     p++)
		n++;
	return n;
}

static void a_mix_takes_one_sync(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	submit_to(21);
	assert_int_equal(sim_device_syncs(&dev), 1);
	assert_int_equal(refused_with_reason(), 20);
	sim_device_cut(&dev);
	sim_device_start(&dev, FIXTURE_ONE);
	assert_int_equal(refused_with_reason(), 20);
	assert_int_equal(fixture_queued(), 1);
}

static void more_than_one_commit_takes(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	submit_to(71);
	assert_int_equal(sim_device_syncs(&dev), 3);
	assert_int_equal(refused_with_reason(), 70);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(a_mix_takes_one_sync),
		FIXTURE_TEST(more_than_one_commit_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
