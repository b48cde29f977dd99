/* SPDX-License-Identifier: ISC */
/* net/resolve_conf.c - see net/resolve_conf.h. */
#include "net/resolve_conf.h"

#include "net/resolve_words.h"

#define TIMEOUT_S 3
#define ATTEMPTS 2

enum line { LINE_OTHER, LINE_SERVER, LINE_OPTIONS };

static enum line line_of(struct slice word)
{
	if (slice_eq(word, SLICE("nameserver")))
		return LINE_SERVER;
	if (slice_eq(word, SLICE("options")))
		return LINE_OPTIONS;
	return LINE_OTHER;
}

/* "NAME:NUMBER" into *out, at least 1 and at most max. */
static void read_option(struct slice word, struct slice name, uint8_t max,
			uint8_t *out)
{
	uint32_t v;

	if (!slice_starts(word, name) ||
	    slice_to_u32(slice_from(word, name.n), UINT32_MAX, &v) < 0)
		return;
	*out = (uint8_t)(v < 1 ? 1 : v > max ? max : v);
}

void resolve_conf_read(struct resolve_conf *c, const char *path, uint16_t port)
{
	struct resolve_words w;
	struct slice word;
	enum line line = LINE_OTHER;

	*c = (struct resolve_conf){ .timeout_s = TIMEOUT_S,
				    .attempts = ATTEMPTS };
	if (resolve_words_open(&w, path) == 0) {
		while (resolve_words_next(&w, &word) > 0) {
			if (w.first) {
				line = line_of(word);
			} else if (line == LINE_OPTIONS) {
				read_option(word, SLICE("timeout:"),
					    RESOLVE_MAX_TIMEOUT_S,
					    &c->timeout_s);
				read_option(word, SLICE("attempts:"),
					    RESOLVE_MAX_ATTEMPTS, &c->attempts);
			} else if (line == LINE_SERVER) {
				line = LINE_OTHER;
				if (c->n < RESOLVE_MAX_SERVERS &&
				    net_addr_parse(word, port,
						   &c->server[c->n]) == 0)
					c->n++;
			}
		}
		resolve_words_close(&w);
	}
	if (c->n == 0 &&
	    net_addr_parse(SLICE("127.0.0.1"), port, &c->server[0]) == 0)
		c->n = 1;
}
