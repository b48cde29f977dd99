/* SPDX-License-Identifier: ISC */
/*
 * sim/fleet.h - very many devices behind one smart host: when does each of
 * them try?  Ours by the real relay/schedule.c, others by a model of their
 * rules.  Nothing else of a device is simulated.
 */
#ifndef SIM_FLEET_H
#define SIM_FLEET_H

#include "base/slice.h"

/* Who decides when to try again. */
enum fleet_law {
	FLEET_OURS,       /* relay/schedule.c with the default configuration */
	FLEET_PLAIN,      /* the same delays without any jitter or splay */
	FLEET_NULLMAILER, /* 60 s, doubled to 24 h; at once after a start */
	FLEET_DMA,     /* 300 s, times 1.5 to 2.5, to 3 h; cron at :00, :05 */
	FLEET_POSTFIX, /* queue run each 300 s; as old as it is, to 4000 s */
	FLEET_LAWS
};

/* What happens to all of them within the first two seconds. */
enum fleet_herd {
	FLEET_ALERT,  /* each has an alert, which fails */
	FLEET_REBOOT, /* each boots, with mail in its queue */
	FLEET_CLOCK   /* each had held its queue for the clock, which is set */
};

/* Seconds that are looked at. */
#define FLEET_END_S 28800

/* Bins of the result at most. */
#define FLEET_BINS (FLEET_END_S / 10)

/* One run: what is asked, and what came of it. */
struct fleet {
	/* Asked: bin_s seconds a bin; the host is away for away_s. */
	enum fleet_law law;
	enum fleet_herd herd;
	unsigned devices, away_s, bin_s;
	uint64_t seed;
	/* Attempts to send queued mail, in each bin. */
	unsigned bins[FLEET_BINS];
	/* Seconds until 50 and 99 % had success; FLEET_END_S: not in time. */
	unsigned half_s, most_s;
	unsigned waits;    /* devices where a new alert would not go at once */
	double first_peak; /* attempts a second in the first hour's worst bin */
	double peak, mean; /* the same behind the first hour until most_s */
};

/* Run it. */
void fleet_run(struct fleet *f);

/* Most attempts a second that the first hour may have: N/splay + N/base. */
double fleet_bound(const struct fleet *f);

#endif
