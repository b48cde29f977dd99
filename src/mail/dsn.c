/* SPDX-License-Identifier: ISC */
/* mail/dsn.c - see mail/dsn.h. */
#include "mail/dsn.h"

#include "mail/address.h"
#include "mail/date.h"
#include "mail/idna.h"
#include "mail/outcome.h"
#include "mail/params.h"

/* RFC 3461: only where senders can ask for it. */
#define RELAYED(x) (ENABLE_DSN_PARAMS && (x)->relayed)
#define FULL(x) (ENABLE_DSN_PARAMS && (x)->full)

/* RFC 6533: only where such mail is taken. */
#define UTF8(x) (ENABLE_SMTPUTF8 && (x)->utf8)

static const char eight_bit[] = "Content-Transfer-Encoding: 8bit\r\n";

/* The pieces, in order. */
enum step { HEAD, PARTS, TEXT, STATUS, FIELDS, RETURNED };

void dsn_start(struct dsn *d, const struct dsn_job *job)
{
	*d = (struct dsn){ .job = job, .step = HEAD, .bol = true };
}

/* Foreign words: printable ASCII, in one line. */
static void put_words(struct buf *out, struct slice words)
{
	for (size_t i = 0; i < words.n; i++)
		buf_put_char(out, char_is_print(words.p[i]) ? words.p[i] : '?');
}

static void put_line(struct buf *out, const char *key, struct slice words)
{
	buf_put_str(out, key);
	put_words(out, words);
	buf_put_str(out, "\r\n");
}

/*
 * An address, typed: with its type before it (RFC 6533 3).  Where only ASCII
 * can be said a domain has an other form; what becomes too long by that is '?'.
 */
static void put_address(const struct dsn *d, struct buf *out, struct slice in,
			bool typed)
{
	char space[ADDRESS_MAX_PATH];
	struct buf b = BUF_ON(space);
	struct address a;
	bool wide = ENABLE_SMTPUTF8 && slice_has_8bit(in) &&
		    address_parse_utf8(in, &a) == 0;

	if (ENABLE_SMTPUTF8 && wide && !UTF8(d->job)) {
		wide = !idna_put_mailbox(&b, in);
		if (wide) {
			buf_reset(&b);
			idna_put_xtext(&b, in, true);
		}
		in = b.overflow ? in : buf_slice(&b);
	}
	if (typed)
		buf_put_str(out, wide ? "utf-8; " : "rfc822; ");
	if (wide && UTF8(d->job))
		buf_put_slice(out, in);
	else
		put_words(out, in);
}

static void put_boundary(const struct dsn *d, struct buf *out, const char *end)
{
	buf_putf(out, "\r\n--=_%s%s\r\n", d->job->id, end);
}

static void put_date(const struct dsn *d, struct buf *out, const char *key,
		     int64_t t)
{
	buf_put_str(out, key);
	date_put(out, t, d->job->zone_min);
	buf_put_str(out, "\r\n");
}

static void put_head(const struct dsn *d, struct buf *out)
{
	const struct dsn_job *job = d->job;

	put_date(d, out, "Date: ", job->date_s);
	buf_put_str(out, "From: Mail Delivery System\r\n <MAILER-DAEMON@");
	put_words(out, job->host);
	buf_put_str(out, ">\r\nTo: <");
	put_address(d, out, job->to, false);
	buf_putf(out, ">\r\nSubject: %s\r\nMessage-ID: <%s@",
		 RELAYED(job) && !job->failed
			 ? "Relayed mail"
			 : "Undelivered mail returned to sender",
		 job->id);
	put_words(out, job->host);
	/* RFC 3834 5: no responder answers it. */
	buf_put_str(out, ">\r\nAuto-Submitted: auto-replied\r\n");
}

/* Is it one word in < >, and short enough? */
static bool is_msgid(struct slice s)
{
	if (s.n < 3 || s.n > DSN_MAX_MSGID || s.p[0] != '<')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!char_is_print(s.p[i]) || s.p[i] == ' ')
			return false;
	return s.p[s.n - 1] == '>';
}

static void put_parts(const struct dsn *d, struct buf *out)
{
	const char *global = UTF8(d->job) ? "global-" : "";

	if (is_msgid(d->job->msgid)) {
		put_line(out, "In-Reply-To: ", d->job->msgid);
		put_line(out, "References: ", d->job->msgid);
	}
	buf_putf(out,
		 "MIME-Version: 1.0\r\n"
		 "Content-Type: multipart/report; report-type=%s"
		 "delivery-status;\r\n boundary=\"=_%s\"\r\n",
		 global, d->job->id);
	if (UTF8(d->job) || (FULL(d->job) && d->job->eight_bit))
		buf_put_str(out, eight_bit);
	put_boundary(d, out, "");
	buf_putf(out, "Content-Type: text/plain; charset=%s\r\n%s",
		 UTF8(d->job) ? "utf-8" : "us-ascii",
		 UTF8(d->job) ? eight_bit : "");
	put_line(out, "\r\nThis is the mail relay at ", d->job->host);
	if (RELAYED(d->job))
		buf_put_str(out, "\r\nWhat became of your message is said "
				 "below.\r\n");
	else
		buf_put_str(out,
			    "\r\nYour message could not be delivered to the "
			    "recipients named below.\r\n"
			    "No further attempt will be made.  ");
	buf_put_str(out, FULL(d->job) ? "It is attached.\r\n"
				      : "Its header is attached.\r\n");
}

/* "550 5.1.1 words", without a code just the words. */
static void put_reason(struct buf *out, const struct dsn_rcpt *to)
{
	if (to->code > 0) {
		buf_putf(out, "%u ", to->code);
		outcome_put_dsn(out, to->dsn);
		buf_put_char(out, ' ');
	}
	put_line(out, "", to->text);
}

static void put_mta(struct buf *out, const struct dsn_rcpt *to)
{
	bool literal = to->literal && to->mta.n > 0;

	buf_put_str(out, literal ? "[" : "");
	put_words(out, to->mta.n > 0 ? to->mta : SLICE("The mail server"));
	buf_put_str(out, literal ? "]" : "");
}

static void put_text(const struct dsn *d, struct buf *out,
		     const struct dsn_rcpt *to)
{
	buf_put_str(out, "\r\n<");
	put_address(d, out, to->address, false);
	buf_put_str(out, ">\r\n    ");
	if (RELAYED(to))
		buf_put_str(out, "relayed to a server that sends no notice "
				 "when mail has arrived\r\n    ");
	if (to->code > 0) {
		put_mta(out, to);
		buf_put_str(out, " said:\r\n    ");
	}
	put_reason(out, to);
}

static void put_xtext(struct buf *out, const char *key, struct slice xtext)
{
	buf_put_str(out, key);
	params_put_decoded(out, xtext);
	buf_put_str(out, "\r\n");
}

static void put_status(const struct dsn *d, struct buf *out)
{
	put_boundary(d, out, "");
	buf_putf(out, "Content-Type: message/%sdelivery-status\r\n%s\r\n",
		 UTF8(d->job) ? "global-" : "", UTF8(d->job) ? eight_bit : "");
	if (ENABLE_DSN_PARAMS && d->job->envid.n > 0)
		put_xtext(out, "Original-Envelope-Id: ", d->job->envid);
	put_line(out, "Reporting-MTA: dns; ", d->job->host);
	if (d->job->arrival_s != 0)
		put_date(d, out, "Arrival-Date: ", d->job->arrival_s);
}

/* RFC 3464 2.3. */
static void put_fields(const struct dsn *d, struct buf *out,
		       const struct dsn_rcpt *to)
{
	/* A hop may have said 550 2.0.0: that is no failure's status. */
	bool fits = (to->dsn < 400) == RELAYED(to);
	struct slice orcpt = to->orcpt;

	buf_put_str(out, "\r\n");
	if (ENABLE_DSN_PARAMS && orcpt.n > 0) {
		buf_put_str(out, "Original-Recipient: ");
		put_words(out, slice_cut(&orcpt, ';'));
		put_xtext(out, "; ", orcpt);
	}
	buf_put_str(out, "Final-Recipient: ");
	put_address(d, out, to->address, true);
	buf_put_str(out, RELAYED(to) ? "\r\nAction: relayed\r\nStatus: "
				     : "\r\nAction: failed\r\nStatus: ");
	outcome_put_dsn(out, fits ? to->dsn : RELAYED(to) ? 200 : 500);
	buf_put_str(out, "\r\n");
	if (to->mta.n > 0 && to->code > 0) {
		buf_put_str(out, "Remote-MTA: dns; ");
		put_mta(out, to);
		buf_put_str(out, "\r\n");
	}
	buf_put_str(out, to->code > 0 ? "Diagnostic-Code: smtp; "
				      : "Diagnostic-Code: x-mailmote; ");
	put_reason(out, to);
}

static void put_returned(const struct dsn *d, struct buf *out)
{
	bool utf8 = UTF8(d->job), full = FULL(d->job);

	put_boundary(d, out, "");
	buf_putf(out, "Content-Type: %s\r\n",
		 utf8   ? (full ? "message/global" : "message/global-headers")
		 : full ? "message/rfc822"
			: "text/rfc822-headers");
	if (utf8 || (d->job->eight_bit && full))
		buf_put_str(out, eight_bit);
	else if (d->job->eight_bit)
		buf_put_str(out, "Content-Transfer-Encoding: "
				 "quoted-printable\r\n");
	buf_put_str(out, "\r\n");
}

/* The next recipient, in one of the two parts that name them all. */
static void put_rcpt(struct dsn *d, struct buf *out)
{
	struct dsn_rcpt to = { 0 };

	if (!d->job->rcpt(d->job->ctx, d->n, &to)) {
		d->n = 0;
		d->step++;
		return;
	}
	d->n++;
	if (d->step == TEXT)
		put_text(d, out, &to);
	else
		put_fields(d, out, &to);
}

bool dsn_put(struct dsn *d, struct buf *out)
{
	switch (d->step) {
	case TEXT:
	case FIELDS:
		put_rcpt(d, out);
		return true;
	case HEAD:
		put_head(d, out);
		break;
	case PARTS:
		put_parts(d, out);
		break;
	case STATUS:
		put_status(d, out);
		break;
	default:
		put_returned(d, out);
		return false;
	}
	d->step++;
	return true;
}

/* The line has ended. */
static void end_line(struct dsn *d, struct buf *out)
{
	d->over = d->bol;
	if (!d->skip && !d->over)
		buf_put_str(out, "\r\n");
	d->bol = true;
	d->skip = false;
	d->qp = (struct qp){ 0 };
}

/* A byte of UTF-8, or of what its author took for that. */
static bool is_wide(const struct dsn *d, char c)
{
	return UTF8(d->job) && (uint8_t)c > 0x7f;
}

/* next: what follows it, a CR when that is not known. */
static void put_byte(struct dsn *d, struct buf *out, char c, char next)
{
	if (d->bol && c == '-')
		d->skip = true;
	d->bol = false;
	if (d->skip)
		return;
	/* Blanks at a line's end would not survive (RFC 2045 6.7). */
	if (d->job->eight_bit && !UTF8(d->job))
		qp_put(&d->qp, c, next == '\r', out);
	else if (char_is_print(c) || c == '\t' || is_wide(d, c))
		buf_put_char(out, c);
	else
		buf_put_char(out, '?');
}

size_t dsn_header(struct dsn *d, struct slice in, struct buf *out)
{
	size_t i = 0;

	for (; i < in.n && !d->over && buf_room(out) >= 8; i++) {
		char c = in.p[i], next = i + 1 < in.n ? in.p[i + 1] : '\r';

		if (d->cr && c == '\n') {
			d->cr = false;
			end_line(d, out);
			continue;
		}
		/* A lone CR or LF ends nothing. */
		if (d->cr)
			put_byte(d, out, ' ', c);
		d->cr = c == '\r';
		if (!d->cr && c != '\n')
			put_byte(d, out, c, next);
		else if (c == '\n')
			put_byte(d, out, ' ', next);
	}
	return i;
}

void dsn_end(const struct dsn *d, struct buf *out)
{
	put_boundary(d, out, "--");
}
