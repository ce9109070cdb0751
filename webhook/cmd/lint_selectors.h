/* lint_selectors: node selectors that a Pod has, although Rules set them. */
#ifndef WEBHOOK_CMD_LINT_SELECTORS_H
#define WEBHOOK_CMD_LINT_SELECTORS_H

#include "webhook/cmd/lint_find.h"

/*
 * Adds a finding for each label in the nodeSelector of a Pod that Rules would set to the same value
 * if the Pod did not have it. The memory of the trial is used beside that of the outcome. Returns
 * 0, or -1 if it is exhausted.
 */
int lint_selectors(const struct lint_judged *judged);

#endif
