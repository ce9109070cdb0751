/* rules_match: finds the Rules that match a Pod. */
#include "policy/evaluate/rules_match.h"

#include <stdlib.h>

#include "gpugate/vec.h"
#include "policy/base/glob.h"

/* Who is called for each Rule. */
struct visitor {
	rules_visit_fn *visit;
	void *context;
};

static void found_glob(void *context, struct str pattern, uint32_t id)
{
	const struct visitor *visitor = context;
	(void)pattern;
	visitor->visit(visitor->context, id);
}

static void found_key(const struct visitor *visitor, const struct index *index, struct str key, struct str more)
{
	for (const struct index_entry *e = index_find(index, key, more); e; e = index_next(index, e))
		visitor->visit(visitor->context, e->id);
}

void rules_each(const struct evaluation *e, rules_visit_fn *visit, void *context)
{
	struct visitor visitor = {visit, context};
	const struct rule_index *index = &e->policy->rule_index;
	const struct str none = {NULL, 0};
	glob_index_match(&index->namespaces, e->namespace, found_glob, &visitor);
	for (uint32_t t = e->tenant; t != NO_TENANT; t = e->policy->tenants[t].parent)
		found_key(&visitor, &index->tenants, e->policy->tenants[t].name, none);
	for (uint32_t i = 0; index->pod_labels.count && i < e->pod->labels.count; i++)
		found_key(&visitor, &index->pod_labels, e->pod->labels.items[i].key, e->pod->labels.items[i].value);
	for (uint32_t n = 0; n < e->working.name_count; n++)
		if (e->working.effective[n] > 0)
			found_key(&visitor, &index->requests, e->working.names[n], none);
	for (uint32_t i = 0; i < index->rest_count; i++)
		visit(context, index->rest[i]);
}

static void add_found(void *context, uint32_t rule)
{
	struct pass *pass = context;
	uint32_t *found =
	    vec_room_in(pass->e->arena, pass->found, pass->found_count, &pass->found_size, 32, sizeof *found);
	if (!found) {
		pass->exhausted = true;
		return;
	}
	pass->found = found;
	pass->found[pass->found_count++] = rule;
}

static int rank_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

void rules_find(struct pass *pass)
{
	pass->found_count = 0;
	rules_each(pass->e, add_found, pass);
	if (pass->found_count > 1)
		qsort(pass->found, pass->found_count, sizeof *pass->found, rank_order);
}

enum trace_condition rules_unmet(const struct evaluation *e, const struct rule *rule)
{
	bool tenant = rule->any_tenant;
	for (uint32_t t = e->tenant; !tenant && t != NO_TENANT; t = e->policy->tenants[t].parent)
		for (uint32_t i = 0; i < rule->tenant_count; i++)
			tenant |= rule->tenants[i] == t;
	if (!tenant)
		return CONDITION_TENANTS;
	if (!rule->any_namespace && !globs_match(&rule->namespaces, e->namespace))
		return CONDITION_NAMESPACES;
	const struct str none = {NULL, 0};
	if (!selector_match(&rule->namespace_selector, &e->namespace_labels, e->namespace))
		return CONDITION_NAMESPACE_SELECTOR;
	if (!selector_match(&rule->pod_selector, &e->pod->labels, none))
		return CONDITION_POD_SELECTOR;
	if (!selector_match(&rule->annotation_selector, &e->pod->annotations, none))
		return CONDITION_ANNOTATION_SELECTOR;
	return CONDITION_NONE;
}

bool rules_concern(const struct evaluation *e, const struct rule *rule)
{
	return rules_unmet(e, rule) == CONDITION_NONE;
}

const struct range *rules_exceeded_range(const struct evaluation *e, const struct rule *rule)
{
	for (uint32_t i = 0; i < rule->request_count; i++) {
		int64_t asked = working_pod_effective(&e->working, rule->requests[i].resource);
		if (asked < rule->requests[i].min || asked > rule->requests[i].max)
			return &rule->requests[i];
	}
	return NULL;
}

bool rules_in_range(const struct evaluation *e, const struct rule *rule)
{
	return !rules_exceeded_range(e, rule);
}
