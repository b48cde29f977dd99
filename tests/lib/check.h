/* SPDX-License-Identifier: ISC */
/* check.h - cmocka and what all unit tests say with it. */
#ifndef TESTS_LIB_CHECK_H
#define TESTS_LIB_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

/* A string literal, NULs and all, as the initializer of a slice. */
#define LIT(s)                     \
	{                          \
		(s), sizeof(s) - 1 \
	}

/* Fail, with both texts, unless got holds exactly the bytes of want. */
static inline void check_slice(struct slice got, struct slice want,
			       const char *file, int line)
{
	char space[4096];
	struct buf text = BUF_ON(space);

	if (slice_eq(got, want))
		return;
	buf_put_str(&text, "got ");
	buf_put_json(&text, slice_head(got, 600));
	buf_put_str(&text, "\nwant ");
	buf_put_json(&text, slice_head(want, 600));
	print_error("%s:%d: %s\n", file, line, buf_cstr(&text));
	_fail(file, line);
}

#define assert_slice(got, want) check_slice(got, want, __FILE__, __LINE__)
#define assert_text(got, lit) assert_slice(got, slice_of(lit, sizeof(lit) - 1))
#define assert_built(buf, lit) assert_text(buf_slice(buf), lit)

#endif
