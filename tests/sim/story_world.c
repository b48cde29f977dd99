/* SPDX-License-Identifier: ISC */
/* sim/story_world.c - see sim/story_world.h. */
#include "sim/story_world.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/story_notice.h"

/* The true time at the beginning: 2026-12-01. */
#define BEGAN_S 1796083200

static struct sim_dns dns;
static char secret_path[] = "/tmp/storyXXXXXX";

/* What most hops offer. */
#define USUAL                                                             \
	"PIPELINING\r\nSIZE 10000000\r\n8BITMIME\r\nAUTH PLAIN LOGIN\r\n" \
	"ENHANCEDSTATUSCODES"

static uint64_t draw(uint64_t n)
{
	return sim_below(&dev.sim, n);
}

/* $ stands for the file with the password. */
static const char *const confs[] = {
	"smarthost smtp://192.0.2.1 tls=off\n"
	"smarthost smtp://192.0.2.2 tls=off\n",
	"smarthost smtp://192.0.2.2 tls=off\n"
	"smarthost smtp://192.0.2.1 tls=off\n",
	"route even.org smtp://192.0.2.1 tls=off\n"
	"smarthost smtp://192.0.2.2 tls=off\n",
	"smarthost smtp://one.example.net tls=off\n"
	"smarthost smtp://two.example.net tls=off\n",
	"smarthost smtp://one.example.net tls=off\nfrom router@b.org\n",
	"smarthost smtp://192.0.2.1 tls=off auth=plain user=u "
	"password-file=$\n",
};

/* The last one. */
#define CONF_AUTH (ARRAY_LEN(confs) - 1)

static const char *conf_text(size_t which)
{
	static char text[400];
	struct buf b = BUF_ON(text);

	for (const char *p = confs[which]; *p; p++) {
		if (*p == '$')
			buf_put_str(&b, secret_path);
		else
			buf_put_char(&b, *p);
	}
	return buf_cstr(&b);
}

void story_world_begin(void)
{
	int fd = mkstemp(secret_path);

	if (fd < 0 || write(fd, "secret\n", 7) != 7 || close(fd) != 0)
		sim_broken("no place for a password");
	sim_dns_init(&dns, &dev.net);
	for (unsigned i = 0; i < 2; i++)
		hops[i].refuses = story_refusal;
	story_heal();
}

void story_world_end(void)
{
	(void)unlink(secret_path);
	memcpy(secret_path + sizeof(secret_path) - 7, "XXXXXX", 6);
}

static void disturb_hop(void)
{
	static const char *const replies[] = {
		NULL,
		NULL,
		"421 4.3.2 no",
		"451 4.3.0 no",
		"450 4.2.1 no",
		"452 4.5.3 many",
		"550 5.1.1 nobody",
		"554 5.7.1 no such mail",
		"530 5.7.0 who are you",
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
	if (r.step == SIM_DOT && (!r.reply || r.reply[0] == '5'))
		r.takes = !r.reply;
	sim_hop_rule(h, r);
}

static void change_password(void)
{
	for (unsigned i = 0; i < 2; i++)
		sim_hop_says(&hops[i], SIM_AUTH, NULL,
			     "535 5.7.8 the password has expired");
}

/* What hops are when they are well: all of mail goes to each. */
static const char *const whole[] = {
	NULL,
	USUAL "\r\nDSN",
	USUAL "\r\nSMTPUTF8",
	USUAL "\r\nDSN\r\nSMTPUTF8",
};

static void change_offer(void)
{
	static const char *const offers[] = {
		NULL,
		"",
		"SIZE 20000",
		"PIPELINING",
		"PIPELINING\r\nDSN",
		"8BITMIME\r\nSMTPUTF8\r\nDSN",
		"STARTTLS\r\nPIPELINING\r\nAUTH CRAM-MD5",
	};

	struct sim_hop *h = &hops[draw(2)];

	h->offer = offers[draw(ARRAY_LEN(offers))];
	story.small |= h->offer && strstr(h->offer, "SIZE 20000");
}

static void change_link(void)
{
	for (unsigned i = 0; i < 2; i++)
		hops[i].door->mood = draw(2) ? SIM_ACCEPTS
					     : (enum sim_mood)draw(4);
	hops[draw(2)].dribbles = draw(2);
	dev.net.most = draw(2) ? 0 : 30 + draw(1000);
}

static void change_names(void)
{
	dns.mood = draw(2) ? SIM_DNS_ANSWERS
			   : (enum sim_dns_mood)draw(SIM_DNS_AWAY + 1);
	dns.after_ms = draw(2) ? 0 : (int64_t)draw(15000);
	/* They may change places, or name nobody. */
	sim_dns_set(&dns, "one.example.net",
		    draw(2) ? "192.0.2.1" : "192.0.2.2");
	sim_dns_set(&dns, "two.example.net",
		    draw(2) ? "192.0.2.2" : "192.0.2.9");
}

static void set_clock(void)
{
	int64_t t = BEGAN_S + story_ms() / 1000;

	if (draw(4) == 0)
		t = (int64_t)draw(1u << 31);
	sim_set_wall(&dev.sim, t);
	relay_clock_set(dev.relay);
}

static void change_disk(void)
{
	dev.disk.sync_error = draw(4) ? 0 : -EIO;
	story.faulty |= dev.disk.sync_error != 0;
}

void story_heal(void)
{
	for (unsigned i = 0; i < 2; i++) {
		sim_hop_heals(&hops[i]);
		hops[i].door->mood = SIM_ACCEPTS;
		hops[i].offer = whole[draw(ARRAY_LEN(whole))];
		hops[i].dribbles = false;
	}
	dns.mood = SIM_DNS_ANSWERS;
	dns.after_ms = 0;
	sim_dns_set(&dns, "one.example.net", "192.0.2.1");
	sim_dns_set(&dns, "two.example.net", "192.0.2.2");
	dev.net.most = 0;
	dev.disk.sync_error = 0;
}

void story_world_lock_out(void)
{
	story_heal();
	change_password();
	if (sim_device_reload(&dev, conf_text(CONF_AUTH)) < 0)
		story_wrong("a reload fails");
}

void story_trouble(void)
{
	switch (draw(12)) {
	case 0:
	case 1:
	case 2:
		disturb_hop();
		break;
	case 3:
		change_password();
		break;
	case 4:
		change_offer();
		break;
	case 5:
		change_link();
		break;
	case 6:
		change_names();
		break;
	case 7:
	case 8:
		set_clock();
		break;
	case 9:
		change_disk();
		break;
	default:
		story_heal();
	}
}

void story_start(void)
{
	story.boot++;
	dev.splay = draw(2);
	sim_device_start(&dev, conf_text(draw(ARRAY_LEN(confs))));
	if (dev.open_error < 0)
		story_wrong("the spool does not open");
}

void story_reload(void)
{
	if (sim_device_reload(&dev, conf_text(draw(ARRAY_LEN(confs)))) < 0)
		story_wrong("a reload fails");
}

static void stop(int64_t window_ms)
{
	relay_stop(dev.relay);
	if (!sim_device_ends(&dev, 20000))
		story_wrong("it does not end");
	if (dev.disk.sync_error == 0 && spool_sync_marks(dev.spool) < 0)
		story_wrong("marks cannot be written");
	story_look();
	story_all_may_repeat(window_ms);
	sim_device_kill(&dev);
}

static void cut(void)
{
	story_sum.cuts++;
	story_all_may_repeat(story.faulty ? INT64_MAX : SPOOL_LAZY_MS + 60000);
	dev.disk.sync_error = 0;
	story.gone_ms += dev.sim.now_ms - 1000;
	sim_device_cut(&dev);
	/* A device without a clock of its own. */
	if (draw(2))
		sim_set_wall(&dev.sim, (int64_t)draw(100));
}

void story_restart(void)
{
	/* A medium that fails takes no marks (SPOOL.md 2.2, 3). */
	int64_t window_ms = story.faulty ? INT64_MAX : 60000;
	uint64_t how = draw(3);

	story_look();
	log_put(LOG_DEBUG, "restart %llu at %lld ms", (unsigned long long)how,
		(long long)dev.sim.now_ms);
	if (how == 0) {
		stop(window_ms);
	} else if (how == 1) {
		story_sum.kills++;
		story_all_may_repeat(window_ms);
		sim_device_kill(&dev);
	} else {
		cut();
	}
	dev.disk.sync_error = 0;
	story.faulty = false;
	story_forget_clients();
	story_start();
}
