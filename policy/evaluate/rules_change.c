/* rules_change: makes the changes that a Rule has planned, or reports them. */
#include "policy/evaluate/rules_change.h"

#include "gpugate/buf.h"
#include "gpugate/vec.h"
#include "policy/base/show.h"
#include "policy/evaluate/rules_claims.h"
#include "policy/evaluate/rules_plan.h"
#include "policy/evaluate/rules_target.h"
#include "policy/evaluate/trace.h"
#include "policy/evaluate/violation.h"

#define NAMES_SHOWN 2

/* Whether a container requests the name, and whether it also requests the target. */
enum asking { REQUESTS_NOT, REQUESTS_ONLY, REQUESTS_BESIDE };

static enum asking asking(const struct working_pod *working, const struct amount_of *amount, uint32_t name,
			  struct str to)
{
	if (amount->name != name || amount_value(amount) <= 0)
		return REQUESTS_NOT;
	return working_pod_requested(working, amount->container, to) > 0 ? REQUESTS_BESIDE : REQUESTS_ONLY;
}

/* Whether the container already has what Rules make of the amount. */
static bool is_leftover(const struct evaluation *e, const struct amount_of *amount, const struct results *results)
{
	return rules_claims_has(e, amount, results) || rules_requests_result(e, amount->container, results);
}

void rules_drop_leftovers(struct evaluation *e, const struct rule *rule, const struct plan *plan, bool *changed)
{
	struct working_pod *working = &e->working;
	for (uint32_t w = 0; w < rule->rewrite_count && (working->name_count > 1 || working->given); w++) {
		uint32_t name = working_pod_name(working, rule->rewrites[w].from);
		if (name == INDEX_NONE || !target_acts(&plan->targets[w]))
			continue;
		struct results results;
		rules_results(e, rule->rewrites[w].from, &results);
		for (uint32_t i = 0; i < working->amount_count; i++) {
			struct amount_of *amount = &working->amounts[i];
			if (amount->name != name || amount_value(amount) <= 0 || !is_leftover(e, amount, &results))
				continue;
			trace_amount(e, rule, amount, (struct str){NULL, 0});
			amount->request = amount->limit = AMOUNT_ABSENT;
			*changed = true;
		}
	}
}

static int claim(struct pass *pass, struct str key)
{
	struct str *claims =
	    vec_room_in(pass->e->arena, pass->claims, pass->claim_count, &pass->claim_size, 8, sizeof *claims);
	if (!claims)
		return -1;
	pass->claims = claims;
	pass->claims[pass->claim_count++] = key;
	return 0;
}

static bool is_there(const struct working_pod *working, const struct pair *label)
{
	struct str there = working_pod_selector(working, label->key);
	return str_present(there) && str_eq(there, label->value);
}

static int set_labels(struct pass *pass, const struct rule *rule, const struct plan *plan, bool *changed)
{
	struct working_pod *working = &pass->e->working;
	for (uint32_t i = 0; i < plan->label_count; i++) {
		if (claim(pass, plan->labels[i].key) < 0)
			return -1;
		if (is_there(working, &plan->labels[i]))
			continue;
		*changed = true;
		pass->placed_valid = pass->before_valid = false;
		trace_selector(pass->e, rule, &plan->labels[i]);
		if (working_pod_select(working, plan->labels[i].key, plan->labels[i].value) < 0)
			return -1;
	}
	return 0;
}

static int tolerate(struct evaluation *e, const struct rule *rule, const struct toleration *toleration, bool *changed)
{
	bool added = false;
	if (working_pod_tolerate(&e->working, toleration, &added) < 0)
		return -1;
	if (added)
		trace_toleration(e, rule, toleration);
	*changed |= added;
	return 0;
}

/* Moves the amount of the name in every container. */
static int move_amounts(struct evaluation *e, const struct rule *rule, const struct rewrite *rewrite, struct str to,
			bool *moved)
{
	struct working_pod *working = &e->working;
	uint32_t name = working_pod_name(working, rewrite->from), count = working->amount_count;
	for (uint32_t i = 0; name != INDEX_NONE && i < count; i++) {
		if (asking(working, &working->amounts[i], name, to) == REQUESTS_NOT)
			continue;
		trace_amount(e, rule, &working->amounts[i], to);
		if (working_pod_move(working, i, to) < 0)
			return -1;
		*moved = true;
	}
	return 0;
}

/*
 * Replaces the amount of the name in every container. The Pod then also tolerates nodes that are
 * tainted with the old name.
 */
static int rewrite_amounts(struct evaluation *e, const struct rule *rule, const struct rewrite *rewrite,
			   const struct target *target, bool *changed)
{
	struct toleration old = {.key = rewrite->from, .op = STR("Exists"), .effect = STR("NoSchedule")};
	bool moved = false;
	int result = str_present(target->template) ? rules_claims_give(e, rule, rewrite, &moved)
						   : move_amounts(e, rule, rewrite, target->name, &moved);
	if (result < 0)
		return -1;
	*changed |= moved;
	return moved ? tolerate(e, rule, &old, changed) : 0;
}

int rules_change(struct pass *pass, const struct rule *rule, const struct plan *plan, bool *changed)
{
	struct working_pod *working = &pass->e->working;
	if (set_labels(pass, rule, plan, changed) < 0)
		return -1;
	for (uint32_t w = 0; w < rule->rewrite_count; w++)
		if (target_acts(&plan->targets[w]) &&
		    rewrite_amounts(pass->e, rule, &rule->rewrites[w], &plan->targets[w], changed) < 0)
			return -1;
	for (uint32_t i = 0; i < rule->toleration_count; i++)
		if (tolerate(pass->e, rule, &rule->tolerations[i], changed) < 0)
			return -1;
	if (!plan->runtime_class)
		return 0;
	struct str class = working_pod_runtime_class(working);
	pass->runtime_claimed = true;
	if (!str_present(class) || !str_eq(class, rule->runtime_class)) {
		trace_runtime_class(pass->e, rule);
		working->runtime_class = rule->runtime_class;
		*changed = true;
	}
	return 0;
}

/* --- What a Rule that only reports says. --- */

static void begin_part(struct buf *out, bool *some)
{
	buf_text(out, *some ? "; " : "");
	*some = true;
}

/*
 * Prints `container "a"`, `containers "a" and "b"`, or `containers "a", "b" and 3 more` for those
 * that request as `which` says. Returns whether there are any.
 */
static bool tell_containers(struct buf *out, const struct working_pod *working, uint32_t name, struct str to,
			    enum asking which)
{
	struct str shown[NAMES_SHOWN];
	uint32_t count = 0;
	for (uint32_t i = 0; name != INDEX_NONE && i < working->amount_count; i++) {
		if (asking(working, &working->amounts[i], name, to) != which)
			continue;
		if (count < NAMES_SHOWN)
			shown[count] = working->pod->containers[working->amounts[i].container].name;
		count++;
	}
	if (count == 1)
		buf_printf(out, "container \"" SHOW "\"", SHOWN(shown[0]));
	else if (count == 2)
		buf_printf(out, "containers \"" SHOW "\" and \"" SHOW "\"", SHOWN(shown[0]), SHOWN(shown[1]));
	else if (count > 2)
		buf_printf(out, "containers \"" SHOW "\", \"" SHOW "\" and %u more", SHOWN(shown[0]), SHOWN(shown[1]),
			   count - 2);
	return count > 0;
}

static void tell_claims(struct buf *out, const struct working_pod *working, const struct rewrite *rewrite, bool *some)
{
	struct buf containers;
	buf_init(&containers, 1024);
	if (tell_containers(&containers, working, working_pod_name(working, rewrite->from), (struct str){NULL, 0},
			    REQUESTS_ONLY)) {
		begin_part(out, some);
		buf_printf(out, "replace %.*s by claims from the ResourceClaimTemplate \"%.*s\" in %.*s",
			   STR_ARG(rewrite->from), STR_ARG(rewrite->template), STR_ARG(buf_view(&containers)));
	}
	buf_release(&containers);
}

static void tell_rewrite(struct buf *out, const struct working_pod *working, struct str from, struct str to, bool *some)
{
	uint32_t name = working_pod_name(working, from);
	struct buf containers;
	buf_init(&containers, 1024);
	if (tell_containers(&containers, working, name, to, REQUESTS_ONLY)) {
		begin_part(out, some);
		buf_printf(out, "rewrite %.*s to %.*s in %.*s", STR_ARG(from), STR_ARG(to),
			   STR_ARG(buf_view(&containers)));
	}
	buf_reset(&containers);
	if (tell_containers(&containers, working, name, to, REQUESTS_BESIDE)) {
		begin_part(out, some);
		buf_printf(out, "remove %.*s, since %.*s is asked for as well, in %.*s", STR_ARG(from), STR_ARG(to),
			   STR_ARG(buf_view(&containers)));
	}
	buf_release(&containers);
}

static void tell_labels(struct buf *out, const struct working_pod *working, const struct plan *plan, bool *some)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < plan->label_count; i++) {
		const struct pair *label = &plan->labels[i];
		if (is_there(working, label))
			continue;
		if (count == 0)
			begin_part(out, some);
		if (count < NAMES_SHOWN)
			buf_printf(out, "%s%.*s=%.*s", count ? ", " : "set node selector ", STR_ARG(label->key),
				   STR_ARG(label->value));
		count++;
	}
	if (count > NAMES_SHOWN)
		buf_printf(out, " and %u more", count - NAMES_SHOWN);
}

static void tell_rest(struct buf *out, const struct working_pod *working, const struct rule *rule,
		      const struct plan *plan, bool *some)
{
	uint32_t count = 0;
	struct str class = working_pod_runtime_class(working);
	for (uint32_t i = 0; i < rule->toleration_count; i++)
		count += !working_pod_tolerates(working, &rule->tolerations[i]);
	if (count) {
		begin_part(out, some);
		buf_printf(out, count == 1 ? "add a toleration" : "add %u tolerations", count);
	}
	if (plan->runtime_class && !(str_present(class) && str_eq(class, rule->runtime_class))) {
		begin_part(out, some);
		buf_printf(out, "set runtimeClassName %.*s", STR_ARG(rule->runtime_class));
	}
}

int rules_report(struct pass *pass, const struct rule *rule, const struct plan *plan)
{
	struct evaluation *e = pass->e;
	struct buf out;
	bool some = false;
	int result = 0;
	uint32_t index = e->decision->violation_count;
	buf_init(&out, 4096);
	for (uint32_t w = 0; w < rule->rewrite_count; w++)
		if (str_present(plan->targets[w].template))
			tell_claims(&out, &e->working, &rule->rewrites[w], &some);
		else if (str_present(plan->targets[w].name))
			tell_rewrite(&out, &e->working, rule->rewrites[w].from, plan->targets[w].name, &some);
	tell_labels(&out, &e->working, plan, &some);
	tell_rest(&out, &e->working, rule, plan, &some);
	struct str what = out.failed ? STR("change this Pod") : buf_view(&out);
	if (some)
		trace_outcome(e, rule, RULE_REPORTED);
	if (some)
		result =
		    decision_add_violation(e->decision, e->arena, REASON_RULE, rule->enforcement, rule->name,
					   "Rule \"%.*s\" would %.*s (enforcement: %s)", STR_ARG(rule->name),
					   STR_ARG(what), rule->enforcement == ENFORCEMENT_WARN ? "warn" : "audit");
	if (index < e->decision->violation_count)
		e->decision->violations[index].only_changes = true;
	buf_release(&out);
	return result;
}
