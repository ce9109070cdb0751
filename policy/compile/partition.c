/*
 * partition: determines which models of a resource are narrower than others, and reports models
 * whose nodes cannot be distinguished.
 */
#include "policy/compile/partition.h"

/* The relation between the nodes of two models of one resource. */
enum relation {
	RELATION_EXCLUSIVE, /* No node matches both. */
	RELATION_SAME,      /* They match the same nodes. */
	RELATION_WIDER,     /* Every node of the second also matches the first. */
	RELATION_NARROWER,  /* Every node of the first also matches the second. */
	RELATION_OVERLAP,   /* Some node could match both. */
};

static const struct pair *label_of(const struct model *model, struct str key)
{
	for (uint32_t i = 0; i < model->label_count; i++)
		if (str_eq(model->labels[i].key, key))
			return &model->labels[i];
	return NULL;
}

static bool is_without(const struct model *model, struct str key)
{
	for (uint32_t i = 0; i < model->without_count; i++)
		if (str_eq(model->without[i], key))
			return true;
	return false;
}

/* Whether `narrower` requires everything of its nodes that `wider` requires. */
static bool says_all(const struct model *narrower, const struct model *wider)
{
	for (uint32_t i = 0; i < wider->label_count; i++) {
		const struct pair *label = label_of(narrower, wider->labels[i].key);
		if (!label || !str_eq(label->value, wider->labels[i].value))
			return false;
	}
	for (uint32_t i = 0; i < wider->without_count; i++)
		if (!is_without(narrower, wider->without[i]))
			return false;
	return true;
}

static bool exclude_each_other(const struct model *a, const struct model *b)
{
	for (uint32_t i = 0; i < a->label_count; i++) {
		const struct pair *label = label_of(b, a->labels[i].key);
		if ((label && !str_eq(label->value, a->labels[i].value)) || is_without(b, a->labels[i].key))
			return true;
	}
	for (uint32_t i = 0; i < a->without_count; i++)
		if (label_of(b, a->without[i]))
			return true;
	return false;
}

static enum relation relation_of(const struct model *a, const struct model *b)
{
	if (exclude_each_other(a, b))
		return RELATION_EXCLUSIVE;
	bool narrower = says_all(a, b), wider = says_all(b, a);
	return narrower && wider ? RELATION_SAME
	       : narrower        ? RELATION_NARROWER
	       : wider           ? RELATION_WIDER
				 : RELATION_OVERLAP;
}

static struct location labels_at(const struct compile *c, uint32_t model)
{
	const struct doc_accelerator *doc = c->accelerators[model];
	return doc->node_labels.set ? doc->node_labels.at : doc->at;
}

static void report_same(struct compile *c, const struct resource *resource, uint32_t model, uint32_t other)
{
	const struct model *m = &c->policy->models[model], *o = &c->policy->models[other];
	COMPILE_LINT(
	    c, LINT_SAME_NODE_LABELS, labels_at(c, model),
	    "Accelerators \"%.*s\" and \"%.*s\" (%s) both have %.*s and %s, so no node can be known to be of one "
	    "and not of the other; give each nodeLabels of its own",
	    STR_ARG(m->name), STR_ARG(o->name), compile_where(c, labels_at(c, other)), STR_ARG(resource->name),
	    m->label_count ? "the same nodeLabels" : "no nodeLabels");
}

/*
 * Returns a label key that the narrower model requires and the wider one does not, or an absent
 * str.
 */
static struct str telling_key(const struct model *wider, const struct model *narrower)
{
	for (uint32_t i = 0; i < narrower->label_count; i++)
		if (!label_of(wider, narrower->labels[i].key))
			return narrower->labels[i].key;
	return (struct str){NULL, 0};
}

static void report_wider(struct compile *c, uint32_t wider, uint32_t narrower)
{
	const struct model *w = &c->policy->models[wider], *n = &c->policy->models[narrower];
	struct str key = telling_key(w, n);
	if (!str_present(key))
		/* They differ in withoutNodeLabels, so the policy already says which is meant. */
		return;
	COMPILE_LINT(
	    c, LINT_MODEL_OVERLAP, labels_at(c, wider),
	    "a node with the nodeLabels of \"%.*s\" (%s) is of that model, although %s \"%.*s\" as well; if that is "
	    "what you mean, say so with `withoutNodeLabels: [%.*s]` in \"%.*s\"",
	    STR_ARG(n->name), compile_where(c, labels_at(c, narrower)),
	    w->label_count ? "its labels match those of" : "any node matches", STR_ARG(w->name), STR_ARG(key),
	    STR_ARG(w->name));
}

static void report_overlap(struct compile *c, uint32_t model, uint32_t other)
{
	const struct model *m = &c->policy->models[model], *o = &c->policy->models[other];
	COMPILE_LINT(
	    c, LINT_MODEL_OVERLAP, labels_at(c, model),
	    "nothing keeps a node from matching both \"%.*s\" and \"%.*s\" (%s), since no label key has different "
	    "values in the two: a Pod "
	    "that could land on both counts as the more expensive one; give both Accelerators a value of the "
	    "same label key",
	    STR_ARG(m->name), STR_ARG(o->name), compile_where(c, labels_at(c, other)));
}

/*
 * Bits of `reported`. Each model gets at most one error and one warning, each with the first other
 * model. If hundreds of models share a mistake, a report of all pairs would not be useful.
 */
enum { REPORTED_WARNING = 1, REPORTED_ERROR = 2 };

static void report_pair(struct compile *c, const struct resource *resource, uint32_t a, uint32_t b,
			enum relation relation, uint8_t *reported)
{
	uint32_t at = relation == RELATION_NARROWER ? b : a, other = at == a ? b : a;
	uint8_t bit = relation == RELATION_SAME ? REPORTED_ERROR : REPORTED_WARNING;
	if (relation == RELATION_EXCLUSIVE || reported[at] & bit)
		return;
	reported[at] |= bit;
	if (relation == RELATION_SAME)
		report_same(c, resource, at, other);
	else if (relation == RELATION_OVERLAP)
		report_overlap(c, at, other);
	else
		report_wider(c, at, other);
}

static void find_narrower(struct compile *c, const struct resource *resource, struct landing *landing,
			  uint8_t *reported)
{
	const struct model *models = c->policy->models;
	uint32_t *narrower = compile_scratch(c, resource->landing_count, sizeof *narrower);
	for (uint32_t l = 0; l < resource->landing_count; l++) {
		uint32_t other = resource->landings[l].model;
		if (other == landing->model)
			continue;
		enum relation relation = relation_of(&models[landing->model], &models[other]);
		if (relation == RELATION_WIDER)
			narrower[landing->narrower_count++] = l;
		/* Models are sorted by name; the later one is reported. */
		if (other < landing->model)
			report_pair(c, resource, landing->model, other, relation, reported);
	}
	uint32_t *kept = compile_alloc(c, landing->narrower_count, sizeof *kept);
	if (landing->narrower_count)
		memcpy(kept, narrower, landing->narrower_count * sizeof *kept);
	landing->narrower = kept;
}

static void check_without(struct compile *c, uint32_t model)
{
	const struct model *m = &c->policy->models[model];
	const struct texts *keys = &c->accelerators[model]->without_node_labels;
	for (uint32_t i = 0; i < keys->count; i++)
		if (label_of(m, keys->items[i].s))
			docs_report(
			    c->report, c->docs, SEVERITY_ERROR, keys->items[i].at,
			    "no node can be of this model: nodeLabels demands the label \"%.*s\" and withoutNodeLabels "
			    "forbids it; keep one of the two",
			    STR_ARG(keys->items[i].s));
}

void compile_partition(struct compile *c, struct landing *landings)
{
	const struct policy *policy = c->policy;
	uint8_t *reported = compile_scratch(c, policy->model_count, sizeof *reported);
	for (uint32_t m = 0; m < policy->model_count; m++)
		check_without(c, m);
	for (uint32_t r = 0; r < policy->resource_count; r++)
		for (uint32_t l = 0; l < policy->resources[r].landing_count; l++)
			find_narrower(c, &policy->resources[r], landings++, reported);
}
