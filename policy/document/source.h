/*
 * source: the files of a policy: which there are below a path, their bytes, and a digest of these.
 */
#ifndef POLICY_DOCUMENT_SOURCE_H
#define POLICY_DOCUMENT_SOURCE_H

#include "gpugate/policy.h"
#include "policy/document/documents.h"

#define SOURCE_BYTES_MAX ((size_t)1 << 20)
#define SOURCES_BYTES_MAX ((size_t)64 << 20)
#define SOURCES_MAX 10000

/*
 * Finds and reads the files below the paths into docs->sources, in the order of their paths' bytes; a file that is
 * reached twice is read once. Problems go to the report. All memory is the arena's.
 */
void source_read_paths(const char *const *paths, size_t path_count, struct arena *arena, struct docs *docs,
		       struct report *report);

/* Makes `bytes`, borrowed, the only source. Problems go to the report. */
void source_read_bytes(const char *name, struct str bytes, struct arena *arena, struct docs *docs,
		       struct report *report);

/* A digest of the bytes of all files that were read, in their order. */
void docs_digest(const struct docs *docs, struct policy_digest *digest);

#endif
