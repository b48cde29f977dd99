/* SPDX-License-Identifier: ISC */
/* sim/json.h - is a text JSON (RFC 8259)? */
#ifndef SIM_JSON_H
#define SIM_JSON_H

#include "base/slice.h"

/* Is in exactly one JSON value, blanks around it allowed? */
bool sim_json(struct slice in);

/* Is each line of in one? */
bool sim_json_lines(struct slice in);

#endif
