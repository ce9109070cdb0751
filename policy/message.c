/* Sentences and numbers for people. */
#include "policy/charge.h"
#include "policy/evaluate.h"

/* amount/unit with two decimals, cut and not rounded, without trailing zeros; what is more than 0 never prints as 0. */
static void print_decimal(wide amount, wide unit, struct buf *out)
{
	wide whole = amount / unit;
	int hundredths = (int)((amount % unit) * 100 / unit);
	if (whole > INT64_MAX)
		whole = INT64_MAX;
	if (whole == 0 && hundredths == 0 && amount > 0)
		buf_text(out, "<0.01");
	else
		buf_number(out, (uint64_t)whole);
	if (hundredths == 0)
		return;
	buf_char(out, '.');
	buf_char(out, (char)('0' + hundredths / 10));
	if (hundredths % 10 != 0)
		buf_char(out, (char)('0' + hundredths % 10));
}

void amount_print(wide amount, int64_t unit, enum measure measure, struct buf *out)
{
	static const struct {
		const char *suffix;
		int shift;
	} sizes[] = {{"Gi", 30}, {"Mi", 20}, {"Ki", 10}};
	if (measure != MEASURE_MEMORY || amount == 0) {
		print_decimal(amount, unit, out);
		return;
	}
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		wide size = (wide)unit << sizes[i].shift;
		if (amount < size)
			continue;
		print_decimal(amount, size, out);
		buf_text(out, sizes[i].suffix);
		return;
	}
	print_decimal(amount, unit, out);
}

void policy_tenant(const struct policy *policy, uint32_t index, struct tenant_view *view)
{
	const struct tenant *tenant = &policy->tenants[index];
	*view = (struct tenant_view){.name = tenant->name, .enforcement = tenant->enforcement};
	if (tenant->parent != NO_TENANT)
		view->parent = policy->tenants[tenant->parent].name;
}

uint32_t policy_quota_count(const struct policy *policy)
{
	return policy->quota_count;
}

void policy_quota(const struct policy *policy, uint32_t index, struct quota_view *view)
{
	const struct quota *quota = &policy->quotas[index];
	const struct tenant *tenant = &policy->tenants[quota->tenant];
	*view = (struct quota_view){.tenant = tenant->name,
				    .name = quota->name,
				    .measure = quota->measure,
				    .enforcement = tenant->enforcement,
				    .unlimited = quota->unlimited,
				    .hard = quota->hard,
				    .borrow = quota->borrow,
				    .lend = quota->lend};
	if (quota->pool != NO_POOL)
		view->cohort = policy->pools[quota->pool].cohort;
}

void policy_print_charges(const struct policy *policy, const struct charge *charges, size_t count, struct buf *out)
{
	for (size_t i = 0; i < count; i++) {
		struct quota_view quota;
		policy_quota(policy, charges[i].quota, &quota);
		buf_text(out, i ? ", " : "");
		buf_str(out, quota.tenant);
		buf_char(out, '/');
		buf_str(out, quota.name);
		buf_char(out, '=');
		amount_print(charges[i].amount, policy->unit, quota.measure, out);
	}
}

/* What a Pod could still ask for. */
struct fitting {
	struct str resource; /* absent: nothing */
	struct str model;    /* present: only on the nodes of this one, others cost more */
};

/* The resource, and where it costs more elsewhere the model, that takes the most of what is left in a quota. */
static struct fitting largest_fitting(const struct policy *policy, const struct quota *quota, wide left)
{
	struct fitting best = {{NULL, 0}, {NULL, 0}};
	wide most = 0;
	for (uint32_t r = 0; r < policy->resource_count; r++) {
		const struct resource *resource = &policy->resources[r];
		if (!quota_counts_resource(quota, resource->name))
			continue;
		const struct landing *found = NULL;
		bool elsewhere = false;
		for (uint32_t l = 0; l < resource->landing_count; l++) {
			const struct landing *landing = &resource->landings[l];
			if (!quota_counts_model(quota, landing->model))
				continue;
			wide each = quota->measure == MEASURE_GPUS ? landing->gpus : landing->memory;
			if (each > left) {
				elsewhere = true;
			} else if (each > most) {
				most = each;
				found = landing;
			}
		}
		if (found)
			best = (struct fitting){resource->name,
						elsewhere ? policy->models[found->model].name : (struct str){NULL, 0}};
	}
	return best;
}

static void print_largest(const struct policy *policy, const struct quota *quota, wide left, struct buf *out)
{
	if (left <= 0) {
		buf_text(out, "; nothing more fits now");
		return;
	}
	buf_text(out, "; largest that fits now: ");
	amount_print(left, policy->unit, quota->measure, out);
	if (quota->measure == MEASURE_COUNT)
		return;
	struct fitting fitting = largest_fitting(policy, quota, left);
	if (quota->measure == MEASURE_GPUS)
		buf_text(out, " GPU");
	for (size_t i = 0; i < fitting.resource.len; i++)
		if (fitting.resource.ptr[i] == '/') { /* the vendor's prefix tells nothing new here */
			fitting.resource = str_tail(fitting.resource, i + 1);
			break;
		}
	if (!fitting.resource.len)
		buf_text(out, " (no resource is that small)");
	else if (!fitting.model.len)
		buf_printf(out, " (%.*s)", STR_ARG(fitting.resource));
	else
		buf_printf(out, " (%.*s on %.*s)", STR_ARG(fitting.resource), STR_ARG(fitting.model));
}

static wide held_now(const struct excess *excess)
{
	return amount_sum(excess->used, excess->pending);
}

/* Why a cohort has nothing more for the quota: who holds what, and what can be done. */
static void print_cohort(const struct policy *policy, const struct excess *excess, struct buf *out)
{
	const struct quota *quota = &policy->quotas[excess->quota];
	bool lent = quota->borrow == 0 || amount_sum(held_now(excess), excess->requested) <= quota->hard;
	buf_printf(out, ", but cohort \"%.*s\" has %s", STR_ARG(policy->pools[quota->pool].cohort),
		   lent ? "lent what is missing" : "nothing more to lend");
	uint32_t named = 0;
	for (uint32_t i = 0; i < excess->borrower_count; i++) {
		if (excess->borrowers[i].quota == excess->quota)
			continue;
		const struct quota *other = &policy->quotas[excess->borrowers[i].quota];
		buf_printf(out, "%s tenant \"%.*s\" holds ", named++ ? "," : ":",
			   STR_ARG(policy->tenants[other->tenant].name));
		amount_print(excess->borrowers[i].amount, policy->unit, quota->measure, out);
		buf_text(out, " above its own limit");
	}
	buf_text(out,
		 named ? "; wait until Pods there end, or ask for some back" : "; wait until Pods of the cohort end");
}

/* What a resource costs in a quota, over the models of a scope. */
struct costs {
	const struct landing *dearest; /* that the quota counts; NULL: none */
	const struct landing *cheaper; /* that costs less, or that the quota does not count; NULL: none */
	uint32_t count;                /* of landings in the scope */
};

static struct costs find_costs(const struct policy *policy, const struct quota *quota, const struct resource *resource,
			       const struct scope *scope)
{
	struct costs costs = {0};
	for (uint32_t i = 0; i < resource->landing_count; i++) {
		const struct landing *landing = &resource->landings[i];
		if (!scope_has(policy, scope, landing))
			continue;
		costs.count++;
		const struct landing *other = landing;
		if (quota_counts_model(quota, landing->model) &&
		    (!costs.dearest ||
		     charge_landing(policy, quota, landing) > charge_landing(policy, quota, costs.dearest))) {
			other = costs.dearest;
			costs.dearest = landing;
		}
		if (other && (!quota_counts_model(quota, other->model) ||
			      charge_landing(policy, quota, other) < charge_landing(policy, quota, costs.dearest)))
			costs.cheaper = other;
	}
	return costs;
}

/* As which model the Pod was counted, where it could have been another. */
static void print_counted_as(const struct policy *policy, const struct quota *quota, const struct holding *holding,
			     struct buf *out)
{
	for (uint32_t d = 0; d < holding->demand_count; d++) {
		struct str name = holding->demands[d].resource;
		const struct resource *resource = snapshot_resource(policy, name);
		if (!resource || resource->landing_count < 2 || !charge_counts(quota, name, resource))
			continue;
		struct scope scope = scope_of(policy, resource, holding->models, holding->model_count);
		struct costs costs = find_costs(policy, quota, resource, &scope);
		if (!costs.dearest || (costs.count > 1 && !costs.cheaper))
			continue;
		buf_printf(out, "; counted as \"%.*s\"", STR_ARG(policy->models[costs.dearest->model].name));
		if (costs.count > 1)
			buf_printf(
			    out,
			    ", the most expensive Accelerator on whose nodes the Pod could land; require nodes of "
			    "another one, "
			    "such as \"%.*s\", in its nodeSelector if that is meant",
			    STR_ARG(policy->models[costs.cheaper->model].name));
		return;
	}
}

static int object_one(const struct policy *policy, const struct excess *excess, struct arena *arena,
		      struct decision *decision)
{
	const struct quota *quota = &policy->quotas[excess->quota];
	const struct tenant *tenant = &policy->tenants[quota->tenant];
	wide limit = quota->hard + quota->borrow;
	struct buf text;
	buf_init(&text, 2048);
	buf_printf(&text, "exceeded GPU quota \"%.*s\" of tenant \"%.*s\": requested ", STR_ARG(quota->name),
		   STR_ARG(tenant->name));
	amount_print(excess->requested, policy->unit, quota->measure, &text);
	buf_text(&text, ", used ");
	amount_print(excess->used, policy->unit, quota->measure, &text);
	if (excess->pending > 0) {
		buf_text(&text, " (+");
		amount_print(excess->pending, policy->unit, quota->measure, &text);
		buf_text(&text, " pending)");
	}
	buf_printf(&text, ", limit %.*s", STR_ARG(quota->hard_text));
	if (quota->borrow > 0)
		buf_printf(&text, " + %.*s borrowed", STR_ARG(quota->borrow_text));
	if (excess->kind == EXCESS_COHORT) {
		print_cohort(policy, excess, &text);
	} else {
		buf_text(&text, ", over by ");
		amount_print(amount_sum(held_now(excess), excess->requested) - limit, policy->unit, quota->measure,
			     &text);
	}
	print_largest(policy, quota, excess->left, &text);
	print_counted_as(policy, quota, &decision->holding, &text);
	int result = decision_object(decision, arena, REASON_QUOTA, tenant->enforcement, quota->name, "%.*s",
				     STR_ARG(buf_view(&text)));
	buf_release(&text);
	return result;
}

/* Whether a cohort leaves no less than the quota's own limit, which the sentence before was about. */
static bool is_said(const struct policy *policy, const struct excess *before, const struct excess *excess)
{
	const struct quota *quota = &policy->quotas[excess->quota];
	wide own = quota->hard + quota->borrow - held_now(excess);
	return excess->kind == EXCESS_COHORT && before->quota == excess->quota && excess->left == (own > 0 ? own : 0);
}

int policy_object_excess(const struct policy *policy, const struct excess *excess, size_t count, struct arena *arena,
			 struct decision *decision)
{
	for (size_t i = 0; i < count; i++)
		if (!(i > 0 && is_said(policy, &excess[i - 1], &excess[i])) &&
		    object_one(policy, &excess[i], arena, decision) < 0)
			return -1;
	return 0;
}

int policy_object_busy(const struct policy *policy, struct str why, struct arena *arena, struct decision *decision)
{
	uint32_t own = index_id(&policy->tenant_index.names, decision->tenant);
	enum enforcement enforcement = own == INDEX_NONE ? policy->enforcement : ENFORCEMENT_AUDIT;
	for (uint32_t t = own; t != INDEX_NONE && t != NO_TENANT; t = policy->tenants[t].parent)
		if (policy->tenants[t].enforcement < enforcement) /* capped by Settings already */
			enforcement = policy->tenants[t].enforcement;
	return decision_object(decision, arena, REASON_BUSY, enforcement, STR("ledger"),
			       "the GPU quota cannot be decided yet: %.*s; try again in a moment", STR_ARG(why));
}

int policy_object_outage(const struct policy *policy, struct str why, struct arena *arena, struct decision *decision)
{
	enum enforcement enforcement =
	    policy->on_outage > policy->enforcement ? policy->on_outage : policy->enforcement;
	return decision_object(decision, arena, REASON_OUTAGE, enforcement, STR("ledger"),
			       "the GPU quota cannot be decided now: %.*s; try again in a moment", STR_ARG(why));
}
