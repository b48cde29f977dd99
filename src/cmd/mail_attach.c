/* SPDX-License-Identifier: ISC */
/*
 * cmd/mail_attach.c - mail -a FILE: standard input and the files as the parts
 * of a multipart message (RFC 2046 5.1), made while it is read.
 *
 * All files are opened before anything is sent: one that is missing sends
 * nothing.  What cannot be read later breaks the message off.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/fdio.h"
#include "base/id.h"
#include "base/memory.h"
#include "cmd/cmd.h"
#include "cmd/mail.h"
#include "mail/word.h"

/* Files at most. */
#define FILES 16

/* Bytes of a line of base64 (RFC 2045 6.8: 76 characters). */
#define LINE 57

/* Bytes read at once: whole lines, so that only the end of a file is padded. */
#define PIECE (LINE * 32)

/* Bytes of a file's name that are told. */
#define NAME_MAX_TOLD 200

/* The message as it is made. */
static MEMORY_LARGE struct {
	unsigned nfiles;          /* how many there are */
	unsigned part;            /* at hand: 0 the text, from 1 files */
	bool in_part;             /* its header is out */
	bool done;                /* all is out */
	int fds[FILES];           /* opened */
	const char *names[FILES]; /* as they were given */
	char boundary[2 * ID_LEN + 3];
	struct buf out;        /* made, not yet read */
	char space[2 * PIECE]; /* of out */
	char piece[PIECE];     /* of a file */
} m;

/* RFC 2231 4, where a name is not ASCII; the last part of the path alone. */
static void put_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct slice name = slice_str(slash ? slash + 1 : path);
	bool plain = !slice_has_8bit(name) && slice_find(name, '"') < 0 &&
		     slice_find(name, '\\') < 0;

	name = slice_head(name, NAME_MAX_TOLD);
	if (plain) {
		buf_put_str(&m.out, " filename=\"");
		buf_put_slice(&m.out, name);
		buf_put_str(&m.out, "\"\r\n");
		return;
	}
	buf_put_str(&m.out, " filename*=");
	word_put_value(&m.out, name);
	buf_put_str(&m.out, "\r\n");
}

static void begin_part(void)
{
	buf_putf(&m.out, m.part ? "\r\n--%s\r\n" : "--%s\r\n", m.boundary);
	if (m.part == 0) {
		buf_put_str(&m.out, "Content-Type: text/plain; charset=utf-8"
				    "\r\nContent-Transfer-Encoding: 8bit\r\n");
	} else {
		buf_put_str(&m.out, "Content-Type: application/octet-stream\r\n"
				    "Content-Transfer-Encoding: base64\r\n"
				    "Content-Disposition: attachment;\r\n");
		put_name(m.names[m.part - 1]);
	}
	buf_put_str(&m.out, "\r\n");
	m.in_part = true;
}

/* A piece of the part at hand, full but at its end.  Its bytes, or -errno. */
static ssize_t read_piece(void)
{
	int fd = m.part ? m.fds[m.part - 1] : STDIN_FILENO;
	size_t len = 0;

	while (len < sizeof(m.piece)) {
		ssize_t n = fdio_read(fd, m.piece + len, sizeof(m.piece) - len);

		if (n < 0)
			return n;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

/* More into out, which is empty. */
static int fill(void)
{
	if (!m.in_part) {
		begin_part();
		return 0;
	}
	ssize_t n = read_piece();
	if (n < 0)
		return (int)n;
	struct slice in = slice_of(m.piece, (size_t)n);
	if (m.part == 0)
		buf_put_slice(&m.out, in);
	for (; m.part > 0 && in.n > 0; in = slice_from(in, LINE)) {
		base64_encode(&m.out, slice_head(in, LINE));
		buf_put_str(&m.out, "\r\n");
	}
	if (n < PIECE) {
		m.in_part = false;
		m.part++;
		m.done = m.part > m.nfiles;
	}
	if (m.done)
		buf_putf(&m.out, "\r\n--%s--\r\n", m.boundary);
	return 0;
}

static ssize_t read_parts(void *p, size_t n)
{
	while (m.out.len == 0 && !m.done) {
		int err = fill();

		if (err < 0)
			return err;
	}
	if (n > m.out.len)
		n = m.out.len;
	memcpy(p, m.out.data, n);
	buf_drop(&m.out, n);
	return (ssize_t)n;
}

static int open_file(const char *path)
{
	if (m.nfiles == FILES) {
		cmd_err("more than %u attachments", FILES);
		return EXIT_USAGE_;
	}
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0 && read(fd, m.piece, 0) < 0) {
		/* a folder */
		close(fd);
		fd = -1;
	}
	if (fd < 0) {
		cmd_err("%s cannot be read, nothing was sent", path);
		return EXIT_IO;
	}
	m.names[m.nfiles] = path;
	m.fds[m.nfiles++] = fd;
	return 0;
}

int mail_attach(struct buf *b, const struct mail_words *words,
		ssize_t (**source)(void *p, size_t n))
{
	struct mail_words w = *words;
	char *value = NULL;
	int what;

	while ((what = mail_next(&w, &value)) != MAIL_END &&
	       what != MAIL_SENDMAIL) {
		int code = what == 'a' && !mail_is_field(value)
				   ? open_file(value)
				   : 0;
		if (code)
			return code;
	}
	if (m.nfiles == 0)
		return 0;
	/* What no line of base64 begins with, and nobody can guess. */
	memcpy(m.boundary, "=_", 2);
	id_format(m.boundary + 2, id_new(&world_real));
	id_format(m.boundary + 2 + ID_LEN, id_new(&world_real));
	buf_putf(b,
		 "MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n"
		 " boundary=\"%s\"\r\nContent-Transfer-Encoding: 8bit\r\n",
		 m.boundary);
	m.out = BUF_ON(m.space);
	*source = read_parts;
	return 0;
}
