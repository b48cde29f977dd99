/* SPDX-License-Identifier: ISC */
/*
 * net/addr.c - see net/addr.h.  The text forms are made here and not by
 * inet_ntop(), which brings printf into a static binary.
 */
#include "net/addr.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/host.h"

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

bool net_addr_is_v4(const struct net_addr *a)
{
	return memcmp(a->ip, mapped, sizeof(mapped)) == 0;
}

bool net_addr_is_loopback(const struct net_addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	if (net_addr_is_v4(a))
		return a->ip[12] == 127;
	return memcmp(a->ip, one, sizeof(one)) == 0;
}

/* RFC 4007 11.2: the zone is an interface's name or number. */
static int parse_scope(struct slice zone, uint32_t *scope)
{
	struct ifreq request = { 0 };

	if (slice_to_u32(zone, UINT32_MAX, scope) == 0)
		return *scope > 0 ? 0 : -EINVAL;
	if (zone.n == 0 || zone.n >= sizeof(request.ifr_name))
		return -EINVAL;
	memcpy(request.ifr_name, zone.p, zone.n);
	/* if_nametoindex() is the same, and brings more with it */
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = ioctl(fd, SIOCGIFINDEX, &request);
	close(fd);
	*scope = (uint32_t)request.ifr_ifindex;
	return err < 0 ? -EINVAL : 0;
}

static int parse_v6(struct slice text, struct net_addr *a)
{
	ptrdiff_t percent = slice_find(text, '%');
	struct slice zone = text;

	if (percent >= 0)
		text = slice_cut(&zone, '%');
	if (!host_read_v6(text, a->ip))
		return -EINVAL;
	if (percent < 0)
		return 0;
	/* RFC 4291 2.5.6: only a link-local address needs a zone */
	if (a->ip[0] != 0xfe || (a->ip[1] & 0xc0) != 0x80)
		return -EINVAL;
	return parse_scope(zone, &a->scope);
}

int net_addr_parse(struct slice text, uint16_t port, struct net_addr *out)
{
	struct net_addr a = { .port = port };

	if (text.n >= 2 && text.p[0] == '[' && text.p[text.n - 1] == ']') {
		text = slice_from(slice_head(text, text.n - 1), 1);
		/* RFC 5321 4.1.3: the tag of an address literal */
		if (slice_istarts(text, SLICE("IPv6:")))
			text = slice_from(text, 5);
	}
	if (!host_read_v4(text, a.ip, false) && parse_v6(text, &a) < 0)
		return -EINVAL;
	*out = a;
	return 0;
}

static void put_v4(struct buf *b, const uint8_t ip[static 4])
{
	buf_putf(b, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
}

static unsigned group_of(const uint8_t ip[static 16], unsigned i)
{
	return (unsigned)ip[2 * i] << 8 | ip[2 * i + 1];
}

/* RFC 5952 4.2: the first longest run of two or more groups of zero. */
static unsigned longest_zeros(const uint8_t ip[static 16], unsigned *len)
{
	unsigned at = 8, best = 1;

	for (unsigned i = 0; i < 8; i++) {
		unsigned n = 0;

		while (i + n < 8 && group_of(ip, i + n) == 0)
			n++;
		if (n > best) {
			at = i;
			best = n;
		}
		i += n;
	}
	*len = best;
	return at;
}

static void put_v6(struct buf *b, const uint8_t ip[static 16])
{
	unsigned len;
	unsigned at = longest_zeros(ip, &len);

	for (unsigned i = 0; i < 8; i++) {
		if (i == at) {
			buf_put_str(b, "::");
			i += len - 1;
			continue;
		}
		if (i > 0 && i != at + len)
			buf_put_char(b, ':');
		buf_putf(b, "%x", group_of(ip, i));
	}
}

void net_addr_put(struct buf *b, const struct net_addr *a)
{
	if (net_addr_is_v4(a))
		put_v4(b, a->ip + 12);
	else
		put_v6(b, a->ip);
}

void net_addr_put_literal(struct buf *b, const struct net_addr *a)
{
	buf_put_str(b, net_addr_is_v4(a) ? "[" : "[IPv6:");
	net_addr_put(b, a);
	buf_put_char(b, ']');
}
