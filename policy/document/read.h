/* read: reads the files of a policy and decodes them into documents. */
#ifndef POLICY_DOCUMENT_READ_H
#define POLICY_DOCUMENT_READ_H

#include "gpugate/policy.h"
#include "policy/document/documents.h"

/*
 * Reads every *.yaml and *.yml file below the paths (see find_files), and decodes the documents.
 * Reports all problems rather than stopping at the first; `docs` contains what could be decoded.
 *
 * Documents are ordered by path and position in the file, so the order does not depend on the file
 * system. Returns -1 if the report contains errors.
 */
int docs_read(const char *const *paths, size_t path_count, struct arena *arena, struct docs *docs,
	      struct report *report);

/* Like docs_read for texts in memory, which are borrowed. */
int docs_read_texts(const struct policy_text *texts, size_t count, struct arena *arena, struct docs *docs,
		    struct report *report);

/*
 * Like docs_read for `bytes`, which are borrowed and called `name` in findings. The bytes may
 * contain no document.
 */
int docs_read_bytes(const char *name, struct str bytes, struct arena *arena, struct docs *docs, struct report *report);

#endif
