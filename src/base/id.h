/* SPDX-License-Identifier: ISC */
/*
 * base/id.h - message identifiers: 60 random bits, written as 12 characters
 * of a-z2-7 (RFC 4648 section 6's alphabet in lower case), highest bits first.
 */
#ifndef BASE_ID_H
#define BASE_ID_H

#include "base/world.h"

/* Characters of an identifier, without a NUL. */
#define ID_LEN 12

/* A fresh identifier, never 0. */
uint64_t id_new(const struct world *w);

/* The text of id, NUL-ended. */
void id_format(char out[static ID_LEN + 1], uint64_t id);

/* Returns: 0 and *id set;  -EINVAL not an identifier (0 is none). */
must_check int id_parse(struct slice in, uint64_t *id);

#endif
