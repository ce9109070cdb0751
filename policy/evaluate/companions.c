#include "policy/evaluate/companions.h"

#include "policy/base/show.h"
#include "policy/evaluate/violation.h"
#include "policy/model/class_part.h"

/*
 * Returns the cost of one unit of an accelerator that no Accelerator has, in the measure `gpus`: a
 * whole GPU, or for a MIG slice its largest fraction on any built-in model.
 */
static wide unknown_gpus(const struct policy *policy, struct str resource)
{
	int64_t numerator, denominator;
	if (catalog_mig_weight(resource, &numerator, &denominator))
		return (wide)policy->unit / denominator * numerator;
	return policy->unit;
}

/* Whether the quota names the resource, or the device class as which it counts. */
static bool is_named_by(const struct policy *policy, const struct quota *quota, struct str name)
{
	struct str class = snapshot_class(policy, name);
	return quota_names_resource(quota, name) || (str_present(class) && quota_names_resource(quota, class));
}

bool companions_cost(const struct policy *policy, const struct quota *quota, struct str name, wide *each)
{
	*each = policy->unit;
	/* A view of the cluster keeps every extended resource, so this may be of any role. */
	if (role_needs_name(snapshot_role(policy, name)))
		return is_named_by(policy, quota, name);
	if (quota->measure != MEASURE_COUNT)
		*each = quota->measure == MEASURE_GPUS ? unknown_gpus(policy, name) : MEMORY_UNKNOWN;
	return quota->models == NULL;
}

int64_t companions_count(const struct policy *policy, const struct resource_request *resource_request)
{
	if (resource_request->count <= RESOURCE_REQUEST_MAX)
		return resource_request->count;
	return snapshot_is_accelerator(policy, resource_request->resource) ? RESOURCE_REQUEST_MAX
									   : resource_request->count;
}

bool companions_is_named(const struct policy *policy, const struct tenant *tenant, struct str name)
{
	for (uint32_t q = 0; q < tenant->quota_count; q++)
		if (is_named_by(policy, &policy->quotas[tenant->quotas[q]], name))
			return !snapshot_is_accelerator(policy, name);
	return false;
}

int companions_add(struct evaluation *e, struct resource_request *requests, uint32_t *count)
{
	const struct policy *policy = e->policy;
	if (e->tenant == NO_TENANT || e->other_tenant != NO_TENANT || !policy->tenants[e->tenant].counts_others)
		return 0;
	const struct tenant *tenant = &policy->tenants[e->tenant];
	const struct resource_request *asked;
	uint32_t asked_count, added = 0;
	if (policy_pod_requests(e->pod, e->arena, &asked, &asked_count) < 0)
		return -1;
	for (uint32_t i = 0; i < asked_count; i++) {
		if (!companions_is_named(policy, tenant, asked[i].resource))
			continue;
		if (added == COMPANIONS_MAX)
			return decision_add_violation_about(
			    e->decision, e->arena, REASON_REQUEST, policy->enforcement, STR(""), asked[i].resource,
			    "the Pod requests more than %d different resources that quotas of tenant \"" SHOW
			    "\" name and "
			    "that are not accelerators; request fewer",
			    COMPANIONS_MAX, SHOWN(tenant->name));
		requests[(*count)++] = asked[i];
		added++;
	}
	return 0;
}

bool policy_counts_some(const struct policy *policy, const struct resource_request *requests, uint32_t count)
{
	for (uint32_t d = 0; d < count; d++) {
		struct str name = class_part_whole(requests[d].resource), class = snapshot_class(policy, name);
		if (snapshot_is_accelerator(policy, name) || index_id(&policy->named_resources, name) != INDEX_NONE)
			return true;
		if (str_present(class) && index_id(&policy->named_resources, class) != INDEX_NONE)
			return true;
	}
	return false;
}
