/* warn_fleet: warns about Accelerators, and about what Rules require of their nodes. */
#include "gpugate/suggest.h"
#include "policy/compile/warn.h"
#include "policy/compile/warn_context.h"
#include "policy/model/catalog.h"

static struct str domain_of(struct str name)
{
	const char *slash = name.len ? memchr(name.ptr, '/', name.len) : NULL;
	return (struct str){name.ptr, slash ? (size_t)(slash - name.ptr) + 1 : 0};
}

/*
 * Allows a deviation of a tenth, because the memory that vendors state and the memory that
 * nvidia-smi shows differ by a few percent.
 */
static void warn_memory(struct compile *c, const struct doc_accelerator *doc)
{
	const struct catalog_model *known =
	    catalog_model(str_present(doc->mig.model.s) ? doc->mig.model.s : doc->name.s);
	if (!doc->memory.set || !known || !known->gib)
		return;
	wide bytes = doc->memory.value.nano / QUANTITY_SCALE, table = (wide)known->gib << 30;
	wide apart = bytes > table ? bytes - table : table - bytes;
	if (apart * 10 > table)
		COMPILE_LINT(c, LINT_MEMORY_DIFFERS, doc->memory.at,
			     "\"%.*s\" is not what the built-in table has for %.*s, which is %uGi; correct it, or "
			     "leave `memory` "
			     "out where `mig` is given",
			     STR_ARG(doc->memory.text), STR_ARG(known->name), known->gib);
}

static void warn_label(struct compile *c, const struct text *key)
{
	struct str near = catalog_near_label(key->s);
	if (str_present(near))
		COMPILE_LINT(c, LINT_LABEL_MISSPELLED, key->at,
			     "no known tool sets the node label \"%.*s\"; did you mean \"%.*s\"?", STR_ARG(key->s),
			     STR_ARG(near));
}

static void warn_labels(struct compile *c, const struct text_map *labels)
{
	for (uint32_t i = 0; i < labels->count; i++)
		warn_label(c, &labels->items[i].key);
}

/* --- Node selectors that no Accelerator's nodes have --- */

/* Returns the value of the model's label with that key, or an absent str. */
static struct str label_value(const struct model *model, struct str key)
{
	for (uint32_t i = 0; i < model->label_count; i++)
		if (str_eq(model->labels[i].key, key))
			return model->labels[i].value;
	return (struct str){NULL, 0};
}

static bool lacks(const struct model *model, struct str key)
{
	for (uint32_t i = 0; i < model->without_count; i++)
		if (str_eq(model->without[i], key))
			return true;
	return false;
}

/*
 * Whether a model with the same resource has a label with that key, so that the label distinguishes
 * models of the resource.
 */
static bool is_told_by(const struct policy *policy, const struct model *model, struct str key)
{
	for (uint32_t m = 0; m < policy->model_count; m++)
		if (str_eq(policy->models[m].resource, model->resource) && label_value(&policy->models[m], key).ptr)
			return true;
	return false;
}

/*
 * Returns a model that has another value for the selector's key, if no model's nodes could have the
 * selector's value. Returns NULL if some could, if no model has the key, or if the work is used up.
 */
static const struct model *contradicting(const struct policy *policy, const struct pair *selector, uint64_t *work)
{
	const struct model *found = NULL;
	for (uint32_t m = 0; m < policy->model_count; m++) {
		struct str value = label_value(&policy->models[m], selector->key);
		if ((value.ptr && str_eq(value, selector->value)) ||
		    !warn_spend(work, 1 + policy->models[m].label_count))
			return NULL;
		if (value.ptr && !found)
			found = &policy->models[m];
	}
	for (uint32_t m = 0; m < policy->model_count && found; m++) {
		const struct model *model = &policy->models[m];
		bool may_have = !label_value(model, selector->key).ptr && !lacks(model, selector->key);
		if (may_have && (!warn_spend(work, policy->model_count) || is_told_by(policy, model, selector->key)))
			return NULL;
	}
	return found;
}

/* Returns the similar value of some model's label, or an absent str. */
static struct str near_value(struct compile *c, const struct pair *selector)
{
	const struct policy *policy = c->policy;
	for (uint32_t m = 0; m < policy->model_count; m++) {
		struct str value = label_value(&policy->models[m], selector->key);
		if (value.ptr &&
		    str_present(suggest_word_within(selector->value, &value, 1, sizeof value, &c->suggest_work)))
			return value;
	}
	return (struct str){NULL, 0};
}

static void warn_selector(struct compile *c, const struct rule *rule, const struct pair *selector, struct location at,
			  uint64_t *work)
{
	const struct policy *policy = c->policy;
	const struct model *other = contradicting(policy, selector, work);
	if (!other)
		return;
	/* Such labels may also place Pods that use no accelerators. */
	if (!rule->request_count && !rule->rewrite_count &&
	    !str_eq(domain_of(selector->key), domain_of(other->resource)))
		return;
	struct str near = near_value(c, selector);
	struct location theirs = c->accelerators[other - policy->models]->node_labels.at;
	if (str_present(near))
		COMPILE_LINT(c, LINT_NODE_SELECTOR_UNKNOWN, at,
			     "no Accelerator's nodes have %.*s=%.*s; did you mean \"%.*s\"?", STR_ARG(selector->key),
			     STR_ARG(selector->value), STR_ARG(near));
	else
		COMPILE_LINT(c, LINT_NODE_SELECTOR_UNKNOWN, at,
			     "no Accelerator's nodes have %.*s=%.*s; those of \"%.*s\" (%s) have %.*s",
			     STR_ARG(selector->key), STR_ARG(selector->value), STR_ARG(other->name),
			     compile_where(c, theirs), STR_ARG(label_value(other, selector->key)));
}

void compile_fleet_warnings(struct compile *c)
{
	const struct policy *policy = c->policy;
	uint64_t work = WARN_WORK_MAX;
	struct index names;
	warn_rule_names(c, &names);
	for (uint32_t m = 0; m < policy->model_count; m++) {
		const struct doc_accelerator *doc = c->accelerators[m];
		warn_memory(c, doc);
		warn_labels(c, &doc->node_labels);
		for (uint32_t i = 0; i < doc->without_node_labels.count; i++)
			warn_label(c, &doc->without_node_labels.items[i]);
	}
	for (uint32_t r = 0; r < policy->rule_count; r++) {
		const struct rule *rule = &policy->rules[r];
		const struct text_map *selectors = &warn_rule(c, &names, r)->inject.node_selector;
		warn_labels(c, selectors);
		for (uint32_t i = 0; i < rule->node_selector_count; i++)
			warn_selector(c, rule, &rule->node_selector[i], selectors->items[i].value.at, &work);
	}
}
