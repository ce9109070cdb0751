/* rules: applies the Rules until a pass changes nothing. */
#include "policy/evaluate/rules.h"

#include "policy/base/show.h"
#include "policy/evaluate/rules_change.h"
#include "policy/evaluate/rules_match.h"
#include "policy/evaluate/rules_plan.h"
#include "policy/evaluate/trace.h"
#include "policy/evaluate/violation.h"

/*
 * More than any chain of rewrites can need, because a working Pod has at most
 * WORKING_POD_RESOURCES_MAX names.
 */
#define PASSES_MAX (WORKING_POD_RESOURCES_MAX + 2)

/* Applies one Rule. Except for the removal of leftovers, it is applied completely or not at all. */
static int apply_rule(struct pass *pass, const struct rule *rule, bool *changed)
{
	struct evaluation *e = pass->e;
	struct plan plan = {0};
	struct working_pod_problem problem = {0};
	/* Leftovers are possible only if there are two names, or claims. */
	if (e->working.name_count < 2 && e->pod->claim_count == 0 && !rules_in_range(e, rule))
		return 0; /* trace_rules finds that, too */
	if (rules_plan_targets(e, rule, &plan) < 0)
		return -1;
	if (rule->enforcement == ENFORCEMENT_DENY)
		rules_drop_leftovers(e, rule, &plan, changed);
	if (*changed)
		working_pod_sum(&e->working, &problem);
	for (uint32_t w = 0; *changed && w < rule->rewrite_count; w++)
		if (working_pod_effective(&e->working, rule->rewrites[w].from) <= 0)
			plan.targets[w] = (struct target){0};
	if (!rules_in_range(e, rule))
		return 0;
	if (rules_plan(pass, rule, &plan) < 0)
		return -1;
	trace_plan(e, rule, &plan);
	if (plan.denied || plan.idle)
		return 0;
	return rule->enforcement == ENFORCEMENT_DENY ? rules_change(pass, rule, &plan, changed)
						     : rules_report(pass, rule, &plan);
}

static int note_rule(struct evaluation *e, const struct rule *rule)
{
	struct decision *decision = e->decision;
	for (uint32_t i = 0; i < decision->rule_count; i++)
		if (str_eq(decision->rules[i], rule->name))
			return 0;
	/* Allocated below; const for readers. */
	struct str *rules = (struct str *)(uintptr_t)decision->rules;
	/* The room doubles when it is full. */
	if ((decision->rule_count & (decision->rule_count - 1)) == 0) {
		rules = arena_alloc(e->arena,
				    (size_t)(decision->rule_count ? 2 * decision->rule_count : 1) * sizeof *rules);
		if (!rules)
			return -1;
		if (decision->rule_count)
			memcpy(rules, decision->rules, decision->rule_count * sizeof *rules);
	}
	rules[decision->rule_count++] = rule->name;
	decision->rules = rules;
	return 0;
}

/*
 * Called when a Rule has changed the working Pod. In /validate, that is a violation if the Rule is
 * required.
 */
static int note_change(struct evaluation *e, const struct rule *rule, bool settle)
{
	trace_outcome(e, rule, RULE_CHANGED);
	if (note_rule(e, rule) < 0)
		return -1;
	if (settle || !rule->required)
		return 0;
	return decision_add_violation(e->decision, e->arena, REASON_RULE, rule->enforcement, rule->name,
				      "the required Rule \"" SHOW
				      "\" would still change the Pod: the mutating webhook did not "
				      "see it, or something changed it afterwards; create the Pod again",
				      SHOWN(rule->name));
}

/*
 * Runs one pass over all Rules. Each Rule sees the changes of the previous ones. A Rule whose
 * enforcement is not deny only reports, and only in /mutate.
 */
static int apply_pass(struct evaluation *e, bool settle, bool *any_changed)
{
	struct pass pass = {.e = e};
	struct working_pod_problem problem = {0};
	rules_find(&pass);
	uint32_t last = INDEX_NONE;
	for (uint32_t i = 0; i < pass.found_count && !pass.exhausted; i++) {
		uint32_t rank = pass.found[i];
		const struct rule *rule = &e->policy->rules[rank];
		if ((last != INDEX_NONE && rank <= last) || (rule->enforcement != ENFORCEMENT_DENY && !settle) ||
		    !rule_changes(rule) || !rules_concern(e, rule))
			continue;
		last = rank;
		bool changed = false;
		if (apply_rule(&pass, rule, &changed) < 0)
			return -1;
		if (e->decision->denied && settle)
			return 0; /* The Pod is denied, so later Rules do not matter. */
		if (!changed)
			continue;
		*any_changed = true;
		if (note_change(e, rule, settle) < 0)
			return -1;
		working_pod_sum(&e->working, &problem);
		if (rule->rewrite_count) { /* The amounts have changed, so other Rules may match. */
			rules_find(&pass);
			for (i = 0; i < pass.found_count && pass.found[i] <= rank; i++)
				;
			i--;
		}
	}
	return pass.exhausted ? -1 : 0;
}

int rules_apply(struct evaluation *e, bool settle)
{
	if (e->policy->rule_count == 0)
		return 0;
	for (int passes = 0; passes < PASSES_MAX; passes++) {
		bool changed = false;
		if (apply_pass(e, settle, &changed) < 0)
			return -1;
		if (!changed || !settle || e->decision->denied)
			return 0;
	}
	return decision_add_violation(e->decision, e->arena, REASON_RULE, e->policy->enforcement, e->decision->rules[0],
				      "Rules keep undoing each other on this Pod (\"" SHOW
				      "\" among them); ask the platform team to "
				      "correct them",
				      SHOWN(e->decision->rules[0]));
}
