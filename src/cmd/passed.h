/* SPDX-License-Identifier: ISC */
/*
 * cmd/passed.h - sockets that the init system made and handed over, as
 * sd_listen_fds(3) has it: LISTEN_FDS descriptors, for the process LISTEN_PID.
 */
#ifndef CMD_PASSED_H
#define CMD_PASSED_H

#include "base/slice.h"
#include "relay/relay.h"

/* The first one's descriptor; the others follow. */
#define PASSED_FIRST 3

/* How many there are for us. */
unsigned passed_count(void);

/*
 * Make one ready for the loop, and say what it is: TCP, the control socket by
 * its path, else the submission socket.
 * Returns: an enum relay_door;  -EINVAL no stream socket that listens, or of
 *          a kind that is not built in
 */
must_check int passed_door(int fd, struct slice control);

#endif
