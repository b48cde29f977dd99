/* SPDX-License-Identifier: ISC */
/* sim/fleet.c - see sim/fleet.h. */
#include "sim/fleet.h"

#include <stdlib.h>
#include <string.h>

#include "relay/parts.h"
#include "sim/sim.h"

/* The default configuration's: key splay, and MIN of key retry. */
#define SPLAY_S 60
#define BASE_S 60

/* Seconds after the herd's event at which cron's minute is full. */
#define CRON_AT_S 137

/* A clock that is set, and one that is not. */
#define SANE_S (CONFIG_RELEASE_EPOCH + 1000000ll)

/* One device. */
struct device {
	int64_t next_ms; /* its next attempt */
	/* Ours: what relay/schedule.c keeps of the only hop and route. */
	struct {
		int64_t next_ms, queue_ms, after_ms;
		uint8_t state, failures, trouble, early;
		uint16_t factor;
	} own;
	int64_t since_ms; /* of others: when its message came */
	int64_t delay_ms; /* of others */
	unsigned link;    /* of the list of its second, from 1 */
};

/* Everything. */
static struct {
	struct sim sim;
	struct conf conf;
	struct identity id;
	struct relay *relay;
	struct fleet *f;
	struct device *devices;
	unsigned heads[FLEET_END_S]; /* by second; from 1, 0: none */
	unsigned back;
} w;

/* It is going to try at d->next_ms. */
static void plan(struct device *d)
{
	int64_t s = d->next_ms / 1000;

	if (s >= FLEET_END_S)
		return;
	d->link = w.heads[s];
	w.heads[s] = (unsigned)(d - w.devices) + 1;
}

static int64_t draw_ms(int64_t below)
{
	return (int64_t)sim_below(&w.sim, (uint64_t)below);
}

static void keep_own(struct device *d)
{
	const struct hop *h = &w.relay->hops[0];

	d->own.next_ms = h->next_ms;
	d->own.state = (uint8_t)h->state;
	d->own.failures = h->failures;
	d->own.trouble = h->trouble;
	d->own.factor = h->factor;
	d->own.queue_ms = w.relay->queue_ms;
	d->own.after_ms = w.relay->routes[0].after_ms;
	d->own.early = w.relay->routes[0].early;
	w.relay->now_ms = w.sim.now_ms;
	d->next_ms = route_due_ms(w.relay, 0);
}

static void load_own(const struct device *d)
{
	struct hop *h = &w.relay->hops[0];

	h->next_ms = d->own.next_ms;
	h->state = (enum hop_state)d->own.state;
	h->failures = d->own.failures;
	h->trouble = d->own.trouble;
	h->factor = d->own.factor;
	w.relay->queue_ms = d->own.queue_ms;
	w.relay->routes[0].after_ms = d->own.after_ms;
	w.relay->routes[0].early = d->own.early;
	w.relay->now_ms = w.sim.now_ms;
}

/* An attempt that fails. */
static void fail_own(enum trouble kind)
{
	struct outcome why;

	outcome_set_trouble(&why, kind, 441, SLICE("gone"));
	hop_begin(w.relay, 0);
	hop_fail(w.relay, 0, &why);
}

/* What the event does to one of ours. */
static void meet_own(struct device *d)
{
	struct relay_setup setup = { .conf = &w.conf,
				     .id = &w.id,
				     .world = &w.sim.world,
				     .net = &net_real,
				     .no_spool = "no message is kept",
				     .splay = w.f->herd == FLEET_REBOOT };

	sim_set_wall(&w.sim, w.f->herd == FLEET_CLOCK ? 100 : SANE_S);
	w.relay->routes[0].after_ms = w.relay->routes[0].early = 0;
	relay_start(w.relay, &setup);
	if (w.f->herd == FLEET_ALERT)
		fail_own(TROUBLE_LINK);
	if (w.f->herd == FLEET_CLOCK) {
		fail_own(TROUBLE_CLOCK);
		sim_set_wall(&w.sim, SANE_S);
		relay_clock_set(w.relay);
	}
	if (w.f->herd != FLEET_ALERT)
		w.f->waits += hop_choose(w.relay, 0) == HOP_NONE;
	keep_own(d);
}

/* The first time at or behind at_ms on a grid of period_ms with an origin. */
static int64_t on_grid(int64_t at_ms, int64_t origin_ms, int64_t period_ms)
{
	int64_t over = (at_ms - origin_ms) % period_ms;

	if (over < 0)
		over += period_ms;
	return over ? at_ms + period_ms - over : at_ms;
}

/* The delay behind another failure, by the others' rules. */
static void delay_other(struct device *d)
{
	int64_t now_ms = w.sim.now_ms, age_ms = now_ms - d->since_ms;
	int64_t wait_ms = d->delay_ms;

	switch (w.f->law) {
	case FLEET_PLAIN:
		d->delay_ms = wait_ms * 2 < 3600000 ? wait_ms * 2 : 3600000;
		break;
	case FLEET_NULLMAILER:
		d->delay_ms = wait_ms * 2 < 86400000 ? wait_ms * 2 : 86400000;
		break;
	case FLEET_DMA:
		d->delay_ms += wait_ms / 2 + draw_ms(wait_ms);
		if (d->delay_ms > 10800000)
			d->delay_ms = 10800000;
		break;
	default:
		wait_ms = age_ms < 300000    ? 300000
			  : age_ms > 4000000 ? 4000000
					     : age_ms;
		/* delay_ms is the phase of its queue runs. */
		d->next_ms = on_grid(now_ms + wait_ms, d->delay_ms, 300000);
		return;
	}
	d->next_ms = now_ms + wait_ms;
}

/* What the event does to one of the others; none of them minds the clock. */
static void meet_other(struct device *d)
{
	bool alert = w.f->herd == FLEET_ALERT;

	d->since_ms = w.sim.now_ms;
	d->delay_ms = w.f->law == FLEET_DMA ? 300000 : 60000;
	if (w.f->law == FLEET_POSTFIX)
		d->delay_ms = alert ? draw_ms(300000) : w.sim.now_ms;
	if (alert)
		delay_other(d);
	else if (w.f->law == FLEET_DMA)
		d->next_ms = on_grid(w.sim.now_ms, CRON_AT_S * 1000, 300000);
	else
		d->next_ms = w.sim.now_ms;
}

static void attempt(struct device *d)
{
	bool away = w.sim.now_ms < w.f->away_s * 1000ll;

	w.f->bins[w.sim.now_ms / 1000 / w.f->bin_s]++;
	if (!away) {
		w.back++;
		if (w.back == w.f->devices / 2)
			w.f->half_s = (unsigned)(w.sim.now_ms / 1000);
		if (w.back == w.f->devices - w.f->devices / 100)
			w.f->most_s = (unsigned)(w.sim.now_ms / 1000);
		return;
	}
	if (w.f->law == FLEET_OURS) {
		load_own(d);
		if (hop_choose(w.relay, 0) == HOP_NONE)
			sim_broken("it is not its time");
		fail_own(TROUBLE_LINK);
		keep_own(d);
	} else {
		delay_other(d);
	}
	plan(d);
}

/* All of one second; what is planned meanwhile for the same one too. */
static void run_second(unsigned s)
{
	while (w.heads[s]) {
		struct device *d = &w.devices[w.heads[s] - 1];

		w.heads[s] = d->link;
		w.sim.now_ms = d->next_ms;
		attempt(d);
	}
}

static void sum_up(struct fleet *f)
{
	unsigned end = f->most_s;
	unsigned first = 3600 / f->bin_s, sum = 0;

	for (unsigned i = 0; i < first; i++)
		if (f->bins[i] > f->first_peak * f->bin_s)
			f->first_peak = (double)f->bins[i] / f->bin_s;
	for (unsigned i = first; i * f->bin_s < end; i++) {
		sum += f->bins[i];
		if (f->bins[i] > f->peak * f->bin_s)
			f->peak = (double)f->bins[i] / f->bin_s;
	}
	if (end > 3600)
		f->mean = (double)sum / (end - 3600);
}

double fleet_bound(const struct fleet *f)
{
	return (double)f->devices / SPLAY_S + (double)f->devices / BASE_S;
}

void fleet_run(struct fleet *f)
{
	struct conf_error err;

	memset(&w, 0, sizeof(w));
	w.f = f;
	f->half_s = f->most_s = FLEET_END_S;
	w.relay = relay_static();
	sim_init(&w.sim, f->seed);
	w.devices = calloc(f->devices, sizeof(*w.devices));
	if (w.devices == NULL ||
	    conf_parse(&w.conf, SLICE("smarthost smtp://192.0.2.1 tls=off\n"),
		       "fleet", &err) < 0)
		sim_broken("no fleet");
	if (w.conf.splay_s != SPLAY_S || w.conf.retry_min_s != BASE_S)
		sim_broken("other defaults than the bound is made of");
	identity_resolve(&w.id, &w.conf, SLICE("device"));
	log_setup(LOG_TO_NONE, LOG_ERR, "fleet");
	for (unsigned i = 0; i < f->devices; i++) {
		w.sim.now_ms = draw_ms(2000);
		if (f->law == FLEET_OURS)
			meet_own(&w.devices[i]);
		else
			meet_other(&w.devices[i]);
		plan(&w.devices[i]);
	}
	for (unsigned s = 0; s < FLEET_END_S; s++)
		run_second(s);
	sum_up(f);
	free(w.devices);
}
