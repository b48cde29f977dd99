/* SPDX-License-Identifier: ISC */
/*
 * fleet [DEVICES [FILE.svg]]: what a fleet does to its smart host, as a table
 * and as a drawing.  "make fleet" runs it.
 */
#include "sim/fleet.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is run. */
static const struct {
	enum fleet_herd herd;
	unsigned away_s;
	const char *name;
} herds[] = {
	{ FLEET_ALERT, 7200, "an alert of each, the host away for two hours" },
	{ FLEET_REBOOT, 7200, "all boot, the host away for two hours" },
	{ FLEET_CLOCK, 7200, "all clocks set, the host away for two hours" },
	{ FLEET_REBOOT, 0, "all boot, the host is up" },
	{ FLEET_CLOCK, 0, "all clocks set, the host is up" },
};

static const char *const laws[FLEET_LAWS] = { "mailmote", "no jitter",
					      "nullmailer", "dma", "Postfix" };
static const char *const colours[FLEET_LAWS] = { "#000", "#c22", "#b80", "#28c",
						 "#283" };

#define HERDS (sizeof(herds) / sizeof(herds[0]))

static struct fleet runs[HERDS][FLEET_LAWS];

static void print_time(unsigned s)
{
	if (s < FLEET_END_S)
		printf("  %4.0f min", s / 60.0);
	else
		printf("   > 8 h  ");
}

static void print_run(const struct fleet *f)
{
	printf("  %-10s %10.1f", laws[f->law], f->first_peak);
	print_time(f->half_s);
	print_time(f->most_s);
	if (f->mean > 0)
		printf("  %9.1f %9.1f  %6.2f\n", f->mean, f->peak,
		       f->peak / f->mean);
	else
		printf("          -         -       -\n");
}

/* Does ours hold what is promised?  Prints what does not. */
static int check(const struct fleet *f)
{
	int bad = 0;

	printf("  first hour at most N/splay + N/base = %.0f a second: %s\n",
	       fleet_bound(f), f->first_peak <= fleet_bound(f) ? "ok" : "FAIL");
	bad += f->first_peak > fleet_bound(f);
	if (f->mean > 0) {
		printf("  then peak below 2 times the mean: %s\n",
		       f->peak < 2 * f->mean ? "ok" : "FAIL");
		bad += f->peak >= 2 * f->mean;
	}
	if (f->herd != FLEET_ALERT)
		printf("  a new alert would wait on %u devices: %s\n", f->waits,
		       f->waits ? "FAIL" : "ok");
	return bad + (f->waits > 0);
}

/* Attempts a second to y, logarithmic: 0.1 to 100,000. */
static double height(double rate)
{
	return rate < 0.1 ? 0 : (log10(rate) + 1) * 30;
}

static void draw_run(FILE *o, const struct fleet *f, unsigned top)
{
	fprintf(o, "<polyline fill=\"none\" stroke=\"%s\" points=\"",
		colours[f->law]);
	for (unsigned i = 0; i < FLEET_END_S / 2 / f->bin_s; i++)
		fprintf(o, "%.1f,%.1f ", 60 + i * f->bin_s / 18.0,
			top + 200 - height((double)f->bins[i] / f->bin_s));
	fprintf(o, "\"/>\n");
}

static void draw_frame(FILE *o, const char *name, unsigned top)
{
	fprintf(o, "<text x=\"60\" y=\"%u\">%s</text>\n", top + 10, name);
	for (int e = -1; e <= 5; e++)
		fprintf(o,
			"<text x=\"52\" y=\"%d\" text-anchor=\"end\">%g</text>"
			"<path d=\"M56 %dH860\" stroke=\"#ddd\"/>\n",
			(int)top + 203 - (e + 1) * 30, pow(10, e),
			(int)top + 200 - (e + 1) * 30);
	for (unsigned h = 0; h <= 4; h++)
		fprintf(o, "<text x=\"%u\" y=\"%u\">%u h</text>\n",
			56 + h * 200, top + 216, h);
}

static int draw(const char *path)
{
	FILE *o = fopen(path, "w");

	if (!o)
		return -1;
	fprintf(o,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"900\" "
		"height=\"%u\" font-family=\"sans-serif\" font-size=\"11\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n"
		"<text x=\"60\" y=\"20\">attempts a second of %u devices, "
		"bins of %u s</text>\n",
		(unsigned)(60 + HERDS * 250), runs[0][0].devices,
		runs[0][0].bin_s);
	for (unsigned k = 0; k < FLEET_LAWS; k++)
		fprintf(o, "<text x=\"%u\" y=\"38\" fill=\"%s\">%s</text>\n",
			60 + k * 90, colours[k], laws[k]);
	for (unsigned i = 0; i < HERDS; i++) {
		draw_frame(o, herds[i].name, 50 + i * 250);
		for (unsigned k = FLEET_LAWS; k-- > 0;)
			draw_run(o, &runs[i][k], 50 + i * 250);
	}
	fprintf(o, "</svg>\n");
	return fclose(o);
}

int main(int argc, char **argv)
{
	unsigned devices = argc > 1 ? (unsigned)atoi(argv[1]) : 100000;
	int bad = 0;

	if (devices < 1000 || devices > 10000000) {
		fprintf(stderr, "fleet: 1000 to 10000000 devices\n");
		return 64;
	}
	printf("%u devices, attempts a second in bins of 10 s\n", devices);
	for (unsigned i = 0; i < HERDS; i++) {
		printf("\n%s\n  %-10s %10s  %8s  %8s  %9s %9s  %6s\n",
		       herds[i].name, "", "1st hour", "50 % at", "99 % at",
		       "then mean", "peak", "ratio");
		for (unsigned k = 0; k < FLEET_LAWS; k++) {
			struct fleet *f = &runs[i][k];

			f->law = (enum fleet_law)k;
			f->herd = herds[i].herd;
			f->away_s = herds[i].away_s;
			f->devices = devices;
			f->bin_s = 10;
			f->seed = 1;
			fleet_run(f);
			print_run(f);
		}
		bad += check(&runs[i][FLEET_OURS]);
	}
	if (argc > 2 && draw(argv[2]) < 0) {
		fprintf(stderr, "fleet: cannot write %s\n", argv[2]);
		return 74;
	}
	return bad ? 1 : 0;
}
