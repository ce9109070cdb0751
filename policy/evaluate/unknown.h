/* unknown: applies Settings.unknownResources. */
#ifndef POLICY_EVALUATE_UNKNOWN_H
#define POLICY_EVALUATE_UNKNOWN_H

#include "policy/evaluate/evaluation.h"

/*
 * Adds a violation if the Pod requests resources that neither the policy nor the catalog knows.
 * Returns 0, or -1 if the arena is exhausted.
 */
int unknown_check(struct evaluation *e);

#endif
