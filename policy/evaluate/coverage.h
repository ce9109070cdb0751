/* coverage: checks that quotas count everything that a Pod requests. */
#ifndef POLICY_EVALUATE_COVERAGE_H
#define POLICY_EVALUATE_COVERAGE_H

#include "policy/evaluate/evaluation.h"

/*
 * Fills decision->consumer and sets decision->charged. Adds violations about tenants, quotas and
 * models. Returns 0, or -1 if the arena is exhausted.
 */
int charges_check(struct evaluation *e);

#endif
