/* coverage: checks that quotas count everything that a Pod or a claim requests. */
#ifndef POLICY_EVALUATE_COVERAGE_H
#define POLICY_EVALUATE_COVERAGE_H

#include "policy/evaluate/evaluation.h"

/*
 * Fills decision->consumer and sets decision->charged. Adds violations about tenants, quotas and
 * models. Returns 0, or -1 if the arena is exhausted.
 */
int charges_check(struct evaluation *e);

/*
 * Does the same for the claim of the review. `unknown`: it may request more than can be read, so
 * that it needs a tenant in any case.
 */
int charges_check_claim(struct evaluation *e, bool unknown);

#endif
