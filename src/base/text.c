/* SPDX-License-Identifier: ISC */
/* base/text.c - see base/text.h. */
#include "base/text.h"

#include <string.h>

const char *text_find(const char *texts, const uint16_t *codes, size_t n,
		      int code)
{
	for (size_t i = 0; i < n; i++) {
		if (codes[i] == code)
			return texts;
		texts += strlen(texts) + 1;
	}
	return NULL;
}
