/* SPDX-License-Identifier: ISC */
/*
 * What operators order and see: queue, show, status, hold, release, remove,
 * flush, as text and as JSON (DESIGN.md 2.1, 2.3).
 */
#include "sim/fixture.h"
#include "sim/json.h"

static struct sim_client *const c = &clients[0];

#define BODY "Subject: x\r\n\r\nhello\r\n"

/* The text of an answer, before its NUL and exit code. */
static struct slice text_of(const struct sim_client *cl)
{
	return slice_str(cl->got);
}

/* The identifier that "queued as ID" names. */
static const char *id_of(const struct sim_client *cl)
{
	static char id[ID_LEN + 1];
	const char *at = strstr(cl->got, "queued as ");

	assert_non_null(at);
	memcpy(id, at + 10, ID_LEN);
	return id;
}

static int order(const char *verb, const char *id)
{
	char line[64];
	struct buf b = BUF_ON(line);

	buf_putf(&b, "%s %s", verb, id);
	return sim_device_order(&dev, c, buf_cstr(&b));
}

/* One message is queued, the hop down; its identifier. */
static const char *queue_one(const char *to)
{
	struct sim_client *s = &clients[1];

	hops[0].door->mood = SIM_REFUSES;
	fixture_submit(s, BY_LMTP, "a@b.org", to, BODY);
	fixture_expect(s, "250 2.0.0 queued as ", 100);
	sim_client_close(s);
	sim_device_run(&dev, 10);
	return id_of(s);
}

static void an_empty_queue(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	assert_int_equal(sim_device_order(&dev, c, "queue"), 0);
	assert_string_equal(c->got, "Mail queue is empty\n");
	assert_int_equal(sim_device_order(&dev, c, "queue json"), 0);
	assert_string_equal(c->got, "");
}

static void the_queue_as_json(void **state)
{
	char want[100];
	struct buf b = BUF_ON(want);
	const char *id;

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	id = queue_one("c@d.org,e@d.org");
	buf_putf(&b, "{\"id\":\"%s\",\"state\":\"queued\",\"age_s\":0,", id);
	queue_one("f@d.org");
	assert_int_equal(sim_device_order(&dev, c, "queue json"), 0);
	assert_true(sim_json_lines(text_of(c)));
	assert_memory_equal(c->got, buf_cstr(&b), b.len);
	assert_non_null(strstr(c->got, "\"size\":21,\"from\":\"a@b.org\","));
	assert_non_null(strstr(c->got, "\"recipients\":[{\"address\":"
				       "\"c@d.org\",\"state\":\"deferred\","
				       "\"code\":null,\"dsn\":\"4.4.1\","
				       "\"text\":\"connection refused\"},"));
	assert_in_range(fixture_number(c, "next_attempt_s"), 20, 91);
	sim_device_run(&dev, 10 * 1000);
	sim_device_order(&dev, c, "queue json");
	assert_int_equal(fixture_number(c, "age_s"), 10);
}

/* Quotes, backslashes and all that comes from a peer. */
static void json_survives_everything(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_says(&hops[0], SIM_RCPT, NULL,
		     "450 4.2.1 \"busy\" \\ \001\033[1m <\303\244> \377");
	fixture_hello(&clients[1], BY_SMTP);
	fixture_mail(&clients[1], "\"o\\\"d d\"@b.org", "\"a\\\\b\"@d.org");
	fixture_data(&clients[1], BODY);
	fixture_expect(&clients[1], "250 2.0.0 queued as ", 100);
	sim_device_order(&dev, c, "queue json");
	assert_true(sim_json_lines(text_of(c)));
	assert_non_null(strstr(c->got, "\"from\":\"\\\"o\\\\\\\"d d\\\""));
	sim_device_order(&dev, c, "status json");
	assert_true(sim_json(text_of(c)));
	sim_device_order(&dev, c, "queue");
	assert_null(strchr(c->got, '\033'));
	assert_null(strchr(sim_log(), '\033'));
}

/* What is only in RAM is listed, too. */
static void a_message_under_way(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_rule(&hops[0],
		     (struct sim_rule){ .step = SIM_DOT, .after_ms = 3000 });
	fixture_submit(&clients[1], BY_SMTP, "a@b.org", "c@d.org", BODY);
	sim_device_run(&dev, 2000);
	sim_device_order(&dev, c, "queue json");
	assert_true(sim_json_lines(text_of(c)));
	assert_non_null(strstr(c->got, "\"state\":\"active\",\"age_s\":2,"));
	assert_non_null(strstr(c->got, "\"next_attempt_s\":null"));
	sim_device_order(&dev, c, "status json");
	assert_true(sim_json(text_of(c)));
	assert_int_equal(fixture_number(c, "messages"), 1);
	assert_int_equal(fixture_number(c, "oldest_s"), 2);
	fixture_expect(&clients[1], "250 2.0.0 taken", 2000);
	sim_device_order(&dev, c, "status json");
	assert_int_equal(fixture_number(c, "messages"), 0);
	assert_int_equal(fixture_number(c, "oldest_s"), -1);
}

static void the_oldest_of_those_under_way(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_rule(&hops[0],
		     (struct sim_rule){ .step = SIM_DOT, .after_ms = 10000 });
	fixture_submit(&clients[1], BY_LMTP, "a@b.org", "c@d.org", BODY);
	sim_device_run(&dev, 3000);
	fixture_submit(&clients[2], BY_LMTP, "a@b.org", "c@d.org", BODY);
	sim_device_run(&dev, 2000);
	sim_device_order(&dev, c, "status json");
	assert_int_equal(fixture_number(c, "messages"), 2);
	assert_int_equal(fixture_number(c, "oldest_s"), 5);
}

static void status_as_json(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE "route x.org discard\n");
	fixture_send("a@b.org", "c@d.org", "250 2.0.0 taken");
	sim_device_run(&dev, 5000);
	assert_int_equal(sim_device_order(&dev, c, "status json"), 0);
	assert_true(sim_json(text_of(c)));
	assert_non_null(strstr(c->got, "{\"version\":\"" CONFIG_VERSION "\","));
	assert_non_null(strstr(c->got, "\"clock\":\"sane\""));
	assert_non_null(strstr(c->got, "\"path\":\"/spool\""));
	assert_non_null(strstr(c->got, "\"volatile\":false"));
	assert_int_equal(fixture_number(c, "bytes_written"), 0);
	assert_int_equal(fixture_number(c, "accepted"), 1);
	assert_int_equal(fixture_number(c, "sent"), 1);
	assert_int_equal(fixture_number(c, "uptime_s"), 5);
	assert_non_null(strstr(c->got, "\"last_success_s\":5}"));
	assert_int_equal(fixture_number(c, "capacity_bytes"),
			 (long)spool_capacity(dev.spool));
	assert_non_null(strstr(c->got, "\"pattern\":\"x.org\",\"nexthop\":"
				       "\"discard\",\"state\":\"up\","
				       "\"reason\":null,\"next_attempt_s\":"
				       "null,\"last_success_s\":null}"));
}

static void status_of_a_route_that_is_down(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE "alarm 1m\n");
	queue_one("c@d.org");
	assert_int_equal(sim_device_order(&dev, c, "status json"), 0);
	assert_true(sim_json(text_of(c)));
	assert_non_null(strstr(c->got, "\"state\":\"down\",\"reason\":"
				       "\"connection refused\""));
	assert_int_equal(fixture_number(c, "deferred"), 1);
	assert_int_equal(fixture_number(c, "bytes_written"), SPOOL_FRAME);
	/* Mail that waits longer than `alarm` is stuck. */
	sim_device_run(&dev, 59 * 1000);
	assert_int_equal(sim_device_order(&dev, c, "status"), 0);
	sim_device_run(&dev, 3 * 1000);
	assert_int_equal(sim_device_order(&dev, c, "status"), 1);
	assert_non_null(strstr(c->got, ": down, next attempt in "));
	assert_non_null(strstr(c->got, "queue    1 messages, 21 bytes"));
	hops[0].door->mood = SIM_ACCEPTS;
	assert_int_equal(sim_device_order(&dev, c, "flush wait"), 0);
	assert_int_equal(sim_device_order(&dev, c, "status"), 0);
	assert_non_null(strstr(c->got, "last success "));
}

static void status_without_a_route_or_spool(void **state)
{
	(void)state;
	dev.no_spool = true;
	sim_device_start(&dev, "");
	assert_int_equal(sim_device_order(&dev, c, "status json"), 0);
	assert_true(sim_json(text_of(c)));
	assert_non_null(strstr(c->got, "\"path\":null,\"reason\":"
				       "\"the test has none\""));
	assert_non_null(strstr(c->got, "\"routes\":[]"));
	sim_device_order(&dev, c, "status");
	assert_non_null(strstr(c->got, "route    none: mail waits"));
}

static void show(void **state)
{
	const char *id;

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	id = queue_one("c@d.org");
	assert_int_equal(order("show", id), 0);
	assert_string_equal(c->got, "Subject: x\n\nhello\n");
	assert_int_equal(order("show", "aaaaaaaaaaab"), 65);
	assert_int_equal(order("show", "nonsense"), 65);
	assert_int_equal(order("show", ""), 65);
}

static void show_a_large_one(void **state)
{
	const char *body = fixture_body(50000);
	char id[ID_LEN + 1] = "";
	size_t at = 0;

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	hops[0].door->mood = SIM_REFUSES;
	fixture_submit(&clients[1], BY_SMTP, "a@b.org", "c@d.org", body);
	fixture_expect(&clients[1], "250 2.0.0 queued as ", 100);
	memcpy(id, id_of(&clients[1]), ID_LEN);
	assert_int_equal(order("show", id), 0);
	for (size_t i = 0; body[i]; i++)
		if (body[i] != '\r' && body[i] != c->got[at++])
			fail();
	assert_int_equal(at, strlen(c->got));
}

static void hold_and_release(void **state)
{
	const char *id;

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	id = queue_one("c@d.org");
	sim_device_watch(&dev);
	assert_int_equal(order("hold", id), 0);
	/* The order is on the medium before it is answered. */
	assert_int_equal(sim_device_syncs(&dev), 1);
	assert_non_null(strstr(c->got, " held\n"));
	hops[0].door->mood = SIM_ACCEPTS;
	assert_int_equal(sim_device_order(&dev, &clients[2], "flush wait"), 0);
	sim_device_run(&dev, 86400 * 1000);
	assert_int_equal(hops[0].nmails, 0);
	sim_device_order(&dev, &clients[2], "queue json");
	assert_non_null(strstr(clients[2].got, "\"state\":\"held\""));
	assert_int_equal(fixture_number(&clients[2], "next_attempt_s"), -1);
	/* What an operator holds is not stuck, old as it is. */
	assert_int_equal(sim_device_order(&dev, &clients[2], "status"), 0);
	/* It is still held after a restart. */
	sim_device_kill(&dev);
	sim_device_start(&dev, FIXTURE_ONE);
	sim_device_run(&dev, 1000);
	assert_int_equal(hops[0].nmails, 0);
	assert_int_equal(order("release", id), 0);
	sim_device_run(&dev, 100);
	assert_int_equal(hops[0].nmails, 1);
	assert_int_equal(fixture_queued(), 0);
	assert_int_equal(order("release", id), 65);
}

/* A notice that is owed can be held like any mail. */
static void hold_what_is_returning(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	sim_hop_says(&hops[0], SIM_MAIL, "<>", "450 4.3.0 not now");
	sim_hop_says(&hops[0], SIM_RCPT, "<2@", "550 5.1.1 nobody");
	fixture_submit(&clients[1], BY_SMTP, "a@b.org", "1@d.org,2@d.org",
		       BODY);
	fixture_expect(&clients[1], "250 2.0.0 queued as ", 100);
	sim_hop_heals(&hops[0]);
	assert_int_equal(order("hold", id_of(&clients[1])), 0);
	sim_device_run(&dev, 86400 * 1000);
	sim_device_order(&dev, c, "queue json");
	assert_non_null(strstr(c->got, "\"state\":\"held\""));
	assert_int_equal(order("release", id_of(&clients[1])), 0);
	sim_device_run(&dev, 1000);
	assert_int_equal(sim_hop_got(&hops[0], "1@d.org"), 1);
	assert_int_equal(sim_hop_got(&hops[0], "2@d.org"), 0);
	assert_int_equal(sim_hop_got(&hops[0], "a@b.org"), 1);
	assert_int_equal(fixture_queued(), 0);
}

static void remove_some(void **state)
{
	char line[100];
	struct buf b = BUF_ON(line);

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	buf_putf(&b, "remove %s", queue_one("1@d.org"));
	queue_one("2@d.org");
	buf_putf(&b, " %s aaaaaaaaaaab", queue_one("3@d.org"));
	assert_int_equal(sim_device_order(&dev, c, buf_cstr(&b)), 65);
	assert_non_null(strstr(c->got, "no message aaaaaaaaaaab"));
	assert_int_equal(fixture_queued(), 1);
	/* It cannot come back. */
	sim_device_cut(&dev);
	hops[0].door->mood = SIM_ACCEPTS;
	sim_device_start(&dev, FIXTURE_ONE);
	assert_int_equal(dev.found.messages, 1);
	sim_device_run(&dev, 1000);
	assert_string_equal(hops[0].mails[0].to, "2@d.org ");
	assert_int_equal(hops[0].nmails, 1);
}

static void remove_all(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	for (unsigned i = 0; i < 21; i++)
		queue_one("c@d.org");
	assert_int_equal(sim_device_order(&dev, c, "remove --all"), 0);
	assert_string_equal(c->got, "21 messages removed\n");
	assert_int_equal(fixture_queued(), 0);
	assert_int_equal(sim_device_order(&dev, c, "remove --all"), 0);
	assert_string_equal(c->got, "0 messages removed\n");
}

/* An order that cannot be stored is none. */
static void orders_are_stored_or_refused(void **state)
{
	const char *id;

	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	id = queue_one("c@d.org");
	dev.disk.write_error = -5;
	assert_int_equal(order("remove", id), 74);
	assert_int_equal(order("hold", id), 74);
	assert_int_equal(sim_device_order(&dev, c, "remove --all"), 74);
	assert_int_equal(fixture_queued(), 1);
	dev.disk.write_error = 0;
	assert_int_equal(order("remove", id), 0);
	assert_int_equal(fixture_queued(), 0);
}

static void nonsense(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	assert_int_equal(sim_device_order(&dev, c, "dance"), 64);
	assert_int_equal(sim_device_order(&dev, c, ""), 64);
	assert_int_equal(sim_device_order(&dev, c, "hold"), 64);
	assert_int_equal(sim_device_order(&dev, c, "flush aaaaaaaaaaab"), 65);
	/* Too long a line, and one that never ends. */
	sim_client_open(c, &dev.net, SIM_CONTROL, 0);
	sim_client_say(c, fixture_body(3000));
	sim_device_run(&dev, 100);
	assert_true(c->closed);
	sim_client_open(c, &dev.net, SIM_CONTROL, 0);
	sim_client_say(c, "que");
	sim_device_run(&dev, 29 * 1000);
	assert_false(c->closed);
	sim_device_run(&dev, 2 * 1000);
	assert_true(c->closed);
}

/* A long answer to somebody who reads slowly, byte by byte. */
static void a_slow_reader(void **state)
{
	(void)state;
	sim_device_start(&dev, FIXTURE_ONE);
	for (unsigned i = 0; i < 30; i++)
		queue_one("1@d.org,2@d.org,3@d.org,4@d.org,5@d.org,6@d.org");
	dev.net.most = 7;
	assert_int_equal(sim_device_order(&dev, c, "queue json"), 0);
	assert_true(sim_json_lines(text_of(c)));
	sim_client_open(c, &dev.net, SIM_CONTROL, 0);
	sim_conn_pause(c->conn, true);
	sim_client_say(c, "queue json\n");
	dev.net.most = 0;
	sim_device_run(&dev, 5000);
	/* Others are served meanwhile. */
	assert_int_equal(sim_device_order(&dev, &clients[2], "status"), 0);
	sim_conn_pause(c->conn, false);
	sim_device_run(&dev, 1000);
	assert_true(c->closed);
	assert_true(sim_json_lines(text_of(c)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(an_empty_queue),
		FIXTURE_TEST(the_queue_as_json),
		FIXTURE_TEST(json_survives_everything),
		FIXTURE_TEST(a_message_under_way),
		FIXTURE_TEST(the_oldest_of_those_under_way),
		FIXTURE_TEST(status_as_json),
		FIXTURE_TEST(status_of_a_route_that_is_down),
		FIXTURE_TEST(status_without_a_route_or_spool),
		FIXTURE_TEST(show),
		FIXTURE_TEST(show_a_large_one),
		FIXTURE_TEST(hold_and_release),
		FIXTURE_TEST(hold_what_is_returning),
		FIXTURE_TEST(remove_some),
		FIXTURE_TEST(remove_all),
		FIXTURE_TEST(orders_are_stored_or_refused),
		FIXTURE_TEST(nonsense),
		FIXTURE_TEST(a_slow_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
