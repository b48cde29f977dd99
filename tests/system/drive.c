/* SPDX-License-Identifier: ISC */
/*
 * drive.c - preloaded into smartd: any file it opens as an NVMe device is a
 * sound drive.  Programs that it starts do not have this any more.
 */
#include <linux/nvme_ioctl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* NVM Express base specification, figures of opcodes: admin commands. */
enum { GET_LOG_PAGE = 0x02, IDENTIFY = 0x06 };

__attribute__((constructor)) static void only_here(void)
{
	unsetenv("LD_PRELOAD");
}

int ioctl(int fd, unsigned long request, ...)
{
	struct nvme_admin_cmd *cmd;
	va_list args;
	char *data;

	(void)fd;
	va_start(args, request);
	cmd = va_arg(args, struct nvme_admin_cmd *);
	va_end(args);
	if (request == (unsigned long)NVME_IOCTL_ID)
		return 1;
	if (request != NVME_IOCTL_ADMIN_CMD)
		return -1;
	data = (char *)(uintptr_t)cmd->addr;
	memset(data, 0, cmd->data_len);
	if (cmd->opcode == IDENTIFY && cmd->data_len == 4096) {
		memcpy(data + 4, "SERIAL-1            ", 20);
		memcpy(data + 24, "A drive that is not there               ",
		       40);
		memcpy(data + 64, "1.0     ", 8);
	}
	return cmd->opcode == IDENTIFY || cmd->opcode == GET_LOG_PAGE ? 0 : -1;
}
