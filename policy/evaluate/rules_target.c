/* rules_target: computes the new names of resources, and where a Pod that requests them can run. */
#include "policy/evaluate/rules_target.h"

#include <stdio.h>

#include "policy/base/mig_profile.h"
#include "policy/base/show.h"
#include "policy/evaluate/affinity.h"
#include "policy/evaluate/placement.h"
#include "policy/evaluate/rules_match.h"
#include "policy/evaluate/violation.h"
#include "policy/model/catalog.h"

static const struct str *find_value(const struct pairs *map, struct str key)
{
	return str_present(key) ? pairs_value(map, key) : NULL;
}

/*
 * Computes the memory that is needed per GPU, in bytes, and returns whether it is known. An invalid
 * amount in the Pod is a problem of the target.
 */
static bool wanted_memory(const struct evaluation *e, const struct rewrite *rewrite, struct target *target,
			  int64_t *memory)
{
	const struct pairs *map = rewrite->from_label ? &e->pod->labels : &e->pod->annotations;
	const struct str *stated = find_value(map, rewrite->memory_key);
	struct quantity quantity;
	*memory = rewrite->default_memory;
	if (!stated)
		return *memory > 0;
	target->stated = *stated;
	if (quantity_parse(*stated, &quantity) != QUANTITY_OK || quantity.nano <= 0)
		target->problem = TARGET_NO_MEMORY;
	else if (quantity_lacks_unit(*stated, &quantity))
		target->problem = TARGET_NO_UNIT;
	else {
		wide bytes = (quantity.nano + QUANTITY_SCALE - 1) / QUANTITY_SCALE;
		*memory = bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes;
	}
	return target->problem == TARGET_OK;
}

/*
 * Chooses the profile with the least sufficient memory, then with the fewest compute slices.
 * Profiles with a suffix (+me, +gfx, -me) are never chosen.
 */
static const struct profile *choose_profile(const struct model *model, int64_t memory, const struct profile **largest)
{
	const struct profile *best = NULL;
	*largest = NULL;
	for (uint32_t i = 0; i < model->profile_count; i++) {
		const struct profile *profile = &model->profiles[i];
		if (!mig_profile_plain(profile->name))
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

struct target rules_target(const struct evaluation *e, const struct rewrite *rewrite)
{
	struct target target = {.name = rewrite->to};
	int64_t memory;
	target.template = rewrite->template;
	if (target_acts(&target) || !wanted_memory(e, rewrite, &target, &memory))
		return target;
	const struct profile *profile = choose_profile(&e->policy->models[rewrite->model], memory, &target.largest);
	if (profile)
		target.name = profile->resource;
	else
		target.problem = target.largest ? TARGET_TOO_LARGE : TARGET_NO_PROFILE;
	return target;
}

/*
 * Advises what to write instead of an invalid amount or one without a unit: `24GB` and `24` mean
 * 24Gi.
 */
static void advise_memory(const struct target *target, char *advice, size_t size)
{
	char meant[32];
	struct quantity quantity;
	bool known = quantity_meant(target->stated, meant, sizeof meant);
	if (target->problem == TARGET_NO_UNIT)
		snprintf(advice, size, "write a unit, such as %sGi", known && strlen(meant) <= 3 ? meant : "40");
	else if (known && quantity_parse(target->stated, &quantity) != QUANTITY_OK && meant[strlen(meant) - 1] == 'i')
		snprintf(advice, size, "did you mean %s?", meant);
	else
		snprintf(advice, size, "write one such as 10Gi");
}

int rules_add_target_violation(struct evaluation *e, const struct rule *rule, const struct rewrite *rewrite,
			       const struct target *target)
{
	const char *source = rewrite->from_label ? "label" : "annotation";
	if (target->problem == TARGET_NO_PROFILE)
		return decision_add_violation(
		    e->decision, e->arena, REASON_RULE, rule->enforcement, rule->name,
		    "Rule \"" SHOW "\" cannot choose a MIG profile by memory, because Accelerator \"" SHOW "\" "
		    "offers none that may be chosen; ask the platform team to correct the Rule",
		    SHOWN(rule->name), SHOWN(e->policy->models[rewrite->model].name));
	if (target->problem == TARGET_TOO_LARGE)
		return decision_add_violation(
		    e->decision, e->arena, REASON_RULE, rule->enforcement, rule->name,
		    "%s " SHOW " requests " SHOW
		    " of memory per GPU, more than any MIG profile that Accelerator \"" SHOW "\" offers; "
		    "write at most %lldGi (" SHOW "), or ask the platform team for larger GPUs",
		    source, SHOWN(rewrite->memory_key), SHOWN(target->stated),
		    SHOWN(e->policy->models[rewrite->model].name), (long long)(target->largest->memory >> 30),
		    SHOWN(target->largest->name));
	char advice[96];
	advise_memory(target, advice, sizeof advice);
	return decision_add_violation(
	    e->decision, e->arena, REASON_RULE, rule->enforcement, rule->name,
	    "%s " SHOW " is \"" SHOW "\", which is %s; %s", source, SHOWN(rewrite->memory_key), SHOWN(target->stated),
	    target->problem == TARGET_NO_UNIT ? "a number of bytes" : "not an amount of memory", advice);
}

int rules_place(struct evaluation *e, const struct pod *placed, const struct pair *labels, uint32_t count,
		struct pod *out)
{
	const struct pairs *there = &placed->node_selector;
	struct pair *items = arena_alloc(e->arena, ((size_t)there->count + count) * sizeof *items);
	uint32_t kept = 0;
	if (!items)
		return -1;
	for (uint32_t i = 0; i < there->count; i++) {
		bool replaced = false;
		for (uint32_t k = 0; k < count && !replaced; k++)
			replaced = str_eq(labels[k].key, there->items[i].key);
		if (!replaced)
			items[kept++] = there->items[i];
	}
	if (count)
		memcpy(items + kept, labels, count * sizeof *items);
	*out = *placed;
	out->node_selector = (struct pairs){items, kept + count, true};
	return 0;
}

const struct pod *rules_placed(struct pass *pass)
{
	const struct working_pod *working = &pass->e->working;
	if (working->selector_count == 0)
		return pass->e->pod;
	if (!pass->placed_valid &&
	    rules_place(pass->e, pass->e->pod, working->selectors, working->selector_count, &pass->placed) < 0)
		return NULL;
	pass->placed_valid = true;
	return &pass->placed;
}

/* Finds out on which models of one resource the Pod can run. */
static int reach_models(const struct evaluation *e, const struct pod *placed, const struct resource *resource,
			uint8_t *reached)
{
	struct placement placement;
	if (placement_find(e->policy, resource, placed, e->arena, &placement) < 0)
		return -1;
	for (uint32_t l = 0; l < resource->landing_count; l++) {
		uint32_t model = resource->landings[l].model;
		const struct model *m = &e->policy->models[model];
		bool could = placement_allows(&placement, l) && affinity_allows(placed, m->labels, m->label_count);
		if (str_eq(m->resource, resource->name))
			reached[model] = could ? REACH_YES : REACH_NO;
	}
	return 0;
}

int rules_spot(const struct evaluation *e, const struct pod *placed, struct spot *spot)
{
	uint8_t *reached = arena_alloc(e->arena, e->policy->model_count);
	if (!reached)
		return -1;
	memset(reached, REACH_UNKNOWN, e->policy->model_count);
	for (uint32_t m = 0; m < e->policy->model_count; m++)
		if (reached[m] == REACH_UNKNOWN &&
		    reach_models(e, placed, snapshot_resource(e->policy, e->policy->models[m].resource), reached) < 0)
			return -1;
	*spot = (struct spot){placed, reached};
	return 0;
}

const struct spot *rules_before(struct pass *pass)
{
	const struct pod *placed = rules_placed(pass);
	if (!placed || (!pass->before_valid && rules_spot(pass->e, placed, &pass->before) < 0))
		return NULL;
	pass->before_valid = true;
	return &pass->before;
}

/*
 * Whether nodes of the model also have what is wished for. A node has only one model of a resource,
 * but may also have a model of another resource.
 */
static bool has_too(const struct policy *policy, const struct wish *wish, uint32_t model)
{
	const struct resource *resource = wish->resource;
	bool rival = false;
	for (uint32_t i = 0; resource && i < resource->landing_count; i++) {
		uint32_t landing = resource->landings[i].model;
		if (landing == model)
			return wish->model == NO_MODEL || wish->model == model;
		rival |= str_eq(policy->models[landing].resource, policy->models[model].resource);
	}
	return !rival;
}

bool rules_could_land(const struct evaluation *e, const struct spot *spot, const struct wishes *wishes, uint32_t which)
{
	const struct wish *wish = &wishes->items[which];
	for (uint32_t i = 0; wish->resource && i < wish->resource->landing_count; i++) {
		uint32_t model = wish->resource->landings[i].model;
		bool all = (wish->model == NO_MODEL || wish->model == model) && spot->reached[model] == REACH_YES;
		for (uint32_t k = 0; k < wishes->count && all; k++)
			all = has_too(e->policy, &wishes->items[k], model);
		if (all)
			return true;
	}
	return !wish->resource && affinity_allows(spot->placed, NULL, 0);
}

void rules_wishes(const struct evaluation *e, const struct rule *rule, const struct plan *plan, struct wishes *wishes)
{
	const struct working_pod *working = &e->working;
	wishes->count = 0;
	for (uint32_t n = 0; n < working->name_count; n++) {
		struct wish *wish = &wishes->items[wishes->count];
		if (working->effective[n] <= 0)
			continue;
		*wish = (struct wish){working->names[n], working->resources[n], NO_MODEL, false};
		for (uint32_t w = 0; plan && w < rule->rewrite_count && !wish->renamed; w++) {
			if (!str_present(plan->targets[w].name) || !str_eq(rule->rewrites[w].from, working->names[n]))
				continue;
			struct str to = plan->targets[w].name;
			*wish = (struct wish){to, snapshot_resource(e->policy, to), rule->rewrites[w].model, true};
		}
		wishes->count++;
	}
}

static void walk_to(struct results *results, struct str name)
{
	for (uint32_t i = 0; i < results->count; i++)
		if (str_eq(results->names[i], name))
			return;
	if (str_present(name) && results->count < WORKING_POD_RESOURCES_MAX)
		results->names[results->count++] = name;
}

/*
 * Adds the names to which matching Rules rewrite this one. Their ranges are ignored, because the
 * amounts have changed since.
 */
static void walk_from(const struct evaluation *e, struct results *results, struct str name)
{
	const struct index *index = &e->policy->rule_index.rewrites;
	for (const struct index_entry *entry = index_find(index, name, (struct str){NULL, 0}); entry;
	     entry = index_next(index, entry)) {
		const struct rule *rule = &e->policy->rules[entry->id];
		if (rule->enforcement != ENFORCEMENT_DENY || !rules_concern(e, rule))
			continue;
		for (uint32_t w = 0; w < rule->rewrite_count; w++) {
			const struct rewrite *rewrite = &rule->rewrites[w];
			if (!str_eq(rewrite->from, name))
				continue;
			walk_to(results, rules_target(e, rewrite).name);
			if (str_present(rewrite->template) && results->claim_count < WORKING_POD_RESOURCES_MAX)
				results->claims[results->claim_count++] = rewrite;
		}
	}
}

void rules_results(const struct evaluation *e, struct str from, struct results *results)
{
	results->count = results->claim_count = 0;
	walk_from(e, results, from);
	for (uint32_t i = 0; i < results->count; i++)
		walk_from(e, results, results->names[i]);
}

bool rules_requests_result(const struct evaluation *e, uint32_t container, const struct results *results)
{
	for (uint32_t i = 0; i < results->count; i++)
		if (working_pod_requested(&e->working, container, results->names[i]) > 0)
			return true;
	return false;
}
