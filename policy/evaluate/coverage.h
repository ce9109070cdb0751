/* coverage: which quotas count a Pod, and what is wrong where none does. */
#ifndef POLICY_EVALUATE_COVERAGE_H
#define POLICY_EVALUATE_COVERAGE_H

#include "policy/evaluate/evaluation.h"

/*
 * Fills decision->holding; adds objections about tenants, quotas and models. Returns -1 when the arena is exhausted.
 */
int charges_check(struct evaluation *e);

#endif
