/* SPDX-License-Identifier: ISC */
/*
 * Any bytes from a client.  The first byte chooses pieces and answers; the
 * owner must be asked in order, and all replies must be well-formed.
 */
#include <stdlib.h>

#include "smtp/server.h"

static struct smtp_server s;
static bool in_mail, in_data;
static unsigned accepted, ends;

static void must(bool good)
{
	if (!good)
		abort();
}

/* Questions come in the order of RFC 5321 4.1.4. */
static void answer(enum smtp_ask ask, bool no)
{
	uint16_t code = no ? 450 : ask == SMTP_ASK_DATA ? 354 : 250;

	if (ask == SMTP_ASK_MAIL) {
		must(!in_mail);
		in_mail = !no;
		accepted = 0;
	} else if (ask == SMTP_ASK_RCPT) {
		must(in_mail && !in_data && s.path.n > 0);
		must(!slice_has_control(s.extra));
		accepted += !no;
	} else if (ask == SMTP_ASK_DATA) {
		must(in_mail && accepted > 0);
		in_data = !no;
		ends = 0;
	} else if (ask == SMTP_ASK_BODY) {
		must(in_data && smtp_server_body(&s).n > 0);
		code = no ? 452 : 0;
	} else if (ask == SMTP_ASK_END) {
		must(in_data);
		if (++ends == (s.lmtp ? accepted : 1))
			in_mail = in_data = false;
	} else {
		must(in_mail);
		in_mail = in_data = false;
	}
	smtp_server_answer(&s, code, no ? 431 : 0, SLICE("words\r\n\x1b"));
}

/* Whole lines, a code in front, printable, 512 octets at most. */
static void check_replies(struct slice out)
{
	while (out.n > 0) {
		struct slice line = slice_cut(&out, '\n');

		must(line.n >= 4 && line.n <= 511 &&
		     line.p[line.n - 1] == '\r');
		must(line.p[0] >= '2' && line.p[0] <= '5');
		for (size_t i = 0; i + 1 < line.n; i++)
			must(char_is_print(line.p[i]));
	}
}

static void drain(unsigned *seed)
{
	enum smtp_ask ask;
	struct slice out;

	do {
		out = smtp_server_out(&s);
		check_replies(out);
		smtp_server_sent(&s, out.n);
		while ((ask = smtp_server_ask(&s)) != SMTP_ASK_NONE) {
			*seed = *seed * 1103515245u + 12345;
			answer(ask, (*seed >> 16) % 5 == 0);
		}
	} while (smtp_server_out(&s).n > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	unsigned seed = size ? data[0] : 0;
	struct smtp_server_job job = { .hostname = SLICE("relay"),
				       .max_message = seed % 7 * 100,
				       .max_rcpt = (uint16_t)(1 + seed % 4),
				       .lmtp_ok = seed % 2 };
	size_t step = seed % 3 ? seed : 65536;

	in_mail = in_data = false;
	smtp_server_init(&s, &job);
	drain(&seed);
	in = slice_from(in, 1);
	while (in.n > 0 && !smtp_server_is_over(&s)) {
		size_t n = smtp_server_feed(&s, slice_head(in, step));

		must(n > 0 || smtp_server_is_over(&s) ||
		     smtp_server_ask(&s) != SMTP_ASK_NONE);
		in = slice_from(in, n);
		drain(&seed);
	}
	smtp_server_lost(&s);
	drain(&seed);
	must(!in_mail && smtp_server_is_over(&s));
	return 0;
}
