/* read: the files of a policy, decoded to documents. */
#ifndef POLICY_DOCUMENT_READ_H
#define POLICY_DOCUMENT_READ_H

#include "policy/document/documents.h"

/*
 * Reads every *.yaml and *.yml below the paths (files or folders; names starting with a dot are skipped, symbolic
 * links are followed) and decodes the documents. Problems go to the report, all of them, and are no reason to stop
 * early; what could be decoded is in `docs`. Documents are in the order of (file path, position in the file), which
 * does not depend on the order the file system lists them in. Returns -1 when the report holds errors.
 */
int docs_read(const char *const *paths, size_t path_count, struct arena *arena, struct docs *docs,
	      struct report *report);

/* Like docs_read for one text, borrowed, that is called `name` in findings; no document at all is fine. */
int docs_read_bytes(const char *name, struct str bytes, struct arena *arena, struct docs *docs, struct report *report);

#endif
