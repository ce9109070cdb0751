/*
 * str: a borrowed sequence of bytes. It owns nothing, is not NUL-terminated, and may contain any
 * byte, including NUL. An absent string is {NULL, 0}; an empty one has a non-NULL ptr.
 */
#ifndef GPUGATE_STR_H
#define GPUGATE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gpugate/hash.h"

struct str {
	const char *ptr;
	size_t len;
};

/* A str that borrows a string literal. */
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})

/* The same as the initializer of a constant. */
#define STR_INIT(literal)                                                                                              \
	{                                                                                                              \
		(literal), sizeof(literal) - 1                                                                         \
	}

/* The arguments for "%.*s" of printf. */
#define STR_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

static inline struct str str_of(const char *text)
{
	return text ? (struct str){text, strlen(text)} : (struct str){NULL, 0};
}

/*
 * Removes a UTF-8 character that is not complete from the end of a text. snprintf leaves one behind
 * where it cuts a text.
 */
static inline void text_trim(char *text)
{
	size_t len = strlen(text), lead = len;

	while (lead > 0 && len - lead < 3 && ((unsigned char)text[lead - 1] & 0xc0) == 0x80)
		lead--;
	unsigned char first = lead > 0 ? (unsigned char)text[lead - 1] : 0;
	size_t needed = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
	if (len - lead + 1 < needed)
		text[lead - 1] = '\0';
}

static inline bool str_present(struct str s)
{
	return s.ptr != NULL;
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool str_starts(struct str s, struct str prefix)
{
	return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool str_ends(struct str s, struct str suffix)
{
	return s.len >= suffix.len &&
	       (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

static inline bool str_has_char(struct str s, char c)
{
	return s.len > 0 && memchr(s.ptr, c, s.len) != NULL;
}

/* Returns the bytes from offset `from` on, or an empty string if there are none. */
static inline struct str str_tail(struct str s, size_t from)
{
	if (from == 0) /* C adds nothing to a NULL pointer, not even 0. */
		return s;
	return from <= s.len ? (struct str){s.ptr + from, s.len - from} : (struct str){"", 0};
}

/* Returns a copy that ends with a NUL byte, to be freed by the caller, or NULL without memory. */
static inline char *str_dup(struct str s)
{
	char *copy = malloc(s.len + 1);
	if (!copy)
		return NULL;
	if (s.len > 0)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	return copy;
}

/*
 * Compares by bytes; a prefix comes before the strings that begin with it. The order is total and
 * does not depend on the locale.
 */
static inline int str_cmp(struct str a, struct str b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int order = n ? memcmp(a.ptr, b.ptr, n) : 0;
	if (order != 0)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

/*
 * Returns the 64-bit FNV-1a hash (draft-eastlake-fnv), with its upper half folded into the lower
 * one for tables that use the lower bits. It is not keyed: an attacker who chooses the strings can
 * make them collide, so a table of untrusted strings must tolerate collisions.
 */
static inline uint64_t str_hash(struct str s)
{
	uint64_t hash = hash_bytes(HASH_BEGIN, s.ptr, s.len);
	return hash ^ hash >> 31;
}

#endif
