/*
 * companions: what is counted although no Accelerator has it: names that are accelerators by the catalog alone, and
 * what is none (companions, network devices and the like) where a quota names it.
 */
#ifndef POLICY_EVALUATE_COMPANIONS_H
#define POLICY_EVALUATE_COMPANIONS_H

#include "gpugate/holding.h"
#include "policy/evaluate/evaluation.h"

/*
 * What one unit of a resource costs in a quota whose `resources` it matches, when no Accelerator of the policy has it.
 * Returns false when the quota does not count it; `*each` is MEMORY_UNKNOWN when it cannot be measured.
 */
bool companions_cost(const struct policy *policy, const struct quota *quota, struct str name, wide *each);

/* What a demand adds up to: at most DEMAND_MAX of an accelerator, whoever wrote the demand, and COMPANION_MAX of
 * anything else. */
int64_t companions_count(const struct policy *policy, const struct demand *demand);

/*
 * Appends what the Pod asks for of resources that are no accelerators and that some quota on its tenant's path names,
 * to an array that has room for `*count + COMPANIONS_MAX`. More different ones than that are an objection. Returns -1
 * when the arena is exhausted.
 */
#define COMPANIONS_MAX 64
int companions_add(struct evaluation *e, struct demand *demands, uint32_t *count);

#endif
