/* SPDX-License-Identifier: ISC */
/*
 * Breakers by themselves: their delays drawn many times, the order of a
 * fail-over list, what a clock may be believed (DESIGN.md 3.3, 3.4).
 */
#include "lib/check.h"

#include "relay/parts.h"

static int64_t now_ms, wall_s;
static uint64_t seed;

static int64_t get_ms(void *ctx)
{
	(void)ctx;
	return now_ms;
}

static int64_t get_s(void *ctx)
{
	(void)ctx;
	return wall_s;
}

static int get_zone(void *ctx, int64_t t)
{
	(void)ctx;
	(void)t;
	return 0;
}

static void get_random(void *ctx, void *p, size_t n)
{
	(void)ctx;
	for (size_t i = 0; i < n; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		((uint8_t *)p)[i] = (uint8_t)(seed >> 56);
	}
}

static const struct world fake = { NULL, get_ms, get_s, get_zone, get_random };
static struct conf conf;
static struct identity id;
static struct relay *r;

static void start(const char *text)
{
	struct conf_error err;
	struct relay_setup setup = { .conf = &conf,
				     .id = &id,
				     .world = &fake,
				     .net = &net_real,
				     .no_spool = "none" };

	assert_int_equal(conf_parse(&conf, slice_str(text), "conf", &err), 0);
	identity_resolve(&id, &conf, SLICE("host"));
	now_ms = 5000;
	wall_s = 1796083200;
	seed = 1;
	r = relay_static();
	relay_start(r, &setup);
	log_setup(LOG_TO_NONE, LOG_ERR, "test");
}

static const struct outcome *trouble(enum trouble kind, const char *text)
{
	static struct outcome o;

	outcome_set_trouble(&o, kind, 441, slice_str(text));
	return &o;
}

/* The mean is the delay itself, the borders are half and one and a half. */
static void jitter(enum trouble kind, unsigned failures, int64_t want_ms)
{
	int64_t least = INT64_MAX, most = 0, sum = 0;
	const int draws = 2000;

	for (int i = 0; i < draws; i++) {
		start("smarthost smtp://192.0.2.1 tls=off\nretry 1m 1h\n");
		seed = (uint64_t)i * 977;
		for (unsigned k = 0; k < failures; k++)
			hop_fail(r, 0, trouble(kind, "gone"));
		int64_t delay = r->hops[0].next_ms - now_ms;

		least = delay < least ? delay : least;
		most = delay > most ? delay : most;
		sum += delay;
	}
	assert_in_range(least, want_ms / 2, want_ms * 51 / 100);
	assert_in_range(most, want_ms * 149 / 100, want_ms * 3 / 2);
	assert_in_range(sum / draws, want_ms * 98 / 100, want_ms * 102 / 100);
}

static void delays_of_a_link(void **state)
{
	(void)state;
	jitter(TROUBLE_LINK, 1, 60000);
	jitter(TROUBLE_LINK, 2, 120000);
	jitter(TROUBLE_LINK, 6, 1920000);
	jitter(TROUBLE_LINK, 7, 3600000);
	jitter(TROUBLE_LINK, 100, 3600000);
}

static void delays_of_credentials(void **state)
{
	(void)state;
	jitter(TROUBLE_AUTH, 1, 900000);
	jitter(TROUBLE_CONF, 2, 1800000);
	jitter(TROUBLE_AUTH, 3, 3600000);
	jitter(TROUBLE_AUTH, 4, 3600000);
}

static void credentials_with_a_short_max(void **state)
{
	(void)state;
	start("smarthost smtp://192.0.2.1 tls=off\nretry 5m 10m\n");
	hop_fail(r, 0, trouble(TROUBLE_AUTH, "wrong"));
	/* MAX/4 is less than MIN: MIN. */
	assert_in_range(r->hops[0].next_ms - now_ms, 150000, 450000);
}

/* Another kind of trouble begins with its own first delay. */
static void one_trouble_behind_another(void **state)
{
	(void)state;
	start("smarthost smtp://192.0.2.1 tls=off\nretry 1m 1h\n");
	for (unsigned i = 0; i < 9; i++)
		hop_fail(r, 0, trouble(TROUBLE_LINK, "gone"));
	assert_in_range(r->hops[0].next_ms - now_ms, 1800000, 5400000);
	hop_fail(r, 0, trouble(TROUBLE_AUTH, "wrong"));
	assert_in_range(r->hops[0].next_ms - now_ms, 450000, 1350000);
	hop_fail(r, 0, trouble(TROUBLE_AUTH, "still wrong"));
	assert_in_range(r->hops[0].next_ms - now_ms, 900000, 2700000);
	wall_s = 0;
	hop_fail(r, 0, trouble(TROUBLE_CLOCK, "no time"));
	hop_fail(r, 0, trouble(TROUBLE_AUTH, "wrong again"));
	assert_in_range(r->hops[0].next_ms - now_ms, 450000, 1350000);
	hop_fail(r, 0, trouble(TROUBLE_LINK, "gone again"));
	assert_in_range(r->hops[0].next_ms - now_ms, 30000, 90000);
}

/* While it doubles the factor stays; at MAX each delay has its own. */
static void the_factor_stays_while_it_doubles(void **state)
{
	int64_t first, last = 0;
	unsigned same = 0;

	(void)state;
	start("smarthost smtp://192.0.2.1 tls=off\nretry 1m 1h\n");
	hop_fail(r, 0, trouble(TROUBLE_LINK, "gone"));
	first = r->hops[0].next_ms - now_ms;
	for (int64_t k = 2; k <= 32; k *= 2) {
		hop_fail(r, 0, trouble(TROUBLE_LINK, "gone"));
		assert_in_range(r->hops[0].next_ms - now_ms, (first - 1) * k,
				(first + 1) * k);
	}
	for (unsigned i = 0; i < 20; i++) {
		hop_fail(r, 0, trouble(TROUBLE_LINK, "gone"));
		same += r->hops[0].next_ms == last;
		last = r->hops[0].next_ms;
	}
	assert_int_equal(same, 0);
	/* The next outage is another one. */
	hop_ok(r, 0);
	hop_fail(r, 0, trouble(TROUBLE_LINK, "gone"));
	assert_true(r->hops[0].next_ms - now_ms != first);
}

static void min_is_max(void **state)
{
	(void)state;
	start("smarthost smtp://192.0.2.1 tls=off\nretry 10s 10s\n");
	for (unsigned i = 0; i < 50; i++) {
		hop_fail(r, 0, trouble(TROUBLE_LINK, "gone"));
		assert_in_range(r->hops[0].next_ms - now_ms, 5000, 15000);
	}
}

static void a_breaker_opens_and_closes(void **state)
{
	struct hop *h;

	(void)state;
	start("smarthost smtp://192.0.2.1 tls=off\n");
	h = &r->hops[0];
	assert_int_equal(h->state, HOP_UP);
	assert_true(hop_may_try(r, 0));
	hop_fail(r, 0, trouble(TROUBLE_LINK, "gone"));
	assert_int_equal(h->state, HOP_DOWN);
	assert_string_equal(h->reason, "gone");
	assert_false(hop_may_try(r, 0));
	r->now_ms = now_ms = h->next_ms - 1;
	assert_false(hop_may_try(r, 0));
	r->now_ms = now_ms = h->next_ms;
	assert_true(hop_may_try(r, 0));
	hop_begin(r, 0);
	assert_int_equal(h->state, HOP_PROBING);
	hop_ok(r, 0);
	assert_int_equal(h->state, HOP_UP);
	assert_int_equal(h->failures, 0);
	assert_string_equal(h->reason, "");
	assert_true(h->success_ms == now_ms);
	/* The first delay again. */
	hop_fail(r, 0, trouble(TROUBLE_LINK, "gone"));
	assert_in_range(h->next_ms - now_ms, 30000, 90000);
}

static void kinds_of_trouble(void **state)
{
	(void)state;
	start("smarthost smtp://192.0.2.1 tls=off\n");
	hop_fail(r, 0, trouble(TROUBLE_AUTH, "wrong"));
	assert_int_equal(r->hops[0].state, HOP_HELD);
	assert_int_equal(status_code(r), 1);
	hop_fail(r, 0, trouble(TROUBLE_LINK, "gone"));
	assert_int_equal(r->hops[0].state, HOP_DOWN);
	assert_int_equal(status_code(r), 0);
	wall_s = 0;
	hop_fail(r, 0, trouble(TROUBLE_CLOCK, "no time"));
	assert_int_equal(r->hops[0].state, HOP_HELD);
	assert_true(r->hops[0].next_ms == INT64_MAX);
	r->now_ms += 1000000000;
	assert_false(hop_may_try(r, 0));
}

#define THREE                                    \
	"smarthost smtp://192.0.2.1 tls=off\n"   \
	"route x.org smtp://192.0.2.9 tls=off\n" \
	"smarthost smtp://192.0.2.2 tls=off\n"   \
	"smarthost smtp://192.0.2.3 tls=off\n"

/* In file order, past those that are down; other routes are others. */
static void the_order_of_a_list(void **state)
{
	unsigned route, first, second, third;

	(void)state;
	start(THREE);
	route = (unsigned)conf_route_of(&conf, SLICE("a@b.org"),
					SLICE("c@d.org"));
	first = hop_choose(r, route);
	assert_slice(conf.hops[first].host, SLICE("192.0.2.1"));
	hop_fail(r, first, trouble(TROUBLE_LINK, "gone"));
	second = hop_choose(r, route);
	assert_slice(conf.hops[second].host, SLICE("192.0.2.2"));
	hop_fail(r, second, trouble(TROUBLE_AUTH, "wrong"));
	third = hop_choose(r, route);
	assert_slice(conf.hops[third].host, SLICE("192.0.2.3"));
	wall_s = 0;
	hop_fail(r, third, trouble(TROUBLE_CLOCK, "no time"));
	assert_int_equal(hop_choose(r, route), HOP_NONE);
	/* The first of them to be due: not the one with the slow schedule. */
	assert_true(route_due_ms(r, route) == r->hops[first].next_ms);
	assert_true(route_due_ms(r, 1 - route) == now_ms);
	assert_slice(conf.hops[hop_choose(r, 1 - route)].host,
		     SLICE("192.0.2.9"));
	/* An order forces each of them once. */
	relay_flush(r);
	assert_int_equal(hop_choose(r, route), first);
	hop_begin(r, first);
	hop_fail(r, first, trouble(TROUBLE_LINK, "gone"));
	assert_int_equal(hop_choose(r, route), second);
	hop_begin(r, second);
	hop_fail(r, second, trouble(TROUBLE_LINK, "gone"));
	hop_begin(r, third);
	hop_fail(r, third, trouble(TROUBLE_LINK, "gone"));
	assert_int_equal(hop_choose(r, route), HOP_NONE);
}

static void what_a_clock_is_worth(void **state)
{
	(void)state;
	start("smarthost smtp://192.0.2.1 tls=off\n");
	wall_s = CONFIG_RELEASE_EPOCH - 1;
	assert_false(clock_is_sane(r));
	assert_true(clock_floor(r) == CONFIG_RELEASE_EPOCH);
	wall_s = CONFIG_RELEASE_EPOCH;
	assert_true(clock_is_sane(r));
	wall_s = INT64_C(253402300799);
	assert_true(clock_is_sane(r));
	wall_s = -1;
	assert_false(clock_is_sane(r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delays_of_a_link),
		cmocka_unit_test(delays_of_credentials),
		cmocka_unit_test(credentials_with_a_short_max),
		cmocka_unit_test(one_trouble_behind_another),
		cmocka_unit_test(the_factor_stays_while_it_doubles),
		cmocka_unit_test(min_is_max),
		cmocka_unit_test(a_breaker_opens_and_closes),
		cmocka_unit_test(kinds_of_trouble),
		cmocka_unit_test(the_order_of_a_list),
		cmocka_unit_test(what_a_clock_is_worth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
