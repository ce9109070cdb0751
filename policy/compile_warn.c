/* Warnings: a policy that is legal, and probably not what was meant. Only looked for where there are no errors. */
#include <stdlib.h>

#include "policy/catalog.h"
#include "policy/compile.h"
#include "policy/glob.h"

/* Exemptions that cover those whose Pods are to be judged. Source: the users and groups that Kubernetes itself uses. */
static const struct {
	struct str name;
	const char *why;
} broad[] = {
    {{"system:authenticated", 20}, "everybody"},
    {{"system:unauthenticated", 22}, "everybody without credentials"},
    {{"system:serviceaccounts", 22}, "every ServiceAccount, the workload controllers among them"},
    {{"system:serviceaccounts:kube-system", 34}, "the workload controllers, and so every Deployment and Job"},
    {{"system:serviceaccount:kube-system:replicaset-controller", 55}, "every Deployment and ReplicaSet"},
    {{"system:serviceaccount:kube-system:job-controller", 48}, "every Job"},
    {{"system:serviceaccount:kube-system:statefulset-controller", 56}, "every StatefulSet"},
    {{"system:serviceaccount:kube-system:daemon-set-controller", 55}, "every DaemonSet"},
};

static void warn_exempt_list(struct compile *c, const struct texts *names)
{
	for (uint32_t i = 0; i < names->count; i++)
		for (size_t b = 0; b < sizeof broad / sizeof broad[0]; b++) {
			if (!glob_match(names->items[i].s, broad[b].name))
				continue;
			docs_find(c->report, c->docs, SEVERITY_WARNING, names->items[i].at,
				  "this exempts %s: Pods are judged by who creates them, and that is \"%.*s\"",
				  broad[b].why, STR_ARG(broad[b].name));
			break;
		}
}

static void warn_exempt(struct compile *c, const struct doc_exempt *exempt)
{
	warn_exempt_list(c, &exempt->users);
	warn_exempt_list(c, &exempt->groups);
	for (uint32_t i = 0; i < exempt->namespaces.count; i++)
		if (str_eq(exempt->namespaces.items[i].s, STR("*")))
			docs_find(c->report, c->docs, SEVERITY_WARNING, exempt->namespaces.items[i].at,
				  "this exempts every namespace");
}

static const struct doc_rule *rule_doc(const struct compile *c, const struct index *names, uint32_t rule)
{
	return &c->docs->rules.items[index_id(names, c->policy->rules[rule].name)];
}

static const struct rewrite *find_rewrite(const struct rule *rule, struct str from)
{
	for (uint32_t w = 0; w < rule->rewrite_count; w++)
		if (str_eq(rule->rewrites[w].from, from))
			return &rule->rewrites[w];
	return NULL;
}

/* Whether the rewrite is for Pods that could land on the model. Where the policy does not know the target, it is for all. */
static bool acts_on(const struct policy *policy, const struct rewrite *rewrite, uint32_t model)
{
	const struct resource *resource = str_present(rewrite->to) ? snapshot_resource(policy, rewrite->to) : NULL;
	bool acts = rewrite->model == model || (rewrite->model == NO_MODEL && !resource);
	for (uint32_t i = 0; resource && i < resource->landing_count; i++)
		acts |= resource->landings[i].model == model;
	return acts;
}

/* Whether the earlier rewrite leaves the later one no Pod. */
static bool takes_all(const struct policy *policy, const struct rewrite *earlier, const struct rewrite *later)
{
	bool anywhere = false, all = true;
	for (uint32_t m = 0; m < policy->model_count; m++) {
		bool acts = acts_on(policy, earlier, m);
		anywhere |= acts && policy->models[m].label_count == 0; /* no Pod can exclude it */
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

/* An earlier Rule that takes every Pod's `from` leaves later rewrites of it nothing to do. */
static void warn_shadowed(struct compile *c, const struct index *names)
{
	const struct policy *policy = c->policy;
	struct index taken; /* name rewritten for every Pod -> the Rule that does */
	if (index_init(&taken, policy->resource_count + 64, c->scratch) < 0)
		longjmp(c->exhausted, 1);
	for (uint32_t r = 0; r < policy->rule_count; r++) {
		const struct rule *rule = &policy->rules[r];
		for (uint32_t w = 0; w < rule->rewrite_count; w++) {
			const struct rewrite *rewrite = &rule->rewrites[w];
			uint32_t earlier = index_id(&taken, rewrite->from);
			if (earlier != INDEX_NONE && earlier != r &&
			    takes_all(policy, find_rewrite(&policy->rules[earlier], rewrite->from), rewrite)) {
				docs_find(c->report, c->docs, SEVERITY_WARNING,
					  rule_doc(c, names, r)->rewrite.items[w].from.at,
					  "never acts: Rule \"%.*s\" comes earlier and rewrites \"%.*s\" of every Pod",
					  STR_ARG(policy->rules[earlier].name), STR_ARG(rewrite->from));
				continue;
			}
			if (earlier == INDEX_NONE && is_of_everyone(rule, rewrite))
				index_add(&taken, rewrite->from, (struct str){NULL, 0}, r);
		}
	}
}

/* The most shares of that name that some Accelerator lets one container have; 0: it is no share. */
static int64_t most_shares(const struct policy *policy, const struct rewrite *rewrite)
{
	const struct resource *resource = str_present(rewrite->to) ? snapshot_resource(policy, rewrite->to) : NULL;
	int64_t most = 0;
	for (uint32_t i = 0; resource && i < resource->landing_count; i++)
		if (resource->landings[i].shared && resource->landings[i].max_per_container > most)
			most = resource->landings[i].max_per_container;
	return most;
}

/* Several parts of devices in one container are seldom more of one. */
static void warn_parts(struct compile *c, const struct index *names)
{
	const struct policy *policy = c->policy;
	for (uint32_t r = 0; r < policy->rule_count; r++) {
		const struct rule *rule = &policy->rules[r];
		for (uint32_t w = 0; w < rule->rewrite_count; w++) {
			const struct rewrite *rewrite = &rule->rewrites[w];
			const struct number *max = &rule_doc(c, names, r)->rewrite.items[w].max_per_container;
			int64_t shares = most_shares(policy, rewrite);
			if (!max->set || max->value <= 1 || !rewrite->to_part || max->value <= shares)
				continue;
			if (shares)
				docs_find(c->report, c->docs, SEVERITY_WARNING, max->at,
					  "a container may ask for %lld of \"%.*s\" at most (sharing.maxPerContainer): "
					  "with more the Pod is refused by a Guard, or fails on the node",
					  (long long)shares, STR_ARG(rewrite->to));
			else
				docs_find(c->report, c->docs, SEVERITY_WARNING, max->at,
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

/* The first of the Rule's tenants without a quota for `resource`, or NO_TENANT. */
static uint32_t uncovered_tenant(const struct policy *policy, const struct rule *rule, struct str resource)
{
	uint32_t count = rule->any_tenant ? policy->tenant_count : rule->tenant_count;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t tenant = rule->any_tenant ? i : rule->tenants[i];
		if (policy->tenants[tenant].reachable && !covered(policy, tenant, resource))
			return tenant;
	}
	return NO_TENANT;
}

/* `known`: target of a Rule for every tenant -> the tenant found (or none), so that it is sought once. */
static uint32_t find_uncovered(const struct policy *policy, const struct rule *rule, struct str to, struct index *known)
{
	struct str none = {NULL, 0};
	const struct index_entry *before = rule->any_tenant ? index_find(known, to, none) : NULL;
	uint32_t tenant = before ? before->id : uncovered_tenant(policy, rule, to);
	if (rule->any_tenant && !before)
		index_add(known, to, none, tenant);
	return tenant;
}

/* The first name that the rewrite may lead to and some tenant has no quota for; absent: none. */
static struct str uncovered_target(const struct policy *policy, const struct rule *rule, const struct rewrite *rewrite,
				   struct index *known, uint32_t *tenant)
{
	if (str_present(rewrite->to)) {
		*tenant = find_uncovered(policy, rule, rewrite->to, known);
		return *tenant == NO_TENANT ? (struct str){NULL, 0} : rewrite->to;
	}
	const struct model *model = &policy->models[rewrite->model];
	for (uint32_t p = 0; p < model->profile_count; p++) {
		const struct profile *profile = &model->profiles[p];
		if (!catalog_profile_plain(profile->name))
			continue;
		*tenant = find_uncovered(policy, rule, profile->resource, known);
		if (*tenant != NO_TENANT)
			return profile->resource;
	}
	return (struct str){NULL, 0};
}

static void warn_uncovered(struct compile *c, const struct index *names)
{
	const struct policy *policy = c->policy;
	struct index known;
	if (policy->uncovered == ENFORCEMENT_ALLOW)
		return;
	if (index_init(&known, policy->resource_count + 64, c->scratch) < 0)
		longjmp(c->exhausted, 1);
	for (uint32_t r = 0; r < policy->rule_count; r++) {
		const struct rule *rule = &policy->rules[r];
		for (uint32_t w = 0; w < rule->rewrite_count; w++) {
			uint32_t tenant;
			struct str to = uncovered_target(policy, rule, &rule->rewrites[w], &known, &tenant);
			if (str_present(to))
				docs_find(c->report, c->docs, SEVERITY_WARNING,
					  rule_doc(c, names, r)->rewrite.items[w].from.at,
					  "rewrites to \"%.*s\", which no quota of Tenant \"%.*s\" covers: its Pods "
					  "will be refused",
					  STR_ARG(to), STR_ARG(policy->tenants[tenant].name));
		}
	}
}

static void warn_exempt_names(struct compile *c, const struct texts *names, const char *what)
{
	for (uint32_t i = 0; i < names->count; i++)
		if (glob_is_exact(names->items[i].s) && globs_match(&c->policy->exempt.namespaces, names->items[i].s))
			docs_find(c->report, c->docs, SEVERITY_WARNING, names->items[i].at,
				  "namespace \"%.*s\" is exempt in Settings: %s", STR_ARG(names->items[i].s), what);
}

/* Namespaces whose labels are known, and two tenants' selectors (or globs of one length) claim. */
static void warn_ambiguous(struct compile *c)
{
	const struct policy *policy = c->policy;
	for (uint32_t i = 0; i < c->docs->namespaces.count; i++) {
		const struct text *name = &c->docs->namespaces.items[i].name;
		uint32_t other, tenant = snapshot_tenant(policy, name->s, NULL, &other);
		if (other != NO_TENANT)
			docs_find(
			    c->report, c->docs, SEVERITY_WARNING, name->at,
			    "Tenants \"%.*s\" and \"%.*s\" both claim this namespace: its accelerator Pods will be "
			    "refused",
			    STR_ARG(policy->tenants[tenant].name), STR_ARG(policy->tenants[other].name));
	}
}

static void warn_cohort(struct compile *c, struct str cohort, const struct place at, uint32_t tenants, bool borrows)
{
	if (tenants == 1)
		docs_find(c->report, c->docs, SEVERITY_WARNING, at,
			  "no other Tenant is in cohort \"%.*s\": there is nobody to borrow from or lend to",
			  STR_ARG(cohort));
	else if (!borrows)
		docs_find(c->report, c->docs, SEVERITY_WARNING, at,
			  "nobody in cohort \"%.*s\" may borrow: no `borrowUpTo` above 0 is for a quota whose name two "
			  "of its "
			  "Tenants have",
			  STR_ARG(cohort));
}

/* Cohorts in which nothing can be lent; each is reported where its first Tenant names it. */
static void warn_cohorts(struct compile *c)
{
	const struct policy *policy = c->policy;
	uint32_t *counts = compile_scratch(c, policy->tenant_count, sizeof *counts); /* by first tenant */
	bool *borrows = compile_scratch(c, policy->tenant_count, sizeof *borrows);
	struct index cohorts;
	if (index_init(&cohorts, policy->tenant_count, c->scratch) < 0)
		longjmp(c->exhausted, 1);
	for (uint32_t t = 0; t < policy->tenant_count; t++) {
		struct str cohort = policy->tenants[t].cohort;
		if (!str_present(cohort))
			continue;
		if (index_id(&cohorts, cohort) == INDEX_NONE)
			index_add(&cohorts, cohort, (struct str){NULL, 0}, t);
		counts[index_id(&cohorts, cohort)]++;
	}
	for (uint32_t q = 0; q < policy->quota_count; q++)
		if (policy->quotas[q].borrow > 0)
			borrows[index_id(&cohorts, policy->tenants[policy->quotas[q].tenant].cohort)] = true;
	for (uint32_t t = 0; t < policy->tenant_count; t++)
		if (counts[t])
			warn_cohort(c, policy->tenants[t].cohort, c->tenants[t]->cohort.at, counts[t], borrows[t]);
	for (uint32_t q = 0; q < policy->quota_count; q++) {
		struct str cohort = policy->tenants[policy->quotas[q].tenant].cohort;
		if (c->borrowings[q] && policy->quotas[q].pool == NO_POOL && counts[index_id(&cohorts, cohort)] > 1)
			docs_find(c->report, c->docs, SEVERITY_WARNING, c->borrowings[q]->at,
				  "no other Tenant of cohort \"%.*s\" has a quota named \"%.*s\": there is nothing to "
				  "borrow or lend",
				  STR_ARG(cohort), STR_ARG(policy->quotas[q].name));
	}
}

void compile_warnings(struct compile *c)
{
	struct index names;
	if (index_init(&names, c->docs->rules.count, c->scratch) < 0)
		longjmp(c->exhausted, 1);
	for (uint32_t i = 0; i < c->docs->rules.count; i++)
		index_add(&names, c->docs->rules.items[i].name.s, (struct str){NULL, 0}, i);
	for (uint32_t i = 0; i < c->docs->settings.count; i++)
		warn_exempt(c, &c->docs->settings.items[i].exempt);
	for (uint32_t i = 0; i < c->docs->guards.count; i++)
		warn_exempt(c, &c->docs->guards.items[i].exempt);
	for (uint32_t i = 0; i < c->docs->tenants.count; i++)
		warn_exempt_names(c, &c->docs->tenants.items[i].namespaces, "no quota holds for its Pods");
	for (uint32_t i = 0; i < c->docs->rules.count; i++)
		warn_exempt_names(c, &c->docs->rules.items[i].match.namespaces, "no Rule acts on its Pods");
	warn_ambiguous(c);
	warn_cohorts(c);
	warn_shadowed(c, &names);
	warn_parts(c, &names);
	warn_uncovered(c, &names);
	compile_name_warnings(c);
}
