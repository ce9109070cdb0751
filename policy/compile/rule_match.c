#include "policy/compile/rule_match.h"

#include "policy/base/glob.h"
#include "policy/compile/names.h"
#include "policy/compile/reference.h"

static void compile_match_tenants(struct compile *c, const struct doc_match *match, struct rule *rule)
{
	const struct policy *policy = c->policy;
	rule->any_tenant = !match->tenants.set;
	uint32_t *tenants = compile_alloc(c, match->tenants.count, sizeof *tenants);
	bool reachable = false, all_known = true;
	for (uint32_t i = 0; i < match->tenants.count; i++) {
		const struct text *name = &match->tenants.items[i];
		uint32_t id = index_id(&policy->tenant_index.names, name->s);
		if (id == INDEX_NONE) {
			all_known = false;
			docs_report(c->report, c->docs, SEVERITY_ERROR, name->at, "no Tenant is named \"%.*s\"%s",
				    STR_ARG(name->s),
				    compile_reference_hint(c, name->s, &policy->tenants[0].name, policy->tenant_count,
							   sizeof policy->tenants[0]));
			continue;
		}
		reachable |= policy->tenants[id].reachable;
		tenants[rule->tenant_count++] = id;
	}
	rule->tenants = tenants;
	if (match->tenants.set && all_known && !reachable)
		docs_report(c->report, c->docs, SEVERITY_ERROR, match->tenants.at,
			    "no Pod can ever match: none of these tenants, nor any below them, has a namespace");
}

/*
 * Reports an exact namespace that belongs to a tenant which the Rule does not match, so it can
 * never match.
 */
static void check_namespaces(struct compile *c, const struct doc_match *match, const struct rule *rule)
{
	const struct policy *policy = c->policy;
	if (match->namespaces.set && match->namespaces.count == 0)
		docs_report(c->report, c->docs, SEVERITY_ERROR, match->namespaces.at,
			    "no Pod can ever match: the list of namespaces is empty");
	if (rule->any_tenant || !rule->tenant_count)
		return;
	for (uint32_t i = 0; i < match->namespaces.count; i++) {
		const struct text *name = &match->namespaces.items[i];
		uint32_t other,
		    owner = glob_is_exact(name->s) ? snapshot_tenant(policy, name->s, NULL, &other) : NO_TENANT;
		if (owner == NO_TENANT)
			/*
			 * A glob, or a namespace whose labels are not known yet: it may match
			 * later.
			 */
			continue;
		bool below = false;
		for (uint32_t t = owner; t != NO_TENANT && !below; t = policy->tenants[t].parent)
			for (uint32_t k = 0; k < rule->tenant_count; k++)
				below |= rule->tenants[k] == t;
		if (!below)
			docs_report(c->report, c->docs, SEVERITY_ERROR, name->at,
				    "no Pod can ever match: namespace \"%.*s\" belongs to Tenant \"%.*s\" (%s), which "
				    "match.tenants "
				    "does not name",
				    STR_ARG(name->s), STR_ARG(policy->tenants[owner].name),
				    compile_where(c, c->tenants[owner]->name.at));
	}
}

static void compile_requests(struct compile *c, const struct doc_match *match, struct rule *rule)
{
	struct range *ranges = compile_alloc(c, match->requests.count, sizeof *ranges);
	for (uint32_t i = 0; i < match->requests.count; i++) {
		const struct doc_range *doc = &match->requests.items[i];
		compile_known_resource(c, &doc->key, false);
		ranges[i] = (struct range){compile_keep(c, doc->key.s), doc->min.value,
					   doc->max.set ? doc->max.value : INT64_MAX};
		if (ranges[i].min > ranges[i].max)
			docs_report(c->report, c->docs, SEVERITY_ERROR, doc->max.at,
				    "no Pod can ever match: max is %lld but min is %lld", (long long)ranges[i].max,
				    (long long)ranges[i].min);
	}
	rule->requests = ranges;
	rule->request_count = match->requests.count;
}

static void check_selector(struct compile *c, const struct doc_selector *doc, const struct selector *selector)
{
	if (!selector_possible(selector))
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->at,
			    "no Pod can ever match: what the selector requires of a key contradicts itself");
}

void compile_match(struct compile *c, const struct doc_match *match, struct rule *rule)
{
	compile_match_tenants(c, match, rule);
	rule->any_namespace = !match->namespaces.set;
	rule->namespaces = (struct globs){compile_keep_all(c, &match->namespaces), match->namespaces.count};
	rule->namespace_selector = compile_selector(c, &match->namespace_selector);
	c->policy->reads_namespaces |= match->namespace_selector.set;
	rule->pod_selector = compile_selector(c, &match->pod_selector);
	rule->annotation_selector = compile_selector(c, &match->annotation_selector);
	check_selector(c, &match->namespace_selector, &rule->namespace_selector);
	check_selector(c, &match->pod_selector, &rule->pod_selector);
	check_selector(c, &match->annotation_selector, &rule->annotation_selector);
	check_namespaces(c, match, rule);
	compile_requests(c, match, rule);
}
