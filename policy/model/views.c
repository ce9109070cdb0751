/* views: describes the tenants and quotas of a compiled policy, and prints amounts for users. */
#include "gpugate/buf.h"
#include "gpugate/quota.h"
#include "policy/model/snapshot.h"

/*
 * Prints amount/unit, truncated to two decimals, without trailing zeros. A positive amount never
 * prints as 0.
 */
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

/* What an amount is printed in; the suffix is empty unless it is a size. */
static wide find_size(wide amount, int64_t unit, enum measure measure, const char **suffix)
{
	static const struct {
		const char *suffix;
		int shift;
	} sizes[] = {{"Gi", 30}, {"Mi", 20}, {"Ki", 10}};
	*suffix = "";
	for (size_t i = 0; measure == MEASURE_MEMORY && i < sizeof sizes / sizeof sizes[0]; i++) {
		wide size = (wide)unit << sizes[i].shift;
		if (amount < size)
			continue;
		*suffix = sizes[i].suffix;
		return size;
	}
	return unit;
}

void amount_print(wide amount, int64_t unit, enum measure measure, struct buf *out)
{
	const char *suffix;
	print_decimal(amount, find_size(amount, unit, measure, &suffix), out);
	buf_text(out, suffix);
}

bool amount_is_cut(wide amount, int64_t unit, enum measure measure)
{
	const char *suffix;
	wide size = find_size(amount, unit, measure, &suffix);
	return (amount % size) * 100 % size != 0;
}

void policy_tenant(const struct policy *policy, uint32_t index, struct tenant_view *view)
{
	const struct tenant *tenant = &policy->tenants[index];
	*view = (struct tenant_view){.name = tenant->name, .enforcement = tenant->enforcement};
	if (tenant->parent != NO_TENANT)
		view->parent = policy->tenants[tenant->parent].name;
}

enum early_answer policy_early_answer(const struct policy *policy, struct str tenant)
{
	uint32_t id = str_present(tenant) ? index_id(&policy->tenant_index.names, tenant) : INDEX_NONE;
	return id == INDEX_NONE ? EARLY_ANSWER_WARN : policy->tenants[id].early_answer;
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
				    .lend = quota->lend,
				    .at = snapshot_location(policy, quota->at)};
	if (quota->pool != NO_POOL)
		view->cohort = policy->pools[quota->pool].cohort;
}

uint32_t policy_resource_count(const struct policy *policy)
{
	return policy->resource_count;
}

void policy_resource(const struct policy *policy, uint32_t index, struct resource_view *view)
{
	const struct resource *resource = &policy->resources[index];
	*view = (struct resource_view){.name = resource->name, .part = resource->slice};
	for (uint32_t i = 0; i < resource->landing_count; i++) {
		view->part |= resource->landings[i].shared;
		if (resource->landings[i].gpus > view->gpus)
			view->gpus = resource->landings[i].gpus;
	}
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

const struct workload_paths *policy_workload(const struct policy *policy, struct str group, struct str kind)
{
	const struct index_entry *entry =
	    policy->workload_count ? index_find(&policy->workload_kinds, kind, group) : NULL;
	return entry ? &policy->workloads[entry->id] : NULL;
}
