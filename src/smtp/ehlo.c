/* SPDX-License-Identifier: ISC */
/* smtp/ehlo.c - see smtp/ehlo.h. */
#include "smtp/ehlo.h"

static const struct {
	const char *name;
	uint16_t bit;
} keywords[] = {
	{ "PIPELINING", EHLO_PIPELINING },
	{ "SIZE", EHLO_SIZE },
	{ "8BITMIME", EHLO_8BITMIME },
	{ "STARTTLS", EHLO_STARTTLS },
	{ "AUTH", EHLO_AUTH },
	{ "ENHANCEDSTATUSCODES", EHLO_ESC },
	{ "DSN", EHLO_DSN },
	{ "SMTPUTF8", EHLO_SMTPUTF8 },
	{ "LIMITS", EHLO_LIMITS },
	{ "XQUEUE", EHLO_XQUEUE },
};

static uint16_t keyword_bit(struct slice word)
{
	for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
		if (slice_ieq(word, slice_str(keywords[i].name)))
			return keywords[i].bit;
	}
	return 0;
}

/* RFC 4954 3: the mechanisms' names, blanks between them. */
static void take_mechanisms(struct ehlo *e, struct slice names)
{
	struct slice name;

	while ((name = slice_word(&names)).n > 0) {
		if (slice_ieq(name, SLICE("PLAIN")))
			e->auth |= EHLO_AUTH_PLAIN;
		else if (slice_ieq(name, SLICE("LOGIN")))
			e->auth |= EHLO_AUTH_LOGIN;
	}
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

	uint16_t bit = keyword_bit(word);
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
