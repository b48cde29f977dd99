/* SPDX-License-Identifier: ISC */
/*
 * Any bytes from a server.  The first two bytes choose the job; the session
 * must come to an end, with every outcome decided, and say whole lines only.
 */
#include <stdlib.h>
#include <string.h>

#include "smtp/client.h"

static struct smtp_client c;
static struct outcome outcomes[3];
static unsigned txns;
static size_t body_left;
static bool bol;

static void must(bool good)
{
	if (!good)
		abort();
}

static void watch(void *ctx, bool out, struct slice line)
{
	(void)ctx;
	must(slice_find(line, '\n') < 0);
	/* neither the password nor its base64, however it is said */
	must(!out || (!memmem(line.p, line.n, "geheim", 6) &&
		      !memmem(line.p, line.n, "Z2VoZWlt", 8)));
}

static void check_outcomes(void)
{
	for (unsigned i = 0; txns > 0 && i < 3; i++) {
		must(outcomes[i].verdict != VERDICT_NONE);
		must(outcomes[i].verdict != VERDICT_SENT ||
		     outcomes[i].code / 100 == 2);
		must(!outcomes[i].uncertain || c.body_sent);
		must(memchr(outcomes[i].text, '\0', OUTCOME_MAX_TEXT) != NULL);
	}
}

static void next_txn(const struct smtp_txn *txn)
{
	check_outcomes();
	if (++txns > 4) {
		smtp_client_quit(&c);
		return;
	}
	memset(outcomes, 0x5a, sizeof(outcomes));
	body_left = 3000;
	smtp_client_begin(&c, txn);
}

/* Lines that go out end in CRLF and hold nothing else of the kind. */
static void check_out(struct slice out)
{
	for (size_t i = 0; i < out.n; i++) {
		/* In UTF-8 only where that is offered. */
		must((uint8_t)out.p[i] < 0x80 || (c.ehlo.ext & EHLO_SMTPUTF8));
		must(out.p[i] != '\n' || (i > 0 ? out.p[i - 1] == '\r' : bol));
		bol = out.p[i] == '\r';
	}
}

/* Do all that is wanted, but reading. */
static void drain(const struct smtp_txn *txn)
{
	for (;;) {
		unsigned wants = smtp_client_wants(&c);
		struct slice out = smtp_client_out(&c);

		if (wants & SMTP_WANT_TLS) {
			smtp_client_tls_up(&c);
		} else if (wants & SMTP_WANT_WRITE) {
			check_out(out);
			smtp_client_sent(&c, out.n);
		} else if ((wants & SMTP_WANT_BODY) && body_left == 0) {
			smtp_client_body_end(&c);
		} else if (wants & SMTP_WANT_BODY) {
			body_left -= smtp_client_body(
				&c, slice_head(SLICE("a\r\n.b\n\rc\r\n"),
					       body_left));
		} else if (wants & SMTP_WANT_TXN) {
			next_txn(txn);
		} else {
			return;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	unsigned a = size > 0 ? data[0] : 0, b = size > 1 ? data[1] : 0;
	struct smtp_job job = {
		.helo = SLICE("me"),
		.lmtp = a & 1,
		.tls = (enum smtp_tls)(a >> 1 & 3),
		.auth = a & 8,
		.auth_clear = a & 16,
		.mechanisms = a & 32 ? EHLO_AUTH_LOGIN : EHLO_AUTH_PLAIN,
		.user = SLICE("user"),
		.password = SLICE("geheim"),
		.watch = watch,
	};
	struct smtp_txn txn = {
		.from = a & 64 ? SLICE("") : SLICE("a@b"),
		.params = SLICE("RET=HDRS"),
		.rcpts = a & 128 ? slice_of("r1@\xc3\xbc\0\xc3\xbc@y\0r3@x", 16)
				 : slice_of("r1@x\1NOTIFY=NEVER\0r2@y\0r3@x",
					    28),
		.nrcpt = 3,
		.size = b % 3 * 500u,
		.eight_bit = b & 4,
		.utf8 = (a & b & 4) != 0,
		.outcomes = outcomes,
	};
	size_t step = b & 8 ? 1 + b / 16u : size + 1;

	txns = 0;
	bol = false;
	smtp_client_init(&c, &job);
	in = slice_from(in, 2);
	while (in.n > 0 && !(smtp_client_wants(&c) & SMTP_WANT_CLOSE)) {
		struct slice part = slice_head(in, step);
		size_t used;

		drain(&txn);
		smtp_client_feed(&c, part, &used);
		must(used == part.n);
		in = slice_from(in, used);
	}
	drain(&txn);
	if (b & 4)
		smtp_client_expire(&c);
	smtp_client_lost(&c, SLICE("end of input"));
	must(smtp_client_wants(&c) == SMTP_WANT_CLOSE);
	check_outcomes();
	return 0;
}
