/* SPDX-License-Identifier: ISC */
/* fuzz_address.c - what is taken is clean, whole and taken again. */
#include <assert.h>

#include "mail/address.h"
#include "mail/idna.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ascii(const struct address *a)
{
	struct address again;

	assert(!slice_has_8bit(a->whole));
	assert(a->domain.n == 0 || address_is_domain(a->domain));
	assert(address_parse(a->whole, &again) == 0);
}

static void check(const struct address *a)
{
	char space[ADDRESS_MAX_PATH];
	struct buf b = BUF_ON(space);
	struct address again;

	assert(!slice_has_control(a->whole) && slice_is_utf8(a->whole));
	assert(a->local.n <= ADDRESS_MAX_LOCAL);
	assert(a->whole.n + 2 <= ADDRESS_MAX_PATH);
	assert(a->whole.n ==
	       a->local.n + a->domain.n + (a->local.n < a->whole.n));
	assert(address_parse_utf8(a->whole, &again) == 0);
	assert(address_eq(a, &again));
	if (!slice_has_8bit(a->whole))
		check_ascii(a);
	/* as ASCII it is one too, the same where it was */
	if (!idna_put_mailbox(&b, a->whole)) {
		assert(b.len == 0 && slice_has_8bit(a->whole));
		return;
	}
	assert(address_parse(buf_slice(&b), &again) == 0);
	check_ascii(&again);
	assert(slice_eq(a->local, again.local));
	assert(slice_has_8bit(a->whole) || slice_eq(a->whole, again.whole));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	struct address a;

	if (address_parse(in, &a) == 0) {
		check_ascii(&a);
		check(&a);
	}
	if (address_parse_utf8(in, &a) == 0)
		check(&a);
	int used = address_parse_path(in, &a);
	assert(used != 0 && (used < 0 || (size_t)used <= size));
	if (used > 0 && a.whole.n > 0)
		check(&a);
	return 0;
}
