/*
 * str: a borrowed run of bytes. It owns nothing, is not NUL-terminated, and may hold any byte, NUL included.
 * An absent string is {NULL, 0}; an empty one has a non-NULL ptr.
 */
#ifndef GPUGATE_STR_H
#define GPUGATE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "gpugate/hash.h"

struct str {
	const char *ptr;
	size_t len;
};

/* A str over a string literal. */
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})

/* Arguments for printf's "%.*s". */
#define STR_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

static inline struct str str_of(const char *text)
{
	return text ? (struct str){text, strlen(text)} : (struct str){NULL, 0};
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

/* Everything from byte `from` on; empty when the string is shorter. */
static inline struct str str_tail(struct str s, size_t from)
{
	return from <= s.len ? (struct str){s.ptr + from, s.len - from} : (struct str){"", 0};
}

/* Orders by bytes, a prefix before what it begins: total, and the same on every machine. */
static inline int str_cmp(struct str a, struct str b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int order = n ? memcmp(a.ptr, b.ptr, n) : 0;
	if (order != 0)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

/* FNV-1a of 64 bits (draft-eastlake-fnv), its upper half folded in for tables that take the lower bits. No secret: whoever chooses the
 * texts can make them collide, so a table of strangers' texts has to bear that. */
static inline uint64_t str_hash(struct str s)
{
	uint64_t hash = hash_bytes(HASH_BEGIN, s.ptr, s.len);
	return hash ^ hash >> 31;
}

#endif
