/* rule: compiles Rules: what they change, and the index that finds them. */
#include <stdlib.h>

#include "policy/base/glob.h"
#include "policy/base/mig_profile.h"
#include "policy/compile/amount.h"
#include "policy/compile/chain.h"
#include "policy/compile/names.h"
#include "policy/compile/pin.h"
#include "policy/compile/reference.h"
#include "policy/compile/rule_match.h"
#include "policy/compile/steps.h"
#include "policy/model/catalog.h"

static void compile_memory_from(struct compile *c, const struct text *from, struct rewrite *rewrite)
{
	static const struct {
		struct str prefix;
		bool label;
	} sources[] = {{{"annotation:", 11}, false}, {{"label:", 6}, true}};
	if (!str_present(from->s))
		return;
	for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
		if (!str_starts(from->s, sources[i].prefix) || from->s.len == sources[i].prefix.len)
			continue;
		rewrite->from_label = sources[i].label;
		rewrite->memory_key = compile_keep(c, str_tail(from->s, sources[i].prefix.len));
		return;
	}
	docs_report(c->report, c->docs, SEVERITY_ERROR, from->at,
		    "\"%.*s\" does not say where; write annotation:KEY or label:KEY", STR_ARG(from->s));
}

/*
 * Sets the default memory. Some offered profile must have at least that much, and at least one must
 * be selectable by memory.
 */
static void compile_default(struct compile *c, const struct doc_to_mig *doc, const struct model *model,
			    struct rewrite *rewrite)
{
	int64_t largest = 0;
	for (uint32_t i = 0; i < model->profile_count; i++)
		if (mig_profile_plain(model->profiles[i].name) && model->profiles[i].memory > largest)
			largest = model->profiles[i].memory;
	if (largest == 0)
		docs_report(
		    c->report, c->docs, SEVERITY_ERROR, doc->accelerator.at,
		    "all profiles that \"%.*s\" offers have a suffix, and such are never chosen by memory; offer a "
		    "plain one, or rewrite with `to`",
		    STR_ARG(model->name));
	if (largest == 0 || !doc->default_memory.set || !compile_memory_unit(c, &doc->default_memory))
		return;
	wide bytes = compile_scale(doc->default_memory.value.nano, 1);
	if (bytes < 1 || bytes > largest)
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->default_memory.at,
			    "no offered profile of \"%.*s\" has %.*s; the largest has %lldGi", STR_ARG(model->name),
			    STR_ARG(doc->default_memory.text), (long long)(largest >> 30));
	else
		rewrite->default_memory = (int64_t)bytes;
}

static void compile_to_mig(struct compile *c, const struct doc_to_mig *doc, struct rewrite *rewrite)
{
	const struct policy *policy = c->policy;
	rewrite->pin = doc->pin.value;
	compile_memory_from(c, &doc->memory_from, rewrite);
	if (!doc->memory_from.s.ptr && !doc->default_memory.set)
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->at,
			    "nothing says how much memory to choose a profile by; give memoryFrom, default, or both");
	rewrite->model = index_id(&policy->model_names, doc->accelerator.s);
	if (rewrite->model == INDEX_NONE) {
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->accelerator.at,
			    "no Accelerator is named \"%.*s\"%s", STR_ARG(doc->accelerator.s),
			    compile_reference_hint(c, doc->accelerator.s, &policy->models[0].name, policy->model_count,
						   sizeof policy->models[0]));
		return;
	}
	const struct model *model = &policy->models[rewrite->model];
	if (c->broken[rewrite->model])
		/* It is not known what the model offers. */
		return;
	if (model->profile_count == 0 || model->strategy == MIG_SINGLE) {
		docs_report(
		    c->report, c->docs, SEVERITY_ERROR, doc->accelerator.at,
		    model->strategy == MIG_SINGLE
			? "with `strategy: single` the slices of \"%.*s\" have no names of their own to rewrite to"
			: "Accelerator \"%.*s\" offers no MIG profile; give it `mig`",
		    STR_ARG(model->name));
		return;
	}
	if (doc->pin.value && model->label_count == 0)
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->pin.at,
			    "there is nothing to pin to: Accelerator \"%.*s\" has no nodeLabels", STR_ARG(model->name));
	if (doc->pin.value)
		compile_pin(c, doc, model);
	compile_default(c, doc, model, rewrite);
}

/* Whether claims of a class of the model give what the resource is there. */
static bool has_class(const struct model *model, const struct resource *resource)
{
	for (uint32_t i = 0; i < model->class_count; i++)
		if (str_eq(model->classes[i].name, resource->name) ||
		    snapshot_is_class_of(&model->classes[i], resource))
			return true;
	return false;
}

/*
 * Claims are charged by their device class. So every Accelerator that has what a Pod requests now
 * must list one, or the devices would be free of charge.
 */
static void check_classes(struct compile *c, const struct doc_rewrite *doc)
{
	const struct policy *policy = c->policy;
	const struct resource *resource = snapshot_resource(policy, doc->from.s);
	if (snapshot_role(policy, doc->from.s) == ROLE_COMPANION)
		return; /* Reported for every kind of target. */
	if (!resource) {
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->from.at,
			    "no Accelerator has \"%.*s\", so that nothing says what claims instead of it cost; add the "
			    "Accelerator, with its deviceClasses",
			    STR_ARG(doc->from.s));
		return;
	}
	for (uint32_t i = 0; i < resource->landing_count; i++) {
		uint32_t m = resource->landings[i].model;
		if (c->broken[m] || has_class(&policy->models[m], resource))
			continue;
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->to_claim.at,
			    "Accelerator \"%.*s\" (%s) has \"%.*s\" too, and lists no device class of it, so that "
			    "claims instead of it are not counted as such; list the class in its `%s`",
			    STR_ARG(policy->models[m].name), compile_where(c, c->accelerators[m]->name.at),
			    STR_ARG(doc->from.s), resource->slice ? "mig.deviceClasses" : "deviceClasses");
	}
}

static void compile_to_claim(struct compile *c, const struct doc_rewrite *doc, bool known, struct rewrite *rewrite)
{
	rewrite->template = compile_keep(c, doc->to_claim.template.s);
	rewrite->claim_count = doc->to_claim.count.value;
	if (doc->max_per_container.set)
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->max_per_container.at,
			    "with `toClaim`, only `count` says what a container may ask for; remove maxPerContainer");
	if (known)
		check_classes(c, doc);
}

/* Whether one unit of the resource is a part of a device: a MIG slice or a share. */
static bool is_part(const struct policy *policy, struct str name)
{
	const struct resource *resource = snapshot_resource(policy, name);
	enum role role = snapshot_role(policy, name);
	bool part = role == ROLE_SLICE || role == ROLE_SHARE;
	for (uint32_t i = 0; resource && i < resource->landing_count; i++)
		part |= resource->landings[i].shared;
	return part;
}

static void compile_rewrite(struct compile *c, const struct doc_rewrite *doc, struct rewrite *rewrite)
{
	rewrite->from = compile_keep(c, doc->from.s);
	rewrite->model = NO_MODEL;
	rewrite->to_part = doc->to_mig.set || (str_present(doc->to.s) && is_part(c->policy, doc->to.s));
	rewrite->max_per_container = rewrite->to_part ? 1 : INT64_MAX;
	if (doc->max_per_container.set)
		rewrite->max_per_container = doc->max_per_container.value;
	bool known = compile_known_resource(c, &doc->from, false);
	int targets = str_present(doc->to.s) + doc->to_mig.set + doc->to_claim.set;
	if (targets != 1) {
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->at,
			    targets ? "`to`, `toMig` and `toClaim` exclude each other; keep one"
				    : "nothing to rewrite to; give `to`, `toMig` or `toClaim`");
		return;
	}
	if (doc->to_claim.set) {
		compile_to_claim(c, doc, known, rewrite);
		return;
	}
	if (doc->to_mig.set) {
		compile_to_mig(c, &doc->to_mig, rewrite);
		return;
	}
	rewrite->to = compile_keep(c, doc->to.s);
	compile_known_resource(c, &doc->to, false);
}

static void compile_inject(struct compile *c, const struct doc_inject *doc, struct rule *rule)
{
	static const struct str effects[] = {[EFFECT_NO_SCHEDULE] = {"NoSchedule", 10},
					     [EFFECT_PREFER_NO_SCHEDULE] = {"PreferNoSchedule", 16},
					     [EFFECT_NO_EXECUTE] = {"NoExecute", 9}};
	rule->node_selector = compile_keep_map(c, &doc->node_selector);
	rule->node_selector_count = doc->node_selector.count;
	rule->runtime_class = compile_keep(c, doc->runtime_class.s);
	struct toleration *tolerations = compile_alloc(c, doc->tolerations.count, sizeof *tolerations);
	for (uint32_t i = 0; i < doc->tolerations.count; i++) {
		const struct doc_toleration *t = &doc->tolerations.items[i];
		bool exists = t->op.value == TOLERATION_EXISTS;
		tolerations[i] = (struct toleration){.key = compile_keep(c, t->key.s),
						     .op = exists ? STR("Exists") : STR("Equal"),
						     .value = compile_keep(c, t->value.s)};
		if (t->effect.set)
			tolerations[i].effect = effects[t->effect.value];
		if (t->seconds.set) {
			char text[24];
			int len = snprintf(text, sizeof text, "%lld", (long long)t->seconds.value);
			tolerations[i].seconds = compile_keep(c, (struct str){text, (size_t)len});
		}
		if (exists && t->value.s.len)
			docs_report(c->report, c->docs, SEVERITY_ERROR, t->value.at,
				    "a toleration with operator Exists has no value; Kubernetes refuses it");
		if (!exists && !t->key.s.len)
			docs_report(
			    c->report, c->docs, SEVERITY_ERROR, t->at,
			    "a toleration without a key needs operator Exists; Kubernetes refuses it otherwise");
	}
	rule->tolerations = tolerations;
	rule->toleration_count = doc->tolerations.count;
}

/* Reports a Rule that chooses an Accelerator's profiles, but sends its Pods to other nodes. */
static void check_places(struct compile *c, const struct doc_rule *doc, const struct rule *rule)
{
	for (uint32_t w = 0; w < rule->rewrite_count; w++) {
		if (rule->rewrites[w].model == NO_MODEL)
			continue;
		const struct model *model = &c->policy->models[rule->rewrites[w].model];
		struct location labels_at = c->accelerators[rule->rewrites[w].model]->node_labels.at;
		for (uint32_t i = 0; i < rule->node_selector_count; i++)
			for (uint32_t k = 0; k < model->label_count; k++)
				if (str_eq(rule->node_selector[i].key, model->labels[k].key) &&
				    !str_eq(rule->node_selector[i].value, model->labels[k].value))
					docs_report(
					    c->report, c->docs, SEVERITY_ERROR,
					    doc->inject.node_selector.items[i].value.at,
					    "no Pod can ever land there: the nodes of Accelerator \"%.*s\" (%s), whose "
					    "profiles the Rule chooses, have %.*s=%.*s",
					    STR_ARG(model->name), compile_where(c, labels_at),
					    STR_ARG(model->labels[k].key), STR_ARG(model->labels[k].value));
	}
}

static void compile_gangs(struct compile *c, const struct doc_rule *doc, struct rule *rule)
{
	if (doc->gangs.set)
		rule->gang_seconds = (uint32_t)doc->gang_seconds.value;
	else if (doc->gang_seconds.set)
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->gang_seconds.at,
			    "the Rule decides no groups, so that nothing is reserved; add `gangs: allOrNothing`, or "
			    "remove gangSeconds");
	c->policy->has_gangs |= rule_decides_groups(rule);
	c->policy->may_have_gangs |= rule->gang_seconds > 0 && doc->enforcement.value == ENFORCEMENT_DENY;
}

static void compile_rule(struct compile *c, const struct doc_rule *doc, struct rule *rule)
{
	rule->name = compile_keep(c, doc->name.s);
	rule->at = compile_document_ref(doc->name.at);
	rule->order = doc->order.value;
	rule->on_conflict = (enum on_conflict)doc->on_conflict.value;
	rule->required = doc->required.value;
	rule->enforcement = (enum enforcement)doc->enforcement.value;
	if (rule->enforcement < c->policy->enforcement)
		rule->enforcement = c->policy->enforcement;
	compile_match(c, &doc->match, rule);
	struct rewrite *rewrites = compile_alloc(c, doc->rewrite.count, sizeof *rewrites);
	for (uint32_t i = 0; i < doc->rewrite.count; i++) {
		compile_rewrite(c, &doc->rewrite.items[i], &rewrites[i]);
		for (uint32_t k = 0; k < i; k++)
			if (str_eq(rewrites[k].from, rewrites[i].from))
				docs_report(c->report, c->docs, SEVERITY_ERROR, doc->rewrite.items[i].from.at,
					    "the Rule rewrites \"%.*s\" already at %s; only the first could ever act",
					    STR_ARG(rewrites[i].from), compile_where(c, doc->rewrite.items[k].from.at));
	}
	rule->rewrites = rewrites;
	rule->rewrite_count = doc->rewrite.count;
	compile_inject(c, &doc->inject, rule);
	check_places(c, doc, rule);
	compile_gangs(c, doc, rule);
	if (!rule_changes(rule) && rule->gang_seconds == 0)
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->at,
			    "the Rule changes nothing; give it `rewrite`, `inject` or `gangs`");
}

/* Adds a Rule to the index in which the fewest nonmatching Pods will find it. */
static void index_rule(struct policy *policy, const struct rule *rule, uint32_t id, uint32_t *rest)
{
	struct rule_index *index = &policy->rule_index;
	struct str none = {NULL, 0};
	bool all_exact = !rule->any_namespace;
	for (uint32_t i = 0; i < rule->namespaces.count; i++)
		all_exact &= glob_is_exact(rule->namespaces.items[i]);
	if (all_exact || (!rule->any_namespace && rule->any_tenant)) {
		for (uint32_t i = 0; i < rule->namespaces.count; i++)
			glob_index_add(&index->namespaces, rule->namespaces.items[i], id);
	} else if (!rule->any_tenant) {
		for (uint32_t i = 0; i < rule->tenant_count; i++)
			index_add(&index->tenants, policy->tenants[rule->tenants[i]].name, none, id);
	} else if (rule->pod_selector.count && rule->pod_selector.items[0].op == SELECTOR_IN) {
		const struct requirement *first = &rule->pod_selector.items[0];
		for (uint32_t i = 0; i < first->values.count; i++)
			index_add(&index->pod_labels, first->key, first->values.items[i], id);
	} else if (rule->request_count) {
		index_add(&index->requests, rule->requests[0].resource, none, id);
	} else {
		rest[index->rest_count++] = id;
	}
}

static void index_rules(struct compile *c)
{
	struct policy *policy = c->policy;
	struct rule_index *index = &policy->rule_index;
	uint32_t namespaces = 0, tenants = 0, labels = 0, rewrites = 0;
	for (uint32_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];
		namespaces += rule->namespaces.count;
		tenants += rule->tenant_count;
		rewrites += rule->rewrite_count;
		labels += rule->pod_selector.count ? rule->pod_selector.items[0].values.count : 0;
	}
	uint32_t *rest = compile_alloc(c, policy->rule_count, sizeof *rest);
	if (glob_index_init(&index->namespaces, namespaces, &policy->arena) < 0 ||
	    index_init(&index->tenants, tenants, &policy->arena) < 0 ||
	    index_init(&index->pod_labels, labels, &policy->arena) < 0 ||
	    index_init(&index->requests, policy->rule_count, &policy->arena) < 0 ||
	    index_init(&index->rewrites, rewrites, &policy->arena) < 0)
		longjmp(c->exhausted, 1);
	for (uint32_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];
		index_rule(policy, rule, i, rest);
		for (uint32_t w = 0; w < rule->rewrite_count; w++)
			index_add(&index->rewrites, rule->rewrites[w].from, (struct str){NULL, 0}, i);
	}
	index->rest = rest;
}

struct ordered {
	const struct doc_rule *doc;
	uint32_t rank; /* Position in the order of names. */
};

static int rule_order(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;
	int64_t p = x->doc->order.value, q = y->doc->order.value;
	if (p != q)
		return p < q ? -1 : 1;
	return (x->rank > y->rank) - (x->rank < y->rank);
}

void compile_rules(struct compile *c)
{
	struct policy *policy = c->policy;
	uint32_t count = c->docs->rules.count;
	const struct doc_rule **docs = (const struct doc_rule **)compile_sorted(
	    c, c->docs->rules.items, count, sizeof(struct doc_rule), offsetof(struct doc_rule, name));
	struct ordered *ordered = compile_scratch(c, count, sizeof *ordered);
	for (uint32_t i = 0; i < count; i++)
		ordered[i] = (struct ordered){docs[i], i};
	if (count)
		qsort(ordered, count, sizeof *ordered, rule_order);
	struct rule *rules = compile_alloc(c, count, sizeof *rules);
	for (uint32_t i = 0; i < count; i++) {
		docs[i] = ordered[i].doc;
		compile_rule(c, docs[i], &rules[i]);
	}
	policy->rules = rules;
	policy->rule_count = count;
	index_rules(c);
	if (c->report->errors == 0)
		compile_chains(c, docs);
}
