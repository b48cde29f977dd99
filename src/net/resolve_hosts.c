/* SPDX-License-Identifier: ISC */
/* net/resolve_hosts.c - see net/resolve_hosts.h. */
#include "net/resolve_hosts.h"

#include "net/resolve_words.h"

size_t resolve_hosts(const char *path, struct slice name, uint16_t port,
		     struct net_addr *out, size_t max)
{
	struct resolve_words w;
	struct slice word;
	struct net_addr addr;
	bool good = false;
	size_t n = 0;

	if (resolve_words_open(&w, path) < 0)
		return 0;
	while (n < max && resolve_words_next(&w, &word) > 0) {
		if (w.first) {
			good = net_addr_parse(word, port, &addr) == 0;
		} else if (good && word.n > 0 && slice_ieq(word, name)) {
			out[n++] = addr;
			/* a name twice in a line is one address */
			good = false;
		}
	}
	resolve_words_close(&w);
	return n;
}
