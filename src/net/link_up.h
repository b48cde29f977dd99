/* SPDX-License-Identifier: ISC */
/*
 * net/link_up.h - has a network interface or an address of ours come up?
 * The kernel tells it on an rtnetlink(7) socket; no privilege is needed.
 */
#ifndef NET_LINK_UP_H
#define NET_LINK_UP_H

#include "base/slice.h"

/* Listen.  A descriptor that becomes readable, or -errno. */
must_check int link_up_open(void);

/*
 * Read all that the descriptor has to tell.
 * Returns: true something came up (or more was told than could be kept)
 */
bool link_up_seen(int fd);

#endif
