/*
 * glob: patterns in which `*` matches any sequence of bytes and `?` matches one byte. Every other
 * byte matches itself. Pure.
 */
#ifndef POLICY_BASE_GLOB_H
#define POLICY_BASE_GLOB_H

#include "gpugate/str.h"

/*
 * The time is linear in practice, and at most the product of both lengths. The name lengths of
 * Kubernetes, or the caller, bound these.
 */
bool glob_match(struct str pattern, struct str text);

/*
 * Whether some text matches both patterns. Returns true if one of them is longer than
 * GLOB_OVERLAP_MAX bytes.
 */
#define GLOB_OVERLAP_MAX 320
bool glob_overlaps(struct str a, struct str b);

/* Returns the number of bytes before the first wildcard, or pattern.len if there is none. */
size_t glob_literal(struct str pattern);

static inline bool glob_is_exact(struct str pattern)
{
	return glob_literal(pattern) == pattern.len;
}

#endif
