/* glob: `*` matches any run of bytes, `?` one byte; everything else itself. */
#ifndef POLICY_BASE_GLOB_H
#define POLICY_BASE_GLOB_H

#include "gpugate/str.h"

/* Linear in practice and never worse than pattern * text; both are bounded by Kubernetes' name lengths or the caller. */
bool glob_match(struct str pattern, struct str text);

/* Whether some text matches both patterns. Two that are longer than GLOB_OVERLAP_MAX are taken to. */
#define GLOB_OVERLAP_MAX 320
bool glob_overlaps(struct str a, struct str b);

/* Bytes before the first wildcard; pattern.len when there is none. */
size_t glob_literal(struct str pattern);

static inline bool glob_is_exact(struct str pattern)
{
	return glob_literal(pattern) == pattern.len;
}

#endif
