/* message: the messages for when the ledger cannot decide. */
#include "policy/base/utf8.h"
#include "policy/evaluate/violation.h"
#include "policy/model/snapshot.h"

#define WHY_MAX 900 /* Bytes of the reason, so that the end of the sentence fits. */

int policy_add_busy_violation(const struct policy *policy, struct str why, struct arena *arena,
			      struct decision *decision)
{
	uint32_t own = index_id(&policy->tenant_index.names, decision->tenant);
	enum enforcement enforcement = own == INDEX_NONE ? policy->enforcement : ENFORCEMENT_AUDIT;
	/* Settings have capped the enforcement of each tenant already. */
	for (uint32_t t = own; t != INDEX_NONE && t != NO_TENANT; t = policy->tenants[t].parent)
		if (policy->tenants[t].enforcement < enforcement)
			enforcement = policy->tenants[t].enforcement;
	return decision_add_violation(decision, arena, REASON_BUSY, enforcement, STR("ledger"),
				      "the GPU quota cannot be checked yet: %.*s; retry",
				      STR_ARG(utf8_head(why, WHY_MAX)));
}

static enum enforcement outage_enforcement(const struct policy *policy)
{
	return policy->on_outage > policy->enforcement ? policy->on_outage : policy->enforcement;
}

int policy_add_outage_violation(const struct policy *policy, struct str why, struct arena *arena,
				struct decision *decision)
{
	return decision_add_violation(decision, arena, REASON_OUTAGE, outage_enforcement(policy), STR("ledger"),
				      "the GPU quota check is temporarily unavailable: %.*s; retry",
				      STR_ARG(utf8_head(why, WHY_MAX)));
}

int policy_add_fault_violation(const struct policy *policy, struct str why, struct arena *arena,
			       struct decision *decision)
{
	int result = decision_add_violation(decision, arena, REASON_OUTAGE, outage_enforcement(policy), STR("ledger"),
					    "the GPU quota cannot be checked: %.*s", STR_ARG(why));
	/* It is the last one, unless there are so many that it was left out. */
	uint32_t count = decision->violation_count;
	if (count > 0 && decision->violations[count - 1].reason == REASON_OUTAGE)
		decision->violations[count - 1].stays = true;
	return result;
}
