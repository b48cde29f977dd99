/* SPDX-License-Identifier: ISC */
/*
 * power/power.c - cut the power at every moment, start again, look.
 *
 *   power [--states N] [--seed S] [--cap N] [--jobs N] [--first] [--sample]
 *   power --run RUN                            all of one run
 *   power --replay RUN:ENTRY:STATE[:ENTRY:STATE]
 *
 * Scripts, of which all states are tried, and runs by chance from seed S on,
 * of which N of each moment are (cap), until there are so many states.
 * --first: end at the first failure.  --sample: of scripts too only N of each
 * moment.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "cover.h"
#include "cut.h"
#include "script.h"

/* Runs by chance in each round of all scripts. */
#define CHANCES 6

/* From so many states on, everything there is must have been seen. */
#define MIN_COVER 100000

/* What one process tells another. */
struct result {
	struct cut_total total;
	long seen[COVER_KINDS];
	long scripts; /* runs of them */
};

/* What to do. */
struct options {
	uint64_t seed;
	long states;
	int jobs;
	const char *run, *replay;
};

static int count_scripts(void)
{
	int n = 0;

	while (scripts[n].name)
		n++;
	return n;
}

/* Run number u: in each round every script has another ring. */
static struct run_name name_of(uint64_t u, uint64_t seed)
{
	uint64_t each = (uint64_t)count_scripts() + CHANCES;
	uint64_t round = u / each, i = u % each;
	struct run_name name = { .marks = (round + i) % 2 };

	if (i >= each - CHANCES) {
		name.seed = seed + round * CHANCES + i - (each - CHANCES);
		return name;
	}
	const struct script *s = &scripts[i];
	name.script = s->name;
	name.frames = (uint32_t)(8 + (round * 4 + i) % 9);
	if (s->extra)
		name.frames = s->extra + (uint32_t)(round % 4);
	name.seed = name.frames;
	return name;
}

/* Every jobs-th run from number j on. */
static struct result work(const struct options *o, uint64_t j)
{
	struct result res = { 0 };

	cut_max_states = o->states / o->jobs;
	for (uint64_t u = j; !cut_is_over(); u += (uint64_t)o->jobs) {
		struct run_name name = name_of(u, o->seed);
		cut_run(&name);
		res.scripts += name.script != NULL;
	}
	cut_end();
	res.total = cut_total;
	memcpy(res.seen, cover_seen, sizeof(res.seen));
	return res;
}

static void add_result(struct result *sum, const struct result *r)
{
	sum->total.states += r->total.states;
	sum->total.lost += r->total.lost;
	sum->total.extra += r->total.extra;
	sum->total.runs += r->total.runs;
	sum->scripts += r->scripts;
	for (int i = 0; i < COVER_KINDS; i++)
		sum->seen[i] += r->seen[i];
}

/* A process that works and tells what it has seen; where it tells it. */
static int start(const struct options *o, uint64_t j)
{
	int ends[2];

	fflush(stdout);
	if (pipe(ends))
		abort();
	pid_t pid = fork();
	if (pid < 0)
		abort();
	if (pid > 0) {
		close(ends[1]);
		return ends[0];
	}
	struct result r = work(o, j);
	fflush(stdout);
	_exit(write(ends[1], &r, sizeof(r)) != (ssize_t)sizeof(r));
}

static struct result work_all(const struct options *o)
{
	struct result sum = { 0 }, r;
	int fd[16];

	if (o->jobs == 1)
		return work(o, 0);
	for (int j = 0; j < o->jobs; j++)
		fd[j] = start(o, (uint64_t)j);
	for (int j = 0; j < o->jobs; j++) {
		if (read(fd[j], &r, sizeof(r)) != (ssize_t)sizeof(r)) {
			printf("a process has died\n");
			r = (struct result){ .total = { .lost = 1 } };
		}
		add_result(&sum, &r);
		close(fd[j]);
		(void)wait(NULL);
	}
	return sum;
}

static bool parse(int argc, char **argv, struct options *o)
{
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";
		if (strcmp(argv[i], "--first") == 0) {
			cut_max_failures = 1;
			continue;
		}
		if (strcmp(argv[i], "--sample") == 0) {
			cut_is_sample = true;
			continue;
		}
		i++;
		if (strcmp(argv[i - 1], "--states") == 0)
			o->states = strtol(value, NULL, 10);
		else if (strcmp(argv[i - 1], "--seed") == 0)
			o->seed = strtoull(value, NULL, 10);
		else if (strcmp(argv[i - 1], "--cap") == 0)
			cut_cap = strtoull(value, NULL, 10);
		else if (strcmp(argv[i - 1], "--jobs") == 0)
			o->jobs = atoi(value);
		else if (strcmp(argv[i - 1], "--run") == 0)
			o->run = value;
		else if (strcmp(argv[i - 1], "--replay") == 0)
			o->replay = value;
		else
			return false;
	}
	return o->states > 0 && cut_cap > 0 && o->jobs > 0 && o->jobs <= 16;
}

int main(int argc, char **argv)
{
	struct options o = { .seed = 1, .states = 20000, .jobs = 1 };
	struct result r = { 0 };
	bool all = true;

	setvbuf(stdout, NULL, _IOLBF, 0);
	cut_program = argv[0];
	if (!parse(argc, argv, &o) || crc32c(0, "123456789", 9) != 0xe3069283) {
		fprintf(stderr, "power: see the top of power.c\n");
		return 2;
	}
	if (o.replay || o.run) {
		cut_max_states = o.run ? o.states : LONG_MAX;
		if (o.replay ? cut_replay(o.replay) : cut_run_named(o.run))
			return 2;
		r.total = cut_total;
		cut_end();
		if (o.run)
			cover_print(cover_seen);
	} else {
		r = work_all(&o);
		printf("%9ld runs of scripts, %ld by chance\n", r.scripts,
		       r.total.runs - r.scripts);
		all = cover_print(r.seen) || o.states < MIN_COVER;
	}
	printf("%ld states, %ld lost, %ld duplicates outside the window\n",
	       r.total.states, r.total.lost, r.total.extra);
	return r.total.lost + r.total.extra > 0 || !all;
}
