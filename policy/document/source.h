/* source: finds and reads the files of a policy, and computes their digest. */
#ifndef POLICY_DOCUMENT_SOURCE_H
#define POLICY_DOCUMENT_SOURCE_H

#include "gpugate/policy.h"
#include "policy/document/documents.h"

#define SOURCE_BYTES_MAX ((size_t)1 << 20)
#define SOURCES_BYTES_MAX ((size_t)64 << 20)
#define SOURCES_MAX 10000

/*
 * Finds the files below the paths and reads them into docs->sources, ordered by the bytes of their
 * paths. A file that is found twice is read once. Problems go to the report. The arena owns all
 * memory.
 */
void source_read_paths(const char *const *paths, size_t path_count, struct arena *arena, struct docs *docs,
		       struct report *report);

/* Makes the texts, which are borrowed, the sources. Problems go to the report. */
void source_read_texts(const struct policy_text *texts, size_t count, struct arena *arena, struct docs *docs,
		       struct report *report);

/* Makes `bytes`, which are borrowed, the only source. Problems go to the report. */
void source_read_bytes(const char *name, struct str bytes, struct arena *arena, struct docs *docs,
		       struct report *report);

/* The same without a limit other than that of the arena, which gets 4 bytes for each line. */
void source_read_large(const char *name, struct str bytes, struct arena *arena, struct docs *docs,
		       struct report *report);

/* Computes a digest of the bytes of all files that were read, in their order. */
void docs_digest(const struct docs *docs, struct policy_digest *digest);

#endif
