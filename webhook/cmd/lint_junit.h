/* lint_junit: the findings of `gpugate lint` as cases of JUnit XML. */
#ifndef WEBHOOK_CMD_LINT_JUNIT_H
#define WEBHOOK_CMD_LINT_JUNIT_H

#include "webhook/cmd/lint_output.h"

/*
 * Appends a case for each finding, whose name is the place and the sentence. Warnings fail with
 * --strict only. Without findings there is one case that has passed, because CI systems take an
 * empty report for a mistake. `directory` is as for output_sarif.
 */
void lint_junit(const struct lint_result *result, struct str directory, struct buf *out);

#endif
