/*
 * Sends the outcome of each Rule, and for each Rule that did nothing, the first condition that does
 * not hold.
 */
#include "policy/evaluate/rules_match.h"
#include "policy/evaluate/trace.h"

/* The enum lists outcomes in ascending order of effect: the greatest one wins. */
static void mark(const struct evaluation *e, const struct rule *rule, enum trace_rule_outcome outcome,
		 enum trace_condition condition)
{
	struct trace_mark *mark = &e->marks->rules[rule - e->policy->rules];
	if (mark->outcome < outcome + 1)
		*mark = (struct trace_mark){(uint8_t)(outcome + 1), (uint8_t)condition};
}

void trace_outcome(const struct evaluation *e, const struct rule *rule, enum trace_rule_outcome outcome)
{
	if (e->marks)
		mark(e, rule, outcome, CONDITION_NONE);
}

/* Whether the Rule only rewrites, and the Pod requests nothing that it rewrites. */
static bool rewrites_nothing(const struct rule *rule, const struct plan *plan)
{
	bool injects = rule->node_selector_count || rule->toleration_count || str_present(rule->runtime_class);
	for (uint32_t w = 0; w < rule->rewrite_count; w++)
		if (target_acts(&plan->targets[w]))
			return false;
	return rule->rewrite_count && !injects;
}

void trace_plan(const struct evaluation *e, const struct rule *rule, const struct plan *plan)
{
	if (!e->marks)
		return;
	if (plan->denied)
		mark(e, rule, rule->enforcement == ENFORCEMENT_DENY ? RULE_DENIED : RULE_REPORTED, CONDITION_NONE);
	else if (plan->idle)
		mark(e, rule, RULE_UNMATCHED,
		     plan->elsewhere ? CONDITION_PLACEMENT
		     : plan->inexact ? CONDITION_TO_CLAIM
				     : CONDITION_MAX_PER_CONTAINER);
	else if (rewrites_nothing(rule, plan))
		mark(e, rule, RULE_UNMATCHED, CONDITION_REWRITE);
	else
		mark(e, rule, RULE_SATISFIED, CONDITION_NONE);
}

/* Returns the names of the Rule's tenants; none if memory is exhausted. */
static struct strs tenant_names(const struct evaluation *e, const struct rule *rule)
{
	struct str *names = arena_alloc(e->arena, rule->tenant_count * sizeof *names);
	for (uint32_t i = 0; names && i < rule->tenant_count; i++)
		names[i] = e->policy->tenants[rule->tenants[i]].name;
	return (struct strs){names, names ? rule->tenant_count : 0};
}

static void describe_selector(const struct selector *selector, const struct pairs *labels, struct str namespace,
			      struct trace_rule *out)
{
	const struct requirement *unmet = selector_unmet(selector, labels, namespace, &out->found);
	if (!unmet)
		return;
	out->key = unmet->key;
	out->op = unmet->op;
	out->wanted = unmet->values;
}

static void describe_range(const struct evaluation *e, const struct rule *rule, struct trace_rule *out)
{
	const struct range *range = rules_exceeded_range(e, rule);
	if (!range)
		return;
	out->key = range->resource;
	out->min = range->min;
	out->max = range->max;
	out->requested = working_pod_effective(&e->working, range->resource);
}

static void describe(const struct evaluation *e, const struct rule *rule, struct trace_rule *out)
{
	const struct str none = {NULL, 0};
	switch (out->condition) {
	case CONDITION_TENANTS:
		out->wanted = tenant_names(e, rule);
		out->found = e->tenant == NO_TENANT ? none : e->policy->tenants[e->tenant].name;
		break;
	case CONDITION_NAMESPACES:
		out->wanted = (struct strs){rule->namespaces.items, rule->namespaces.count};
		out->found = e->namespace;
		break;
	case CONDITION_NAMESPACE_SELECTOR:
		describe_selector(&rule->namespace_selector, &e->namespace_labels, e->namespace, out);
		break;
	case CONDITION_POD_SELECTOR:
		describe_selector(&rule->pod_selector, &e->pod->labels, none, out);
		break;
	case CONDITION_ANNOTATION_SELECTOR:
		describe_selector(&rule->annotation_selector, &e->pod->annotations, none, out);
		break;
	case CONDITION_REQUESTS:
		describe_range(e, rule, out);
		break;
	case CONDITION_REWRITE:
		out->key = rule->rewrites[0].from;
		out->requested = working_pod_effective(&e->working, out->key);
		break;
	case CONDITION_NONE:
	case CONDITION_MAX_PER_CONTAINER:
	case CONDITION_TO_CLAIM:
	case CONDITION_PLACEMENT:
		break;
	}
}

/* Finds the first unmet condition of a Rule that was never planned. */
static void find_unmet(const struct evaluation *e, const struct rule *rule, struct trace_rule *out)
{
	out->condition = rules_unmet(e, rule);
	if (out->condition == CONDITION_NONE && rules_exceeded_range(e, rule))
		out->condition = CONDITION_REQUESTS;
	bool idle = !rule_changes(rule) && !e->decision->denied;
	out->outcome = out->condition != CONDITION_NONE ? RULE_UNMATCHED : idle ? RULE_SATISFIED : RULE_SKIPPED;
}

void trace_rules(const struct evaluation *e)
{
	for (uint32_t i = 0; e->marks && i < e->policy->rule_count; i++) {
		const struct rule *rule = &e->policy->rules[i];
		const struct trace_mark *known = &e->marks->rules[i];
		struct trace_rule out = {.name = rule->name, .enforcement = rule->enforcement};
		if (known->outcome) {
			out.outcome = (enum trace_rule_outcome)(known->outcome - 1);
			out.condition = (enum trace_condition)known->condition;
		} else {
			find_unmet(e, rule, &out);
		}
		describe(e, rule, &out);
		const struct trace_event event = {
		    .kind = TRACE_RULE, .at = snapshot_location(e->policy, rule->at), .rule = out};
		e->trace->event(e->trace->context, &event);
	}
}

void trace_gang(const struct evaluation *e, const struct rule *rule)
{
	if (!e->trace)
		return;
	const struct trace_event event = {
	    .kind = TRACE_GANG, .at = snapshot_location(e->policy, rule->at), .gang = {rule->name, rule->gang_seconds}};
	e->trace->event(e->trace->context, &event);
}
