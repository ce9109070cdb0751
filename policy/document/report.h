/*
 * report: how findings are added; gpugate/report.h is what others see of it.
 */
#ifndef POLICY_DOCUMENT_REPORT_H
#define POLICY_DOCUMENT_REPORT_H

#include "gpugate/report.h"

/*
 * Counts a finding and keeps it if there is room, or if it stands before one that is kept (which is then dropped): what
 * is kept does not depend on the order of discovery. Copies `file` and `text`, cleaned of what a terminal would obey.
 * Returns the kept finding, borrowed until the next call, so that the caller can add a quote; NULL if it was only
 * counted. `finding->quote` is not read.
 */
struct finding *report_add(struct report *report, const struct finding *finding);

/* Adds an error about a file or folder as a whole (or, when `file` is empty, about none). */
__attribute__((format(printf, 3, 4))) void report_file(struct report *report, struct str file, const char *format, ...);

/* Adds a finding with a name of its own about a file as a whole, see docs_lint. */
__attribute__((format(printf, 4, 5))) void report_lint(struct report *report, struct str file, enum lint_id id,
						       const char *format, ...);

/* Notes a file that is not read for its name. */
void report_ignored(struct report *report, struct str file);

/*
 * Copies text to the report's arena, each character that a terminal would obey or hide (control characters but for tab,
 * marks of writing direction, bytes that are not UTF-8) replaced by U+FFFD: one for one, so that columns stay true.
 */
struct str report_clean(struct report *report, struct str text, bool keep_tabs);

#endif
