/* Charges: what a Pod costs in each quota on its tenant's path, as exact integers. */
#include "policy/companions.h"
#include "policy/evaluate.h"

static bool model_listed(const struct policy *policy, const struct holding *holding, uint32_t model)
{
	for (uint32_t i = 0; i < holding->model_count; i++)
		if (str_eq(holding->models[i], policy->models[model].name))
			return true;
	return false;
}

/*
 * What one unit of the resource costs in the quota: the largest over the models that the Pod could land on and that the
 * quota counts. Returns false when the quota does not count it; `*each` is MEMORY_UNKNOWN when it cannot be measured.
 */
static bool unit_cost(const struct policy *policy, const struct holding *holding, const struct quota *quota,
		      struct str name, wide *each)
{
	if (!quota_counts_resource(quota, name))
		return false;
	const struct resource *resource = snapshot_resource(policy, name);
	if (!resource)
		return companions_cost(policy, quota, name, each);
	bool any_listed = false, counted = false;
	for (uint32_t i = 0; i < resource->landing_count; i++)
		any_listed |= model_listed(policy, holding, resource->landings[i].model);
	*each = 0;
	for (uint32_t i = 0; i < resource->landing_count; i++) {
		const struct landing *landing = &resource->landings[i];
		/* Models that this policy does not know any more say nothing: then any could be meant. */
		if ((any_listed && !model_listed(policy, holding, landing->model)) ||
		    !quota_counts_model(quota, landing->model))
			continue;
		wide cost = quota->measure == MEASURE_COUNT  ? policy->unit
			    : quota->measure == MEASURE_GPUS ? landing->gpus
							     : landing->memory;
		if (!counted || cost == MEMORY_UNKNOWN || (*each != MEMORY_UNKNOWN && cost > *each))
			*each = cost;
		counted = true;
	}
	return counted;
}

uint32_t policy_charge_max(const struct policy *policy)
{
	return policy->path_quota_max;
}

int policy_charge(const struct policy *policy, const struct holding *holding, const struct pairs *labels,
		  struct charge *charges)
{
	if (globs_match(&policy->exempt.namespaces, holding->namespace))
		return 0;
	uint32_t other, count = 0, tenant = snapshot_tenant(policy, holding->namespace, labels, &other);
	if (tenant == NO_TENANT || other != NO_TENANT)
		return 0;
	const struct tenant *t = &policy->tenants[tenant];
	for (uint32_t q = 0; q < t->quota_count; q++) {
		const struct quota *quota = &policy->quotas[t->quotas[q]];
		wide sum = 0;
		for (uint32_t d = 0; d < holding->demand_count; d++) {
			wide each, part;
			if (!unit_cost(policy, holding, quota, holding->demands[d].resource, &each) ||
			    each == MEMORY_UNKNOWN)
				continue;
			if (__builtin_mul_overflow(each, (wide)companions_count(policy, &holding->demands[d]), &part) ||
			    __builtin_add_overflow(sum, part, &sum))
				return -1;
		}
		if (sum > 0)
			charges[count++] = (struct charge){t->quotas[q], sum};
	}
	return (int)count;
}

/* The models that the Pod could land on for some resource it asks; refuses a resource for which there is none. */
static int find_models(struct evaluation *e, struct holding *holding)
{
	const struct policy *policy = e->policy;
	struct str *models = arena_zalloc(e->arena, policy->model_count, sizeof *models);
	if (!models)
		return -1;
	holding->model_count = policy_models(policy, e->pod, NULL, models);
	holding->models = models;
	for (uint32_t d = 0; d < holding->demand_count; d++) {
		const struct resource *resource = snapshot_resource(policy, holding->demands[d].resource);
		uint32_t nearest = NO_MODEL, least = UINT32_MAX, against;
		for (uint32_t i = 0; resource && i < resource->landing_count && least > 0; i++) {
			model_fits(&policy->models[resource->landings[i].model], e->pod, &against);
			if (against < least) {
				least = against;
				nearest = resource->landings[i].model;
			}
		}
		if (!resource || least == 0)
			continue;
		if (decision_object(e->decision, e->arena, REASON_NO_MODEL, policy->enforcement,
				    policy->models[nearest].name,
				    "no Accelerator of the policy has %.*s on nodes that the Pod's nodeSelector and "
				    "node affinity allow; "
				    "the nearest is \"%.*s\"",
				    STR_ARG(resource->name), STR_ARG(policy->models[nearest].name)) < 0)
			return -1;
	}
	return 0;
}

/* Every resource must be counted by some quota on the path, and measurable by those that measure memory. */
static int check_coverage(struct evaluation *e, const struct holding *holding)
{
	const struct policy *policy = e->policy;
	const struct tenant *t = &policy->tenants[e->tenant];
	for (uint32_t d = 0; d < holding->demand_count; d++) {
		struct str name = holding->demands[d].resource;
		bool covered = false;
		for (uint32_t q = 0; q < t->quota_count; q++) {
			const struct quota *quota = &policy->quotas[t->quotas[q]];
			wide each;
			if (!unit_cost(policy, holding, quota, name, &each))
				continue;
			covered = true;
			if (each == MEMORY_UNKNOWN && !quota->unlimited &&
			    decision_object(e->decision, e->arena, REASON_NO_MODEL, policy->enforcement, quota->name,
					    "quota \"%.*s\" of tenant \"%.*s\" measures memory, but no Accelerator of "
					    "the policy says how "
					    "much %.*s has; ask the platform team to add one",
					    STR_ARG(quota->name), STR_ARG(policy->tenants[quota->tenant].name),
					    STR_ARG(name)) < 0)
				return -1;
		}
		enum enforcement enforcement = policy->uncovered > t->enforcement ? policy->uncovered : t->enforcement;
		if (!covered &&
		    decision_object(e->decision, e->arena, REASON_UNCOVERED, enforcement,
				    snapshot_resource(policy, name) ? name : STR(""),
				    "no GPU quota of tenant \"%.*s\" covers %.*s%s; ask for one of the resources that "
				    "its quotas name, or "
				    "ask the platform team for a quota",
				    STR_ARG(t->name), STR_ARG(name),
				    holding->model_count ? " on the nodes where the Pod could run" : "") < 0)
			return -1;
	}
	return 0;
}

static int check_tenancy(struct evaluation *e)
{
	const struct policy *policy = e->policy;
	if (e->tenant == NO_TENANT) {
		enum enforcement enforcement =
		    policy->untenanted > policy->enforcement ? policy->untenanted : policy->enforcement;
		return decision_object(
		    e->decision, e->arena, REASON_UNTENANTED, enforcement, STR(""),
		    "namespace \"%.*s\" belongs to no tenant of the GPU policy, so it has no accelerators; use a "
		    "namespace of a tenant, or ask the platform team to add this one",
		    STR_ARG(e->namespace));
	}
	if (e->other_tenant == NO_TENANT)
		return 0;
	return decision_object(
	    e->decision, e->arena, REASON_AMBIGUOUS, policy->enforcement, STR(""),
	    "namespace \"%.*s\" is claimed by two tenants of the GPU policy, \"%.*s\" and \"%.*s\"; ask the "
	    "platform team to give it to one",
	    STR_ARG(e->namespace), STR_ARG(policy->tenants[e->tenant].name),
	    STR_ARG(policy->tenants[e->other_tenant].name));
}

int charges_check(struct evaluation *e)
{
	struct holding *holding = &e->decision->holding;
	const struct draft *draft = &e->draft;
	struct demand *demands = arena_zalloc(e->arena, draft->name_count + COMPANIONS_MAX, sizeof *demands);
	if (!demands)
		return -1;
	for (uint32_t n = 0; n < draft->name_count; n++)
		if (draft->effective[n] > 0)
			demands[holding->demand_count++] = (struct demand){draft->names[n], draft->effective[n]};
	if (companions_add(e, demands, &holding->demand_count) < 0)
		return -1;
	if (holding->demand_count == 0)
		return 0;
	holding->demands = demands;
	holding->uid = e->pod->uid;
	holding->namespace = e->namespace;
	holding->name = e->pod->name;
	if (check_tenancy(e) < 0)
		return -1;
	if (e->tenant == NO_TENANT || e->other_tenant != NO_TENANT)
		return 0;
	if (find_models(e, holding) < 0 || check_coverage(e, holding) < 0)
		return -1;
	e->decision->charged = !e->decision->denied;
	return 0;
}
