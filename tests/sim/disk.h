/* SPDX-License-Identifier: ISC */
/*
 * sim/disk.h - a medium in RAM with a volatile cache: what was not synced is
 * kept, lost or torn by a power cut, as the seed says.
 */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include "sim/sim.h"
#include "spool/medium.h"

/* Bytes that a torn write is torn at. */
#define SIM_SECTOR 512

/* The medium. */
struct sim_disk {
	struct medium medium; /* for the code under test */
	struct sim *sim;
	uint8_t *view;   /* what reads see, malloc()ed */
	uint8_t *stored; /* what is safe, malloc()ed */
	uint64_t bytes;  /* written */
	unsigned writes, syncs;
	int read_error, write_error, sync_error; /* negative errno; 0 none */
	uint64_t bad_off; /* reads that touch this byte give -EIO; or 0 */
};

/* A medium of size bytes, all zero. */
void sim_disk_init(struct sim_disk *d, struct sim *s, uint64_t size,
		   bool is_volatile);

/* Give its memory back. */
void sim_disk_clear(struct sim_disk *d);

/* The power is cut. */
void sim_disk_cut(struct sim_disk *d);

#endif
