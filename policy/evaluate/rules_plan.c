/*
 * rules_plan: plans what a Rule would change, and checks what prevents it, before anything is
 * changed.
 */
#include "policy/evaluate/rules_plan.h"

#include "gpugate/buf.h"
#include "policy/base/show.h"
#include "policy/evaluate/affinity.h"
#include "policy/evaluate/rules_claims.h"
#include "policy/evaluate/rules_target.h"
#include "policy/evaluate/violation.h"

#define VALUES_SHOWN 3

int rules_plan_targets(struct evaluation *e, const struct rule *rule, struct plan *plan)
{
	plan->targets = arena_zalloc(e->arena, rule->rewrite_count, sizeof *plan->targets);
	if (!plan->targets)
		return -1;
	for (uint32_t w = 0; w < rule->rewrite_count; w++) {
		if (working_pod_effective(&e->working, rule->rewrites[w].from) <= 0)
			continue;
		plan->targets[w] = rules_target(e, &rule->rewrites[w]);
		if (rule->rewrites[w].leads_to_claim && working_pod_claims(&e->working) < 0)
			return -1;
	}
	return 0;
}

/* Whether the Pod selects nodes other than those that have what it would request. */
static int check_elsewhere(struct pass *pass, const struct rule *rule, const struct plan *plan, bool *elsewhere)
{
	const struct evaluation *e = pass->e;
	const struct spot *before = rules_before(pass);
	struct wishes wishes;
	*elsewhere = false;
	if (!before)
		return -1;
	for (uint32_t w = 0; w < rule->rewrite_count && !*elsewhere; w++)
		*elsewhere = rule->rewrites[w].model != NO_MODEL &&
			     working_pod_effective(&e->working, rule->rewrites[w].from) > 0 &&
			     before->reached[rule->rewrites[w].model] != REACH_YES;
	rules_wishes(e, rule, plan, &wishes);
	for (uint32_t i = 0; i < wishes.count && !*elsewhere; i++)
		*elsewhere = wishes.items[i].renamed && !rules_could_land(e, before, &wishes, i);
	return 0;
}

/*
 * Whether a container requests more than it could use after the rewrite: one that requests several
 * devices would see only one slice. Then the whole Pod is left alone, because with only some
 * containers rewritten it would need a node that has both resources.
 */
static bool requests_too_much(const struct evaluation *e, const struct rule *rule, const struct plan *plan)
{
	const struct working_pod *working = &e->working;
	for (uint32_t w = 0; w < rule->rewrite_count; w++) {
		uint32_t name = working_pod_name(working, rule->rewrites[w].from);
		for (uint32_t i = 0; name != INDEX_NONE && i < working->amount_count; i++) {
			const struct amount_of *amount = &working->amounts[i];
			if (amount->name == name && amount_value(amount) > rule->rewrites[w].max_per_container &&
			    working_pod_requested(working, amount->container, plan->targets[w].name) <= 0)
				return true;
		}
	}
	return false;
}

/* Whether Rules turn exactly what each container requests into claims; see rules_claims.h. */
static bool is_exact(const struct evaluation *e, const struct rule *rule, const struct plan *plan)
{
	bool exact = true;
	for (uint32_t w = 0; w < rule->rewrite_count && exact; w++)
		exact = !str_present(plan->targets[w].template) || rules_claims_exact(e, &rule->rewrites[w]);
	return exact;
}

static int plan_rewrites(struct evaluation *e, const struct rule *rule, struct plan *plan)
{
	const struct working_pod *working = &e->working;
	for (uint32_t w = 0; w < rule->rewrite_count && !plan->denied; w++) {
		const struct target *target = &plan->targets[w];
		plan->denied = target->problem != TARGET_OK;
		if (plan->denied)
			return rules_add_target_violation(e, rule, &rule->rewrites[w], target);
		plan->denied = str_present(target->name) && working->name_count == WORKING_POD_RESOURCES_MAX &&
			       working_pod_name(working, target->name) == INDEX_NONE;
		if (plan->denied)
			return decision_add_violation(
			    e->decision, e->arena, REASON_RULE, rule->enforcement, rule->name,
			    "the Pod requests %d different accelerator resources, so Rule \"" SHOW
			    "\" cannot add another; "
			    "request fewer",
			    WORKING_POD_RESOURCES_MAX, SHOWN(rule->name));
	}
	return plan->denied ? 0 : rules_claims_bounded(e, rule, plan, &plan->denied);
}

bool rules_claimed(const struct pass *pass, struct str key)
{
	for (uint32_t i = 0; i < pass->claim_count; i++)
		if (str_eq(pass->claims[i], key))
			return true;
	return false;
}

/*
 * Checks whether the Pod has a value other than the Rule sets. That is a violation if the Rule
 * denies conflicts.
 */
static int check_conflict(struct evaluation *e, const struct rule *rule, const char *field, struct str key,
			  struct str there, struct str wanted, struct plan *plan)
{
	if (rule->on_conflict != CONFLICT_DENY || !str_present(there) || str_eq(there, wanted))
		return 0;
	plan->denied = true;
	return decision_add_violation(e->decision, e->arena, REASON_RULE, rule->enforcement, rule->name,
				      "%s" SHOW " is \"" SHOW "\" in the Pod, but Rule \"" SHOW "\" sets it to \"" SHOW
				      "\"; remove it or use "
				      "that value",
				      field, SHOWN(key), SHOWN(there), SHOWN(rule->name), SHOWN(wanted));
}

/*
 * Plans one entry for the node selector. If several Rules, or several entries of a Rule, set a key,
 * the first one wins.
 */
static int plan_label(struct pass *pass, const struct rule *rule, const struct pair *label, struct plan *plan)
{
	struct str there = working_pod_selector(&pass->e->working, label->key);
	bool taken = rules_claimed(pass, label->key);
	for (uint32_t i = 0; i < plan->label_count && !taken; i++)
		taken = str_eq(plan->labels[i].key, label->key);
	if (taken || (rule->on_conflict == CONFLICT_KEEP && str_present(there) && !str_eq(there, label->value)))
		return 0;
	plan->labels[plan->label_count++] = *label;
	return check_conflict(pass->e, rule, "nodeSelector ", label->key, there, label->value, plan);
}

static int plan_labels(struct pass *pass, const struct rule *rule, struct plan *plan)
{
	const struct policy *policy = pass->e->policy;
	size_t size = rule->node_selector_count;
	for (uint32_t w = 0; w < rule->rewrite_count; w++)
		if (rule->rewrites[w].pin)
			size += policy->models[rule->rewrites[w].model].label_count;
	plan->label_count = 0;
	plan->labels = arena_alloc(pass->e->arena, size * sizeof *plan->labels);
	if (!plan->labels)
		return -1;
	for (uint32_t i = 0; i < rule->node_selector_count && !plan->denied; i++)
		if (plan_label(pass, rule, &rule->node_selector[i], plan) < 0)
			return -1;
	for (uint32_t w = 0; w < rule->rewrite_count; w++) {
		if (!rule->rewrites[w].pin || !str_present(plan->targets[w].name))
			continue;
		const struct model *model = &policy->models[rule->rewrites[w].model];
		for (uint32_t i = 0; i < model->label_count && !plan->denied; i++)
			if (plan_label(pass, rule, &model->labels[i], plan) < 0)
				return -1;
	}
	return 0;
}

/*
 * Checks whether the Pod can run somewhere now but not with these labels in its node selector. Sets
 * `*lost` to the resource that it could no longer get, or to an absent string if the labels
 * contradict its affinity.
 */
static int check_lost(struct pass *pass, const struct rule *rule, const struct plan *plan, const struct pair *labels,
		      uint32_t count, struct str *lost, bool *is_lost)
{
	const struct evaluation *e = pass->e;
	const struct spot *before = rules_before(pass);
	struct wishes now, then;
	struct pod placed;
	struct spot after;
	*lost = (struct str){NULL, 0};
	if (!before)
		return -1;
	rules_wishes(e, rule, NULL, &now);
	bool could_run = affinity_allows(before->placed, NULL, 0), could_land = false;
	for (uint32_t i = 0; i < now.count && !could_land; i++)
		could_land = rules_could_land(e, before, &now, i);
	*is_lost = false;
	if (!could_run && !could_land)
		return 0; /* There is nothing to lose. */
	if (rules_place(pass->e, before->placed, labels, count, &placed) < 0 || rules_spot(e, &placed, &after) < 0)
		return -1;
	rules_wishes(e, rule, plan, &then);
	*is_lost = could_run && !affinity_allows(&placed, NULL, 0);
	for (uint32_t i = 0; i < now.count && !*is_lost; i++) {
		*lost = then.items[i].name;
		*is_lost = rules_could_land(e, before, &now, i) && !rules_could_land(e, &after, &then, i);
	}
	return 0;
}

static int object_affinity(struct evaluation *e, const struct rule *rule, const struct plan *plan, struct str lost)
{
	const struct pair *label;
	const struct node_expression *against = affinity_against(e->pod, plan->labels, plan->label_count, &label);
	if (!against)
		return decision_add_violation(
		    e->decision, e->arena, REASON_RULE, rule->enforcement, rule->name,
		    "Rule \"" SHOW "\" places such Pods on nodes where no Accelerator of the policy has " SHOW
		    "; request another resource, or ask the platform team to correct the Rule",
		    SHOWN(rule->name), SHOWN(lost));
	struct buf values;
	buf_init(&values, 512);
	for (uint32_t i = 0; i < against->values.count && i < VALUES_SHOWN; i++)
		buf_printf(&values, "%s" SHOW, i ? ", " : " [", SHOWN(against->values.items[i]));
	if (against->values.count)
		buf_text(&values, against->values.count > VALUES_SHOWN ? ", ...]" : "]");
	struct str shown = values.failed ? STR("") : buf_view(&values);
	int result = decision_add_violation(e->decision, e->arena, REASON_RULE, rule->enforcement, rule->name,
					    "the Pod's required node affinity requires " SHOW " " SHOW
					    "%.*s, but Rule \"" SHOW "\" sets " SHOW "=" SHOW "; "
					    "remove that term or allow this value in it",
					    SHOWN(against->key), SHOWN(against->op), STR_ARG(shown), SHOWN(rule->name),
					    SHOWN(label->key), SHOWN(label->value));
	buf_release(&values);
	return result;
}

/*
 * Keeps the required affinity of the Pod, as its other values are kept: removes the labels that the
 * affinity, or what the Pod requests, does not allow.
 */
static int keep_allowed(struct pass *pass, const struct rule *rule, struct plan *plan)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < plan->label_count; i++) {
		struct str lost;
		bool is_lost;
		plan->labels[kept] = plan->labels[i];
		if (check_lost(pass, rule, plan, plan->labels, kept + 1, &lost, &is_lost) < 0)
			return -1;
		kept += !is_lost;
	}
	plan->label_count = kept;
	return 0;
}

/*
 * A node selector cannot replace an affinity. If they contradict each other, the Pod would stay
 * pending forever.
 */
static int check_affinity(struct pass *pass, const struct rule *rule, struct plan *plan)
{
	bool adds = false, is_lost;
	struct str lost;
	for (uint32_t i = 0; i < plan->label_count; i++) {
		struct str there = working_pod_selector(&pass->e->working, plan->labels[i].key);
		adds |= !str_present(there) || !str_eq(there, plan->labels[i].value);
	}
	if (!adds)
		return 0;
	if (check_lost(pass, rule, plan, plan->labels, plan->label_count, &lost, &is_lost) < 0)
		return -1;
	if (!is_lost)
		return 0;
	if (rule->on_conflict == CONFLICT_KEEP)
		return keep_allowed(pass, rule, plan);
	plan->denied = true;
	return object_affinity(pass->e, rule, plan, lost);
}

int rules_plan(struct pass *pass, const struct rule *rule, struct plan *plan)
{
	struct evaluation *e = pass->e;
	struct str class = working_pod_runtime_class(&e->working);
	plan->inexact = !is_exact(e, rule, plan);
	plan->idle = plan->inexact || requests_too_much(e, rule, plan);
	if (!plan->idle && rule->rewrite_count && check_elsewhere(pass, rule, plan, &plan->elsewhere) < 0)
		return -1;
	plan->idle |= plan->elsewhere;
	if (plan->idle)
		return 0;
	if (plan_rewrites(e, rule, plan) < 0 || (!plan->denied && plan_labels(pass, rule, plan) < 0) ||
	    (!plan->denied && check_affinity(pass, rule, plan) < 0))
		return -1;
	if (plan->denied || !str_present(rule->runtime_class) || pass->runtime_claimed)
		return 0;
	plan->runtime_class =
	    rule->on_conflict != CONFLICT_KEEP || !str_present(class) || str_eq(class, rule->runtime_class);
	return check_conflict(e, rule, "runtimeClassName", STR(""), class, rule->runtime_class, plan);
}
