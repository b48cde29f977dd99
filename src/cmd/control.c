/* SPDX-License-Identifier: ISC */
/*
 * cmd/control.c - queue show flush remove hold release status: the words are
 * checked here, the daemon does the work.
 *
 * The control socket takes one line and gives text, a NUL, the exit code in
 * decimal and LF; then it is closed.
 */
#include "cmd/control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/id.h"
#include "cmd/cmd.h"
#include "cmd/handover.h"
#include "cmd/local.h"

/* Identifiers that go in one line; more make more lines. */
#define IDS_A_LINE 32

/* Bytes of a line: the command, a word, the identifiers. */
#define LINE_MAX_ (24 + IDS_A_LINE * (ID_LEN + 1))

/* Seconds the daemon may be silent; flush --wait may take its time. */
#define SILENCE_S 60

/* status without a daemon (DESIGN.md 2.1). */
#define EXIT_NO_DAEMON 2

/* A command and what may stand behind it. */
struct command {
	const char *name;
	const char *option; /* or NULL */
	const char *word;   /* what the option is in the line */
	bool either;        /* the option stands instead of identifiers */
	int min, max;       /* identifiers; max -1: any number */
};

static const struct command commands[] = {
	{ "queue", "--json", " json", false, 0, 0 },
	{ "status", "--json", " json", false, 0, 0 },
	{ "show", NULL, NULL, false, 1, 1 },
	{ "flush", "--wait", " wait", false, 0, 1 },
	{ "remove", "--all", " --all", true, 1, -1 },
	{ "hold", NULL, NULL, false, 1, -1 },
	{ "release", NULL, NULL, false, 1, -1 },
};

/* The exit code that came behind the NUL; -1: it did not come. */
static int answer_code = -1;

/* A line behind a NUL: an error, or the code. */
static void print_aside(struct buf *line, char ch)
{
	uint32_t code;

	if (ch != '\n') {
		if (buf_room(line) > 0)
			buf_put_char(line, ch);
		return;
	}
	if (line->len > 0 && line->data[0] == '!')
		cmd_err("%.*s", (int)line->len - 1, line->data + 1);
	else if (slice_to_u32(buf_slice(line), 255, &code) == 0)
		answer_code = (int)code;
	line->data = NULL;
}

/*
 * A byte of the answer.  What could steer a terminal is written \xNN there:
 * control bytes, and those of ISO 6429 in 8 bits or in UTF-8.
 */
static void print_byte(char ch)
{
	static uint8_t before;
	uint8_t u = (uint8_t)ch;
	bool plain = char_is_print(ch) || ch == '\n' || ch == '\t' ||
		     ch == '\r' || u >= 0xa0 ||
		     (u >= 0x80 && before >= 0x80 && before != 0xc2);

	before = plain ? u : 0;
	if (plain || !isatty(STDOUT_FILENO))
		cmd_out_bytes(slice_of(&ch, 1));
	else
		cmd_out("\\x%02x", u);
	/* Progress is seen at once. */
	if (ch == '\r' && cmd_end(EXIT_DONE) != EXIT_DONE)
		before = 0;
}

void control_print(struct slice text)
{
	static char space[200];
	static struct buf line;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\0')
			line = BUF_ON(space);
		else if (line.data != NULL)
			print_aside(&line, text.p[i]);
		else
			print_byte(text.p[i]);
	}
}

static int read_code(void)
{
	int code = answer_code;

	answer_code = -1;
	if (code >= 0)
		return code;
	cmd_err("the daemon went away");
	return EXIT_AGAIN;
}

/* Text to standard output, as it comes, up to the code. */
static int copy_answer(int fd)
{
	char space[256];
	ssize_t n;

	while ((n = fdio_read(fd, space, sizeof(space))) > 0)
		control_print(slice_of(space, (size_t)n));
	return read_code();
}

static int ask_daemon(int fd, struct slice command)
{
	struct timeval wait = { .tv_sec = SILENCE_S };
	char space[LINE_MAX_ + 1];
	struct buf line = BUF_ON(space);

	if (slice_starts(command, SLICE("flush wa")))
		wait.tv_sec = 0;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	buf_put_slice(&line, command);
	buf_put_char(&line, '\n');
	if (line.overflow || fdio_write_all(fd, line.data, line.len) < 0)
		return read_code();
	return copy_answer(fd);
}

int control_run(const struct conf *c, const struct identity *id,
		struct slice command)
{
	int fd = ENABLE_DAEMON ? local_connect(c->control) : -ENOENT;

	if (fd == -EACCES) {
		cmd_err("%s: not allowed, ask root or a member of its group",
			c->control.p);
		return EXIT_DENIED;
	}
	if (fd == -ENOENT && slice_starts(command, SLICE("status"))) {
		cmd_err("no daemon");
		return EXIT_NO_DAEMON;
	}
	if (fd == -ENOENT && (ENABLE_DAEMON || ENABLE_SPOOL)) {
		int code = alone_control(c, id, command);

		if (code != -EAGAIN)
			return code;
		fd = local_connect(c->control);
	}
	if (fd < 0) {
		cmd_err("%s: cannot be reached", c->control.p);
		return EXIT_AGAIN;
	}
	int code = ask_daemon(fd, command);
	close(fd);
	return code;
}

static int misuse(const struct command *cmd)
{
	const char *ids = cmd->max == 0   ? ""
			  : cmd->max < 0  ? " ID..."
			  : cmd->min == 0 ? " [ID]"
					  : " ID";

	if (cmd->either)
		cmd_err("usage: mailmote %s%s|%s", cmd->name, ids, cmd->option);
	else
		cmd_err("usage: mailmote %s%s%s%s%s", cmd->name,
			cmd->option ? " [" : "", cmd->option ? cmd->option : "",
			cmd->option ? "]" : "", ids);
	return EXIT_USAGE_;
}

/* Every word an identifier?  What is none is named. */
static int check_ids(int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		uint64_t id;
		char space[160];
		struct buf text = BUF_ON(space);

		if (id_parse(slice_str(argv[i]), &id) == 0)
			continue;
		buf_put_quoted(&text, slice_head(slice_str(argv[i]), 30));
		cmd_err("%s is no identifier", buf_cstr(&text));
		return EXIT_DATA;
	}
	return 0;
}

/* One line for each IDS_A_LINE identifiers; the worst code counts. */
static int run_lines(const struct command *cmd, bool option, int argc,
		     char **argv)
{
	const struct conf *c;
	const struct identity *id;
	const char *word = option ? cmd->word : "";
	int worst = cmd_load(&c, &id);

	/* Progress is for a terminal; a pipe has the exit code. */
	if (strcmp(word, " wait") == 0 && isatty(STDOUT_FILENO))
		word = " watch";
	if (worst)
		return worst;
	do {
		char space[LINE_MAX_];
		struct buf line = BUF_ON(space);
		int n = argc < IDS_A_LINE ? argc : IDS_A_LINE;

		buf_put_str(&line, cmd->name);
		buf_put_str(&line, word);
		for (int i = 0; i < n; i++)
			buf_putf(&line, " %s", argv[i]);
		int code = control_run(c, id, buf_slice(&line));
		if (code > worst)
			worst = code;
		argc -= n;
		argv += n;
	} while (argc > 0);
	return cmd_end(worst);
}

int cmd_control(int argc, char **argv)
{
	const struct command *cmd = commands;
	bool option = false;

	while (strcmp(cmd->name, argv[0]) != 0)
		cmd++;
	argc--;
	argv++;
	if (argc > 0 && cmd->option && strcmp(argv[0], cmd->option) == 0) {
		option = true;
		argc--;
		argv++;
	}
	if (argc > 0 && argv[0][0] == '-')
		return misuse(cmd);
	int min = cmd->either && option ? 0 : cmd->min;
	int max = cmd->either && option ? 0 : cmd->max;
	if (argc < min || (max >= 0 && argc > max))
		return misuse(cmd);
	int code = check_ids(argc, argv);
	return code ? code : run_lines(cmd, option, argc, argv);
}
