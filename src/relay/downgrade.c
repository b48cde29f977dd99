/* SPDX-License-Identifier: ISC */
/*
 * relay/downgrade.c - an 8-bit message for a hop that takes 7 (RFC 6152 3), an
 * 8-bit header for one that does not take that (RFC 6532 3.7).
 *
 * It is read once before MAIL, all of it or the header: whether it can be
 * converted, its charset and its size are known then, so that nothing breaks
 * off half way, and SIZE is not too small.  The time for that is not worth any
 * state.
 */
#include "relay/parts.h"

static void rewind_to_start(struct delivery *d, bool head, bool latin)
{
	fixup_start(&d->fixup, &d->fixup_job);
	downgrade_start(&d->downgrade, latin);
	d->downgrade.head = head;
	d->off = 0;
	d->raw_len = d->raw_at = 0;
	d->fixed = BUF_ON(d->fixed_space);
	d->fixed_at = 0;
	d->fixed_ended = false;
}

bool downgrade_more(struct delivery *d)
{
	struct slice in = slice_from(buf_slice(&d->fixed), d->fixed_at);

	BUILD_ASSERT(sizeof(d->wire_space) >= DOWNGRADE_ROOM);
	d->fixed_at += downgrade_feed(&d->downgrade, in, &d->wire);
	if (d->fixed_at < d->fixed.len)
		return false;
	if (d->fixed_ended)
		return downgrade_end(&d->downgrade, &d->wire);
	buf_reset(&d->fixed);
	d->fixed_at = 0;
	d->fixed_ended = delivery_filter(d, &d->fixed);
	return false;
}

/* Bytes of the message that have not been through the filter. */
static uint64_t bytes_left(const struct delivery *d)
{
	return d->size - d->off + d->raw_len - d->raw_at + d->fixed.len -
	       d->fixed_at + FIXUP_MAX_NAME + d->downgrade.len;
}

bool downgrade_begin(struct relay *r, struct delivery *d, bool head)
{
	uint64_t size = 0;
	bool ended = false;

	/* The longer of both charsets: SIZE is never too small. */
	rewind_to_start(d, head, true);
	while (!ended && !d->downgrade.failed) {
		uint32_t n = d->size - d->off;

		if (n > sizeof(d->raw))
			n = sizeof(d->raw);
		if (d->raw_at == d->raw_len && n > 0) {
			/* When it is sent, the fault is told. */
			if (message_read(r, d, d->off, d->raw, n) < 0)
				break;
			d->off += n;
			d->raw_len = n;
			d->raw_at = 0;
		}
		ended = downgrade_more(d) || (head && !d->downgrade.header);
		size += d->wire.len;
		buf_reset(&d->wire);
	}
	bool fits = !d->downgrade.failed;

	d->downgrading = fits && (!head || d->downgrade.changed);
	if (d->downgrading)
		d->txn.size = size + (head ? bytes_left(d) : 0);
	rewind_to_start(d, head, d->downgrade.other);
	return fits;
}
