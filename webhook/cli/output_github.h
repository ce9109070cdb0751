/*
 * output_github: the findings of a report as workflow commands of GitHub Actions, which shows them
 * beside the lines of a change
 * (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands).
 */
#ifndef WEBHOOK_CLI_OUTPUT_GITHUB_H
#define WEBHOOK_CLI_OUTPUT_GITHUB_H

#include "gpugate/report.h"

/*
 * Appends a line for each finding, and one for those that were only counted. `directory` is as for
 * output_sarif. Thread-safe for different reports.
 */
void output_github(const struct report *report, struct str directory, struct buf *out);

#endif
