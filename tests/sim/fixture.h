/* SPDX-License-Identifier: ISC */
/*
 * sim/fixture.h - what the tests of the relay share: one device, three next
 * hops at 192.0.2.1 to .3 port 25, some clients, and whole submissions.
 */
#ifndef SIM_FIXTURE_H
#define SIM_FIXTURE_H

#include "lib/check.h"

#include "sim/device.h"
#include "sim/record.h"

/* A smart host at the first hop. */
#define FIXTURE_ONE "smarthost smtp://192.0.2.1 tls=off\n"

/* Clients. */
#define FIXTURE_CLIENTS 24

extern struct sim_device dev;
extern struct sim_hop hops[3];
extern struct sim_client clients[FIXTURE_CLIENTS];

/* Setup and teardown of a cmocka test.  Prints the log of one that failed. */
int fixture_up(void **state);
int fixture_down(void **state);

/* A test between them. */
#define FIXTURE_TEST(f) \
	cmocka_unit_test_setup_teardown(f, fixture_up, fixture_down)

/* How a client comes in. */
enum fixture_door { BY_SMTP, BY_LMTP };

/* Connect and say hello. */
void fixture_hello(struct sim_client *c, enum fixture_door door);

/* MAIL and RCPTs (separated by commas); what came back is in c. */
void fixture_mail(struct sim_client *c, const char *from, const char *to);

/* DATA, and the message with its final dot; what came before is forgotten. */
void fixture_data(struct sim_client *c, const char *body);

/* All of it; the answer to the final dot is still to come. */
void fixture_submit(struct sim_client *c, enum fixture_door door,
		    const char *from, const char *to, const char *body);

/* Wait for an answer; it must begin with text and come within ms. */
void fixture_expect(struct sim_client *c, const char *text, int64_t ms);

/* submit and expect in one: a message that is answered at once. */
void fixture_send(const char *from, const char *to, const char *expect);

/* Messages in the spool. */
unsigned fixture_queued(void);

/* The number behind "key": in a control answer, -1: it is not there. */
long fixture_number(const struct sim_client *c, const char *key);

/* A body of n bytes in lines, in static memory. */
const char *fixture_body(size_t n);

#endif
