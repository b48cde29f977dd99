/* SPDX-License-Identifier: ISC */
/*
 * base/memory.c - see base/memory.h.  Private anonymous pages (bss) read as
 * zeros after MADV_DONTNEED; where the kernel refuses, they are zeroed.
 */
#include "base/memory.h"

#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

void memory_give_back(void *p, size_t n)
{
	/* sysconf() would bring all that it can answer */
	size_t page = getauxval(AT_PAGESZ);
	size_t whole = n - n % page;

	if ((size_t)p % page != 0)
		whole = 0;
	if (whole > 0 && madvise(p, whole, MADV_DONTNEED) != 0)
		whole = 0;
	memset((char *)p + whole, 0, n - whole);
}
