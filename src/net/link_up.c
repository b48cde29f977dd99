/* SPDX-License-Identifier: ISC */
/*
 * net/link_up.c - see net/link_up.h.  Loopback does not count; what goes down
 * does not either.
 */
#include "net/link_up.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GROUPS (RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR)

int link_up_open(void)
{
	struct sockaddr_nl at = { .nl_family = AF_NETLINK,
				  .nl_groups = GROUPS };
	int type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;
	int fd = socket(AF_NETLINK, type, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	int err = -errno;

	close(fd);
	return err;
}

/* One message of the kernel's. */
static bool is_up(const struct nlmsghdr *h)
{
	const struct ifinfomsg *link = NLMSG_DATA(h);
	const struct ifaddrmsg *addr = NLMSG_DATA(h);

	if (h->nlmsg_type == RTM_NEWLINK &&
	    h->nlmsg_len >= NLMSG_LENGTH(sizeof(*link)))
		return (link->ifi_flags & IFF_RUNNING) &&
		       !(link->ifi_flags & IFF_LOOPBACK);
	return h->nlmsg_type == RTM_NEWADDR &&
	       h->nlmsg_len >= NLMSG_LENGTH(sizeof(*addr)) &&
	       addr->ifa_scope < RT_SCOPE_HOST;
}

bool link_up_seen(int fd)
{
	/* What is longer is cut: all that matters stands in front. */
	union {
		struct nlmsghdr first;
		char bytes[1024];
	} in;
	bool up = false;
	ssize_t n;

	while ((n = read(fd, &in, sizeof(in))) > 0 ||
	       (n < 0 && (errno == ENOBUFS || errno == EINTR))) {
		if (n < 0)
			up |= errno == ENOBUFS;
		else if ((size_t)n >= sizeof(in.first))
			up |= is_up(&in.first);
	}
	return up;
}
