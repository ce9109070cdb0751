/* diagnostic: findings that point at a location and quote the line there. */
#ifndef POLICY_DOCUMENT_DIAGNOSTIC_H
#define POLICY_DOCUMENT_DIAGNOSTIC_H

#include "policy/document/documents.h"

/* Adds a finding that points at `at`; quotes the line from docs->sources. */
__attribute__((format(printf, 5, 6))) void docs_find(struct report *report, const struct docs *docs,
						     enum severity severity, struct place at, const char *format, ...);

/* The same with a name of its own, which also says its severity; a warning that the report allows is left out. */
__attribute__((format(printf, 5, 6))) void docs_lint(struct report *report, const struct docs *docs, enum lint_id id,
						     struct place at, const char *format, ...);

/* "team.yaml:12", for a message about another place; written to `buffer`. Of a very long path what fits. */
#define WHERE_BYTES 256
const char *docs_where(const struct docs *docs, struct place at, char *buffer, size_t size);

#endif
