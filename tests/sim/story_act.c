/* SPDX-License-Identifier: ISC */
/* sim/story_act.c - see sim/story_act.h. */
#include "sim/story_act.h"

#include "sim/json.h"
#include "sim/story_wish.h"
#include "sim/story_world.h"

/* The client that gives orders; the others submit. */
#define OPERATOR (FIXTURE_CLIENTS - 1)

static uint64_t draw(uint64_t n)
{
	return sim_below(&dev.sim, n);
}

/* A free client, closed. */
static struct sim_client *take_client(void)
{
	struct sim_client *c = &clients[story.next++ % OPERATOR];

	story_forget_client(c);
	sim_client_close(c);
	return c;
}

void story_close_clients(void)
{
	story_forget_clients();
	for (unsigned i = 0; i < FIXTURE_CLIENTS; i++)
		sim_client_close(&clients[i]);
}

static bool says(struct sim_client *c, const char *text, const char *want)
{
	sim_client_forget(c);
	sim_client_say(c, text);
	return sim_device_until(&dev, c, want, 60000);
}

/* Was all of the envelope accepted, and DATA too? */
static bool is_accepted(const struct sim_client *c)
{
	return c->got[0] == '2' && !strstr(c->got, "\r\n4") &&
	       !strstr(c->got, "\r\n5") && strstr(c->got, "\r\n354 ");
}

/* Does everything up to 354; false: it was refused, or is slow. */
static bool begin(struct sim_client *c, struct story_mail *m)
{
	char text[2000];
	struct buf b = BUF_ON(text);

	m->lmtp = draw(2);
	if (m->lmtp)
		sim_client_open(c, &dev.net, SIM_SUBMIT, 1000);
	else
		sim_client_open_tcp(c, &dev.net, "127.0.0.1");
	if (!sim_device_until(&dev, c, "220 ", 60000) ||
	    !says(c, m->lmtp ? "LHLO x\r\n" : "EHLO x\r\n", "\r\n250 "))
		return false;
	story_put_envelope(&b, m);
	if (draw(2)) {
		/* All at once, as PIPELINING (RFC 2920) allows. */
		buf_put_str(&b, "DATA\r\n");
		return says(c, buf_cstr(&b), "354 ") && is_accepted(c);
	}
	buf_put_str(&b, "NOOP\r\n");
	if (!says(c, buf_cstr(&b), "250 2.0.0 ") || strstr(c->got, "\r\n4") ||
	    strstr(c->got, "\r\n5") || c->got[0] != '2')
		return false;
	return says(c, "DATA\r\n", "\n") && c->got[0] == '3';
}

void story_submit(void)
{
	struct sim_client *c = take_client();
	struct story_mail *m = story_new();
	struct slice body;

	if (!m)
		return;
	m->nrcpt = 1 + (unsigned)draw(STORY_RCPTS);
	m->size = 200 + (uint32_t)draw(draw(4) ? 3000 : 60000);
	m->null_from = draw(12) == 0;
	story_wish(m);
	if (!begin(c, m)) {
		story_sum.full += strstr(c->got, "452 4.3.1") != NULL;
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
	m->dot_ms = story_ms();
	m->client = c;
	if (draw(10) == 0) {
		m->client = NULL;
		sim_client_close(c);
	}
}

/* One order; its exit code. */
static int give(const char *words)
{
	int code = sim_device_order(&dev, &clients[OPERATOR], words);

	if (code < 0)
		story_wrong("an order is not answered");
	return code;
}

/* An order about the message with this identifier. */
static int give_about(const char *verb, struct slice id)
{
	char words[40];
	struct buf b = BUF_ON(words);

	buf_put_str(&b, verb);
	buf_put_slice(&b, id);
	return give(buf_cstr(&b));
}

/* Its identifier, as a line of the queue has it. */
static struct slice id_in(const char *line, char space[12])
{
	static const char key[] = "\"id\":\"";
	const char *at = strstr(line, key);

	if (!at || strlen(at) < sizeof(key) + 11) {
		story_wrong("a line without an identifier");
		return SLICE("");
	}
	memcpy(space, at + sizeof(key) - 1, 12);
	return slice_of(space, 12);
}

/* The message that a line of the queue is about; NULL: another one. */
static struct story_mail *mail_in(const char *line)
{
	const char *at = strstr(line, "\"address\":\"m");
	unsigned k;

	return at ? story_find(at + 11, &k) : NULL;
}

/* An operator holds, releases or removes what a line of the queue shows. */
static void order_about(const char *line)
{
	static const char *const verbs[] = { "hold ", "release ", "remove " };
	struct story_mail *m = mail_in(line);
	unsigned verb = (unsigned)draw(ARRAY_LEN(verbs));
	char space[12];
	struct slice id = id_in(line, space);

	/* What is on its way just now may still go. */
	if (!m || strstr(line, "\"state\":\"active\"") ||
	    give_about(verbs[verb], id) != 0)
		return;
	m->held = verb == 0;
	m->removed = verb == 2;
	m->told_ms = story_ms();
	m->told_boot = story.boot;
	story_sum.removed += m->removed;
	/* Even if the power is cut now. */
	if (draw(2))
		story_restart();
}

void story_order(void)
{
	static const char *const orders[] = { "queue json", "status json",
					      "flush", "queue", "status" };
	static char list[65536];
	struct sim_client *c = &clients[OPERATOR];
	uint64_t i = draw(ARRAY_LEN(orders));
	char *line = list, *end;

	give(orders[i]);
	if ((i == 0 && !sim_json_lines(slice_str(c->got))) ||
	    (i == 1 && !sim_json(slice_str(c->got))))
		story_wrong("JSON that is none");
	if (i != 0 || draw(2))
		return;
	memcpy(list, c->got, sizeof(list));
	for (uint64_t skip = draw(8); (end = strchr(line, '\n')); line = end) {
		*end++ = '\0';
		if (skip-- == 0) {
			order_about(line);
			return;
		}
	}
}

void story_release(void)
{
	static char list[65536];
	char *line = list, *end, space[12];

	give("queue json");
	memcpy(list, clients[OPERATOR].got, sizeof(list));
	for (; (end = strchr(line, '\n')) != NULL; line = end) {
		*end++ = '\0';
		if (strstr(line, "\"state\":\"held\"") &&
		    give_about("release ", id_in(line, space)) != 0)
			story_wrong("held mail that is not released");
	}
	for (unsigned i = 0; i < story.nmails; i++)
		story.mails[i].held = false;
}
