/* SPDX-License-Identifier: ISC */
/* fuzz_addrlist.c - lists end, and what they give is a clean mailbox. */
#include <assert.h>

#include "mail/addrlist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct addrlist l, single;
	struct addrlist_entry e, again;
	size_t left = size + 1;
	int ret;

	addrlist_start(&l, slice_of(data, size));
	while ((ret = addrlist_next(&l, &e)) != 0) {
		struct slice text = slice_str(e.addr);
		struct address a;

		/* each call takes something */
		assert(l.rest.n < left);
		left = l.rest.n;
		if (ret < 0)
			continue;
		assert(address_parse_utf8(text, &a) == 0);
		assert(a.whole.n == text.n);
		assert(e.name.n <= size);
		/* alone it is read as the same */
		addrlist_start(&single, text);
		assert(addrlist_next(&single, &again) == 1);
		assert(slice_eq(text, slice_str(again.addr)));
		assert(addrlist_next(&single, &again) == 0);
	}
	return 0;
}
