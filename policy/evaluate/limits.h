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
 * Compares what would be held with the quota's limits. `held` is by quota of the policy; the quota
 * must not be unlimited.
 */
struct judgment limits_judge(const struct policy *policy, const struct charge *charge, const struct held *held);

/*
 * Whether a judgment that is above a limit refuses the Pod: its tenant enforces it, or the sum is
 * one that no integer holds, which cannot be booked even if the tenant allows it.
 */
bool limits_refuse(const struct policy *policy, const struct judgment *judgment);

#endif
