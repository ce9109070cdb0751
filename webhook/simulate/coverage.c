#include "webhook/simulate/coverage.h"

#include <stdlib.h>

#include "gpugate/buf.h"

static void add_part(void *context, const struct policy_part *part)
{
	struct coverage *coverage = context;
	if (coverage->count == coverage->size) {
		uint32_t size = coverage->size ? 2 * coverage->size : 64;
		struct coverage_part *parts = reallocarray(coverage->parts, size, sizeof *parts);
		if (!parts) {
			coverage->failed = true;
			return;
		}
		coverage->parts = parts;
		coverage->size = size;
	}
	coverage->parts[coverage->count++] = (struct coverage_part){.part = *part};
}

static int compare(const void *a, const void *b)
{
	const struct policy_part *first = &((const struct coverage_part *)a)->part;
	const struct policy_part *second = &((const struct coverage_part *)b)->part;
	int order = str_cmp(first->at.file, second->at.file);
	if (order == 0)
		order = (first->at.line > second->at.line) - (first->at.line < second->at.line);
	if (order == 0)
		order = (first->kind > second->kind) - (first->kind < second->kind);
	return order ? order : str_cmp(first->name, second->name);
}

int coverage_init(struct coverage *coverage, const struct policy *policy, struct error *err)
{
	*coverage = (struct coverage){.policy = policy};
	policy_each_part(policy, add_part, coverage);
	if (coverage->failed) {
		coverage_release(coverage);
		return error_set(err, "there is not enough memory");
	}
	if (coverage->count)
		qsort(coverage->parts, coverage->count, sizeof *coverage->parts, compare);
	return 0;
}

int coverage_copy(struct coverage *copy, const struct coverage *coverage)
{
	*copy = (struct coverage){.policy = coverage->policy};
	copy->parts = calloc(coverage->count + (size_t)1, sizeof *copy->parts);
	if (!copy->parts)
		return -1;
	copy->count = copy->size = coverage->count;
	if (coverage->count)
		memcpy(copy->parts, coverage->parts, coverage->count * sizeof *copy->parts);
	return 0;
}

void coverage_add(struct coverage *coverage, const struct coverage *other)
{
	for (uint32_t i = 0; i < coverage->count && i < other->count; i++)
		coverage->parts[i].reached |= other->parts[i].reached;
}

void coverage_release(struct coverage *coverage)
{
	free(coverage->parts);
	*coverage = (struct coverage){0};
}

static void reach(struct coverage *coverage, struct policy_part reached)
{
	for (uint32_t i = 0; i < coverage->count; i++) {
		struct policy_part *part = &coverage->parts[i].part;
		if (part->kind == reached.kind && part->by == reached.by && str_eq(part->name, reached.name) &&
		    str_eq(part->owner, reached.owner))
			coverage->parts[i].reached = true;
	}
}

static struct str parent_of(const struct policy *policy, struct str tenant)
{
	struct policy_counts counts;
	struct tenant_view view;
	policy_counts(policy, &counts);
	for (uint32_t i = 0; i < counts.tenants; i++) {
		policy_tenant(policy, i, &view);
		if (str_eq(view.name, tenant))
			return view.parent;
	}
	return (struct str){NULL, 0};
}

static void reach_exemption(struct coverage *coverage, struct str guard, const struct exemption *exemption)
{
	reach(coverage,
	      (struct policy_part){
		  .kind = PART_EXEMPTION, .owner = guard, .name = exemption->pattern, .by = (uint8_t)exemption->by});
}

static void reach_guard(struct coverage *coverage, const struct trace_guard *guard)
{
	if (guard->outcome == GUARD_VIOLATED)
		reach(coverage, (struct policy_part){.kind = PART_GUARD, .owner = guard->name, .name = guard->part});
	else if (guard->outcome == GUARD_EXEMPTED)
		reach_exemption(coverage, guard->name, &guard->exemption);
}

static void reach_quota(struct coverage *coverage, const struct trace_quota *quota)
{
	struct quota_view view;
	if (!quota->counts)
		return;
	policy_quota(coverage->policy, quota->quota, &view);
	reach(coverage, (struct policy_part){.kind = PART_QUOTA, .owner = view.tenant, .name = view.name});
}

void coverage_note(struct coverage *coverage, const struct trace_event *event)
{
	switch (event->kind) {
	case TRACE_EXEMPT:
		reach_exemption(coverage, (struct str){NULL, 0}, &event->exempt);
		break;
	case TRACE_TENANT:
		for (struct str name = event->tenant.name; str_present(name); name = parent_of(coverage->policy, name))
			reach(coverage, (struct policy_part){.kind = PART_TENANT, .name = name});
		break;
	case TRACE_CHANGE:
		if (event->change.by_guard)
			reach(coverage, (struct policy_part){.kind = PART_GUARD,
							     .owner = event->change.by,
							     .name = STR("visibleDevices")});
		break;
	case TRACE_RULE:
		if (event->rule.outcome != RULE_UNMATCHED && event->rule.outcome != RULE_SKIPPED)
			reach(coverage, (struct policy_part){.kind = PART_RULE, .name = event->rule.name});
		break;
	case TRACE_GANG:
		reach(coverage, (struct policy_part){.kind = PART_RULE, .name = event->gang.rule});
		break;
	case TRACE_GUARD:
		reach_guard(coverage, &event->guard);
		break;
	case TRACE_QUOTA:
		reach_quota(coverage, &event->quota);
		break;
	default:
		break;
	}
}

uint32_t coverage_reached(const struct coverage *coverage)
{
	uint32_t reached = 0;
	for (uint32_t i = 0; i < coverage->count; i++)
		reached += coverage->parts[i].reached;
	return reached;
}

void coverage_print_part(const struct policy_part *part, struct buf *out)
{
	static const char *const kinds[] = {[PART_RULE] = "Rule", [PART_TENANT] = "Tenant"};
	static const char *const by[] = {
	    [EXEMPT_BY_NAMESPACE] = "namespace", [EXEMPT_BY_USER] = "user", [EXEMPT_BY_GROUP] = "group"};
	if (part->kind == PART_EXEMPTION) {
		buf_printf(out, "exemption of %s \"%.*s\"", by[part->by], STR_ARG(part->name));
		if (str_present(part->owner))
			buf_printf(out, " from Guard \"%.*s\"", STR_ARG(part->owner));
	} else if (part->kind == PART_GUARD) {
		buf_printf(out, "%.*s of Guard \"%.*s\"", STR_ARG(part->name), STR_ARG(part->owner));
	} else if (part->kind == PART_QUOTA) {
		buf_printf(out, "quota %.*s/%.*s", STR_ARG(part->owner), STR_ARG(part->name));
	} else {
		buf_printf(out, "%s \"%.*s\"", kinds[part->kind], STR_ARG(part->name));
	}
}
