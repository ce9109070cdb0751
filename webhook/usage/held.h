/* held: what is held of a quota, compared with its limits. Pure. */
#ifndef WEBHOOK_USAGE_HELD_H
#define WEBHOOK_USAGE_HELD_H

#include "gpugate/policy.h"
#include "gpugate/quantity.h"
#include "gpugate/quota.h"

/* What is used and pending together; it never overflows. */
wide held_total(const struct held *held);

/*
 * Whether more of a quota is held than its limits allow. If a cohort as a whole holds too much,
 * this is true only for those of its quotas that exceed their own limit. `held` has
 * policy_quota_count() rows.
 */
bool quota_is_exceeded(const struct policy *policy, uint32_t quota, const struct held *held);

#endif
