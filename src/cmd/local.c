/* SPDX-License-Identifier: ISC */
/* cmd/local.c - see cmd/local.h. */
#include "cmd/local.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* Seconds a full backlog is waited for. */
#define WAIT_S 10

int local_connect(struct slice path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = WAIT_S };

	if (path.n == 0 || path.n >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path.p, path.n);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	int err = -errno;
	close(fd);
	return err == -ECONNREFUSED || err == -ENOTDIR ? -ENOENT : err;
}
