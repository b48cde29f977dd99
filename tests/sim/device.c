/* SPDX-License-Identifier: ISC */
/* sim/device.c - see sim/device.h. */
#include "sim/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/parts.h"
#include "sim/record.h"

/* Bytes of the marks medium. */
#define MARKS_SIZE 4096

void sim_device_init(struct sim_device *d, uint64_t seed)
{
	memset(d, 0, sizeof(*d));
	sim_init(&d->sim, seed);
	sim_net_init(&d->net, &d->sim);
	sim_disk_init(&d->disk, &d->sim, SIM_FRAMES * SPOOL_FRAME, false);
	sim_disk_init(&d->tmpfs, &d->sim, MARKS_SIZE, true);
	sim_log_clear();
}

/* What the program had in memory is gone. */
static void forget_program(struct sim_device *d)
{
	if (d->relay) {
		for (size_t i = 0; i < CONFIG_DELIVERIES; i++)
			delivery_free(d->relay, &d->relay->deliveries[i]);
		memset(d->relay, 0, relay_sizeof());
	}
	d->relay = NULL;
	sim_net_reboot(&d->net);
}

void sim_device_clear(struct sim_device *d)
{
	forget_program(d);
	sim_advance(&d->sim, d->sim.now_ms + 1000);
	sim_clear(&d->sim);
	for (size_t i = 0; i < SIM_CONNS; i++) {
		free(d->net.conns[i].in);
		free(d->net.conns[i].kept);
	}
	sim_disk_clear(&d->disk);
	sim_disk_clear(&d->tmpfs);
}

static void load_conf(struct sim_device *d, unsigned at, const char *text)
{
	struct buf b = BUF_ON(d->text[at]);
	struct conf_error err;

	if (strstr(text, "hostname ") == NULL)
		buf_put_str(&b, "hostname relay.example.org\n");
	buf_putf(&b, "spool /spool size=%u\n", SIM_FRAMES * SPOOL_FRAME);
	buf_put_str(&b, text);
	buf_put_char(&b, '\n');
	if (conf_parse(&d->conf[at], buf_slice(&b), "conf", &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		sim_broken("a configuration that is none");
	}
	identity_resolve(&d->id[at], &d->conf[at], SLICE("relay"));
}

static void open_doors(struct sim_device *d)
{
	const struct net_ops *ops = d->net.net.ops;
	struct net_addr at;

	if (net_addr_parse(SLICE("127.0.0.1"), 25, &at) < 0 ||
	    relay_add_listener(d->relay, ops->listen_tcp(&d->net, &at),
			       DOOR_TCP) < 0 ||
	    relay_add_listener(d->relay,
			       ops->listen_unix(&d->net, SIM_SUBMIT, 0666),
			       DOOR_LOCAL) < 0 ||
	    relay_add_listener(d->relay,
			       ops->listen_unix(&d->net, SIM_CONTROL, 0660),
			       DOOR_CONTROL) < 0)
		sim_broken("cannot listen");
}

/* A spool that cannot be opened is none, as for the daemon. */
static void open_spool(struct sim_device *d)
{
	d->spool = NULL;
	d->open_error = 0;
	if (d->no_spool)
		return;
	d->open_error = spool_open(spool_static(), &d->disk.medium,
				   &d->tmpfs.medium, &d->sim.world, &d->found);
	if (d->open_error < 0)
		return;
	d->spool = spool_static();
	relay_set_spool(d->relay, d->spool, NULL, false);
}

void sim_device_start(struct sim_device *d, const char *conf)
{
	struct relay_setup setup = {
		.conf = &d->conf[0],
		.id = &d->id[0],
		.world = &d->sim.world,
		.net = &d->net.net,
		.splay = d->splay,
		.no_spool = d->no_spool ? "the test has none" : NULL,
	};
	char words[200];
	struct buf why = BUF_ON(words);

	d->at = 0;
	load_conf(d, 0, conf);
	d->relay = relay_static();
	relay_start(d->relay, &setup);
	if (relay_load_secrets(d->relay, &why) < 0)
		sim_broken("secrets were refused");
	open_doors(d);
	open_spool(d);
	d->net.wakes = 0;
	sim_device_watch(d);
	sim_device_run(d, 0);
}

void sim_device_kill(struct sim_device *d)
{
	forget_program(d);
}

void sim_device_cut(struct sim_device *d)
{
	int64_t wall_s = world_wall_s(&d->sim.world);

	forget_program(d);
	sim_advance(&d->sim, d->sim.now_ms + 10);
	sim_disk_cut(&d->disk);
	sim_disk_cut(&d->tmpfs);
	sim_clear(&d->sim);
	for (size_t i = 0; i < d->sim.nevents; i++)
		d->sim.events[i].at_ms -= d->sim.now_ms - 1000;
	d->sim.now_ms = 1000;
	sim_set_wall(&d->sim, wall_s);
}

int sim_device_reload(struct sim_device *d, const char *conf)
{
	unsigned next = 1 - d->at;
	char words[200];
	struct buf why = BUF_ON(words);

	load_conf(d, next, conf);
	int err = relay_reload(d->relay, &d->conf[next], &d->id[next], &why);
	if (err == 0)
		d->at = next;
	return err;
}

int64_t sim_device_next_ms(struct sim_device *d)
{
	struct net_wait set[RELAY_MAX_WAITS];
	int64_t until_ms;

	(void)relay_wants(d->relay, set, &until_ms);
	return until_ms;
}

/* At the end of the time it may still have something to do at once. */
static void settle(struct sim_device *d)
{
	struct net_wait set[RELAY_MAX_WAITS];

	for (unsigned i = 0; i < 1000; i++) {
		int64_t until_ms;
		size_t n = relay_wants(d->relay, set, &until_ms);

		d->sim.limit_ms = d->sim.now_ms;
		int got = d->net.net.ops->wait(&d->net, set, n, until_ms);
		if (got <= 0 && until_ms > d->sim.now_ms)
			return;
		relay_turn(d->relay, set, got > 0 ? n : 0);
		if (relay_is_over(d->relay))
			return;
	}
	sim_broken("the relay does not come to rest");
}

void sim_device_run(struct sim_device *d, int64_t ms)
{
	int64_t end_ms = d->sim.now_ms + ms;

	while (d->sim.now_ms < end_ms) {
		d->sim.limit_ms = end_ms;
		(void)relay_wait_and_turn(d->relay);
	}
	settle(d);
}

bool sim_device_ends(struct sim_device *d, int64_t ms)
{
	int64_t end_ms = d->sim.now_ms + ms;

	while (!relay_is_over(d->relay) && d->sim.now_ms < end_ms) {
		d->sim.limit_ms = end_ms;
		(void)relay_wait_and_turn(d->relay);
	}
	sim_advance(&d->sim, d->sim.now_ms + 10);
	return relay_is_over(d->relay);
}

bool sim_device_until(struct sim_device *d, const struct sim_client *c,
		      const char *text, int64_t ms)
{
	int64_t end_ms = d->sim.now_ms + ms;

	while (!sim_client_saw(c, text) && d->sim.now_ms < end_ms) {
		d->sim.limit_ms = end_ms;
		(void)relay_wait_and_turn(d->relay);
	}
	settle(d);
	return sim_client_saw(c, text);
}

int sim_device_order(struct sim_device *d, struct sim_client *c,
		     const char *command)
{
	int64_t end_ms = d->sim.now_ms + 60000;

	sim_client_open(c, &d->net, SIM_CONTROL, 0);
	sim_client_say(c, command);
	sim_client_say(c, "\n");
	while (!c->closed && d->sim.now_ms < end_ms) {
		d->sim.limit_ms = end_ms;
		(void)relay_wait_and_turn(d->relay);
	}
	settle(d);
	size_t n;

	/* Errors stay with the text. */
	while ((n = strlen(c->got)) + 1 < c->len && c->got[n + 1] == '!')
		c->got[n] = '\n';
	return n < c->len ? atoi(c->got + n + 1) : -1;
}

unsigned sim_device_wakes(struct sim_device *d)
{
	unsigned n = d->net.wakes;

	d->net.wakes = 0;
	return n;
}

void sim_device_watch(struct sim_device *d)
{
	d->bytes = d->disk.bytes;
	d->writes = d->disk.writes;
	d->syncs = d->disk.syncs;
}

uint64_t sim_device_bytes(const struct sim_device *d)
{
	return d->disk.bytes - d->bytes;
}

unsigned sim_device_syncs(const struct sim_device *d)
{
	return d->disk.syncs - d->syncs;
}
