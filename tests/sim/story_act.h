/* SPDX-License-Identifier: ISC */
/* sim/story_act.h - what people do in a story: submit, and give orders. */
#ifndef SIM_STORY_ACT_H
#define SIM_STORY_ACT_H

#include "sim/story_check.h"

/* Somebody submits a message, maybe not to its end. */
void story_submit(void);

/* An operator asks, or gives an order about a message that waits. */
void story_order(void);

/* All that is held is released. */
void story_release(void);

/* Close the connections of all clients. */
void story_close_clients(void);

#endif
