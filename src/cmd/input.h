/* SPDX-License-Identifier: ISC */
/*
 * cmd/input.h - the message on standard input: CRLF lines with a repaired
 * header, read once, or again when it has to be.
 *
 * The first bytes are held in memory until the header has ended, at least
 * INPUT_HEAD of them: then the message is known to be sound before anybody
 * is connected to, and small ones can be read again.  Larger ones can when
 * the input is a file, or when input_keep() was called in time.
 */
#ifndef CMD_INPUT_H
#define CMD_INPUT_H

#include <sys/types.h>

#include "mail/fixup.h"
#include "mail/lines.h"

/* Bytes that are read before anything else is done. */
#define INPUT_HEAD 16384

/* Bytes that can be held: a header, and what was read with it. */
#define INPUT_RAW (CONFIG_HEADER_MAX + INPUT_HEAD)

/* A message.  One a process: it is large. */
struct input {
	int fd;        /* of the input */
	bool all;      /* raw holds the whole message */
	bool keep;     /* what is read is written to memory_fd as well */
	bool lost;     /* some was read and not kept: no rewind */
	bool done;     /* the lines have ended */
	int error;     /* of reading, sticky; or 0 */
	int memory_fd; /* or -1 */
	off_t start;   /* the file's offset at first; -1: no file */
	size_t front;  /* bytes of raw that are not of the input */
	/* Public, before input_open(): reads the input instead of fd. */
	ssize_t (*source)(void *p, size_t n);
	uint64_t pos;                /* bytes of the input that were used */
	uint64_t kept;               /* bytes in memory_fd */
	size_t raw_len;              /* bytes in raw */
	size_t header_len;           /* bytes of header at the start of head */
	bool dots;                   /* a lone dot ends the message */
	const struct fixup_job *job; /* of input_start() */
	struct lines lines;          /* the second stage */
	struct fixup fixup;          /* the third */
	struct slice chunk;  /* bytes of the input not yet taken by lines */
	struct buf text;     /* CRLF lines not yet taken by fixup */
	struct buf out;      /* what leaves, not yet read */
	size_t out_at;       /* bytes of out that were read */
	char raw[INPUT_RAW]; /* the input's first bytes */
	char head[CONFIG_HEADER_MAX + 2048]; /* the header's lines */
	char chunk_space[4096];              /* bytes behind raw */
	char text_space[4096];               /* of text */
	char out_space[4096];                /* of out */
};

/*
 * Put text in front of all that is in in: before input_open() a header, which
 * ends with an empty line, later more fields of it.
 * Returns: 0;  -EMSGSIZE it is too large
 */
must_check int input_front(struct input *in, struct slice text);

/*
 * Read the first bytes of fd.
 * Returns: 0;  -EMSGSIZE the header is over CONFIG_HEADER_MAX;  -errno
 */
must_check int input_open(struct input *in, int fd, bool dots);

/* The header as CRLF lines, before the repair; lives as long as in. */
struct slice input_header(const struct input *in);

/* Keep what is read from now on, if a rewind would be impossible. */
void input_keep(struct input *in);

/* Start giving the message; job lives as long as in. */
void input_start(struct input *in, const struct fixup_job *job);

/* Next bytes of the message: a count, 0 the end, -errno.  ctx: the input. */
ssize_t input_read(void *ctx, void *p, size_t n);

/* From the start again.  0;  -ESPIPE it was not kept;  ctx: the input. */
must_check int input_rewind(void *ctx);

#endif
