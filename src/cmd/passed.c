/* SPDX-License-Identifier: ISC */
/* cmd/passed.c - see cmd/passed.h. */
#include "cmd/passed.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cmd/cmd.h"

static uint32_t number(const char *name)
{
	const char *text = cmd_env(name);
	uint32_t n;

	return text && slice_to_u32(slice_str(text), INT32_MAX, &n) == 0 ? n
									 : 0;
}

unsigned passed_count(void)
{
	return number("LISTEN_PID") == (uint32_t)getpid() ? number("LISTEN_FDS")
							  : 0;
}

/* An option of the socket's own; -1: it is no socket. */
static int option(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) < 0 ? -1 : value;
}

int passed_door(int fd, struct slice control)
{
	struct sockaddr_un at = { 0 };
	socklen_t len = sizeof(at) - 1;

	if (option(fd, SO_TYPE) != SOCK_STREAM ||
	    option(fd, SO_ACCEPTCONN) != 1 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) < 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -EINVAL;
	if (at.sun_family != AF_UNIX)
		return ENABLE_LISTENER ? DOOR_TCP : -EINVAL;
	if (ENABLE_CONTROL && slice_eq(slice_str(at.sun_path), control))
		return DOOR_CONTROL;
	return DOOR_LOCAL;
}
