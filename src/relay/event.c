/* SPDX-License-Identifier: ISC */
/*
 * relay/event.c - one line an outcome or a route's change of state, with
 * stable keys; the peer's text quoted, secrets never (DESIGN.md 2.3).
 */
#include "relay/parts.h"

const char *hop_state_name(enum hop_state s)
{
	static const char *const names[] = { "up", "probing", "down", "held" };

	return names[s];
}

void route_put(struct relay *r, struct buf *b, unsigned route)
{
	const struct conf_route *rt = &r->conf->routes[route];

	if (rt->from)
		buf_put_str(b, "from:");
	buf_put_slice(b, rt->pattern);
}

/* Addresses are UTF-8 without control bytes. */
static void put_path(struct buf *b, const char *key, struct slice path)
{
	buf_putf(b, " %s=<", key);
	for (size_t i = 0; i < path.n; i++) {
		char c = path.p[i];
		bool fits = ENABLE_SMTPUTF8 && (uint8_t)c > 0x7f;

		fits |= char_is_print(c) && c != '>';
		buf_put_char(b, fits ? c : '?');
	}
	buf_put_char(b, '>');
}

static void put_id(struct buf *b, const char *what, uint64_t id)
{
	char text[ID_LEN + 1];

	id_format(text, id);
	buf_putf(b, "%s id=%s", what, text);
}

static void put_relay(struct relay *r, struct buf *b, const struct delivery *d)
{
	struct slice host = slice_str(d->host);

	if (host.n == 0) {
		buf_put_str(b, " relay=none");
		return;
	}
	buf_putf(b, " relay=%s", d->host);
	if (d->peer.port != 0) {
		buf_put_char(b, '[');
		net_addr_put(b, &d->peer);
		buf_putf(b, "]:%u", d->peer.port);
	}
	const char *tls = stream_tls_version(&d->stream);

	buf_putf(b, " tls=%s", tls[0] ? tls : "none");
	(void)r;
}

/* Tenths of seconds since the message came. */
static void put_delay(struct buf *b, int64_t ms)
{
	if (ms < 0)
		ms = 0;
	buf_putf(b, " delay_s=%llu.%u", (unsigned long long)(ms / 1000),
		 (unsigned)(ms % 1000 / 100));
}

void event_rcpt(struct relay *r, const char *what, const struct delivery *d,
		struct slice rcpt, const struct outcome *o)
{
	struct buf b = BUF_ON(r->line);

	put_id(&b, what, d->id);
	put_path(&b, "from", d->txn.from);
	put_path(&b, "to", rcpt);
	put_relay(r, &b, d);
	if (o->code)
		buf_putf(&b, " code=%u", o->code);
	buf_put_str(&b, " dsn=");
	outcome_put_dsn(&b, o->dsn);
	put_delay(&b, r->now_ms - d->began_ms + d->age_s * 1000);
	buf_put_str(&b, " text=");
	buf_put_quoted(&b, slice_str(o->text));
	log_line(LOG_INFO, buf_slice(&b));
}

void event_hop(struct relay *r, unsigned hop, enum log_level level)
{
	const struct hop *h = &r->hops[hop];
	struct buf b = BUF_ON(r->line);

	if (!log_wants(level))
		return;
	buf_put_str(&b, "route pattern=");
	route_put(r, &b, r->conf->hops[hop].route);
	buf_put_str(&b, " nexthop=");
	buf_put_slice(&b, r->conf->hops[hop].text);
	buf_putf(&b, " state=%s", hop_state_name(h->state));
	if (h->state != HOP_UP && h->next_ms != INT64_MAX)
		buf_putf(&b, " next_s=%lld",
			 (long long)((h->next_ms - r->now_ms + 999) / 1000));
	if (h->reason[0]) {
		buf_put_str(&b, " reason=");
		buf_put_quoted(&b, slice_str(h->reason));
	}
	log_line(level, buf_slice(&b));
}

void event_message(struct relay *r, const char *what, uint64_t id,
		   struct slice from, uint32_t size, unsigned nrcpt,
		   const char *text)
{
	struct buf b = BUF_ON(r->line);

	put_id(&b, what, id);
	put_path(&b, "from", from);
	buf_putf(&b, " size=%u rcpts=%u text=", size, nrcpt);
	buf_put_quoted(&b, slice_str(text));
	log_line(LOG_INFO, buf_slice(&b));
}
