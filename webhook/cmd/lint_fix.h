/* lint_fix: changes files as the remedies of findings say. */
#ifndef WEBHOOK_CMD_LINT_FIX_H
#define WEBHOOK_CMD_LINT_FIX_H

#include "gpugate/error.h"
#include "gpugate/report.h"

/*
 * Applies the remedies that the report kept. A file is replaced at once by a new one with the same
 * mode, and a symbolic link stays. A file that has other bytes than when it was read is left as it
 * is. Adds the number of changes to `*fixed`. Returns how many were made, or -1 with an error.
 */
int lint_fix(const struct report *report, unsigned *fixed, struct error *err);

#endif
