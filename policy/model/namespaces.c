/* Which namespaces a policy knows by name. */
#include "policy/base/glob.h"
#include "policy/model/snapshot.h"

bool policy_claims_namespace(const struct policy *policy, struct str name)
{
	uint32_t other;
	return snapshot_tenant(policy, name, NULL, &other) != NO_TENANT ||
	       globs_match(&policy->exempt.namespaces, name) || policy_has_namespace(policy, name);
}

void policy_each_namespace(const struct policy *policy, void (*each)(void *context, struct str name), void *context)
{
	const struct index *exact = &policy->tenant_index.namespaces.exact;
	const struct globs *exempt = &policy->exempt.namespaces;
	for (uint32_t i = 0; i < exact->count; i++)
		each(context, exact->entries[i].key);
	for (uint32_t i = 0; i < exempt->count; i++)
		if (glob_is_exact(exempt->items[i]))
			each(context, exempt->items[i]);
	for (uint32_t i = 0; i < policy->namespace_count; i++)
		each(context, policy->namespaces[i].name);
}
