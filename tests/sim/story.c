/* SPDX-License-Identifier: ISC */
/* sim/story.c - see sim/story.h: what happens. */
#include "sim/story.h"

#include <errno.h>

#include "sim/json.h"
#include "sim/story_check.h"

struct story_sum story_sum;
struct story story;

static const char *const confs[] = {
	"smarthost smtp://192.0.2.1 tls=off\n"
	"smarthost smtp://192.0.2.2 tls=off\n",
	"smarthost smtp://192.0.2.2 tls=off\n"
	"smarthost smtp://192.0.2.1 tls=off\n",
	"route even.org smtp://192.0.2.1 tls=off\n"
	"smarthost smtp://192.0.2.2 tls=off\n",
};

static uint64_t draw(uint64_t n)
{
	return sim_below(&dev.sim, n);
}

static void pass(int64_t ms)
{
	sim_device_run(&dev, ms);
	story_look();
}

static void start(void)
{
	dev.splay = draw(2);
	sim_device_start(&dev, confs[draw(ARRAY_LEN(confs))]);
	if (dev.open_error < 0)
		story_wrong("the spool does not open");
}

/* A free client, closed. */
static struct sim_client *take_client(void)
{
	struct sim_client *c = &clients[story.next++ % (FIXTURE_CLIENTS - 1)];

	story_forget_client(c);
	sim_client_close(c);
	return c;
}

static bool says(struct sim_client *c, const char *text, const char *want)
{
	sim_client_forget(c);
	sim_client_say(c, text);
	return sim_device_until(&dev, c, want, 60000);
}

static void put_envelope(struct buf *b, const struct story_mail *m)
{
	buf_putf(b, "MAIL FROM:<s%u@b.org>\r\n", m->number);
	for (unsigned k = 0; k < m->nrcpt; k++)
		buf_putf(b, "RCPT TO:<m%u.%u@%s>\r\n", m->number, k,
			 (m->number + k) % 2 ? "odd.org" : "even.org");
}

/* Does everything up to 354; false: it was refused, or is slow. */
static bool begin(struct sim_client *c, struct story_mail *m)
{
	char text[1000];
	struct buf b = BUF_ON(text);

	m->lmtp = draw(2);
	if (m->lmtp)
		sim_client_open(c, &dev.net, SIM_SUBMIT, 1000);
	else
		sim_client_open_tcp(c, &dev.net, "127.0.0.1");
	if (!sim_device_until(&dev, c, "220 ", 60000) ||
	    !says(c, m->lmtp ? "LHLO x\r\n" : "EHLO x\r\n", "\r\n250 "))
		return false;
	put_envelope(&b, m);
	buf_put_str(&b, "NOOP\r\n");
	if (!says(c, buf_cstr(&b), "250 2.0.0 ") || strstr(c->got, "\r\n4") ||
	    c->got[0] != '2')
		return false;
	return says(c, "DATA\r\n", "\n") && c->got[0] == '3';
}

static void submit(void)
{
	struct sim_client *c = take_client();
	struct story_mail *m = story_new();
	struct slice body;

	if (!m)
		return;
	m->nrcpt = 1 + (unsigned)draw(4);
	m->size = 200 + (uint32_t)draw(draw(4) ? 3000 : 60000);
	if (!begin(c, m)) {
		sim_client_close(c);
		return;
	}
	story_sum.submitted++;
	body = story_body(m);
	sim_client_forget(c);
	if (draw(10) == 0) {
		sim_client_send(c, slice_head(body, draw(body.n)));
		sim_client_close(c);
		return;
	}
	sim_client_send(c, body);
	sim_client_say(c, ".\r\n");
	m->complete = true;
	m->client = c;
	if (draw(10) == 0) {
		m->client = NULL;
		sim_client_close(c);
	}
}

static void trouble(void)
{
	static const char *const replies[] = {
		NULL,           NULL,           "421 4.3.2 no",
		"451 4.3.0 no", "450 4.2.1 no", "452 4.5.3 many",
		"nonsense",
	};
	struct sim_hop *h = &hops[draw(2)];
	struct sim_rule r = { .step = (enum sim_step)draw(SIM_QUIT + 1),
			      .act = (enum sim_act)draw(SIM_LEAVES + 1),
			      .times = 1 + (unsigned)draw(3),
			      .skip = (unsigned)draw(2) };

	if (h->nrules == SIM_RULES)
		sim_hop_heals(h);
	r.after_ms = draw(2) ? (int64_t)draw(20000) : 0;
	r.reply = replies[draw(ARRAY_LEN(replies))];
	r.takes = draw(2);
	/* What it said yes to, it has. */
	if (r.step == SIM_DOT && !r.reply)
		r.takes = true;
	sim_hop_rule(h, r);
}

static void change_link(void)
{
	for (unsigned i = 0; i < 2; i++)
		hops[i].door->mood = draw(2) ? SIM_ACCEPTS
					     : (enum sim_mood)draw(4);
}

static void restart(void)
{
	/* A medium that fails takes no marks (SPOOL.md 2.2, 3). */
	int64_t window_ms = story.faulty ? INT64_MAX : 60000;

	uint64_t how = draw(3);

	story_look();
	log_put(LOG_DEBUG, "restart %llu at %lld ms", (unsigned long long)how,
		(long long)dev.sim.now_ms);
	switch (how) {
	case 0:
		relay_stop(dev.relay);
		if (!sim_device_ends(&dev, 20000))
			story_wrong("it does not end");
		if (dev.disk.sync_error == 0 && spool_sync_marks(dev.spool) < 0)
			story_wrong("marks cannot be written");
		story_look();
		story_all_may_repeat(window_ms);
		sim_device_kill(&dev);
		break;
	case 1:
		story_sum.kills++;
		story_all_may_repeat(window_ms);
		sim_device_kill(&dev);
		break;
	default:
		story_sum.cuts++;
		story_all_may_repeat(story.faulty ? INT64_MAX
						  : SPOOL_LAZY_MS + 60000);
		dev.disk.sync_error = 0;
		story.gone_ms += dev.sim.now_ms;
		sim_device_cut(&dev);
	}
	dev.disk.sync_error = 0;
	story.faulty = false;
	story_forget_clients();
	start();
}

static void order(void)
{
	static const char *const orders[] = { "queue json", "status json",
					      "flush", "queue", "status" };
	struct sim_client *c = &clients[FIXTURE_CLIENTS - 1];
	uint64_t i = draw(ARRAY_LEN(orders));
	struct slice got;

	if (sim_device_order(&dev, c, orders[i]) < 0)
		story_wrong("an order is not answered");
	got = slice_str(c->got);
	if ((i == 0 && !sim_json_lines(got)) || (i == 1 && !sim_json(got)))
		story_wrong("JSON that is none");
}

static void one_step(void)
{
	switch (draw(16)) {
	case 0:
	case 1:
		trouble();
		break;
	case 2:
		change_link();
		break;
	case 3:
		sim_hop_heals(&hops[0]);
		sim_hop_heals(&hops[1]);
		break;
	case 4:
		if (draw(4) == 0)
			restart();
		break;
	case 5:
		if (sim_device_reload(&dev, confs[draw(ARRAY_LEN(confs))]) < 0)
			story_wrong("a reload fails");
		break;
	case 6:
		order();
		break;
	case 7:
		pass((int64_t)draw(draw(8) ? 120000 : 4000000));
		break;
	case 8:
		dev.net.most = draw(2) ? 0 : 30 + draw(1000);
		break;
	case 9:
		sim_set_wall(&dev.sim, (int64_t)draw(1u << 31));
		relay_clock_set(dev.relay);
		break;
	case 10:
		dev.disk.sync_error = draw(4) ? 0 : -EIO;
		story.faulty |= dev.disk.sync_error != 0;
		break;
	default:
		submit();
	}
	pass((int64_t)draw(3000));
}

const char *story_run(uint64_t seed, unsigned steps)
{
	int64_t began;

	fixture_up(NULL);
	dev.sim.seed = seed;
	memset(&story, 0, sizeof(story));
	start();
	for (unsigned i = 0; i < steps && !story.wrong; i++)
		one_step();
	/* The world heals; the longest delay is an hour and a half. */
	began = dev.sim.now_ms;
	dev.disk.sync_error = 0;
	for (unsigned i = 0; i < 2; i++) {
		sim_hop_heals(&hops[i]);
		hops[i].door->mood = SIM_ACCEPTS;
	}
	while (!story.wrong && dev.sim.now_ms - began < 3 * 5400 * 1000)
		pass(60000);
	if (!story.wrong)
		story_end();
	story_sum.hours +=
		(unsigned)((story.gone_ms + dev.sim.now_ms) / 3600000);
	fixture_down(NULL);
	return story.wrong;
}
