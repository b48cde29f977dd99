/* SPDX-License-Identifier: ISC */
/* base/memory.h - static buffers that are given back to the kernel. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

/* What a static object that is given back has to be aligned to. */
#define MEMORY_PAGE 4096

/*
 * A large static object that is touched as far as it is used: with pages of its
 * own it does not stand between small ones, which share theirs.
 */
#define MEMORY_LARGE _Alignas(MEMORY_PAGE)

/*
 * Forget the content of n bytes at p, a page-aligned static object: whole
 * pages go back to the kernel and read as zeros, the rest is zeroed.
 */
void memory_give_back(void *p, size_t n);

#endif
