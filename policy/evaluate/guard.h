/* guard: evaluates Guards, which deny Pods for reasons other than quotas. */
#ifndef POLICY_EVALUATE_GUARD_H
#define POLICY_EVALUATE_GUARD_H

#include "policy/evaluate/evaluation.h"

/*
 * Adds the violations of all Guards that check this operation. Returns 0, or -1 if the arena is
 * exhausted.
 */
int guards_check(struct evaluation *e);

/* Does the same for a ResourceClaim or ResourceClaimTemplate that is created. */
int guards_check_claim(struct evaluation *e);

#endif
