/* SPDX-License-Identifier: ISC */
/* conf/listen.c - listen and allow lines. */
#include <errno.h>
#include <string.h>

#include "conf/reader.h"

/* Options that a certificate will need; they belong to a later program. */
static int refuse_options(struct conf_reader *r)
{
	struct slice w = { 0 };
	int err = reader_word(r, &w);

	if (err <= 0)
		return err;
	if (slice_starts(w, SLICE("cert=")) || slice_starts(w, SLICE("key=")))
		return reader_missing(r, SLICE("cert= key="),
				      SLICE("LISTENER_TLS"));
	return reader_expected(r, NULL, w);
}

int listen_set(struct conf_reader *r, void *field, struct slice w)
{
	struct conf *c = r->c;
	uint8_t ip[16];

	(void)field;
	bool none = slice_eq(w, SLICE("none"));
	if (c->listen_none || (none && c->nlisten > 0))
		return reader_say(r, "none stands alone");
	if (none) {
		c->listen_none = true;
		return 0;
	}
	if (c->nlisten == CONF_MAX_LISTEN)
		return reader_say(r, "more than %u addresses", CONF_MAX_LISTEN);
	struct conf_listen *l = &c->listen[c->nlisten];
	struct slice host = { 0 };
	memset(l, 0, sizeof(*l));
	if (value_hostport(w, &host, &l->port) < 0 || l->port == 0 ||
	    value_ip(host, ip) < 0)
		return reader_expected(r, NULL, w);
	int err = refuse_options(r);
	if (err == 0)
		err = reader_keep(r, host, &l->host);
	if (err == 0)
		c->nlisten++;
	return err;
}

int listen_set_allow(struct conf_reader *r, void *field, struct slice w)
{
	struct conf *c = r->c;

	(void)field;
	if (c->nallow == CONF_MAX_ALLOW)
		return reader_say(r, "more than %u networks", CONF_MAX_ALLOW);
	struct conf_network *n = &c->allow[c->nallow];
	struct slice bits = w;
	struct slice ip = slice_cut(&bits, '/');
	uint32_t most = slice_find(ip, ':') >= 0 ? 128 : 32;
	uint32_t len = most;
	if (value_ip(ip, n->addr) < 0 ||
	    (ip.n < w.n && slice_to_u32(bits, most, &len) < 0))
		return reader_expected(r, NULL, w);
	n->bits = (uint8_t)(128 - most + len);
	c->nallow++;
	return 0;
}

void listen_default(struct conf *c)
{
	static const struct conf_listen hosts[2] = {
		{ { "127.0.0.1", 9 }, 25, true },
		{ { "::1", 3 }, 25, true },
	};
	static const struct conf_network nets[2] = {
		{ { [10] = 0xff, [11] = 0xff, [12] = 127 }, 104 },
		{ { [15] = 1 }, 128 },
	};

	if (c->nlisten == 0 && !c->listen_none) {
		memcpy(c->listen, hosts, sizeof(hosts));
		c->nlisten = 2;
	}
	if (c->nallow == 0) {
		memcpy(c->allow, nets, sizeof(nets));
		c->nallow = 2;
	}
}

/* Are the first bits bits of a and b the same? */
static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8;
	uint8_t mask = (uint8_t)(0xff00u >> bits % 8);

	return memcmp(a, b, whole) == 0 &&
	       (bits % 8 == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
}

bool conf_allows(const struct conf *c, const uint8_t addr[static 16])
{
	for (unsigned i = 0; i < c->nallow; i++) {
		if (same_bits(c->allow[i].addr, addr, c->allow[i].bits))
			return true;
	}
	return false;
}
