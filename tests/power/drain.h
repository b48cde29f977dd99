/* SPDX-License-Identifier: ISC */
/* power/drain.h - the queue goes on working after a cut. */
#ifndef POWER_DRAIN_H
#define POWER_DRAIN_H

#include "model.h"

/*
 * An open spool that holds *m: store a message, deliver all there is, store
 * another one, and open it again: that one must be what is there.
 * Returns: NULL, or what went wrong
 */
const char *drain(struct spool *s, const struct world *w,
		  const struct medium *medium, const struct model *m);

#endif
