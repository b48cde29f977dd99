/* SPDX-License-Identifier: ISC */
/* net/resolve_words.c - see net/resolve_words.h. */
#include "net/resolve_words.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fdio.h"

int resolve_words_open(struct resolve_words *w, const char *path)
{
	w->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (w->fd < 0)
		return -errno;
	w->pos = 0;
	w->len = 0;
	w->fresh = true;
	w->comment = false;
	return 0;
}

void resolve_words_close(struct resolve_words *w)
{
	close(w->fd);
	w->fd = -1;
}

/* The next byte, or -1 at the end. */
static int next_byte(struct resolve_words *w)
{
	if (w->pos == w->len) {
		ssize_t got = fdio_read(w->fd, w->chunk, sizeof(w->chunk));

		w->pos = 0;
		w->len = got > 0 ? (uint16_t)got : 0;
		if (got <= 0)
			return -1;
	}
	return (unsigned char)w->chunk[w->pos++];
}

/* A byte between words: it ends lines and begins and ends comments. */
static void between(struct resolve_words *w, int ch)
{
	if (ch == '\n') {
		w->fresh = true;
		w->comment = false;
	} else if (ch == '#' || ch == ';') {
		w->comment = true;
	}
}

int resolve_words_next(struct resolve_words *w, struct slice *word)
{
	int ch = next_byte(w);

	while (ch >= 0 && (w->comment || char_is_space((char)ch) || ch == '#' ||
			   ch == ';')) {
		between(w, ch);
		ch = next_byte(w);
	}
	if (ch < 0)
		return 0;
	bool fits = true;
	w->first = w->fresh;
	w->fresh = false;
	w->n = 0;
	for (; ch >= 0 && ch != '#' && !char_is_space((char)ch);
	     ch = next_byte(w)) {
		fits = fits && w->n < sizeof(w->space);
		if (fits)
			w->space[w->n++] = (char)ch;
	}
	between(w, ch);
	*word = slice_of(w->space, fits ? w->n : 0);
	return 1;
}
