/* SPDX-License-Identifier: ISC */
/* base/secret.h - memory that held a secret is wiped for certain. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/slice.h"

/* Overwrite n bytes at p with zeros; the compiler may not drop it. */
void secret_wipe(void *p, size_t n);

#endif
