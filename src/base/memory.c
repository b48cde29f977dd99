/* SPDX-License-Identifier: ISC */
/*
 * base/memory.c - see base/memory.h.  Private anonymous pages (bss) read as
 * zeros after MADV_DONTNEED; where the kernel refuses, they are zeroed.
 */
#include "base/memory.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void memory_give_back(void *p, size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t whole = n - n % page;

	if ((size_t)p % page != 0)
		whole = 0;
	if (whole > 0 && madvise(p, whole, MADV_DONTNEED) != 0)
		whole = 0;
	memset((char *)p + whole, 0, n - whole);
}
