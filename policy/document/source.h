/*
 * source: the files of a policy: which there are below a path, their bytes, and their lines for quoting.
 */
#ifndef POLICY_DOCUMENT_SOURCE_H
#define POLICY_DOCUMENT_SOURCE_H

#include "policy/document/documents.h"

#define SOURCE_BYTES_MAX ((size_t)1 << 20)
#define SOURCES_BYTES_MAX ((size_t)64 << 20)
#define SOURCES_MAX 10000

struct source {
	struct str path;       /* as people would type it */
	struct str bytes;      /* without a byte order mark */
	uint32_t *line_starts; /* byte offset of each line; NULL: the file is not readable as text */
	uint32_t line_count;   /* at least 1 */
	bool usable;           /* UTF-8 without forbidden control characters */
};

/*
 * Finds and reads the files below the paths into docs->sources, in the order of their paths' bytes; a file that is
 * reached twice is read once. Problems go to the report. All memory is the arena's.
 */
void source_read_paths(const char *const *paths, size_t path_count, struct arena *arena, struct docs *docs,
		       struct report *report);

/* Makes `bytes`, borrowed, the only source. Problems go to the report. */
void source_read_bytes(const char *name, struct str bytes, struct arena *arena, struct docs *docs,
		       struct report *report);

/* The line, from 1, without its break; empty when there is none of that number. */
struct str source_line(const struct source *source, uint32_t line);

#endif
