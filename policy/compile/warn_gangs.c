/* warn_gangs: warns about Rules whose `gangs`, or what is beside it, never act. */
#include "policy/compile/warn.h"
#include "policy/compile/warn_context.h"

/* Only the enforcement of the Rule itself: Settings that lower it are for a time. */
static void warn_unenforced(struct compile *c, const struct doc_rule *doc)
{
	if (doc->enforcement.value != ENFORCEMENT_DENY)
		COMPILE_LINT(c, LINT_GANGS_NOT_ENFORCED, doc->gangs.at,
			     "with `enforcement: %s`, the Rule does not decide groups; remove `enforcement` or `gangs`",
			     doc->enforcement.value == ENFORCEMENT_WARN ? "warn" : "audit");
}

static void warn_unchanging(struct compile *c, const struct doc_rule *doc)
{
	bool required = doc->required.value;
	if (!doc->rewrite.count && !doc->inject.set && (required || doc->on_conflict.set))
		COMPILE_LINT(c, LINT_GANGS_NO_CHANGE, required ? doc->required.at : doc->on_conflict.at,
			     "the Rule changes no Pod, so that this has no effect; `gangs` needs neither `required` "
			     "nor `onConflict`");
}

/* Warns of the first resource without which the Rule does not match, and which it replaces. */
static void warn_rewritten(struct compile *c, const struct doc_rule *doc, const struct rule *rule, uint64_t *work)
{
	for (uint32_t i = 0; i < rule->request_count; i++)
		for (uint32_t w = 0; w < rule->rewrite_count; w++) {
			if (!warn_spend(work, 1 + rule->requests[i].resource.len))
				return;
			if (!str_eq(rule->requests[i].resource, rule->rewrites[w].from))
				continue;
			COMPILE_LINT(c, LINT_GANGS_REWRITTEN, doc->gangs.at,
				     "a Pod that the Rule has changed no longer requests \"%.*s\", so that "
				     "match.requests does not hold and its group is not decided; move `gangs` to a "
				     "Rule of its own",
				     STR_ARG(rule->rewrites[w].from));
			return;
		}
}

static bool is_for_everyone(const struct rule *rule)
{
	return rule->any_tenant && rule->any_namespace && !rule->namespace_selector.count &&
	       !rule->pod_selector.count && !rule->annotation_selector.count && !rule->request_count &&
	       rule_decides_groups(rule);
}

void compile_gang_warnings(struct compile *c)
{
	const struct policy *policy = c->policy;
	uint64_t work = WARN_WORK_MAX;
	uint32_t everyone = INDEX_NONE; /* The first Rule that decides the groups of every Pod. */
	struct index names;
	warn_rule_names(c, &names);
	for (uint32_t r = 0; r < policy->rule_count; r++) {
		const struct rule *rule = &policy->rules[r];
		const struct doc_rule *doc = warn_rule(c, &names, r);
		if (rule->gang_seconds == 0)
			continue;
		warn_unenforced(c, doc);
		warn_unchanging(c, doc);
		if (rule->enforcement == ENFORCEMENT_DENY)
			warn_rewritten(c, doc, rule, &work);
		if (everyone != INDEX_NONE && rule_decides_groups(rule))
			COMPILE_LINT(c, LINT_GANGS_SHADOWED, doc->gangs.at,
				     "never acts: Rule \"%.*s\" (%s) comes earlier and decides the group of every Pod",
				     STR_ARG(policy->rules[everyone].name),
				     compile_where(c, warn_rule(c, &names, everyone)->name.at));
		else if (is_for_everyone(rule))
			everyone = r;
	}
}
