/* shares: how many shares of a device one container may have. */
#include "gpugate/policy.h"
#include "policy/model/snapshot.h"

int64_t policy_share_limit(const struct policy *policy, struct str name)
{
	const struct resource *resource = snapshot_resource(policy, name);
	int64_t limit = 0;
	if (!resource || !str_eq(resource->name, name))
		return 0;
	for (uint32_t l = 0; l < resource->landing_count; l++) {
		const struct landing *landing = &resource->landings[l];
		if (!landing->shared)
			return 0;
		if (landing->max_per_container > limit)
			limit = landing->max_per_container;
	}
	return limit;
}
