/* tenant: compiles Tenants: the tree of parents, the owners of namespaces, and the quotas. */
#include <stdlib.h>

#include "policy/base/glob.h"
#include "policy/compile/amount.h"
#include "policy/compile/names.h"
#include "policy/compile/reference.h"
#include "policy/compile/steps.h"
#include "policy/model/catalog.h"

/*
 * Reports the cycle that contains `tenant`, and removes all its edges, so that no consequence of it
 * is reported too.
 */
static void cut_cycle(struct compile *c, const struct doc_tenant **docs, uint32_t tenant)
{
	struct tenant *tenants = c->policy->tenants;
	char path[400] = "";
	size_t len = 0;
	uint32_t t = tenant;
	do {
		if (len < sizeof path) {
			int wrote = snprintf(path + len, sizeof path - len, "%.*s -> ", STR_ARG(tenants[t].name));
			len += wrote > 0 ? (size_t)wrote : 0;
		}
		uint32_t next = tenants[t].parent;
		tenants[t].parent = NO_TENANT;
		tenants[t].reachable = true;
		t = next;
	} while (t != tenant);
	docs_report(c->report, c->docs, SEVERITY_ERROR, docs[tenant]->parent.at,
		    "the parents of Tenant \"%.*s\" lead back to itself: %s%.*s; remove one `parent`",
		    STR_ARG(tenants[tenant].name), len < sizeof path ? path : "... -> ", STR_ARG(tenants[tenant].name));
}

/* Finds cycles in linear time. Mark 1: on the current path; 2: known to end. */
static void cut_cycles(struct compile *c, const struct doc_tenant **docs)
{
	const struct policy *policy = c->policy;
	unsigned char *marks = compile_scratch(c, policy->tenant_count, 1);
	for (uint32_t i = 0; i < policy->tenant_count; i++) {
		uint32_t t = i;
		for (; t != NO_TENANT && marks[t] == 0; t = policy->tenants[t].parent)
			marks[t] = 1;
		bool cycle = t != NO_TENANT && marks[t] == 1;
		for (uint32_t k = i; k != NO_TENANT && marks[k] == 1; k = policy->tenants[k].parent)
			marks[k] = 2;
		if (cycle)
			cut_cycle(c, docs, t);
	}
}

static void compile_parents(struct compile *c, const struct doc_tenant **docs)
{
	struct policy *policy = c->policy;
	for (uint32_t i = 0; i < policy->tenant_count; i++) {
		const struct text *parent = &docs[i]->parent;
		policy->tenants[i].parent = NO_TENANT;
		if (!str_present(parent->s))
			continue;
		uint32_t id = index_id(&policy->tenant_index.names, parent->s);
		if (id == INDEX_NONE)
			docs_report(c->report, c->docs, SEVERITY_ERROR, parent->at, "no Tenant is named \"%.*s\"%s",
				    STR_ARG(parent->s),
				    compile_reference_hint(c, parent->s, &policy->tenants[0].name, policy->tenant_count,
							   sizeof policy->tenants[0]));
		else
			policy->tenants[i].parent = id;
	}
	cut_cycles(c, docs);
}

/* The first Tenant that names a namespace, and where. */
struct claim {
	uint32_t tenant;
	struct location at;
};

static void report_claim(struct compile *c, const struct text *name, const struct claim *first, uint32_t tenant)
{
	if (first->tenant == tenant)
		docs_report(c->report, c->docs, SEVERITY_ERROR, name->at,
			    "namespace \"%.*s\" is listed already at %s; remove one", STR_ARG(name->s),
			    compile_where(c, first->at));
	else
		docs_report(
		    c->report, c->docs, SEVERITY_ERROR, name->at,
		    "namespace \"%.*s\" belongs to Tenant \"%.*s\" at %s; a namespace has one Tenant, so remove it "
		    "from one of the two",
		    STR_ARG(name->s), STR_ARG(c->policy->tenants[first->tenant].name), compile_where(c, first->at));
}

/* Adds a selector to the index in which the fewest nonmatching namespaces will find it. */
static void claim_selector(struct compile *c, const struct doc_selector *doc, const struct selector *selector,
			   uint32_t tenant, uint32_t *rest)
{
	struct tenant_index *index = &c->policy->tenant_index;
	c->policy->selects_namespaces |= selector->given;
	c->policy->reads_namespaces |= selector->given;
	if (doc->set && selector->count == 0)
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->at,
			    "an empty namespaceSelector claims every namespace; say which, or remove it");
	else if (!selector_possible(selector))
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->at,
			    "no namespace can ever match: what the selector requires of a label contradicts itself");
	else if (selector->given && doc->match_labels.count)
		index_add(&index->selectors, selector->items[0].key, selector->items[0].values.items[0], tenant);
	else if (selector->given)
		rest[index->rest_count++] = tenant;
}

static void compile_claims(struct compile *c, const struct doc_tenant **docs)
{
	struct policy *policy = c->policy;
	struct tenant_index *index = &policy->tenant_index;
	struct selector *selectors = compile_alloc(c, policy->tenant_count, sizeof *selectors);
	uint32_t *rest = compile_alloc(c, policy->tenant_count, sizeof *rest);
	uint32_t names = 0;
	for (uint32_t i = 0; i < policy->tenant_count; i++)
		names += docs[i]->namespaces.count;
	struct claim *claims = compile_scratch(c, names, sizeof *claims);
	uint32_t claim_count = 0;
	struct index seen;
	if (index_init(&seen, names, c->scratch) < 0 ||
	    glob_index_init(&index->namespaces, names, &policy->arena) < 0 ||
	    index_init(&index->selectors, policy->tenant_count, &policy->arena) < 0)
		longjmp(c->exhausted, 1);
	for (uint32_t i = 0; i < policy->tenant_count; i++) {
		for (uint32_t n = 0; n < docs[i]->namespaces.count; n++) {
			const struct text *name = &docs[i]->namespaces.items[n];
			uint32_t before = index_id(&seen, name->s);
			if (before != INDEX_NONE) {
				report_claim(c, name, &claims[before], i);
				continue;
			}
			struct str kept = compile_keep(c, name->s);
			index_add(&seen, kept, (struct str){NULL, 0}, claim_count);
			claims[claim_count++] = (struct claim){i, name->at};
			glob_index_add(&index->namespaces, kept, i);
		}
		selectors[i] = compile_selector(c, &docs[i]->namespace_selector);
		claim_selector(c, &docs[i]->namespace_selector, &selectors[i], i, rest);
		if (docs[i]->namespaces.count || selectors[i].count)
			for (uint32_t t = i; t != NO_TENANT && !policy->tenants[t].reachable;
			     t = policy->tenants[t].parent)
				policy->tenants[t].reachable = true;
	}
	index->rest = rest;
	policy->tenant_selectors = selectors;
}

void compile_tenants(struct compile *c)
{
	struct policy *policy = c->policy;
	const struct doc_tenant **docs =
	    (const struct doc_tenant **)compile_sorted(c, c->docs->tenants.items, c->docs->tenants.count,
						       sizeof(struct doc_tenant), offsetof(struct doc_tenant, name));
	c->tenants = docs;
	policy->tenant_count = c->docs->tenants.count;
	policy->tenants = compile_alloc(c, policy->tenant_count, sizeof *policy->tenants);
	if (index_init(&policy->tenant_index.names, policy->tenant_count, &policy->arena) < 0)
		longjmp(c->exhausted, 1);
	for (uint32_t i = 0; i < policy->tenant_count; i++) {
		enum enforcement own = (enum enforcement)docs[i]->enforcement.value;
		policy->tenants[i].name = compile_keep(c, docs[i]->name.s);
		policy->tenants[i].at = compile_document_ref(docs[i]->name.at);
		policy->tenants[i].enforcement = own > policy->enforcement ? own : policy->enforcement;
		policy->tenants[i].early_answer = (enum early_answer)docs[i]->early_answer.value;
		index_add(&policy->tenant_index.names, policy->tenants[i].name, (struct str){NULL, 0}, i);
	}
	compile_parents(c, docs);
	compile_claims(c, docs);
}

/* Reports a memory quota that counts a resource whose memory is unknown. */
static void check_memory_known(struct compile *c, const struct doc_quota *doc, const struct quota *quota)
{
	const struct policy *policy = c->policy;
	if (quota->measure != MEASURE_MEMORY)
		return;
	for (uint32_t r = 0; r < policy->resource_count; r++) {
		const struct resource *resource = &policy->resources[r];
		if (!quota_counts(c->policy, quota, resource))
			continue;
		for (uint32_t l = 0; l < resource->landing_count; l++) {
			uint32_t model = resource->landings[l].model;
			if (!quota_counts_model(quota, model) || resource->landings[l].memory != MEMORY_UNKNOWN ||
			    c->broken[model])
				continue;
			docs_report(
			    c->report, c->docs, SEVERITY_ERROR, doc->measure.at,
			    "the quota measures memory, but Accelerator \"%.*s\" does not say how much %.*s has; "
			    "give it "
			    "`memory`",
			    STR_ARG(policy->models[model].name), STR_ARG(resource->name));
			return;
		}
	}
}

static void compile_quota_models(struct compile *c, const struct doc_quota *doc, struct quota *quota)
{
	const struct policy *policy = c->policy;
	if (!doc->accelerators.set)
		return;
	uint32_t *models = compile_alloc(c, doc->accelerators.count, sizeof *models);
	for (uint32_t i = 0; i < doc->accelerators.count; i++) {
		const struct text *name = &doc->accelerators.items[i];
		uint32_t id = index_id(&policy->model_names, name->s);
		if (id != INDEX_NONE)
			models[quota->model_count++] = id;
		else
			docs_report(c->report, c->docs, SEVERITY_ERROR, name->at, "no Accelerator is named \"%.*s\"%s",
				    STR_ARG(name->s),
				    compile_reference_hint(c, name->s, &policy->models[0].name, policy->model_count,
							   sizeof policy->models[0]));
	}
	if (doc->accelerators.count == 0)
		docs_report(
		    c->report, c->docs, SEVERITY_ERROR, doc->accelerators.at,
		    "an empty list counts nothing; name Accelerators, or leave `accelerators` out to count all");
	quota->models = models;
}

/* Reports a quota whose models have none of its resources. It would silently limit nothing. */
static void check_counts_something(struct compile *c, const struct doc_quota *doc, const struct quota *quota)
{
	const struct policy *policy = c->policy;
	if (quota->any_resource || quota->model_count == 0)
		return;
	for (uint32_t r = 0; r < policy->resource_count; r++) {
		const struct resource *resource = &policy->resources[r];
		for (uint32_t l = 0; globs_match(&quota->resources, resource->name) && l < resource->landing_count; l++)
			if (quota_counts_model(quota, resource->landings[l].model))
				return;
	}
	docs_report(c->report, c->docs, SEVERITY_ERROR, doc->accelerators.at,
		    "the quota counts nothing: none of these Accelerators has a resource that `resources` names");
}

static void compile_quota(struct compile *c, const struct doc_quota *doc, struct quota *quota)
{
	quota->name = compile_keep(c, doc->name.s);
	quota->at = compile_document_ref(doc->name.at);
	quota->pool = NO_POOL;
	quota->measure = (enum measure)doc->measure.value;
	quota->any_resource = !doc->resources.set;
	bool known = true;
	for (uint32_t i = 0; i < doc->resources.count; i++)
		known &= compile_known_resource(c, &doc->resources.items[i], true);
	if (doc->resources.set && doc->resources.count == 0)
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->resources.at,
			    "an empty list counts nothing; name resources, or leave `resources` out to count all");
	quota->resources = (struct globs){compile_keep_all(c, &doc->resources), doc->resources.count};
	compile_quota_models(c, doc, quota);
	known &= compile_quota_names(c, doc, quota);
	if (known && quota->model_count == doc->accelerators.count)
		check_counts_something(c, doc, quota);
	quota->hard_text = compile_keep(c, doc->hard.text);
	quota->unlimited = doc->hard.unlimited;
	if (!quota->unlimited)
		quota->hard = compile_units(c, &doc->hard, quota);
	check_memory_known(c, doc, quota);
}

/* Sets the quotas of each tenant: its own and its ancestors'. */
static void compile_paths(struct compile *c, const uint32_t *first)
{
	struct policy *policy = c->policy;
	for (uint32_t i = 0; i < policy->tenant_count; i++) {
		uint32_t count = 0;
		for (uint32_t t = i; t != NO_TENANT; t = policy->tenants[t].parent)
			count += first[t + 1] - first[t];
		uint32_t *path = compile_alloc(c, count, sizeof *path);
		count = 0;
		for (uint32_t t = i; t != NO_TENANT; t = policy->tenants[t].parent)
			for (uint32_t q = first[t]; q < first[t + 1]; q++)
				path[count++] = q;
		for (uint32_t q = 0; q < count; q++)
			policy->tenants[i].counts_others |= policy->quotas[path[q]].names_others;
		policy->tenants[i].quotas = path;
		policy->tenants[i].quota_count = count;
		if (count > policy->path_quota_max)
			policy->path_quota_max = count;
	}
}

/* Builds the index that tells in one lookup whether some quota names a resource. */
static void index_names(struct compile *c)
{
	struct policy *policy = c->policy;
	struct str none = {NULL, 0};
	uint32_t count = 0;
	for (uint32_t q = 0; q < policy->quota_count; q++)
		count += policy->quotas[q].resources.count;
	if (index_init(&policy->named_resources, count, &policy->arena) < 0)
		longjmp(c->exhausted, 1);
	for (uint32_t q = 0; q < policy->quota_count; q++) {
		const struct globs *names = &policy->quotas[q].resources;
		for (uint32_t i = 0; i < names->count; i++)
			if (quota_names_resource(&policy->quotas[q], names->items[i]) &&
			    index_id(&policy->named_resources, names->items[i]) == INDEX_NONE)
				index_add(&policy->named_resources, names->items[i], none, q);
	}
}

void compile_quotas(struct compile *c)
{
	struct policy *policy = c->policy;
	const struct doc_tenant **docs = c->tenants;
	uint32_t *first = compile_scratch(c, (size_t)policy->tenant_count + 1, sizeof *first);
	uint32_t total = 0;
	for (uint32_t i = 0; i < policy->tenant_count; i++)
		total += docs[i]->quotas.count;
	struct quota *quotas = compile_alloc(c, total, sizeof *quotas);
	c->quotas = compile_scratch(c, total, sizeof *c->quotas);
	for (uint32_t i = 0; i < policy->tenant_count; i++) {
		const struct doc_quota **mine = (const struct doc_quota **)compile_sorted(
		    c, docs[i]->quotas.items, docs[i]->quotas.count, sizeof(struct doc_quota),
		    offsetof(struct doc_quota, name));
		first[i] = policy->quota_count;
		for (uint32_t q = 0; q < docs[i]->quotas.count; q++) {
			c->quotas[policy->quota_count] = mine[q];
			struct quota *quota = &quotas[policy->quota_count++];
			quota->tenant = i;
			compile_quota(c, mine[q], quota);
			if (q > 0 && str_eq(mine[q]->name.s, mine[q - 1]->name.s))
				docs_report(
				    c->report, c->docs, SEVERITY_ERROR, mine[q]->name.at,
				    "Tenant \"%.*s\" has a quota named \"%.*s\" already, at %s; give each its own name",
				    STR_ARG(policy->tenants[i].name), STR_ARG(quota->name),
				    compile_where(c, mine[q - 1]->name.at));
		}
	}
	first[policy->tenant_count] = policy->quota_count;
	policy->quotas = quotas;
	index_names(c);
	compile_paths(c, first);
}
