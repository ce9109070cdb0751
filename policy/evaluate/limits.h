/* limits: one charge of a Pod against the limits of its quota. */
#ifndef POLICY_EVALUATE_LIMITS_H
#define POLICY_EVALUATE_LIMITS_H

#include "gpugate/quota.h"
#include "policy/model/snapshot.h"

struct judgment {
	const struct quota *quota;
	wide then; /* What would be held. */
	wide left; /* What still fits below all limits of the quota, without the charge. */
	bool above_hard, above_pool;
};

/*
 * Compares what would be held with the limits of the quota, which must not be unlimited. `held` is
 * indexed by quota of the policy.
 */
struct judgment limits_judge(const struct policy *policy, const struct charge *charge, const struct held *held);

/*
 * Whether a judgment that is above a limit refuses the Pod: because its tenant enforces the limit,
 * or because the sum overflows an integer and cannot be booked even if the tenant allows it.
 */
bool limits_deny(const struct policy *policy, const struct judgment *judgment);

#endif
