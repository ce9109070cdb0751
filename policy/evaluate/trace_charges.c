/* Sends what a consumer costs, by resource and by quota, to a trace. */
#include "gpugate/trace.h"

#include "policy/evaluate/charge.h"
#include "policy/evaluate/companions.h"
#include "policy/evaluate/limits.h"
#include "policy/model/class_part.h"
#include "policy/model/slices.h"

struct charging {
	const struct policy *policy;
	const struct tenant *tenant;
	const struct consumer *consumer;
	struct arena *arena;
	const struct trace *trace;
};

static void send(const struct charging *c, const struct trace_event *event)
{
	c->trace->event(c->trace->context, event);
}

static enum trace_models why_models(const struct charging *c, const struct resource *resource,
				    const struct scope *scope)
{
	if (!resource)
		return MODELS_NONE;
	if (scope->names.count == 0)
		return MODELS_ANY;
	return scope->names.items == c->consumer->node_models ? MODELS_NODE : MODELS_PLACEMENT;
}

/* Returns the models of a resource that are in the scope; none if memory is exhausted. */
static struct strs scope_names(const struct charging *c, const struct resource *resource, const struct scope *scope)
{
	uint32_t count = 0, size = resource ? resource->landing_count : 0;
	struct str *names = arena_alloc(c->arena, size * sizeof *names);
	for (uint32_t l = 0; names && l < size; l++)
		if (scope_has(c->policy, scope, &resource->landings[l]))
			names[count++] = c->policy->models[resource->landings[l].model].name;
	return (struct strs){names, count};
}

/* Returns the first model that costs as much as is charged. */
static const struct model *dearest(const struct charging *c, const struct quota *quota, const struct resource *resource,
				   const struct scope *scope, int64_t memory, wide each)
{
	bool anywhere = scope->unknown && !quota->models;
	for (uint32_t l = 0; resource && l < resource->landing_count; l++) {
		const struct landing *landing = &resource->landings[l];
		if ((anywhere || (scope_has(c->policy, scope, landing) && quota_counts_model(quota, landing->model))) &&
		    charge_landing(c->policy, quota, landing, memory) == each)
			return &c->policy->models[landing->model];
	}
	return NULL;
}

static void send_cost(const struct charging *c, uint32_t q, const struct resource_request *resource_request,
		      const struct resource *resource, const struct scope *scope)
{
	const struct quota *quota = &c->policy->quotas[q];
	struct trace_event event = {.kind = TRACE_COST, .at = snapshot_location(c->policy, quota->at)};
	struct trace_cost *cost = &event.cost;
	*cost = (struct trace_cost){
	    .quota = q, .resource = resource_request->resource, .count = companions_count(c->policy, resource_request)};
	if (!charge_unit(c->policy, quota, resource_request->resource, resource, scope, &cost->each))
		return;
	const struct model *model = dearest(c, quota, resource, scope, class_part_memory(cost->resource), cost->each);
	if (model) {
		cost->model = model->name;
		cost->model_at = snapshot_location(c->policy, model->at);
	}
	cost->unmeasured = cost->each == MEMORY_UNKNOWN;
	if (cost->unmeasured)
		cost->each = 0;
	if (__builtin_mul_overflow(cost->each, (wide)cost->count, &cost->amount))
		cost->amount = AMOUNT_MAX;
	send(c, &event);
}

static void send_resource(const struct charging *c, const struct resource_request *resource_request)
{
	const struct resource *resource = snapshot_resource(c->policy, resource_request->resource);
	struct scope scope = charge_scope(c->policy, c->tenant, c->consumer, resource_request->resource, resource);
	struct trace_event event = {
	    .kind = TRACE_RESOURCE,
	    .resource = {.resource = resource_request->resource,
			 .count = companions_count(c->policy, resource_request),
			 .alternative = resource_request->alternative,
			 .why = why_models(c, resource, &scope),
			 .models = scope_names(c, resource, &scope),
			 .unknown = scope.unknown,
			 .not_offered = slice_is_missing(c->policy, resource_request->resource)}};
	uint64_t work = SLICE_WORK;
	if (event.resource.not_offered)
		event.resource.near = slice_near(c->policy, resource_request->resource, &work);
	send(c, &event);
	for (uint32_t q = 0; q < c->tenant->quota_count; q++)
		send_cost(c, c->tenant->quotas[q], resource_request, resource, &scope);
}

static wide amount_in(const struct charge *charges, uint32_t count, uint32_t quota)
{
	for (uint32_t i = 0; i < count; i++)
		if (charges[i].quota == quota)
			return charges[i].amount;
	return 0;
}

static void send_quota(const struct charging *c, uint32_t q, const struct trace_charges *charges,
		       const struct held *held)
{
	const struct quota *quota = &c->policy->quotas[q];
	struct trace_event event = {.kind = TRACE_QUOTA, .at = snapshot_location(c->policy, quota->at)};
	struct trace_quota *out = &event.quota;
	const struct charge charge = {q, amount_in(charges->whole, charges->whole_count, q)};
	wide requested = amount_in(charges->charges, charges->count, q);
	*out = (struct trace_quota){.quota = q,
				    .counts = charge.amount > 0,
				    .requested = requested,
				    .of_group = charge.amount - requested,
				    .used = held[q].used,
				    .pending = held[q].pending,
				    .projected = amount_sum(amount_sum(held[q].used, held[q].pending), charge.amount)};
	if (!quota->unlimited) {
		struct judgment judgment = limits_judge(c->policy, &charge, held);
		out->limit = amount_sum(quota->hard, quota->borrow);
		out->left = judgment.left;
		/* A quota that charges the Pod nothing cannot refuse it, even if overdrawn. */
		out->above_limit = out->counts && judgment.above_hard;
		out->above_cohort = out->counts && judgment.above_pool;
		out->denies = (out->above_limit || out->above_cohort) && limits_deny(c->policy, &judgment);
	}
	send(c, &event);
}

void policy_trace_charges(const struct policy *policy, const struct consumer *consumer, const struct pairs *labels,
			  const struct trace_charges *charges, const struct held *held, struct arena *arena,
			  const struct trace *trace)
{
	uint32_t other, tenant = snapshot_tenant(policy, consumer->namespace, labels, &other);
	if (globs_match(&policy->exempt.namespaces, consumer->namespace) || tenant == NO_TENANT || other != NO_TENANT)
		return;
	const struct charging c = {policy, &policy->tenants[tenant], consumer, arena, trace};
	for (uint32_t d = 0; d < consumer->request_count; d++)
		send_resource(&c, &consumer->requests[d]);
	for (uint32_t i = 0; i < c.tenant->quota_count; i++)
		send_quota(&c, c.tenant->quotas[i], charges, held);
}
