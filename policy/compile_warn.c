/* Warnings: a policy that is legal, and probably not what was meant. Only looked for where there are no errors. */
#include <stdlib.h>

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
			if (earlier != INDEX_NONE && earlier != r) {
				docs_find(c->report, c->docs, SEVERITY_WARNING,
					  rule_doc(c, names, r)->rewrite.items[w].from.at,
					  "never acts: Rule \"%.*s\" comes earlier and rewrites \"%.*s\" of every Pod",
					  STR_ARG(policy->rules[earlier].name), STR_ARG(rewrite->from));
				continue;
			}
			bool everyone = rule->any_tenant && rule->any_namespace && !rule->namespace_selector.count &&
					!rule->pod_selector.count;
			for (uint32_t i = 0; i < rule->request_count; i++)
				everyone &= str_eq(rule->requests[i].resource, rewrite->from) &&
					    rule->requests[i].min <= 1 && rule->requests[i].max == INT64_MAX;
			if (everyone && (str_present(rewrite->to) || rewrite->default_memory))
				index_add(&taken, rewrite->from, (struct str){NULL, 0}, r);
		}
	}
}

static bool covered(const struct policy *policy, uint32_t tenant, struct str resource)
{
	const struct tenant *t = &policy->tenants[tenant];
	for (uint32_t i = 0; i < t->quota_count; i++) {
		const struct quota *quota = &policy->quotas[t->quotas[i]];
		if (quota->any_resource || globs_match(&quota->resources, resource))
			return true;
	}
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

static void warn_uncovered(struct compile *c, const struct index *names)
{
	const struct policy *policy = c->policy;
	struct index
	    known; /* target of a Rule for every tenant -> the tenant found (or none), so that it is sought once */
	if (policy->uncovered == ENFORCEMENT_ALLOW)
		return;
	if (index_init(&known, policy->resource_count + 64, c->scratch) < 0)
		longjmp(c->exhausted, 1);
	for (uint32_t r = 0; r < policy->rule_count; r++) {
		const struct rule *rule = &policy->rules[r];
		for (uint32_t w = 0; w < rule->rewrite_count; w++) {
			const struct rewrite *rewrite = &rule->rewrites[w];
			struct str to = str_present(rewrite->to) ? rewrite->to
								 : policy->models[rewrite->model].profiles[0].resource;
			const struct index_entry *before =
			    rule->any_tenant ? index_find(&known, to, (struct str){NULL, 0}) : NULL;
			uint32_t tenant = before ? before->id : uncovered_tenant(policy, rule, to);
			if (rule->any_tenant && !before)
				index_add(&known, to, (struct str){NULL, 0}, tenant);
			if (tenant != NO_TENANT)
				docs_find(c->report, c->docs, SEVERITY_WARNING,
					  rule_doc(c, names, r)->rewrite.items[w].from.at,
					  "rewrites to \"%.*s\", which no quota of Tenant \"%.*s\" covers: its Pods "
					  "will be refused",
					  STR_ARG(to), STR_ARG(policy->tenants[tenant].name));
		}
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
	warn_shadowed(c, &names);
	warn_uncovered(c, &names);
}
