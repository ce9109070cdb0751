/*
 * output_sarif: the findings of a report as SARIF 2.1.0, the format of code scanning services
 * (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html). One run, with a rule for every
 * id of gpugate/lint_id.h and lint_invalid_policy for the others.
 */
#ifndef WEBHOOK_CLI_OUTPUT_SARIF_H
#define WEBHOOK_CLI_OUTPUT_SARIF_H

#include "gpugate/report.h"

/*
 * Appends the report. `directory` is the working directory, an absolute path; files below it are
 * named relative to it. `status` is the exit status of the command. Thread-safe for different
 * reports.
 */
void output_sarif(const struct report *report, struct str directory, int status, struct buf *out);

#endif
