#include "gpugate/scope.h"
#include "gpugate/policy.h"

#include <stdlib.h>

#include "policy/base/glob.h"
#include "policy/model/catalog.h"
#include "policy/model/snapshot.h"

static int text_order(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Sorts the strings and removes duplicates. */
static struct strs unique(struct str *items, uint32_t count)
{
	uint32_t kept = 0;
	if (count > 1)
		qsort(items, count, sizeof *items, text_order);
	for (uint32_t i = 0; i < count; i++)
		if (i == 0 || !str_eq(items[i], items[kept - 1]))
			items[kept++] = items[i];
	return (struct strs){items, kept};
}

static bool injects(const struct rule *rule)
{
	return rule->node_selector_count > 0 || rule->toleration_count > 0 || str_present(rule->runtime_class);
}

/*
 * A Rule changes nothing if one of its requests is missing, so the first one is enough. A Rule that
 * only rewrites changes nothing without one of the names that it rewrites. What a Rule says of
 * groups is about Pods that are charged, which /validate sees without any Rule.
 */
static int scope_resources(const struct policy *policy, struct arena *arena, struct strs *resources)
{
	size_t most = 0;
	uint32_t count = 0;
	for (uint32_t r = 0; r < policy->rule_count; r++)
		most += 1 + (size_t)policy->rules[r].rewrite_count;
	struct str *names = arena_alloc(arena, most * sizeof *names);
	if (!names)
		return -1;
	for (uint32_t r = 0; r < policy->rule_count; r++) {
		const struct rule *rule = &policy->rules[r];
		if (!rule_changes(rule))
			continue;
		if (rule->request_count > 0)
			names[count++] = rule->requests[0].resource;
		else if (!injects(rule))
			for (uint32_t w = 0; w < rule->rewrite_count; w++)
				names[count++] = rule->rewrites[w].from;
	}
	*resources = unique(names, count);
	return 0;
}

/* Collects the requirements of a selector that say which labels a Pod must have. */
static int scope_labels(const struct selector *selector, struct arena *arena, struct scope_rule *rule)
{
	struct scope_label *labels = arena_alloc(arena, selector->count * sizeof *labels);
	if (!labels)
		return -1;
	for (uint32_t i = 0; i < selector->count; i++) {
		const struct requirement *item = &selector->items[i];
		if (item->op == SELECTOR_IN)
			labels[rule->label_count++] = (struct scope_label){item->key, item->values};
		else if (item->op == SELECTOR_EXISTS)
			labels[rule->label_count++] = (struct scope_label){.key = item->key};
	}
	rule->labels = labels;
	return 0;
}

static int scope_rules(const struct policy *policy, struct arena *arena, struct policy_scope *scope)
{
	struct scope_rule *rules = arena_zalloc(arena, policy->rule_count, sizeof *rules);
	if (!rules)
		return -1;
	for (uint32_t r = 0; r < policy->rule_count; r++) {
		const struct rule *rule = &policy->rules[r];
		if (rule->request_count > 0 || !injects(rule))
			continue;
		struct scope_rule *to = &rules[scope->rule_count++];
		bool contradicts = rule->node_selector_count > 0 || str_present(rule->runtime_class);
		/*
		 * Even with `override`, a node selector that contradicts the affinity of the Pod
		 * denies it.
		 */
		to->denies = rule->enforcement == ENFORCEMENT_DENY &&
			     (rule->required || (rule->on_conflict == CONFLICT_DENY && contradicts) ||
			      (rule->on_conflict == CONFLICT_OVERRIDE && rule->node_selector_count > 0));
		scope->guards |= to->denies;
		if (!rule->any_namespace)
			to->namespaces = (struct strs){rule->namespaces.items, rule->namespaces.count};
		if (scope_labels(&rule->pod_selector, arena, to) < 0)
			return -1;
	}
	scope->rules = rules;
	return 0;
}

static int scope_exempt(const struct policy *policy, struct arena *arena, struct policy_scope *scope)
{
	const struct globs *exempt = &policy->exempt.namespaces;
	struct str *names = arena_alloc(arena, exempt->count * sizeof *names);
	uint32_t count = 0;
	if (!names)
		return -1;
	for (uint32_t i = 0; i < exempt->count; i++)
		if (glob_is_exact(exempt->items[i]))
			names[count++] = exempt->items[i];
	scope->exempt_namespaces = unique(names, count);
	return 0;
}

int policy_scope(const struct policy *policy, struct arena *arena, struct policy_scope *scope)
{
	size_t devices, fractions;
	const struct str *device_keys = catalog_device_annotations(&devices);
	const struct str *fraction_keys = catalog_fraction_annotations(&fractions);
	*scope = (struct policy_scope){.guards = policy->guard_count > 0,
				       .gangs = policy->may_have_gangs,
				       .workloads = policy->workloads,
				       .workload_count = policy->workload_count,
				       .voids = policy->void_devices,
				       .device_annotations = {device_keys, (uint32_t)devices},
				       .fraction_annotations = {fraction_keys, (uint32_t)fractions}};
	for (uint32_t i = 0; i < policy->tenant_count; i++)
		scope->early_answers |= policy->tenants[i].early_answer != EARLY_ANSWER_OFF;
	for (uint32_t i = 0; i < policy->guard_count; i++)
		scope->claims |= policy->guards[i].limits_classes;
	scope->counts_claims = policy_counts_claims(policy);
	if (policy->void_devices)
		scope->void_names = (struct strs){policy->void_names, policy->void_name_count};
	if (scope_resources(policy, arena, &scope->resources) < 0 || scope_rules(policy, arena, scope) < 0)
		return -1;
	return scope_exempt(policy, arena, scope);
}
