/* lint_requests: whether the fleet has what a Pod requests, and of one size only. */
#ifndef WEBHOOK_CMD_LINT_REQUESTS_H
#define WEBHOOK_CMD_LINT_REQUESTS_H

#include "webhook/cmd/lint_find.h"

/*
 * Adds findings about resources that no Accelerator has, about several shares that no Guard
 * refuses, and about slices whose size depends on the node. The memory of the trial is used beside
 * that of the outcome. Returns 0, or -1 if it is exhausted.
 */
int lint_requests(const struct lint_judged *judged);

#endif
