/* SPDX-License-Identifier: ISC */
/* sim/fixture.c - see sim/fixture.h. */
#include "sim/fixture.h"

#include <stdlib.h>

struct sim_device dev;
struct sim_hop hops[3];
struct sim_client clients[FIXTURE_CLIENTS];

static const char *const places[] = { "192.0.2.1", "192.0.2.2", "192.0.2.3" };

int fixture_up(void **state)
{
	(void)state;
	sim_device_init(&dev, 20261123);
	for (size_t i = 0; i < ARRAY_LEN(hops); i++)
		sim_hop_init(&hops[i], &dev.net, places[i], 25);
	for (size_t i = 0; i < FIXTURE_CLIENTS; i++)
		clients[i].conn = NULL;
	return 0;
}

int fixture_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hops); i++)
		sim_hop_clear(&hops[i]);
	sim_device_clear(&dev);
	return 0;
}

/* Fail with what the client saw, and the log. */
static void fail_with(const struct sim_client *c, const char *wanted)
{
	print_error("wanted \"%s\", got \"%s\" at %lld ms; log:\n%s\n", wanted,
		    c->got, (long long)dev.sim.now_ms, sim_log());
	fail();
}

void fixture_hello(struct sim_client *c, enum fixture_door door)
{
	if (door == BY_SMTP)
		sim_client_open_tcp(c, &dev.net, "127.0.0.1");
	else
		sim_client_open(c, &dev.net, SIM_SUBMIT, 1000);
	if (!sim_device_until(&dev, c, "220 ", 1000))
		fail_with(c, "220");
	sim_client_forget(c);
	sim_client_say(c,
		       door == BY_SMTP ? "EHLO client\r\n" : "LHLO client\r\n");
	if (!sim_device_until(&dev, c, "250 ", 1000))
		fail_with(c, "250");
	sim_client_forget(c);
}

void fixture_mail(struct sim_client *c, const char *from, const char *to)
{
	static char text[65536];
	struct buf b = BUF_ON(text);
	struct slice rest = slice_str(to);

	buf_putf(&b, "MAIL FROM:<%s>\r\n", from);
	while (rest.n > 0) {
		buf_put_str(&b, "RCPT TO:<");
		buf_put_slice(&b, slice_cut(&rest, ','));
		buf_put_str(&b, ">\r\n");
	}
	sim_client_forget(c);
	sim_client_say(c, buf_cstr(&b));
	sim_device_run(&dev, 10);
}

void fixture_data(struct sim_client *c, const char *body)
{
	sim_client_forget(c);
	sim_client_say(c, "DATA\r\n");
	if (!sim_device_until(&dev, c, "354 ", 20000))
		fail_with(c, "354");
	sim_client_forget(c);
	sim_client_say(c, body);
	sim_client_say(c, ".\r\n");
}

void fixture_submit(struct sim_client *c, enum fixture_door door,
		    const char *from, const char *to, const char *body)
{
	fixture_hello(c, door);
	fixture_mail(c, from, to);
	fixture_data(c, body);
}

void fixture_expect(struct sim_client *c, const char *text, int64_t ms)
{
	(void)sim_device_until(&dev, c, "\n", ms);
	if (strncmp(c->got, text, strlen(text)) != 0)
		fail_with(c, text);
}

void fixture_send(const char *from, const char *to, const char *expect)
{
	struct sim_client *c = &clients[FIXTURE_CLIENTS - 1];

	fixture_submit(c, BY_SMTP, from, to, "Subject: x\r\n\r\nhello\r\n");
	fixture_expect(c, expect, 1000);
	sim_client_close(c);
	sim_device_run(&dev, 10);
}

unsigned fixture_queued(void)
{
	return dev.spool ? spool_count(dev.spool) : 0;
}

long fixture_number(const struct sim_client *c, const char *key)
{
	char name[64];
	struct buf b = BUF_ON(name);
	const char *at;

	buf_putf(&b, "\"%s\":", key);
	at = strstr(c->got, buf_cstr(&b));
	if (!at || strncmp(at + b.len, "null", 4) == 0)
		return -1;
	return atol(at + b.len);
}

const char *fixture_body(size_t n)
{
	static char text[1 << 18];
	static const char line[] =
		"All work and no play makes a dull mail.\r\n";
	size_t at = 0;

	assert_true(n < sizeof(text));
	while (at + sizeof(line) <= n) {
		memcpy(text + at, line, sizeof(line) - 1);
		at += sizeof(line) - 1;
	}
	while (at + 2 < n)
		text[at++] = 'x';
	memcpy(text + at, "\r\n", 3);
	return text;
}
