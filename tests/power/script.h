/* SPDX-License-Identifier: ISC */
/*
 * power/script.h - workloads that are written down: one for each thing that
 * a spool goes through.
 */
#ifndef POWER_SCRIPT_H
#define POWER_SCRIPT_H

#include "workload.h"

/* A script. */
struct script {
	const char *name;
	void (*run)(struct workload *w);
	uint32_t extra; /* frames of the ring beside 8 to 16 */
	bool faults;    /* the medium fails in it */
};

/* All of them; the last one has no name. */
extern const struct script scripts[];

/* The one with this name; NULL none. */
const struct script *script_find(const char *name);

#endif
