/* report: how the reader and the compiler add findings. gpugate/report.h is the public part. */
#ifndef POLICY_DOCUMENT_REPORT_H
#define POLICY_DOCUMENT_REPORT_H

#include "gpugate/report.h"

/*
 * Counts a finding. Keeps it if there is room, or if it sorts before one that is kept, which is
 * then dropped. So what is kept does not depend on the order of discovery.
 *
 * Copies `file` and `text`, cleaned as by report_clean, and ignores `finding->quote`. Returns the
 * kept finding, borrowed until the next call, so that the caller can add a quote. Returns NULL if
 * the finding was only counted.
 */
struct finding *report_add(struct report *report, const struct finding *finding);

/* Adds an error about a whole file or folder, or about none if `file` is empty. */
__attribute__((format(printf, 3, 4))) void report_file(struct report *report, struct str file, const char *format, ...);

/* Adds a finding that has an id, about a whole file. See docs_lint. */
__attribute__((format(printf, 4, 5))) void report_lint(struct report *report, struct str file, enum lint_id id,
						       const char *format, ...);

/*
 * Whether a finding is left out, because its id is in report->allow, or because a suppression says
 * that it is meant. Counts it then.
 */
bool report_leaves_out(struct report *report, enum lint_id id, struct str file, struct str object);

/* Records a file that is not read because of its name. */
void report_ignored(struct report *report, struct str file);

/* Records a file that is not policy, but a configuration that an Accelerator names. */
void report_config(struct report *report, struct str file);

/*
 * Copies text to the report's arena, cleaned as by plain_copy. Returns an empty string if memory is
 * exhausted.
 */
struct str report_clean(struct report *report, struct str text, bool keep_tabs);

#endif
