/* SPDX-License-Identifier: ISC */
/* sim/story_world.h - what the world does to a device in a story. */
#ifndef SIM_STORY_WORLD_H
#define SIM_STORY_WORLD_H

#include "sim/story_check.h"

/* Name server and hops are as they should be; nothing has been refused. */
void story_world_begin(void);

/* One thing that goes wrong, or is mended. */
void story_trouble(void);

/* Everything is mended. */
void story_heal(void);

/* All is well, but that the one next hop refuses the password. */
void story_world_lock_out(void);

/* The program starts, with any of some configurations. */
void story_start(void);

/* SIGHUP with any of them. */
void story_reload(void);

/* The program is stopped, killed, or loses power, and starts again. */
void story_restart(void);

/* Give back what story_world_begin() has made. */
void story_world_end(void);

#endif
