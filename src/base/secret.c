/* SPDX-License-Identifier: ISC */
/* base/secret.c - see base/secret.h. */
#include "base/secret.h"

#include <string.h>

void secret_wipe(void *p, size_t n)
{
	if (n == 0)
		return;
	memset(p, 0, n);
	/* The compiler must believe that somebody reads the zeros. */
	__asm__ __volatile__("" : : "r"(p) : "memory");
}
