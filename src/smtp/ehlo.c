/* SPDX-License-Identifier: ISC */
/* smtp/ehlo.c - see smtp/ehlo.h. */
#include "smtp/ehlo.h"

/* In the order of the EHLO_ bits, and of the EHLO_AUTH_ bits. */
static const struct slice keywords =
	SLICE("PIPELINING SIZE 8BITMIME STARTTLS AUTH ENHANCEDSTATUSCODES DSN "
	      "SMTPUTF8 LIMITS XQUEUE");
static const struct slice mechanisms = SLICE("PLAIN LOGIN");

/* The bit of word in the list names; 0: it is not there. */
static uint16_t find_bit(struct slice names, struct slice word)
{
	struct slice name;
	uint16_t bit = 1;

	while ((name = slice_word(&names)).n > 0 && !slice_ieq(name, word))
		bit = (uint16_t)(bit << 1);
	return name.n > 0 ? bit : 0;
}

/* RFC 4954 3: the mechanisms' names, blanks between them. */
static void take_mechanisms(struct ehlo *e, struct slice names)
{
	struct slice name;

	while ((name = slice_word(&names)).n > 0)
		e->auth |= find_bit(mechanisms, name);
}

/* RFC 9422 4: NAME=VALUE pairs; a value that is no number says nothing. */
static void take_limits(struct ehlo *e, struct slice pairs)
{
	struct slice pair;

	while ((pair = slice_word(&pairs)).n > 0) {
		struct slice name = slice_cut(&pair, '=');
		uint32_t n;

		if (slice_to_u32(pair, 999999, &n) < 0)
			continue;
		if (slice_ieq(name, SLICE("RCPTMAX")))
			e->rcpt_max = n;
		else if (slice_ieq(name, SLICE("MAILMAX")))
			e->mail_max = n;
		else if (slice_ieq(name, SLICE("RCPTDOMAINMAX")))
			e->domain_max = n;
	}
}

void ehlo_take_line(struct ehlo *e, struct slice line)
{
	struct slice word = slice_word(&line);
	uint64_t size;

	/* What servers wrote before RFC 2554, and some still do. */
	if (slice_istarts(word, SLICE("AUTH="))) {
		take_mechanisms(e, slice_from(word, 5));
		word = slice_head(word, 4);
	}

	uint16_t bit = find_bit(keywords, word);
	e->ext |= bit;
	if (bit == EHLO_AUTH)
		take_mechanisms(e, line);
	if (bit == EHLO_LIMITS)
		take_limits(e, line);
	/* RFC 1870 4: without a number, and with 0, there is no limit */
	if (bit == EHLO_SIZE &&
	    slice_to_u64(slice_word(&line), UINT64_MAX, &size) == 0)
		e->size = size;
}
