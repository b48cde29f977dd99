/* SPDX-License-Identifier: ISC */
/*
 * relay/downgrade.c - an 8-bit message for a hop that takes 7 (RFC 6152 3).
 *
 * All of it is read once before MAIL: whether it can be converted, its charset
 * and its size are known then, so that nothing breaks off half way, and SIZE
 * is true.  Such hops are rare; the time for that is not worth any state.
 */
#include "relay/parts.h"

static void rewind_to_start(struct delivery *d, bool latin)
{
	fixup_start(&d->fixup, &d->fixup_job);
	downgrade_start(&d->downgrade, latin);
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

bool downgrade_begin(struct relay *r, struct delivery *d)
{
	uint64_t size = 0;
	bool ended = false, latin;

	/* The longer of both charsets: SIZE is never too small. */
	rewind_to_start(d, true);
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
		ended = downgrade_more(d);
		size += d->wire.len;
		buf_reset(&d->wire);
	}
	latin = d->downgrade.other;
	d->downgrading = !d->downgrade.failed;
	d->txn.size = d->downgrading ? size : d->txn.size;
	rewind_to_start(d, latin);
	return d->downgrading;
}
