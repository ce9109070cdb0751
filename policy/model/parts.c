/* parts: lists the Rules, tenants, quotas and exemptions of a compiled policy. */
#include "gpugate/trace.h"
#include "policy/model/snapshot.h"

struct visit {
	const struct policy *policy;
	void (*each)(void *context, const struct policy_part *part);
	void *context;
};

static void visit_part(const struct visit *visit, struct policy_part part, struct document_ref at)
{
	part.at = snapshot_location(visit->policy, at);
	if (part.at.line)
		visit->each(visit->context, &part);
}

static void visit_exempt(const struct visit *visit, const struct exempt *exempt, struct str guard,
			 struct document_ref at)
{
	const struct globs *const lists[] = {[EXEMPT_BY_NAMESPACE] = &exempt->namespaces,
					     [EXEMPT_BY_USER] = &exempt->users,
					     [EXEMPT_BY_GROUP] = &exempt->groups};
	for (size_t by = exempt->namespaces_default ? EXEMPT_BY_NAMESPACE + 1 : 0; by < sizeof lists / sizeof lists[0];
	     by++)
		for (uint32_t i = 0; i < lists[by]->count; i++)
			visit_part(
			    visit,
			    (struct policy_part){
				.kind = PART_EXEMPTION, .owner = guard, .name = lists[by]->items[i], .by = (uint8_t)by},
			    at);
}

void policy_each_part(const struct policy *policy, void (*each)(void *context, const struct policy_part *part),
		      void *context)
{
	const struct visit visit = {policy, each, context};
	visit_exempt(&visit, &policy->exempt, (struct str){NULL, 0}, policy->settings_at);
	for (uint32_t i = 0; i < policy->tenant_count; i++)
		visit_part(&visit, (struct policy_part){.kind = PART_TENANT, .name = policy->tenants[i].name},
			   policy->tenants[i].at);
	for (uint32_t i = 0; i < policy->quota_count; i++)
		visit_part(&visit,
			   (struct policy_part){.kind = PART_QUOTA,
						.owner = policy->tenants[policy->quotas[i].tenant].name,
						.name = policy->quotas[i].name},
			   policy->quotas[i].at);
	for (uint32_t i = 0; i < policy->rule_count; i++)
		visit_part(&visit, (struct policy_part){.kind = PART_RULE, .name = policy->rules[i].name},
			   policy->rules[i].at);
	for (uint32_t i = 0; i < policy->guard_count; i++) {
		const struct guard *guard = &policy->guards[i];
		for (size_t part = 0; part < GUARD_PARTS; part++)
			visit_part(&visit,
				   (struct policy_part){.kind = PART_GUARD,
							.owner = guard->name,
							.name = snapshot_guard_part(policy, (enum guard_kind)part)},
				   guard->parts_at[part]);
		visit_exempt(&visit, &guard->exempt, guard->name, guard->at);
	}
}
