/* SPDX-License-Identifier: ISC */
/* fuzz_base64.c - one text, one form: what decodes encodes to the same. */
#include <assert.h>

#include "base/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char coded[8192], plain[8192];
	struct buf code = BUF_ON(coded), text = BUF_ON(plain);
	struct slice in = slice_head(slice_of(data, size), 4096);

	if (base64_decode(&text, in) == 0) {
		base64_encode(&code, buf_slice(&text));
		assert(slice_eq(buf_slice(&code), in));
	} else {
		assert(text.len == 0);
	}
	buf_reset(&code);
	buf_reset(&text);
	base64_encode(&code, in);
	assert(base64_decode(&text, buf_slice(&code)) == 0);
	assert(slice_eq(buf_slice(&text), in));
	return 0;
}
