/*
 * companions: counts resources that no Accelerator has. They are accelerators by the catalog alone,
 * or other resources (companions, network devices) that a quota names.
 */
#ifndef POLICY_EVALUATE_COMPANIONS_H
#define POLICY_EVALUATE_COMPANIONS_H

#include "gpugate/consumer.h"
#include "policy/evaluate/evaluation.h"

/*
 * Computes what one unit of a resource that no Accelerator has costs in a quota whose `resources`
 * match it. Returns false if the quota does not count it. Sets `*each` to MEMORY_UNKNOWN if the
 * cost cannot be measured.
 */
bool companions_cost(const struct policy *policy, const struct quota *quota, struct str name, wide *each);

/*
 * Returns the number of units to charge for a request. An accelerator is limited to
 * RESOURCE_REQUEST_MAX, wherever the request comes from, such as the text of the ledger.
 */
int64_t companions_count(const struct policy *policy, const struct resource_request *resource_request);

/*
 * Whether some quota on the path of a tenant names a resource that is not an accelerator, and thus
 * counts it.
 */
bool companions_is_named(const struct policy *policy, const struct tenant *tenant, struct str name);

/*
 * Appends the demands of the Pod for resources that are not accelerators and that some quota on the
 * path of its tenant names. The array must have room for `*count + COMPANIONS_MAX`. More than
 * COMPANIONS_MAX such resources cause a violation. Returns 0, or -1 if the arena is exhausted.
 */
#define COMPANIONS_MAX 64
int companions_add(struct evaluation *e, struct resource_request *requests, uint32_t *count);

#endif
