/* SPDX-License-Identifier: ISC */
/*
 * base/text.h - a list of texts in one string, each with its NUL: no table of
 * pointers, which weigh as much as the words.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/slice.h"

/*
 * The text in texts that stands where code stands among the n codes.
 * Returns: the text;  NULL: code is none of them
 */
const char *text_find(const char *texts, const uint16_t *codes, size_t n,
		      int code);

#endif
