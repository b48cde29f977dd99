/* SPDX-License-Identifier: ISC */
/*
 * cmd/mailback.c - see cmd/mailback.h.
 *
 * The notice is a message like others: sendmail is run anew for it.
 */
#include "cmd/mailback.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/id.h"
#include "base/memory.h"
#include "cmd/cmd.h"
#include "mail/address.h"
#include "mail/date.h"
#include "mail/dsn.h"
#include "mail/envelope.h"
#include "mail/idna.h"

/* One refused recipient; its words are in the text. */
struct note {
	uint16_t code, dsn;      /* as in struct outcome */
	struct slice rcpt, text; /* whom, and why */
};

/* Those that are remembered; more are left out. */
static MEMORY_LARGE struct note notes[CONFIG_RCPT_MAX];
static unsigned nnotes;
static MEMORY_LARGE char text_space[2 * CONFIG_ENVELOPE_MAX];
static struct buf text = { text_space, 0, sizeof(text_space), false };

static struct slice keep(struct slice words)
{
	const char *at = text.data + text.len;

	buf_put_slice(&text, words);
	return slice_of(at, words.n);
}

void mailback_note(struct slice rcpt, const struct outcome *o)
{
	struct slice words = slice_str(o->text);

	if (nnotes == ARRAY_LEN(notes) || buf_room(&text) < rcpt.n + words.n)
		return;
	notes[nnotes++] = (struct note){ .code = o->code,
					 .dsn = o->dsn,
					 .rcpt = keep(rcpt),
					 .text = keep(words) };
}

bool mailback_is_due(void)
{
	return nnotes > 0;
}

static bool next_rcpt(void *ctx, unsigned n, struct dsn_rcpt *out)
{
	(void)ctx;
	if (n >= nnotes)
		return false;
	*out = (struct dsn_rcpt){ .address = notes[n].rcpt,
				  .text = notes[n].text,
				  .code = notes[n].code,
				  .dsn = notes[n].dsn };
	return true;
}

/* What was made so far, to the file. */
static int flush(int fd, struct buf *out)
{
	int err = fdio_write_all(fd, out->data, out->len);

	buf_reset(out);
	return err;
}

static int write_notice(int fd, const struct dsn_job *job, struct slice header)
{
	static MEMORY_LARGE char space[2 * DSN_ROOM];
	struct buf out = BUF_ON(space);
	struct dsn d;
	int err = 0;

	dsn_start(&d, job);
	while (err == 0 && dsn_put(&d, &out))
		err = flush(fd, &out);
	while (err == 0 && header.n > 0 && !d.over) {
		err = flush(fd, &out);
		header = slice_from(header, dsn_header(&d, header, &out));
	}
	if (err == 0)
		err = flush(fd, &out);
	dsn_end(&d, &out);
	return err < 0 ? err : flush(fd, &out);
}

/* In the child: sendmail again, for what is in fd. */
static void become_sendmail(int fd, char *sender)
{
	static char path[] = "/proc/self/exe";
	char *words[] = { "sendmail", "-oeq", "-i", "-f", "",
			  "--",       sender, NULL, NULL };

	if (cmd_conf_path) {
		words[5] = "-C";
		words[6] = (char *)cmd_conf_path;
		words[7] = sender;
	}
	if (dup2(fd, STDIN_FILENO) == STDIN_FILENO)
		execve(path, words, environ);
	_exit(EXIT_SYSTEM);
}

static int run_sendmail(int fd, char *sender)
{
	pid_t pid = _Fork();
	int status;

	if (pid == 0)
		become_sendmail(fd, sender);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return EXIT_SYSTEM;
	return WEXITSTATUS(status);
}

int mailback_send(const struct identity *id, struct slice sender,
		  struct slice params, struct slice header)
{
	char to[ADDRESS_MAX_PATH + 1], id_text[ID_LEN + 1];
	int64_t now = world_wall_s(&world_real);
	struct dsn_job job = {
		.host = slice_str(id->hostname[0] ? id->hostname : "localhost"),
		.to = sender,
		.id = id_text,
		.date_s = now < CONFIG_RELEASE_EPOCH ? CONFIG_RELEASE_EPOCH
						     : now,
		.eight_bit = slice_has_8bit(header),
		.rcpt = next_rcpt,
	};
	struct buf path = BUF_ON(to);
	int code = EXIT_SYSTEM;

	if (ENABLE_DSN_PARAMS)
		envelope_param(params, SLICE("ENVID"), &job.envid);
	/* In UTF-8 only to whom nothing else can be said. */
	if (ENABLE_SMTPUTF8)
		job.utf8 = !idna_put_mailbox(&path, sender);
	if (path.len == 0)
		buf_put_slice(&path, sender);
	if (buf_cstr(&path)[0] == '\0')
		return EXIT_REFUSED;
	id_format(id_text, id_new(&world_real));
	int fd = memfd_create("notice", MFD_CLOEXEC);
	if (fd < 0)
		return code;
	if (write_notice(fd, &job, header) == 0 && lseek(fd, 0, SEEK_SET) == 0)
		code = run_sendmail(fd, to);
	close(fd);
	return code;
}
