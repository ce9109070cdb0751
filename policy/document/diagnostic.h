/* diagnostic: findings that point at a location and quote the line there. */
#ifndef POLICY_DOCUMENT_DIAGNOSTIC_H
#define POLICY_DOCUMENT_DIAGNOSTIC_H

#include "policy/document/documents.h"

/*
 * Adds a finding that points at `at`, and quotes that line from docs->sources. If `at.source` is
 * not an index of a source, the finding names no file.
 */
__attribute__((format(printf, 5, 6))) void docs_report(struct report *report, const struct docs *docs,
						       enum severity severity, struct location at, const char *format,
						       ...);

/*
 * Like docs_report, for a finding that has an id. The id determines the severity. A warning whose
 * id is in report->allow is only counted, and so is a finding that a suppression names.
 */
__attribute__((format(printf, 5, 6))) void docs_lint(struct report *report, const struct docs *docs, enum lint_id id,
						     struct location at, const char *format, ...);

/* Like docs_lint, for a finding about an object whose name suppressions may give. */
__attribute__((format(printf, 6, 7))) void docs_lint_object(struct report *report, const struct docs *docs,
							    enum lint_id id, struct str object, struct location at,
							    const char *format, ...);

/*
 * Gives the last finding that the report kept a remedy: to replace `was`, which begins at `at` or
 * after a quotation mark there, by `text`. Does nothing if the file has another text there, as with
 * an escape, or if the finding is another one than of `id` at `finding`, since it was not kept.
 */
void docs_fix(struct report *report, const struct docs *docs, enum lint_id id, struct location finding,
	      struct location at, struct str was, struct str text);

/*
 * Writes a location to `buffer`, such as "team.yaml:12", for a message about another location.
 * Returns `buffer`. Truncates a path that does not fit.
 */
#define WHERE_BYTES 256
const char *docs_where(const struct docs *docs, struct location at, char *buffer, size_t size);

#endif
