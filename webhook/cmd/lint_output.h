/* lint_output: the forms in which `gpugate lint` prints what it found. */
#ifndef WEBHOOK_CMD_LINT_OUTPUT_H
#define WEBHOOK_CMD_LINT_OUTPUT_H

#include "gpugate/buf.h"
#include "gpugate/manifests.h"
#include "gpugate/policy.h"
#include "gpugate/report.h"
#include "webhook/cmd/lint_fix.h"

struct lint_result {
	const struct report *report;
	const struct manifests *manifests;
	const struct policy *policy;    /* NULL: there are errors, or there is no policy. */
	const struct lint_fixes *fixes; /* Changes that --fix made. */
	bool strict;                    /* Warnings fail. */
	int status;                     /* Exit status of the command. */
};

/* Terminated by NULL. */
extern const char *const lint_output_names[];

/* Appends a line for each change: FILE:LINE:COLUMN: fixed: "v1" is now "v2" [ID]. */
void lint_output_fixes(const struct lint_fixes *fixes, struct buf *out);

/* Appends the result in the form that is `form` in lint_output_names. */
void lint_output(const struct lint_result *result, int form, struct buf *out);

#endif
