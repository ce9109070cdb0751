/*
 * warn_quota: warns about Tenants and their quotas: limits that never apply, and accelerators that
 * no quota counts.
 */
#include "policy/base/glob.h"
#include "policy/compile/warn.h"
#include "policy/compile/warn_context.h"
#include "policy/model/slices.h"

static bool has_namespaces(const struct doc_tenant *doc)
{
	return doc->namespaces.count > 0 || doc->namespace_selector.set;
}

/* A Tenant of a cohort may exist only to lend, so it is not reported. */
static void warn_unused(struct compile *c)
{
	const struct policy *policy = c->policy;
	bool *parents = compile_scratch(c, policy->tenant_count, sizeof *parents);
	for (uint32_t t = 0; t < policy->tenant_count; t++)
		if (policy->tenants[t].parent != NO_TENANT)
			parents[policy->tenants[t].parent] = true;
	for (uint32_t t = 0; t < policy->tenant_count; t++)
		if (!parents[t] && !policy->tenants[t].reachable && !str_present(policy->tenants[t].cohort))
			COMPILE_LINT(
			    c, LINT_TENANT_UNUSED, c->tenants[t]->name.at,
			    "Tenant \"%.*s\" has no namespaces and no Tenants below it, so that nothing counts in it; "
			    "give it `namespaces` or a `namespaceSelector`, or remove it",
			    STR_ARG(policy->tenants[t].name));
}

static void warn_without_quota(struct compile *c)
{
	const struct policy *policy = c->policy;
	for (uint32_t t = 0; t < policy->tenant_count && policy->uncovered != ENFORCEMENT_ALLOW; t++)
		if (has_namespaces(c->tenants[t]) && policy->tenants[t].quota_count == 0)
			COMPILE_LINT(c, LINT_TENANT_WITHOUT_QUOTA, c->tenants[t]->name.at,
				     "Tenant \"%.*s\" has no quota, nor has one above it, so that no accelerator is "
				     "covered; add "
				     "`quotas` (`hard: unlimited` limits nothing)",
				     STR_ARG(policy->tenants[t].name));
}

/* --- A child's limit above its parent's --- */

static bool counts_models(const struct quota *quota, const struct quota *of)
{
	if (!quota->models)
		return true;
	for (uint32_t i = 0; i < of->model_count; i++)
		if (!quota_counts_model(quota, of->models[i]))
			return false;
	return of->models != NULL;
}

/*
 * Whether one pattern of the quota matches everything that `name` matches. A `?` in the pattern may
 * match less than the `*` of `name`.
 */
static bool counts_name(const struct quota *quota, struct str name)
{
	for (uint32_t i = 0; i < quota->resources.count; i++)
		if (glob_match(quota->resources.items[i], name) &&
		    (glob_is_exact(name) || !str_has_char(quota->resources.items[i], '?')))
			return true;
	return false;
}

/* Whether the quota counts everything that `of` counts, in the same measure. */
static bool counts_all(const struct quota *quota, const struct quota *of)
{
	if (quota->measure != of->measure || of->names_others || !counts_models(quota, of))
		return false;
	if (quota->any_resource)
		return true;
	for (uint32_t i = 0; i < of->resources.count; i++)
		if (!counts_name(quota, of->resources.items[i]))
			return false;
	return !of->any_resource;
}

/* Returns the nearest quota above that always keeps this one from being used up, or NULL. */
static const struct quota *limiting(const struct policy *policy, const struct quota *quota, uint64_t *work)
{
	const struct tenant *tenant = &policy->tenants[quota->tenant];
	for (uint32_t i = 0; i < tenant->quota_count; i++) {
		const struct quota *above = &policy->quotas[tenant->quotas[i]];
		uint64_t names = (uint64_t)above->resources.count * quota->resources.count;
		if (!warn_spend(work, 1 + names + (uint64_t)above->model_count * quota->model_count))
			return NULL;
		if (above->tenant != quota->tenant && !above->unlimited &&
		    quota->hard > amount_sum(above->hard, above->borrow) && counts_all(above, quota))
			return above;
	}
	return NULL;
}

static void warn_above_parent(struct compile *c)
{
	const struct policy *policy = c->policy;
	uint64_t work = WARN_WORK_MAX;
	for (uint32_t q = 0; q < policy->quota_count; q++) {
		const struct quota *quota = &policy->quotas[q];
		const struct quota *above = quota->unlimited ? NULL : limiting(policy, quota, &work);
		if (!above)
			continue;
		const struct doc_quota *theirs = c->quotas[above - policy->quotas];
		const struct str nothing = {"", 0};
		COMPILE_LINT(
		    c, LINT_CHILD_ABOVE_PARENT, c->quotas[q]->hard.at,
		    "%.*s can never be reached: quota \"%.*s\" of Tenant \"%.*s\" above (%s) counts the same and ends "
		    "at %.*s%s%.*s; lower this one, or write `unlimited`",
		    STR_ARG(quota->hard_text), STR_ARG(above->name), STR_ARG(policy->tenants[above->tenant].name),
		    compile_where(c, theirs->hard.at), STR_ARG(above->hard_text),
		    above->borrow > 0 ? " and a borrowed " : "",
		    STR_ARG(above->borrow > 0 ? above->borrow_text : nothing));
	}
}

/* --- Accelerators that a Tenant's quotas leave out --- */

struct coverage {
	const struct policy *policy;
	uint32_t tenant;
	bool *counted;   /* By model. */
	uint64_t work;   /* Work that is left. */
	uint32_t naming; /* The first quota with `accelerators` that counts the resource. */
};

/*
 * Marks the models for which some quota of the Tenant counts the resource. Returns false if all
 * models are counted, if no such quota names models, or if the work is used up.
 */
static bool mark_counted(struct coverage *coverage, const struct resource *resource)
{
	const struct policy *policy = coverage->policy;
	const struct tenant *tenant = &policy->tenants[coverage->tenant];
	memset(coverage->counted, 0, policy->model_count * sizeof *coverage->counted);
	coverage->naming = UINT32_MAX;
	for (uint32_t i = 0; i < tenant->quota_count; i++) {
		const struct quota *quota = &policy->quotas[tenant->quotas[i]];
		if (!warn_spend(&coverage->work, 1 + quota->resources.count + quota->model_count))
			return false;
		if (!quota_counts(policy, quota, resource))
			continue;
		if (!quota->models)
			return false;
		if (coverage->naming == UINT32_MAX)
			coverage->naming = tenant->quotas[i];
		for (uint32_t m = 0; m < quota->model_count; m++)
			coverage->counted[quota->models[m]] = true;
	}
	return coverage->naming != UINT32_MAX;
}

static bool excludes(const struct pair *selector, const struct model *model)
{
	for (uint32_t i = 0; i < model->label_count; i++)
		if (str_eq(model->labels[i].key, selector->key) && !str_eq(model->labels[i].value, selector->value))
			return true;
	for (uint32_t i = 0; i < model->without_count; i++)
		if (str_eq(model->without[i], selector->key))
			return true;
	return false;
}

/*
 * Whether the Rule applies to the Tenant. Also returns true if the work is used up, which only
 * suppresses a warning.
 */
static bool is_for(const struct policy *policy, const struct rule *rule, uint32_t tenant, uint64_t *work)
{
	for (uint32_t t = tenant; t != NO_TENANT; t = policy->tenants[t].parent) {
		if (!warn_spend(work, 1 + rule->tenant_count))
			return true;
		for (uint32_t i = 0; i < rule->tenant_count; i++)
			if (rule->tenants[i] == t)
				return true;
	}
	return rule->any_tenant;
}

/*
 * Whether some Rule sends Pods of the Tenant to other nodes than the model's, so that users need
 * not do that.
 */
static bool is_ruled_out(const struct policy *policy, uint32_t tenant, uint32_t model, uint64_t *work)
{
	for (uint32_t r = 0; r < policy->rule_count; r++) {
		const struct rule *rule = &policy->rules[r];
		bool elsewhere = !warn_spend(work, 1 + rule->node_selector_count + rule->rewrite_count);
		for (uint32_t i = 0; i < rule->node_selector_count; i++)
			elsewhere |= excludes(&rule->node_selector[i], &policy->models[model]);
		for (uint32_t w = 0; w < rule->rewrite_count; w++)
			elsewhere |= rule->rewrites[w].pin && rule->rewrites[w].model != model;
		if (elsewhere && is_for(policy, rule, tenant, work))
			return true;
	}
	return false;
}

/*
 * Returns a model of the resource that no quota of the Tenant counts and no Rule excludes, or
 * NO_MODEL.
 */
static uint32_t left_out(struct coverage *coverage, const struct resource *resource)
{
	bool some = false;
	for (uint32_t l = 0; l < resource->landing_count; l++)
		some |= coverage->counted[resource->landings[l].model];
	for (uint32_t l = 0; l < resource->landing_count && some; l++) {
		uint32_t model = resource->landings[l].model;
		if (!coverage->counted[model] &&
		    !is_ruled_out(coverage->policy, coverage->tenant, model, &coverage->work))
			return model;
	}
	return NO_MODEL;
}

static bool names_models(const struct policy *policy, uint32_t tenant)
{
	for (uint32_t i = 0; i < policy->tenants[tenant].quota_count; i++)
		if (policy->quotas[policy->tenants[tenant].quotas[i]].models)
			return true;
	return false;
}

/*
 * Reports the first resource that is counted for some models only. Returns whether there is one.
 * `classes`: looks at the names of device classes, and else at all others.
 */
static bool warn_left_out(struct compile *c, struct coverage *coverage, bool classes)
{
	const struct policy *policy = c->policy;
	for (uint32_t r = 0; r < policy->resource_count; r++) {
		const struct resource *resource = &policy->resources[r];
		uint32_t model = NO_MODEL;
		if (str_present(resource->stands_for) == classes && resource->landing_count > 1 &&
		    mark_counted(coverage, resource))
			model = left_out(coverage, resource);
		if (model == NO_MODEL)
			continue;
		COMPILE_LINT(
		    c, LINT_MODEL_WITHOUT_QUOTA, c->quotas[coverage->naming]->accelerators.at,
		    "no quota of Tenant \"%.*s\" counts \"%.*s\" on \"%.*s\" (%s), which has it as well: a Pod whose "
		    "node selectors do not rule that one out is %s; add a quota for it, or a Rule with a "
		    "nodeSelector",
		    STR_ARG(policy->tenants[coverage->tenant].name), STR_ARG(resource->name),
		    STR_ARG(policy->models[model].name), compile_where(c, c->accelerators[model]->name.at),
		    warn_uncovered_fate(policy));
		return true;
	}
	return false;
}

static void warn_models(struct compile *c)
{
	const struct policy *policy = c->policy;
	struct coverage coverage = {.policy = policy,
				    .work = WARN_WORK_MAX,
				    .counted = compile_scratch(c, policy->model_count, sizeof *coverage.counted)};
	for (uint32_t t = 0; t < policy->tenant_count && policy->uncovered != ENFORCEMENT_ALLOW; t++) {
		coverage.tenant = t;
		if (!has_namespaces(c->tenants[t]) || !names_models(policy, t))
			continue;
		/* A class is named only if what it stands for is counted everywhere. */
		if (!warn_left_out(c, &coverage, false))
			warn_left_out(c, &coverage, true);
	}
}

/* --- Slices that no Accelerator offers --- */

static void warn_slice(struct compile *c, const struct text *name)
{
	if (!glob_is_exact(name->s) || !slice_is_missing(c->policy, name->s))
		return;
	struct str near = slice_near(c->policy, name->s, &c->suggest_work);
	COMPILE_LINT(c, LINT_PROFILE_NOT_OFFERED, name->at,
		     "no Accelerator offers \"%.*s\", so that a Pod which requests it is never scheduled%s%.*s%s; add "
		     "the profile to `mig.offered`, or name one that is there",
		     STR_ARG(name->s), str_present(near) ? " (did you mean \"" : "", STR_ARG(near),
		     str_present(near) ? "\"?)" : "");
}

static void warn_slices(struct compile *c)
{
	const struct policy *policy = c->policy;
	for (uint32_t q = 0; q < policy->quota_count; q++)
		for (uint32_t i = 0; i < c->quotas[q]->resources.count; i++)
			warn_slice(c, &c->quotas[q]->resources.items[i]);
}

void compile_quota_warnings(struct compile *c)
{
	warn_unused(c);
	warn_without_quota(c);
	warn_above_parent(c);
	warn_models(c);
	warn_slices(c);
}
