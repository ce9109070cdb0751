/* Rules: rewriting and injection, to a fixed point. */
#include <stdlib.h>

#include "policy/catalog.h"
#include "policy/evaluate.h"
#include "policy/glob.h"

/* Longer than any chain of rewrites can be: names of a draft are at most DRAFT_RESOURCES_MAX. */
#define PASSES_MAX (DRAFT_RESOURCES_MAX + 2)

/* What a pass needs beside the evaluation. */
struct pass {
	struct evaluation *e;
	uint32_t *found; /* Rules to look at, by rank */
	uint32_t found_count, found_size;
	bool exhausted;
	struct str *claims; /* nodeSelector keys that a Rule of this pass has set */
	uint32_t claim_count, claim_size;
	bool runtime_claimed;
};

static void add_found(struct pass *pass, uint32_t rule)
{
	if (pass->found_count == pass->found_size) {
		uint32_t size = pass->found_size ? pass->found_size * 2 : 32;
		uint32_t *found = arena_alloc(pass->e->arena, size * sizeof *found);
		if (!found) {
			pass->exhausted = true;
			return;
		}
		if (pass->found_count)
			memcpy(found, pass->found, pass->found_count * sizeof *found);
		pass->found = found;
		pass->found_size = size;
	}
	pass->found[pass->found_count++] = rule;
}

static void found_glob(void *context, struct str pattern, uint32_t id)
{
	(void)pattern;
	add_found(context, id);
}

static void found_key(struct pass *pass, const struct index *index, struct str key, struct str more)
{
	for (const struct index_entry *e = index_find(index, key, more); e; e = index_next(index, e))
		add_found(pass, e->id);
}

static int rank_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

/* The Rules that could match the draft as it stands, by rank; a Rule found under several keys may stand there twice. */
static void find_rules(struct pass *pass)
{
	const struct evaluation *e = pass->e;
	const struct rule_index *index = &e->policy->rule_index;
	const struct str none = {NULL, 0};
	pass->found_count = 0;
	glob_index_match(&index->namespaces, e->namespace, found_glob, pass);
	for (uint32_t t = e->tenant; t != NO_TENANT; t = e->policy->tenants[t].parent)
		found_key(pass, &index->tenants, e->policy->tenants[t].name, none);
	for (uint32_t i = 0; index->pod_labels.count && i < e->pod->labels.count; i++)
		found_key(pass, &index->pod_labels, e->pod->labels.items[i].key, e->pod->labels.items[i].value);
	for (uint32_t n = 0; n < e->draft.name_count; n++)
		if (e->draft.effective[n] > 0)
			found_key(pass, &index->requests, e->draft.names[n], none);
	for (uint32_t i = 0; i < index->rest_count; i++)
		add_found(pass, index->rest[i]);
	if (pass->found_count > 1)
		qsort(pass->found, pass->found_count, sizeof *pass->found, rank_order);
}

static bool rule_matches(const struct evaluation *e, const struct rule *rule)
{
	bool tenant = rule->any_tenant;
	for (uint32_t t = e->tenant; !tenant && t != NO_TENANT; t = e->policy->tenants[t].parent)
		for (uint32_t i = 0; i < rule->tenant_count; i++)
			tenant |= rule->tenants[i] == t;
	if (!tenant || (!rule->any_namespace && !globs_match(&rule->namespaces, e->namespace)))
		return false;
	for (uint32_t i = 0; i < rule->request_count; i++) {
		int64_t asked = draft_effective(&e->draft, rule->requests[i].resource);
		if (asked < rule->requests[i].min || asked > rule->requests[i].max)
			return false;
	}
	return selector_match(&rule->namespace_selector, &e->namespace_labels, e->namespace) &&
	       selector_match(&rule->pod_selector, &e->pod->labels, (struct str){NULL, 0});
}

static int object(struct evaluation *e, const struct rule *rule, const char *text)
{
	return decision_object(e->decision, e->arena, REASON_RULE, e->policy->enforcement, rule->name, "%s", text);
}

/* The memory that one GPU's worth of work needs; 0: the Pod does not say and there is no default. -1: senseless. */
static int64_t wanted_memory(const struct evaluation *e, const struct rewrite *rewrite, struct str *said)
{
	const struct pairs *map = rewrite->from_label ? &e->pod->labels : &e->pod->annotations;
	for (uint32_t i = 0; str_present(rewrite->memory_key) && i < map->count; i++) {
		if (!str_eq(map->items[i].key, rewrite->memory_key))
			continue;
		struct quantity quantity;
		*said = map->items[i].value;
		if (quantity_parse(*said, &quantity) != QUANTITY_OK || quantity.nano <= 0)
			return -1;
		wide bytes = (quantity.nano + QUANTITY_SCALE - 1) / QUANTITY_SCALE;
		return bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes;
	}
	return rewrite->default_memory;
}

/* Least memory that covers, then fewest compute slices; profiles with a suffix (+me, +gfx, -me) are never chosen. */
static const struct profile *choose_profile(const struct model *model, int64_t memory, const struct profile **largest)
{
	const struct profile *best = NULL;
	*largest = NULL;
	for (uint32_t i = 0; i < model->profile_count; i++) {
		const struct profile *profile = &model->profiles[i];
		if (!catalog_profile_plain(profile->name))
			continue;
		if (!*largest || profile->memory > (*largest)->memory)
			*largest = profile;
		if (profile->memory < memory)
			continue;
		if (!best || profile->memory < best->memory ||
		    (profile->memory == best->memory && profile->compute_slices < best->compute_slices))
			best = profile;
	}
	return best;
}

/* What a rewrite turns its name into for this Pod. Absent: nothing to do, or an objection was made. */
static int rewrite_target(struct evaluation *e, const struct rule *rule, const struct rewrite *rewrite, struct str *to,
			  bool *refused)
{
	*to = rewrite->to;
	if (str_present(rewrite->to))
		return 0;
	const struct model *model = &e->policy->models[rewrite->model];
	const struct profile *largest;
	struct str said = {NULL, 0};
	int64_t memory = wanted_memory(e, rewrite, &said);
	if (memory == 0)
		return 0;
	const char *source = rewrite->from_label ? "label" : "annotation";
	if (memory < 0) {
		*refused = true;
		return decision_object(e->decision, e->arena, REASON_RULE, e->policy->enforcement, rule->name,
				       "%s %.*s is \"%.*s\", which is no amount of memory; write for example 10Gi",
				       source, STR_ARG(rewrite->memory_key), STR_ARG(said));
	}
	const struct profile *profile = choose_profile(model, memory, &largest);
	if (profile) {
		*to = profile->resource;
		return 0;
	}
	*refused = true;
	if (!largest)
		return object(e, rule, "the Accelerator offers no MIG profile that may be chosen by memory");
	return decision_object(
	    e->decision, e->arena, REASON_RULE, e->policy->enforcement, rule->name,
	    "%s %.*s asks %.*s of memory per GPU, more than any MIG profile that %.*s offers; the largest is "
	    "%.*s (%lldGi)",
	    source, STR_ARG(rewrite->memory_key), STR_ARG(said), STR_ARG(model->name), STR_ARG(largest->name),
	    (long long)(largest->memory >> 30));
}

static bool claimed(const struct pass *pass, struct str key)
{
	for (uint32_t i = 0; i < pass->claim_count; i++)
		if (str_eq(pass->claims[i], key))
			return true;
	return false;
}

/* Whether the Pod itself says otherwise than the Rule wants: an objection where the Rule denies that. */
static int check_conflict(struct pass *pass, const struct rule *rule, const char *field, struct str key,
			  struct str there, struct str wanted, bool *refused)
{
	if (rule->on_conflict != CONFLICT_DENY || !str_present(there) || str_eq(there, wanted))
		return 0;
	struct evaluation *e = pass->e;
	*refused = true;
	return decision_object(
	    e->decision, e->arena, REASON_RULE, e->policy->enforcement, rule->name,
	    "%s%.*s is \"%.*s\" in the Pod, but Rule \"%.*s\" places such Pods with \"%.*s\"; remove it or use "
	    "that value",
	    field, STR_ARG(key), STR_ARG(there), STR_ARG(rule->name), STR_ARG(wanted));
}

static int check_selectors(struct pass *pass, const struct rule *rule, const struct pair *pairs, uint32_t count,
			   bool *refused)
{
	for (uint32_t i = 0; i < count && !*refused; i++) {
		if (claimed(pass, pairs[i].key))
			continue;
		if (check_conflict(pass, rule, "nodeSelector ", pairs[i].key,
				   draft_selector(&pass->e->draft, pairs[i].key), pairs[i].value, refused) < 0)
			return -1;
	}
	return 0;
}

static int inject_selectors(struct pass *pass, const struct rule *rule, const struct pair *pairs, uint32_t count,
			    bool *changed)
{
	struct evaluation *e = pass->e;
	for (uint32_t i = 0; i < count; i++) {
		if (claimed(pass, pairs[i].key))
			continue;
		struct str there = draft_selector(&e->draft, pairs[i].key);
		if (str_present(there) && !str_eq(there, pairs[i].value) && rule->on_conflict == CONFLICT_KEEP)
			continue;
		if (pass->claim_count == pass->claim_size) {
			uint32_t size = pass->claim_size ? pass->claim_size * 2 : 8;
			struct str *claims = arena_alloc(e->arena, size * sizeof *claims);
			if (!claims)
				return -1;
			if (pass->claim_count)
				memcpy(claims, pass->claims, pass->claim_count * sizeof *claims);
			pass->claims = claims;
			pass->claim_size = size;
		}
		pass->claims[pass->claim_count++] = pairs[i].key;
		if (str_present(there) && str_eq(there, pairs[i].value))
			continue;
		*changed = true;
		if (draft_select(&e->draft, pairs[i].key, pairs[i].value) < 0)
			return -1;
	}
	return 0;
}

static int inject_rest(struct pass *pass, const struct rule *rule, bool *changed)
{
	struct draft *draft = &pass->e->draft;
	for (uint32_t i = 0; i < rule->toleration_count; i++)
		if (draft_tolerate(draft, &rule->tolerations[i], changed) < 0)
			return -1;
	if (!str_present(rule->runtime_class) || pass->runtime_claimed)
		return 0;
	struct str there = draft_runtime_class(draft);
	bool other = str_present(there) && !str_eq(there, rule->runtime_class);
	if (other && rule->on_conflict == CONFLICT_KEEP)
		return 0;
	pass->runtime_claimed = true;
	if (!str_present(there) || other) {
		draft->runtime_class = rule->runtime_class;
		*changed = true;
	}
	return 0;
}

/* Moves every container's amount of the name; the Pod then also tolerates nodes tainted by the old name. */
static int rewrite_amounts(struct evaluation *e, const struct rewrite *rewrite, struct str to, bool *changed)
{
	struct draft *draft = &e->draft;
	struct toleration old = {.key = rewrite->from, .op = STR("Exists"), .effect = STR("NoSchedule")};
	uint32_t name = draft_name(draft, rewrite->from), count = draft->amount_count;
	bool moved = false;
	for (uint32_t i = 0; name != INDEX_NONE && i < count; i++) {
		if (draft->amounts[i].name != name || amount_value(&draft->amounts[i]) <= 0)
			continue;
		if (draft_move(draft, i, to) < 0)
			return -1;
		moved = true;
	}
	*changed |= moved;
	return moved ? draft_tolerate(draft, &old, changed) : 0;
}

/* One Rule, all or nothing: everything that could be refused is looked at before anything changes. */
static int apply_rule(struct pass *pass, const struct rule *rule, bool *changed)
{
	struct evaluation *e = pass->e;
	bool refused = false;
	struct str *targets = arena_zalloc(e->arena, rule->rewrite_count, sizeof *targets);
	if (!targets)
		return -1;
	if (check_selectors(pass, rule, rule->node_selector, rule->node_selector_count, &refused) < 0)
		return -1;
	if (!refused && str_present(rule->runtime_class) && !pass->runtime_claimed &&
	    check_conflict(pass, rule, "runtimeClassName", STR(""), draft_runtime_class(&e->draft), rule->runtime_class,
			   &refused) < 0)
		return -1;
	for (uint32_t w = 0; w < rule->rewrite_count && !refused; w++) {
		const struct rewrite *rewrite = &rule->rewrites[w];
		if (draft_effective(&e->draft, rewrite->from) <= 0)
			continue;
		if (rewrite_target(e, rule, rewrite, &targets[w], &refused) < 0)
			return -1;
		if (!refused && str_present(targets[w]) && e->draft.name_count == DRAFT_RESOURCES_MAX &&
		    draft_name(&e->draft, targets[w]) == INDEX_NONE) {
			refused = true;
			if (object(e, rule,
				   "the Pod asks too many different accelerator resources to rewrite one more") < 0)
				return -1;
		}
		if (!refused && str_present(targets[w]) && rewrite->pin) {
			const struct model *model = &e->policy->models[rewrite->model];
			if (check_selectors(pass, rule, model->labels, model->label_count, &refused) < 0)
				return -1;
		}
	}
	if (refused)
		return 0;
	if (inject_selectors(pass, rule, rule->node_selector, rule->node_selector_count, changed) < 0)
		return -1;
	for (uint32_t w = 0; w < rule->rewrite_count; w++) {
		const struct rewrite *rewrite = &rule->rewrites[w];
		if (!str_present(targets[w]))
			continue;
		if (rewrite_amounts(e, rewrite, targets[w], changed) < 0)
			return -1;
		if (!rewrite->pin)
			continue;
		const struct model *model = &e->policy->models[rewrite->model];
		if (inject_selectors(pass, rule, model->labels, model->label_count, changed) < 0)
			return -1;
	}
	return inject_rest(pass, rule, changed);
}

static int note_rule(struct evaluation *e, const struct rule *rule)
{
	struct decision *decision = e->decision;
	for (uint32_t i = 0; i < decision->rule_count; i++)
		if (str_eq(decision->rules[i], rule->name))
			return 0;
	struct str *rules = (struct str *)(uintptr_t)decision->rules;   /* made here, and const for readers */
	if ((decision->rule_count & (decision->rule_count - 1)) == 0) { /* room doubles when a power of two is full */
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

/* One pass over all Rules, each seeing the draft as the earlier ones left it. */
static int apply_pass(struct evaluation *e, bool settle, bool *any_changed)
{
	struct pass pass = {.e = e};
	struct draft_problem problem = {0};
	find_rules(&pass);
	uint32_t last = INDEX_NONE;
	for (uint32_t i = 0; i < pass.found_count && !pass.exhausted; i++) {
		uint32_t rank = pass.found[i];
		const struct rule *rule = &e->policy->rules[rank];
		if ((last != INDEX_NONE && rank <= last) || !rule_matches(e, rule))
			continue;
		last = rank;
		bool changed = false;
		if (apply_rule(&pass, rule, &changed) < 0)
			return -1;
		if (e->decision->denied && settle)
			return 0; /* one refusal is enough: what later Rules would do to that Pod means nothing */
		if (!changed)
			continue;
		*any_changed = true;
		if (note_rule(e, rule) < 0)
			return -1;
		if (!settle && rule->required &&
		    decision_object(e->decision, e->arena, REASON_RULE, e->policy->enforcement, rule->name,
				    "the Pod is not as the required Rule \"%.*s\" leaves such Pods: the mutating "
				    "webhook did not see "
				    "it, or something changed it afterwards; create it again",
				    STR_ARG(rule->name)) < 0)
			return -1;
		draft_sum(&e->draft, &problem);
		if (rule->rewrite_count) { /* other amounts: other Rules may match */
			find_rules(&pass);
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
	return decision_object(e->decision, e->arena, REASON_RULE, e->policy->enforcement, e->decision->rules[0],
			       "Rules keep undoing each other on this Pod (\"%.*s\" among them); ask the platform team",
			       STR_ARG(e->decision->rules[0]));
}
