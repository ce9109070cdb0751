/* explain_remedies: shared by the files that add remedies to an explanation. */
#ifndef WEBHOOK_SIMULATE_EXPLAIN_REMEDIES_H
#define WEBHOOK_SIMULATE_EXPLAIN_REMEDIES_H

#include "webhook/simulate/explain.h"

/* Appends a remedy of that kind. Returns it, borrowed. */
json_t *remedy_add(json_t *remedies, const char *kind);

/* Finds the quota of the policy that an item of `quotas` is about. Returns whether there is one. */
bool remedy_find_quota(const struct policy *policy, const json_t *item, uint32_t *quota);

/* Sets an amount in the form that messages use. */
void remedy_set_amount(json_t *to, const char *key, wide amount, const struct policy *policy,
		       const struct quota_view *quota);

/* Adds who holds a quota that refuses the Pod, unless waiting for them never helps. */
void explain_holders(const struct explain_refusal *refusal, const json_t *item, json_t *remedies);

/* Adds who in the cohort of an exceeded quota borrows. */
void explain_cohort(const struct explain_refusal *refusal, const json_t *item, json_t *remedies);

/* Add which tenants, or resources, the policy has. */
void explain_tenant_names(const struct explain_refusal *refusal, json_t *remedies);
void explain_resource_names(const struct explain_refusal *refusal, json_t *remedies);

#endif
