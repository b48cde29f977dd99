/* SPDX-License-Identifier: ISC */
/*
 * transcript.h - reads the scripts of tests/smtp and plays each of them in
 * many manners of splitting the bytes.  tests/smtp/README.md has the language.
 */
#ifndef TESTS_SMTP_TRANSCRIPT_H
#define TESTS_SMTP_TRANSCRIPT_H

#include <dirent.h>
#include <stdlib.h>

#include "lib/check.h"
#include "lib/feed.h"

/* Manners: whole, byte by byte, and so many random ones. */
#define SCRIPT_RANDOM 6
#define SCRIPT_MANNERS (2 + SCRIPT_RANDOM)

/* Most scripts, and most lines of one. */
#define SCRIPT_MAX 400
#define SCRIPT_MAX_LINES 400

/* One case: the lines between two "== NAME" lines. */
struct script {
	char name[96];
	const char *file;
	unsigned number[SCRIPT_MAX_LINES]; /* in the file */
	char *line[SCRIPT_MAX_LINES];
	unsigned lines;
};

static struct script scripts[SCRIPT_MAX];
static unsigned script_count;

/* A directive at work, for messages. */
struct place {
	const struct script *script;
	unsigned at;
	unsigned manner;
};

#define script_fail(place, ...)                                               \
	do {                                                                  \
		print_error("%s:%u: (%s, manner %u) ", (place)->script->file, \
			    (place)->script->number[(place)->at],             \
			    (place)->script->name, (place)->manner);          \
		print_error(__VA_ARGS__);                                     \
		print_error("\n");                                            \
		fail();                                                       \
	} while (0)

/* Bytes of the next piece of left bytes. */
static inline size_t script_piece(unsigned manner, uint32_t *seed, size_t left)
{
	if (manner == 0 || left == 0)
		return left;
	if (manner == 1)
		return 1;

	size_t n = 1 + feed_random(seed) % (manner < 5 ? 7 : 80);
	return n < left ? n : left;
}

/* Undo \r \n \t \s \0 \\ \xNN and append. */
static inline void script_unescape(struct buf *out, struct slice in)
{
	static const char from[] = "rnts0\\";
	static const char to[] = "\r\n\t \0\\";

	for (size_t i = 0; i < in.n; i++) {
		const char *p;

		if (in.p[i] != '\\' || i + 1 == in.n) {
			buf_put_char(out, in.p[i]);
		} else if (in.p[i + 1] == 'x' && i + 3 < in.n) {
			char hex[3] = { in.p[i + 2], in.p[i + 3], 0 };

			buf_put_char(out, (char)strtoul(hex, NULL, 16));
			i += 3;
		} else if ((p = memchr(from, in.p[i + 1], 6)) != NULL) {
			buf_put_char(out, to[p - from]);
			i++;
		} else {
			buf_put_char(out, in.p[i]);
		}
	}
}

/* Does one of the words of rest say word? */
static inline bool script_has(struct slice rest, const char *word)
{
	struct slice w;

	while ((w = slice_word(&rest)).n > 0) {
		if (w.p[0] == '~')
			return false;
		if (slice_eq(w, slice_str(word)))
			return true;
	}
	return false;
}

/* The value of key= among the words of rest; false: it is not there. */
static inline bool script_value(struct slice rest, const char *key,
				struct slice *value)
{
	struct slice w;

	while ((w = slice_word(&rest)).n > 0) {
		struct slice name = slice_cut(&w, '=');

		if (slice_eq(name, slice_str(key))) {
			*value = w;
			return true;
		}
	}
	return false;
}

static inline unsigned script_number(struct slice word)
{
	uint32_t n = 0;

	if (slice_to_u32(word, UINT32_MAX, &n) < 0) {
		print_error("not a number: %.*s\n", (int)word.n, word.p);
		fail();
	}
	return n;
}

static void script_load(const char *path)
{
	static char line[16384];
	FILE *f = fopen(path, "r");
	struct script *s = NULL;
	unsigned number = 0;

	if (!f) {
		print_error("%s is not there; run in the top folder\n", path);
		exit(1);
	}
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		number++;
		if (line[0] == '#' || line[0] == '\0')
			continue;
		if (strncmp(line, "== ", 3) == 0) {
			const char *base = strrchr(path, '/') + 1;

			s = &scripts[script_count++];
			s->file = strdup(path);
			snprintf(s->name, sizeof(s->name), "%.*s/%.60s",
				 (int)strcspn(base, "."), base, line + 3);
			continue;
		}
		s->number[s->lines] = number;
		s->line[s->lines++] = strdup(line);
	}
	fclose(f);
}

static int script_is_text(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 4 && strcmp(e->d_name + n - 4, ".txt") == 0;
}

/* Load all of a folder and run each case as a test of its own. */
static inline int script_run_all(const char *folder, CMUnitTestFunction play)
{
	static struct CMUnitTest tests[SCRIPT_MAX];
	struct dirent **names;
	char path[512];
	int n = scandir(folder, &names, script_is_text, alphasort);

	if (n <= 0) {
		fprintf(stderr, "%s: no scripts\n", folder);
		return 1;
	}
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		script_load(path);
		free(names[i]);
	}
	free(names);
	for (unsigned i = 0; i < script_count; i++)
		tests[i] = (struct CMUnitTest){
			.name = scripts[i].name,
			.test_func = play,
			.initial_state = &scripts[i],
		};
	return _cmocka_run_group_tests(folder, tests, script_count, NULL, NULL);
}

#endif
