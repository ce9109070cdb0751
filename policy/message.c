/* Sentences and numbers for people. */
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

uint32_t policy_quota_count(const struct policy *policy)
{
	return policy->quota_count;
}

void policy_quota(const struct policy *policy, uint32_t index, struct quota_view *view)
{
	const struct quota *quota = &policy->quotas[index];
	const struct tenant *tenant = &policy->tenants[quota->tenant];
	*view = (struct quota_view){tenant->name,        quota->name,      quota->measure,
				    tenant->enforcement, quota->unlimited, quota->hard};
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

/* The resource that takes the most of what is left in a quota and still fits; absent: none. */
static struct str largest_fitting(const struct policy *policy, const struct quota *quota, wide left)
{
	struct str best = {NULL, 0};
	wide most = 0;
	for (uint32_t r = 0; r < policy->resource_count; r++) {
		const struct resource *resource = &policy->resources[r];
		if (!quota_counts_resource(quota, resource->name))
			continue;
		wide cost = 0;
		for (uint32_t l = 0; l < resource->landing_count; l++) {
			const struct landing *landing = &resource->landings[l];
			wide each = quota->measure == MEASURE_GPUS ? landing->gpus : landing->memory;
			if (quota_counts_model(quota, landing->model) && each > cost)
				cost = each;
		}
		if (cost > most && cost <= left) {
			most = cost;
			best = resource->name;
		}
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
	struct str resource = largest_fitting(policy, quota, left);
	if (quota->measure == MEASURE_GPUS)
		buf_text(out, " GPU");
	for (size_t i = 0; i < resource.len; i++)
		if (resource.ptr[i] == '/') { /* the vendor's prefix tells nothing new here */
			resource = str_tail(resource, i + 1);
			break;
		}
	if (resource.len)
		buf_printf(out, " (%.*s)", STR_ARG(resource));
	else
		buf_text(out, " (no resource is that small)");
}

static int object_one(const struct policy *policy, const struct excess *excess, struct arena *arena,
		      struct decision *decision)
{
	const struct quota *quota = &policy->quotas[excess->quota];
	const struct tenant *tenant = &policy->tenants[quota->tenant];
	wide held = excess->used + excess->pending;
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
	buf_printf(&text, ", limit %.*s, over by ", STR_ARG(quota->hard_text));
	amount_print(held + excess->requested - quota->hard, policy->unit, quota->measure, &text);
	print_largest(policy, quota, quota->hard - held, &text);
	int result = decision_object(decision, arena, REASON_QUOTA, tenant->enforcement, quota->name, "%.*s",
				     STR_ARG(buf_view(&text)));
	buf_release(&text);
	return result;
}

int policy_object_excess(const struct policy *policy, const struct excess *excess, size_t count, struct arena *arena,
			 struct decision *decision)
{
	for (size_t i = 0; i < count; i++)
		if (object_one(policy, &excess[i], arena, decision) < 0)
			return -1;
	return 0;
}

int policy_object_outage(const struct policy *policy, struct str why, struct arena *arena, struct decision *decision)
{
	enum enforcement enforcement =
	    policy->on_outage > policy->enforcement ? policy->on_outage : policy->enforcement;
	return decision_object(decision, arena, REASON_OUTAGE, enforcement, STR("ledger"),
			       "the GPU quota cannot be decided now: %.*s; try again in a moment", STR_ARG(why));
}
