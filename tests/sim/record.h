/* SPDX-License-Identifier: ISC */
/*
 * sim/record.h - the log of a simulated device, kept in memory: these four
 * functions of base/log.h are linked in place of the real ones.
 */
#ifndef SIM_RECORD_H
#define SIM_RECORD_H

#include "base/log.h"

/* Forget what was logged. */
void sim_log_clear(void);

/* All lines since, each with its LF. */
const char *sim_log(void);

/* How often does text stand there? */
unsigned sim_logged(const char *text);

/* Errors that were logged so far; forgetting does not count them down. */
unsigned sim_log_errors(void);

#endif
