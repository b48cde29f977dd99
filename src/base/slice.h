/* SPDX-License-Identifier: ISC */
/*
 * base/slice.h - borrowed runs of bytes, and the ASCII they are made of.
 *
 * A slice points into somebody else's memory: it is never NUL-ended, never
 * owned, and dies with what it points into.  {NULL, 0} is the empty slice.
 * No locale: the character classes are those of US-ASCII.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A function whose result says whether it worked: it must be looked at. */
#define must_check __attribute__((warn_unused_result))

/* Fails to compile unless cond holds; for relations between constants. */
#define BUILD_ASSERT(cond) _Static_assert(cond, #cond)

/* Elements of a true array. */
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* n bytes at p, borrowed. */
struct slice {
	const char *p; /* may be NULL when n is 0 */
	size_t n;      /* bytes */
};

/* A slice of a string literal, without its NUL. */
#define SLICE(lit) ((struct slice){ (lit), sizeof(lit) - 1 })

/* The n bytes at p. */
static inline struct slice slice_of(const void *p, size_t n)
{
	return (struct slice){ p, n };
}

/* A NUL-ended string as a slice, without the NUL; NULL is the empty slice. */
struct slice slice_str(const char *s);

/* in without its first n bytes (all of them when n is larger). */
struct slice slice_from(struct slice in, size_t n);

/* The first n bytes of in (all of it when n is larger). */
struct slice slice_head(struct slice in, size_t n);

/* Same bytes? */
bool slice_eq(struct slice a, struct slice b);

/* Same bytes, ASCII letters in either case? */
bool slice_ieq(struct slice a, struct slice b);

/* Does in begin with prefix, in the same case (istarts: in either case)? */
bool slice_starts(struct slice in, struct slice prefix);
bool slice_istarts(struct slice in, struct slice prefix);

/* Does in end with suffix, in either case? */
bool slice_iends(struct slice in, struct slice suffix);

/* Offset of the first (last) byte ch, or -1. */
ptrdiff_t slice_find(struct slice in, char ch);
ptrdiff_t slice_rfind(struct slice in, char ch);

/* Does in hold part somewhere?  An empty part is in nothing. */
bool slice_has(struct slice in, struct slice part);

/* Bytes at the front of in that are none of CR, LF and NUL. */
size_t slice_plain(struct slice in);

/* in without blanks (SP, HT, CR, LF) at both ends. */
struct slice slice_trim(struct slice in);

/*
 * Take the bytes before the first sep off the front of *rest (without sep).
 * When there is no sep, takes everything and leaves *rest empty.
 */
struct slice slice_cut(struct slice *rest, char sep);

/*
 * Take the next word, with blanks (as above) around it, off the front of
 * *rest.  Returns: the word;  n 0: there is none
 */
struct slice slice_word(struct slice *rest);

/*
 * Decimal number, digits only, the whole of in.
 * Returns: 0 and *out set;  -EINVAL not a number;  -ERANGE above max
 */
must_check int slice_to_u64(struct slice in, uint64_t max, uint64_t *out);
must_check int slice_to_u32(struct slice in, uint32_t max, uint32_t *out);

/* Little-endian integers of the first 2, 4, 8 bytes at p. */
uint16_t get_u16le(const void *p);
uint32_t get_u32le(const void *p);
uint64_t get_u64le(const void *p);

/* The same, written. */
void put_u16le(void *p, uint16_t v);
void put_u32le(void *p, uint32_t v);
void put_u64le(void *p, uint64_t v);

/* ASCII classes.  char_is_atext is RFC 5322 3.2.3. */
bool char_is_digit(char c);
bool char_is_alpha(char c);
bool char_is_alnum(char c);
bool char_is_blank(char c); /* SP or HT */
bool char_is_space(char c); /* SP HT CR LF */
bool char_is_print(char c); /* 0x20..0x7e */
bool char_is_atext(char c);
char char_lower(char c);

/* Does in hold a byte outside US-ASCII (above 0x7f)? */
bool slice_has_8bit(struct slice in);

/* Does in hold a control byte (below 0x20, or 0x7f)? */
bool slice_has_control(struct slice in);

/*
 * Bytes of the well-formed UTF-8 sequence at the start of in (n > 0), or 0:
 * neither overlong forms nor surrogates nor anything past U+10FFFF (RFC 3629
 * 4).
 */
size_t slice_utf8_len(struct slice in);

/* Is in UTF-8, without the control bytes U+0080 to U+009F? */
bool slice_is_utf8(struct slice in);

#endif
