/* SPDX-License-Identifier: ISC */
/*
 * net/resolve_words.h - the words of hosts and resolv.conf, read as a stream:
 * neither the file nor a line has to fit anywhere.
 */
#ifndef NET_RESOLVE_WORDS_H
#define NET_RESOLVE_WORDS_H

#include "base/slice.h"

/* Bytes of one word; a longer one reads as an empty word. */
#define RESOLVE_MAX_WORD 255

/* A file being read; fields are its own, but word and first. */
struct resolve_words {
	int fd;            /* the file */
	uint16_t pos, len; /* what is left of chunk */
	uint16_t n;        /* bytes of the word */
	bool first;        /* public: the word is the first of its line */
	bool fresh;        /* at the start of a line */
	bool comment;      /* in one, to the end of the line */
	char space[RESOLVE_MAX_WORD]; /* the word */
	char chunk[512];              /* of the file */
};

/* Begin.  0;  -errno: it cannot be opened. */
must_check int resolve_words_open(struct resolve_words *w, const char *path);

/*
 * The next word; '#', and ';' before a word, hide the rest of the line.
 * Returns: 1 *word is set, valid until the next call;  0 the end of the file,
 *          or it cannot be read any further
 */
must_check int resolve_words_next(struct resolve_words *w, struct slice *word);

/* End. */
void resolve_words_close(struct resolve_words *w);

#endif
