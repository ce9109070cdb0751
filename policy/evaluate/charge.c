/* charge: what a Pod costs in each quota on the path of its tenant, as exact integers. */
#include "policy/evaluate/charge.h"
#include "gpugate/policy.h"

#include "gpugate/policy_enums.h"
#include "gpugate/quota.h"
#include "policy/evaluate/companions.h"
#include "policy/model/class_part.h"

static bool has_name(const struct str *names, uint32_t count, struct str name)
{
	for (uint32_t i = 0; i < count; i++)
		if (str_eq(names[i], name))
			return true;
	return false;
}

struct scope scope_of(const struct policy *policy, const struct resource *resource, const struct str *names,
		      uint32_t count)
{
	bool some = false;
	for (uint32_t i = 0; count && resource && i < resource->landing_count && !some; i++)
		some = has_name(names, count, policy->models[resource->landings[i].model].name);
	bool unknown = has_name(names, count, MODEL_UNKNOWN);
	return (struct scope){.names = some || unknown ? (struct strs){names, count} : (struct strs){NULL, 0},
			      .unknown = unknown};
}

static bool is_among(const struct strs *names, struct str name)
{
	return names->count == 0 || has_name(names->items, names->count, name);
}

bool scope_has(const struct policy *policy, const struct scope *scope, const struct landing *landing)
{
	struct str name = policy->models[landing->model].name;
	return is_among(&scope->names, name) && is_among(&scope->within, name);
}

/* Returns a part of what a whole device costs, which is a multiple of the number of its steps. */
static wide divide(const struct division *division, wide whole, int64_t memory)
{
	if (division->step == 0 || memory <= 0 || whole == MEMORY_UNKNOWN)
		return whole;
	int64_t steps = (memory - 1) / division->step + 1;
	steps = steps < division->least ? division->least : steps;
	return steps < division->steps ? whole / division->steps * steps : whole;
}

wide charge_landing(const struct policy *policy, const struct quota *quota, const struct landing *landing,
		    int64_t memory)
{
	return quota->measure == MEASURE_COUNT
		   ? policy->unit
		   : divide(&landing->division, quota->measure == MEASURE_GPUS ? landing->gpus : landing->memory,
			    memory);
}

/* Returns the larger cost. One that cannot be measured is larger than all others. */
static wide dearer(wide a, wide b)
{
	return a == MEMORY_UNKNOWN || b == MEMORY_UNKNOWN ? MEMORY_UNKNOWN : a > b ? a : b;
}

/*
 * A model that the policy does not know costs as much as the most expensive known one, and no less
 * than a resource that no Accelerator has.
 */
static wide dearest_anywhere(const struct policy *policy, const struct quota *quota, const struct resource *resource)
{
	wide most = 0;
	if (quota->measure != MEASURE_MEMORY)
		companions_cost(policy, quota, resource->name, &most);
	for (uint32_t i = 0; i < resource->landing_count; i++)
		most = dearer(most, charge_landing(policy, quota, &resource->landings[i], 0));
	return most;
}

bool charge_counts(const struct policy *policy, const struct quota *quota, struct str name,
		   const struct resource *resource)
{
	if (quota_counts_resource(quota, name))
		return true;
	if (resource)
		return quota_counts(policy, quota, resource);
	struct str class = snapshot_class(policy, name);
	return str_present(class) && quota_counts_resource(quota, class);
}

bool charge_unit(const struct policy *policy, const struct quota *quota, struct str name,
		 const struct resource *resource, const struct scope *scope, wide *each)
{
	if (!charge_counts(policy, quota, name, resource))
		return false;
	if (!resource)
		return companions_cost(policy, quota, name, each);
	if (scope->unknown && !quota->models) {
		*each = dearest_anywhere(policy, quota, resource);
		return true;
	}
	bool counted = false;
	int64_t memory = class_part_memory(name);
	*each = 0;
	for (uint32_t i = 0; i < resource->landing_count; i++) {
		const struct landing *landing = &resource->landings[i];
		if (!scope_has(policy, scope, landing) || !quota_counts_model(quota, landing->model))
			continue;
		*each = dearer(*each, charge_landing(policy, quota, landing, memory));
		counted = true;
	}
	return counted;
}

uint32_t policy_charge_max(const struct policy *policy)
{
	return policy->path_quota_max;
}

static bool is_counted(const struct policy *policy, const struct tenant *tenant, struct str name,
		       const struct resource *resource, const struct scope *scope)
{
	wide each;
	for (uint32_t q = 0; q < tenant->quota_count; q++)
		if (charge_unit(policy, &policy->quotas[tenant->quotas[q]], name, resource, scope, &each))
			return true;
	return false;
}

/*
 * A bound Pod is charged by the model of its node, unless no quota would count it there: binding a
 * Pod must never make it uncounted. What a claim requires is true of its devices, whatever the
 * label of their node says.
 */
struct scope charge_scope(const struct policy *policy, const struct tenant *tenant, const struct consumer *consumer,
			  struct str name, const struct resource *resource)
{
	struct scope required = scope_of(policy, resource, consumer->models, consumer->model_count);
	if (!resource || !consumer->node_model_count)
		return required;
	struct scope node = scope_of(policy, resource, consumer->node_models, consumer->node_model_count);
	if (consumer->kind == CONSUMER_CLAIM)
		node.within = required.names;
	return node.names.count && is_counted(policy, tenant, name, resource, &node) ? node : required;
}

bool policy_charges_allocation(const struct policy *policy, const struct consumer *consumer)
{
	return consumer->is_allocated && policy->claim_charge == CLAIM_CHARGE_ALLOCATED;
}

const struct resource_request *policy_charged_requests(const struct policy *policy, const struct consumer *consumer,
						       uint32_t *count)
{
	bool allocated = policy_charges_allocation(policy, consumer);
	*count = allocated ? consumer->allocated_count : consumer->request_count;
	return allocated ? consumer->allocated : consumer->requests;
}

/* Who is charged, by which policy. */
struct charged {
	const struct policy *policy;
	const struct tenant *tenant;
	const struct consumer *consumer;
};

/*
 * Computes what a request costs in a quota; 0 if the quota does not count it, or the cost cannot be
 * measured. Returns 0, or -1 if the amount overflows.
 */
static int request_cost(const struct charged *c, const struct resource_request *request,
			const struct resource *resource, const struct scope *scope, uint32_t quota, wide *cost)
{
	wide each;
	*cost = 0;
	if (!charge_unit(c->policy, &c->policy->quotas[quota], request->resource, resource, scope, &each) ||
	    each == MEMORY_UNKNOWN)
		return 0;
	return __builtin_mul_overflow(each, (wide)companions_count(c->policy, request), cost) ? -1 : 0;
}

/*
 * Adds what a request costs to the sums of the quotas of the tenant, which are in the order of its
 * path. Returns 0, or -1 if an amount overflows.
 */
static int add_request(const struct charged *c, const struct resource_request *request, struct charge *sums)
{
	const struct resource *resource = snapshot_resource(c->policy, request->resource);
	struct scope scope = charge_scope(c->policy, c->tenant, c->consumer, request->resource, resource);
	for (uint32_t q = 0; q < c->tenant->quota_count; q++) {
		wide part;
		if (request_cost(c, request, resource, &scope, sums[q].quota, &part) < 0 ||
		    __builtin_add_overflow(sums[q].amount, part, &sums[q].amount))
			return -1;
	}
	return 0;
}

/*
 * Does the same for alternatives, of which each quota is charged the most expensive one: which one
 * the claim gets is not known, and none of the quotas may be exceeded by it.
 */
static int add_alternatives(const struct charged *c, const struct resource_request *requests, uint32_t count,
			    struct charge *sums)
{
	for (uint32_t q = 0; q < c->tenant->quota_count; q++) {
		wide most = 0;
		for (uint32_t i = 0; i < count; i++) {
			struct str name = requests[i].resource;
			const struct resource *resource = snapshot_resource(c->policy, name);
			struct scope scope = charge_scope(c->policy, c->tenant, c->consumer, name, resource);
			wide cost;
			if (request_cost(c, &requests[i], resource, &scope, sums[q].quota, &cost) < 0)
				return -1;
			most = cost > most ? cost : most;
		}
		if (__builtin_add_overflow(sums[q].amount, most, &sums[q].amount))
			return -1;
	}
	return 0;
}

int policy_charge(const struct policy *policy, const struct consumer *consumer, const struct pairs *labels,
		  struct charge *charges)
{
	if (globs_match(&policy->exempt.namespaces, consumer->namespace) ||
	    (consumer->kind == CONSUMER_CLAIM && !policy_counts_claims(policy)))
		return 0;
	uint32_t other, count = 0, index = snapshot_tenant(policy, consumer->namespace, labels, &other);
	if (index == NO_TENANT || other != NO_TENANT)
		return 0;
	const struct tenant *tenant = &policy->tenants[index];
	for (uint32_t q = 0; q < tenant->quota_count; q++)
		charges[q] = (struct charge){tenant->quotas[q], 0};
	struct consumer charged = *consumer;
	charged.requests = policy_charged_requests(policy, consumer, &charged.request_count);
	const struct charged c = {policy, tenant, &charged};
	for (uint32_t d = 0, next; d < charged.request_count; d = next) {
		const struct resource_request *first = &charged.requests[d];
		next = consumer_group_end(&charged, d);
		if (next - d == 1 ? add_request(&c, first, charges) < 0
				  : add_alternatives(&c, first, next - d, charges) < 0)
			return -1;
	}
	for (uint32_t q = 0; q < tenant->quota_count; q++)
		if (charges[q].amount > 0)
			charges[count++] = charges[q];
	return (int)count;
}
