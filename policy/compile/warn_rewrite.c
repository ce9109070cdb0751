/*
 * warn_rewrite: warns about rewrites that never act, or whose Pods are then refused or never
 * scheduled.
 */
#include <stdio.h>

#include "policy/base/mig_profile.h"
#include "policy/base/show.h"
#include "policy/compile/warn.h"
#include "policy/compile/warn_context.h"
#include "policy/model/catalog.h"

static const struct rewrite *find_rewrite(const struct rule *rule, struct str from)
{
	for (uint32_t w = 0; w < rule->rewrite_count; w++)
		if (str_eq(rule->rewrites[w].from, from))
			return &rule->rewrites[w];
	return NULL;
}

/*
 * Whether the rewrite applies to Pods that could land on the model. If the policy does not know the
 * target, it applies to all.
 */
static bool acts_on(const struct policy *policy, const struct rewrite *rewrite, uint32_t model)
{
	const struct resource *resource = str_present(rewrite->to) ? snapshot_resource(policy, rewrite->to) : NULL;
	bool acts = rewrite->model == model || (rewrite->model == NO_MODEL && !resource);
	for (uint32_t i = 0; resource && i < resource->landing_count; i++)
		acts |= resource->landings[i].model == model;
	return acts;
}

/* Whether the earlier rewrite leaves no Pod for the later one. */
static bool takes_all(const struct policy *policy, const struct rewrite *earlier, const struct rewrite *later)
{
	bool anywhere = false, all = true;
	for (uint32_t m = 0; m < policy->model_count; m++) {
		bool acts = acts_on(policy, earlier, m);
		/* No Pod can exclude a model without labels. */
		anywhere |= acts && policy->models[m].label_count == 0;
		all &= acts || !acts_on(policy, later, m);
	}
	return (anywhere || all) && earlier->max_per_container >= later->max_per_container;
}

static bool is_of_everyone(const struct rule *rule, const struct rewrite *rewrite)
{
	bool everyone = rule->any_tenant && rule->any_namespace && !rule->namespace_selector.count &&
			!rule->pod_selector.count && !rule->annotation_selector.count &&
			rule->enforcement == ENFORCEMENT_DENY;
	for (uint32_t i = 0; i < rule->request_count; i++)
		everyone &= str_eq(rule->requests[i].resource, rewrite->from) && rule->requests[i].min <= 1 &&
			    rule->requests[i].max == INT64_MAX;
	return everyone && (str_present(rewrite->to) || rewrite->default_memory);
}

/*
 * Warns of rewrites that never act, because an earlier Rule rewrites the same name for every Pod.
 */
static void warn_shadowed(struct compile *c, const struct index *names)
{
	const struct policy *policy = c->policy;
	/* Maps a name that is rewritten for every Pod to the Rule that does it. */
	struct index taken;
	if (index_init(&taken, policy->resource_count + 64, c->scratch) < 0)
		longjmp(c->exhausted, 1);
	for (uint32_t r = 0; r < policy->rule_count; r++) {
		const struct rule *rule = &policy->rules[r];
		for (uint32_t w = 0; w < rule->rewrite_count; w++) {
			const struct rewrite *rewrite = &rule->rewrites[w];
			uint32_t earlier = index_id(&taken, rewrite->from);
			if (earlier != INDEX_NONE && earlier != r &&
			    takes_all(policy, find_rewrite(&policy->rules[earlier], rewrite->from), rewrite)) {
				COMPILE_LINT(
				    c, LINT_REWRITE_SHADOWED, warn_rule(c, names, r)->rewrite.items[w].from.at,
				    "never acts: Rule \"%.*s\" (%s) comes earlier and rewrites \"%.*s\" of every Pod",
				    STR_ARG(policy->rules[earlier].name),
				    compile_where(c, warn_rule(c, names, earlier)->name.at), STR_ARG(rewrite->from));
				continue;
			}
			if (earlier == INDEX_NONE && is_of_everyone(rule, rewrite))
				index_add(&taken, rewrite->from, (struct str){NULL, 0}, r);
		}
	}
}

/*
 * Returns the maximum number of shares of that name that some Accelerator allows in one container,
 * or 0 if the name is not a share.
 */
static int64_t most_shares(const struct policy *policy, const struct rewrite *rewrite)
{
	const struct resource *resource = str_present(rewrite->to) ? snapshot_resource(policy, rewrite->to) : NULL;
	int64_t most = 0;
	for (uint32_t i = 0; resource && i < resource->landing_count; i++)
		if (resource->landings[i].shared && resource->landings[i].max_per_container > most)
			most = resource->landings[i].max_per_container;
	return most;
}

/* Warns of several slices or shares in one container, which seldom provide more of a device. */
static void warn_parts(struct compile *c, const struct index *names)
{
	const struct policy *policy = c->policy;
	for (uint32_t r = 0; r < policy->rule_count; r++) {
		const struct rule *rule = &policy->rules[r];
		for (uint32_t w = 0; w < rule->rewrite_count; w++) {
			const struct rewrite *rewrite = &rule->rewrites[w];
			const struct number *max = &warn_rule(c, names, r)->rewrite.items[w].max_per_container;
			int64_t shares = most_shares(policy, rewrite);
			if (!max->set || max->value <= 1 || !rewrite->to_part || max->value <= shares)
				continue;
			if (shares)
				COMPILE_LINT(
				    c, LINT_SEVERAL_PARTS, max->at,
				    "a container may ask for %lld of \"%.*s\" at most (sharing.maxPerContainer): "
				    "with more the Pod is refused by a Guard, or fails on the node",
				    (long long)shares, STR_ARG(rewrite->to));
			else
				COMPILE_LINT(
				    c, LINT_SEVERAL_PARTS, max->at,
				    "a container can use one slice or share, however many it asks for; leave "
				    "`maxPerContainer` out, and Pods that ask for more keep what they ask for");
		}
	}
}

static bool quota_covers(const struct policy *policy, const struct quota *quota, struct str name)
{
	const struct resource *resource = snapshot_resource(policy, name);
	if (!quota_counts_resource(quota, name))
		return false;
	for (uint32_t i = 0; resource && i < resource->landing_count; i++)
		if (quota_counts_model(quota, resource->landings[i].model))
			return true;
	return !resource && !quota->models;
}

static bool covered(const struct policy *policy, uint32_t tenant, struct str resource)
{
	const struct tenant *t = &policy->tenants[tenant];
	for (uint32_t i = 0; i < t->quota_count; i++)
		if (quota_covers(policy, &policy->quotas[t->quotas[i]], resource))
			return true;
	return false;
}

/* --- Targets that no quota covers --- */

#define UNCOVERED_NAMED 4 /* Pairs of a target and a Tenant that one finding names. */
#define UNCOVERED_BYTES 1000

/* The targets of a rewrite that some Tenant of its Rule has no quota for. */
struct uncovered {
	struct str name[UNCOVERED_NAMED];
	uint32_t tenant[UNCOVERED_NAMED];
	size_t count; /* Of all pairs, of which the first ones are kept. */
};

/* What is known already, by target, of Rules that apply to every tenant. */
struct uncovered_cache {
	struct index targets;
	struct uncovered *results;
};

static void find_uncovered(const struct policy *policy, const struct rule *rule, struct str to,
			   struct uncovered *uncovered)
{
	uint32_t count = rule->any_tenant ? policy->tenant_count : rule->tenant_count;
	*uncovered = (struct uncovered){.count = 0};
	for (uint32_t i = 0; i < count; i++) {
		uint32_t tenant = rule->any_tenant ? i : rule->tenants[i];
		if (!policy->tenants[tenant].reachable || covered(policy, tenant, to))
			continue;
		if (uncovered->count < UNCOVERED_NAMED) {
			uncovered->name[uncovered->count] = to;
			uncovered->tenant[uncovered->count] = tenant;
		}
		uncovered->count++;
	}
}

/* Adds what holds for one target. */
static void add_uncovered(const struct policy *policy, const struct rule *rule, struct str to,
			  struct uncovered_cache *cache, struct uncovered *all)
{
	const struct str none = {NULL, 0};
	struct uncovered one;
	const struct index_entry *before = rule->any_tenant ? index_find(&cache->targets, to, none) : NULL;
	if (before)
		one = cache->results[before->id];
	else
		find_uncovered(policy, rule, to, &one);
	if (rule->any_tenant && !before && cache->targets.count < cache->targets.size) {
		cache->results[cache->targets.count] = one;
		index_add(&cache->targets, to, none, cache->targets.count);
	}
	for (size_t i = 0; i < one.count && i < UNCOVERED_NAMED && all->count + i < UNCOVERED_NAMED; i++) {
		all->name[all->count + i] = one.name[i];
		all->tenant[all->count + i] = one.tenant[i];
	}
	all->count += one.count;
}

/*
 * Adds what holds for the device classes of which claims can be. A quota of a part of a device,
 * such as a share, does not count a claim of the whole one.
 */
static void add_uncovered_classes(const struct policy *policy, const struct rule *rule, const struct rewrite *rewrite,
				  struct uncovered_cache *cache, struct uncovered *all)
{
	const struct resource *resource = snapshot_resource(policy, rewrite->from);
	for (uint32_t i = 0; resource && i < resource->landing_count; i++) {
		const struct model *model = &policy->models[resource->landings[i].model];
		for (uint32_t k = 0; k < model->class_count; k++)
			if (snapshot_is_class_of(&model->classes[k], resource))
				add_uncovered(policy, rule, model->classes[k].name, cache, all);
	}
}

/* Finds all targets that a rewrite can have. */
static void uncovered_targets(const struct policy *policy, const struct rule *rule, const struct rewrite *rewrite,
			      struct uncovered_cache *cache, struct uncovered *all)
{
	*all = (struct uncovered){.count = 0};
	if (str_present(rewrite->to)) {
		add_uncovered(policy, rule, rewrite->to, cache, all);
		return;
	}
	if (rewrite->model == NO_MODEL) {
		add_uncovered_classes(policy, rule, rewrite, cache, all);
		return;
	}
	const struct model *model = &policy->models[rewrite->model];
	for (uint32_t p = 0; p < model->profile_count; p++)
		if (mig_profile_plain(model->profiles[p].name))
			add_uncovered(policy, rule, model->profiles[p].resource, cache, all);
}

/* Returns what is said about the pairs after the first one. It is in the scratch arena. */
static const char *uncovered_others(struct compile *c, const struct uncovered *all)
{
	char *text = compile_scratch(c, UNCOVERED_BYTES, 1);
	int len = 0;
	for (size_t i = 1; i < all->count && i < UNCOVERED_NAMED; i++)
		len += snprintf(text + len, (size_t)(UNCOVERED_BYTES - len), "%s\"" SHOW "\" and Tenant \"" SHOW "\"",
				i == 1 ? "; the same holds for " : ", ", SHOWN(all->name[i]),
				SHOWN(c->policy->tenants[all->tenant[i]].name));
	if (all->count > UNCOVERED_NAMED)
		snprintf(text + len, (size_t)(UNCOVERED_BYTES - len), ", and %zu more", all->count - UNCOVERED_NAMED);
	return text;
}

static void warn_uncovered(struct compile *c, const struct index *names)
{
	const struct policy *policy = c->policy;
	struct uncovered_cache cache;
	if (policy->uncovered == ENFORCEMENT_ALLOW)
		return;
	if (index_init(&cache.targets, policy->resource_count + 64, c->scratch) < 0)
		longjmp(c->exhausted, 1);
	cache.results = compile_scratch(c, cache.targets.size, sizeof *cache.results);
	for (uint32_t r = 0; r < policy->rule_count; r++) {
		const struct rule *rule = &policy->rules[r];
		for (uint32_t w = 0; w < rule->rewrite_count; w++) {
			struct uncovered all;
			uncovered_targets(policy, rule, &rule->rewrites[w], &cache, &all);
			if (all.count == 0)
				continue;
			COMPILE_LINT(c, LINT_REWRITE_UNCOVERED, warn_rule(c, names, r)->rewrite.items[w].from.at,
				     "rewrites to \"" SHOW "\", which no quota of Tenant \"" SHOW
				     "\" (%.200s) covers%s: its "
				     "Pods will be %s",
				     SHOWN(all.name[0]), SHOWN(policy->tenants[all.tenant[0]].name),
				     compile_where(c, c->tenants[all.tenant[0]]->name.at), uncovered_others(c, &all),
				     warn_uncovered_fate(policy));
		}
	}
}

/* --- Slices that no Accelerator offers --- */

/* Whether the slices of some Accelerator have their own names. */
static bool has_slices(const struct policy *policy)
{
	for (uint32_t m = 0; m < policy->model_count; m++)
		if (policy->models[m].profile_count && policy->models[m].strategy == MIG_MIXED)
			return true;
	return false;
}

/*
 * Warns of rewrites to a slice that no node has. Pods that request it are admitted and charged, but
 * wait forever.
 */
static void warn_offered(struct compile *c, const struct index *names)
{
	const struct policy *policy = c->policy;
	for (uint32_t r = 0; r < policy->rule_count && has_slices(policy); r++)
		for (uint32_t w = 0; w < policy->rules[r].rewrite_count; w++) {
			struct str to = policy->rules[r].rewrites[w].to;
			if (!str_present(to) || !str_starts(to, CATALOG_MIG_PREFIX) || snapshot_resource(policy, to))
				continue;
			COMPILE_LINT(
			    c, LINT_PROFILE_NOT_OFFERED, warn_rule(c, names, r)->rewrite.items[w].to.at,
			    "no Accelerator offers \"%.*s\", so that a Pod which gets it is never scheduled; add the "
			    "profile to `mig.offered`, or rewrite to one that is there",
			    STR_ARG(to));
		}
}

void compile_rewrite_warnings(struct compile *c)
{
	struct index names;
	warn_rule_names(c, &names);
	warn_shadowed(c, &names);
	warn_parts(c, &names);
	warn_uncovered(c, &names);
	warn_offered(c, &names);
}
