/* SPDX-License-Identifier: ISC */
/*
 * relay/parts.h - what the files of this room offer each other.
 *
 *   submit.c    messages on their way in        settle.c   their answers
 *   commit.c    staged messages to the spool    work.c     what goes next
 *   connect.c   from a hop to a session         deliver.c  the session
 *   attempt.c   its outcomes                    listing.c  the queue
 *   message.c   the header that leaves          schedule.c breakers, clocks
 *   refuse.c    what will never arrive          bounce.c   notices of it
 *   session.c   clients                         control.c  operators
 *   event.c     log lines                       status.c   what they see
 *   relay.c     the turn of the loop            content.c  messages' bytes
 *   defer.c     recipients with their own delay age.c      old mail
 */
#ifndef RELAY_PARTS_H
#define RELAY_PARTS_H

#include "relay/state.h"

/* --- relay.c --- */

/* Can a message be stored, maybe after relay_wants_spool()? */
bool relay_has_spool(const struct relay *r);

/* --- submit.c --- */

/* Give every block back and free the slot. */
void submission_free(struct relay *r, struct submission *s);

/* Its reverse-path, read into from. */
struct slice submission_sender(struct relay *r, const struct submission *s,
			       char from[static ADDRESS_MAX_PATH + 2]);

/* Keep the text of a recipient's outcome (as far as the stage has room). */
void submission_note(struct relay *r, struct submission *s, unsigned rcpt,
		     const char *text);

/* Append the text kept for a recipient; nothing when there is none. */
void submission_text(struct relay *r, const struct submission *s, unsigned rcpt,
		     struct buf *out);

/* The routes of all staged recipients are worked out anew (reload). */
void submission_reroute_all(struct relay *r);

/* --- content.c --- */

/* Can a message of this announced size be taken at all?  0;  -1: *why. */
must_check int submission_check_size(struct relay *r, uint64_t size,
				     struct outcome *why);

/*
 * A new message finds no room in the stage: one that is not complete, and has
 * not moved for a while, is spilled; complete ones are committed earlier.
 */
void submission_make_room(struct relay *r);

/* --- settle.c --- */

/*
 * Look at a READY submission: answer it, or ask for its commit, as soon as
 * its recipients' states decide that (DESIGN.md 3.1).
 */
void submission_settle(struct relay *r, struct submission *s);

/* Answer: the submitter may be told. */
void submission_answer(struct relay *r, struct submission *s,
		       enum verdict verdict, uint16_t code, uint16_t dsn,
		       const char *text);

/* --- commit.c --- */

/*
 * When what wants to be committed is due: at once, or in a moment when more is
 * arriving that could share the sync; INT64_MAX when nothing wants it.
 */
int64_t commit_next_ms(const struct relay *r);

/* Commit all submissions that are due, with one sync, and answer them. */
void commit_staged(struct relay *r);

/* --- work.c --- */

/* Give work to delivery slots: new mail first, then the queue. */
void work_dispatch(struct relay *r);

/*
 * Next message for d's route into d: staged, then queued.
 * Returns: true d carries it (busy);  false there is none now
 */
bool work_find(struct relay *r, struct delivery *d);

/*
 * Keep of d's recipients those whose outcome is still open: the hop's limit
 * put them off (more), or, without more, the hop failed before it answered.
 * Returns their number.
 */
unsigned work_again(struct delivery *d, bool more);

/* All queued mail of a route is to be looked at again. */
void work_rewind(struct relay *r, unsigned route);

/* The same of all routes. */
void work_rewind_all(struct relay *r);

/* The same for routes that passed over a message which is free now. */
void work_rewind_passed(struct relay *r);

/* Why a route does not go, in words. */
const char *work_reason(const struct relay *r, unsigned route);

/* CLOCK_BOOTTIME of the next thing that becomes due; INT64_MAX: none. */
int64_t work_next_ms(struct relay *r);

/* --- refuse.c --- */

/*
 * Is anybody told of recipients that were refused?  The sender is from; flags
 * are those of the stored message.
 */
bool refuse_is_owed(struct relay *r, struct slice from, uint32_t flags);

/* The transaction of a queued message has ended: store what is to be told. */
void refuse_queued(struct relay *r, struct delivery *d);

/*
 * Old age (lifetime) refuses all recipients of d->msg that still wait; its
 * notice is given up after another lifetime.  d->env is its envelope.
 * Returns: true there is nothing more to be done for it now
 */
bool refuse_expired(struct relay *r, struct delivery *d);

/* Recipients of this message have had their notice: forget them. */
void refuse_told(struct relay *r, uint64_t id);

/* Nobody is told of those of d->msg, if there are any: say so, forget them. */
void refuse_drop(struct relay *r, const struct delivery *d);

/* Say, and count, that nobody is told of nrcpt refused recipients. */
void refuse_dropped(struct relay *r, const struct spool_msg *msg,
		    struct slice from, unsigned nrcpt);

/* --- bounce.c (CONFIG_BOUNCE) --- */

/*
 * Whom the notice for a message of from goes to: packed into out, when that
 * is not NULL.  0: it is the null path, or a local name without an alias.
 */
unsigned bounce_targets(struct relay *r, struct slice from, uint32_t flags,
			struct buf *out);

/*
 * d's message has 8-bit bytes that its hop does not take: anywhere, or (head)
 * maybe in the header.  Can it be converted?  Then downgrade_more() gives it,
 * and d->txn.size is what it will have; where nothing of it has to be changed
 * d->downgrading stays false.  Reads all of the message, or its header, once.
 */
bool downgrade_begin(struct relay *r, struct delivery *d, bool head);

/* More of it into d->wire, which is empty; true: that was all. */
bool downgrade_more(struct delivery *d);

/* More of a message as fixup gives it, from d->raw; true: that was all. */
bool delivery_filter(struct delivery *d, struct buf *out);

/* Is a notice owed for d->msg, by d's route, now?  true: d carries it. */
bool bounce_pick(struct relay *r, struct delivery *d);

/* Begin d's notice: the header that it returns, and what it says. */
void bounce_begin(struct relay *r, struct delivery *d);

/* The transaction of a notice has ended. */
void bounce_record(struct relay *r, struct delivery *d);

/* When the bound on notices lets more go; INT64_MAX: none waits for that. */
int64_t bounce_next_ms(const struct relay *r);

/* --- age.c --- */

/* Refuse queued mail that has become too old, if it is time to look. */
void age_check(struct relay *r);

/* CLOCK_BOOTTIME of that time. */
int64_t age_next_ms(struct relay *r);

/* --- defer.c --- */

/*
 * A recipient of the queued message id waits for a time of its own; the
 * notice for it is recipient 0 of ~id.
 */
void defer_add(struct relay *r, uint64_t id, unsigned rcpt,
	       const struct outcome *why);

/* Its entry, or NULL. */
struct defer *defer_find(struct relay *r, uint64_t id, unsigned rcpt);

/* Is that time still to come? */
bool defer_waits(struct relay *r, uint64_t id, unsigned rcpt);

/* It has an answer; all of the message have, or are tried at once. */
void defer_end(struct relay *r, uint64_t id, unsigned rcpt);
void defer_forget(struct relay *r, uint64_t id);

/* Has the time of any come since the last call? */
bool defer_wake(struct relay *r);

/* CLOCK_BOOTTIME of the next one; INT64_MAX: none. */
int64_t defer_next_ms(const struct relay *r);

/* --- deliver.c --- */

/* Go on as far as possible. */
void delivery_run(struct relay *r, struct delivery *d);

/* Begin d's next message on the connection it has. */
void delivery_begin(struct relay *r, struct delivery *d);

/* Close at once; the slot is free and its memory given back. */
void delivery_free(struct relay *r, struct delivery *d);

/* What it waits for: descriptors into set (their number back), deadline. */
size_t delivery_wants(struct relay *r, struct delivery *d, struct net_wait *set,
		      int64_t *until_ms);

/* A slot that is free, or lingers and was made free; NULL: none. */
struct delivery *delivery_take(struct relay *r);

/* The deadline of what d's engine does now begins anew. */
void delivery_touch(struct relay *r, struct delivery *d);

/* --- connect.c --- */

/* Start an attempt with d's message at a hop of its route. */
void delivery_start(struct relay *r, struct delivery *d, unsigned hop);

/* Go on: the next address, the connection, the TLS handshake. */
void delivery_connect(struct relay *r, struct delivery *d);
bool delivery_next_address(struct relay *r, struct delivery *d);
void delivery_step_connect(struct relay *r, struct delivery *d);
void delivery_handshake(struct relay *r, struct delivery *d);
void delivery_step_handshake(struct relay *r, struct delivery *d);

/* --- attempt.c --- */

/* A recipient of d's queued message is in another state; it may be lost. */
void attempt_mark(struct relay *r, const struct delivery *d, unsigned i,
		  uint8_t state);

/* The transaction has ended: record what became of each recipient. */
void attempt_record(struct relay *r, struct delivery *d);

/* The hop has failed with d's message: the next hop, or give it back. */
void attempt_hop_failed(struct relay *r, struct delivery *d,
			const struct outcome *why);

/* d no longer carries a message; what waits of it waits for its route. */
void attempt_release(struct relay *r, struct delivery *d,
		     const struct outcome *why);

/* The queued message cannot be read: hold it and say so. */
void attempt_unreadable(struct relay *r, struct delivery *d, int err);

/* --- message.c --- */

/* Bytes of d's message at off.  0 or -errno. */
must_check int message_read(struct relay *r, const struct delivery *d,
			    uint32_t off, void *p, uint32_t n);

/* When d's message came, as well as that is known; *known: it is. */
int64_t message_arrival(struct relay *r, const struct delivery *d, bool *known);

/* Our own domain, as Message-IDs and notices have it. */
const char *message_domain(const struct relay *r);

/* Fill d's fixup job: trace field, and what may be missing. */
void message_header(struct relay *r, struct delivery *d);

/* r->conf and r->id are others: what d still has to say is of these. */
void message_reload(struct relay *r, struct delivery *d);

/* --- schedule.c --- */

/* May this hop be tried now? */
bool hop_may_try(const struct relay *r, unsigned hop);

/* First hop of a route that may be tried now, or HOP_NONE. */
unsigned hop_choose(const struct relay *r, unsigned route);

/* Before this time no queued mail of a route is touched (splay). */
int64_t route_after_ms(const struct relay *r, unsigned route);

/* When queued mail of a route may be tried; INT64_MAX: nobody knows. */
int64_t route_due_ms(const struct relay *r, unsigned route);

/* An attempt begins, has worked, has failed. */
void hop_begin(struct relay *r, unsigned hop);
void hop_ok(struct relay *r, unsigned hop);
void hop_fail(struct relay *r, unsigned hop, const struct outcome *why);

/* Is the wall clock to be believed (DESIGN.md 3.4)? */
bool clock_is_sane(const struct relay *r);

/* The earliest time that it can be. */
int64_t clock_floor(const struct relay *r);

/* --- event.c --- */

/* "WHAT id=... from=<...> to=<...> relay=... code= dsn= delay_s= text=". */
void event_rcpt(struct relay *r, const char *what, const struct delivery *d,
		struct slice rcpt, const struct outcome *o);

/* A hop's breaker has changed. */
void event_hop(struct relay *r, unsigned hop, enum log_level level);

/* "queued id=... from=<...> size= rcpts= reason=". */
void event_message(struct relay *r, const char *what, uint64_t id,
		   struct slice from, uint32_t size, unsigned nrcpt,
		   const char *text);

/* The words of a hop's state, as in status. */
const char *hop_state_name(enum hop_state s);

/* Append "pattern" of a route as configured. */
void route_put(struct relay *r, struct buf *b, unsigned route);

/* --- session.c (CONFIG_DAEMON; else never called) --- */

/* Take the connections that wait at a listener. */
void session_accept(struct relay *r, struct listener *l);

/* Go on with a session as far as possible. */
void session_run(struct relay *r, struct session *s);

/* As delivery_wants(). */
size_t session_wants(struct relay *r, struct session *s, struct net_wait *set,
		     int64_t *until_ms);

/* Close it at once; what it had submitted goes on without it. */
void session_end(struct relay *r, struct session *s);

/* r->conf and r->id are others: what they are told is of these. */
void session_reload_all(struct relay *r);

/* Say 421 to all (shutdown). */
void session_stop_all(struct relay *r);

/* --- control.c (CONFIG_CONTROL) --- */

/* The same for the control socket. */
void control_accept(struct relay *r, struct listener *l);

/* A free slot; NULL: who comes waits in the socket's queue. */
struct control *control_room(struct relay *r);

/* Go on with a command as far as possible. */
void control_serve(struct relay *r, struct control *c);

/* As delivery_wants(). */
size_t control_wants(struct relay *r, struct control *c, struct net_wait *set,
		     int64_t *until_ms);

/* --- status.c --- */

/*
 * Append the next piece of a status report; c->step counts pieces.
 * Returns: true there are more pieces
 */
bool status_piece(struct relay *r, struct control *c);

/* The exit code of status: 0, or 1 when mail is stuck or a route is held. */
must_check int status_code(struct relay *r);

/* Append "3d", "5h", "12m" or "40s". */
void put_age(struct buf *b, int64_t s);

/* --- listing.c, rows.c --- */

/* Append the next piece of the queue listing.  true: there are more. */
bool queue_piece(struct relay *r, struct control *c);

/* Who sent a queued message, in r->scratch; empty when it cannot be read. */
struct slice queued_sender(struct relay *r, const struct spool_msg *msg);

/*
 * Append text in lines of 80 columns, folded at spaces, behind indent spaces;
 * before the first line stands something as wide.  What is not printable
 * ASCII becomes \xNN.
 */
void put_folded(struct buf *b, struct slice text, unsigned indent);

#endif
